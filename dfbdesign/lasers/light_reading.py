r"""Light against pump: what an experiment reads off a laser, simulated.

Every level of the pump is one pulse (or continuous light) on the rate equations of
`dfbdesign.lasers.rate_equations`. Read off as in an experiment:

- **threshold**: the curve rises most steeply (in its logarithms) at the kink. A straight line
  through the points from there to a fifth more pump meets the line through the points below it at
  the threshold. Light sets in with a step, as it takes multiexcitons, and so Auger recombination,
  away: the line then meets a little before it. `fit` tells the points on either side of the step.
- **slope efficiency**: slope of that line, over absorbed pump energy.
- **saturation**: the slope of the last three points over that of the line.
- **build-up** and **width** of a pulse: from the centre of the pump pulse to the peak of the light,
  and full width at half maximum.
- **spectrum**: of the field $\sqrt{S_m(t)}\,e^{-i\int\omega_m dt}$ over all the pulse, the modes
  added as powers. The frequency follows the gain: $\alpha/2$ times its excess over threshold.
- **lower limit of the width**: $R(1 + \alpha^2)/4\pi S$ (A. L. Schawlow and C. H. Townes, Phys.
  Rev. 112, 1940 (1958); the factors of C. H. Henry, IEEE J. Quantum Electron. 18, 259 (1982)).

Left out: heating. There is no thermo-optic coefficient of such a film to compute a drift with.
"""

from dataclasses import dataclass
from functools import cached_property
from math import pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.lasers.light_model import LightModel
from dfbdesign.lasers.rate_equations import Simulation
from dfbdesign.units import SPEED_OF_LIGHT, nm, ps

Real = NDArray[np.float64]

REACH = 1.2
"""Pump up to which the line above the kink is fitted, over that at the kink."""


@dataclass(frozen=True, eq=False)
class Kink:
    """Where light sets in, and the straight lines on either side of it."""

    dark: float
    """Pump at the last point before."""
    lit: float
    """Pump at the first point behind."""
    above: Real
    """Slope and offset of the line above."""
    below: Real
    """Slope and offset of the line below."""

    @property
    def threshold(self) -> float:
        """Pump at which the lines meet."""
        return float((self.below[1] - self.above[1]) / (self.above[0] - self.below[0]))


