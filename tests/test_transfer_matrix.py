"""Sectioned gratings against closed forms, conservation laws, and an exact layer calculation."""

from dataclasses import replace
from itertools import pairwise
from math import log, pi

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from dfbdesign.errors import InputError, NotConverged
from dfbdesign.solvers import coupled_mode
from dfbdesign.solvers.transfer_matrix import (
    Cavity,
    CavityMode,
    Section,
    cold_mode_near,
    cold_modes,
    fields,
    scattering,
    threshold_mode_near,
    threshold_modes,
)


def cut(section, *fractions):
    """The same section in several pieces."""
    marks = [0, *sorted(fractions), 1]
    pieces = [
        replace(section, length=section.length * (b - a), phase=0.0) for a, b in pairwise(marks)
    ]
    return (replace(pieces[0], phase=section.phase), *pieces[1:])


def alpha_delta(modes, length=1.0):
    return np.array([(mode.gain / 2 * length, mode.detuning.real * length) for mode in modes])


@pytest.mark.parametrize("kappa", [0.1, 2 - 0.5j, -3j, 50.0])
def test_uniform_sections_equal_the_closed_forms(kappa):
    detuning = np.linspace(-60, 60, 401) - 0.3j
    r, t, r_right = scattering(Cavity((Section(1.0, kappa),)), detuning)
    assert r == pytest.approx(coupled_mode.reflection(kappa, 1.0, detuning), rel=1e-12)
    assert r_right == pytest.approx(r, rel=1e-12)
    assert t == pytest.approx(coupled_mode.transmission(kappa, 1.0, detuning), rel=1e-12)


@pytest.mark.parametrize("kappa", [0.3, 2 - 0.5j, 1j, 10.0, 50.0])
def test_uniform_threshold_modes_equal_the_closed_forms(kappa):
    reach = abs(kappa) + 10.3
    closed = coupled_mode.threshold_modes(kappa, 1.0, (-reach, reach + 0.4))
    found = threshold_modes(Cavity((Section(1.0, kappa),)), (-reach, reach + 0.4), (-3, 14))
    assert alpha_delta(found) == pytest.approx(alpha_delta(closed), abs=1e-11)


def test_cold_modes_are_threshold_modes_seen_in_time():
    cavity = Cavity((Section(1.0, 2 - 0.5j, gain=-1.0),))
    warm = threshold_modes(cavity, (-8, 8.1), (0, 9))
    cold = cold_modes(cavity, (-8, 8.1), decay=4.5)
    assert [mode.detuning for mode in cold] == pytest.approx(
        [mode.detuning - 0.5j * mode.gain for mode in warm], abs=1e-11
    )
    assert [mode.edge for mode in cold] == [mode.edge for mode in warm]


@pytest.mark.parametrize(("kappa", "alpha"), [(0.5, 2.442174), (2, 0.697135), (5, 0.068277)])
def test_quarter_wave_shift_of_kogelnik_and_shank(kappa, alpha):
    half = Section(0.5, kappa)
    mode = threshold_modes(Cavity((half, replace(half, phase=pi / 2))), (-4, 4.1), (0, 12))[0]
    assert alpha_delta([mode])[0] == pytest.approx((alpha, 0), abs=1e-6)
    assert mode.edge == "gap"


def test_second_order_modes_of_kazarinov_and_henry():
    # IEEE J. Quantum Electron. 21, 144 (1985): h2 L = 2, h1 L = 0.5.
    cavity = Cavity((Section(1.0, 2 - 0.5j, gain=-2 * 0.5),))
    found = threshold_modes(cavity, (-8, 8.1), (0, 9))[:3]
    expected = [(1.071373, -3.131154), (1.810924, 3.613341), (2.040484, -6.013909)]
    assert alpha_delta(found) == pytest.approx(np.array(expected), abs=1e-6)
    assert [mode.edge for mode in found] == ["dark", "bright", "dark"]


def test_radiation_alone_still_tells_dark_from_bright():
    found = threshold_modes(Cavity((Section(1.0, -3j, gain=-6.0),)), (-5, 5.1), (0, 30))
    at_centre = [mode for mode in found if abs(mode.detuning) < 1e-6]
    assert at_centre[0].edge == "dark"
    assert at_centre[0].gain < 6


