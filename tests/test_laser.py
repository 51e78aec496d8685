"""The finite laser against closed forms, its own band edges, and waves integrated another way."""

from dataclasses import replace
from importlib import import_module
from math import inf, pi

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lasers import DOPED, NEUTRAL, cavity_of, cell_of, detunings, gains, made, one_cell_per_stack

from dfbdesign.device import FacetReflection, Facets, PhaseShift, changed
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.lasers.laser import laser
from dfbdesign.lasers.stretches import facets_of
from dfbdesign.lasers.waves import waves_of
from dfbdesign.solvers import coupled_mode
from dfbdesign.solvers.transfer_matrix import (
    Cavity,
    CavityMode,
    Section,
    cold_modes,
    fields,
    threshold_modes,
)
from dfbdesign.units import cm, nm

__all__ = ["one_cell_per_stack"]
laser_module = import_module("dfbdesign.lasers.laser")


# Limits and closed forms


@pytest.mark.parametrize(("duty", "order"), [(0.3, 2), (0.7, 2), (0.5, 1)])
def test_uniform_pump_without_gain_coupling_is_the_closed_form(duty, order, monkeypatch):
    device = made(duty, order)
    waves = waves_of(cell_of(device))
    plain = replace(waves, half_split_slope=0, centre_slope=1j * waves.centre_slope.imag)
    monkeypatch.setattr(laser_module, "waves_of", lambda cell: plain)
    found = laser(device)
    closed = coupled_mode.threshold_modes(
        found.cell.kappa, found.length, (-0.06, 0.061), loss=found.cell.radiation_loss
    )[: len(found.modes)]
    assert len(found.modes) == 6
    ours, theirs = np.argsort(detunings(found)), np.argsort([mode.detuning for mode in closed])
    expected = np.array([(closed[i].gain, closed[i].detuning) for i in theirs])
    assert gains(found)[ours] == pytest.approx(expected[:, 0], rel=1e-9)
    assert detunings(found)[ours] == pytest.approx(expected[:, 1], abs=1e-12)


def at_gain(mode, gain):
    """Wavenumber of a band edge with that material gain in its cell, by a secant on det F."""
    sector = np.array([1 if mode.parity == "odd" else 0])

    def singular(k):
        system = mode.cells.at(np.array([k]), np.array([0]), sector, np.array([gain]))
        ones = np.ones((1, *system.unknowns, 1))
        return 1 / complex((ones * system.solve(ones)).sum())

    a = mode.wavenumber + mode.gain_slope * gain
    b = a * (1 + 1e-6)
    fa, fb = singular(a), singular(b)
    for _ in range(30):
        a, b, fa = b, b - fb * (b - a) / (fb - fa), fb
        if abs(b - a) < 1e-14 * abs(b):
            return b
        fb = singular(b)
    return b


def test_waves_linear_in_gain_err_in_second_order_against_the_cell_solved_with_gain():
    device = made()
    waves = waves_of(cell_of(device))
    for sign, mode in zip((1, -1), cell_of(device).band_edges, strict=True):
        errors = []
        for gain in (1000 / cm, 2000 / cm):
            split = waves.half_split + waves.half_split_slope * gain
            linear = waves.centre + waves.centre_slope * gain + sign * split
            errors.append(linear - at_gain(mode, gain))
        assert abs(errors[0]) < 1e-2 * abs(waves.half_split)
        assert errors[1] / errors[0] == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("edge", ["bright", "dark"])
@pytest.mark.parametrize(("duty", "order"), [(0.5, 1), (0.3, 2), (0.7, 2)])
def test_long_gratings_approach_the_infinite_one_as_kogelnik_and_shank_say(duty, order, edge):
    # alpha L -> (pi / kappa L)^2 for index coupling; the curvature of a band edge of complex
    # kappa, q^2 / 2 kappa with q = pi / L and Im kappa = -h, adds a factor 1 -+ h L / 2.
    device = made(duty, order)
    cell = cell_of(device)
    sign, mode = (1, cell.band_edges[0]) if edge == "bright" else (-1, cell.band_edges[1])
    bare = -mode.wavenumber.imag / mode.gain_slope.imag
    gaps = []
    for length in (2000, 4000):
        finite = changed(device, {"grating.length": length})
        cavity, gain = cavity_of(finite), bare
        length, modal = cavity.length, cavity.waves.confinement
        for _ in range(4):
            waves = cavity.at(gain)
            kappa = sign * waves.sections[0].kappa.real
            window = np.sort(kappa + np.array([-3, 12]) / (kappa * length**2))
            span = modal * bare - 0.5 / length, modal * bare + 0.5 / length
            first, *_ = threshold_modes(waves, tuple(window), span)
            gain = first.gain / modal
        alpha = cell.n_group * mode.gain_slope.imag * (gain - bare)
        law = 1 + sign * waves.sections[0].kappa.imag * length / 2
        gaps.append(alpha * length * (abs(cell.kappa) * length) ** 2 / pi**2 / law - 1)
    assert abs(gaps[1]) < 0.01
    assert 2 < gaps[0] / gaps[1] < 6.5


