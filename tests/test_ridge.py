"""Channel modes against closed forms, exact invariances, other solvers and published values."""

from dataclasses import replace
from itertools import product
from math import pi, sqrt, tan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ridges import FAR, SILICA, SILICON, box, section, strip, trapezoid
from scipy.optimize import brentq
from scipy.special import jv, jvp, kn, kvp

from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.solvers.multilayer import Stack
from dfbdesign.solvers.multilayer import guided as slab_guided
from dfbdesign.solvers.ridge import Shape, _grid, cut_off, guided, modes, operators, track
from dfbdesign.solvers.ridge_corner import corner_exponent
from dfbdesign.solvers.ridge_extrapolation import extrapolated
from dfbdesign.solvers.ridge_geometry import as_polygon, coverage
from dfbdesign.solvers.ridge_grid import DENSITIES
from dfbdesign.solvers.ridge_mode import RidgeMode
from dfbdesign.solvers.ridge_operator import Operator
from dfbdesign.units import nm

# --- areas --------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0.2, 1.0), min_size=3, max_size=8),
    st.floats(-0.3, 0.3),
    st.floats(0.0, 6.0),
)
def test_the_covered_area_is_that_of_the_polygon_however_its_sides_lie(radii, shift, turn):
    angle = turn + 2 * pi * np.arange(len(radii)) / len(radii)
    polygon = shift + np.array(radii)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lines = np.linspace(-1.5, 1.5, 32)
    found = coverage([polygon], lines, lines)
    y, z = polygon.T
    area = abs(np.sum(y * np.roll(z, -1) - z * np.roll(y, -1))) / 2
    assert found.area.sum() == pytest.approx(area, abs=1e-12)
    assert found.area.min() > -1e-12
    assert found.area.max() < (lines[1] - lines[0]) ** 2 + 1e-12


def test_a_wall_on_a_grid_line_is_seen_from_its_own_side_only():
    found = coverage([np.array(box(0.0, 1.0, 0.0, 1.0))], np.arange(-1.0, 3), np.arange(-1.0, 3))
    before, after = found.along_z
    assert before[:, 1].tolist() == [0, 0, 1, 0]
    assert after[:, 1].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("corners", "words"),
    [
        ([[0, 0], [1, 1], [1, 0], [0, 1]], "crosses itself"),
        ([[0, 0], [1, 0], [2, 0]], "no area"),
        ([[0, 0], [1, 0]], "three or more"),
        ([[0, 0], [1, 0], [np.nan, 1]], "finite"),
    ],
)
def test_outlines_that_enclose_nothing_sensible_are_errors(corners, words):
    with pytest.raises(InputError, match=words):
        as_polygon(corners)


# --- closed forms -------------------------------------------------------------------------------


def test_a_film_as_wide_as_the_window_has_the_slab_index_and_the_gap_closes_with_order_two():
    stack = Stack.of(1.66, [0.2], [1.744, 2.6, 1.0])
    exact = slab_guided(stack, "TE")[0].real
    below, film = box(-FAR, FAR, -FAR, 0), box(-FAR, FAR, 0, 0.2)
    shapes, indices = [(below, 1), (film, 2)], [1, 1.744, 2.6]
    wide = section(1.66, shapes, indices, (-0.06, 0.06), (-2.6, 1.2), 0.02)
    errors = [modes(wide, 1, density)[0].n_eff.real - exact for density in (3, 6, 12)]
    assert abs(errors[-1]) < 2e-4
    assert np.divide(errors[:-1], errors[1:]) == pytest.approx([4, 4], rel=0.02)
    assert abs(4 * errors[2] - errors[1]) / 3 < 2e-6  # extrapolated


def test_e_along_z_sees_the_extraordinary_index():
    # A core from wall to wall with E along z is a slab of the extraordinary index.
    core = box(-0.2, 0.2, -1, 1)
    window = (-2.0, 2.0), (-0.05, 0.05)
    exact = slab_guided(Stack.of(1.55, [0.4], [1.5, 2.3, 1.5]), "TE")[0].real
    crystal = section(1.55, [(core, 1)], [1.7, 2.0], *window, 0.02, along_z=[1.5, 2.3])
    coarse, fine = (modes(crystal, 1, density)[0] for density in (6, 12))
    assert fine.te_fraction < 1e-9
    assert (4 * fine.n_eff - coarse.n_eff) / 3 == pytest.approx(exact, abs=1e-6)


