r"""A whole finite device on one grid: what lies where.

Everything stands in one cell: whole periods with their own gain, phase shifts, and beyond them the
film without lines ("open") or air ("cleaved"). The grid is stretched so that every upright wall and
every interface lies on one of its lines (`grids`), wherever phase shifts put them. Indices are
frozen, a material gain g adds $-\tfrac{i}{2} g/k$ to them.
"""

from dataclasses import dataclass, replace
from math import ceil, inf, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import positive
from dfbdesign.device import Device, changed, without_dispersion
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.fdtd.grids import (
    Segments,
    courant,
    fitted_columns,
    fitted_layers,
    lines,
    refined,
)
from dfbdesign.fdtd.slabs import ROUNDING, Slab, Value, period_slabs, symmetric
from dfbdesign.materials import Material, constant
from dfbdesign.units import nm, um

Real = NDArray[np.float64]

COARSE = 4
"""Pixels per half wavelength in the guide before refinement."""
DECAY = 6.0
"""Decay lengths of the guided wave before an absorbing layer starts."""
SMALLEST_BUFFER = (1.5 * um, 1.0 * um)
"""Least distance of the layers from an absorbing layer, below and above."""
BEYOND = 1.0 * um
"""Of what follows the grating, before the absorbing layers at its sides."""
SIDE = 1.5 * um
"""Of the absorbing layers at the sides."""
LEAST_ABSORBER = 0.4 * um
"""Of those below and above, on top of half a wave."""
AIR: Value = (1.0, 0.0, 1.0, 0.0)
FITS = 1e-6
"""How far a wall may lie from the grid and count as lying on it [pixels]."""


@dataclass(frozen=True)
class Stretch:
    """Whole periods with one gain."""

    periods: int
    gain: float = 0.0
    """Material gain of the gain layers, negative if they absorb [1/µm]."""
    shift: float = 0.0
    """Length without lines in front of it [µm]."""


@dataclass(frozen=True)
class Grid:
    """A finite device on its grid: plain numbers for `nodes` and the worker."""

    index_wavelength: float
    """At which the permittivities hold, in vacuum [µm]."""
    length: float
    """Of the grating [µm]."""
    pixel: float
    """Nominal size [µm]."""
    columns: Segments
    """From left to right: a side in nominal pixels, the grating, the other side."""
    rows: Segments
    """From the lower to the upper end of the cell: below the layers, the layers, above them."""
    bottom: float
    """Height of the lower end of the cell above the substrate's surface [µm]."""
    slabs: tuple[Slab, ...]
    """From the substrate to the superstrate."""
    film: tuple[Value, ...]
    """Of every slab, where there are neither lines nor gain."""
    absorber: tuple[int, int, int]
    """Pixels at either side, below, above."""
    courant: float
    """Time step over pixel, the same for all refinements."""
    refinement: int
    """Into how many pixels each coarse one is divided, along either axis."""
    polarization: str = "TE"

    @property
    def x(self) -> Real:
        """Columns of nodes, from the grating's middle [µm]."""
        width = sum(length for length, _ in self.columns)
        return lines(self.columns, -width / 2)

    @property
    def z(self) -> Real:
        """Rows of nodes, from the substrate's surface [µm]."""
        return lines(self.rows, self.bottom)

    @property
    def surface(self) -> int:
        """Number of the row on the substrate's surface, from the lowest."""
        return self.rows[0][1]

    @property
    def top(self) -> float:
        """Height of the layers [µm]."""
        return self.slabs[-2].top

    @property
    def symmetric(self) -> bool:
        """Whether left and right mirror each other."""
        return symmetric(self.slabs)

    @property
    def fits(self) -> bool:
        """Whether all walls and interfaces lie on lines of the grid."""
        tops = [slab.top for slab in self.slabs[:-1]]
        walls = [wall for slab in self.slabs for wall in slab.walls]
        upright = all(foot == head for foot, head in walls)
        return upright and _near(tops, self.z) and _near([foot for foot, _ in walls], self.x)


def _near(places: list[float], grid_lines: Real) -> bool:
    away = np.abs(np.subtract.outer(np.unique(places), grid_lines)).min(axis=1, initial=np.inf)
    return bool((away < FITS * np.diff(grid_lines).min()).all())


