"""The pictures show what was computed: read back from the artists, not from the eye."""

from dataclasses import replace
from functools import partial
from io import BytesIO
from itertools import combinations
from math import pi
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from dfbdesign import plots
from dfbdesign.device import (
    Device,
    GainFilm,
    Grating,
    Layer,
    Lines,
    Pump,
    Target,
    changed,
)
from dfbdesign.fdtd import Extrapolated
from dfbdesign.gain.film import resolve_film
from dfbdesign.gain.pump import dots_per_area, fluence_for_excitons
from dfbdesign.lasers.laser import laser
from dfbdesign.layout.chip import device_layout
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import cm, deg, nm, uJ, um
from dfbdesign.verification.certificate import Comparison

DEVICE = Device(
    name="test",
    substrate=1.746,
    superstrate=1.0,
    layers=[
        Layer(
            thickness=50 * nm,
            material=2.53,
            gain=True,
            lines=Lines(material=2.30, duty=0.3),
        ),
        Layer(thickness=160 * nm, material=2.53, gain=True),
    ],
    grating=Grating(period=865 * nm, length=300 * um, width=300 * um),
    target=Target(wavelength=1670 * nm),
    film=GainFilm(preset="taghipour2023-doped"),
    pump=Pump(wavelength=1030 * nm),
)


@pytest.fixture
def axes():
    return Figure(layout="constrained").add_subplot()


@pytest.fixture(scope="module")
def edges():
    return modes(DEVICE)


@pytest.fixture(scope="module")
def solved():
    return laser(DEVICE)


@pytest.fixture(scope="module")
def gds(tmp_path_factory):
    return device_layout(DEVICE, tmp_path_factory.mktemp("layout") / "one.gds").files[0]


COMPARISONS = (
    Comparison("bright", "wavelength", 1.6682, 0.0, Extrapolated(1.66821, 1.2e-5), 3.3e-5),
    Comparison("bright", "quality factor", 6700.0, 10.0, Extrapolated(6800.0, 20.0), 35.0),
    Comparison("dark", "quality factor", np.inf, 0.0, Extrapolated(np.inf, 0.0), np.inf),
)


def test_coupled_bands_meet_both_band_edges_where_the_wavevector_is_zero(edges):
    lower, upper = plots.coupled_bands(edges, np.zeros(1))
    assert lower[0] == pytest.approx(edges.modes[0].wavelength, rel=1e-14)
    assert upper[0] == pytest.approx(edges.modes[1].wavelength, rel=1e-14)


def test_coupled_bands_leave_the_rigorous_ones_as_the_square_of_the_wavevector():
    edges = modes(DEVICE, accuracy=1e-8)
    wavevectors = np.array([0.012, 0.006, 0.003])  # 2π/period
    gaps = []
    for q in wavevectors:
        rigorous = [mode.wavelength for mode in modes(DEVICE, q, accuracy=1e-8).modes]
        coupled = plots.coupled_bands(edges, np.array(q * 2 * pi / (865 * nm)))
        gaps.append(np.abs(np.array(rigorous) - coupled).max())
    assert gaps[0] < 0.03 * nm  # of a band that has moved by 15 nm
    assert np.polyfit(np.log(wavevectors), np.log(gaps), 1)[0] == pytest.approx(2, abs=0.05)


def test_bands_show_every_mode_on_both_sides_and_the_band_edges_in_their_colours(axes, edges):
    others = [modes(DEVICE, -0.002), modes(DEVICE, -0.004)]
    plots.bands(axes, [edges, *others], DEVICE.target.wavelength)
    drawn = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
    points = {(round(x, 9), round(y, 6)) for x, y in drawn["unit cell"]}
    assert points == {
        (side * -cell.wavevector, round(mode.wavelength / nm, 6))
        for cell in others
        for mode in cell.modes
        for side in (-1, 1)
    }
    for mode in edges.modes:
        label = f"{mode.label}, {mode.wavelength / nm:.2f} nm"
        assert drawn[label].tolist() == [[0, mode.wavelength / nm]]
    assert axes.get_ylim()[0] < min(y for _, y in points) < axes.get_ylim()[1]


