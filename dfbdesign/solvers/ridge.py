r"""Modes of a channel waveguide: full-vector finite differences on a cross-section.

`ridge_geometry` measures the shapes, `ridge_grid` averages them on a grid, `ridge_operator` solves
Maxwell's equations on it, `ridge_mode` tells what a mode is worth. Here the modes of all symmetry
classes are gathered, the guided ones picked out, bent ones followed from straight.
`ridge_extrapolation` removes the error of the grid.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.solvers.ridge_geometry import Shape
from dfbdesign.solvers.ridge_grid import DENSITIES, Averages, Line, averages, line
from dfbdesign.solvers.ridge_mode import Field, RidgeMode, overlap
from dfbdesign.solvers.ridge_operator import CrossSection, Operator, Wall
from dfbdesign.units import nm

Real = NDArray[np.float64]

__all__ = [
    "CrossSection",
    "RidgeMode",
    "Shape",
    "bent",
    "cut_off",
    "guided",
    "modes",
    "track",
]

EDGE_FIELD = 0.02
"""Largest field a guided mode may have at the window's ends, over its maximum."""
TRUSTED_OVERLAP = 0.7
"""Least |overlap| of a mode with itself on another grid, or with the straight mode it came from."""
WEAKEST_STEP = 16
"""How much of a bend's curvature, at least, its mode must be followed in one step: one over this.
"""
LEAST_SHARE = 0.3
"""Share of the field between the outermost corners of the shapes above which a mode is leaky, not
radiation that the absorber holds."""
NEARBY = 10
"""Modes of a bend among which the wanted one is looked for; the others are the absorber's."""
RADIATION = 24
"""Modes of the radiation continuum looked through for leaky ones."""


def operators(section: CrossSection, density: int = DENSITIES[0]) -> list[Operator]:
    """The eigenproblems of a cross-section, one for each symmetry class.

    A mirror plane is used where the averaged shapes have one.

    Args:
        section: The cross-section.
        density: Cells per six cells of the stated spacing.

    Returns:
        One, two or four problems.

    Raises:
        InputError: If the window holds one material only.
    """
    y, z, around = _grid(section, density)
    mirrors = (
        section.curvature == 0 and _mirrored(around["x"].fractions, 1, y),
        _mirrored(around["x"].fractions, 2, z),
    )
    choices: list[list[Wall | None]] = [
        ["electric", "magnetic"] if mirror else [None] for mirror in mirrors
    ]
    halves = [
        line.upper() if mirror else line for line, mirror in zip((y, z), mirrors, strict=True)
    ]
    starts = [
        line.cells // 2 if mirror else 0 for line, mirror in zip((y, z), mirrors, strict=True)
    ]
    kept = {
        name: one.part(slice(starts[0], None), slice(starts[1], None))
        for name, one in around.items()
    }
    return [
        Operator(section, halves[0], halves[1], kept, (wall_y, wall_z))
        for wall_y, wall_z in product(*choices)
    ]


def _grid(section: CrossSection, density: int) -> tuple[Line, Line, dict[str, Averages]]:
    ends = np.array([section.window_y, section.window_z]) + section.absorber * np.array([1, -1])
    corners = corners_of(section)
    if np.any((corners < ends[:, 0]) | (corners > ends[:, 1])):
        raise InputError(
            f"window is too small: its absorber of {section.absorber:g} um covers a corner of a "
            "shape. Make the window larger or the absorber thinner."
        )
    y, z = _line(section, 0, density), _line(section, 1, density)
    around = averages(section.shapes, section.ordinary.real, y, z)
    if np.any(around["x"].fractions.min(axis=(1, 2)) > 1 - 1e-9):
        raise InputError("window holds one material only. Put it where the shapes are.")
    return y, z, around


def _line(section: CrossSection, axis: int, density: int) -> Line:
    window = (section.window_y, section.window_z)[axis]
    edges = np.concatenate(
        [
            one.polygon[one.polygon[:, axis] == np.roll(one.polygon[:, axis], 1), axis]
            for one in section.shapes
        ]
    )
    low, high = _inside(section, axis)
    margin = DENSITIES[0] * section.cell
    inner = max(low - margin, window[0] + margin), min(high + margin, window[1] - margin)
    return line(
        window,
        window if section.absorber > 0 else inner,  # a wave must be sampled everywhere
        edges[(edges > window[0]) & (edges < window[1])],
        section.cell,
        density,
        section.absorber,
        section.wavelength,
    )


