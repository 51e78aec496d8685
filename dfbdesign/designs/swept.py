"""Many finite devices at once: band edges of a sweep, and the threshold modes that follow.

The band edges come from the unit cell, in two processes if wanted. The finite device is that of
`dfbdesign.lasers.cavity`: coupled waves whose gain follows the pump. Its threshold modes are found
for all devices together by Newton's method on detuning and gain, from starts on both sides of the
stop band and from the modes of the nominal device.
"""

from copy import copy
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.gain.film import Film, threshold_fluence
from dfbdesign.lasers.cavity import FilmCavity
from dfbdesign.lasers.laser import Laser
from dfbdesign.solvers.unit_cell import BandEdges, band_edges

Real = NDArray[np.floating[Any]]
Complex = NDArray[np.complexfloating[Any, Any]]

MATERIALS_TOGETHER = 64
"""Devices of different dispersive materials that are solved together."""
FIELD_POINTS = 400
"""Pieces that a device is cut into for the integral of its field."""


def solved_edges(device: Device, changes: dict[str, Any], workers: int = 1) -> BandEdges:
    """Both band edges next to the target of many devices.

    Args:
        device: Needs a grating and a target.
        changes: Arrays by path, all of one length.
        workers: Processes to share the work.

    Returns:
        As `band_edges` gives them, followed from the target, not counted.
    """
    size = max(len(value) for value in changes.values())
    many = any(isinstance(value, list) for value in changes.values())
    count = -(-size // MATERIALS_TOGETHER) if many else workers if size >= 200 else 1
    parts = np.array_split(np.arange(size), count)
    jobs = [{path: _part(value, rows) for path, value in changes.items()} for rows in parts]
    if workers == 1 or size < 200:
        found = [_solve(device, job) for job in jobs]
    else:
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(workers) as pool:
            found = list(pool.map(_solve, [device] * count, jobs))
    missing = {
        int(rows[row]): why
        for rows, one in zip(parts, found, strict=True)
        for row, why in one.missing.items()
    }
    names = ("wavenumber", "wavelength_error", "n_group", "gain_slope", "threshold_gain")
    joined = {name: np.concatenate([getattr(one, name) for one in found]) for name in names}
    return BandEdges(**joined, missing=missing)


def _solve(device: Device, changes: dict[str, Any]) -> BandEdges:
    return band_edges(device, changes, counted=False)


def _part(value: Any, rows: NDArray[np.int64]) -> Any:
    if isinstance(value, list):
        return value[rows[0] : rows[-1] + 1]
    return value[rows]


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
class ManyModes:
    """The lowest threshold mode on either side of the stop band of many devices."""

    wavelength: Real
    """Of the mode next to the even and to the odd edge, shape (device, 2); nan if none lases
    [µm]."""
    gain: Real
    """Threshold material gain at the peak of the pump, infinite if none lases [1/µm]."""
    quality_factor: Real
    """Of the same modes without gain, and without absorption of the film."""

    @property
    def first(self) -> NDArray[np.int64]:
        """0 where the mode next to the even edge lases first, else 1; shape (device,)."""
        return np.asarray(np.argmin(self.gain, axis=1))

    def lasing(self, name: str) -> Real:
        """A quantity of the mode that lases first, shape (device,)."""
        values: Real = getattr(self, name)
        return np.take_along_axis(values, self.first[:, None], 1)[:, 0]


def many_modes(nominal: Laser, waves: ManyWaves, quality: bool = True) -> ManyModes:
    """Lowest threshold modes of many devices that differ in their unit cell alone.

    Args:
        nominal: A solved device: its length, pump, film and facets are those of all.
        waves: Coupled waves of the devices; those that are nan have no modes.
        quality: Whether to compute quality factors, too.

    Returns:
        Wavelength, threshold and Q of the lowest mode next to each edge.
    """
    pumped = nominal.modes[0].pumped.core
    gains = _Gains(pumped)
    count = len(waves.n_group)
    size = (count, 2)
    best = ManyModes(np.full(size, np.nan), np.full(size, np.inf), np.full(size, np.nan))
    detunings = np.full(size, np.nan)
    sound = np.flatnonzero(np.isfinite(waves.n_group))
    for side, share, gain in _starts(nominal):
        some = waves.where(sound)
        kappa = (some.n_group * some.half_split).real
        reach = np.sqrt(kappa**2 + (pi / pumped.length) ** 2)
        sign = np.where(kappa < 0, -1.0, 1.0) * side
        start = sign * (kappa * np.sign(kappa) + share * (reach - np.abs(kappa)))
        delta, peak, good = _newton(pumped, gains, some, start, np.full(len(sound), gain))
        good &= (peak > 0) & (peak < pumped.reach)
        column = np.where(delta * np.where(kappa < 0, -1, 1) > 0, 0, 1)
        for edge in (0, 1):
            rows = good & (column == edge)
            rows[rows] &= peak[rows] < best.gain[sound[rows], edge] * (1 - 1e-9)
            best.gain[sound[rows], edge] = peak[rows]
            detunings[sound[rows], edge] = delta[rows]
    k = waves.centre.real[:, None] + detunings / waves.n_group[:, None]
    best.wavelength[:] = 2 * pi / k
    if quality:
        for edge in (0, 1):
            best.quality_factor[:, edge] = _cold(
                pumped, gains, waves, detunings[:, edge], best.gain[:, edge]
            )
    return best


def fluences(film: Film | None, pump_wavelength: float, gain: Real) -> Real:
    """Threshold fluences of threshold gains.

    Args:
        film: The film; without one no fluence is enough.
        pump_wavelength: Of the pump [µm].
        gain: Threshold material gain; infinite stays so [1/µm].

    Returns:
        Peak pump fluence of the same shape [pJ/µm²].
    """
    out = np.full(gain.shape, np.inf)
    good = np.isfinite(gain)
    if film is not None:
        good &= gain < 0.999 * film.largest_gain
        out[good] = threshold_fluence(film, gain[good], pump_wavelength)
    return out


def _starts(nominal: Laser) -> list[tuple[float, float, float]]:
    """Side of the stop band, place beyond its edge, and gain that a search starts from."""
    pumped, found = nominal.modes[0].pumped, []
    kappa = abs((pumped.waves.n_group * pumped.waves.half_split).real)
    reach = float(np.hypot(kappa, pi / pumped.length))
    turn = 1.0 if pumped.waves.half_split.real >= 0 else -1.0
    for side in (1.0, -1.0):
        own = [one for one in nominal.modes if one.mode.detuning.real * turn * side > 0]
        for one in own[:2]:
            share = (abs(one.mode.detuning.real) - kappa) / (reach - kappa)
            gain = one.threshold_material_gain
            found += [(side, share, gain), (side, share, 0.6 * gain)]
    return found


def surface_share(nominal: Laser, waves: ManyWaves, modes: ManyModes) -> Real:
    """Part of the light of the mode that lases first that leaves through the surface.

    The surface takes 2 n_g a |R + S|² per length, with a = -Im k_c of the centre, as it takes all
    from the even and nothing from the odd combination of both waves; the rest leaves at the ends.
    Materials must not absorb.

    Args:
        nominal: The solved device that all are like but for their unit cell.
        waves: Coupled waves of the devices.
        modes: Their modes.

    Returns:
        Shape (device,); nan where nothing lases.
    """
    pumped = nominal.modes[0].pumped.core
    gains, gain = _Gains(pumped), modes.lasing("gain")
    gains = gains.cut(max(1, FIELD_POINTS // len(gains.length)))
    out = np.full(len(gain), np.nan)
    rows = np.flatnonzero(np.isfinite(gain))
    some = waves.where(rows)
    detuning = some.n_group * (2 * pi / modes.lasing("wavelength")[rows] - some.centre.real)
    trace: list[tuple[Complex, Complex, Real]] = []
    _mismatch(pumped, gains, some, detuning + 0j, gains.at(gain[rows]), trace)
    right, left, log = (np.array([one[i] for one in trace]) for i in range(3))
    scale = np.exp(log - log.max(axis=0))
    even = np.abs((right + left) * scale) ** 2
    length = gains.length[:, None]
    surface = ((even[1:] + even[:-1]) / 2 * length).sum(axis=0)
    surface = -2 * some.n_group * some.centre.imag * surface
    r, s = np.abs(right * scale) ** 2, np.abs(left * scale) ** 2
    ends = (1 - abs(pumped.facets[0]) ** 2) * s[0] + (1 - abs(pumped.facets[1]) ** 2) * r[-1]
    out[rows] = surface / (surface + ends)
    return out


class _Gains:
    """Material gain of each stretch against the gain at the peak of the pump, and its slope."""

    def __init__(self, pumped: FilmCavity) -> None:
        self.length = np.array([one.length for one in pumped.stretches])
        self.phase = np.array([one.phase for one in pumped.stretches])
        fluence = np.array([one.fluence for one in pumped.stretches])
        self.straight = pumped.film is None or bool((fluence == 1).all())
        if self.straight:
            self.base, self.slope = pumped.gains(0.0)
            return
        self.peaks = np.linspace(0.0, pumped.reach, 400)
        self.table = np.array([pumped.gains(float(peak))[0] for peak in self.peaks])

    def cut(self, pieces: int) -> "_Gains":
        """The same in so many pieces for each stretch."""
        found = copy(self)
        found.length = np.repeat(self.length / pieces, pieces)
        found.phase = np.zeros(len(found.length))
        found.phase[::pieces] = self.phase
        if self.straight:
            found.base, found.slope = (np.repeat(one, pieces) for one in (self.base, self.slope))
        else:
            found.table = np.repeat(self.table, pieces, axis=1)
        return found

    def at(self, peak: Real) -> Real:
        if self.straight:
            return self.base + self.slope * peak[:, None]
        columns = [np.interp(peak, self.peaks, column) for column in self.table.T]
        return np.stack(columns, axis=-1)


def _mismatch(
    pumped: FilmCavity,
    gains: _Gains,
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
    right, left = np.full(len(delta), pumped.facets[0], complex), np.ones(len(delta), complex)
    log = np.zeros(len(delta))
    if trace is not None:
        trace.append((right, left, log))
    s = np.sqrt(kappa**2 - own**2)
    for j, (length, phase) in enumerate(zip(gains.length, gains.phase, strict=True)):
        x = s[:, j] * length
        growth = np.abs(x.real)
        up, down = np.exp(x - growth), np.exp(-x - growth)
        small = np.abs(x) < 1e-3
        cosh = (up + down) / 2
        sinh = np.where(
            small,
            length * np.exp(-growth) * (1 + x**2 / 6),
            (up - down) / (2 * np.where(small, 1, s[:, j])),
        )
        right, left = right * np.exp(1j * phase), left * np.exp(-1j * phase)
        turned = 1j * (own[:, j] * right - kappa[:, j] * left)
        back = 1j * (kappa[:, j] * right - own[:, j] * left)
        right, left = cosh * right + sinh * turned, cosh * left + sinh * back
        size = np.sqrt(np.abs(right) ** 2 + np.abs(left) ** 2)
        right, left, log = right / size, left / size, log + growth + np.log(size)
        if trace is not None:
            trace.append((right, left, log))
    return np.asarray(left - pumped.facets[1] * right), log


def _newton(
    pumped: FilmCavity, gains: _Gains, waves: ManyWaves, delta: Real, gain: Real
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
        step = 1e-6
        points = ((0, 0), (step, 0), (-step, 0), (0, step), (0, -step))
        values = [
            _mismatch(pumped, gains, some, (here + a * span) + 0j, gains.at(now + b * unit))
            for a, b in points
        ]
        f, log = values[0]
        px, mx, py, my = (value * np.exp(grown - log) for value, grown in values[1:])
        dx, dy = (px - mx) / (2 * step), (py - my) / (2 * step)
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


def _cold(pumped: FilmCavity, gains: _Gains, waves: ManyWaves, detuning: Real, gain: Real) -> Real:
    """Q of the modes that are left when gain and absorption are faded out together."""
    quality = np.full(len(detuning), np.nan)
    rows = np.flatnonzero(np.isfinite(gain))
    some, x = waves.where(rows), detuning[rows] + 0j
    span, full = 1 / pumped.length, gains.at(gain[rows])
    move = np.zeros(len(rows), complex)
    for left in np.linspace(1, 0, 13)[1:]:
        before, x = x, x + move
        for _ in range(8):
            f, log = _mismatch(pumped, gains, some, x, left * full)
            g, grown = _mismatch(pumped, gains, some, x + 1e-6 * span, left * full)
            slope = (g * np.exp(grown - log) - f) / (1e-6 * span)
            step = -f / slope
            x = x + step * np.minimum(1, 0.5 * span / np.maximum(np.abs(step), 1e-300))
        move = x - before
    k = some.centre.real + x / some.n_group
    good = np.abs(f) < 1e-6
    with np.errstate(divide="ignore", invalid="ignore"):
        quality[rows] = np.where(good & (k.imag < 0), -k.real / (2 * k.imag), np.nan)
    return quality