@pytest.mark.parametrize("reflections", [(0.6, 0.3j), (-0.9, 0.5), (0.4, 0.4)])
def test_without_lines_a_cavity_is_a_fabry_perot(reflections):
    left, right = reflections
    length = 300.0
    sections = (
        Section(100.0, 0, pump=0.0, gain=-0.002),
        Section(150.0, 0, pump=1.0),
        Section(50.0, 0, pump=0.5, detuning=0.01, phase=0.4),
    )
    found = threshold_modes(Cavity(sections, left, right), (-0.05, 0.051), (0, 0.05))
    threshold = (-log(abs(left * right)) + 0.002 * 100) / (150 + 25)
    assert [mode.gain for mode in found] == pytest.approx([threshold] * len(found), rel=1e-10)
    # Round-trip phase: 2 (δ L - 0.01 * 50 + 0.4) + arg(left right) = 2 π m
    at = np.array(sorted(mode.detuning.real for mode in found))
    turns = (at * length - 0.5 + 0.4) / pi + np.angle(left * right) / (2 * pi)
    assert turns == pytest.approx(np.round(turns), abs=1e-9)
    assert np.diff(at) == pytest.approx(pi / length)
    assert len(found) in (9, 10)
    assert {mode.edge for mode in found} == {"gap"}


COMPLEX = Cavity(
    (
        Section(120.0, 0.006 - 0.001j, gain=-0.022, pump=0.0),
        Section(200.0, 0.006 - 0.001j, gain=-0.002),
        Section(180.0, 0.008 - 0.001j, gain=-0.002, pump=0.7, detuning=0.002, phase=0.8),
    ),
    left=0.3j,
    right=-0.2,
)
WINDOW = {"detuning": (-0.031, 0.03), "gain": (0.0, 0.06)}


def test_cutting_a_section_changes_nothing():
    pieces = Cavity(
        (
            *cut(COMPLEX.sections[0], 0.31),
            *cut(COMPLEX.sections[1], 0.1, 0.2, 0.77),
            *cut(COMPLEX.sections[2], 0.5, 0.9),
        ),
        COMPLEX.left,
        COMPLEX.right,
    )
    detuning = np.linspace(-0.05, 0.05, 101)
    for whole, parts in zip(
        scattering(COMPLEX, detuning, 0.01), scattering(pieces, detuning, 0.01), strict=True
    ):
        assert parts == pytest.approx(whole, rel=1e-12)
    whole, parts = threshold_modes(COMPLEX, **WINDOW), threshold_modes(pieces, **WINDOW)
    assert len(whole) == 7
    assert alpha_delta(parts, 500) == pytest.approx(alpha_delta(whole, 500), abs=1e-10)
    assert [mode.edge for mode in parts] == [mode.edge for mode in whole]


def test_a_common_shift_of_all_line_centres_shifts_all_modes():
    shifted = Cavity(
        tuple(replace(s, detuning=s.detuning + 0.001) for s in COMPLEX.sections),
        COMPLEX.left,
        COMPLEX.right,
    )
    modes = threshold_modes(COMPLEX, **WINDOW)
    moved = threshold_modes(shifted, (-0.030, 0.031), WINDOW["gain"])
    assert alpha_delta(moved, 500) - [0, 0.5] == pytest.approx(alpha_delta(modes, 500), abs=1e-10)


def test_a_shift_by_half_a_period_of_the_grating_phase_changes_the_sign_of_kappa():
    # R → iR, S → -iS in front of a section is κ → -κ within it.
    front, back = Section(200.0, 0.004), Section(300.0, 0.007, phase=pi / 2)
    other = Section(300.0, -0.007)
    detuning = np.linspace(-0.03, 0.03, 51)
    shifted = scattering(Cavity((front, back)), detuning)
    negative = scattering(Cavity((front, other)), detuning)
    assert shifted[0] == pytest.approx(negative[0], rel=1e-11)
    assert shifted[1] == pytest.approx(1j * negative[1], rel=1e-11)
    assert shifted[2] == pytest.approx(-negative[2], rel=1e-11)


