"""One grating period as a solver sees it, for many devices at once: slices along z.

A device is cut into slices along z; within a slice the materials change along x at walls alone.
Slanted walls become a staircase. Lines are painted in their order, later ones over earlier ones.
The first axis of every array counts the devices of a batch, which share the order of their walls.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import pi
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device, Layer, Lines, Polarization
from dfbdesign.errors import InputError
from dfbdesign.materials import Axis, Material, as_material
from dfbdesign.units import nm

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
ROUNDING = 1e-9
"""Walls closer than this fraction of a period are one wall."""


@cache
def _constant(material: Material) -> tuple[complex, complex]:
    """Permittivities of a material without dispersion."""
    o, e = (complex(material.permittivity(1.0, axis)) for axis in get_args(Axis))
    return o, e


@dataclass(frozen=True)
class Filling:
    """What fills a region: its material in every device of the batch."""

    materials: tuple[Material, ...]
    """One for all devices, or one for each."""
    gain: bool = False

    @cached_property
    def constant(self) -> tuple[Complex, Complex] | None:
        """Permittivities in the plane and along z, shape (material,), if none is dispersive."""
        if not all(material.is_constant for material in self.materials):
            return None
        o, e = zip(*(_constant(material) for material in self.materials), strict=True)
        return np.array(o), np.array(e)

    def where(self, place: NDArray[np.int64]) -> "Filling":
        """The filling of some of the devices.

        Args:
            place: Their places in the batch.

        Returns:
            A filling of fewer materials.
        """
        if len(self.materials) == 1:
            return self
        return replace(self, materials=tuple(self.materials[i] for i in place))

    def lossy(self, wavelength: float) -> bool:
        """Whether any of the materials absorbs or amplifies.

        Args:
            wavelength: Vacuum wavelength [µm].

        Returns:
            True if a permittivity has an imaginary part.
        """
        return any(
            material.permittivity(wavelength, axis).imag != 0
            for material in dict.fromkeys(self.materials)
            for axis in get_args(Axis)
        )


@dataclass(frozen=True)
class Slice:
    """A slab of one period within which nothing changes along z."""

    layer: int
    """Number of the device's layer it belongs to, from 0."""
    thickness: Real
    """Shape (batch,) [µm]."""
    walls: Real
    """Where one region ends and the next begins, ascending from -1/2 to 1/2 of a period, both
    included, shape (batch, region + 1)."""
    regions: tuple[int, ...]
    """What fills each region: numbers of `Period.fillings`."""

    @cached_property
    def fillings(self) -> tuple[int, ...]:
        """The fillings of this slice, each once; the one at the edge of the period first."""
        return tuple(dict.fromkeys(self.regions))

    @cached_property
    def uniform(self) -> bool:
        """Whether a single material fills it."""
        return len(self.fillings) == 1


@dataclass(frozen=True)
class Period:
    """One period of a batch of devices."""

    polarization: Polarization
    length: Real
    """Shape (batch,) [µm]."""
    wavevector: Real
    """Bloch wavevector from the zone centre, shape (batch,) [2π/period]."""
    slices: tuple[Slice, ...]
    """From the substrate up."""
    fillings: tuple[Filling, ...]
    substrate: int
    superstrate: int
    rows: NDArray[np.int64]
    """Place of each device of the batch in the sweep, shape (batch,)."""
    stairs: int
    """Slices that a layer with slanted walls is cut into."""

    @cached_property
    def split(self) -> bool:
        """Whether even and odd fields are apart: a mirror plane, at the zone's centre or edge."""
        first = float(self.wavevector[0])
        same = len(self.rows) == 1 or bool((self.wavevector == first).all())
        return abs(first) in (0.0, 0.5) and same and self.mirror

    @cached_property
    def constants(self) -> tuple[Complex, Complex] | None:
        """Permittivities of all fillings, shape (filling, batch), if none is dispersive."""
        found = [filling.constant for filling in self.fillings]
        shape = (len(found), len(self.rows))
        o, e = np.empty(shape, dtype=complex), np.empty(shape, dtype=complex)
        for number, one in enumerate(found):
            if one is None:
                return None
            o[number], e[number] = one
        return o, e

    @cached_property
    def middle(self) -> range:
        """The slices from the first patterned one to the last."""
        patterned = [i for i, part in enumerate(self.slices) if not part.uniform]
        end = len(self.slices)
        return range(patterned[0], patterned[-1] + 1) if patterned else range(end, end)

    @property
    def slanted(self) -> bool:
        """Whether a layer is cut into stairs."""
        layers = [part.layer for part in self.slices]
        return len(layers) > len(set(layers))

    @cached_property
    def mirror(self) -> bool:
        """Whether every slice is its own mirror image about the middle of the period."""
        return all(
            part.regions == part.regions[::-1]
            and bool(np.abs(part.walls + part.walls[:, ::-1]).max() < ROUNDING)
            for part in self.slices
        )

    def where(self, place: NDArray[np.int64]) -> "Period":
        """The periods of some of the devices.

        Args:
            place: Their places in the batch.

        Returns:
            A smaller batch.
        """
        return replace(
            self,
            length=self.length[place],
            wavevector=self.wavevector[place],
            slices=tuple(
                replace(part, thickness=part.thickness[place], walls=part.walls[place])
                for part in self.slices
            ),
            fillings=tuple(filling.where(place) for filling in self.fillings),
            rows=self.rows[place],
        )

    def lossy(self, wavelength: float) -> bool:
        """Whether any material absorbs or amplifies.

        Args:
            wavelength: Vacuum wavelength [µm].

        Returns:
            True if any permittivity has an imaginary part.
        """
        return any(filling.lossy(wavelength) for filling in self.fillings)


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
    found: tuple[Period, ...] = ()
    for middle in sorted(centres | {0.0}, key=abs):  # x = 0 where the cell mirrors itself
        found = _cut_up(_Sweep(device, dict(changes or {}), middle), wavevector, stairs)
        if all(batch.mirror for batch in found):
            return found
    return found


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
    length = sweep.number("grating.period", size)
    keys = _order(np.concatenate([cut.walls(size) for cut in cuts], axis=1))
    kinds, kind = _kinds(keys)
    return tuple(
        Period(
            device.polarization,
            length[rows],
            wave[rows],
            tuple(cut.slice(rows, size) for cut in cuts),
            tuple(filling.where(rows) for filling in sweep.fillings),
            *ends,
            rows,
            stairs,
        )
        for rows in (np.flatnonzero(kind.ravel() == number) for number in range(len(kinds)))
    )


