"""Every Bloch mode of a batch of periods in a window of wavenumbers: none missed, none invented.

A contour integral over the resolvent of F(k) gives candidates (Beyn, Linear Algebra Appl. 436, 3839
(2012), integral algorithm 2), Newton steps on the Rayleigh quotient of F refine them, and the
winding of det F along the same contour counts them. A search that does not find as many modes as
the winding counts is an error, never a shorter list.
"""

from dataclasses import dataclass, replace
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.cell_forms import wavenumber_form
from dfbdesign.solvers.contours import POINTS, Contours, contours_around, windings
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import Cells, Index, System

MOMENTS = (4, 10)
"""Pairs of moments of the contour integral: at first, and when modes are missing."""
TOGETHER = 4096
"""Wavenumbers evaluated together: enough to hide the cost of a call, few enough for the cache."""
ROUGH = 3e-5
"""The same where a finer solve follows."""
QUADRATIC = 1e-6
"""A relative step below this leaves an error of rounding, because steps converge quadratically."""


@dataclass(frozen=True)
class Found:
    """Modes of a batch: to each its device, sector, wavenumber and field."""

    row: Index
    sector: Index
    k: Complex
    """Shape (mode,) [1/µm]."""
    vector: Complex
    """Field at the interfaces kept, shape (mode, interface, n)."""
    left: Complex
    """The same of the left null vector."""
    at: Complex
    """Where the last step evaluated F: k but for that step, shape (mode,) [1/µm]."""
    form: Complex
    """y^T (dF/dk) x there, shape (mode,); nan for a start."""

    def __len__(self) -> int:
        return len(self.k)

    def where(self, kept: NDArray[np.bool_] | Index) -> "Found":
        """Some of the modes.

        Args:
            kept: Mask or places.

        Returns:
            These modes.
        """
        return Found(*(getattr(self, name)[kept] for name in NAMES))

    def system(self, cells: Cells, gain: Real | None = None) -> System:
        """The periods at the wavenumbers of the modes.

        Args:
            cells: The batch.
            gain: Material gain of the gain layers, shape (mode,) [1/µm].

        Returns:
            What is known of them there.
        """
        return cells.at(self.k, self.row, self.sector, gain)

    def fields(self, system: System) -> tuple[Complex, Complex]:
        """The fields at every interface.

        Args:
            system: The periods at the modes.

        Returns:
            Fields and left fields, shape (mode, slice + 1, n) each.
        """
        u = system.interfaces(self.vector)
        return u, u if system.cells.lateral.transposed else system.interfaces(self.left)


NAMES = tuple(Found.__dataclass_fields__)


def starts(row: Index, sector: Index, k: Complex, vector: Complex, left: Complex) -> Found:
    """Modes that are still to be refined.

    Args:
        row: Device of each.
        sector: Sector of each.
        k: Wavenumbers, shape (mode,) [1/µm].
        vector: Fields at the interfaces kept.
        left: Left fields.

    Returns:
        The starts.
    """
    return Found(row, sector, k, vector, left, k, np.full(k.shape, np.nan + 0j))


def refined(
    cells: Cells, start: Found, gain: Real | None = None, tolerance: float = QUADRATIC
) -> tuple[Found, NDArray[np.bool_], System | None]:
    """Modes by Newton steps; the Rayleigh quotient of both null vectors makes them converge fast.

    Args:
        cells: The batch.
        start: Wavenumbers and fields to start from.
        gain: Material gain of the gain layers, shape (mode,) [1/µm].
        tolerance: Relative step after which a mode is left.

    Returns:
        The modes, which of them settled, and the periods at `at`, if the last step was one of all.
    """
    found, settled = start, np.zeros(len(start), dtype=bool)
    active = np.arange(len(start))
    symmetric = cells.lateral.transposed
    system = None
    for step in range(20):
        if len(active) == 0:
            break
        here = found if len(active) == len(start) else found.where(active)
        system = here.system(cells, None if gain is None else gain[active])
        right, left = here.vector, here.left
        for _ in range(2 if step == 0 else 1):
            before = right
            right, size = _scaled(system.solve(before[..., None])[..., 0])
            if not symmetric:
                left = _scaled(system.solve(left[..., None], transposed=True)[..., 0])[0]
        left = right if symmetric else left
        u = system.interfaces(right)
        v = u if symmetric else system.interfaces(left)
        form = np.sum(left * before, axis=(-1, -2)) / size  # F x is the field before, scaled
        slope = wavenumber_form(system, u, v)
        move = -form / slope
        moved = Found(here.row, here.sector, here.k + move, right, left, here.k, slope)
        found = moved if here is found else put(found, active, moved)
        relative = np.abs(move / here.k)
        done = relative < tolerance
        settled[active[done]] = True
        active = active[~done & (relative < 0.1)]
    together = system is not None and len(system.k) == len(start)
    return found, settled, system if together else None