def test_the_first_modes_of_a_long_grating_are_not_lost():
    # Their thresholds lie far below what gain in the coupling can shift another mode by.
    for device in (made(0.5, order=1, length=4000), made(0.3, length=4000)):
        found = laser(device)
        squares = gains(found)[[m.mode.edge == "dark" for m in found.modes]][:3]
        assert squares / squares[0] == pytest.approx([1, 4, 9], rel=0.02)


def test_the_edge_that_lases_changes_side_with_the_duty():
    thin, thick = laser(made(0.3)), laser(made(0.7))
    assert thin.modes[0].origin == thick.modes[0].origin == "dark"
    assert detunings(thin)[0] < 0 < detunings(thick)[0]  # lower index in the line: dark is longer
    assert thin.cell.kappa.real > 0 > thick.cell.kappa.real


def test_hole_burning_of_a_uniform_laser_is_that_of_its_two_sinh_waves():
    for mode in laser(made(0.3)).modes[:4]:
        (section,) = mode.cavity.sections
        delta = mode.mode.detuning - section.detuning
        delta = delta - 0.5j * (section.gain + section.pump * mode.mode.gain)
        s, length = np.sqrt(section.kappa**2 - delta**2), section.length
        half, u, v = length / 2, s.real, s.imag
        x, weight = np.polynomial.legendre.leggauss(60)
        # |sinh(u + iv)|² = (cosh 2u - cos 2v) / 2, for both waves
        there, back = half * (1 + x), half * (1 - x)
        intensity = sum(np.cosh(2 * u * d) - np.cos(2 * v * d) for d in (there, back))
        mean = (weight @ intensity) / 2
        uneven = (weight @ (intensity / mean - 1) ** 2) / 2
        assert mode.hole_burning == pytest.approx(uneven, rel=1e-5)


def test_the_gain_margin_is_between_the_two_lowest_modes():
    found = laser(made(0.3))
    assert found.gain_margin == pytest.approx(np.diff(gains(found))[0])
    assert replace(found, modes=found.modes[:1]).gain_margin is None


# Phase shifts and facets


def test_a_quarter_period_of_a_second_order_grating_puts_the_first_mode_into_the_gap():
    device = made(0.3)
    shift = PhaseShift(position=0.5, shift=device.grating.period / 4)
    found = laser(changed(device, {"grating.phase_shifts": (shift,)}))
    assert found.modes[0].origin == "gap"
    # Radiation pulls it from the middle: its field is even about the shift, so its R - S differ.
    assert abs(detunings(found)[0]) < 0.05 * abs(found.cell.kappa)
    closed = coupled_mode.threshold_modes(
        found.cell.kappa,
        found.length,
        (-0.06, 0.061),
        loss=found.cell.radiation_loss,
        phase_shift=pi / 2,
    )
    assert gains(found)[0] == pytest.approx(closed[0].gain, rel=0.03)  # gain coupling
    assert detunings(found)[0] == pytest.approx(closed[0].detuning, abs=2e-5)


def test_a_shift_by_half_a_wave_is_none():
    device = made(0.3)
    shift = PhaseShift(position=0.3, shift=device.grating.period / 2)
    shifted, plain = laser(changed(device, {"grating.phase_shifts": (shift,)})), laser(device)
    assert gains(shifted) == pytest.approx(gains(plain), rel=1e-9)
    assert detunings(shifted) == pytest.approx(detunings(plain), abs=1e-12)


def test_two_shifts_at_one_place_add():
    device = made(0.3)
    quarter = PhaseShift(position=0.4, shift=device.grating.period / 4)
    eighth = PhaseShift(position=0.4, shift=device.grating.period / 8)
    twice = laser(changed(device, {"grating.phase_shifts": (eighth, eighth)}))
    once = laser(changed(device, {"grating.phase_shifts": (quarter,)}))
    assert gains(twice) == pytest.approx(gains(once), rel=1e-9)


@pytest.mark.parametrize("facet", ["unpumped", FacetReflection(reflection=(0.3, 0.4))])
def test_a_mirrored_device_lases_the_same(facet):
    def one(mirrored):
        ends = (facet, "open") if mirrored else ("open", facet)
        places = (0.0, 0.3) if mirrored else (1.0, 0.7)
        shifts = tuple(PhaseShift(position=place, shift=150 * nm) for place in places)
        facets = Facets(left=ends[0], right=ends[1])
        return laser(made(0.3, film=DOPED, length=499.97, facets=facets, phase_shifts=shifts))

    assert gains(one(True)) == pytest.approx(gains(one(False)), rel=1e-8)
    assert detunings(one(True)) == pytest.approx(detunings(one(False)), abs=1e-11)


