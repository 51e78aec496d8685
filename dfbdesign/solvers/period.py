"""One grating period as a solver sees it, for many devices at once: slices along z.

Within a slice the materials change along x at walls alone; `dfbdesign.solvers.cutting` makes the
slices. The first axis of every array counts the devices of a batch, which share the order of their
walls.
"""

from dataclasses import dataclass, field, replace
from functools import cache
from math import pi
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Polarization
from dfbdesign.materials import Axis, Material
from dfbdesign.solvers.once import once

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
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
