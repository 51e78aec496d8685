"""Waveguide files, their errors, and what is derived from channel modes."""

import json
from dataclasses import replace
from math import exp, pi, sqrt
from pathlib import Path

import numpy as np
import pytest

from dfbdesign.device import Target
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.solvers.ridge import modes
from dfbdesign.solvers.ridge_mode import Field
from dfbdesign.units import SPEED_OF_LIGHT, nm, um
from dfbdesign.waveguides.waveguide import (
    Background,
    Bend,
    Rectangle,
    Shape,
    Solve,
    Waveguide,
    Window,
    chromatic_dispersion,
    cross_section,
    load_waveguide,
    ridge,
)
from dfbdesign.waveguides.waveguide_design import (
    coupler,
    coupling_efficiency,
    facet_reflectance,
    fibre_beam,
    minimum_bend_radius,
    modal_gain,
    single_mode_width,
)
from dfbdesign.waveguides.waveguide_map import dispersion_map

STRIP = Path(__file__).parents[1] / "examples" / "strip.toml"
CLADDING, CORE = 1.444, 1.9963  # silica and silicon nitride at 1550 nm
COARSE = 60 * nm


def box(y, width, height, material=CORE):
    return Shape(material=material, rectangle=Rectangle(y=y, width=width, height=height))


def nitride(shapes, size=None, **others):
    return Waveguide(
        target=Target(wavelength=1550 * nm),
        background=Background(material=CLADDING),
        shapes=shapes,
        window=Window(cell=COARSE, size=size),
        **others,
    )


def written(tmp_path, text):
    path = tmp_path / "guide.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- the file -----------------------------------------------------------------------------------


def test_the_verb_prints_the_modes_as_json(dfb):
    ran = dfb("ridge", STRIP, "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["wavelength_nm"] == 1550
    first, second = found["modes"]
    assert first["n_eff"] == pytest.approx([2.44508, 0], abs=1e-4)  # an independent solver's value
    assert first["te_fraction"] > 0.9 > 0.1 > second["te_fraction"]
    assert {"n_group", "effective_area_um2", "confinement", "loss_per_cm"} <= first.keys()


def test_the_verb_prints_a_table(dfb, tmp_path):
    text = STRIP.read_text("utf-8").replace('cell = "20 nm"', 'cell = "40 nm"')
    ran = dfb("ridge", written(tmp_path, text))
    assert ran.code == 0
    assert "2.44" in ran.out
    assert "µm²" in ran.out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('width = "500 nm"', 'width = "0 nm"', ["shape 1", "width", "positive", "0"]),
        ('width = "500 nm"', "width = 500", ["shape 1", "width", "unit"]),
        ('width = "500 nm"', 'widht = "500 nm"', ['"widht"', 'Did you mean "width"?']),
        ("rectangle = {", "polygon = [] #", ["polygon", "three"]),
        (
            "rectangle = {",
            'polygon = [["0 nm","0 nm"],["1 um","1 um"],["1 um","0 nm"],["0 nm","1 um"]] #',
            ["crosses itself"],
        ),
        (
            "rectangle = {",
            'polygon = [["0 nm","0 nm"],["1 um","0 nm"],["2 um","0 nm"]] #',
            ["no area"],
        ),
        ("rectangle = {", 'halfspace = { below = "0 nm" } #', ["half-spaces alone"]),
        ("rectangle = {", "# {", ["exactly one of polygon"]),
        ('"4 um", "3.6 um"', '"700 nm", "400 nm"', ["window is too small", "larger"]),
        ('"4 um", "3.6 um"', '"0 um", "3.6 um"', ["window", "width"]),
        ('cell = "20 nm"', 'cell = "-20 nm"', ["cell", "positive"]),
        ("modes = 2", "modes = 0", ["modes", "greater than or equal to 1"]),
        ("[background]", "[backgroud]", ['"backgroud"', "background"]),
    ],
)
def test_each_mistake_in_a_file_is_one_clear_line(dfb, tmp_path, old, new, words):
    text = STRIP.read_text("utf-8")
    assert old in text
    ran = dfb("ridge", written(tmp_path, text.replace(old, new)))
    assert ran.code == 2, ran.err
    assert len(ran.err.strip().splitlines()) == 1
    for word in words:
        assert word in ran.err


