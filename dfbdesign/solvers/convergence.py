"""Modes of a period to a wanted accuracy: more functions, and more stairs, until nothing moves.

The search runs once, with few lateral functions; the modes are then followed through levels of 1.6
times as many functions and twice as many stairs each. What is left is less than the last change:
polynomials converge fast, stairs at least as their number; for plane waves the Fourier coefficients
of the walls tell how much of the change is left.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import NotConverged
from dfbdesign.solvers.cell_forms import Shares, region_shares, wavenumber_form
from dfbdesign.solvers.cell_sheets import distance_from_anomalies
from dfbdesign.solvers.contours import count_around
from dfbdesign.solvers.cutting import periods
from dfbdesign.solvers.lateral import Complex, Real, fourier, remainder
from dfbdesign.solvers.modal import Cells, System
from dfbdesign.solvers.mode_search import (
    Found,
    all_around,
    distinct,
    joined,
    nearest,
    refined,
    starts,
)
from dfbdesign.solvers.once import once
from dfbdesign.solvers.period import Period
from dfbdesign.solvers.polynomials import mesh_key, polynomial

GROWTH = 1.6
SAFETY = 3.3
"""How many times the estimated remainder of plane waves is stated as their error."""
LARGEST = 2e7
"""Cubes of the number of functions, summed over the slices, beyond which no level goes."""
LEVELS = 7
MARGIN = 10.0
"""How many times further from an anomaly than they have moved modes must be to be left there."""
STAIRS = 2
"""Stairs of a slanted wall at the first level."""


@dataclass(frozen=True)
class Solved:
    """Modes of a batch of devices that needed the same number of functions."""

    cells: Cells
    found: Found
    error: Real
    """Bound of the numerical error of each wavenumber, shape (mode,) [1/µm]."""
    last: System | None = None
    """The periods at `found.at`, if they are at hand."""
    exact: bool = True
    """Whether the periods are evaluated once more at the wavenumbers themselves, for what follows
    from the modes; else the last step is used, at most `QUADRATIC` away."""

    @once
    def system(self) -> System:
        """The periods at the modes."""
        if self.exact:
            return self.found.system(self.cells)
        if self.last is None:
            return self.cells.at(self.found.at, self.found.row, self.found.sector)
        return self.last

    @once
    def form(self) -> Complex:
        """y^T (dF/dk) x of each mode, shape (mode,)."""
        if not self.exact:
            return self.found.form
        return wavenumber_form(self.system, *self.fields)

    @once
    def fields(self) -> tuple[Complex, Complex]:
        """Fields and left fields at all interfaces, shape (mode, slice + 1, n) each."""
        return self.found.fields(self.system)

    @once
    def shares(self) -> Shares:
        """Integrals of each mode, those of slopes left out for TE."""
        return region_shares(self.system, *self.fields, slopes=False)


@dataclass(frozen=True)
class Sweep:
    """What is solved: a device, what is varied, and the wavevector."""

    device: Device
    wavevector: float
    changes: Mapping[str, Any]

    def batches(self, rows: NDArray[np.int64], level: int) -> Iterator[Period]:
        """The periods of some rows, slanted walls as finely cut as a level asks for.

        Args:
            rows: Places in the sweep.
            level: Number of the level, from 0.

        Yields:
            Batches that share the order of their walls; `Period.rows` counts in the whole sweep.
        """
        changes = {
            path: value if np.ndim(value) == 0 or len(value) == 1 else _taken(value, rows)
            for path, value in self.changes.items()
        }
        for batch in periods(self.device, self.wavevector, changes, STAIRS * 2**level):
            yield replace(batch, rows=rows[batch.rows])

    def refined(
        self, before: list["Solved"], level: int
    ) -> Iterator[tuple[Period, list["Solved"]]]:
        """The periods of the next level, and the results they start from.

        Args:
            before: Results of the level before.
            level: Number of the next level.

        Yields:
            Batches, with those results that hold rows of them.
        """
        if not any(one.cells.period.slanted for one in before):
            yield from ((one.cells.period, [one]) for one in before)
            return
        rows = np.sort(np.concatenate([one.cells.period.rows for one in before]))
        yield from ((batch, before) for batch in self.batches(rows, level))


def _taken(value: Any, rows: NDArray[np.int64]) -> Any:
    return value[rows] if isinstance(value, np.ndarray) else [value[row] for row in rows]


def _expanded(period: Period, order: int, level: int) -> Iterator[Cells]:
    """The batch in lateral functions: plane waves for TE, polynomials for TM.

    Raises:
        NotConverged: If the level is too large to be worth the time.
    """
    if period.polarization == "TE":
        yield Cells(period, fourier(period, round((3 + order) * GROWTH**level)))
        return
    degree = round((3 + (order + 1) // 2) * GROWTH**level)
    kinds, kind = np.unique(mesh_key(period, degree), axis=0, return_inverse=True)
    for number in range(len(kinds)):
        part = period.where(np.flatnonzero(kind.ravel() == number))
        cells = Cells(part, polynomial(part, degree))
        if len(part.middle) * cells.functions**3 > LARGEST:
            raise NotConverged(
                f"the wanted accuracy needs more than {cells.functions} functions in "
                f"{len(part.middle)} slices. Ask for a lower accuracy."
            )
        yield cells


def solved(
    sweep: Sweep,
    rows: NDArray[np.int64],
    centre: float,
    accuracy: float,
    counted: bool = True,
) -> tuple[Solved, ...]:
    """Every mode of every row around a wavenumber, to an accuracy.

    Args:
        sweep: What is solved.
        rows: Places in the sweep.
        centre: Middle of the window [1/µm].
        accuracy: Largest relative error of a wavenumber.
        counted: Whether all modes are searched for; else the two next to the middle are followed.

    Returns:
        The modes, by what they needed.

    Raises:
        NotConverged: If the last level still moves a mode, or modes were missed.
    """
    done: list[Solved] = []
    order = sweep.device.need_grating().order
    before = [
        Solved(
            cells,
            all_around(cells, centre)
            if counted or not batch.split
            else nearest(cells, centre, order),
            np.empty(0),
        )
        for batch in sweep.batches(rows, 0)
        for cells in _expanded(batch, order, 0)
    ]
    worst = inf
    drift = np.zeros(rows.max() + 1)  # since the modes of a row were counted, relative
    for level in range(1, LEVELS):
        after = [
            _followed(cells, earlier, centre, order)
            for batch, earlier in sweep.refined(before, level)
            for cells in _expanded(batch, order, level)
        ]
        before = []
        for followed in after:
            one = _recounted(followed, drift, centre) if counted else followed
            good = _move(one) <= accuracy * centre
            before.extend(_part(one, np.flatnonzero(~good)))
            for part in _part(one, np.flatnonzero(good)):
                done.append(replace(part, exact=counted))
        if not before:
            return tuple(done)
        worst = max(float(one.error.max(initial=0.0)) for one in before) / centre
    raise NotConverged(
        f"the modes still carry an error of {worst:.1e} (relative) at "
        f"{before[0].cells.functions} functions, {accuracy:.1e} is wanted. "
        "Ask for a lower accuracy."
    )


def _move(one: Solved) -> Real:
    """Largest error of a mode of each device, shape (device,) [1/µm]."""
    move = np.zeros(len(one.cells.period.rows))
    np.maximum.at(move, one.found.row, one.error)
    return move


def _recounted(one: Solved, drift: Real, centre: float) -> Solved:
    """The same modes, those of some devices searched for again.

    An order that grazes a half-space within the window ends the sheet a mode lives on; with few
    functions a mode may have been on the other one. Only a mode that has moved by more than its
    distance from the anomaly can change sheets: then they are counted, and their drift starts anew.
    Where none was found, nothing tells of the drift: there they are counted in any case.

    Args:
        one: Modes that were followed.
        drift: How far they had moved since they were counted; the last move is added.
        centre: Middle of the window.
    """
    places = one.cells.period.rows
    move = _move(one) / centre
    drift[places] = np.where(np.isfinite(move), drift[places] + move, 0.0)
    near = distance_from_anomalies(one.cells, centre)
    found = np.bincount(one.found.row, minlength=len(places))
    drifted = np.where(found > 0, drift[places] * MARGIN > near, np.isfinite(near))
    unsure = np.flatnonzero(drifted)
    if len(unsure) == 0:
        return one
    drift[places[unsure]] = 0.0
    counts = count_around(replace(_taken_cells(one.cells, unsure), about=centre), centre)
    wrong = unsure[counts != found[unsure]]
    return _searched_again(one, wrong, centre) if len(wrong) else one


def _searched_again(one: Solved, rows: NDArray[np.int64], centre: float) -> Solved:
    """All modes of some rows anew; their errors are unknown until the next level."""
    again = all_around(_taken_cells(one.cells, rows), centre)
    good = ~np.isin(one.found.row, rows)
    found = joined([one.found.where(good), replace(again, row=rows[again.row])])
    return Solved(one.cells, found, np.concatenate([one.error[good], np.full(len(again), inf)]))


def _part(one: Solved, rows: NDArray[np.int64]) -> Iterator[Solved]:
    """The modes of some devices of a batch, in a batch of their own."""
    if len(rows) == len(one.cells.period.rows):
        yield one
    elif len(rows):
        place = np.full(len(one.cells.period.rows), -1)
        place[rows] = np.arange(len(rows))
        kept = place[one.found.row] >= 0
        found = one.found.where(kept)
        cells = _taken_cells(one.cells, rows)
        yield Solved(cells, replace(found, row=place[found.row]), one.error[kept])


def _taken_cells(cells: Cells, rows: NDArray[np.int64]) -> Cells:
    lateral = cells.lateral
    functions = lateral.functions
    return replace(
        cells,
        period=cells.period.where(rows),
        lateral=replace(
            lateral,
            square=_rows(lateral.square, rows),
            masses=tuple(tuple(_rows(m, rows) for m in part) for part in lateral.masses),
            stiffnesses=None
            if lateral.stiffnesses is None
            else tuple(tuple(_rows(m, rows) for m in part) for part in lateral.stiffnesses),
            mixing=tuple(_rows(m, rows) for m in lateral.mixing),
            nodal=None if lateral.nodal is None else lateral.nodal[rows],
            dual=None if lateral.dual is None else lateral.dual[rows],
            functions=lambda row, sector, x: functions(int(rows[row]), sector, x),
        ),
    )


def _rows(array: Any, rows: NDArray[np.int64]) -> Any:
    return array[rows]


def _followed(cells: Cells, before: list[Solved], centre: float, order: int) -> Solved:
    """The modes of the level before in more functions, and how far each has moved."""
    start = joined([_start(cells, one) for one in before])
    found, settled, system = refined(cells, start)
    # one mode's change may pass through zero by chance, that of a whole period hardly
    largest = np.zeros(len(cells.period.rows))
    np.maximum.at(largest, start.row, np.abs(found.k - start.k))
    if cells.lateral.stiffnesses is None:
        few, many = before[0].cells.lateral.size, cells.lateral.size
        left = SAFETY * remainder(cells.period, order, few, many)
        largest *= np.maximum(left, 1.0) if cells.period.slanted else left
    error = largest[start.row]
    lost = np.zeros(0, dtype=int) if settled.all() else np.unique(found.row[~settled])
    group = found.row * cells.sectors + found.sector
    kept = distinct(found, group)
    if len(kept) < len(found):
        merged = np.setdiff1d(np.arange(len(found)), kept)
        lost = np.union1d(lost, found.row[merged])
    if len(lost) == 0:
        return Solved(cells, found, error, system)
    # a mode has moved too far to be followed
    return _searched_again(Solved(cells, found, error), lost, centre)


def _start(cells: Cells, one: Solved) -> Found:
    """Where to start the modes of an earlier batch that belong to the devices of this one."""
    place = {int(row): i for i, row in enumerate(cells.period.rows)}
    here = np.array([place.get(int(row), -1) for row in one.cells.period.rows], dtype=int)
    found = one.found.where(here[one.found.row] >= 0)
    vector = left = _carried(found.vector, one.cells, cells)
    if not cells.lateral.transposed:
        left = _carried(found.left, one.cells, cells)
    return starts(here[found.row], found.sector, found.k, vector, left)


def _carried(vector: Complex, old: Cells, new: Cells) -> Complex:
    """A field in more functions, and interpolated to more interfaces."""
    waves = new.sectors == 1 and new.lateral.stiffnesses is None  # from -N to N, not ascending
    before = (new.functions - old.functions) // 2 if waves else 0
    padded = np.zeros((*vector.shape[:2], new.functions), dtype=complex)
    padded[:, :, before : before + old.functions] = vector
    if vector.shape[1] == len(new.period.middle) + 1:
        return padded
    heights, wanted = (_heights(cells.period) for cells in (old, new))
    place = np.clip(np.searchsorted(heights, wanted) - 1, 0, len(heights) - 2)
    share = (wanted - heights[place]) / (heights[place + 1] - heights[place])
    share = share[:, None]
    return np.asarray(padded[:, place] * (1 - share) + padded[:, place + 1] * share)


def _heights(period: Period) -> Real:
    """Heights of the interfaces kept, of the first device [µm]."""
    middle = [period.slices[number].thickness[0] for number in period.middle]
    return np.concatenate([[0.0], np.cumsum(middle)])
