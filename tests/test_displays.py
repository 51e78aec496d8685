"""Every result that has a picture shows it in a notebook, and shows what it holds."""

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Polygon

from dfbdesign import plots
from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.fdtd.extrapolation import Extrapolated
from dfbdesign.lasers.laser import laser
from dfbdesign.layout import device_layout
from dfbdesign.solvers.bands import bands
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import nm, um
from dfbdesign.verification.verify import Comparison, Verification
from dfbdesign.waveguides.waveguide import Background, Rectangle, Shape, Solve, Waveguide, ridge

DEVICE = Device(
    name="shown",
    substrate=1.746,
    superstrate=1.0,
    layers=[
        Layer(thickness=50 * nm, material=2.53, gain=True, lines=Lines(material=2.30, duty=0.3)),
        Layer(thickness=160 * nm, material=2.53, gain=True),
    ],
    grating=Grating(period=865 * nm, length=300 * um, width=300 * um),
    target=Target(wavelength=1670 * nm),
)


def wire():
    core = Shape(
        material=3.4,
        rectangle=Rectangle(y=0 * nm, z=110 * nm, width=500 * nm, height=220 * nm),
    )
    return Waveguide(
        background=Background(material=1.444),
        shapes=[core],
        target=Target(wavelength=1550 * nm),
        solve=Solve(modes=1),
    )


COMPARISON = Comparison("bright", "wavelength", 1.6682, 0.0, Extrapolated(1.6682, 1e-5), 3e-5)
RESULTS = {
    "device": lambda folder: DEVICE,
    "bare device": lambda folder: Device(
        substrate=1.5, superstrate=1.0, layers=[Layer(thickness=160 * nm, material=2.5)]
    ),
    "modes": lambda folder: modes(DEVICE),
    "mode": lambda folder: modes(DEVICE).modes[0],
    "bands": lambda folder: bands(DEVICE, [0, 0.004, 0.008]),
    "laser": lambda folder: laser(DEVICE),
    "layout": lambda folder: device_layout(DEVICE, folder / "one.gds"),
    "verification": lambda folder: Verification(
        1670 * nm,
        (Comparison("bright", "wavelength", 1.6682, 0.0, Extrapolated(1.6682, 1e-5), 3e-5),),
    ),
    "channel": lambda folder: ridge(wire()),
}


@pytest.fixture
def axes():
    return Figure().add_subplot()


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_notebook_shows_a_picture_that_is_small_and_not_empty(make, tmp_path):
    shown, _ = DisplayFormatter().format(make(tmp_path), include={"image/png"})
    content = shown["image/png"]
    assert len(content) < 100_000
    pixels = imread(BytesIO(content))[..., :3]
    inked = (pixels < 0.98).any(axis=2)
    assert 0.01 < inked.mean() < 0.9
    assert np.ptp(np.nonzero(inked.any(axis=0))) > 0.6 * pixels.shape[1]


def test_the_cross_section_is_to_scale(axes):
    plots.cross_section(axes, DEVICE)
    assert axes.get_aspect() == 1
    filled = [one for one in axes.patches if type(one) is Polygon and one.get_fill()]
    corners = np.array([one.get_xy()[:4] for one in filled])
    np.testing.assert_allclose(np.ptp(corners[..., 0], axis=1), 0.3 * 865)
    np.testing.assert_allclose(np.ptp(corners[..., 1], axis=1), 50)
    np.testing.assert_allclose(np.sort(corners[..., 0].mean(axis=1)), [0, 865], atol=1e-9)


def test_a_colour_stands_for_one_material_alone(axes):
    plots.cross_section(axes, DEVICE)
    fills = {tuple(one.get_facecolor()) for one in axes.patches if one.get_fill()}
    assert len(fills) == 4  # substrate, film, lines, air


def test_bands_are_drawn_where_they_are(axes):
    found = bands(DEVICE, [0, 0.004, 0.008])
    plots.band_structure(axes, found)
    drawn = np.array([line.get_ydata() for line in axes.lines[:2]])
    np.testing.assert_allclose(drawn, found.wavelength / nm)
    points = sum(len(line.get_xdata()) for line in axes.lines[2:])
    assert points == found.label.size


def test_each_mode_of_a_period_is_drawn_with_its_name(axes):
    cell = modes(DEVICE)
    plots.cell_modes(axes, cell)
    titles = [part.get_title() for part in axes.child_axes]
    assert titles == [
        f"bright {cell.modes[0].wavelength / nm:.2f} nm\nQ {cell.modes[0].quality_factor:.4g}",
        f"dark {cell.modes[1].wavelength / nm:.2f} nm\ncannot radiate",
    ]
    for part, mode in zip(axes.child_axes, cell.modes, strict=True):
        image = part.images[0].get_array()
        assert image.max() == pytest.approx(1, abs=0.01)
        middle = image[:, image.shape[1] // 4 : image.shape[1] // 4 + 2].max()  # on a line
        assert (middle < 0.05) == (mode.label == "dark")


def test_matplotlib_is_loaded_when_something_is_shown_and_not_before():
    code = (
        "import sys; from dfbdesign import Device, Layer;"
        "film = Layer(thickness=0.1, material=2.5);"
        "one = Device(substrate=1.5, superstrate=1.0, layers=[film]);"
        "assert 'matplotlib' not in sys.modules; one._repr_png_();"
        "assert 'matplotlib' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