def test_reversing_a_device_swaps_reflections_and_keeps_transmission():
    detuning = np.linspace(-0.03, 0.03, 51) + 0.001j
    a, b, c = (Section(100.0, 0.006 - 0.002j), Section(80.0, 0.009), Section(150.0, 0.003j))
    forward = Cavity((a, replace(b, phase=0.7), replace(c, phase=-0.3)))
    backward = Cavity((c, replace(b, phase=-0.3), replace(a, phase=0.7)))
    r, t, r_right = scattering(forward, detuning)
    assert scattering(backward, detuning) == pytest.approx(np.array([r_right, t, r]), rel=1e-12)


@pytest.mark.parametrize("strength", [1.0, 20.0])
def test_lossless_scattering_is_unitary(strength):
    detuning = np.linspace(-0.05, 0.05, 201)
    sections = tuple(
        Section(length, kappa * strength, phase=phase, detuning=offset)
        for length, kappa, phase, offset in (
            (100, 0.006, 0, 0),
            (80, 0, 0.4, 0),
            (200, 0.01, 1, 0.003),
        )
    )
    r, t, r_right = scattering(Cavity(sections), detuning)
    assert abs(r) ** 2 + abs(t) ** 2 == pytest.approx(1, abs=1e-11)
    assert r * np.conj(t) + t * np.conj(r_right) == pytest.approx(0, abs=1e-11)


def layer_by_layer(step, wavenumber, periods):
    """Exact amplitudes of a quarter-wave stack at normal incidence from inside the gap material."""
    low, high = 1.5 - step / 2, 1.5 + step / 2
    widths = [(low, 0.125 / low), (high, 0.25 / high), (low, 0.125 / low)]  # design wavelength 1
    cell = np.eye(2, dtype=complex)  # on (E, dE/dx / k)
    for n, width in widths:
        phase = n * wavenumber * width
        cell = (
            np.array([[np.cos(phase), np.sin(phase) / n], [-n * np.sin(phase), np.cos(phase)]])
            @ cell
        )
    (a, b), (c, d) = np.linalg.matrix_power(cell, periods)
    # E = 1 + r, E' = i n (1 - r) before and E = t, E' = i n t behind.
    matrix = np.array([[a - 1j * low * b, -1], [c - 1j * low * d, -1j * low]])
    r, t = np.linalg.solve(matrix, [-(a + 1j * low * b), -(c + 1j * low * d)])
    return r, t


@pytest.mark.parametrize("offset", [0.0, 0.7, -1.6])
def test_an_exact_quarter_wave_stack_is_approached_with_the_index_step(offset):
    errors = []
    for step in (0.04, 0.02, 0.01):
        low, high = 1.5 - step / 2, 1.5 + step / 2
        period, fresnel = 0.25 / low + 0.25 / high, (high - low) / (high + low)
        periods = round(1.5 / (2 * fresnel))
        # The even wave sits in the high-index line, so the line lowers its frequency: κ < 0.
        kappa, n_group = -2 * fresnel / period, 0.5 / period
        detuning = offset * abs(kappa)
        r, t = layer_by_layer(step, 2 * pi + detuning / n_group, periods)
        ours_r, ours_t, _ = scattering(Cavity((Section(periods * period, kappa),)), detuning)
        # At the edge of a first-order cell, half a period before the line, exp(-2iβx) = -1.
        errors.append((abs(r + ours_r), abs(t - (-1) ** periods * ours_t)))
    errors = np.array(errors)
    assert np.all(errors[0] < 6e-5)
    assert errors[:-1] / errors[1:] == pytest.approx(4, rel=0.03)  # the square of the step