def test_the_cross_section_is_to_scale_and_its_lines_keep_their_area(axes, edges):
    slanted = changed(DEVICE, {"layers.0.lines.sidewall": 60 * deg})
    mode = edges.modes[0]  # of upright lines; only the outlines are looked at here
    plots.stack(axes, replace(mode, device=slanted))
    assert axes.get_aspect() == 1  # equal
    outlines = [patch.get_xy()[:4] for patch in axes.patches]
    assert len(outlines) == 2
    for centre, corners in zip((0, 865), outlines, strict=True):
        x, z = corners.T
        area = abs(x @ np.roll(z, 1) - z @ np.roll(x, 1)) / 2
        assert area == pytest.approx(0.3 * 865 * 50)  # whatever the side walls
        assert x.mean() == pytest.approx(centre, abs=1e-9)
        assert (z.min(), z.max()) == pytest.approx((0, 50))
        bottom, top = np.ptp(x[z == z.min()]), np.ptp(x[z == z.max()])
        assert bottom - top == pytest.approx(2 * 50 / np.tan(np.radians(60)))


def test_the_intensity_of_the_dark_mode_vanishes_on_the_lines_and_the_bright_one_does_not(edges):
    for mode in edges.modes:
        axes = Figure().add_subplot()
        plots.stack(axes, mode)
        image = axes.images[0]
        intensity, (left, right, _, _) = np.asarray(image.get_array()), image.get_extent()
        x = left + (np.arange(320) + 0.5) * (right - left) / 320
        on_line = intensity[:, np.abs(x).argmin()].max()
        assert intensity.max() == pytest.approx(1)
        assert (on_line < 1e-3) == (mode.label == "dark")
        assert intensity[:, ::-1] == pytest.approx(intensity, abs=1e-9)  # mirror of two periods


def test_the_names_of_many_thin_layers_do_not_touch():
    layers = [Layer(thickness=8 * nm, material=2.0 + 0.1 * i) for i in range(4)]
    device = changed(DEVICE, {"layers": (DEVICE.layers[0], *layers, DEVICE.layers[1])})
    drawn = []
    plots.picture(lambda axes: drawn.append(plots.stack(axes, modes(device).modes[0])), 5.2, 2.8)
    drawn[0].figure.draw_without_rendering()  # at the resolution its texts are measured in
    boxes = [Text.get_window_extent(text) for text in drawn[0].texts]  # without their leaders
    assert len(boxes) == 8
    for one, other in combinations(boxes, 2):
        assert min(one.y1, other.y1) <= max(one.y0, other.y0)


def test_stems_are_the_threshold_gains_and_the_ring_is_on_the_lowest(axes, solved):
    plots.threshold_modes(axes, solved.modes)
    wanted = sorted((m.wavelength / nm, m.threshold_material_gain * cm) for m in solved.modes)
    lines = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
    (ring,) = (label for label in lines if label.startswith("lases first"))
    ((x, y),) = lines.pop(ring)
    assert y == min(gain for _, gain in wanted)
    assert f"{x:.2f} nm" in ring
    drawn = [tuple(point) for points in lines.values() for point in points]
    assert np.array(sorted(drawn)) == pytest.approx(np.array(wanted))
    stems = [path.vertices for one in axes.collections for path in one.get_paths()]
    assert np.array(sorted(map(tuple, (v[1] for v in stems)))) == pytest.approx(np.array(wanted))
    assert all(v[0, 1] == 0 for v in stems)


def test_the_cavity_picture_adds_the_power_of_both_waves(axes, solved):
    plots.cavity(axes, solved.modes[0])
    both, right, left = (line.get_ydata() for line in axes.get_lines())
    assert both == pytest.approx(right + left)
    assert both.max() == pytest.approx(1)
    assert right[0] == pytest.approx(0, abs=1e-9)  # open ends: nothing comes in
    assert left[-1] == pytest.approx(0, abs=1e-9)


def test_the_threshold_lies_on_the_gain_curve_at_the_gain_the_laser_asks_for(axes, solved):
    first = solved.modes[0]
    plots.gain_curve(axes, solved.film, DEVICE.pump.wavelength, first.threshold_fluence)
    marked = next(line for line in axes.get_lines() if line.get_marker() == "o")
    assert marked.get_xydata()[0] == pytest.approx(
        [first.threshold_fluence / (uJ / cm**2), first.threshold_material_gain * cm]
    )


