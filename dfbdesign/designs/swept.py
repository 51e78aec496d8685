"""Many finite devices at once: band edges of a sweep, and the threshold modes that follow.

The band edges come from the unit cell, in two processes if wanted. The finite device is that of
`dfbdesign.lasers.cavity`: coupled waves whose gain follows the pump. Its threshold modes are found
for all devices together by Newton's method on detuning and gain, from starts on both sides of the
stop band and from the modes of the nominal device.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.designs.coupled import Gains, cold, mismatch, newton
from dfbdesign.designs.coupled import ManyWaves as ManyWaves
from dfbdesign.designs.coupled import waves_of_edges as waves_of_edges
from dfbdesign.designs.overlooked import overlooked
from dfbdesign.device import Device
from dfbdesign.gain.film import Film, threshold_fluence
from dfbdesign.lasers.cavity import FilmCavity
from dfbdesign.lasers.laser import Laser
from dfbdesign.solvers.cell_coupling import pairs
from dfbdesign.solvers.cell_mode import open_orders
from dfbdesign.solvers.convergence import Sweep, solved
from dfbdesign.solvers.unit_cell import BandEdges, band_edges

Real = NDArray[np.floating[Any]]
Complex = NDArray[np.complexfloating[Any, Any]]

WEAK = 0.7
"""Coupling times length, over pi, below which the nominal device's modes tell nothing."""
FIELD_POINTS = 400
"""Pieces that a device is cut into for the integral of its field."""
OF_SHARES = 2e-5
"""Largest relative error of a wavelength where only shares of the radiated power are asked for."""


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
    count = workers if size >= 200 else 1
    parts = np.array_split(np.arange(size), count)
    jobs = [{path: _part(value, rows) for path, value in changes.items()} for rows in parts]
    if count == 1:
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
class ManyModes:
    """The lowest threshold mode on either side of the stop band of many devices."""

    wavelength: Real
    """Of the mode next to the even and to the odd edge, shape (device, 2); nan if none lases
    [µm]."""
    gain: Real
    """Threshold material gain at the peak of the pump, infinite if none lases [1/µm]."""
    quality_factor: Real
    """Of the same modes without gain, and without absorption of the film."""
    missed: NDArray[np.bool_]
    """Whether the count, if asked for, does not confirm that no lower mode was missed; shape
    (device,)."""

    @property
    def first(self) -> NDArray[np.int64]:
        """0 where the mode next to the even edge lases first, else 1; shape (device,)."""
        return np.asarray(np.argmin(self.gain, axis=1))

    def lasing(self, name: str) -> Real:
        """A quantity of the mode that lases first, shape (device,)."""
        values: Real = getattr(self, name)
        return np.take_along_axis(values, self.first[:, None], 1)[:, 0]


def many_modes(
    nominal: Laser,
    waves: ManyWaves,
    quality: bool = True,
    cavities: Sequence[FilmCavity] | None = None,
    checked: bool = False,
) -> ManyModes:
    """Lowest threshold modes of many devices that differ in their unit cell alone.

    Args:
        nominal: A solved device: its length, pump, film and facets are those of all.
        waves: Coupled waves of the devices; those that are nan have no modes.
        quality: Whether to compute quality factors, too.
        cavities: Stretches and facets of each device, where they differ from the nominal ones, as
            they do by a fraction of a period where the period is swept; all of as many stretches.
        checked: Whether to count if lower modes were missed, for devices unlike the nominal one.

    Returns:
        Wavelength, threshold and Q of the lowest mode next to each edge.
    """
    nominal.cell.modes[0].device.need_grating().need_same_lines("a sweep of finite devices")
    pumped = nominal.modes[0].pumped.core
    gains = Gains.of([pumped] if cavities is None else cavities)
    count = len(waves.n_group)
    size = (count, 2)
    missed = np.zeros(count, dtype=bool)
    best = ManyModes(np.full(size, np.nan), np.full(size, np.inf), np.full(size, np.nan), missed)
    detunings = np.full(size, np.nan)
    sound = np.flatnonzero(np.isfinite(waves.n_group))
    starts = zip(*_all_starts(nominal, waves, sound), strict=True)
    rows, start, gain = (np.concatenate(part) for part in starts)
    some = waves.where(rows)
    delta, peak, good = newton(pumped, gains.where(rows), some, start, gain)
    good &= (peak > 0) & (peak < pumped.reach)
    column = np.where(delta * np.where(some.half_split.real < 0, -1, 1) > 0, 0, 1)
    order = np.flatnonzero(good)[np.argsort(-peak[good], kind="stable")]  # the lowest comes last
    best.gain[rows[order], column[order]] = peak[order]
    detunings[rows[order], column[order]] = delta[order]
    k = waves.centre.real[:, None] + detunings / waves.n_group[:, None]
    best.wavelength[:] = 2 * pi / k
    if checked:
        missed[sound] = overlooked(pumped, gains.where(sound), waves.where(sound),
                                   detunings[sound], best.gain[sound])  # fmt: skip
    if quality:
        for edge in (0, 1):
            best.quality_factor[:, edge] = cold(
                pumped, gains, waves, detunings[:, edge], best.gain[:, edge]
            )
    return best


