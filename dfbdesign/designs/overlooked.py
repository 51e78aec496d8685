r"""Whether a mode of many finite devices was overlooked below the lowest threshold found.

The mismatch $f(\delta, g)$ of `dfbdesign.designs.coupled` vanishes at the threshold modes, real
pairs of detuning and gain. Around a rectangle in that plane the phase of $f$ turns by $2\pi$ for
each of them. The factors of the modes that were found, $f_\delta (\delta - \delta_m) + f_g (g -
g_m)$, are divided out first: what remains must not turn at all, and hardly anything is near the
path. Where the phase moves fast, the path is halved until it does not.
"""

from math import ceil, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.designs.coupled import Complex, Gains, ManyWaves, Real, mismatch
from dfbdesign.lasers.cavity import FilmCavity

STEP = 0.8
"""Phase from point to point of light that goes through without feedback [rad]."""
TURN = 1.5
"""Largest change of phase that is followed without halving [rad]."""
HALVINGS = 12
"""At most; devices whose phase is still unclear count as overlooked."""


def overlooked(
    pumped: FilmCavity, gains: Gains, waves: ManyWaves, detuning: Real, gain: Real
) -> NDArray[np.bool_]:
    """Whether the count of modes below the lowest found one is not zero, or unclear.

    Args:
        pumped: The nominal device.
        gains: Stretches of the devices.
        waves: Their coupled waves.
        detuning: Of the modes found, shape (device, mode); nan where there is none [1/µm].
        gain: Their gain at the peak of the pump; infinite where there is none [1/µm].

    Returns:
        Shape (device,).
    """
    out: NDArray[np.bool_] = np.asarray(~np.isfinite(gain).any(axis=1))
    rows = np.flatnonzero(~out)
    if len(rows):
        path = _Path(pumped, gains.where(rows), waves.where(rows), detuning[rows], gain[rows])
        out[rows] = path.turned() != 0
    return out


class _Path:
    """Around the modes below the lowest one of each device."""

    def __init__(
        self, pumped: FilmCavity, gains: Gains, waves: ManyWaves, detuning: Real, gain: Real
    ) -> None:
        self.gains, self.waves = gains, waves
        confinement = 2 * waves.n_group * waves.centre_slope.imag
        self.reach = np.abs(waves.n_group * waves.half_split) + 4 * pi / pumped.length
        self.low = -3 / (pumped.pumped_length * confinement)  # no mode lases there
        self.top = gain.min(axis=1) * (1 - 1e-3)
        self.steps = ceil(float(self.reach.max()) * pumped.length / STEP)
        self.modes = [
            (x, np.where(np.isfinite(y), y, 0.0), *_slopes(pumped, gains, waves, x, y))
            for x, y in zip(detuning.T, gain.T, strict=True)
        ]

    def turned(self) -> Real:
        """Turns of the phase on the way around, shape (device,); nan where it is unclear."""
        sides = enumerate((self.steps, 8, self.steps, 8))
        t = np.concatenate([np.linspace(side, side + 1, n, endpoint=False) for side, n in sides])
        devices = len(self.top)
        row: NDArray[Any] = np.repeat(np.arange(devices), len(t))
        a: NDArray[Any] = np.tile(t, devices)
        b: NDArray[Any] = np.tile(np.append(t[1:], 4.0), devices)
        here: NDArray[Any] = self.at(row, a)
        there: NDArray[Any] = np.roll(here.reshape(devices, -1), -1, axis=1).ravel()
        total = np.zeros(devices)
        for _ in range(HALVINGS):
            step = np.angle(there / here)
            slow = np.abs(step) < TURN
            np.add.at(total, row[slow], step[slow])
            if slow.all():
                break
            row, a, b, here, there = (one[~slow] for one in (row, a, b, here, there))
            middle = (a + b) / 2
            between = self.at(row, middle)
            row, a, b = np.tile(row, 2), np.append(a, middle), np.append(middle, b)
            here, there = np.append(here, between), np.append(between, there)
        else:
            total[row] = np.nan
        return np.round(total / (2 * pi))

    def at(self, row: NDArray[np.int64], t: Real) -> Complex:
        """The mismatch without the modes found, at points of the path of some devices."""
        side = t % 1
        across = np.select([t < 1, t < 2, t < 3], [2 * side - 1, 1.0, 1 - 2 * side], -1.0)
        up = np.select([t < 1, t < 2, t < 3], [0.0, side, 1.0], 1 - side)
        delta = across * 1.013 * self.reach[row]
        peak = self.low[row] + up * (self.top - self.low)[row]
        gains, waves = self.gains.where(row), self.waves.where(row)
        value = mismatch(gains, waves, delta + 0j, gains.at(peak))[0]
        for x, y, along, upwards in self.modes:
            factor = along[row] * (delta - x[row]) + upwards[row] * (peak - y[row])
            value = value / np.where(np.isfinite(factor), factor, 1)
        return value


def _slopes(
    pumped: FilmCavity, gains: Gains, waves: ManyWaves, detuning: Real, gain: Real
) -> tuple[Complex, Complex]:
    """Derivatives of the mismatch at a mode; nan where there is none."""
    x, y = np.nan_to_num(detuning), np.where(np.isfinite(gain), gain, 0.0)
    step = 1e-5 / pumped.length
    rise = 1e-5 / (pumped.pumped_length * 2 * waves.n_group * waves.centre_slope.imag)
    f, log = mismatch(gains, waves, x + 0j, gains.at(y))
    along, grown = mismatch(gains, waves, x + step + 0j, gains.at(y))
    upwards, higher = mismatch(gains, waves, x + 0j, gains.at(y + rise))
    along = (along * np.exp(grown - log) - f) / step
    upwards = (upwards * np.exp(higher - log) - f) / rise
    nothing = ~np.isfinite(gain)
    return np.where(nothing, np.nan, along), np.where(nothing, np.nan, upwards)
