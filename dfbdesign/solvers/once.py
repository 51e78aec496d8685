"""A property that is computed once, without the lock of `functools.cached_property`.

Before Python 3.12 that lock costs more than the small arrays that the unit cell computes.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):
    """Decorates a method without arguments: its first result is kept as the attribute.

    Examples:
        >>> class Circle:
        ...     @once
        ...     def area(self) -> float:
        ...         print("computed")
        ...         return 3.14
        >>> circle = Circle()
        >>> circle.area, circle.area
        computed
        (3.14, 3.14)
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self.compute, self.__doc__ = compute, compute.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> "once[Value]": ...
    @overload
    def __get__(self, owner: object, kind: type) -> Value: ...

    def __get__(self, owner: object | None, kind: type) -> "once[Value] | Value":
        if owner is None:
            return self
        value = owner.__dict__[self.compute.__name__] = self.compute(owner)
        return value
