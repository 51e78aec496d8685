"""Axes of a study: what is varied, as a grid, together, or as samples.

A list or an array is one dimension, and several are a grid. Values that are `zipped` run together
along one dimension, `zip`; `random`, `normal` and `sobol` values are drawn together along one,
`sample`. The points of a study are numbered through, the last dimension fastest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.studies.paths import Meaning

Draw = Literal["random", "normal", "sobol"]


@dataclass(frozen=True)
class Zipped:
    """Values that run together with those of the other zipped axes."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Drawn:
    """Values that are drawn, together with those of the other drawn axes."""

    how: Draw
    first: Any
    """Lowest value, or the mean of a normal distribution."""
    second: Any
    """Highest value, or its standard deviation."""
    count: int


def zipped(values: Any) -> Zipped:
    """Values that run together with the other zipped axes along the dimension `zip`.

    Args:
        values: As many as the others have.

    Returns:
        The axis.

    Examples:
        >>> axes = {"period": zipped(["860 nm", "870 nm"]), "duty": zipped([0.3, 0.5])}
    """
    return Zipped(tuple(values))


def random(low: Any, high: Any, count: int) -> Drawn:
    """Evenly distributed values.

    Args:
        low: Lowest value.
        high: Highest value.
        count: How many, the same for all drawn axes.

    Returns:
        The axis.
    """
    return Drawn("random", low, high, count)


def normal(mean: Any, sigma: Any, count: int) -> Drawn:
    """Normally distributed values.

    Args:
        mean: Mean.
        sigma: Standard deviation.
        count: How many, the same for all drawn axes.

    Returns:
        The axis.
    """
    return Drawn("normal", mean, sigma, count)


def sobol(low: Any, high: Any, count: int) -> Drawn:
    """Values of a scrambled Sobol sequence: random ones that leave no gaps.

    All Sobol axes of a study are the coordinates of one sequence.

    Args:
        low: Lowest value.
        high: Highest value.
        count: How many, best a power of two, the same for all drawn axes.

    Returns:
        The axis.
    """
    return Drawn("sobol", low, high, count)


@dataclass(frozen=True)
class Axis:
    """One varied value."""

    name: str
    """As the user calls it."""
    meaning: Meaning
    dimension: str
    values: NDArray[Any]
    """In core units, or words; shape (dimension,)."""