def test_no_guided_mode_is_said_with_the_index_that_was_missed(dfb, tmp_path):
    text = STRIP.read_text("utf-8").replace("3.4757", "1.40")
    ran = dfb("ridge", written(tmp_path, text))
    assert ran.code == 3
    assert "no guided mode at 1550 nm" in ran.err
    assert "1.4440" in ran.err


def test_the_file_and_python_describe_the_same_waveguide():
    silicon = Waveguide(
        name="silicon strip in silica",
        target=Target(wavelength=1550 * nm),
        background=Background(material=1.444),
        shapes=[
            Shape(material=3.4757, rectangle=Rectangle(z=110 * nm, width=500 * nm, height=220 * nm))
        ],
        window=Window(size=(4 * um, 3.6 * um), cell=20 * nm),
        solve=Solve(modes=2),
    )
    loaded = load_waveguide(STRIP)
    assert loaded.model_dump(mode="json") == silicon.model_dump(mode="json")


# --- modes --------------------------------------------------------------------------------------


def test_later_shapes_are_painted_over_earlier_ones():
    painted = nitride([box(0, 1.4, 0.8, 1.7), box(0, 1.0, 0.8)], solve=Solve(modes=1))
    beside = [box(-0.6, 0.2, 0.8, 1.7), box(0, 1.0, 0.8), box(0.6, 0.2, 0.8, 1.7)]
    split = nitride(beside, solve=Solve(modes=1))
    assert ridge(painted).modes[0].n_eff == pytest.approx(ridge(split).modes[0].n_eff, abs=1e-9)


def test_silicon_nitride_strips_have_the_indices_of_an_independent_calculation():
    # Finite differences on a 25 nm grid, stated to 5e-4. Its TM index of the flat strip is not
    # used: it is the largest of the four errors of that grid, and just beyond the statement.
    square = ridge(nitride([box(0, 1.0, 0.8)], solve=Solve(modes=2))).modes
    flat = ridge(nitride([box(0, 1.6, 0.4)], solve=Solve(modes=1))).modes
    for mode, name, index in zip(
        (*square, *flat), ("TE", "TM", "TE"), (1.77440, 1.7599, 1.6936), strict=True
    ):
        assert mode.polarization == name
        assert mode.n_eff.real == pytest.approx(index, abs=5e-4)


def test_only_modes_of_the_wanted_polarisation_are_returned():
    for name in ("TE", "TM"):
        found = ridge(nitride([box(0, 1.0, 0.8)], solve=Solve(modes=1, polarization=name))).modes
        assert [mode.polarization for mode in found] == [name]


def test_the_chosen_window_does_not_change_the_index():
    chosen = ridge(nitride([box(0, 1.0, 0.8)], solve=Solve(modes=1))).modes[0]
    wide = ridge(nitride([box(0, 1.0, 0.8)], size=(9.0, 9.0), solve=Solve(modes=1))).modes[0]
    assert chosen.n_eff.real == pytest.approx(wide.n_eff.real, abs=2e-5)


# --- derived ------------------------------------------------------------------------------------


def pair(gap):
    cores = [box(-(1.0 + gap) / 2, 1.0, 0.8), box((1.0 + gap) / 2, 1.0, 0.8)]
    return nitride(cores, size=(6.4, 4.0))


def test_coupling_falls_with_the_gap_as_the_evanescent_field():
    gaps = np.array([0.5, 0.7, 0.9])
    kappa = np.array([coupler(pair(gap)).kappa for gap in gaps])
    alone = ridge(nitride([box(0, 1.0, 0.8)], solve=Solve(modes=1))).modes[0].n_eff.real
    decay = 2 * pi / 1.55 * sqrt(alone**2 - CLADDING**2)
    slopes = np.diff(np.log(kappa)) / np.diff(gaps)
    # Two-dimensional tails fall a little faster than the plane one.
    assert np.all(-slopes > decay)
    assert -slopes[-1] == pytest.approx(decay, rel=0.12)


def test_coupler_length_is_half_a_beat_of_the_supermodes():
    found = coupler(pair(0.5))
    split = (found.even.n_eff - found.odd.n_eff).real
    assert 2 * pi / 1.55 * split * found.length == pytest.approx(pi)
    assert found.kappa * found.length == pytest.approx(pi / 2)


def test_two_unequal_cores_are_no_coupler():
    unequal = nitride([box(-1.4, 1.0, 0.8), box(1.4, 1.6, 0.8)], size=(8.0, 4.0))
    with pytest.raises(InputError, match="two equal cores"):
        coupler(unequal)