def _kinds(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct rows, and which of them each row is."""
    if len(keys) == 1:
        return keys, np.zeros(1, dtype=int)
    kinds, kind = np.unique(keys, axis=0, return_inverse=True)
    return kinds, kind


def _order(walls: Real) -> NDArray[np.int64]:
    """A key of the order of the walls, and of those that coincide, shape (batch, key)."""
    place = np.argsort(np.round(walls / ROUNDING), axis=-1, kind="stable")
    touching = np.diff(np.take_along_axis(walls, place, -1), axis=-1) < ROUNDING
    return np.concatenate([place, touching], axis=-1)


@dataclass(frozen=True)
class _Cut:
    """One slice over the whole sweep, before its walls are put in order."""

    layer: int
    thickness: Real
    filling: int
    painted: tuple[tuple[Real, Real, int], ...]
    """Left and right wall [period] and filling of each line, in painting order."""

    def walls(self, size: tuple[int, ...]) -> Real:
        ends = [np.full(size, -0.5), np.full(size, 0.5)]
        inner = [np.broadcast_to(wall, size) for a, b, _ in self.painted for wall in (a, b)]
        return np.asarray(np.clip(np.stack([*ends, *inner], axis=-1), -0.5, 0.5))

    def slice(self, rows: NDArray[np.int64], size: tuple[int, ...]) -> Slice:
        walls = np.sort(self.walls(size)[rows], axis=-1)
        walls = walls[:, np.append(True, np.diff(walls[0]) >= ROUNDING)]
        middles = (walls[0, 1:] + walls[0, :-1]) / 2
        lines = [(np.broadcast_to(a, size)[rows[0]], np.broadcast_to(b, size)[rows[0]], number)
                 for a, b, number in self.painted]  # fmt: skip
        regions = [
            next((n for a, b, n in reversed(lines) if a < middle < b), self.filling)
            for middle in middles
        ]
        kept = [i for i in range(1, len(regions)) if regions[i] != regions[i - 1]]
        thickness = np.broadcast_to(self.thickness, size)[rows]
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

    def number(self, path: str, size: tuple[int, ...] = (1,)) -> Real:
        value = np.asarray(self._at(path), dtype=float)
        if value.ndim == 0:
            return np.full(size, value)
        return np.broadcast_to(value, np.broadcast_shapes(size, value.shape))

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
        slanted = any(
            np.any(np.abs(self.number(f"{where}.sidewall") - pi / 2) > ROUNDING)
            for where, _ in lines
        )
        count = stairs if slanted else 1
        for step in range(count):
            height = thickness * ((step + 0.5) / count - 0.5)
            painted = tuple(
                wall for where, line in lines for wall in self._walls(where, line, height)
            )
            yield _Cut(number, thickness / count, filling, painted)

    def _walls(self, path: str, line: Lines, height: Real) -> Iterator[tuple[Real, Real, int]]:
        """Walls of a line at a height from its middle, in periods; two of a line cut in two."""
        duty, period = self.number(f"{path}.duty"), self.number("grating.period")
        filling = self.filling(path, line.gain)
        width = duty - 2 * height / np.tan(self.number(f"{path}.sidewall")) / period
        if np.any(width < -ROUNDING) or np.any(width > 1 + ROUNDING):
            raise InputError(
                f"{path}: with this sidewall the line is {width.min() * period.min() / nm:.4g} to "
                f"{width.max() * period.max() / nm:.4g} nm wide in a period of "
                f"{period.min() / nm:g} nm. Make the wall steeper or change the duty."
            )
        centre = self.number(f"{path}.centre") - self.middle
        centre = centre - np.round(centre)
        low, high = centre - width / 2, centre + width / 2
        yield low, high, filling
        for turn in (-1, 1):  # what leaves the period on one side comes back on the other
            if np.any((low + turn < 0.5 - ROUNDING) & (high + turn > -0.5 + ROUNDING)):
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
