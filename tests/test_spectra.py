"""Emission below threshold against what amplified light gains, and against the threshold modes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from dfbdesign.errors import InputError
from dfbdesign.solvers.spectra import emission, taken
from dfbdesign.solvers.transfer_matrix import Cavity, Section, scattering, threshold_modes

DETUNINGS = np.linspace(-6, 6, 13)

active = st.builds(
    lambda length, index, gain, share, phase: (
        Section(length, complex(index, share * gain / 2), gain=gain, phase=phase),
        (gain, share * gain),
    ),
    st.floats(0.1, 1),
    st.floats(-3, 3),
    st.floats(0, 0.5),
    st.floats(-1, 1),
    st.floats(0, 3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(active, min_size=1, max_size=4))
def test_an_end_emits_what_the_device_adds_to_light_that_enters_there(parts):
    cavity = Cavity(tuple(section for section, _ in parts))
    left, through, right = scattering(cavity, DETUNINGS)
    assume(max(abs(left).max(), abs(right).max()) < 20)
    emitted = emission(cavity, DETUNINGS, 0.0, [noise for _, noise in parts])
    for found, reflected in ((emitted.left, left), (emitted.right, right)):
        added = abs(reflected) ** 2 + abs(through) ** 2 - 1
        np.testing.assert_allclose(found, added, rtol=1e-9, atol=1e-11)


def test_a_pumped_fabry_perot_emits_as_the_sum_over_its_round_trips():
    gain, left, right = 0.6, 0.6, -0.5j
    emitted = emission(Cavity((Section(1.0, 0.0),), left, right), DETUNINGS, gain)
    grown = np.exp(gain)
    trips = abs(1 - left * right * grown * np.exp(2j * DETUNINGS)) ** 2
    once = (1 - abs(left) ** 2) * (grown - 1) / trips
    np.testing.assert_allclose(emitted.left, once * (1 + abs(right) ** 2 * grown), rtol=1e-12)


def test_cutting_a_section_changes_no_emission():
    whole = Section(1.0, 2 - 0.3j, gain=-0.1, phase=0.4)
    part = replace(whole, length=0.37)
    rest = replace(whole, length=0.63, phase=0.0)
    one = emission(Cavity((whole,), 0.3, 0.2j), DETUNINGS, 0.7)
    two = emission(Cavity((part, rest), 0.3, 0.2j), DETUNINGS, 0.7)
    np.testing.assert_allclose(one.left, two.left, rtol=1e-11)
    np.testing.assert_allclose(one.right, two.right, rtol=1e-11)


@pytest.mark.parametrize("shift", [0.0, np.pi / 2])
def test_towards_threshold_a_line_grows_as_the_inverse_square_and_sits_at_the_mode(shift):
    halves = Section(0.5, 2 - 0.2j), Section(0.5, 2 - 0.2j, phase=shift)
    cavity = Cavity(halves)
    mode = threshold_modes(cavity, (-8.1, 8.3), (0, 8))[0]
    short = 1e-4 * np.array([1.0, 0.5])
    peaks = [
        emission(cavity, [mode.detuning.real], mode.gain * (1 - below)).left[0] for below in short
    ]
    assert peaks[1] / peaks[0] == pytest.approx(4, rel=1e-3)
    around = mode.detuning.real + np.linspace(-0.02, 0.02, 41)
    assert emission(cavity, around, mode.gain * 0.9999).left.argmax() == 20
    beside = mode.detuning.real + 1e-3
    flanks = [emission(cavity, [beside], mode.gain * (1 - below)).left[0] for below in short]
    # A Lorentzian falls to 1 / (1 + (offset / half width)²): the half width goes with the distance.
    widths = 1e-3 / np.sqrt(np.array(peaks) / flanks - 1)
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.02)


def test_noise_that_no_medium_has_is_refused_in_one_line():
    cavity = Cavity((Section(1.0, 2.0),))
    with pytest.raises(InputError, match="two numbers for each of the 1 sections"):
        emission(cavity, DETUNINGS, 1.0, [0.5, 0.1])
    with pytest.raises(InputError, match="correlation"):
        emission(cavity, DETUNINGS, 1.0, [(0.5, 0.6)])


def losses_of(section, absorbed):
    """Rates of a channel of radiation and of one of absorption that make up a section's loss."""
    even, odd = -(section.gain + np.array([2, -2]) * complex(section.kappa).imag) / 2
    return [[(1 - absorbed) * even, (1 - absorbed) * odd], [absorbed * even, absorbed * odd]]