def gaussian(diameter, shift=0.0):
    y = np.linspace(-12, 12, 241)
    weight = np.full((y.size, y.size), (y[1] - y[0]) ** 2)
    blank = Field(y, y, weight, np.ones((3, 241, 241), complex), np.ones((3, 241, 241), complex))
    return fibre_beam(blank, diameter, 1.0, center=(shift, 0.0))


def test_two_shifted_gaussian_beams_couple_as_the_closed_form():
    # D. Marcuse, Bell Syst. Tech. J. 56, 703 (1977): both losses of a splice.
    for first, second, shift in ((5.0, 5.0, 1.0), (4.0, 6.0, 0.0), (4.0, 6.0, 1.5)):
        a, b = first / 2, second / 2
        expected = (2 * a * b / (a**2 + b**2)) ** 2 * exp(-2 * shift**2 / (a**2 + b**2))
        found = coupling_efficiency(gaussian(first), gaussian(second, shift))
        assert found == pytest.approx(expected, rel=2e-3)


def test_a_mode_couples_to_itself_completely_and_not_to_the_other_polarisation():
    first, second = ridge(nitride([box(0, 1.0, 0.8)], solve=Solve(modes=2))).modes
    assert coupling_efficiency(first.field, first.field) == pytest.approx(1, abs=1e-12)
    assert coupling_efficiency(first.field, second.field) < 1e-12


def test_a_beam_wider_than_the_window_is_an_error():
    mode = ridge(nitride([box(0, 1.0, 0.8)], solve=Solve(modes=1))).modes[0]
    with pytest.raises(InputError, match="cuts off"):
        fibre_beam(mode.field, 10.4, 1.0)
    assert 0.5 < coupling_efficiency(fibre_beam(mode.field, 1.4, 1.0), mode.field) < 1


def test_facet_reflectance_is_fresnels():
    mode = ridge(nitride([box(0, 1.0, 0.8)], solve=Solve(modes=1))).modes[0]
    n = mode.n_eff.real
    assert facet_reflectance(mode) == pytest.approx(((n - 1) / (n + 1)) ** 2)
    assert facet_reflectance(mode, n) == 0


def test_modal_gain_of_a_film_is_what_a_complex_index_gives():
    gain = 0.02  # 1/µm
    film = 1.55 * gain / (4 * pi)

    def loaded(index):
        shapes = [box(0, 1.4, 1.0, index), box(0, 1.0, 0.6)]
        return ridge(nitride(shapes, size=(5.0, 4.5), solve=Solve(modes=1))).modes[0]

    passive, active = loaded(1.8), loaded(1.8 - 1j * film)
    first_order = modal_gain(passive, np.array([gain, 0.0]))
    assert 0.2 * gain < first_order < 0.8 * gain
    # The derivative is that of the finest grid; the complex index is extrapolated.
    assert -active.loss == pytest.approx(first_order, rel=5e-3)
    with pytest.raises(InputError, match="2 shapes"):
        modal_gain(passive, np.array([gain]))


def test_single_mode_width_is_where_the_second_mode_lets_go():
    def of_width(width, size=(9.0, 7.0)):
        coarse = Window(cell=130 * nm, size=size)
        return nitride([box(0, width, 0.6)], solve=Solve(modes=4)).model_copy(
            update={"window": coarse}
        )

    found = single_mode_width(of_width, 0.7, 1.1, tolerance=10 * nm)
    # In a larger window, where the mode still decays within it, its course leads to the same width.
    widths = found + np.array([0.05, 0.09, 0.15])
    wide = [ridge(of_width(width, (16.0, 14.0))).modes for width in widths]
    second = [[mode for mode in modes if mode.polarization == "TE"][1] for modes in wide]
    course = np.polyfit([mode.n_eff.real for mode in second], widths, 2)
    assert found == pytest.approx(np.polyval(course, CLADDING), rel=0.02)
    with pytest.raises(InputError, match="number of TE modes"):
        single_mode_width(of_width, 0.7, 0.75)


def test_minimum_bend_radius_meets_its_budget():
    guide = nitride([box(0, 1.0, 0.8)])
    guide = guide.model_copy(update={"window": Window(size=(6.0, 4.0), cell=90 * nm)})
    radius = minimum_bend_radius(guide, loss=0.02, smallest=4.0, largest=10.0, tolerance=0.2)
    bend = guide.model_copy(update={"bend": Bend(radius=radius), "solve": Solve(modes=1)})
    assert ridge(bend).modes[0].loss * radius * pi / 2 == pytest.approx(0.02, rel=0.8)  # steep
    with pytest.raises(InputError, match="not met between"):
        minimum_bend_radius(guide, loss=0.02, smallest=10.0, largest=12.0)


