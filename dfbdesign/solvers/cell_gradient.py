r"""Exact sensitivities of a mode: how its wavenumber moves with every dimension and material.

All follow from the field alone, $\mathrm{d}k/\mathrm{d}p = -y^T(\partial F/\partial p)x \,/\,
y^T(\partial F/\partial k)x$: a thickness moves by the density $v^TMu - v'^TPu'$, which is the same
at every height; a wall (in TE) by the jump of the integrand across it; the period by the stiffness.
In TM the functions move with the walls: the form is compared before and after, at a fixed field.
A value of the device reaches the period through its dimensions, a map without any field in it,
whose slope is taken by differences.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.materials import Material
from dfbdesign.solvers.cell_forms import (
    Shares,
    form,
    outer_permittivity_slopes,
    region_shares,
    wavenumber_form,
)
from dfbdesign.solvers.cutting import periods
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import Cells, System
from dfbdesign.solvers.mode_search import Found
from dfbdesign.solvers.period import Period, Slice
from dfbdesign.solvers.polynomials import mesh_key, polynomial

STEP = 5e-4
"""Relative step of the differences of dimensions."""
PLACES, WEIGHTS = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1.0, -8.0, 8.0, -1.0]) / 12
"""Of a difference whose error falls with the fourth power of the step."""


@dataclass(frozen=True)
class Gradient:
    """Derivatives of the wavenumber of one mode; slices from the substrate up."""

    thickness: Complex
    """dk/d(thickness), shape (slice,) [1/µm²]."""
    walls: tuple[Complex, ...] | None
    """dk/d(wall) of every slice, shape (wall,), walls in periods [1/µm]; `None` for TM, whose
    polynomials move with the walls."""
    length: complex
    """dk/d(period) with walls that move along [1/µm²]."""
    ordinary: Complex
    """dk/dε of every filling for fields in the plane, in every slice and outside: shape
    (slice + 2, filling), the substrate first and the superstrate last [1/µm]."""
    extraordinary: Complex
    """The same for fields along z."""


def gradient(cells: Cells, found: Found) -> Gradient:
    """Derivatives of one mode's wavenumber.

    Args:
        cells: The batch.
        found: One mode of it.

    Returns:
        All derivatives.
    """
    system, u, v = _settled(cells, found)
    slope = wavenumber_form(system, u, v)[0]
    shares = region_shares(system, u, v)
    row = int(found.row[0])
    thickness = []
    for number, part in enumerate(cells.period.slices):
        d = float(part.thickness[row])
        thickness.append(-_height_density(system, shares, number) / d / slope)
    walls = tuple(
        np.array([-one / slope for one in _wall_changes(system, number, u, v)])
        for number in range(len(cells.period.slices) if system.te else 0)
    )
    length = float(cells.period.length[row])
    return Gradient(
        np.array(thickness),
        walls or None,
        2 / length * _stiffness(system, shares, u, v) / slope,
        *(-part / slope for part in _permittivity(system, shares, u, v)),
    )


def _settled(cells: Cells, found: Found) -> tuple[System, Complex, Complex]:
    """The period at a mode, its field and its left field at all interfaces.

    The steps that found the mode end when its wavenumber is exact; its field, still of the step
    before, is exact to first order only. One more solve makes it so.
    """
    system = found.system(cells)
    u = system.interfaces(system.solve(found.vector[..., None])[..., 0])
    u /= np.abs(u).max()
    if cells.lateral.transposed:
        return system, u, u
    v = system.interfaces(system.solve(found.left[..., None], transposed=True)[..., 0])
    return system, u, v / np.abs(v).max()


def _weights(system: System) -> tuple[Complex, Complex]:
    """1/ε_x and 1/ε_z of every filling in TM, shape (filling,); ones in TE."""
    if system.te:
        one = np.ones(len(system.media), dtype=complex)
        return one, one
    return (
        np.array([1 / medium.ordinary[0] for medium in system.media]),
        np.array([1 / medium.extraordinary[0] for medium in system.media]),
    )


def _mass_weight(system: System) -> Complex:
    k = system.k[0]
    if system.te:
        return np.array([k**2 * medium.ordinary[0] for medium in system.media])
    return np.full(len(system.media), k**2)


def _height_density(system: System, shares: Shares, number: int) -> complex:
    """∫(v M u - v' P u') dz over a slice."""
    across, along = _weights(system)
    parts = (
        along @ shares.stiffness[number, :, 0],
        -_mass_weight(system) @ shares.mass[number, :, 0],
        -across @ shares.normal[number, :, 0],
    )
    return complex(sum(parts))


def _stiffness(system: System, shares: Shares, u: Complex, v: Complex) -> complex:
    """The part of the form that falls with the square of the period."""
    _, along = _weights(system)
    total = along @ shares.stiffness[:, :, 0].sum(axis=0)
    for upper in (False, True):
        end = -1 if upper else 0
        flux = system.outer(upper)[1][0]
        medium = system.half_space(upper)
        # (p γ)² = q - k²ε, or (q/ε_z - k²)/ε_x
        slope = 1 / (2 * flux)
        if not system.te:
            slope = slope / (medium.ordinary[0] * medium.extraordinary[0])
        total += np.sum(v[0, end] * system.square[0] * slope * u[0, end])
    return complex(total)


def _permittivity(
    system: System, shares: Shares, u: Complex, v: Complex
) -> tuple[Complex, Complex]:
    """Change of the form with the permittivities in the plane, and along z."""
    period = system.cells.period
    if system.te:
        plane = -(system.k[0] ** 2) * shares.mass[:, :, 0]
        axis = np.zeros_like(plane)
    else:
        across, along = _weights(system)
        plane = -shares.normal[:, :, 0] * across**2
        axis = -shares.stiffness[:, :, 0] * along**2
    ends = np.zeros((2, 2, len(system.media)), dtype=complex)
    for upper in (False, True):
        end = -1 if upper else 0
        filling = period.superstrate if upper else period.substrate
        for number, slope in enumerate(outer_permittivity_slopes(system, upper)):
            ends[number, end, filling] = np.sum(v[0, end] * slope[0] * u[0, end])
    found = [
        np.concatenate([edge[:1], inside, edge[1:]])
        for edge, inside in zip(ends, (plane, axis), strict=True)
    ]
    return found[0], found[1]


def _wall_changes(system: System, number: int, u: Complex, v: Complex) -> list[complex]:
    """Change of the form when each wall of a slice moves to the right by one period, for TE."""
    part, row = system.cells.period.slices[number], int(system.row[0])
    if part.uniform:
        return [0j] * part.walls.shape[1]
    faces = slice(number, number + 2)
    gram = system.modes[number].grams(u[:, faces], v[:, faces], slopes=False)[0][0]
    found = [0j]
    for wall, (a, b) in enumerate(zip(part.regions[:-1], part.regions[1:], strict=True), start=1):
        value = _at(system, float(part.walls[row, wall]))
        jump = system.media[a].ordinary[0] - system.media[b].ordinary[0]
        found.append(complex(-(system.k[0] ** 2) * jump * (value.conj() @ gram @ value)))
    return [*found, 0j]


def _at(system: System, x: float) -> Complex:
    """Values of the lateral functions at one place [period], shape (n,)."""
    functions = system.cells.lateral.functions
    value, _ = functions(int(system.row[0]), int(system.sector[0]), np.array([x]))
    return np.asarray(value[0])


def sensitivity(device: Device, cells: Cells, found: Found, path: str) -> complex:
    """dk/dp for one value p of the device.

    Args:
        device: The device.
        cells: Its period.
        found: One mode.
        path: Path of the value, as for `dfbdesign.device.changed`; for a material the derivative is
            against its index, in all directions.

    Returns:
        The derivative [1/µm per unit of the value; 1/µm for an index].

    Raises:
        InputError: If the path is no dimension or material of the period, or the walls change
            their order there.
    """
    if path.endswith(".material"):
        return _index_change(device, cells, found, gradient(cells, found), path)
    value = device_value(device, path)
    if not isinstance(value, float | int):
        raise InputError(f'"{path}" is not a number. Name a thickness, duty, period or material.')
    step = STEP * abs(value) or STEP
    changes = {path: value + step * PLACES}
    batches = periods(device, cells.period.wavevector[0], changes, cells.period.stairs)
    moved = _together(batches)
    walls_move = any(np.any(part.walls[0] != part.walls[-1]) for part in moved.slices)
    of_elements = walls_move and cells.lateral.nodal is not None
    if of_elements and moved.split != cells.period.split:
        raise InputError(
            f'"{path}" takes the mirror plane away: TM modes have no slope there. Compare two '
            "devices."
        )
    regions = [part.regions for part in cells.period.slices]
    same = all([part.regions for part in batch.slices] == regions for batch in batches)
    if not same or (of_elements and len(batches) > 1):
        raise InputError(
            f'"{path}" = {value:g} is where walls meet: there is no slope there. Compare two '
            "devices on one side of it."
        )
    if of_elements:
        return _of_moved_elements(cells, found, moved) / step
    return _contracted(gradient(cells, found), moved) / step


def _together(batches: tuple[Period, ...]) -> Period:
    """The rows of all batches, whatever the order of walls of different slices."""
    place = np.argsort(np.concatenate([batch.rows for batch in batches]))

    def joined(*arrays: Real) -> Real:
        return np.asarray(np.concatenate(arrays)[place])

    if len({tuple(part.walls.shape[1] for part in batch.slices) for batch in batches}) > 1:
        return batches[0]  # not to be compared
    slices = zip(*(batch.slices for batch in batches), strict=True)
    return replace(
        batches[0],
        length=joined(*(batch.length for batch in batches)),
        wavevector=joined(*(batch.wavevector for batch in batches)),
        slices=tuple(
            Slice(
                parts[0].layer,
                joined(*(part.thickness for part in parts)),
                joined(*(part.walls for part in parts)),
                parts[0].regions,
            )
            for parts in slices
        ),
        rows=np.arange(len(place)),
    )


def _contracted(derivatives: Gradient, moved: Period) -> complex:
    total = derivatives.length * (WEIGHTS @ moved.length)
    for number, part in enumerate(moved.slices):
        total += derivatives.thickness[number] * (WEIGHTS @ part.thickness)
        shift: Real = WEIGHTS @ part.walls
        if not part.uniform and derivatives.walls is not None:
            total += derivatives.walls[number] @ shift
    return complex(total)


def _of_moved_elements(cells: Cells, found: Found, moved: Period) -> complex:
    """The same change where the functions move with the walls: of the form, at a fixed field.

    The null vectors make every change of the field drop out, so coefficients are simply kept.
    """
    row, sector, many = int(found.row[0]), int(found.sector[0]), len(PLACES)
    degree = cells.lateral.size
    lateral = polynomial(moved, degree, mesh_key(cells.period, degree)[[row]])
    if lateral.nodal is None or cells.lateral.nodal is None or lateral.dual is None:
        raise TypeError("only polynomials move with the walls")
    turn = lateral.dual[:, sector] @ cells.lateral.nodal[row, sector]
    turn_left = lateral.dual[:, sector].conj() @ cells.lateral.nodal[row, sector].conj()
    here, u, v = _settled(cells, found)
    system = Cells(moved, lateral).at(
        np.repeat(found.k, many), np.arange(many), np.repeat(found.sector, many)
    )
    forms = form(system, u @ np.swapaxes(turn, -1, -2), v @ np.swapaxes(turn_left, -1, -2))
    return complex(-(WEIGHTS @ forms) / wavenumber_form(here, u, v)[0])


def device_value(device: Device, path: str) -> Any:
    """The value at a path of a device.

    Args:
        device: The device.
        path: As for `dfbdesign.device.changed`.

    Returns:
        The value.

    Raises:
        InputError: If the path does not exist.
    """
    part: Any = device
    for key in path.split("."):
        try:
            part = part[int(key)] if key.isdecimal() else getattr(part, key)
        except (AttributeError, IndexError, TypeError):
            raise InputError(f'"{path}": there is no "{key}".') from None
    return part


def _index_change(
    device: Device, cells: Cells, found: Found, derivatives: Gradient, path: str
) -> complex:
    material: Material = device_value(device, path)
    owner = path.removesuffix(".material")
    places = {"substrate": [0], "superstrate": [len(cells.period.slices) + 1]}.get(owner)
    if places is None:
        layer = int(owner.split(".")[1])
        places = [i for i, part in enumerate(cells.period.slices, 1) if part.layer == layer]
    gain = getattr(device_value(device, owner), "gain", False)
    (filling,) = [
        number for number, one in enumerate(cells.period.fillings)
        if one.materials == (material,) and one.gain == gain
    ]  # fmt: skip
    # a line and its surroundings of one material share a filling, so their parts cannot be told
    medium = found.system(cells).media[filling]
    parts = (
        (derivatives.ordinary, medium.ordinary),
        (derivatives.extraordinary, medium.extraordinary),
    )
    changes = [2 * np.sqrt(value[0]) * slope[places, filling].sum() for slope, value in parts]
    return complex(sum(changes))