@pytest.mark.parametrize("mode", threshold_modes(COMPLEX, **WINDOW)[:4])
def test_fields_obey_the_coupled_equations_and_the_facets(mode):
    edges = np.cumsum([0.0, *(s.length for s in COMPLEX.sections)])
    for j, section in enumerate(COMPLEX.sections):
        x = np.linspace(edges[j] + 1, edges[j + 1] - 1, 9)
        h = 1e-2
        samples = np.sort(np.concatenate([x - h, x, x + h]))
        R, S = (w.reshape(-1, 3) for w in fields(COMPLEX, mode, samples))
        delta = mode.detuning - section.detuning - 0.5j * (section.gain + section.pump * mode.gain)
        slope_R, slope_S = (R[:, 2] - R[:, 0]) / (2 * h), (S[:, 2] - S[:, 0]) / (2 * h)
        assert slope_R == pytest.approx(
            1j * delta * R[:, 1] - 1j * section.kappa * S[:, 1], abs=1e-7
        )
        assert slope_S == pytest.approx(
            -1j * delta * S[:, 1] + 1j * section.kappa * R[:, 1], abs=1e-7
        )
    R, S = fields(COMPLEX, mode, [0.0, COMPLEX.length])
    assert R[0] == pytest.approx(COMPLEX.left * S[0], rel=1e-9)
    assert S[1] == pytest.approx(COMPLEX.right * R[1], rel=1e-9)
    x = np.array([320.0 - 1e-9, 320.0 + 1e-9])
    R, S = fields(COMPLEX, mode, x)
    assert R[1] / R[0] == pytest.approx(np.exp(0.8j), rel=1e-6)
    assert S[1] / S[0] == pytest.approx(np.exp(-0.8j), rel=1e-6)


def test_gain_pays_for_output_absorption_and_surface_emission():
    for mode in threshold_modes(COMPLEX, **WINDOW)[:4]:
        x = np.linspace(0, COMPLEX.length, 50001)
        R, S = fields(COMPLEX, mode, x)
        power, radiated = abs(R) ** 2 + abs(S) ** 2, abs(R + S) ** 2
        edges = np.cumsum([0.0, *(s.length for s in COMPLEX.sections)])
        balance = 0.0
        for j, section in enumerate(COMPLEX.sections):
            here = (x >= edges[j]) & (x <= edges[j + 1])
            own = section.gain + 0.002 + section.pump * mode.gain  # without the radiation 2 h1
            emitted = 2 * 0.001 * radiated[here]
            balance += np.trapezoid(own * power[here] - emitted, x[here])
        output = abs(R[-1]) ** 2 - abs(S[-1]) ** 2 + abs(S[0]) ** 2 - abs(R[0]) ** 2
        assert balance == pytest.approx(output, rel=1e-3)


def test_fields_of_a_very_strong_grating_decay_on_both_sides_of_a_phase_shift():
    half = Section(0.5, 50.0)
    cavity = Cavity((half, replace(half, phase=pi / 2)))
    mode = min(cold_modes(cavity, (-20, 20.1), decay=5), key=lambda m: abs(m.detuning))
    assert abs(mode.detuning.real) < 1e-12
    assert mode.edge == "gap"
    x = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    R, S = fields(cavity, mode, x)
    power = abs(R) ** 2 + abs(S) ** 2
    assert power == pytest.approx(np.exp(-100 * abs(x - 0.5)), rel=1e-6)


def count_by_matrix_exponential(cavity, detuning, gain):
    """Turns of the mode condition around the window, from scipy's matrix exponential."""
    n = 150
    side = np.linspace(0, 1, n, endpoint=False)
    low, high = (detuning[0], gain[0]), (detuning[1], gain[1])
    d = np.r_[
        low[0] + side * (high[0] - low[0]),
        np.full(n, high[0]),
        high[0] - side * (high[0] - low[0]),
        np.full(n, low[0]),
        low[0],
    ]
    g = np.r_[
        np.full(n, low[1]),
        low[1] + side * (high[1] - low[1]),
        np.full(n, high[1]),
        high[1] - side * (high[1] - low[1]),
        low[1],
    ]
    waves = np.tile(np.array([cavity.left, 1], dtype=complex)[:, None], (4 * n + 1, 1, 1))
    for s in cavity.sections:
        delta = d - s.detuning - 0.5j * (s.gain + s.pump * g)
        off = np.full_like(delta, s.kappa)
        generator = 1j * np.stack([[delta, -off], [off, -delta]]).transpose(2, 0, 1) * s.length
        waves = expm(generator) @ (np.exp(1j * s.phase * np.array([1, -1]))[:, None] * waves)
    value = waves[:, 1, 0] - cavity.right * waves[:, 0, 0]
    turns = np.angle(value[1:] / value[:-1])
    return round(turns.sum() / (2 * pi)), np.abs(turns).max()


