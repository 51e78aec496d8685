"""Results as named columns of numbers and words, whatever a function returns.

Numbers, mappings, arrays and dataclasses are taken apart; fields that a dataclass keeps out of
its `repr` are its own business. Complex numbers become two columns, `_real` and `_imag`, as NetCDF
knows none. Numbers, whole ones and truths included, are stored as float: nan where there is none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.studies.described import Described, attributes, described, returned

DEEPEST = 3
"""How far dataclasses within results are followed."""
_PLAIN = (
    "float",
    "int",
    "complex",
    "bool",
    "str",
    "Real",
    "Complex",
    "NDArray",
    "Label",
    "Literal",
)
"""Beginnings of the types of properties that are cheap and plain."""


@dataclass(frozen=True)
class Column:
    """Values of one result, of one point or many."""

    values: NDArray[Any]
    """Of type float or, for words, object; shape (point, ...), or (...) of a single point."""
    dimensions: tuple[str, ...] = ()
    """Names of its own axes, those after the points."""
    unit: str = ""
    text: str = ""


Columns = dict[str, Column]


def columns_of(result: Any, function: Callable[..., Any], points: int | None = None) -> Columns:
    """Everything a function returned, as columns.

    Args:
        result: What it returned.
        function: The function, whose docstring describes a single value.
        points: Number of points that a vectorised function was asked for; `None` for one point.

    Returns:
        By name; a single value takes the name of the function.

    Raises:
        InputError: If there are no numbers or words in it, or not as many as points.
    """
    name = getattr(function, "__name__", "value").strip("<>")
    own = 0 if points is None else 1
    found = dict(_taken_apart(result, name, returned(function), own, 0))
    if not found:
        raise InputError(f"{name} returns no numbers or words but {type(result).__name__}.")
    for column, one in found.items():
        if points is not None and one.values.shape[:1] != (points,):
            raise InputError(
                f"{name} is said to be vectorised, but gives {column} of shape "
                f"{one.values.shape} for {points} points."
            )
    return found


def _taken_apart(
    value: Any, name: str, doc: Described, own: int, depth: int
) -> Iterator[tuple[str, Column]]:
    if isinstance(value, Column):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            inner = str(key).replace(" ", "_")
            inner = f"{name}_{inner}" if depth else inner
            yield from _taken_apart(entry, inner, described(str(key)), own, depth)
    elif is_dataclass(value) and not isinstance(value, type):
        for key, entry, text in _parts(value):
            inner = f"{name}_{key}" if depth else key
            if not is_dataclass(entry) or depth < DEEPEST:
                yield from _taken_apart(entry, inner, text, own, depth + 1)
    elif isinstance(value, tuple | list) and value and is_dataclass(value[0]):
        if depth < DEEPEST:
            yield from _listed(value, name.removesuffix("s"), own, depth)
    else:
        yield from _numbers(value, name, doc, own)


def _parts(value: Any) -> Iterator[tuple[str, Any, Described]]:
    """Fields and plain properties of a dataclass."""
    kind: type = type(value)
    docs = attributes(kind)
    names = [field.name for field in fields(value) if field.repr]
    for name, one in vars(kind).items():
        getter = getattr(one, "fget", None) or getattr(one, "func", None)
        hint = getattr(getter, "__annotations__", {}).get("return", "")
        hint = hint.__name__ if isinstance(hint, type) else str(hint).partition("[")[0]
        if not name.startswith("_") and hint.rpartition(".")[2].startswith(_PLAIN):
            names.append(name)
    for name in names:
        yield name, getattr(value, name), docs.get(name, described(name))


def _listed(values: Sequence[Any], name: str, own: int, depth: int) -> Iterator[tuple[str, Column]]:
    """Columns of several results of one kind, along a dimension of their own."""
    rows = [dict(_taken_apart(one, name, described(name), own, depth + 1)) for one in values]
    several = [
        (1, {key: replace(one, values=one.values[None]) for key, one in row.items()})
        for row in rows
    ]
    for key, one in joined(several).items():
        yield key, replace(one, dimensions=(name, *one.dimensions))


def _numbers(value: Any, name: str, doc: Described, own: int) -> Iterator[tuple[str, Column]]:
    if value is None:
        return
    array = np.asarray(value)
    names = tuple(f"{name}_{i + 1}" for i in range(array.ndim - own))
    if array.dtype.kind in "fiub":
        yield name, Column(array.astype(float), names, doc.unit, doc.text)
    elif array.dtype.kind == "c":
        for part, text in (("real", "real part"), ("imag", "imaginary part")):
            values = getattr(array, part).astype(float)
            yield f"{name}_{part}", Column(values, names, doc.unit, f"{doc.text} ({text})")
    elif array.dtype.kind in "UT" or (array.dtype == object and _words(array)):
        yield name, Column(array.astype(object), names, "", doc.text)


def _words(array: NDArray[Any]) -> bool:
    return all(isinstance(one, str) for one in array.flat)


def joined(parts: Sequence[tuple[int, Columns | None]]) -> Columns:
    """Columns of many points from those of some consecutive ones each.

    Args:
        parts: Number of points, and their columns or `None` where there are none.

    Returns:
        Columns of all points; nan or no word where a point has no value.
    """
    found: Columns = {}
    points = sum(count for count, _ in parts)
    for name in dict.fromkeys(name for _, part in parts if part for name in part):
        own = [part[name] for _, part in parts if part and name in part]
        if len(own) == len(parts) == 1:
            found[name] = own[0]
            continue
        shape = np.max([one.values.shape[1:] for one in own], axis=0).astype(int)
        values, start = empty((points, *shape), own[0].values.dtype), 0
        for count, part in parts:
            if part and name in part:
                one = part[name].values
                rows = slice(start, start + count)
                values[(rows, *map(slice, one.shape[1:]))] = one
            start += count
        found[name] = replace(own[0], values=values)
    return found


def empty(shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
    """Missing values: nan for numbers, no text for words."""
    return np.full(shape, "" if np.dtype(kind) == object else np.nan, dtype=kind)
