r"""Complex Bloch modes of one grating period, both band edges, with labels and coupling.

The modes in a window around the target are the zeros of the matrix F(k) of
`dfbdesign.solvers.modal`, all of them found by `dfbdesign.solvers.mode_search` and followed to the
wanted accuracy by `dfbdesign.solvers.convergence`. At the centre and the edge of the Brillouin zone
a symmetric period splits into even and odd fields, which are solved separately, so that two band
edges stay apart however close they are; `dfbdesign.solvers.cell_coupling` makes coupled-wave
coefficients of them.

Material data exist for real wavelengths; permittivities are continued to complex frequency to
first order, so Q includes the dispersion of the materials.
"""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import inf, isfinite, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, Grating, Polarization, changed
from dfbdesign.errors import NoGuidedMode, PhysicsError
from dfbdesign.solvers.cell_coupling import pairs
from dfbdesign.solvers.cell_gain import slopes_and_thresholds
from dfbdesign.solvers.cell_labels import label, parity, without_rounding
from dfbdesign.solvers.cell_mode import CellMode, Label, quality_factors
from dfbdesign.solvers.contours import ROUNDING
from dfbdesign.solvers.convergence import Solved, Sweep, solved
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.mode_search import Found
from dfbdesign.units import nm

WINDOW = 0.06
"""Half-width of the reported window, relative to the target wavelength."""
ACCURACY, OF_STAIRS = 1e-6, 2e-5
"""Largest relative error of a wavelength, if nothing else is asked for; the second for slanted
walls in TM, whose stairs converge with the first power of their number only."""
TOGETHER = 256
"""Devices of a sweep that are solved together."""


@dataclass(frozen=True)
class CellModes:
    """The Bloch modes of one period in a window around the target."""

    polarization: Polarization
    wavevector: float
    """Bloch wavevector [2π/period], from the zone centre."""
    modes: tuple[CellMode, ...]
    """Sorted by wavelength."""
    n_group: float | None
    """Group index of the waves that the grating couples; `None` without a pair of band edges."""
    kappa: complex | None
    """Coupling coefficient: index coupling real, Im < 0 for radiation [1/µm]."""
    radiation_loss: float | None
    """Power a running wave loses per length, -2 n_group Im k_c [1/µm]: radiation, and absorption of
    the materials if there is any."""
    pair: tuple[CellMode, CellMode] | None = field(repr=False)

    @property
    def band_edges(self) -> tuple[CellMode, CellMode]:
        """Even and odd band edge of the pair next to the target.

        Raises:
            NoGuidedMode: If the window holds no such pair.
        """
        if self.pair is None:
            raise NoGuidedMode(
                "the window holds no pair of band edges. Move the target wavelength."
            )
        return self.pair

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


def modes(
    device: Device, wavevector: float | None = None, accuracy: float | None = None
) -> CellModes:
    """Bloch modes of the infinite grating around the target wavelength.

    Args:
        device: Needs a grating and a target.
        wavevector: Bloch wavevector in units of 2π/period from the zone centre; `None` for the
            band edges of the grating's order (0 for even, 0.5 for odd orders).
        accuracy: Largest relative numerical error of any wavelength; `None` for 1e-6, and 2e-5 for
            slanted walls in TM.

    Returns:
        All modes within 6 % of the target wavelength, down to a quality factor of 20 in the middle
        of the window and about 100 at its border; a band edge further away, if its partner is in.

    Raises:
        InputError: If the device has no grating or target, or data do not reach the wavelength.
        NoGuidedMode: If there is no mode in the window.
        NotConverged: If the accuracy is not reached or modes were missed; with the last residual.

    Examples:
        >>> lines = Lines(material=2.30, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines),
        ...             Layer(thickness=160 * nm, material=2.53)],
        ...     grating=Grating(period=865 * nm), target=Target(wavelength=1670 * nm),
        ... )
        >>> for mode in modes(device).modes:
        ...     print(mode.label, round(mode.wavelength / nm, 1))
        bright 1666.3
        dark 1674.2
    """
    grating, wavevector, accuracy = _checked(device, wavevector, accuracy)
    centre = 2 * pi / device.need_target().wavelength
    (one,) = solved(Sweep(device, wavevector, {}), np.array([0]), centre, accuracy)
    return _results(device, grating, wavevector, one)


def _checked(
    device: Device, wavevector: float | None, accuracy: float | None, swept: Iterable[str] = ()
) -> tuple[Grating, float, float]:
    """The grating, and what is taken for what was left open."""
    grating, target = device.need_grating(), device.need_target()
    for material in device.materials():
        material.check_range(target.wavelength)
    if accuracy is None:
        lines = [line for layer in device.layers for line in layer.painted()]
        slanted = any(abs(line.sidewall - pi / 2) > ROUNDING for line in lines)
        slanted |= any(path.endswith(".sidewall") for path in swept)
        accuracy = OF_STAIRS if slanted and device.polarization == "TM" else ACCURACY
    within("accuracy", accuracy, 1e-10, 1e-2)
    edge = 0.5 * (grating.order % 2)
    wavevector = edge if wavevector is None else within("wavevector", wavevector, -0.5, 0.5)
    return grating, wavevector, accuracy


