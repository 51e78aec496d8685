"""Every Bloch mode of a batch of periods in a window of wavenumbers: none missed, none invented.

A contour integral over the resolvent of F(k) gives candidates (Beyn, Linear Algebra Appl. 436, 3839
(2012), integral algorithm 2), Newton steps on the Rayleigh quotient of F refine them, and the
winding of det F along the same contour counts them. A search that does not find as many modes as
the winding counts is an error, never a shorter list.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.media import medium
from dfbdesign.solvers.modal import Cells, Index, System

SEARCHED = 0.08
"""Half-width of the searched window: a pair of band edges across the border is not cut in two."""
LOWEST_Q = 20.0
"""Smallest quality factor searched for; film resonances of a few round trips are left out."""
MOMENTS = (4, 10)
"""Pairs of moments of the contour integral: at first, and when modes are missing."""
POINTS = 32
"""Points of a contour, before it is refined where the phase turns fast."""
GRADED = pi / POINTS / 2.0 ** np.arange(1, 9)
"""Angles of further points next to a tip on an anomaly."""
ROUNDING = 1e-11
"""Changes of a wavenumber below this, relative, are rounding; with Im k so small Q is infinite."""
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

    def __len__(self) -> int:
        return len(self.k)

    def where(self, kept: NDArray[np.bool_] | Index) -> "Found":
        """Some of the modes.

        Args:
            kept: Mask or places.

        Returns:
            These modes.
        """
        return Found(
            self.row[kept], self.sector[kept], self.k[kept], self.vector[kept], self.left[kept]
        )

    def system(self, cells: Cells, gain: Real | None = None) -> System:
        """The periods at the wavenumbers of the modes.

        Args:
            cells: The batch.
            gain: Material gain of the gain layers, shape (mode,) [1/µm].

        Returns:
            What is known of them there.
        """
        return cells.at(self.k, self.row, self.sector, gain)


def refined(
    cells: Cells, start: Found, gain: Real | None = None, tolerance: float = QUADRATIC
) -> tuple[Found, NDArray[np.bool_]]:
    """Modes by Newton steps; the Rayleigh quotient of both null vectors makes them converge fast.

    Args:
        cells: The batch.
        start: Wavenumbers and fields to start from.
        gain: Material gain of the gain layers, shape (mode,) [1/µm].
        tolerance: Relative step after which a mode is left.

    Returns:
        The modes, and which of them settled.
    """
    k, x, y = start.k.copy(), start.vector.copy(), start.left.copy()
    settled = np.zeros(len(k), dtype=bool)
    active = np.arange(len(k))
    symmetric = cells.lateral.transposed
    for step in range(20):
        if len(active) == 0:
            break
        here = Found(start.row[active], start.sector[active], k[active], x[active], y[active])
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
        move = -form / system.wavenumber_form(u, v)
        k[active], x[active], y[active] = here.k + move, right, left
        relative = np.abs(move / here.k)
        done = relative < tolerance
        settled[active[done]] = True
        active = active[~done & (relative < 0.1)]
    return Found(start.row, start.sector, k, x, y), settled


def _scaled(vector: Complex) -> tuple[Complex, Real]:
    """A field of largest modulus one, and what it was divided by."""
    size = np.abs(vector).max(axis=(-1, -2))
    return vector / size[:, None, None], size


@dataclass(frozen=True)
class Contours:
    """Ellipses in the k plane, each for one device and sector; every array of shape (contour,)."""

    row: Index
    sector: Index
    middle: Real
    across: Real
    up: Real
    grazing: NDArray[np.bool_]
    """Whether an end lies on an anomaly, where the phase of det F turns as a square root."""

    def where(self, kept: Index) -> "Contours":
        """Some of the contours.

        Args:
            kept: Their places.

        Returns:
            These contours.
        """
        return Contours(
            self.row[kept],
            self.sector[kept],
            self.middle[kept],
            self.across[kept],
            self.up[kept],
            self.grazing[kept],
        )

    def points(self, angle: Real) -> Complex:
        """Wavenumbers on the ellipses, shape (contour, angle)."""
        cosine, sine = np.cos(angle), np.sin(angle)
        return self.middle[:, None] + self.across[:, None] * cosine + 1j * self.up[:, None] * sine

    def system(self, cells: Cells, angle: Real) -> System:
        """The periods at all points, contour after contour."""
        repeat = len(angle)
        return cells.at(
            self.points(angle).ravel(), np.repeat(self.row, repeat), np.repeat(self.sector, repeat)
        )

    def hold(self, contour: Index, k: Complex) -> NDArray[np.bool_]:
        """Whether wavenumbers lie inside their contours."""
        x = (k.real - self.middle[contour]) / self.across[contour]
        return np.asarray(x**2 + (k.imag / self.up[contour]) ** 2 < 1)


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
        found, _ = refined(cells, found)  # each with the dispersion at its own wavenumber
    return found.where(np.lexsort((found.k.real, found.sector, found.row)))


def count_around(cells: Cells, centre: float) -> Index:
    """How many modes every device has in the searched window, by winding alone.

    Args:
        cells: The batch, its dispersion continued from the centre.
        centre: Middle of the window [1/µm].

    Returns:
        Shape (device,).
    """
    contours = contours_around(cells, centre)
    angle = 2 * pi * (np.arange(POINTS) + 0.5) / POINTS
    counts = _windings(cells, contours, angle, contours.system(cells, angle))
    return np.bincount(contours.row, counts, len(cells.period.rows)).astype(int)


def ends_at_anomalies(cells: Cells, centre: float) -> Index:
    """Devices in whose window an order grazes a half-space.

    Args:
        cells: The batch, its dispersion continued from the centre.
        centre: Middle of the window [1/µm].

    Returns:
        Their rows, some more than once.
    """
    near = np.abs(anomalies(cells, centre) / centre - 1) < SEARCHED
    return np.nonzero(near)[0]


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
    start = Found(rows, sectors, np.full(len(rows), centre + 0j), field, field)
    found, settled = refined(cells, start, tolerance=ROUGH)
    return found.where(settled)


def anomalies(cells: Cells, centre: float) -> Real:
    """Wavenumbers at which a diffraction order grazes a half-space: branch points of F.

    Args:
        cells: The batch.
        centre: Where to look first [1/µm].

    Returns:
        Shape (device, sector, anomaly); those of steep functions are far beyond the centre.
    """
    period = cells.period
    lateral = np.sort(np.sqrt(np.maximum(cells.lateral.square, 0)), axis=-1)
    lateral = lateral[..., : int((lateral < 8 * centre).sum(axis=-1).max())]
    row = np.broadcast_to(np.arange(len(lateral))[:, None, None], lateral.shape).ravel()
    found = []
    for end in (period.substrate, period.superstrate):
        k = np.full(row.shape, centre + 0j)
        steady = period.fillings[end].constant is not None
        for _ in range(1 if steady else 8):  # K = k n(k): dispersion is weak
            near = medium(period.fillings[end], k, row, cells.about)
            index = np.sqrt(near.ordinary if period.polarization == "TE" else near.extraordinary)
            k = lateral.ravel() / index
        found.append(k.real.reshape(lateral.shape))
    return np.concatenate(found, axis=-1)


def contours_around(cells: Cells, centre: float) -> Contours:
    """The searched ellipses, one between any two Rayleigh anomalies.

    Args:
        cells: The batch.
        centre: Middle of the window [1/µm].

    Returns:
        The ellipses of all devices and sectors.
    """
    low, high = centre * (1 - SEARCHED), centre * (1 + SEARCHED)
    found = []
    grazing = anomalies(cells, centre)
    inside = (grazing > low) & (grazing < high)
    for row, sector in np.ndindex(grazing.shape[:2]):
        inner = sorted(set(grazing[row, sector, inside[row, sector]].tolist()))
        for start, end in pairwise([low, *inner, high]):
            middle, across = (start + end) / 2, (end - start) / 2
            # the cut below an anomaly bends by y²/2k: a narrow ellipse must not reach it
            up = min(middle / (2 * LOWEST_Q), np.sqrt(across * middle / 2))
            if across > ROUNDING * middle:
                found.append((row, sector, middle, across, up, bool(inner)))
    row, sector, *ellipse = (np.array(column) for column in zip(*found, strict=True))
    return Contours(row, sector, *ellipse)


def _inside(cells: Cells, contours: Contours) -> Found:
    """Every mode in every ellipse, as many as the winding counts."""
    angle = 2 * pi * (np.arange(POINTS) + 0.5) / POINTS
    system = contours.system(cells, angle)
    count = _windings(cells, contours, angle, system)
    open_ = np.flatnonzero(count > 0)
    starts = _candidates(contours, angle, system, count, open_, 0)
    first, complete = _kept(cells, contours, starts, count)
    kept = [first]
    for points in (64, 128, 256, 512, 2048):
        open_ = open_[~complete[open_]]
        if len(open_) == 0:
            break
        angle = 2 * pi * (np.arange(points) + 0.5) / points
        some, wanted = contours.where(open_), count[open_]
        system = some.system(cells, angle)
        starts = _candidates(some, angle, system, wanted, np.arange(len(open_)), 2)
        again, found = _kept(cells, some, starts, wanted)
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
    cells: Cells, contours: Contours, starts: tuple[Index, Found], count: Index
) -> tuple[Found, NDArray[np.bool_]]:
    """The distinct modes inside their contours, and which contours have all of theirs."""
    contour, start = starts
    found, settled = refined(cells, start)
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


def _windings(cells: Cells, contours: Contours, angle: Real, system: System) -> Index:
    """Zeros of det F inside every contour, from its phase, followed in steps below one radian."""
    phases = system.phase_of_determinant().reshape(-1, len(angle))
    steps = _steps(phases)
    counts: Index = np.rint(steps.sum(axis=-1) / (2 * pi)).astype(int)
    rough = (np.abs(steps) > 1.0).any(axis=-1)
    for number in np.flatnonzero(rough | contours.grazing):
        one, start, phase = contours.where(np.array([number])), angle, phases[number]
        if contours.grazing[number]:  # a turn may hide between points at the tips
            tips = np.concatenate([GRADED, -GRADED, pi + GRADED, pi - GRADED]) % (2 * pi)
            order = np.argsort(start := np.concatenate([start, tips]))
            more = one.system(cells, tips).phase_of_determinant()
            start, phase = start[order], np.concatenate([phase, more])[order]
        counts[number] = _followed(cells, one, start, phase)
    return counts


def _steps(phase: Real) -> Real:
    turned = np.diff(phase, append=phase[..., :1])
    return np.asarray((turned + pi) % (2 * pi) - pi)


def _followed(cells: Cells, contour: Contours, angle: Real, phase: Real) -> int:
    for _ in range(20):
        steps = _steps(phase)
        rough = np.abs(steps) > 1.0
        if not rough.any():
            return round(float(steps.sum()) / (2 * pi))
        between = (angle + np.append(angle[1:], angle[0] + 2 * pi))[rough] / 2
        place = np.flatnonzero(rough) + 1
        angle = np.insert(angle, place, between)
        more = contour.system(cells, between).phase_of_determinant()
        phase = np.insert(phase, place, more)
    raise NotConverged(
        "a mode lies on the border of the search. Move the target wavelength a little."
    )


def _candidates(
    contours: Contours, angle: Real, system: System, count: Index, wanted: Index, extra: int
) -> tuple[Index, Found]:
    """Beyn's candidates of the wanted contours: the contour of each, and where to start."""
    interfaces, n = system.unknowns
    columns = min(interfaces * n, int(count.max(initial=0)) + 2)
    probe = np.random.default_rng(0).standard_normal((1, interfaces, n, columns))
    places, starts = [np.zeros(0, dtype=int)], [_none(interfaces, n)]
    if len(wanted):
        right = np.broadcast_to(probe + 0j, (len(system.k), interfaces, n, columns))
        solved = system.solve(right).reshape(len(contours.row), len(angle), -1, columns)
    alone = wanted[count[wanted] + extra == 1]
    if len(alone):
        k, field = _lone(contours.where(alone), angle, solved[alone])
        places.append(alone)
        starts.append(_started(contours.where(alone), k, field.reshape(-1, interfaces, n)))
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
        starts.append(_started(contours.where(same), k, field.T.reshape(-1, interfaces, n)))
    return np.concatenate(places), joined(starts)


def _none(interfaces: int, n: int) -> Found:
    nothing = np.zeros(0, dtype=int)
    field = np.zeros((0, interfaces, n), dtype=complex)
    return Found(nothing, nothing, np.zeros(0, dtype=complex), field, field)


def joined(parts: list[Found]) -> Found:
    """Modes of several searches in one.

    Args:
        parts: At least one.

    Returns:
        All modes.
    """
    if len(parts) == 1:
        return parts[0]
    names = ("row", "sector", "k", "vector", "left")
    return Found(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _started(contours: Contours, k: Complex, field: Complex) -> Found:
    return Found(contours.row, contours.sector, k, field, field.conj())


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
