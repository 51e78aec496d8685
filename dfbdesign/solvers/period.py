"""One grating period as a solver sees it, for many devices at once: slices along z.

A device is cut into slices along z; within a slice the materials change along x at walls alone.
Slanted walls become a staircase. Lines are painted in their order, later ones over earlier ones.
The first axis of every array counts the devices of a batch, which share the order of their walls.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import pi
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device, Layer, Lines, Polarization
from dfbdesign.errors import InputError
from dfbdesign.materials import Axis, Material, as_material
from dfbdesign.solvers.once import once
from dfbdesign.units import nm

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Number = float | Real
"""A value of all devices of a sweep, or one for each."""
ROUNDING = 1e-9
"""Walls closer than this fraction of a period are one wall."""


@cache
def _constant(material: Material) -> tuple[complex, complex]:
    """Permittivities of a material without dispersion."""
    o, e = (complex(material.permittivity(1.0, axis)) for axis in get_args(Axis))
    return o, e


def _without_offset(material: Material) -> Material:
    if not material.ordinary.index_offset:
        return material
    name, _, _ = material.name.rpartition(" ")
    extraordinary = material.extraordinary and replace(material.extraordinary, index_offset=0.0)
    return replace(
        material, name=name, reference=name, extraordinary=extraordinary,
        ordinary=replace(material.ordinary, index_offset=0.0),
    )  # fmt: skip


@dataclass(frozen=True)
class Filling:
    """What fills a region: its material in every device of the batch."""

    materials: tuple[Material, ...]
    """One for all devices, or one for each."""
    gain: bool = False

    @once
    def constant(self) -> tuple[Complex, Complex] | None:
        """Permittivities in the plane and along z, shape (material,), if none is dispersive."""
        if not all(material.is_constant for material in self.materials):
            return None
        o, e = zip(*(_constant(material) for material in self.materials), strict=True)
        return np.array(o), np.array(e)

    @once
    def kinds(self) -> tuple[tuple[Material, ...], NDArray[np.int64], Real]:
        """Materials that differ by more than a number added to their index.

        Then which of them each device has, and that number, shape (material,) both.
        """
        bare = [_without_offset(material) for material in self.materials]
        numbers = {one: number for number, one in enumerate(dict.fromkeys(bare))}
        offset = [material.ordinary.index_offset for material in self.materials]
        return tuple(numbers), np.array([numbers[one] for one in bare]), np.array(offset)

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
    spectra: dict[int, Complex] = field(default_factory=dict, repr=False, compare=False)
    """Fourier coefficients of the fillings, as far as they have been asked for."""

    def spectrum(self, filling: int, top: int) -> Complex:
        """Fourier coefficients 0 to `top` of the function that is 1 in a filling, 0 elsewhere.

        Args:
            filling: Number of the filling.
            top: The last one.

        Returns:
            Shape (batch, top + 1).
        """
        known = self.spectra.get(filling)
        if known is None or known.shape[1] <= top:
            known = self.spectra[filling] = self._spectrum(filling, max(top, 80))
        return known[:, : top + 1]

    def _spectrum(self, filling: int, top: int) -> Complex:
        turn = np.zeros(self.walls.shape[1])  # one for what a wall ends, less one for what begins
        for region, number in enumerate(self.regions):
            if number == filling:
                turn[region + 1] += 1.0
                turn[region] -= 1.0
        walls, turn = self.walls[:, turn != 0], turn[turn != 0]
        order = -2j * pi * np.arange(1, top + 1)
        found = np.empty((len(walls), top + 1), dtype=complex)
        found[:, 0] = walls @ turn
        found[:, 1:] = np.exp(walls[:, None] * order[:, None]) @ turn / order
        return found

    @once
    def fillings(self) -> tuple[int, ...]:
        """The fillings of this slice, each once; the one at the edge of the period first."""
        return tuple(dict.fromkeys(self.regions))

    @once
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

    @once
    def split(self) -> bool:
        """Whether even and odd fields are apart: a mirror plane, at the zone's centre or edge."""
        first = float(self.wavevector[0])
        same = len(self.rows) == 1 or bool((self.wavevector == first).all())
        return abs(first) in (0.0, 0.5) and same and self.mirror

    @once
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

    @once
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

    @once
    def mirror(self) -> bool:
        """Whether every slice is its own mirror image about the middle of the period."""
        return all(
            part.regions == part.regions[::-1]
            and bool(np.abs(part.walls + part.walls[:, ::-1]).max() < ROUNDING)
            for part in self.slices
            if not part.uniform
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
                Slice(part.layer, part.thickness[place], part.walls[place], part.regions)
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