def _results(device: Device, grating: Grating, wavevector: float, one: Solved) -> CellModes:
    """The modes in the window, and the coefficients of the pair next to its middle."""
    wavelength = device.need_target().wavelength
    found = replace(one.found, k=without_rounding(one))
    near = np.abs(2 * pi / found.k.real / wavelength - 1) <= WINDOW
    if not near.any():
        raise NoGuidedMode(_nothing_found(device, grating, wavelength))
    even, odd, n_group = _pair(one, 2 * pi / wavelength, grating.order, near)
    kept = np.flatnonzero(near | np.isin(np.arange(len(found)), [even, odd]))
    named = _named(device, one, found, kept, even, odd, n_group)
    sorted_modes = tuple(sorted(named.values(), key=lambda mode: mode.wavelength))
    if n_group is None:
        return CellModes(device.polarization, wavevector, sorted_modes, None, None, None, None)
    edges = named[even], named[odd]
    centre_twice = edges[0].wavenumber + edges[1].wavenumber
    return CellModes(
        device.polarization,
        wavevector,
        sorted_modes,
        n_group,
        n_group * (edges[0].wavenumber - edges[1].wavenumber) / 2,
        -n_group * centre_twice.imag,
        edges,
    )


def _named(
    device: Device,
    one: Solved,
    found: Found,
    kept: NDArray[np.int64],
    even: int,
    odd: int,
    n_group: float | None,
) -> dict[int, CellMode]:
    """Some of the modes, by their places."""
    slopes, thresholds = slopes_and_thresholds(one, found, kept)
    error = one.error * 2 * pi / found.k.real**2
    of_pair: dict[int, Label] = {even: "bright", odd: "dark"}
    named = {}
    for place, number in enumerate(kept.tolist()):
        mode = found.where(np.array([number]))
        slope = None if slopes is None else complex(slopes[place])
        threshold = inf if thresholds is None else float(thresholds[place])
        confinement = None
        if slope is not None and n_group is not None and number in of_pair:
            confinement = float(2 * n_group * slope.imag)
        named[number] = CellMode(
            label(one.cells, mode, of_pair.get(number)),
            parity(one.cells, int(mode.sector[0])),
            complex(mode.k[0]),
            float(error[number]),
            threshold if isfinite(threshold) else None,
            slope,
            confinement,
            device,
            one.cells,
            mode,
        )
    return named


def _pair(
    one: Solved, centre: float, order: int, near: NDArray[np.bool_]
) -> tuple[int, int, float | None]:
    if abs(float(one.cells.period.wavevector[0])) != 0.5 * (order % 2):
        return -1, -1, None
    rows, even, odd, n_group = pairs(one, centre, order)
    if len(rows) == 0 or not (near[even[0]] or near[odd[0]]):
        return -1, -1, None
    return int(even[0]), int(odd[0]), float(n_group[0])


def _nothing_found(device: Device, grating: Grating, wavelength: float) -> str:
    return (
        f"no {device.polarization} mode of the grating within {WINDOW:.0%} of "
        f"{wavelength / nm:g} nm: the film may be too thin to guide, or the period "
        f"({grating.period / nm:g} nm, order {grating.order}) asks for another wavelength. "
        'See "dfb slab" for the modes of the film.'
    )


# --- sweeps --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BandEdges:
    """Both band edges next to the target for a sweep; first axis: the devices of the sweep."""

    wavenumber: Complex
    """Even and odd edge, Im < 0 for a mode that decays, shape (device, 2) [1/µm]; nan for the
    devices in `missing`, as everything else."""
    wavelength_error: Real
    """Bound of the numerical error, shape (device, 2) [µm]."""
    n_group: Real
    """Shape (device,)."""
    gain_slope: Complex
    """dk/dg, shape (device, 2); zero without gain layers."""
    threshold_gain: Real
    """Shape (device, 2) [1/µm]; infinite where no gain is enough, or there is none."""
    missing: dict[int, str]
    """Why some devices have no pair."""

    @property
    def wavelength(self) -> Real:
        """Vacuum wavelengths, shape (device, 2) [µm]."""
        return np.asarray(2 * pi / self.wavenumber.real)

    @property
    def quality_factor(self) -> Real:
        """Quality factors, infinite for edges that cannot decay; shape (device, 2)."""
        return quality_factors(self.wavenumber)

    @property
    def kappa(self) -> Complex:
        """Coupling coefficient, Im < 0 for radiation, shape (device,) [1/µm]."""
        return np.asarray(self.n_group * (self.wavenumber[:, 0] - self.wavenumber[:, 1]) / 2)

    @property
    def radiation_loss(self) -> Real:
        """Power a running wave loses per length, shape (device,) [1/µm]."""
        return np.asarray(-self.n_group * self.wavenumber.sum(axis=1).imag)

    @property
    def confinement(self) -> Real:
        """Modal over material gain of both edges, shape (device, 2)."""
        return np.asarray(2 * self.n_group[:, None] * self.gain_slope.imag)