def he11(core, cladding, radius, wavelength):
    """Fundamental index of a round fibre from its exact characteristic equation."""
    k = 2 * pi / wavelength

    def equation(n):
        u, w = k * radius * sqrt(core**2 - n**2), k * radius * sqrt(n**2 - cladding**2)
        j, m = jvp(1, u) / (u * jv(1, u)), kvp(1, w) / (w * kn(1, w))
        rest = (n * (u**-2 + w**-2)) ** 2
        return (j + m) * (core**2 * j + cladding**2 * m) - rest

    trial = np.linspace(core - 1e-4, cladding + 1e-4, 4000)
    values = np.array([equation(n) for n in trial])
    change = np.flatnonzero((values[1:] * values[:-1] < 0) & (np.abs(values[1:]) < 10))[0]
    return brentq(equation, trial[change], trial[change + 1], xtol=1e-13)


def disk(radius, corners=256):
    """A regular polygon of the area of a circle."""
    angle = 2 * pi * (np.arange(corners) + 0.5) / corners
    radius = radius * sqrt(pi / (corners / 2 * np.sin(2 * pi / corners)))
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


@pytest.mark.parametrize(("core", "radius", "allowed"), [(2.0, 0.4, 0.25), (SILICON, 0.22, 2.5)])
def test_a_round_fibre_has_its_exact_index_within_the_square_of_the_cell(core, radius, allowed):
    # Every wall is slanted: this is the test of the tensor averaging.
    exact = he11(core, 1.0, radius, 1.55)
    for cell in (0.06, 0.03, 0.015):
        fibre = section(1.55, [(disk(radius), 1)], [1.0, core], (-1.8, 1.8), (-1.8, 1.8), cell)
        found = modes(fibre, 2)
        assert abs(found[0].n_eff - exact) < allowed * cell**2
        assert found[0].n_eff == pytest.approx(found[1].n_eff, abs=1e-9)  # HE11 twice


def test_a_turned_core_has_the_modes_of_the_upright_one():
    def turned(angle, cell):
        upright = np.array(box(-0.4, 0.4, -0.25, 0.25))
        rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        shape = [(upright @ rotation, 1)]
        return section(1.55, shape, [1.444, 2.4], (-2, 2), (-2, 2), cell)

    exact = extrapolated(turned(0.0, 0.04), 1)[0].n_eff.real
    errors = [modes(turned(pi / 6, cell), 1)[0].n_eff.real - exact for cell in (0.06, 0.03, 0.015)]
    assert np.all(np.abs(errors) < 0.3 * np.array([0.06, 0.03, 0.015]) ** 2)


# --- published values ---------------------------------------------------------------------------

# Rib of G. R. Hadley, J. Lightwave Technol. 20, 1219 (2002), by its slab thickness [µm].
HADLEY = {0.0: 3.412022, 0.5: 3.413132, 0.7: 3.414100}


@pytest.mark.parametrize("slab", HADLEY)
def test_hadleys_rib_has_its_published_index(slab):
    shapes = [(box(-FAR, FAR, -FAR, 0), 1), (box(-1.5, 1.5, 0, 1), 2)]
    if slab:
        shapes.append((box(-FAR, FAR, 0, slab), 2))
    wide = 4.0 if slab < 0.6 else 7.0
    rib = section(1.15, shapes, [1, 3.40, 3.44], (-wide, wide), (-3.5, 1.5), 0.027)
    found = extrapolated(rib, 1)[0]
    assert found.n_eff.real == pytest.approx(HADLEY[slab], abs=2e-5)
    assert abs(found.n_eff.real - HADLEY[slab]) < found.error + 3e-6  # the printed accuracy