def corners_of(section: CrossSection) -> Real:
    """Corners of the shapes within the window.

    Args:
        section: The cross-section.

    Returns:
        Points (y, z), shape (corner, 2) [µm].
    """
    points = np.concatenate([shape.polygon for shape in section.shapes])
    ends = np.array([section.window_y, section.window_z])
    return np.asarray(points[np.all((points > ends[:, 0]) & (points < ends[:, 1]), axis=1)])


def _inside(section: CrossSection, axis: int) -> tuple[float, float]:
    """Outermost corners of the shapes within the window; its ends if it holds none."""
    low, high = (section.window_y, section.window_z)[axis]
    points = np.concatenate([shape.polygon for shape in section.shapes])[:, axis]
    points = points[(points > low) & (points < high)]
    if points.size == 0:
        return low, high
    return float(points.min()), float(points.max())


def _mirrored(fractions: Real, axis: int, along: Line) -> bool:
    lines = along.real + along.real[::-1]
    return (
        along.cells % 2 == 0
        and np.allclose(lines, lines[0], rtol=0, atol=1e-9)
        and np.allclose(fractions, np.flip(fractions, axis), rtol=0, atol=1e-9)
    )


def modes(
    section: CrossSection,
    count: int = 4,
    density: int = DENSITIES[0],
    near: complex | None = None,
) -> list[RidgeMode]:
    """Modes of largest n_eff, whether they are guided or only held by the window's walls.

    Args:
        section: The cross-section.
        count: How many.
        density: Cells per six cells of the stated spacing.
        near: Look for those nearest to this n_eff instead of the largest.

    Returns:
        The modes, largest Re n_eff first; with `near`, the nearest first.

    Raises:
        InputError: If the window holds one material only.
        NotConverged: If the eigensolver fails, or a mode is not physical.
    """
    highest = float(max(section.ordinary.real.max(), section.extraordinary.real.max()))
    square = highest if near is None else near**2
    found: list[RidgeMode] = []
    for operator in operators(section, density):
        n, fluxes = operator.solve(count, square)
        found += [
            RidgeMode(complex(one), operator, vector)
            for one, vector in zip(n, fluxes.T, strict=True)
        ]
    if near is not None:
        return sorted(found, key=lambda mode: abs(mode.n_eff - near))[:count]
    found = sorted(found, key=lambda mode: -mode.n_eff.real)[:count]
    if section.curvature == 0 and found[0].n_eff.real > highest**0.5:
        raise NotConverged(
            f"the grid holds a mode of n_eff = {found[0].n_eff.real:.4f}, above every index. "
            f"Take a finer cell than {section.cell / nm:g} nm."
        )
    return found


def guided(section: CrossSection, count: int = 4) -> list[RidgeMode]:
    """Guided modes, and with an absorber leaky ones too.

    Args:
        section: The cross-section.
        count: At most how many.

    Returns:
        The modes, largest Re n_eff first.

    Raises:
        NoGuidedMode: If there is none.
        InputError: If a mode reaches the window's ends.
        NotConverged: If the eigensolver fails.
    """
    floor = cut_off(section)
    if section.absorber > 0:
        found = [one for one in modes(section, count + RADIATION) if _share(one) > LEAST_SHARE]
    else:
        found = [one for one in modes(section, count) if one.n_eff.real > floor]
    if not found:
        raise NoGuidedMode(
            f"no guided mode at {section.wavelength / nm:g} nm: none has n_eff above {floor:.4f}, "
            "that of what surrounds the shapes. Make the core larger or its index higher."
        )
    for number, mode in enumerate(found[:count], start=1):
        if section.absorber == 0 and mode.edge > EDGE_FIELD:
            raise InputError(
                f"window is too small: at its ends mode {number} (n_eff = {mode.n_eff.real:.4f}) "
                f"still has {mode.edge:.0%} of its largest field. Make the window larger."
            )
    return found[:count]


def cut_off(section: CrossSection) -> float:
    """The n_eff below which light leaves: the largest that the window's ends guide.

    Args:
        section: The cross-section.

    Returns:
        The largest of the indices below and above and of the TE slab indices at both sides.
    """
    _, z, around = _grid(section, DENSITIES[0])
    permittivity = around["x"].mean(section.ordinary).real
    lengths = np.diff(z.real[::2]) * 2 * np.pi / section.wavelength
    sides = [_slab(column, lengths) for column in (permittivity[0], permittivity[-1])]
    return float(np.sqrt(max(permittivity[:, 0].max(), permittivity[:, -1].max(), *sides)))