def test_dispersion_is_the_second_derivative_of_the_index():
    guide = nitride([box(0, 1.0, 0.8)], size=(6.0, 5.0), solve=Solve(modes=2))
    section, step = cross_section(guide, 1.55), 0.01  # on one grid, as the slopes are
    n = [
        [mode.n_eff.real for mode in modes(replace(section, wavelength=wavelength), 2)]
        for wavelength in (1.55 - step, 1.55, 1.55 + step)
    ]
    for number, slope in enumerate(chromatic_dispersion(guide)):
        second = (n[0][number] - 2 * n[1][number] + n[2][number]) / step**2
        assert slope == pytest.approx(-1.55 * second / SPEED_OF_LIGHT, rel=0.01, abs=1e-7)
    with pytest.raises(InputError, match="straight"):
        chromatic_dispersion(guide.model_copy(update={"bend": Bend(radius=9.0)}))


def test_a_map_follows_modes_through_their_crossing_and_keeps_their_numbers():
    # Height 700 nm: left of that width the tall strip prefers TM, right of it TE.
    widths, wavelengths = [0.55, 0.65, 0.75, 0.85], [1.5, 1.6]
    found = dispersion_map(
        lambda width: nitride([box(0, width, 0.7)], size=(5.0, 5.0), solve=Solve(modes=2)),
        widths,
        wavelengths,
    )
    assert found.n_eff.dims == ("wavelength", "width", "mode")
    share, index = found.te_fraction.values, found.n_eff.values
    assert found.sizes["mode"] == 2
    assert np.all(np.ptp(share, axis=(0, 1)) < 0.1)  # nobody changes sides
    difference = index[..., 0] - index[..., 1]
    assert np.all(difference[:, 0] * difference[:, -1] < 0)  # though the indices cross
    assert np.all(np.diff(index, axis=1) > 0)
    assert np.all(np.diff(index, axis=0) < 0)
    assert found.width.attrs["units"] == "um"


def test_a_map_leaves_out_what_is_not_guided_and_numbers_a_mode_once():
    found = dispersion_map(
        lambda width: nitride([box(0, width, 0.4)], size=(13.0, 11.0), solve=Solve(modes=3)),
        [0.9, 1.3],
        [1.45, 1.55],
    )
    guided = np.isfinite(found.n_eff.values).sum(axis=(0, 1))
    assert guided[0] == 4
    assert 0 < guided[-1] < 4
    assert found.sizes["mode"] == 3
    with pytest.raises(NoGuidedMode, match="map"):
        dispersion_map(lambda width: nitride([box(0, width, 0.1, 1.45)], size=(4.0, 4.0)), 0.2, 1.5)


def test_a_shape_that_later_ones_hide_is_an_error():
    with pytest.raises(InputError, match="shape 1 is hidden"):
        ridge(nitride([box(0, 0.5, 0.4), box(0, 1.0, 0.8)], size=(4.0, 4.0)))


def test_an_absorber_that_covers_the_core_is_an_error():
    guide = nitride([box(0, 1.0, 0.8)])
    window = Window(size=(3.0, 3.0), cell=COARSE, absorber=1.2)
    with pytest.raises(InputError, match=r"absorber of 1\.2 um covers"):
        ridge(guide.model_copy(update={"window": window}))


def test_the_verb_draws_the_modes_and_states_their_dispersion(dfb, tmp_path):
    text = STRIP.read_text("utf-8").replace('cell = "20 nm"', 'cell = "45 nm"')
    image = tmp_path / "modes.png"
    ran = dfb("ridge", written(tmp_path, text), "--plot", image, "--dispersion", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["file"] == str(image)
    assert image.read_bytes().startswith(b"\x89PNG")
    assert found["modes"][0]["dispersion_ps_per_nm_km"] == pytest.approx(1420, rel=0.2)
    assert found["modes"][0]["loss_error_per_cm"] == 0


def test_a_waveguide_below_cut_off_guides_nothing():
    with pytest.raises(NoGuidedMode):
        ridge(nitride([box(0, 0.2, 0.2, 1.3)], size=(4.0, 4.0)))