def bienstman(cell):
    shapes = [(box(-9, 9, -9, 0), 1), (box(-0.25, 0.25, 0, 0.22), 2)]
    return section(1.55, shapes, [1, 1.45, 3.5], (-1.3, 1.3), (-1.1, 1.0), cell)


def nitride(width, height):
    """Silicon nitride in silica, a strip of which finite elements know both modes."""

    def of(cell):
        y, z = width / 2, height / 2
        window = (-y - 2.2, y + 2.2), (-z - 2.2, z + 2.2)
        return section(1.55, [(box(-y, y, -z, z), 1)], [1.444, 1.9963], *window, cell)

    return of


def wide_strip(cell):
    """The silicon strip in a window that does not disturb its TM mode."""
    return section(1.55, [(box(-0.25, 0.25, 0, 0.22), 1)], [SILICA, SILICON], (-1.9, 1.9),
                   (-1.6, 1.82), cell)  # fmt: skip


# Second-order edge elements (femwell 0.1.12), triangles refined towards the corners until the
# sixth decimal stood still; TE, TM.
FINITE_ELEMENTS = {
    "silicon": (wide_strip, (2.445059, 1.770076)),
    "nitride 1.6 x 0.4": (nitride(1.6, 0.4), (1.693829, 1.602177)),
    "nitride 1.0 x 0.8": (nitride(1.0, 0.8), (1.774399, 1.759786)),
}


def test_the_silicon_strip_has_the_index_of_two_independent_calculations():
    found = extrapolated(strip(10 * nm), 1)[0]
    assert found.n_eff.real == pytest.approx(2.44508, abs=2e-5)  # finite differences
    assert found.n_eff.real == pytest.approx(FINITE_ELEMENTS["silicon"][1][0], abs=1e-5)


def test_the_strip_of_bienstman_has_its_published_index():
    # P. Bienstman et al., Opt. Quantum Electron. 38, 731 (2006), n_eff = 2.412372 of the mode whose
    # leakage (3e-8) does not matter here; second-order finite elements give 2.412371.
    found = extrapolated(bienstman(10 * nm), 1)[0]
    assert found.n_eff.real == pytest.approx(2.412372, abs=2e-5)
    assert abs(found.n_eff.real - 2.412372) < found.error


@pytest.mark.parametrize("name", FINITE_ELEMENTS)
@pytest.mark.parametrize("cell", [50 * nm, 30 * nm, 20 * nm])
def test_the_stated_error_covers_the_true_one(name, cell):
    of_cell, exact = FINITE_ELEMENTS[name]
    for found, index in zip(extrapolated(of_cell(cell), 2), exact, strict=True):
        assert abs(found.n_eff.real - index) < found.error + 2e-6


def test_the_stated_error_covers_a_window_that_is_too_tight():
    def in_window(room):
        window = (-0.5 - room, 0.5 + room), (-0.4 - room, 0.4 + room)
        core = [(box(-0.5, 0.5, -0.4, 0.4), 1)]
        return extrapolated(section(1.55, core, [SILICA, 1.9963], *window, 25 * nm), 2)

    exact = FINITE_ELEMENTS["nitride 1.0 x 0.8"][1]
    for tight, free, index in zip(in_window(1.0), in_window(1.8), exact, strict=True):
        assert free.error < abs(tight.n_eff.real - index) < tight.error < 1e-4


@pytest.mark.parametrize("index", [1.9963, 3.4757])
def test_the_corner_exponent_solves_the_equation_of_a_right_angled_wedge(index):
    ratio = (index / SILICA) ** 2
    exact = brentq(lambda nu: ratio * tan(nu * pi / 4) + tan(3 * nu * pi / 4), 0.667, 0.999)
    square = Shape(as_polygon(box(-0.3, 0.2, 0, 0.4)), 1)
    found = corner_exponent((square,), np.array([SILICA, index]) ** 2, square.polygon, 1e-5)
    assert found == pytest.approx(exact, abs=3e-4)


