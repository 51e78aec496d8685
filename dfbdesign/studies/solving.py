"""Solving a block of points: together where the function takes arrays, else one by one.

A point that fails keeps its error and never takes its neighbours with it: a block that fails
together is halved until the culprits are alone.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, changed
from dfbdesign.errors import InputError, MeepMissing, PhysicsError
from dfbdesign.fdtd.estimate import RANKS
from dfbdesign.studies.axes import Axes
from dfbdesign.studies.columns import Columns, columns_of, joined
from dfbdesign.studies.journal import Solved

_ALONE = Lock()
"""One job of several ranks at a time, however many threads a worker of a cluster has."""


@dataclass(frozen=True)
class Plan:
    """Everything a worker needs to solve a block."""

    function: Callable[..., Any]
    axes: Axes
    device: Device | None
    fixed: Mapping[str, Any]
    vectorised: bool
    ranks: int | None

    @cached_property
    def arguments(self) -> frozenset[str]:
        """Names of the axes that are arguments of the function, not values of the device."""
        return frozenset(axis.meaning.path for axis in self.axes.axes if axis.meaning.argument)


def solved_block(plan: Plan, number: int, block: tuple[slice, ...]) -> Solved:
    """Solve the points of one block.

    Args:
        plan: What to solve.
        number: Of the block.
        block: A range of each dimension.

    Returns:
        Their results and errors.

    Raises:
        MeepMissing: If the function needs MEEP and there is none.
    """
    values = plan.axes.at(block)
    points = len(next(iter(values.values())))
    with _ranks(plan.ranks):
        parts = list((_together if plan.vectorised else _one_by_one)(plan, values, points))
    errors = tuple(text for part in parts for text in part.errors)
    return Solved(number, joined([(len(part.errors), part.columns) for part in parts]), errors)


@dataclass(frozen=True)
class _Part:
    """Some consecutive points of a block."""

    columns: Columns | None
    errors: tuple[str, ...]


@contextmanager
def _ranks(wanted: int | None) -> Iterator[None]:
    """Tell runs of MEEP how many MPI ranks they may use, and let one run at a time."""
    if wanted is None:
        yield
        return
    with _ALONE:
        before = os.environ.get(RANKS)
        os.environ[RANKS] = str(wanted)
        try:
            yield
        finally:
            del os.environ[RANKS]
            os.environ |= {} if before is None else {RANKS: before}


def _one_by_one(plan: Plan, values: Mapping[str, NDArray[Any]], points: int) -> Iterator[_Part]:
    for row in range(points):
        one = {path: _item(column[row]) for path, column in values.items()}
        try:
            found = columns_of(_called(plan, one), plan.function)
            yield _Part({k: replace(v, values=v.values[None]) for k, v in found.items()}, ("",))
        except MeepMissing:
            raise
        except Exception as error:  # whatever a function raises belongs to its point
            yield _Part(None, (_reason(error),))


def _together(plan: Plan, values: Mapping[str, NDArray[Any]], points: int) -> Iterator[_Part]:
    try:
        found = dict(columns_of(_called(plan, values), plan.function, points))
    except MeepMissing:
        raise
    except Exception as error:
        if points == 1:
            yield _Part(None, (_reason(error),))
            return
        for rows in (slice(0, points // 2), slice(points // 2, points)):
            half = {path: column[rows] for path, column in values.items()}
            yield from _together(plan, half, rows.stop - rows.start)
        return
    said = found.pop("error", None)
    yield _Part(found, ("",) * points if said is None else tuple(said.values))


def _called(plan: Plan, values: Mapping[str, Any]) -> Any:
    """What the function gives for one point, or for arrays of many."""
    arguments = {path: value for path, value in values.items() if path in plan.arguments}
    changes = {path: value for path, value in values.items() if path not in plan.arguments}
    if plan.device is None:
        return plan.function(**arguments, **plan.fixed)
    if plan.vectorised:
        return plan.function(plan.device, changes, **arguments, **plan.fixed)
    return plan.function(changed(plan.device, changes), **arguments, **plan.fixed)


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _reason(error: Exception) -> str:
    """One line that says what went wrong."""
    text = " ".join(str(error).split()) or type(error).__name__
    own = isinstance(error, InputError | PhysicsError)
    return text if own else f"{type(error).__name__}: {text}"