def band_edges(
    device: Device,
    changes: Mapping[str, Any],
    accuracy: float | None = None,
    counted: bool = True,
) -> BandEdges:
    """Both band edges of many gratings at once: arrays in, arrays out.

    Args:
        device: Needs a grating and a target.
        changes: Arrays by path, as `{"grating.period": periods, "layers.0.lines.duty": duties}`;
            all of one length, or single values. Thicknesses, duties, side walls, the period and
            materials (indices or names) can be swept.
        accuracy: Largest relative numerical error of any wavelength; `None` for 1e-6, and 2e-5 for
            slanted walls in TM.
        counted: Whether every mode of the window is searched for and counted, as `modes` does, and
            the pair chosen among them. Else the two edges next to the target are followed: in half
            the time, a fifth in sweeps, for targets a few nm off, as in the loop of an optimiser;
            group index and slopes are then those of the last step, which is below 1e-6 of k.

    Returns:
        What `modes` gives one by one, to rounding.

    Raises:
        InputError: If a path or a value is not allowed.

    Examples:
        >>> lines = Lines(material=2.30, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines),
        ...             Layer(thickness=160 * nm, material=2.53)],
        ...     grating=Grating(period=865 * nm), target=Target(wavelength=1670 * nm),
        ... )
        >>> edges = band_edges(device, {"layers.0.lines.duty": np.array([0.3, 0.5])})
        >>> np.round(edges.wavelength / nm, 1)
        array([[1666.3, 1674.2],
               [1665. , 1665.1]])
    """
    _, wavevector, accuracy = _checked(device, None, accuracy, changes)
    _check_extremes(device, changes)
    sweep = Sweep(device, wavevector, changes)
    size = max((len(v) for v in changes.values() if np.ndim(v) or isinstance(v, list)), default=1)
    out = _empty(size)
    parts = [np.arange(i, min(i + TOGETHER, size)) for i in range(0, size, TOGETHER)]
    if len(parts) == 1:
        _fill(out, sweep, parts[0], accuracy, counted)
        return out
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # LAPACK and numpy's loops run side by side
        jobs = [threads.submit(_fill, out, sweep, rows, accuracy, counted) for rows in parts]
        for job in jobs:
            job.result()
    return out


def _check_extremes(device: Device, changes: Mapping[str, Any]) -> None:
    """Allowed values form intervals, so the smallest and the largest speak for all."""
    for path, value in changes.items():
        array = np.asarray(value)
        if array.dtype.kind in "fi":
            for extreme in (array.min(), array.max()):
                changed(device, {path: float(extreme)})


def _empty(size: int) -> BandEdges:
    def nothing(*shape: int, dtype: type = float) -> Any:
        return np.full(shape, np.nan, dtype=dtype)

    return BandEdges(
        nothing(size, 2, dtype=complex), nothing(size, 2), nothing(size),
        nothing(size, 2, dtype=complex), nothing(size, 2), {},
    )  # fmt: skip


def _fill(
    out: BandEdges, sweep: Sweep, rows: NDArray[np.int64], accuracy: float, counted: bool
) -> None:
    """Solves some devices together, and one by one only where that fails."""
    centre = 2 * pi / sweep.device.need_target().wavelength
    try:
        for one in solved(sweep, rows, centre, accuracy, counted):
            _write(out, one, centre, sweep.device.need_grating().order)
    except PhysicsError as error:
        if len(rows) == 1:
            out.missing[int(rows[0])] = str(error)
            return
        for half in np.array_split(rows, 2):
            _fill(out, sweep, half, accuracy, counted)
        return
    for row in rows[np.isnan(out.n_group[rows])]:
        out.missing[int(row)] = f"no pair of band edges within {WINDOW:.0%} of the target."


def _write(out: BandEdges, one: Solved, centre: float, order: int) -> None:
    if not len(one.found):
        return
    found = replace(one.found, k=without_rounding(one))
    near = np.abs(centre / found.k.real - 1) <= WINDOW
    rows, even, odd, n_group = pairs(one, centre, order)
    good = near[even] | near[odd]
    rows, even, odd, n_group = rows[good], even[good], odd[good], n_group[good]
    places = one.cells.period.rows[rows]
    edges = np.concatenate([even, odd])
    slopes, thresholds = slopes_and_thresholds(one, found, edges)
    out.n_group[places] = n_group
    for column, mode in enumerate((even, odd)):
        part = slice(column * len(rows), (column + 1) * len(rows))
        out.wavenumber[places, column] = found.k[mode]
        out.wavelength_error[places, column] = one.error[mode] * 2 * pi / found.k[mode].real ** 2
        out.gain_slope[places, column] = 0 if slopes is None else slopes[part]
        out.threshold_gain[places, column] = np.inf if thresholds is None else thresholds[part]