def test_a_straight_wall_and_no_contrast_are_not_singular():
    square = Shape(as_polygon(box(0, 1, 0, 1)), 1)
    middle = np.array([[0.5, 0.0], [1.0, 0.3]])
    assert corner_exponent((square,), np.array([2.0, 12.0]), middle, 1e-5) == pytest.approx(
        1, abs=4e-4
    )
    assert corner_exponent((square,), np.array([2.0, 2.0]), square.polygon, 1e-5) == pytest.approx(
        1, abs=4e-4
    )


def test_murphys_rib_has_the_indices_of_an_independent_calculation():
    shapes = [
        (box(-FAR, FAR, -FAR, 0), 1),
        (box(-FAR, FAR, 0, 0.2), 2),
        (box(-1.0, 1.0, 0, 1.3), 2),
    ]
    rib = section(1.55, shapes, [1, 3.34, 3.44], (-3.5, 3.5), (-3.5, 1.9), 0.034)
    te, tm = extrapolated(rib, 2)
    assert te.n_eff.real == pytest.approx(3.38870, abs=2e-5)
    assert tm.n_eff.real == pytest.approx(3.38787, abs=2e-5)
    assert te.mode.te_fraction > 0.99 > 0.01 > tm.mode.te_fraction


@pytest.mark.parametrize(
    ("name", "cell", "off"), [("silicon", 40 * nm, 0.2), ("nitride 1.6 x 0.4", 60 * nm, 0.05)]
)
def test_the_error_falls_smoothly_with_order_two(name, cell, off):
    # On similar grids. The corners of silicon add a power 1.54, so its order drifts, smoothly.
    of_cell, exact = FINITE_ELEMENTS[name]
    densities = np.array([3, 4, 6, 8, 12])
    series = [modes(of_cell(cell), 2, int(density)) for density in densities]
    for number in (0, 1):
        errors = np.array([found[number].n_eff.real for found in series]) - exact[number]
        orders = -np.diff(np.log(np.abs(errors))) / np.diff(np.log(densities))
        assert orders == pytest.approx(np.full(4, 2.0), abs=off)
        assert np.all(np.abs(np.diff(orders)) < 0.1)


# --- exact properties of the discrete problem ---------------------------------------------------


@pytest.mark.parametrize("guide", [strip(40 * nm), trapezoid(40 * nm)])
def test_mirror_halves_give_the_modes_of_the_whole(guide):
    halves = modes(guide, 4)
    assert any(operator.walls != (None, None) for operator in operators(guide))
    whole = Operator(guide, *_grid(guide, DENSITIES[0]), (None, None))
    squares = whole.solve(4, SILICON**2)[0]
    assert squares == pytest.approx([mode.n_eff for mode in halves], abs=1e-9)
    unfolded, own = (
        halves[0].field,
        RidgeMode(squares[0], whole, whole.solve(1, SILICON**2)[1][:, 0]),
    )
    assert unfolded.y == pytest.approx(own.field.y, abs=1e-12)
    shapes = [
        np.abs(field.electric) / np.abs(field.electric).max() for field in (unfolded, own.field)
    ]
    assert shapes[0] == pytest.approx(shapes[1], abs=1e-6)


def test_modes_of_one_operator_are_orthogonal_in_power():
    guide = trapezoid(40 * nm)
    whole = Operator(guide, *_grid(guide, DENSITIES[0]), (None, None))
    n, fluxes = whole.solve(3, SILICON**2)
    count = whole.gradient[0].shape[0]

    def cross(a, b):
        e, (_, h_y, h_z) = whole.voltages(fluxes[:, a]), whole.magnetic(n[b], fluxes[:, b])
        return np.sum(e[:count] * h_z) - np.sum(e[count:] * h_y)

    for a, b in product(range(3), repeat=2):
        if a != b:
            assert abs(cross(a, b)) < 1e-9 * sqrt(abs(cross(a, a) * cross(b, b)))