section = st.builds(
    Section,
    length=st.floats(0.1, 1.0),
    kappa=st.builds(complex, st.floats(-6, 6), st.floats(-2, 0)),
    detuning=st.floats(-2, 2),
    gain=st.floats(-4, 0),
    pump=st.floats(0.3, 1.0),
    phase=st.floats(-pi, pi),
)
reflection = st.builds(lambda r, a: r * np.exp(1j * a), st.floats(0, 0.8), st.floats(0, 6.3))


@settings(max_examples=30, deadline=None)
@given(st.lists(section, min_size=1, max_size=4), reflection, reflection)
def test_contour_count_equals_modes_returned(sections, left, right):
    cavity = Cavity(tuple(sections), left, right)
    window = (-7.0, 7.3), (-1.0, 20.0)
    count, largest = count_by_matrix_exponential(cavity, *window)
    assume(largest < 1.5)  # else a mode lies at the edge of the window
    modes = threshold_modes(cavity, *window)
    # More gain never slows the growth of a mode here, so all zeros turn the same way.
    assert len(modes) == -count
    gains = [mode.gain for mode in modes]
    assert np.all(np.diff(gains) > -1e-8)
    for mode in modes:
        R, S = fields(cavity, mode, [0.0, cavity.length])
        assert R[0] == pytest.approx(left * S[0], abs=1e-7)
        assert S[1] == pytest.approx(right * R[1], abs=1e-7)


def condition(cavity, d, g):
    """S - r R on the right of the wave without input on the left, over a positive number."""
    waves = np.array([cavity.left + 0 * d, np.ones_like(d)], dtype=complex)
    for s in cavity.sections:
        delta = s.group * d - s.detuning - 0.5j * (s.gain + s.pump * g)
        root = np.sqrt(s.kappa**2 - delta**2 + 0j)
        fades = np.exp(-2 * root * s.length)  # Re root > 0
        right, left = waves * np.exp(1j * s.phase * np.array([[1], [-1]]))
        a, b = (1 + fades) / 2, (1 - fades) / 2 / root
        waves = np.array(
            [
                a * right + 1j * b * (delta * right - s.kappa * left),
                a * left + 1j * b * (s.kappa * right - delta * left),
            ]
        )
        waves = waves * np.exp(1j * (root * s.length).imag)  # the rest of exp(root length)
        waves = waves / np.linalg.norm(waves, axis=0)
    return waves[1] - cavity.right * waves[0]


def turns_around(cavity, detuning, gain):
    """Turns of the mode condition around the window, walked in steps as short as they must be."""
    corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
    total = largest = 0.0
    for (x0, y0), (x1, y1) in pairwise(corners):
        along = np.linspace(0, 1, 2500)
        d = detuning[0] + (x0 + (x1 - x0) * along) * (detuning[1] - detuning[0])
        g = gain[0] + (y0 + (y1 - y0) * along) * (gain[1] - gain[0])
        value = condition(cavity, d, g)
        angle = np.angle(value[1:] / value[:-1])
        total, largest = total + angle.sum(), max(largest, np.abs(angle).max())
    return round(total / (2 * pi)), largest


def turn_at(cavity, mode):
    """Which way the condition turns around a mode: +1 where more gain slows its growth."""
    d, g, h = mode.detuning.real, mode.gain, 1e-6
    d, g = d + h * np.array([1, -1, 0, 0]), g + h * np.array([0, 0, 1, -1])
    right, left, up, down = condition(cavity, d, g)
    return int(np.sign((np.conj(right - left) * (up - down)).imag))


@st.composite
def changing_cavities(draw):
    """Pump and coupling that rise and fall smoothly, chirped, over up to 24 sections, length 1."""
    count = draw(st.integers(2, 24))
    strength = 10 ** draw(st.floats(-0.5, 1.69))  # up to 50
    angle, pumped = draw(st.floats(-1.2, 0.0)), draw(st.floats(0.15, 1.5))
    taper, chirp = draw(st.floats(0, 1)), draw(st.floats(-6, 6))
    absorption, jump = draw(st.floats(0, 8)), draw(st.floats(-pi, pi))
    sections = []
    for number in range(count):
        u = (number + 0.5) / count
        pump = np.exp(-8 * ((u - 0.5) / pumped) ** 2)
        kappa = strength * (1 - taper * (2 * u - 1) ** 2) * np.exp(1j * angle * 0.3)
        sections.append(
            Section(
                1 / count,
                kappa,
                detuning=chirp * (u - 0.5),
                gain=-absorption * (1 - pump) - 2 * abs(kappa.imag),
                pump=pump,
                phase=jump if number == count // 2 else 0.0,
                group=1 + 0.1 * taper * u,
            )
        )
    ends = [draw(reflection) for _ in range(2)]
    return Cavity(tuple(sections), *ends), strength


