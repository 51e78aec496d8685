r"""One grating period as slabs, cut by walls: what the time domain is told of a device.

Lines are painted in their order, later ones over earlier ones, and may reach into the next period.
A layer in which oblique walls cross is cut at the heights where they do, so that walls keep their
order within a slab.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import tan
from typing import NamedTuple

from dfbdesign.device import Device, Layer, Lines
from dfbdesign.errors import InputError
from dfbdesign.materials import Material
from dfbdesign.units import nm

ROUNDING = 1e-9
"""Walls closer than this are one [µm, or period]."""

Value = tuple[float, float, float, float]
"""Permittivity, real and imaginary part in the plane, and the same along z."""


@dataclass(frozen=True)
class Slab:
    """A layer or half-space of the period, cut by walls."""

    top: float
    """Height of its upper face above the substrate's surface [µm]."""
    walls: tuple[tuple[float, float], ...]
    """Place of each wall at the lower and the upper face, ascending, from the period's middle."""
    permittivity: tuple[Value, ...]
    """Between the walls: one more than walls."""


def period_slabs(device: Device, wavelength: float) -> tuple[Slab, ...]:
    """All slabs of a period.

    Args:
        device: Needs a grating.
        wavelength: Vacuum wavelength of the permittivities [µm].

    Returns:
        From the substrate to the superstrate, which ends where it begins.

    Raises:
        InputError: If a line is wider than the period or a material is metallic.
    """
    return spectral_slabs(device, (wavelength,))[0]


def spectral_slabs(device: Device, wavelengths: Sequence[float]) -> tuple[tuple[Slab, ...], ...]:
    """All slabs of a period, with their permittivities at several wavelengths.

    Args:
        device: Needs a grating.
        wavelengths: Vacuum wavelengths of the permittivities [µm].

    Returns:
        As `period_slabs` for each wavelength, with the same walls for all.

    Raises:
        InputError: If a line is wider than the period or a material is metallic.
    """
    period, bottom = device.need_grating().period, 0.0
    found = [_Slab(bottom, (), (_values(device.substrate.material, wavelengths, "the substrate"),))]
    for number, layer in enumerate(device.layers, 1):
        found += _cut(layer, period, bottom, wavelengths, f"layer {number}")
        bottom += layer.thickness
    above = _values(device.superstrate.material, wavelengths, "the superstrate")
    found.append(_Slab(bottom, (), (above,)))
    return tuple(
        tuple(Slab(one.top, one.walls, tuple(v[number] for v in one.values)) for one in found)
        for number in range(len(wavelengths))
    )


_Values = tuple[Value, ...]
"""At several wavelengths."""


class _Slab(NamedTuple):
    """A slab with its permittivities at several wavelengths."""

    top: float
    walls: tuple[tuple[float, float], ...]
    values: tuple[_Values, ...]


def _values(material: Material, wavelengths: Sequence[float], name: str) -> _Values:
    return tuple(_value(material, wavelength, name) for wavelength in wavelengths)


def _value(material: Material, wavelength: float, name: str) -> Value:
    plane, normal = (
        complex(material.permittivity(wavelength, axis)) for axis in ("ordinary", "extraordinary")
    )
    if not min(plane.real, normal.real) > 0:
        raise InputError(
            f"{name} has an index of {complex(material.index(wavelength)):.4g}: MEEP takes metals "
            "with a dispersion model only. Replace it by a dielectric."
        )
    return plane.real, plane.imag, normal.real, normal.imag


class _Wall(NamedTuple):
    """Place of a wall at the lower and at the upper face of its layer [µm]."""

    foot: float
    head: float

    def at(self, share: float) -> float:
        return (1 - share) * self.foot + share * self.head


class _Line(NamedTuple):
    """A line of the layer, or its copy in the next period."""

    left: _Wall
    right: _Wall
    values: _Values


def _cut(
    layer: Layer, period: float, bottom: float, wavelengths: Sequence[float], name: str
) -> list[_Slab]:
    """A layer, cut at the heights where walls cross."""
    free = _values(layer.material, wavelengths, name)
    lines = [
        copy
        for one in layer.painted()
        for copy in _copies(
            one, layer.thickness, period, _values(one.material, wavelengths, name), name
        )
    ]
    rim = [_Wall(side * period / 2, side * period / 2) for side in (-1, 1)]
    walls = [wall for line in lines for wall in line[:2]]
    cuts = sorted({0.0, *_crossings([*walls, *rim]), 1.0})
    found = []
    for low, high in pairwise(cuts):
        inside, values = _visible(lines, free, (low + high) / 2, period)
        ends = tuple((wall.at(low), wall.at(high)) for wall in inside)
        found.append(_Slab(bottom + high * layer.thickness, ends, values))
    return found


def _copies(
    line: Lines, thickness: float, period: float, values: _Values, name: str
) -> list[_Line]:
    """A line and its neighbours of the same kind, which may reach into the period."""
    middle, slant = line.duty * period, thickness / tan(line.sidewall)
    slant = 0.0 if abs(slant) < ROUNDING * period else slant
    foot, head = middle + slant, middle - slant
    if not all(0 <= width <= period for width in (foot, head)):
        raise InputError(
            f"the lines of {name} are {foot / nm:.4g} nm wide at the bottom and "
            f"{head / nm:.4g} nm at the top: both must lie between 0 and the period. "
            "Change duty or sidewall."
        )
    centres = [(line.centre + turn) * period for turn in (-1, 0, 1)]
    return [
        _Line(_Wall(c - foot / 2, c - head / 2), _Wall(c + foot / 2, c + head / 2), values)
        for c in centres
    ]


def _crossings(walls: list[_Wall]) -> set[float]:
    """Shares of the layer's height at which two walls meet."""
    found = set()
    for one, other in combinations(walls, 2):
        foot, head = one.foot - other.foot, one.head - other.head
        if foot * head < 0:
            found.add(foot / (foot - head))
    return found


def _visible(
    lines: list[_Line], free: _Values, share: float, period: float
) -> tuple[list[_Wall], tuple[_Values, ...]]:
    """Walls between different materials at one height of a layer, and what lies between them."""
    half = period / 2 - ROUNDING * period
    walls = sorted({wall for line in lines for wall in line[:2]}, key=lambda wall: wall.at(share))
    inside = [wall for wall in walls if -half < wall.at(share) < half]
    edges = [-period / 2, *(wall.at(share) for wall in inside), period / 2]
    seen: list[_Wall] = []
    values: list[_Values] = []
    for number, (low, high) in enumerate(pairwise(edges)):
        if high - low < ROUNDING * period:
            continue
        middle, value = (low + high) / 2, free
        for line in lines:
            if line.left.at(share) < middle < line.right.at(share):
                value = line.values
        if not values:
            values.append(value)
        elif value != values[-1]:
            seen.append(inside[number - 1])
            values.append(value)
    return seen, tuple(values)


def symmetric(slabs: tuple[Slab, ...]) -> bool:
    """Whether the period is its own mirror image.

    Args:
        slabs: Of the job.

    Returns:
        True if all walls and materials are mirrored in the period's middle, so that fields are even
        or odd.
    """
    for slab in slabs:
        mirrored = [(-foot, -head) for foot, head in reversed(slab.walls)]
        near = all(
            abs(a - b) < ROUNDING
            for one, other in zip(slab.walls, mirrored, strict=True)
            for a, b in zip(one, other, strict=True)
        )
        if not near or slab.permittivity != slab.permittivity[::-1]:
            return False
    return True