def finite_grid(
    device: Device,
    stretches: tuple[Stretch, ...],
    wavelength: float,
    resolution: int,
    absorption: float = 0.0,
    beyond: float = BEYOND,
    room: float = 1.0,
) -> Grid:
    """The geometry of a finite device on one grid.

    Args:
        device: Needs a grating with lines and a target; TE. Indices are frozen at the target.
        stretches: The grating from left to right.
        wavelength: Where the modes are, in vacuum [µm].
        resolution: Pixels per half wavelength in the guide.
        absorption: Of the gain layers in an "open" film beyond the grating [1/µm].
        beyond: Length of what follows the grating, before the absorbers [µm].
        room: Factor on all distances and absorbers, to see what they do.

    Returns:
        The grid.

    Raises:
        InputError: If the device is not one this handles.
        NoGuidedMode: If the wave would leak into a half-space.
    """
    _check(device, stretches, wavelength, resolution)
    grating, refinement = device.need_grating(), resolution // COARSE
    coarse = grating.period / (COARSE * grating.order)
    frozen = without_dispersion(device, device.need_target().wavelength)
    slabs, film = _slabs(frozen, stretches, wavelength, absorption)
    length = sum(one.shift + one.periods * grating.period for one in stretches)
    absorbers, buffers = _margins(frozen, wavelength, coarse, room)
    side = ceil(room * beyond / coarse) + absorbers[0]
    inner = fitted_columns(slabs, length + 2 * coarse, coarse)
    columns = ((side * coarse, side), *inner, (side * coarse, side))
    layers = fitted_layers((layer.thickness for layer in device.layers), coarse)
    below, above = absorbers[1] + buffers[0], absorbers[2] + buffers[1]
    above += (below + above + sum(count for _, count in layers)) % 2  # the centre is a corner
    slabs = (*slabs[:-1], replace(slabs[-1], top=slabs[-1].top + above * coarse))
    rows = ((below * coarse, below), *layers, (above * coarse, above))
    return Grid(
        index_wavelength=wavelength,
        length=length,
        pixel=coarse / refinement,
        columns=refined(columns, refinement),
        rows=refined(rows, refinement),
        bottom=-below * coarse,
        slabs=slabs,
        film=film,
        absorber=(
            absorbers[0] * refinement,
            absorbers[1] * refinement,
            absorbers[2] * refinement,
        ),
        courant=courant(slabs, columns, layers, coarse),
        refinement=refinement,
    )