def _all_starts(
    nominal: Laser, waves: ManyWaves, sound: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], Real, Real]]:
    """Devices, and the detuning and gain of each that a search starts from."""
    pumped = nominal.modes[0].pumped.core
    spacing = pi / pumped.length
    kappa = (waves.n_group[sound] * waves.half_split[sound]).real
    size, turn = np.abs(kappa), np.where(kappa < 0, -1.0, 1.0)
    for side, share, gain in _starts(nominal):
        start = side * turn * (size + share * (np.hypot(kappa, spacing) - size))
        yield sound, start, np.full(len(sound), gain)
    own = nominal.modes[0].pumped.waves
    strength = own.n_group * own.half_split.real
    for one in nominal.modes[:3]:
        if one.mode.edge == "gap" and strength:  # deep in the stop band, whatever its sign
            place = one.mode.detuning.real / abs(strength) * size
            decay = np.exp(np.clip((abs(strength) - size) * pumped.length / 2, -3, 3))
            for scale in (np.ones(len(size)), decay):
                for sign in (-1, 1):
                    yield sound, sign * place, one.threshold_material_gain * scale
    # Without feedback to speak of, the modes are those of any length of film: a ladder in detuning.
    weak = size < WEAK * spacing
    few = waves.where(sound[weak])
    needed = 2 / pumped.pumped_length * np.log1p(4 / np.maximum(size[weak] * pumped.length, 1e-3))
    rise = (needed - 2 * few.n_group * few.centre.imag) / (2 * few.n_group * few.centre_slope.imag)
    for step in (-1.0, -0.5, 0.0, 0.5, 1.0) if weak.any() else ():
        for factor in (0.6, 1.2):
            yield sound[weak], np.full(len(rise), step * spacing), factor * rise


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


def surface_shares(nominal: Laser, waves: ManyWaves, modes: ManyModes) -> Real:
    """Parts of the light of the mode that lases first that leave through the surface.

    The surface takes -n_g Im k_e |R + S|² per length from the even and -n_g Im k_o |R - S|² from
    the odd combination of both waves (that is nothing in second order, as the odd edge is dark);
    the rest leaves at the ends. Materials must not absorb.

    Args:
        nominal: The solved device that all are like but for their unit cell.
        waves: Coupled waves of the devices.
        modes: Their modes.

    Returns:
        From the even and the odd combination, shape (device, 2); nan where nothing lases.
    """
    pumped = nominal.modes[0].pumped.core
    gains, gain = Gains.of([pumped]), modes.lasing("gain")
    gains = gains.cut(max(1, FIELD_POINTS // len(gains.length)))
    out = np.full((len(gain), 2), np.nan)
    rows = np.flatnonzero(np.isfinite(gain))
    some = waves.where(rows)
    detuning = some.n_group * (2 * pi / modes.lasing("wavelength")[rows] - some.centre.real)
    trace: list[tuple[Complex, Complex, Real]] = []
    mismatch(gains, some, detuning + 0j, gains.at(gain[rows]), trace)
    right, left, log = (np.array([one[i] for one in trace]) for i in range(3))
    scale = np.exp(log - log.max(axis=0))
    taken = []
    for sign in (1, -1):
        lost = -some.n_group * (some.centre + sign * some.half_split).imag
        square = np.abs((right + sign * left) * scale) ** 2
        taken.append(lost * ((square[1:] + square[:-1]) / 2 * gains.length).sum(axis=0))
    r, s = np.abs(right * scale) ** 2, np.abs(left * scale) ** 2
    ends = (1 - abs(pumped.facets[0]) ** 2) * s[0] + (1 - abs(pumped.facets[1]) ** 2) * r[-1]
    out[rows] = (np.array(taken) / (sum(taken) + ends)).T
    return out


def upward_shares(device: Device, changes: dict[str, Any]) -> Real:
    """Parts of what both band edges radiate that leave into the superstrate.

    Args:
        device: Needs a grating and a target.
        changes: As for `solved_edges`; every device must have a pair of band edges.

    Returns:
        Of the even and the odd edge, shape (device, 2); 0 where nothing radiates.
    """
    count, order = max(len(value) for value in changes.values()), device.need_grating().order
    centre, rows = 2 * pi / device.need_target().wavelength, np.arange(count)
    sweep, out = Sweep(device, 0.5 * (order % 2), changes), np.zeros((count, 2))
    for one in solved(sweep, rows, centre, OF_SHARES, counted=False):
        own, *edges, _ = pairs(one, centre, order)
        for column, edge in enumerate(edges):
            found = one.found.where(edge)
            system = found.system(one.cells)
            field = np.abs(system.interfaces(found.vector)) ** 2
            down, up = (
                (open_orders(system, upper)[1].real * field[:, end]).sum(axis=-1)
                for upper, end in ((False, 0), (True, -1))
            )
            radiates = up + down > 0
            out[one.cells.period.rows[own], column] = up / np.where(radiates, up + down, 1)
    return out
