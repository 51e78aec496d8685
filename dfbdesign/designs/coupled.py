"""Coupled waves of many finite devices at once: what they do at a detuning and a gain.

The finite device is that of `dfbdesign.lasers.cavity`. R and S are carried through its stretches
from the left, where what comes back is known; at a threshold mode they meet the right end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.lasers.cavity import FilmCavity
from dfbdesign.solvers.unit_cell import BandEdges

Real = NDArray[np.floating[Any]]
Complex = NDArray[np.complexfloating[Any, Any]]


@dataclass(frozen=True)
class ManyWaves:
    """Coupled waves of many devices, linear in the material gain; arrays of shape (device,)."""

    centre: Complex
    centre_slope: Complex
    half_split: Complex
    half_split_slope: Complex
    n_group: Real

    def where(self, rows: Any) -> "ManyWaves":
        """Those of some devices."""
        return ManyWaves(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def waves_of_edges(edges: BandEdges) -> ManyWaves:
    """Coupled waves of many unit cells.

    Args:
        edges: Their band edges.

    Returns:
        Centre, split and slopes.
    """
    k, slope = edges.wavenumber, edges.gain_slope
    return ManyWaves(
        (k[:, 0] + k[:, 1]) / 2,
        (slope[:, 0] + slope[:, 1]) / 2,
        (k[:, 0] - k[:, 1]) / 2,
        (slope[:, 0] - slope[:, 1]) / 2,
        edges.n_group,
    )


@dataclass(frozen=True)
class Gains:
    """Stretches of devices, and their material gain against that at the peak of the pump.

    The axis of the devices has one entry where all are alike.
    """

    length: Real
    """Shape (stretch, device), as the phase in front of it."""
    phase: Real
    facets: tuple[Complex, Complex]
    """Shape (device,) each."""
    base: Real
    """Gain at no gain at the peak, and its slope, of an even pump, shape (device, stretch)."""
    slope: Real
    peaks: Real
    """Gains at the peak, and gain of every stretch there, of an uneven pump: shape (peak,) and
    (peak, stretch); empty of an even one."""
    table: Real

    @classmethod
    def of(cls, cavities: Sequence[FilmCavity]) -> "Gains":
        """Those of one cavity for all devices, or of one for each."""
        parts = [one.stretches for one in cavities]
        length, phase = (
            np.array([[getattr(part, name) for part in one] for one in parts]).T
            for name in ("length", "phase")
        )
        left, right = (np.array([one.facets[end] for one in cavities]) for end in (0, 1))
        first = cavities[0]
        base = slope = np.zeros((len(cavities), len(length)))
        peaks, table = np.zeros(0), np.zeros((0, len(length)))
        if first.film is None or all(part.fluence == 1 for part in first.stretches):
            distinct = {key: one.gains(0.0) for key, one in {id(c): c for c in cavities}.items()}
            base, slope = (np.array([distinct[id(one)][i] for one in cavities]) for i in (0, 1))
        else:
            peaks = np.linspace(0.0, first.reach, 400)
            table = np.array([first.gains(float(peak))[0] for peak in peaks])
        return cls(length, phase, (left, right), base, slope, peaks, table)

    def where(self, rows: Any) -> "Gains":
        """Those of some devices."""
        if len(self.base) == 1:
            return self
        left, right = self.facets
        return replace(
            self, length=self.length[:, rows], phase=self.phase[:, rows],
            facets=(left[rows], right[rows]), base=self.base[rows], slope=self.slope[rows],
        )  # fmt: skip

    def cut(self, pieces: int) -> "Gains":
        """The same in so many pieces for each stretch."""
        phase = np.zeros((len(self.length) * pieces, self.length.shape[1]))
        phase[::pieces] = self.phase
        length = np.repeat(self.length / pieces, pieces, axis=0)
        base, slope, table = (
            np.repeat(one, pieces, axis=1) for one in (self.base, self.slope, self.table)
        )
        return replace(self, length=length, phase=phase, base=base, slope=slope, table=table)

    def at(self, peak: Real) -> Real:
        """Gain of every stretch, shape (device, stretch)."""
        if not len(self.peaks):
            return self.base + self.slope * peak[:, None]
        columns = [np.interp(peak, self.peaks, column) for column in self.table.T]
        return np.stack(columns, axis=-1)


def mismatch(
    gains: Gains,
    waves: ManyWaves,
    delta: Complex,
    gain: Real,
    trace: list[tuple[Complex, Complex, Real]] | None = None,
) -> tuple[Complex, Real]:
    """What enters from the right when nothing enters from the left, and the log of its scale."""
    n = waves.n_group[:, None]
    kappa = n * (waves.half_split[:, None] + waves.half_split_slope[:, None] * gain)
    own = delta[:, None] - n * (
        1j * waves.centre.imag[:, None] + waves.centre_slope[:, None] * gain
    )
    right, left = gains.facets[0] + np.zeros(len(delta), complex), np.ones(len(delta), complex)
    log = np.zeros(len(delta))
    if trace is not None:
        trace.append((right, left, log))
    s = np.sqrt(kappa**2 - own**2)
    for j, (length, phase) in enumerate(zip(gains.length, gains.phase, strict=True)):
        x = s[:, j] * length  # Re x >= 0, as np.sqrt has it
        growth, turn = x.real, np.exp(1j * x.imag)
        back = np.exp(-2 * growth) * turn.conj()
        small = np.abs(x) < 1e-3
        cosh = (turn + back) / 2
        sinh = np.where(
            small,
            length * np.exp(-growth) * (1 + x**2 / 6),
            (turn - back) / (2 * np.where(small, 1, s[:, j])),
        )
        right, left = right * np.exp(1j * phase), left * np.exp(-1j * phase)
        turned = 1j * (own[:, j] * right - kappa[:, j] * left)
        back = 1j * (kappa[:, j] * right - own[:, j] * left)
        right, left = cosh * right + sinh * turned, cosh * left + sinh * back
        size = np.sqrt(np.abs(right) ** 2 + np.abs(left) ** 2)
        right, left, log = right / size, left / size, log + growth + np.log(size)
        if trace is not None:
            trace.append((right, left, log))
    return np.asarray(left - gains.facets[1] * right), log


def newton(
    pumped: FilmCavity, gains: Gains, waves: ManyWaves, delta: Real, gain: Real
) -> tuple[Real, Real, NDArray[np.bool_]]:
    """Detuning and peak gain at threshold, and whether they were found."""
    delta, gain = delta.copy(), gain.copy()
    span, top = 1 / pumped.length, pumped.reach
    unit = 2 * span / max(float(np.nanmedian(waves.n_group * waves.centre_slope.imag)) * 2, 1e-9)
    done = np.zeros(len(delta), dtype=bool)
    for _ in range(40):
        rows = np.flatnonzero(~done)
        if not len(rows):
            break
        some, here, now = waves.where(rows), delta[rows], gain[rows]
        own = gains.where(rows)
        step = 1e-6
        points = ((0, 0), (step, 0), (0, step))
        values = [
            mismatch(own, some, (here + a * span) + 0j, own.at(now + b * unit)) for a, b in points
        ]
        f, log = values[0]
        dx, dy = ((value * np.exp(grown - log) - f) / step for value, grown in values[1:])
        determinant = dx.real * dy.imag - dx.imag * dy.real
        determinant = np.where(determinant == 0, 1e-300, determinant)
        move_x = (-f.real * dy.imag + f.imag * dy.real) / determinant
        move_y = (-dx.real * f.imag + dx.imag * f.real) / determinant
        size = np.maximum(np.hypot(move_x, move_y), 1e-300)
        factor = np.minimum(1, 0.7 / size)
        delta[rows] += factor * move_x * span
        gain[rows] = np.clip(now + factor * move_y * unit, 1e-3 * now, top)
        done[rows] = size < 1e-8
    return delta, gain, done


def cold(pumped: FilmCavity, gains: Gains, waves: ManyWaves, detuning: Real, gain: Real) -> Real:
    """Q of the modes that are left when gain and absorption are faded out together."""
    quality = np.full(len(detuning), np.nan)
    rows = np.flatnonzero(np.isfinite(gain))
    some, x, gains = waves.where(rows), detuning[rows] + 0j, gains.where(rows)
    span, full = 1 / pumped.length, gains.at(gain[rows])
    move = np.zeros(len(rows), complex)
    for left in np.linspace(1, 0, 13)[1:]:
        before, x = x, x + move
        for _ in range(8):
            f, log = mismatch(gains, some, x, left * full)
            g, grown = mismatch(gains, some, x + 1e-6 * span, left * full)
            slope = (g * np.exp(grown - log) - f) / (1e-6 * span)
            step = -f / slope
            x = x + step * np.minimum(1, 0.5 * span / np.maximum(np.abs(step), 1e-300))
        move = x - before
    k = some.centre.real + x / some.n_group
    good = np.abs(f) < 1e-6
    with np.errstate(divide="ignore", invalid="ignore"):
        quality[rows] = np.where(good & (k.imag < 0), -k.real / (2 * k.imag), np.nan)
    return quality