def _slab(permittivity: Real, lengths: Real) -> float:
    """Largest n_eff² of TE modes of a column between walls; lengths times k0."""
    from scipy.linalg import eigh_tridiagonal

    dual = (lengths[1:] + lengths[:-1]) / 2
    diagonal = permittivity[1:-1] - (1 / lengths[1:] + 1 / lengths[:-1]) / dual
    beside = 1 / (lengths[1:-1] * np.sqrt(dual[1:] * dual[:-1]))
    last = len(dual) - 1
    return float(eigh_tridiagonal(diagonal, beside, True, "i", (last, last))[0])


def _share(mode: RidgeMode) -> float:
    """Share of |E|² between the outermost corners of the shapes."""
    section, field = mode.operator.section, mode.field
    (left, right), (low, high) = _inside(section, 0), _inside(section, 1)
    within = np.outer((field.y > left) & (field.y < right), (field.z > low) & (field.z < high))
    intensity = np.sum(np.abs(field.electric) ** 2, axis=0) * field.weight
    return float(intensity[within].sum() / intensity.sum())


def bent(section: CrossSection, straight: RidgeMode, density: int = DENSITIES[0]) -> RidgeMode:
    """The mode of a bend that a mode of the straight waveguide turns into.

    Where the two resemble each other too little, it is followed through weaker bends.

    Args:
        section: The cross-section, with its curvature and an absorber.
        straight: Mode of the straight waveguide.
        density: Cells per six cells of the stated spacing.

    Returns:
        The bend's mode.

    Raises:
        NotConverged: If it is lost on the way.
    """
    mode, reached, step = straight, 0.0, section.curvature
    while reached < section.curvature:
        bend = replace(section, curvature=min(reached + step, section.curvature))
        following, likeness = _most_alike(bend, mode, density)
        if following is not None and likeness > TRUSTED_OVERLAP:
            mode, reached = following, bend.curvature
        elif step < section.curvature / WEAKEST_STEP:
            raise NotConverged(
                f"no mode of the bend resembles the straight one: the best overlap is "
                f"{likeness:.2f} at the radius {1 / bend.curvature:g} um. Take a larger radius."
            )
        else:
            step /= 2
    return mode


def _most_alike(
    bend: CrossSection, before: RidgeMode, density: int
) -> tuple[RidgeMode | None, float]:
    """The mode of a bend that resembles that of a weaker bend most, and how much it does."""
    field = before.field
    power = np.sum(np.abs(field.electric) ** 2 * field.weight, axis=(0, 2))
    centre = float(np.sum(power * field.y) / np.sum(power))
    # Light at y runs along the radius R + y: counted at y = 0, its index is larger by this much.
    more = bend.curvature - before.operator.section.curvature
    near = before.n_eff * (1 + more * centre)
    found = [mode for mode in modes(bend, NEARBY, density, near=near) if mode.field.power > 0]
    alike = [abs(overlap(field, mode.field)) for mode in found]
    if not found:
        return None, 0.0
    best = int(np.argmax(alike))
    return found[best], alike[best]


class HasField(Protocol):
    """What can be recognised by its field."""

    @property
    def field(self) -> Field:
        """Electric and magnetic field."""
        ...


def track(before: Sequence[HasField], after: Sequence[RidgeMode]) -> list[RidgeMode]:
    """Put modes in the order of those they came from, however their n_eff have crossed.

    Args:
        before: Modes of a cross-section.
        after: At least as many modes of one that differs a little.

    Returns:
        One of `after` for each of `before`, chosen for the largest total overlap.

    Raises:
        NotConverged: If one of them has no counterpart.
    """
    from scipy.optimize import linear_sum_assignment

    alike = np.array([[abs(overlap(old.field, new.field)) for new in after] for old in before])
    rows, columns = linear_sum_assignment(-(alike**2))
    worst = alike[rows, columns].min()
    if len(rows) < len(before) or worst < TRUSTED_OVERLAP:
        raise NotConverged(
            f"a mode has no counterpart (overlap {worst:.2f}). Take smaller steps or a finer cell."
        )
    return [after[int(column)] for column in columns]