def test_a_facet_behind_a_stretch_without_lines_is_one_of_another_phase():
    # There and back, exp(2i beta d) with beta = 2 pi / period.
    device, stretch = made(0.3), 90 * nm
    turned = 0.6 * np.exp(4j * pi * stretch / device.grating.period)
    near, far = (
        FacetReflection(reflection=(turned.real, turned.imag)),
        FacetReflection(reflection=(0.6, 0)),
    )
    shifts = (PhaseShift(position=1.0, shift=stretch),)
    one = laser(made(0.3, facets=Facets(right=near)))
    other = laser(made(0.3, facets=Facets(right=far), phase_shifts=shifts))
    assert gains(one) == pytest.approx(gains(other), rel=1e-9)
    assert detunings(one) == pytest.approx(detunings(other), abs=1e-12)


def test_a_facet_without_reflection_is_open():
    facets = Facets(left=FacetReflection(reflection=(0, 0)), right="open")
    assert gains(laser(made(facets=facets))) == pytest.approx(gains(laser(made())), rel=1e-12)


def stack_mode(order, duty, step, periods, k):
    """Wavenumber k of a mode of gap/2, line, gap/2, ... in air, layer by layer, near a start."""
    period, gap, line = 0.4 * order, 2.0, 2.0 + step

    def incoming(k):
        def layer(index, length):
            phase = k * index * length
            return np.array(
                [
                    [np.cos(phase), np.sin(phase) / (k * index)],
                    [-k * index * np.sin(phase), np.cos(phase)],
                ]
            )

        half = layer(gap, (1 - duty) * period / 2)
        cell = half @ layer(line, duty * period) @ half
        field, slope = np.linalg.matrix_power(cell, periods) @ np.array([1, -1j * k])
        return slope - 1j * k * field

    for _ in range(60):
        value = incoming(k)
        move = value * 1e-7 / (incoming(k + 1e-7) - value)
        k -= move
        if abs(move) < 1e-13:
            return k
    raise AssertionError(f"no mode near {k}")


@pytest.mark.parametrize(("order", "duty"), [(1, 0.5), (2, 0.25)])
def test_cleaved_facets_of_an_exact_stack_are_approached_with_the_index_step(order, duty):
    # 2 kappa L = 3.2 throughout: the error of coupled waves must at least halve with the step.
    errors = []
    for step, periods in ((0.02, 400 // order), (0.01, 800 // order)):
        period, index = 0.4 * order, 2.0 + duty * step
        bragg = pi * order / (index * period)
        # An even field has its maximum in the line, of higher index: the smaller k, kappa < 0.
        kappa = -bragg * step * np.sin(pi * order * duty) / (pi * order)
        wavelength = 2 * pi / bragg
        device = changed(
            made(order=order, facets=Facets(left="fresnel", right="fresnel")),
            {"grating.period": period, "target.wavelength": wavelength},
        )
        cavity = Cavity((Section(periods * period, kappa),), *facets_of(device))
        found = cold_modes(cavity, (-6.1 / cavity.length, 6 / cavity.length), 3 / cavity.length)
        assert len(found) >= 2
        k = [bragg + mode.detuning / index for mode in found]
        exact = [stack_mode(order, duty, step, periods, each) for each in k]
        errors.append(np.abs(np.array(k) - np.array(exact)).max() * index * cavity.length)
    assert errors[1] < 0.03
    assert errors[0] / errors[1] > 1.8


def test_closed_facets_leave_the_dark_mode_without_loss():
    # In the middle of a gap the dark field is zero: there a mirror of -1 changes nothing.
    mirror = FacetReflection(reflection=(-1, 0))
    found = laser(made(0.3, facets=Facets(left=mirror, right=mirror)))
    first = found.modes[0]
    assert first.origin == "dark"
    assert first.threshold_material_gain == pytest.approx(0, abs=1e-12)
    assert first.cold_quality_factor == inf
    assert first.wavelength == pytest.approx(found.cell.band_edges[1].wavelength, abs=1e-12)


# Cold cavity


def quality_factors(device):
    """Q of all modes of the cavity without gain, largest first."""
    cavity = cavity_of(device)
    cold = cavity.frozen(np.zeros(len(cavity.stretches)))
    found = cold_modes(cold, (-0.0613, 0.0611), 0.03)
    k = np.array([cavity.waves.centre.real + m.detuning / cavity.waves.n_group for m in found])
    return -k.real / (2 * k.imag), np.array([mode.edge for mode in found])


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"order": 1, "duty": 0.5, "facets": Facets(left="cleaved")},
        {"duty": 0.7, "film": DOPED, "spot": {"shape": "stripe", "length": 300}},
        {"film": DOPED, "spot": {"shape": "disk", "length": 480}, "width": 250},
    ],
)
def test_cold_modes_are_those_of_the_transparent_cavity(parts):
    device = made(**parts)
    found = laser(device)
    quality, edges = quality_factors(device)
    own = [mode.cold_quality_factor for mode in found.modes]
    assert len(set(np.round(own, 3))) == len(own)  # each its own
    for mode, Q in zip(found.modes, own, strict=True):
        assert np.abs(quality / Q - 1).min() < 1e-9
        assert edges[np.abs(quality / Q - 1).argmin()] == mode.mode.edge
    assert own[0] == pytest.approx(quality[edges == found.modes[0].mode.edge].max(), rel=1e-9)