def test_the_gain_curve_crosses_zero_at_the_lambert_w_of_one(axes):
    film = resolve_film(GainFilm(preset="taghipour2023-doped"))
    dots = dots_per_area(film.thickness, film.dot_diameter, film.packing_fraction)
    # Seven electrons in eight levels: transparent where N = exp(-N), N = W(1) = 0.567143.
    wanted = fluence_for_excitons(0.567143, 1030 * nm, film.absorbed_fraction, dots)
    plots.gain_curve(axes, film, 1030 * nm, 0.5 * uJ / cm**2 * 200)
    fluence, gain = axes.get_lines()[0].get_data()
    assert np.interp(0, gain, fluence) == pytest.approx(float(wanted) / (uJ / cm**2), rel=1e-4)


def test_differences_stand_in_the_shaded_band_where_solver_and_time_domain_agree(axes):
    plots.agreement(axes, COMPARISONS)
    for comparison, bars in zip(COMPARISONS, axes.containers, strict=True):
        centre, _, (reach,) = bars
        (x,), (low, high) = centre.get_xdata(), reach.get_segments()[0][:, 0]
        assert (low <= 0 <= high) == (comparison.verdict == "agrees")
        if np.isfinite(comparison.solver):
            difference = comparison.solver - comparison.fdtd
            assert x == pytest.approx(difference / comparison.sharpness)
            wanted = comparison.uncertainty / comparison.sharpness
            assert (high - low) / 2 == pytest.approx(wanted)
    assert [comparison.verdict for comparison in COMPARISONS] == ["agrees", "disagrees", "agrees"]


def test_an_infinite_difference_is_drawn_at_the_rim(axes):
    missed = Comparison("dark", "quality factor", np.inf, 0.0, Extrapolated(1e5, 1e3), np.inf)
    plots.agreement(axes, [COMPARISONS[0], missed])
    low, high = axes.get_xlim()
    assert np.isfinite([low, high]).all()
    assert axes.containers[1][0].get_xdata()[0] == high


def test_the_layout_picture_holds_the_lines_of_the_file(axes, gds):
    plots.layout_lines(axes, gds)
    boxes = [path.get_extents() for path in axes.collections[0].get_paths()]
    lefts, widths = np.array([box.x0 for box in boxes]), [box.width for box in boxes]
    assert np.diff(lefts) == pytest.approx(np.full(5, 865 * nm))
    assert widths == pytest.approx(np.full(6, 260 * nm))  # 0.3 × 865 = 259.5, on a 1 nm grid
    assert axes.get_title() == "width 260 nm, pitch 865 nm"
    assert axes.get_aspect() == 1


def test_the_overview_covers_all_lines_and_shows_the_marks(axes, gds):
    plots.layout_overview(axes, gds)
    (area,) = axes.patches
    periods = DEVICE.grating.periods
    assert area.get_label() == f"{periods} lines"
    low, high = area.get_xy().min(axis=0), area.get_xy().max(axis=0)
    assert high - low == pytest.approx([(periods - 1) * 865 * nm + 260 * nm, 300 * um])
    marks = next(one for one in axes.collections if one.get_label() == "marks")
    assert len(marks.get_paths()) == 8  # of the device and of the chip


@pytest.fixture
def drawings(edges, solved, gds):
    first = solved.modes[0]
    others = [modes(DEVICE, -0.004)]
    return [
        partial(plots.stack, mode=edges.modes[0]),
        partial(plots.bands, cells=[edges, *others], target=DEVICE.target.wavelength),
        partial(plots.threshold_modes, modes=solved.modes),
        partial(plots.cavity, mode=first),
        partial(
            plots.gain_curve,
            film=solved.film,
            pump_wavelength=DEVICE.pump.wavelength,
            threshold=first.threshold_fluence,
        ),
        partial(plots.agreement, comparisons=COMPARISONS),
        partial(plots.layout_overview, gds_path=gds),
        partial(plots.layout_lines, gds_path=gds),
    ]


