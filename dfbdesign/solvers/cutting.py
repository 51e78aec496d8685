"""Cuts a device, or a sweep over its values, into the periods that a solver sees.

A device is cut into slices along z, a layer with slanted walls into a staircase of several. Lines
are painted in their order, later ones over earlier ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device, Layer, Lines
from dfbdesign.errors import InputError
from dfbdesign.materials import as_material
from dfbdesign.solvers.period import ROUNDING, Filling, Period, Real, Slice
from dfbdesign.units import nm

Number = float | Real
"""A value of all devices of a sweep, or one for each."""


def periods(
    device: Device,
    wavevector: ArrayLike,
    changes: Mapping[str, ArrayLike | Sequence[Any]] | None = None,
    stairs: int = 4,
) -> tuple[Period, ...]:
    """The periods of a device, or of a sweep over some of its values.

    Args:
        device: Needs a grating.
        wavevector: Bloch wavevector from the zone centre [2π/period].
        changes: Arrays by path, as for `dfbdesign.device.changed`, all broadcast to one axis.
        stairs: Slices that a layer with slanted walls is cut into.

    Returns:
        One batch for every order of walls that occurs in the sweep.

    Raises:
        InputError: If a path is no dimension or material of the period, or lines leave the period.
    """
    centres = {line.centre for layer in device.layers for line in layer.painted()}
    first: tuple[Period, ...] = ()
    for middle in sorted(centres | {0.0}, key=abs):  # x = 0 where the cell mirrors itself
        found = _cut_up(_Sweep(device, dict(changes or {}), middle), wavevector, stairs)
        if all(batch.mirror for batch in found):
            return found
        first = first or found
    return first


def _cut_up(sweep: "_Sweep", wavevector: ArrayLike, stairs: int) -> tuple[Period, ...]:
    """The batches of a sweep."""
    device = sweep.device
    size = np.broadcast_shapes(*(np.shape(value) for value in sweep.changes.values()), (1,))
    if len(size) != 1:
        raise InputError(f"swept values must have one axis, got {len(size)}. Flatten them first.")
    wave = np.broadcast_to(np.asarray(wavevector, dtype=float), size)
    cuts = [cut for number in range(len(device.layers)) for cut in sweep.cuts(number, stairs)]
    ends = sweep.filling("substrate"), sweep.filling("superstrate")
    sweep.finish()
    length = np.full(size, sweep.number("grating.period"))
    walls = [cut.walls(size[0]) for cut in cuts]
    return tuple(
        Period(
            device.polarization,
            length[rows],
            wave[rows],
            tuple(cut.slice(rows, painted) for cut, painted in zip(cuts, walls, strict=True)),
            tuple(filling.where(rows) for filling in sweep.fillings),
            *ends,
            rows,
            stairs,
        )
        for rows in _alike(walls)
    )


def _alike(walls: list[Real]) -> Iterator[NDArray[np.int64]]:
    """Places of devices whose walls stand in the same order."""
    if len(walls[0]) == 1:
        yield np.zeros(1, dtype=int)
        return
    kinds, kind = np.unique(_order(np.concatenate(walls, axis=1)), axis=0, return_inverse=True)
    yield from (np.flatnonzero(kind.ravel() == number) for number in range(len(kinds)))


def _order(walls: Real) -> NDArray[np.int64]:
    """A key of the order of the walls, and of those that coincide, shape (batch, key)."""
    place = np.argsort(np.round(walls / ROUNDING), axis=-1, kind="stable")
    touching = np.diff(np.take_along_axis(walls, place, -1), axis=-1) < ROUNDING
    return np.concatenate([place, touching], axis=-1)


@dataclass(frozen=True)
class _Cut:
    """One slice over the whole sweep, before its walls are put in order."""

    layer: int
    thickness: Number
    filling: int
    painted: tuple[tuple[Number, Number, int], ...]
    """Left and right wall [period] and filling of each line, in painting order."""

    def walls(self, size: int) -> Real:
        ends = np.empty((size, 2 + 2 * len(self.painted)))
        ends[:, 0], ends[:, 1] = -0.5, 0.5
        for number, (low, high, _) in enumerate(self.painted):
            ends[:, 2 * number + 2], ends[:, 2 * number + 3] = low, high
        return np.minimum(np.maximum(ends, -0.5), 0.5)

    def slice(self, rows: NDArray[np.int64], painted: Real) -> Slice:
        """The slice of devices whose walls stand in one order."""
        thickness = np.full(len(painted), self.thickness)[rows]
        if not self.painted:
            return Slice(self.layer, thickness, painted[rows], (self.filling,))
        first = painted[rows[0]]  # speaks for all
        walls = np.sort(painted[rows], axis=-1)
        apart = [True, *(np.diff(walls[0]) >= ROUNDING)]
        walls = walls[:, apart]
        middles = (walls[0, 1:] + walls[0, :-1]) / 2
        lines = [
            (first[2 * number + 2], first[2 * number + 3], filling)
            for number, (_, _, filling) in enumerate(self.painted)
        ]
        regions = [
            next((n for a, b, n in reversed(lines) if a < middle < b), self.filling)
            for middle in middles
        ]
        kept = [i for i in range(1, len(regions)) if regions[i] != regions[i - 1]]
        return Slice(
            self.layer,
            thickness,
            walls[:, [0, *kept, len(regions)]],
            tuple(regions[i] for i in [0, *kept]),
        )


class _Sweep:
    """Reads a device through the values that a sweep puts in place of its own."""

    def __init__(self, device: Device, changes: dict[str, Any], middle: float) -> None:
        self.device, self.changes, self.middle = device, changes, middle
        self.fillings: list[Filling] = []
        self._used: set[str] = set()

    def _at(self, path: str) -> Any:
        if path in self.changes:
            self._used.add(path)
            return self.changes[path]
        part: Any = self.device
        for key in path.split("."):
            part = part[int(key)] if key.isdecimal() else getattr(part, key)
        return part

    def number(self, path: str) -> Number:
        value = self._at(path)
        return value if isinstance(value, float) else np.asarray(value, dtype=float)

    def filling(self, path: str, gain: bool = False) -> int:
        value = self._at(f"{path}.material")
        many = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
        materials = tuple(as_material(one) for one in value) if many else (as_material(value),)
        swept = Filling(materials, gain)
        if swept not in self.fillings:
            self.fillings.append(swept)
        return self.fillings.index(swept)

    def cuts(self, number: int, stairs: int) -> Iterator[_Cut]:
        """The slices of one layer."""
        layer, path = self.device.layers[number], f"layers.{number}"
        thickness = self.number(f"{path}.thickness")
        filling = self.filling(path, layer.gain)
        lines = list(_lines(layer, path))
        upright = [_upright(self.number(f"{where}.sidewall")) for where, _ in lines]
        count = 1 if all(upright) else stairs
        for step in range(count):
            height = thickness * ((step + 0.5) / count - 0.5)
            painted = tuple(
                wall
                for (where, line), straight in zip(lines, upright, strict=True)
                for wall in self._walls(where, line, 0.0 if straight else height)
            )
            yield _Cut(number, thickness / count, filling, painted)

    def _walls(
        self, path: str, line: Lines, height: Number
    ) -> Iterator[tuple[Number, Number, int]]:
        """Walls of a line at a height from its middle, in periods; two of a line cut in two."""
        width, period = self.number(f"{path}.duty"), self.number("grating.period")
        filling = self.filling(path, line.gain)
        if np.ndim(height) or height:
            width = width - 2 * height / np.tan(self.number(f"{path}.sidewall")) / period
        if _least(width) < -ROUNDING or -_least(-width) > 1 + ROUNDING:
            raise InputError(
                f"{path}: with this sidewall the line is {np.min(width * period) / nm:.4g} to "
                f"{np.max(width * period) / nm:.4g} nm wide in a period of "
                f"{np.min(period) / nm:g} nm. Make the wall steeper or change the duty."
            )
        centre = self.number(f"{path}.centre") - self.middle
        centre = centre - np.round(centre)
        low, high = centre - width / 2, centre + width / 2
        yield low, high, filling
        if _least(low) > -0.5 and -_least(-high) < 0.5:
            return
        for turn in (-1, 1):  # what leaves the period on one side comes back on the other
            inside = (low + turn < 0.5 - ROUNDING) & (high + turn > -0.5 + ROUNDING)
            if np.any(inside):
                yield low + turn, high + turn, filling

    def finish(self) -> None:
        """Refuse changes that no dimension or material of the period has taken up."""
        self._at("grating.period")
        unknown = set(self.changes) - self._used
        if unknown:
            raise InputError(
                f'"{sorted(unknown)[0]}" is no dimension or material of the period. Sweep '
                '"grating.period", "layers.0.thickness", "layers.0.lines.duty" and the like.'
            )


def _lines(layer: Layer, path: str) -> Iterator[tuple[str, Lines]]:
    """The lines of a layer in painting order, and their paths."""
    for number, line in enumerate(layer.further_lines):
        yield f"{path}.further_lines.{number}", line
    if layer.lines is not None:
        yield f"{path}.lines", layer.lines


def _least(value: Number) -> float:
    return value if isinstance(value, float) else float(value.min())


def _upright(sidewall: Number) -> bool:
    away: Number = np.abs(sidewall - pi / 2)
    return -_least(-away) <= ROUNDING