def test_cold_light_leaves_through_the_ends_as_fast_as_its_field_says():
    device = made(0.5, order=1)
    cavity = cavity_of(device).frozen(np.zeros(1))
    found = laser(device)
    for mode in found.modes[:2]:
        sign = -1 if mode.mode.edge == "dark" else 1
        window = sorted((sign * 0.0, sign * 0.05))
        cold = cold_modes(cavity, tuple(window), 0.02)[0]
        x = np.linspace(0, cavity.length, 4001)
        R, S = fields(cavity, CavityMode(cold.detuning, 0.0, cold.edge), x)
        power = np.abs(R) ** 2 + np.abs(S) ** 2
        stored = (power[:-1] + power[1:]).sum() * (x[1] - x[0]) / 2 * found.cell.n_group
        lost = np.abs(R[-1]) ** 2 + np.abs(S[0]) ** 2
        Q = 2 * pi / mode.wavelength * stored / lost
        assert mode.cold_quality_factor == pytest.approx(Q, rel=2e-3)


def test_cold_quality_factor_of_long_gratings_grows_as_the_cube_of_the_length():
    device, found = made(0.5, order=1), []
    for length in (2000, 4000):
        solved = laser(changed(device, {"grating.length": length}))
        law = 2 * pi / solved.modes[0].wavelength * solved.cell.n_group * solved.length
        law *= (abs(solved.cell.kappa) * solved.length) ** 2 / (2 * pi**2)
        found.append(solved.modes[0].cold_quality_factor / law)
    assert found[1] == pytest.approx(1, abs=5e-4)
    assert found[0] - 1 == pytest.approx(4 * (found[1] - 1), rel=0.02)


# Any device


def spots():
    shapes = st.sampled_from(["uniform", "stripe", "gaussian", "disk"])
    return st.builds(lambda shape, share: (shape, share), shapes, st.floats(0.06, 1))


def facets():
    reflections = st.builds(
        lambda r, phase: FacetReflection(reflection=(r * np.cos(phase), r * np.sin(phase))),
        st.floats(0, 0.999),
        st.floats(0, 2 * pi),
    )
    return st.one_of(st.sampled_from(["open", "cleaved", "unpumped"]), reflections)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    duty=st.sampled_from([0.02, 0.1, 0.3, 0.49, 0.5, 0.7, 0.9]),
    order=st.sampled_from([1, 2]),
    length=st.floats(60, 1500),
    film=st.sampled_from([None, DOPED, NEUTRAL]),
    spot=st.none() | spots(),
    left=facets(),
    right=facets(),
    shifts=st.lists(
        st.builds(PhaseShift, position=st.floats(0, 1), shift=st.floats(0.01, 1)), max_size=2
    ),
    chirp=st.sampled_from([0.0, 0.0, 0.0, 3 * nm]),
)
def test_any_device_gives_sorted_distinct_modes_or_one_clear_error(
    duty, order, length, film, spot, left, right, shifts, chirp
):
    device = made(
        duty,
        order,
        film,
        spot and {"shape": spot[0], "length": spot[1] * length},
        length=length,
        width=300,
        facets=Facets(left=left, right=right),
        phase_shifts=tuple(shifts),
        chirp=chirp,
    )
    try:
        found = laser(device)
        quality = [mode.cold_quality_factor for mode in found.modes]
    except (InputError, PhysicsError) as error:
        refused = str(error)
    else:
        refused = None
    if refused is not None:
        assert "\n" not in refused
        return
    thresholds = gains(found)
    assert (thresholds > 0).all()
    assert (np.diff(thresholds) > -1e-9 / length).all()
    assert np.isfinite([mode.wavelength for mode in found.modes]).all()
    assert all(Q > 0 for Q in quality)
    places = thresholds + 1j * detunings(found)
    apart = np.abs(places[:, None] - places) + np.eye(len(places))
    assert (apart * length > 1e-7).all()