@dataclass(frozen=True)
class Axes:
    """All axes of a study."""

    axes: tuple[Axis, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each dimension."""
        return {axis.dimension: len(axis.values) for axis in self.axes}

    @property
    def points(self) -> int:
        """Number of points."""
        return prod(self.sizes.values())

    def at(self, block: tuple[slice, ...]) -> dict[str, NDArray[Any]]:
        """Values of the points of a block.

        Args:
            block: A range of each dimension.

        Returns:
            By path or argument, shape (point,).
        """
        shape = tuple(part.stop - part.start for part in block)
        place = {name: i for i, name in enumerate(self.sizes)}
        found = {}
        for axis in self.axes:
            number = place[axis.dimension]
            values = axis.values[block[number]]
            along = [1] * len(shape)
            along[number] = len(values)
            found[axis.meaning.path] = np.broadcast_to(values.reshape(along), shape).ravel()
        return found

    def blocks(self, most: int) -> list[tuple[slice, ...]]:
        """Blocks of consecutive points, each a range of every dimension.

        Args:
            most: Largest number of points of a block.

        Returns:
            As many as cover the study.
        """
        sizes = list(self.sizes.values())
        whole, inner = len(sizes), 1
        while whole > 0 and inner * sizes[whole - 1] <= most:
            whole -= 1
            inner *= sizes[whole]
        if whole == 0:
            return [tuple(slice(0, size) for size in sizes)]
        run = max(1, most // inner)
        ends = tuple(slice(0, size) for size in sizes[whole:])
        return [
            (*(slice(i, i + 1) for i in first), slice(i, min(i + run, sizes[whole - 1])), *ends)
            for first in np.ndindex(*sizes[: whole - 1])
            for i in range(0, sizes[whole - 1], run)
        ]


def axes_of(given: Mapping[str, Any], meanings: Mapping[str, Meaning], seed: int) -> Axes:
    """The axes of a study.

    Args:
        given: Values by name.
        meanings: What the names stand for.
        seed: Of what is drawn.

    Returns:
        The axes, in core units.

    Raises:
        InputError: If values are wrong, or two axes mean the same.
    """
    if not given:
        raise InputError("a study needs an axis, such as duty = { linspace = [0.2, 0.8, 25] }.")
    twice = {meanings[name].path: name for name in given}
    for name in given:
        if twice[meanings[name].path] != name:
            raise InputError(f'"{name}" and "{twice[meanings[name].path]}" are the same value.')
    drawn = {name: one for name, one in given.items() if isinstance(one, Drawn)}
    together = _drawn(drawn, meanings, seed) if drawn else {}
    axes = []
    for name, one in given.items():
        dimension = {Zipped: "zip", Drawn: "sample"}.get(type(one), name)
        if name in together:
            values = together[name]
        else:
            values = _values(name, one, meanings[name])
        axes.append(Axis(name, meanings[name], dimension, values))
    _same_lengths(axes)
    return Axes(tuple(axes))


def _values(name: str, given: Any, meaning: Meaning) -> NDArray[Any]:
    listed = given.values if isinstance(given, Zipped) else given
    if isinstance(listed, str | bytes) or not np.iterable(listed):
        raise InputError(f"{name} must be a list of values, got {listed!r}.")
    if isinstance(listed, np.ndarray) and listed.ndim == 1 and listed.dtype.kind in "fiu":
        values = listed
    else:
        values = np.array([_value(name, one, meaning) for one in listed])
    if values.ndim != 1 or not len(values):
        raise InputError(f"{name} must be a list of one value or more, got {given!r}.")
    if values.dtype.kind not in "fiU":
        raise InputError(f"{name} must be real numbers or words, got {listed!r}.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"{name} must be finite numbers, got {listed!r}.")
    if meaning.kind is not None:
        values = values.astype(float)
    return values.astype(object) if values.dtype.kind == "U" else values


def _value(name: str, given: Any, meaning: Meaning) -> Any:
    try:
        return meaning.value(given)
    except InputError as error:
        raise InputError(f"{name} {error}") from None


def _drawn(
    drawn: Mapping[str, Drawn], meanings: Mapping[str, Meaning], seed: int
) -> dict[str, NDArray[np.float64]]:
    """Values of all axes that are drawn, in the order of their names as given."""
    ends = {}
    for name, one in drawn.items():
        if not (isinstance(one.count, int) and one.count > 0):
            raise InputError(f"{name}: the number of samples must be positive, got {one.count!r}.")
        pair = [_value(name, end, meanings[name]) for end in (one.first, one.second)]
        if not all(isinstance(end, int | float) and np.isfinite(end) for end in pair):
            raise InputError(f"{name}: {one.how} needs two numbers, got {pair}.")
        if (one.how == "normal" and pair[1] < 0) or (one.how != "normal" and pair[0] > pair[1]):
            raise InputError(
                f"{name}: {one.how} needs a low and a high value, or a mean and a positive "
                f"standard deviation, got {pair}."
            )
        ends[name] = pair
    generator = np.random.default_rng(seed)
    names = [name for name, one in drawn.items() if one.how == "sobol"]
    sequence = _sobol(len(names), max(one.count for one in drawn.values()), generator)
    found = {}
    for name, one in drawn.items():
        first, second = ends[name]
        if one.how == "normal":
            found[name] = generator.normal(first, second, one.count)
        elif one.how == "random":
            found[name] = generator.uniform(first, second, one.count)
        else:
            part = sequence[: one.count, names.index(name)]
            found[name] = first + (second - first) * part
    return found


def _sobol(dimensions: int, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    if not dimensions:
        return np.empty((0, 0))
    from scipy.stats.qmc import Sobol

    sequence = Sobol(dimensions, rng=generator)
    power = int(np.ceil(np.log2(count)))
    return np.asarray(sequence.random_base2(power)[:count])


def _same_lengths(axes: list[Axis]) -> None:
    first: dict[str, Axis] = {}
    for axis in axes:
        other = first.setdefault(axis.dimension, axis)
        if len(other.values) != len(axis.values):
            raise InputError(
                f"{other.name} and {axis.name} run together and need as many values: "
                f"got {len(other.values)} and {len(axis.values)}."
            )
