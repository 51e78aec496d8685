"""Emission below threshold against what amplified light gains, and against the threshold modes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dfbdesign.errors import InputError
from dfbdesign.solvers.spectra import emission
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
