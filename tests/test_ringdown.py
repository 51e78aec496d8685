"""Frequencies and decay of a recorded field against oscillations that are known."""

import numpy as np
import pytest

from dfbdesign.errors import NotConverged
from dfbdesign.fdtd.ringdown import ringdown

TIME = np.arange(0, 280, 0.124)


def oscillation(frequency: float, quality_factor: float, amplitude: float = 1.0) -> np.ndarray:
    decay = np.pi * frequency / quality_factor
    return amplitude * np.exp(-decay * TIME) * np.cos(2 * np.pi * frequency * TIME + 0.4)


@pytest.mark.parametrize("quality_factor", [200.0, 6000.0, 1e6, -6000.0])
@pytest.mark.parametrize("frequency", [0.985, 1.0, 1.0123])
def test_one_damped_oscillation_is_found_with_its_decay(frequency, quality_factor):
    found = ringdown(oscillation(frequency, quality_factor), 0.124, 1.0).nearest(1.0)
    assert found.real == pytest.approx(frequency, rel=1e-9)
    assert -found.real / (2 * found.imag) == pytest.approx(quality_factor, rel=1e-4)


def test_two_oscillations_closer_than_their_fourier_limit_are_told_apart():
    signals = oscillation(1.0, 5000) + oscillation(1.002, 3000, 0.3)
    parts = ringdown(signals, 0.124, 1.0)
    for frequency, quality_factor in ((1.0, 5000), (1.002, 3000)):
        found = parts.nearest(frequency)
        assert found.real == pytest.approx(frequency, rel=1e-7)
        assert -found.real / (2 * found.imag) == pytest.approx(quality_factor, rel=1e-2)


def test_what_lies_outside_the_band_does_not_disturb():
    alone = ringdown(oscillation(1.0, 6000), 0.124, 1.0).nearest(1.0)
    disturbed = oscillation(1.0, 6000) + oscillation(1.12, 900, 0.2) + oscillation(0.05, 50)
    found = ringdown(disturbed, 0.124, 1.0).nearest(1.0)
    assert abs(found - alone) < 1e-9


@pytest.mark.parametrize(
    ("signals", "message"),
    [
        (np.random.default_rng(1).normal(size=TIME.size), "no sum of"),
        (oscillation(1.045, 6000), "nearer to the mode"),
        (np.zeros(TIME.size), "zero or too short"),
        (oscillation(1.0, 6000)[:500], "zero or too short"),
    ],
)
def test_a_field_that_shows_no_mode_is_an_error(signals, message):
    with pytest.raises(NotConverged, match=message):
        ringdown(signals, 0.124, 1.0).nearest(1.0)


def test_modes_are_told_apart_that_a_coarse_grid_shifts_by_more_than_their_distance():
    signals = oscillation(0.995, 5000) + oscillation(1.0, 3000, 0.3) + oscillation(1.003, 4000, 0.3)
    parts = ringdown(signals, 0.124, 1.0)
    assert parts.nearest(0.999).real == pytest.approx(1.0)
    found = parts.matched([1.0041, 0.9989])  # both shifted down by 0.004
    np.testing.assert_allclose(np.real(found), [1.0, 0.995], rtol=1e-6)
    with pytest.raises(NotConverged, match="3 oscillations where 4 modes"):
        parts.matched([0.995, 1.0, 1.005, 1.006])