@settings(max_examples=30, deadline=None)
@given(changing_cavities())
def test_contour_count_equals_modes_returned_with_changing_pump_and_lines(drawn):
    cavity, strength = drawn
    reach = strength + 9.0
    window = (-reach, 1.013 * reach), (-0.5, 17.0)
    count, largest = turns_around(cavity, *window)
    assume(largest < 1.0)  # else a mode lies at the edge of the window
    modes = threshold_modes(cavity, *window)
    assert sum(turn_at(cavity, mode) for mode in modes) == count
    for mode in modes:
        R, S = fields(cavity, mode, [0.0, cavity.length])
        assert R[0] == pytest.approx(cavity.left * S[0], abs=1e-7)
        assert S[1] == pytest.approx(cavity.right * R[1], abs=1e-7)


def test_twin_cavities_have_pairs_of_modes_split_by_their_coupling():
    half, middle = Section(1.0, 4.0), Section(3.0, 4.0, phase=pi / 2)
    cavity = Cavity((half, middle, replace(half, phase=pi / 2)))
    pair = [m for m in cold_modes(cavity, (-2, 2.1), decay=0.5) if m.edge == "gap"]
    assert len(pair) == 2
    # Each cavity decays by κ at both sides: the mode's half-splitting is 2κ exp(-κ d).
    assert abs(pair[0].detuning - pair[1].detuning) == pytest.approx(
        4 * 4.0 * np.exp(-12) * 0.5, rel=0.01
    )


def test_a_followed_mode_is_one_of_all_modes():
    def cavity(strength):
        half = Section(0.5, strength - 0.2j, gain=-0.4)
        return Cavity((half, replace(half, phase=0.7, pump=0.5)), left=0.3j)

    start, end = threshold_modes(cavity(3), (-8, 8.1), (0, 9)), cavity(3.1)
    followed = [threshold_mode_near(end, mode) for mode in start]
    assert alpha_delta(followed) == pytest.approx(
        alpha_delta(threshold_modes(end, (-8, 8.1), (0, 9))), abs=1e-10
    )
    assert [mode.edge for mode in followed] == [mode.edge for mode in start]
    cold = cold_modes(end, (-8, 8.1), decay=4)
    near = [cold_mode_near(end, mode.detuning + 0.05 - 0.05j).detuning for mode in cold]
    assert near == pytest.approx([mode.detuning for mode in cold], abs=1e-10)


def test_bad_devices_are_refused_in_one_line():
    with pytest.raises(InputError, match="at least one section"):
        Cavity(())
    with pytest.raises(InputError, match="modulus of the left reflection"):
        Cavity((Section(1.0, 1.0),), left=1.2)
    with pytest.raises(InputError, match="length of a section"):
        Section(0.0, 1.0)
    with pytest.raises(InputError, match="pump of a section"):
        Section(1.0, 1.0, pump=-0.1)
    cavity = Cavity((Section(1.0, 2.0),))
    with pytest.raises(InputError, match="pump must be above zero"):
        threshold_modes(Cavity((Section(1.0, 2.0, pump=0.0),)), (-1, 1), (0, 1))
    with pytest.raises(InputError, match="gain or decay window"):
        threshold_modes(cavity, (-1, 1), (1, 0))
    with pytest.raises(InputError, match="x must lie in the cavity"):
        fields(cavity, CavityMode(0j, 0.0, "gap"), [1.1])
    with pytest.raises(NotConverged, match="no mode at detuning"):
        fields(cavity, CavityMode(0.3 + 0j, 0.7, "gap"), [0.5])


def test_a_mode_on_the_edge_of_the_window_is_an_error_not_a_guess():
    cavity = Cavity((Section(1.0, 2.0),))
    mode = threshold_modes(cavity, (-5, 5), (0, 5))[1]
    with pytest.raises(NotConverged, match="window"):
        threshold_modes(cavity, (-5, mode.detuning.real), (0, 5))