@dataclass(frozen=True, eq=False)
class LightCurve:
    """Light of a device against its pump."""

    model: LightModel
    simulation: Simulation
    pump: Real
    """Incident fluence [pJ/µm²] of pulses, or intensity [W/µm²] of continuous light; (level)."""
    light: Real
    """Energy per pulse [pJ], or power [W], that leaves up, down, sideways, or is absorbed by the
    stack; shape (level, 4)."""
    absorbed: Real
    """Pump energy per pulse, or power, that the film absorbs, shape (level)."""
    linewidth_enhancement: float
    """Of the film."""
    static_threshold: float
    """Pump at which the first mode starts to grow without light so far: after a pulse, in dots
    filled at random before any of them recombines; under continuous light, in the long run."""

    @property
    def output(self) -> Real:
        """What is measured: light upwards, or sideways if nothing leaves upwards, shape (level)."""
        return np.asarray(self.light[:, self._side])

    @property
    def side(self) -> Literal["upwards", "sideways"]:
        """Where that light leaves: sideways from a grating that does not radiate (first order)."""
        return "sideways" if self._side else "upwards"

    @property
    def _side(self) -> int:
        return 0 if self.light[:, 0].max() > 0 else 2

    @property
    def strongest_share(self) -> Real:
        """Share of the strongest mode in that light, shape (level).

        One mode carries nearly all only up to the threshold of the next one. Above it both build
        up in the pulse of gain, before either can take the excitons from the other.
        """
        each = self.simulation.lost * self.model.energies * self.model.shares[:, self._side]
        return np.asarray(each.max(axis=-1) / each.sum(axis=-1))

    @cached_property
    def _kink(self) -> Kink | None:
        x, y = self.pump, self.output
        if len(x) < 5 or y.min() <= 0:
            return None
        steep = np.diff(np.log(y)) / np.diff(np.log(x))
        lit = int(np.argmax(steep)) + 1
        above = (np.arange(len(x)) >= lit) & (x <= REACH * x[lit])
        if steep.max() < 3 or above.sum() < 3 or lit < 2:
            return None
        below = max(lit - 1, 2)
        return Kink(
            float(x[lit - 1]),
            float(x[lit]),
            np.polyfit(x[above], y[above], 1),
            np.polyfit(x[:below], y[:below], 1),
        )

    @property
    def has_kink(self) -> bool:
        """Whether the points hold a kink, with two points below it and three on the line above."""
        return self._kink is not None

    @property
    def fit(self) -> Kink:
        """The lines through the points above and below the kink.

        Raises:
            InputError: If the points do not hold a kink.
        """
        if self._kink is None:
            raise InputError(
                "the light has no kink with two points below and three above it. Give pump levels "
                f"from 0.7 to 3 times the static threshold, {self.static_threshold:.6g} "
                "(in pJ/um^2, or W/um^2 for continuous light)."
            )
        return self._kink

    @property
    def threshold(self) -> float:
        """Pump at which the lines above and below the kink meet.

        Raises:
            InputError: If the points do not hold a kink.
        """
        return self.fit.threshold

    @property
    def slope_efficiency(self) -> float:
        """Measured light per pump energy that the film absorbs, just above threshold."""
        return float(self.fit.above[0] * self.pump[-1] / self.absorbed[-1])

    @property
    def saturation(self) -> float:
        """Slope at the end of the curve over that just above threshold."""
        return float(np.polyfit(self.pump[-3:], self.output[-3:], 1)[0] / self.fit.above[0])

    @cached_property
    def power(self) -> Real:
        """Power of that light, shape (time, level) [W]."""
        share = self.model.shares[:, self._side] * self.model.energies
        return np.asarray(self.simulation.leaving @ share)

    @property
    def build_up(self) -> Real:
        """From the centre of the pump pulse to the peak of the light, shape (level) [ps]."""
        return np.asarray(self.simulation.times[np.argmax(self.power, axis=0)])

    @property
    def width(self) -> Real:
        """Full width at half maximum of the light's pulse, shape (level) [ps]."""
        return np.array([_full_width(self.simulation.times, one) for one in self.power.T])

    @property
    def peak_photons(self) -> Real:
        """Largest number of photons in the modes, shape (level)."""
        return np.asarray(self.simulation.photons.sum(axis=-1).max(axis=0))

    @property
    def schawlow_townes(self) -> Real:
        """Lower limit of the width in wavelength, at the peak of the light, shape (level) [µm]."""
        place = np.argmax(self.power, axis=0)
        levels = np.arange(len(self.pump))
        photons = self.simulation.photons[place, levels]
        best = np.argmax(photons, axis=-1)
        rate = self.simulation.chance[place, levels, best]
        width = rate * (1 + self.linewidth_enhancement**2) / (4 * pi * photons[levels, best])
        wavelength = np.array([one.wavelength for one in self.model.modes])[best]
        return np.asarray(wavelength**2 / SPEED_OF_LIGHT * width)

    def spectrum(self, level: int, span: float = 20 * nm, step: float = 0.05 * ps) -> "Spectrum":
        """Time-integrated spectrum of the light that is measured.

        Args:
            level: Number of the pump level.
            span: Width of the window about the first mode [µm].
            step: Of time; fast enough for all modes [ps].

        Returns:
            The spectrum, as an instrument without a width of its own sees it.
        """
        found = self.simulation
        time = np.arange(found.times[0], found.times[-1], step)
        waves = [2 * pi * SPEED_OF_LIGHT / one.wavelength for one in self.model.modes]
        size = 1 << (4 * len(time) - 1).bit_length()
        power = np.zeros(size)
        for number, overlap in enumerate(self.model.overlaps):
            moved = np.interp(time, found.times, found.detuning[:, level, number])
            light = np.interp(time, found.times, found.photons[:, level, number])
            turned = np.cumsum(moved + waves[number] - waves[0]) * step
            field = np.sqrt(np.maximum(light, 0)) * np.exp(-1j * turned)
            # e^{-i ω t} is the wave: the inverse transform finds ω
            rate = (overlap.upwards, overlap.downwards, overlap.sideways)[self._side]
            power += rate * np.abs(np.fft.ifft(field, size)) ** 2
        frequency = waves[0] + 2 * pi * np.fft.fftfreq(size, step)
        wavelength = 2 * pi * SPEED_OF_LIGHT / frequency
        near = np.flatnonzero(np.abs(wavelength - self.model.modes[0].wavelength) < span / 2)
        near = near[np.argsort(wavelength[near])]
        return Spectrum(np.asarray(wavelength[near], float), power[near] / power[near].max())


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A time-integrated spectrum."""

    wavelength: Real
    """Vacuum wavelengths, ascending, shape (wavelength) [µm]."""
    power: Real
    """Power per frequency, the largest is one, shape (wavelength)."""

    @property
    def peak(self) -> float:
        """Wavelength of the largest power [µm]."""
        return float(self.wavelength[np.argmax(self.power)])

    @property
    def width(self) -> float:
        """Full width at half maximum of the line with the largest power [µm]."""
        return _full_width(self.wavelength, self.power)


def _full_width(x: Real, y: Real) -> float:
    """Full width at half maximum of the largest peak."""
    peak, half = int(np.argmax(y)), y.max() / 2
    under = np.flatnonzero(y < half)
    before, behind = under[under < peak], under[under > peak]
    low, high = x[0], x[-1]
    if len(before):
        n = before[-1]
        low = x[n] + (half - y[n]) / (y[n + 1] - y[n]) * (x[n + 1] - x[n])
    if len(behind):
        n = behind[0]
        high = x[n] - (half - y[n]) / (y[n - 1] - y[n]) * (x[n] - x[n - 1])
    return float(high - low)
