"""Course of pump light in time: a Gaussian pulse, a pulse of any shape, continuous light."""

from dataclasses import dataclass
from math import inf, log, pi, sqrt
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.table import read_table
from dfbdesign.units import ps

Real = NDArray[np.float64]


class Envelope(Protocol):
    """Course of the pump in time, for a level of one."""

    @property
    def begin(self) -> float:
        """When it sets in [ps]."""

    @property
    def end(self) -> float:
        """When it has done all but 1e-12 of its work [ps]."""

    @property
    def step(self) -> float:
        """Longest step of time that does not miss it [ps]."""

    def rate(self, time: float) -> float:
        """Pump at a time [1/ps]."""

    def slope(self, time: float) -> float:
        """Its derivative [1/ps²]."""


@dataclass(frozen=True)
class GaussianPulse:
    """A pulse, Gaussian in time about zero; the level is what it brings in all."""

    duration: float
    """Full width at half maximum [ps]."""

    @property
    def begin(self) -> float:
        """Seven standard deviations before the centre [ps]."""
        return -3 * self.duration

    @property
    def end(self) -> float:
        """Seven standard deviations after it [ps]."""
        return 3 * self.duration

    @property
    def step(self) -> float:
        """A quarter of the width [ps]."""
        return self.duration / 4

    def rate(self, time: float) -> float:
        """Pump at a time [1/ps]."""
        sharpness = 4 * log(2) / self.duration**2
        return sqrt(sharpness / pi) * float(np.exp(-sharpness * time**2))

    def slope(self, time: float) -> float:
        """Its derivative [1/ps²]."""
        return -8 * log(2) / self.duration**2 * time * self.rate(time)


@dataclass(frozen=True)
class SampledPulse:
    """A pulse of any shape, straight between samples; the level is what it brings in all."""

    times: Real
    """Ascending times, shape (sample) [ps]."""
    power: Real
    """Power at these times in any unit, shape (sample)."""

    @property
    def begin(self) -> float:
        """First sample [ps]."""
        return float(self.times[0])

    @property
    def end(self) -> float:
        """Last sample [ps]."""
        return float(self.times[-1])

    @property
    def step(self) -> float:
        """An eighth of the shortest distance of two samples [ps]."""
        return float(np.diff(self.times).min()) / 8

    def rate(self, time: float) -> float:
        """Pump at a time [1/ps]."""
        area = float(np.trapezoid(self.power, self.times))
        return float(np.interp(time, self.times, self.power, 0.0, 0.0)) / area

    def slope(self, time: float) -> float:
        """Its derivative [1/ps²]."""
        number = int(np.searchsorted(self.times, time, side="right")) - 1
        if not 0 <= number < len(self.times) - 1:
            return 0.0
        rise = np.diff(self.power)[number] / np.diff(self.times)[number]
        return float(rise / np.trapezoid(self.power, self.times))


def read_pulse(path: str | Path) -> SampledPulse:
    """Read the shape of a pump pulse.

    Args:
        path: CSV file with the columns time_ps and power, in any unit.

    Returns:
        The pulse.

    Raises:
        InputError: If the file cannot be read, times do not ascend, or power is negative or zero
            everywhere.
    """
    table = read_table(Path(path), ("time_ps", "power"), at_least=3)
    times, power = table["time_ps"] * ps, table["power"]
    if np.any(np.diff(times) <= 0):
        raise InputError(f"{path}: time_ps must ascend from row to row.")
    if power.min() < 0 or power.max() == 0:
        raise InputError(f"{path}: power must not be negative, nor zero everywhere.")
    return SampledPulse(times, power)


@dataclass(frozen=True)
class Steady:
    """Continuous pump light from time zero on; the level is what it brings per time."""

    begin: float = 0.0
    end: float = 0.0
    step: float = inf

    def rate(self, time: float) -> float:
        """Pump at a time [1/ps]."""
        return 1.0

    def slope(self, time: float) -> float:
        """Its derivative [1/ps²]."""
        return 0.0