def put(found: Found, place: Index, part: Found) -> Found:
    """Modes with some of them replaced.

    Args:
        found: All modes.
        place: Which are replaced.
        part: By these.

    Returns:
        All modes.
    """
    whole = Found(*(getattr(found, name).copy() for name in NAMES))
    for name in NAMES:
        getattr(whole, name)[place] = getattr(part, name)
    return whole


def _scaled(vector: Complex) -> tuple[Complex, Real]:
    """A field of largest modulus one, and what it was divided by."""
    size = np.abs(vector).max(axis=(-1, -2))
    return vector / size[:, None, None], size


def all_around(cells: Cells, centre: float) -> Found:
    """Every mode of every device around a wavenumber, half-width `SEARCHED`.

    Args:
        cells: The batch.
        centre: Middle of the window, a real wavenumber [1/µm].

    Returns:
        The modes, sorted by device and sector.

    Raises:
        NotConverged: If the modes found are not as many as the winding counts.
    """
    analytic = replace(cells, about=centre)
    contours = contours_around(analytic, centre)
    step = max(1, TOGETHER // POINTS)
    places = [
        np.arange(i, min(i + step, len(contours.row))) for i in range(0, len(contours.row), step)
    ]
    found = joined([_inside(analytic, contours.where(place)) for place in places])
    if any(filling.constant is None for filling in cells.period.fillings):
        found, _, _ = refined(cells, found)  # each with the dispersion at its own wavenumber
    return found.where(np.lexsort((found.k.real, found.sector, found.row)))


def nearest(cells: Cells, centre: float, order: int) -> Found:
    """The even and the odd mode that Newton steps reach from a wavenumber, nothing counted.

    Args:
        cells: The batch, split into even and odd.
        centre: Where to start, a real wavenumber [1/µm].
        order: Bragg order: its harmonic starts the field.

    Returns:
        The modes, those that did not settle left out.
    """
    rows, sectors = np.indices((len(cells.period.rows), 2)).reshape(2, -1)
    interfaces = len(cells.period.middle) + 1
    field = np.zeros((len(rows), interfaces, cells.functions), dtype=complex)
    at_edge = order % 2 == 1
    place = np.where(sectors == 0, order // 2, order // 2 - (not at_edge))
    field[np.arange(len(rows)), :, place] = 1.0
    start = starts(rows, sectors, np.full(len(rows), centre + 0j), field, field)
    found, settled, _ = refined(cells, start, tolerance=ROUGH)
    return found.where(settled)


def _inside(cells: Cells, contours: Contours) -> Found:
    """Every mode in every ellipse, as many as the winding counts."""
    angle = 2 * pi * (np.arange(POINTS) + 0.5) / POINTS
    system = contours.system(cells, angle)
    count = windings(cells, contours, angle, system)
    open_ = np.flatnonzero(count > 0)
    candidates = _candidates(contours, angle, system, count, open_, 0)
    first, complete = _kept(cells, contours, candidates, count)
    kept = [first]
    for points in (64, 128, 256, 512, 2048):
        open_ = open_[~complete[open_]]
        if len(open_) == 0:
            break
        angle = 2 * pi * (np.arange(points) + 0.5) / points
        some, wanted = contours.where(open_), count[open_]
        system = some.system(cells, angle)
        candidates = _candidates(some, angle, system, wanted, np.arange(len(open_)), 2)
        again, found = _kept(cells, some, candidates, wanted)
        kept.append(again)
        complete[open_] = found
    else:
        open_ = open_[~complete[open_]]
    if len(open_):
        raise NotConverged(
            f"the search found other than the {count[open_[0]]} modes that the contour counts. "
            "Move the target wavelength a little."
        )
    return joined(kept)


def _kept(
    cells: Cells, contours: Contours, candidates: tuple[Index, Found], count: Index
) -> tuple[Found, NDArray[np.bool_]]:
    """The distinct modes inside their contours, and which contours have all of theirs."""
    contour, start = candidates
    found, settled, _ = refined(cells, start)
    good = np.flatnonzero(settled & contours.hold(contour, found.k))
    good = good[distinct(found.where(good), contour[good])]
    complete = np.bincount(contour[good], minlength=len(count)) == count
    return found.where(good[complete[contour[good]]]), complete


def distinct(found: Found, group: Index) -> Index:
    """Places of modes, each once: equal wavenumbers count once only if the fields are equal too.

    Args:
        found: Modes, some perhaps more than once.
        group: Only modes of one group are compared, shape (mode,).

    Returns:
        Places of the distinct modes.
    """
    if len(set(group.tolist())) == len(group):
        return np.arange(len(group))
    kept: dict[int, list[int]] = {}
    for i in range(len(found)):
        x, others = found.vector[i].ravel(), kept.setdefault(int(group[i]), [])
        known = any(
            abs(found.k[i] - found.k[j]) < 1e-9 * abs(found.k[i])
            and abs(np.vdot(x, found.vector[j].ravel()))
            > 0.999 * np.linalg.norm(x) * np.linalg.norm(found.vector[j])
            for j in others
        )
        if not known:
            others.append(i)
    return np.array(sorted(i for places in kept.values() for i in places), dtype=int)


def _candidates(
    contours: Contours, angle: Real, system: System, count: Index, wanted: Index, extra: int
) -> tuple[Index, Found]:
    """Beyn's candidates of the wanted contours: the contour of each, and where to start."""
    interfaces, n = system.unknowns
    columns = min(interfaces * n, int(count.max(initial=0)) + 2)
    probe = np.random.default_rng(0).standard_normal((1, interfaces, n, columns))
    places, first = [np.zeros(0, dtype=int)], [_none(interfaces, n)]
    if len(wanted):
        right = np.broadcast_to(probe + 0j, (len(system.k), interfaces, n, columns))
        solved = system.solve(right).reshape(len(contours.row), len(angle), -1, columns)
    alone = wanted[count[wanted] + extra == 1]
    if len(alone):
        k, field = _lone(contours.where(alone), angle, solved[alone])
        places.append(alone)
        first.append(_started(contours.where(alone), k, field.reshape(-1, interfaces, n)))
    for number in wanted[count[wanted] + extra > 1]:
        k, field = _beyn(
            contours.where(np.array([number])),
            angle,
            solved[number],
            int(count[number]) + extra,
            MOMENTS[extra > 0],
        )
        same = np.full(len(k), number)
        places.append(same)
        first.append(_started(contours.where(same), k, field.T.reshape(-1, interfaces, n)))
    return np.concatenate(places), joined(first)


def _none(interfaces: int, n: int) -> Found:
    nothing = np.zeros(0, dtype=int)
    field = np.zeros((0, interfaces, n), dtype=complex)
    return starts(nothing, nothing, np.zeros(0, dtype=complex), field, field)


def joined(parts: list[Found]) -> Found:
    """Modes of several searches in one.

    Args:
        parts: At least one.

    Returns:
        All modes.
    """
    if len(parts) == 1:
        return parts[0]
    return Found(*(np.concatenate([getattr(part, name) for part in parts]) for name in NAMES))


def _started(contours: Contours, k: Complex, field: Complex) -> Found:
    return starts(contours.row, contours.sector, k, field, field.conj())


def _moments(contours: Contours, angle: Real, solved: Complex, count: int) -> tuple[Real, Complex]:
    """Scale of k - middle, and contour integrals of its powers times the resolvent.

    Shapes: (contour, 1), and (contour, power, field, column).
    """
    across, up = contours.across[:, None], contours.up[:, None]
    scale = np.maximum(across, up)
    place = (contours.points(angle) - contours.middle[:, None]) / scale
    weight = (-across * np.sin(angle) + 1j * up * np.cos(angle)) / (1j * len(angle))
    powers = weight[:, None] * place[:, None] ** np.arange(count)[:, None]
    flat = solved.reshape(*solved.shape[:2], -1)
    return scale, (powers @ flat).reshape(len(scale), count, *solved.shape[2:])


def _lone(contours: Contours, angle: Real, solved: Complex) -> tuple[Complex, Complex]:
    """Start of the only mode in each contour: its residue, and the first moment over it."""
    scale, moments = _moments(contours, angle, solved, 2)
    size = np.sum(np.abs(moments[:, 0]) ** 2, axis=1)
    column = size.argmax(axis=-1)
    number = np.arange(len(column))
    field, first = moments[number, 0, :, column], moments[number, 1, :, column]
    place = np.sum(field.conj() * first, axis=-1) / size[number, column]
    return contours.middle + scale[:, 0] * place, field


def _beyn(
    contour: Contours, angle: Real, solved: Complex, count: int, pairs: int
) -> tuple[Complex, Complex]:
    """So many eigenvalues and eigenvectors, those inside the contour among them."""
    # More modes than interfaces share a function in a thick film: their fields at the interfaces
    # depend on each other, and only higher moments tell them apart.
    scale, (moments,) = _moments(contour, angle, solved[None], 2 * pairs)
    hankel, shifted = (
        np.block([[moments[i + j + start] for j in range(pairs)] for i in range(pairs)])
        for start in (0, 1)
    )
    left, singular, right = np.linalg.svd(hankel, full_matrices=False)
    rank = min(count, int((singular > singular[0] * np.finfo(float).eps).sum()))
    left, singular, right = left[:, :rank], singular[:rank], right[:rank]
    values, vectors = np.linalg.eig(left.conj().T @ shifted @ right.conj().T / singular)
    return contour.middle + scale[:, 0] * values, left[: solved.shape[1]] @ vectors