@pytest.mark.parametrize("build", [strip, trapezoid])
def test_modal_gain_by_a_complex_index_is_the_derivative(build):
    step = 1e-5
    mode = guided(build(40 * nm), 1)[0]
    active = guided(build(40 * nm, core=SILICON - 1j * step), 1)[0]
    assert -active.n_eff.imag / step == pytest.approx(mode.sensitivity[-1].real, rel=1e-6)
    cladding = guided(build(40 * nm, cladding=SILICA - 1j * step), 1)[0]
    assert -cladding.n_eff.imag / step == pytest.approx(mode.sensitivity[0].real, rel=1e-6)


@pytest.mark.parametrize("build", [strip, trapezoid])
def test_group_index_is_the_derivative_of_the_index_with_material_dispersion(build):
    slope = -0.08  # of silicon's index, 1/µm

    def at(wavelength):
        core = SILICON + slope * (wavelength - 1.55)
        return guided(build(40 * nm, core=core, wavelength=wavelength), 1)[0]

    plain = build(40 * nm)
    d_core = 0 * plain.ordinary
    d_core[-1] = 2 * SILICON * slope
    dispersive = replace(plain, ordinary_slope=d_core, extraordinary_slope=d_core)
    step = 1e-4
    difference = (at(1.55 + step).n_eff - at(1.55 - step).n_eff) / (2 * step)
    mode = guided(dispersive, 1)[0]
    assert mode.n_group.real == pytest.approx((mode.n_eff - 1.55 * difference).real, rel=1e-6)


def test_without_dispersion_scaling_all_lengths_and_the_wavelength_changes_nothing():
    small = strip(40 * nm)
    large = replace(
        small,
        wavelength=3.1,
        shapes=tuple(Shape(2 * one.polygon, one.material) for one in small.shapes),
        window_y=(-2.6, 2.6),
        window_z=(-2.0, 2.44),
        cell=80 * nm,
    )
    first, second = guided(small, 1)[0], guided(large, 1)[0]
    assert first.n_eff == pytest.approx(second.n_eff, abs=1e-10)
    assert second.effective_area == pytest.approx(4 * first.effective_area, rel=1e-6)


def test_modes_are_followed_through_a_crossing():
    # At the square the order of TE and TM changes; followed modes keep their polarisation.
    def guide(width):
        return section(1.55, [(box(-width / 2, width / 2, -0.25, 0.25), 1)], [1.444, 2.4],
                       (-1.8, 1.8), (-1.8, 1.8), 0.05)  # fmt: skip

    narrow = guided(guide(0.46), 2)
    wide = track(narrow, guided(guide(0.54), 3))
    assert [mode.te_fraction > 0.5 for mode in narrow] == [False, True]
    assert [mode.te_fraction > 0.5 for mode in wide] == [False, True]
    assert wide[0].n_eff.real < wide[1].n_eff.real
    with pytest.raises(NotConverged, match="no counterpart"):
        track(narrow[:1], wide[1:])


# --- errors -------------------------------------------------------------------------------------


def test_a_core_that_guides_nothing_is_said():
    with pytest.raises(NoGuidedMode, match="no guided mode at 1550 nm"):
        guided(strip(40 * nm, core=1.40), 2)


def test_a_window_that_cuts_the_mode_is_said():
    small = replace(strip(20 * nm), window_y=(-0.3, 0.3), window_z=(-0.1, 0.32))
    with pytest.raises(InputError, match="window is too small"):
        guided(small, 1)


def test_a_window_beside_the_shapes_is_said():
    with pytest.raises(InputError, match="one material only"):
        modes(replace(strip(40 * nm), window_y=(3.0, 4.0)), 1)


def test_the_cut_off_is_that_of_the_slab_at_the_sides():
    shapes = [(box(-FAR, FAR, -FAR, 0), 1), (box(-FAR, FAR, 0, 0.7), 2), (box(-1.5, 1.5, 0, 1), 2)]
    rib = section(1.15, shapes, [1, 3.40, 3.44], (-4, 4), (-9, 1.2), 0.05)
    exact = slab_guided(Stack.of(1.15, [0.7], [3.40, 3.44, 1.0]), "TE")[0].real
    assert cut_off(rib) == pytest.approx(exact, abs=5e-4)
    assert cut_off(rib) > 3.40