def column_near(grid: Grid, x: float) -> int:
    """Column of nodes near a place, the same place on all refinements.

    Args:
        grid: The grid.
        x: From the grating's middle [µm].

    Returns:
        The column, from the middle [pixels].
    """
    coarse = grid.x[:: grid.refinement]
    return (int(np.abs(coarse - x).argmin()) - len(coarse) // 2) * grid.refinement


def row_near(grid: Grid, z: float) -> int:
    """Row of nodes near a height, the same height on all refinements.

    Args:
        grid: The grid.
        z: From the substrate's surface [µm].

    Returns:
        The row, from the substrate's surface [pixels].
    """
    coarse = grid.z[:: grid.refinement]
    return int(np.abs(coarse - z).argmin()) * grid.refinement - grid.surface


def brightest(device: Device) -> float:
    """Height of the middle of the layer of highest index, the thickest if several [µm]."""
    layers, wavelength = device.layers, device.need_target().wavelength
    best = max(
        layers, key=lambda one: (complex(one.material.index(wavelength)).real, one.thickness)
    )
    return sum(one.thickness for one in layers[: layers.index(best)]) + best.thickness / 2


# Walls and materials


def _slabs(
    device: Device, stretches: tuple[Stretch, ...], wavelength: float, absorption: float
) -> tuple[tuple[Slab, ...], tuple[Value, ...]]:
    """The whole device as slabs, x from the grating's middle; and their film without lines."""
    facets = device.need_grating().facets
    cells = [
        period_slabs(_with_gain(device, one.gain, wavelength), wavelength) for one in stretches
    ]
    plain = [_plain(device, gain, wavelength) for gain in (*(one.gain for one in stretches), 0.0)]
    beyond = _plain(device, -absorption, wavelength)
    bottoms = [-inf, *(slab.top for slab in cells[0])]
    found, film = [], []
    for number, slab in enumerate(cells[0]):
        layer = sum(one.top <= bottoms[number] + ROUNDING for one in beyond[:-1])
        values = [one[layer].permittivity[0] for one in plain]
        parts = zip(stretches, [cell[number] for cell in cells], values[:-1], strict=True)
        ends = {"open": beyond[layer].permittivity[0], "cleaved": AIR}
        row = _row(list(parts), device.need_grating().period)
        found.append(_joined(slab.top, row, ends[str(facets.left)], ends[str(facets.right)]))
        film.append(values[-1])
    return tuple(found), tuple(film)


def _joined(
    top: float, row: tuple[list[tuple[float, float]], list[Value]], left: Value, right: Value
) -> Slab:
    """A slab with what stands at both ends; walls between equal materials are none."""
    starts, values = row
    walls = [*starts, (-starts[0][0], -starts[0][0])]
    values = [left, *values, right]
    seen = [i for i in range(len(walls)) if values[i] != values[i + 1]]
    return Slab(top, tuple(walls[i] for i in seen), (values[0], *(values[i + 1] for i in seen)))


def _row(
    parts: list[tuple[Stretch, Slab, Value]], period: float
) -> tuple[list[tuple[float, float]], list[Value]]:
    """All walls of the grating in one slab, its left end first, and what follows each.

    Of every stretch there is the slab of one period, and what stands between periods.
    """
    here = -sum(one.shift + one.periods * period for one, _, _ in parts) / 2
    walls: list[tuple[float, float]] = []
    values: list[Value] = []
    for one, slab, between in parts:
        if one.shift:
            walls.append((here, here))
            values.append(between)
            here += one.shift
        for middle in (here + (np.arange(one.periods) + 0.5) * period).tolist():
            left = middle - period / 2
            walls += [(left, left), *((middle + foot, middle + head) for foot, head in slab.walls)]
            values += slab.permittivity
        here += one.periods * period
    return walls, values


def _plain(device: Device, gain: float, wavelength: float) -> tuple[Slab, ...]:
    """The film without lines: one slab per layer."""
    bare = {f"layers.{number}.lines": None for number in range(len(device.layers))}
    return period_slabs(changed(_with_gain(device, gain, wavelength), bare), wavelength)


def _with_gain(device: Device, gain: float, wavelength: float) -> Device:
    """The device with a material gain in whatever carries it [1/µm]."""
    changes: dict[str, Any] = {}

    def amplifying(material: Material) -> Material:
        return constant(complex(material.index(wavelength)) - 0.25j * gain * wavelength / pi)

    for number, layer in enumerate(device.layers if gain else ()):
        if layer.gain:
            changes[f"layers.{number}.material"] = amplifying(layer.material)
        if layer.lines is not None and layer.lines.gain:
            changes[f"layers.{number}.lines.material"] = amplifying(layer.lines.material)
    return changed(device, changes)


def _margins(
    device: Device, wavelength: float, coarse: float, room: float
) -> tuple[list[int], list[int]]:
    """Absorbers at the sides, below and above; distances to those below and above [pixels]."""
    grating = device.need_grating()
    bragg = grating.order * pi / grating.period
    buffers, absorbers = [], [ceil(room * SIDE / coarse)]
    for end, least in zip((device.substrate, device.superstrate), SMALLEST_BUFFER, strict=True):
        index = complex(end.material.index(wavelength)).real
        decay = bragg**2 - (2 * pi * index / wavelength) ** 2
        if decay <= 0 or DECAY / sqrt(decay) > 10 * wavelength:
            raise NoGuidedMode(
                f"at {wavelength / nm:g} nm a period of {grating.period / nm:g} nm "
                f"guides no wave against an index of {index:.4g}."
            )
        buffers.append(ceil(room * max(least, DECAY / sqrt(decay)) / coarse))
        absorbers.append(ceil(room * (wavelength / index / 2 + LEAST_ABSORBER) / coarse))
    return absorbers, buffers


def _check(
    device: Device, stretches: tuple[Stretch, ...], wavelength: float, resolution: int
) -> None:
    positive("wavelength (in um)", wavelength)
    if resolution < COARSE or resolution % COARSE:
        raise InputError(f"resolution must be a positive multiple of {COARSE}, got {resolution}.")
    if not stretches or any(one.periods < 1 for one in stretches):
        raise InputError("every stretch of the grating must hold at least one period.")
    if device.polarization != "TE":
        raise InputError(
            f"the time-domain check of a finite device handles TE only, got {device.polarization}: "
            "no exact solution of a finite grating in TM is at hand to compare with. Use "
            "level = unit-cell."
        )
    device.need_plain_lines("the time-domain check of a finite device")
    device.need_grating().need_same_lines("the time-domain check of a finite device")
    facets = device.need_grating().facets
    for name, facet in (("left", facets.left), ("right", facets.right)):
        if facet not in ("open", "cleaved"):
            raise InputError(
                f'facets.{name} must be "open" or "cleaved" for the time-domain check of a finite '
                "device: it needs a structure that ends."
            )