lossy = st.builds(
    lambda length, index, loss, share, phase, detuning, absorbed: (
        Section(length, complex(index, -share * loss / 2), detuning, -loss, phase=phase),
        absorbed,
    ),
    st.floats(0.1, 2),
    st.floats(-8, 8),
    st.floats(-1, 3),
    st.floats(-1, 1),
    st.floats(0, 3),
    st.floats(-2, 2),
    st.floats(0, 1),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(lossy, min_size=1, max_size=4))
def test_reflected_passed_radiated_and_absorbed_power_make_up_the_incident_one(parts):
    cavity = Cavity(tuple(section for section, _ in parts))
    rates = np.swapaxes([losses_of(*part) for part in parts], 0, 1)
    reflection, through, _ = scattering(cavity, DETUNINGS)
    assume(abs(reflection).max() < 20)
    lost, r, t = taken(cavity, DETUNINGS, rates)
    np.testing.assert_allclose(r, reflection, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(t, through, rtol=1e-9, atol=1e-12)
    total = abs(reflection) ** 2 + abs(through) ** 2 + lost.sum(axis=0)
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-9 * max(1, abs(reflection).max() ** 2))


def brute_force(cavity, noise, rates, detuning, pieces):
    """Light in one channel from sources in the middle of every piece, matrix by matrix."""
    half, kinds = [], []
    for number, s in enumerate(cavity.sections):
        delta = detuning - s.detuning - 0.5j * s.gain
        generator = 1j * np.array([[delta, -s.kappa], [s.kappa, -delta]])
        jump = np.diag(np.exp([1j * s.phase, -1j * s.phase]))
        step = expm(generator * s.length / (2 * pieces))
        half += [(step @ jump if piece == 0 else step, step) for piece in range(pieces)]
        kinds += [number] * pieces
    u, v = [np.array([cavity.left, 1])], [np.array([1, cavity.right])]
    for before, after in half:
        u[-1:] = [u[-1], before @ u[-1]]
        u.append(after @ u[-1])
    for before, after in half[::-1]:
        v[-1:] = [v[-1], np.linalg.solve(after, v[-1])]
        v.append(np.linalg.solve(before, v[-1]))
    u, v = np.array(u[1::2]), np.array(v[1::2][::-1])
    width = np.array([cavity.sections[kind].length for kind in kinds]) / pieces
    constant = np.abs(u[0, 0] * v[0, 1] - u[0, 1] * v[0, 0]) ** 2
    own, mixed = np.array([noise[kind] for kind in kinds]).T * width

    def source(w):
        return own * (np.abs(w) ** 2).sum(axis=1) + 2 * mixed * (w[:, 1] * w[:, 0].conj()).real

    def lost(w):
        even, odd = np.array([rates[kind] for kind in kinds]).T * width
        return even * np.abs(w.sum(axis=1)) ** 2 + odd * np.abs(w[:, 0] - w[:, 1]) ** 2

    reached = np.tril(np.ones((len(kinds),) * 2), -1) + 0.5 * np.eye(len(kinds))
    to_right = lost(v) @ (reached @ source(u))
    return (to_right + lost(u) @ (reached.T @ source(v))) / constant


def test_light_in_a_channel_is_that_of_single_sources_summed():
    sections = (
        Section(0.7, 2 - 0.1j, gain=0.3),
        Section(1.0, -1 + 0.05j, 0.3, gain=0.1, phase=0.8),
    )
    cavity, noise = Cavity(sections, 0.3, -0.2j), [(0.5, -0.2), (0.3, 0.1)]
    rates = [(0.2, 0.05), (0.1, 0.3)]
    found = emission(cavity, [0.6], 0.0, noise, [rates]).channels[0, 0]
    gaps = [brute_force(cavity, noise, rates, 0.6, pieces) / found - 1 for pieces in (20, 40, 80)]
    assert abs(gaps[0]) < 2e-2
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.02)
    assert gaps[1] / gaps[2] == pytest.approx(4, rel=0.02)


def test_light_of_the_dark_edge_does_not_leave_the_surface():
    cavity = Cavity((Section(40.0, 3 - 0.2j, gain=-0.4),))
    even, odd = emission(cavity, [-3.0, 3.0], 0.0, [(0.1, 0.0)], [[[1, 0]], [[0, 1]]]).channels
    assert odd[0] > 100 * even[0]
    assert even[1] > 10 * odd[1]


@pytest.mark.parametrize("channels", [[[1.0, 0.0]], [[[1.0, 0.0]] * 2], [[[1.0]]]])
def test_channels_of_another_shape_are_refused(channels):
    with pytest.raises(InputError, match="each channel needs two numbers for each of the 1 sect"):
        taken(Cavity((Section(1.0, 2.0),)), [0.0], channels)
