"""The package's solvers that take thousands of devices at once, as a study calls them.

What the unit cell alone depends on is solved in one go; for every other value (length, pump, film,
target, polarisation ...) the devices are grouped. Half-spaces that hardly disperse, like air, are
held at their index at the target, as their data may end there.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.designs.spread import steady
from dfbdesign.designs.swept import (
    ManyModes,
    fluences,
    many_modes,
    waves_of_edges,
)
from dfbdesign.device import Device, changed
from dfbdesign.errors import PhysicsError
from dfbdesign.gain.film import excitons_for_gain
from dfbdesign.lasers.cavity import FilmCavity, film_cavity
from dfbdesign.lasers.laser import Laser, LasingMode, laser
from dfbdesign.solvers.unit_cell import BandEdges, band_edges
from dfbdesign.studies.columns import Column, Columns, empty

Changes = Mapping[str, NDArray[Any]]

EDGES = ("even", "odd")
FEW = 16
"""Devices from which on a gain profile of their own is worth a table."""
_PER_EDGE = {
    "wavelength": ("µm", "Vacuum wavelength of the band edge"),
    "quality_factor": ("", "Quality factor of the band edge, without gain"),
    "threshold_gain": ("1/µm", "Threshold material gain of the infinite grating"),
    "confinement": ("", "Modal over material gain"),
    "wavelength_error": ("µm", "Bound of the numerical error of the wavelength"),
}
_PER_CELL = {
    "kappa_real": ("1/µm", "Coupling coefficient (real part: index coupling)"),
    "kappa_imag": ("1/µm", "Coupling coefficient (imaginary part: radiation, gain)"),
    "n_group": ("", "Group index of the coupled waves"),
    "radiation_loss": ("1/µm", "Power a running wave loses per length"),
}
_PER_MODE = {
    "mode_wavelength": ("µm", "Vacuum wavelength of the lowest threshold mode next to the edge"),
    "mode_threshold_gain": ("1/µm", "Its threshold material gain at the peak of the pump"),
}
_PER_LASER = {
    "lasing_wavelength": ("µm", "Vacuum wavelength of the mode that lases first"),
    "threshold_material_gain": ("1/µm", "Its threshold material gain at the peak of the pump"),
    "threshold_modal_gain": ("1/µm", "The same times the confinement of the coupled waves"),
    "excitons_per_dot": ("", "Mean excitons per dot at the peak of the pump, at threshold"),
    "threshold_fluence": ("pJ/µm²", "Peak pump fluence at threshold"),
}


def modes_together(
    device: Device, changes: Changes, accuracy: float = 1e-6, counted: bool = True
) -> Columns:
    """Both band edges and the coupling of many gratings.

    Args:
        device: Needs a grating and a target.
        changes: Arrays by path.
        accuracy: Largest relative numerical error of any wavelength.
        counted: Whether all modes of the window are counted, or only the two next to the target
            are followed.

    Returns:
        Columns, and "error" where there is no pair of band edges.
    """
    found = _Table(len(next(iter(changes.values()))), _PER_EDGE, _PER_CELL)
    for rows, one, inner in _groups(device, changes):
        found.put_edges(rows, band_edges(one, inner, accuracy, counted))
    return found.columns()


def laser_together(
    device: Device, changes: Changes, accuracy: float = 1e-6, counted: bool = True
) -> Columns:
    """Band edges, coupling and thresholds of many finite devices.

    Args:
        device: Needs a grating with a length, a target and a layer with gain.
        changes: Arrays by path.
        accuracy: Largest relative numerical error of any wavelength of a band edge.
        counted: Whether all modes of the window are counted, or only the two next to the target
            are followed.

    Returns:
        Columns, and "error" where there is no pair of band edges or nothing lases.
    """
    found = _Table(len(next(iter(changes.values()))), _PER_EDGE | _PER_MODE, _PER_CELL | _PER_LASER)
    for rows, one, inner in _groups(device, changes):
        edges = band_edges(one, inner, accuracy, counted)
        found.put_edges(rows, edges)
        good = np.flatnonzero(np.isfinite(edges.n_group))
        if len(good):
            _lasers(found, one, {path: v[good] for path, v in inner.items()}, edges, rows, good)
    return found.columns()


class _Table:
    """Columns that fill up group by group."""

    def __init__(
        self, points: int, per_edge: dict[str, tuple[str, str]], single: dict[str, tuple[str, str]]
    ) -> None:
        self.about = per_edge | single
        self.values = {name: empty((points, 2), float) for name in per_edge}
        self.values |= {name: empty((points,), float) for name in single}
        self.errors = empty((points,), object)
        self.first = empty((points,), object)

    def put_edges(self, rows: NDArray[np.int64], edges: BandEdges) -> None:
        for name in _PER_EDGE:
            self.values[name][rows] = getattr(edges, name)
        kappa = edges.kappa
        self.values["kappa_real"][rows], self.values["kappa_imag"][rows] = kappa.real, kappa.imag
        for name in ("n_group", "radiation_loss"):
            self.values[name][rows] = getattr(edges, name)
        for row, why in edges.missing.items():
            self.errors[rows[row]] = why

    def put_modes(self, rows: NDArray[np.int64], modes: ManyModes, solved: Laser,
                  pump_wavelength: float | None) -> None:  # fmt: skip
        lasing = modes.lasing("gain")
        self.values["mode_wavelength"][rows] = modes.wavelength
        self.values["mode_threshold_gain"][rows] = modes.gain
        self.put_laser(rows, modes.lasing("wavelength"), lasing, solved, pump_wavelength)
        self.first[rows] = np.array(EDGES, object)[modes.first]

    def put_laser(self, rows: Any, wavelength: Any, gain: Any, solved: Laser,
                  pump_wavelength: float | None) -> None:  # fmt: skip
        modal = gain * self.values["confinement"][rows].mean(axis=-1)
        self.values["lasing_wavelength"][rows] = wavelength
        self.values["threshold_material_gain"][rows] = gain
        self.values["threshold_modal_gain"][rows] = modal
        if solved.film is not None:
            good = np.isfinite(gain)
            self.values["excitons_per_dot"][rows[good]] = excitons_for_gain(solved.film, gain[good])
        if solved.film is not None and pump_wavelength is not None:
            found = fluences(solved.film, pump_wavelength, gain)
            self.values["threshold_fluence"][rows] = found

    def columns(self) -> Columns:
        found = {
            name: Column(values, ("edge",) * (values.ndim - 1), *self.about[name])
            for name, values in self.values.items()
        }
        if "lasing_wavelength" in found:
            text = "Band edge on whose side of the stop band's centre that mode lies"
            found["lasing_edge"] = Column(self.first, (), "", text)
        return found | {"error": Column(self.errors)}


def _groups(
    device: Device, changes: Changes
) -> Iterator[tuple[NDArray[np.int64], Device, dict[str, NDArray[Any]]]]:
    """Points that differ in their unit cell alone: their rows, the device, what differs."""
    inner = {path: values for path, values in changes.items() if _of_cell(path)}
    outer = {path: values for path, values in changes.items() if path not in inner}
    points = len(next(iter(changes.values())))
    codes = [np.unique(values, return_inverse=True)[1] for values in outer.values()]
    keys = np.stack([np.zeros(points, dtype=int), *codes], axis=1)
    kinds, kind = np.unique(keys, axis=0, return_inverse=True)
    for number in range(len(kinds)):
        rows = np.flatnonzero(kind.ravel() == number)
        own = {path: _item(values[rows[0]]) for path, values in outer.items()}
        one = steady(changed(device, own))
        part = {path: values[rows] for path, values in inner.items()}
        if not part:
            part = {"grating.period": np.full(len(rows), one.need_grating().period)}
        yield rows, one, part


def _of_cell(path: str) -> bool:
    """Whether `band_edges` takes arrays of it."""
    name = path.rpartition(".")[2]
    if name in ("material", "duty", "sidewall"):
        return True
    return path == "grating.period" or (path.startswith("layers.") and name == "thickness")


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _lasers(
    table: _Table,
    device: Device,
    inner: Changes,
    edges: BandEdges,
    rows: NDArray[np.int64],
    good: NDArray[np.int64],
) -> None:
    """Thresholds of the devices of one group that have band edges."""
    pump = None if device.pump is None else device.pump.wavelength
    waves = waves_of_edges(edges).where(good)
    nominal = _nominal(device, inner)
    sure = np.zeros(len(good), dtype=bool)
    if nominal is not None and not device.need_grating().varies:
        cavities, kinds = _cavities(device, nominal, inner, len(good))
        for kind in np.unique(kinds):
            some = np.flatnonzero(kinds == kind)
            if len(some) < FEW and device.pump is not None and device.pump.spot.shape == "gaussian":
                continue  # the gain profile of each kind would cost more than its devices
            own = None if cavities is None else [cavities[i] for i in some]
            found = many_modes(nominal, waves.where(some), False, own, checked=True)
            table.put_modes(rows[good[some]], found, nominal, pump)
            sure[some] = ~found.missed
    for place in np.flatnonzero(~sure):  # the count does not confirm it: look for all modes
        own_values = {path: _item(values[place]) for path, values in inner.items()}
        _alone(table, changed(device, own_values), int(rows[good[place]]), pump)


def _cleaved(device: Device) -> bool:
    """Whether the reflection of a facet follows from the film of its very device."""
    facets = device.need_grating().facets
    return device.polarization == "TE" and "cleaved" in (facets.left, facets.right)


def _nominal(device: Device, inner: Changes) -> Laser | None:
    """The device, or one from the middle of its group, solved; `None` where neither lases."""
    middle = len(next(iter(inner.values()))) // 2
    other = {path: _item(values[middle]) for path, values in inner.items()}
    for changes in ({}, other):
        try:
            return _laser(changed(device, changes))
        except PhysicsError:
            continue
    return None


_laser = lru_cache(64)(laser)  # the blocks of a study start from the same few devices


def _cavities(
    device: Device, nominal: Laser, inner: Changes, points: int
) -> tuple[list[FilmCavity] | None, NDArray[np.int64]]:
    """Stretches and facets of every device, where they differ, and which are of a kind."""
    periods = inner.get("grating.period", np.array([_period(device)]))
    if _cleaved(device):
        own = inner
    elif (periods == _period(device)).all():
        return None, np.zeros(points, dtype=int)
    else:
        own = {"grating.period": periods}
    waves = nominal.modes[0].pumped.waves
    rows = [tuple(_item(values[place]) for values in own.values()) for place in range(points)]
    made = {}
    for row in dict.fromkeys(rows):
        one = changed(device, dict(zip(own, row, strict=True)))
        made[row] = film_cavity(one, nominal.film, waves).core
    kinds = {row: tuple(part.fluence for part in cavity.stretches) for row, cavity in made.items()}
    numbers = {kind: number for number, kind in enumerate(dict.fromkeys(kinds.values()))}
    return [made[row] for row in rows], np.array([numbers[kinds[row]] for row in rows])


def _period(device: Device) -> float:
    return device.need_grating().period


def _alone(table: _Table, device: Device, row: int, pump_wavelength: float | None) -> None:
    try:
        solved = laser(device)
    except PhysicsError as error:
        table.errors[row] = str(error)
        return
    first = solved.modes[0]
    at = np.array([row])
    gain = np.array([first.threshold_material_gain])
    table.put_laser(at, first.wavelength, gain, solved, pump_wavelength)
    table.first[row] = _edge_of(first)
    for edge, name in enumerate(EDGES):
        own = [mode for mode in solved.modes if _edge_of(mode) == name]
        lowest = (own[0].threshold_material_gain, own[0].wavelength) if own else (np.inf, np.nan)
        table.values["mode_threshold_gain"][row, edge] = lowest[0]
        table.values["mode_wavelength"][row, edge] = lowest[1]


def _edge_of(mode: LasingMode) -> str:
    """The edge on whose side of the stop band's centre a mode lies."""
    even = mode.mode.detuning.real * mode.pumped.waves.half_split.real >= 0
    return EDGES[0 if even else 1]