def test_every_axis_names_its_quantity_and_unit(drawings):
    for draw in drawings:
        axes = Figure().add_subplot()
        assert draw(axes) is axes
        for text in (axes.get_xlabel(), axes.get_ylabel()):
            by_row = text == "" and draw.func is plots.agreement  # rows carry names instead
            assert by_row or "(" in text or "/" in text


def test_nothing_in_a_picture_is_cut_off_by_its_rim(drawings):
    for draw, width in zip(drawings, [5.2] + 7 * [4.6], strict=True):
        pixels = imread(BytesIO(plots.picture(draw, width, 3.0)))[..., :3]
        for rim in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
            assert (rim == 1).all(), draw.func


def test_pictures_are_the_same_each_time_and_leave_the_users_style_alone(drawings):
    with mpl.rc_context({"font.size": 31, "xtick.labelsize": 31, "axes.facecolor": "red"}):
        before = dict(mpl.rcParams)
        loud = plots.picture(drawings[2])
        assert dict(mpl.rcParams) == before
    assert loud == plots.picture(drawings[2])
    pixels = imread(BytesIO(loud))
    assert pixels.shape[:2] == (round(3.1 * 240), round(4.6 * 240))
    assert np.ptp(pixels[..., :3]) > 0.9


# How the retina of a dichromat mixes linear red, green and blue: Machado, Oliveira and Fernandes,
# IEEE Trans. Vis. Comput. Graph. 15, 1291 (2009), table 1, severity 1.
DICHROMATS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("vision", DICHROMATS)
def test_band_edges_are_told_apart_without_red_or_green_cones(vision):
    colours = [to_rgb(colour) for colour, _ in plots.KINDS.values()]
    seen = [
        np.clip(DICHROMATS[vision] @ np.array(rgb) ** 2.2, 0, 1) ** (1 / 2.2) for rgb in colours
    ]
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(one - other) > 0.25  # of a largest sqrt(3)
    assert len({marker for _, marker in plots.KINDS.values()}) == len(plots.KINDS)


def test_numbers_beside_crowded_points_do_not_overlap():
    gain = np.array([4.7, 4.5, 6.8, 18.7, 240.0, 22.3, 8.4, 5.8, 6.3]) / cm
    light = np.array([0.035, 0.057, 0.076, 0.086, 0.050, 0.085, 0.074, 0.056, 0.034])
    candidates = SimpleNamespace(
        scores=np.c_[gain, -light], origin=np.ones(9, dtype=int), pareto=gain < 30 / cm,
        variables=np.linspace(0.2, 0.8, 9)[:, None],
    )  # fmt: skip
    lasing = SimpleNamespace(threshold_material_gain=4.33 / cm)
    found = SimpleNamespace(
        candidates=candidates, paths=("layers.0.lines.duty",), aim="threshold",
        design=SimpleNamespace(lasing_mode=lasing),
    )  # fmt: skip
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(4.6, 3.1), layout="constrained")
        axes = plots.trade_off(figure.add_subplot(), found)
        figure.draw_without_rendering()
        boxes = {one.get_text(): one.get_window_extent() for one in axes.texts}
        inner = axes.get_window_extent()
    assert list(boxes) == ["0.2", "0.275", "0.35", "0.425", "0.5", "0.575", "0.65", "0.725", "0.8"]
    for one, other in combinations(boxes.values(), 2):
        assert not one.overlaps(other)
    assert all(inner.x0 < box.x0 and box.x1 < inner.x1 for box in boxes.values())


def test_what_was_learnt_is_named_in_words():
    values = [
        SimpleNamespace(path=path, error=0.5, prior=1.0)
        for path in ("layers.0.material", "layers.1.thickness", "layers.0.lines.duty")
    ]
    found = SimpleNamespace(values=values, directions=[SimpleNamespace(remaining=0.3)])
    axes = plots.known_values(Figure().add_subplot(), found)
    assert [one.get_text() for one in axes.get_yticklabels()] == [
        "index of layer 1", "thickness of layer 2", "duty of the lines in layer 1", "combination 1",
    ]  # fmt: skip
