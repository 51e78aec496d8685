"""All zeros of an analytic function in a rectangle of the complex plane.

The turns of the function around a rectangle count the zeros in it (argument principle). Rectangles
are split until each holds one, which Newton's method then finds.
"""

from collections.abc import Callable, Iterator
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged

Complex = NDArray[np.complex128]

Function = Callable[[Complex], tuple[Complex, Complex]]


def _winding(function: Function, low: complex, high: complex) -> int | None:
    """Zeros of an analytic function in a rectangle; `None` when one lies on its edge."""
    corners = np.array([low, complex(high.real, low.imag), high, complex(low.real, high.imag), low])
    points = np.interp(np.linspace(0, 4, 45), np.arange(5), corners)
    value, slope = function(points)
    with np.errstate(divide="ignore"):  # the slope is infinite at a branch point
        while value.all():
            steps = np.abs(np.diff(points))
            rate = np.abs(slope / value)
            # At a branch point one rate is infinite, but the function hardly turns.
            rough = np.minimum(rate[1:], rate[:-1]) * steps > 0.5
            rough |= np.abs(np.angle(value[1:] / value[:-1])) > 1
            if not rough.any():
                turns = np.angle(value[1:] / value[:-1]).sum() / (2 * pi)
                return round(float(turns))
            if steps[rough].min() < 1e-13:
                break
            where = np.flatnonzero(rough) + 1
            new = (points[where] + points[where - 1]) / 2
            new_value, new_slope = function(new)
            points = np.insert(points, where, new)
            value, slope = np.insert(value, where, new_value), np.insert(slope, where, new_slope)
    return None


def _newton(function: Function, start: complex) -> complex | None:
    z = np.array(start)
    for _ in range(30):
        value, slope = function(z)
        step = value / slope
        z = z - step
        if abs(step) < 4e-16 * abs(z):
            break
    return complex(z) if abs(step) < 1e-12 * abs(z) else None


def _inside(z: complex, low: complex, high: complex) -> bool:
    return low.real < z.real < high.real and low.imag < z.imag < high.imag


def _zeros(function: Function, low: complex, high: complex, number: int) -> Iterator[complex]:
    """All zeros in a rectangle that is known to hold `number` of them."""
    if number == 0:
        return
    if number == 1:
        found = _newton(function, (low + high) / 2)
        if found is not None and _inside(found, low, high):
            yield found
            return
    size = high - low
    if abs(size) < 1e-12:
        raise NotConverged(
            f"{number} modes lie within 1e-12 of n_eff² = {low:.12g}: their cores do not couple. "
            "Solve each core by itself."
        )
    for fraction in (0.5, 0.45, 0.57, 0.38):  # another cut when a mode sits on this one
        if size.real > size.imag:
            split = low.real + fraction * size.real
            cuts = complex(split, low.imag), complex(split, high.imag)
        else:
            split = low.imag + fraction * size.imag
            cuts = complex(low.real, split), complex(high.real, split)
        parts = ((low, cuts[1]), (cuts[0], high))
        numbers = [_winding(function, *part) for part in parts]
        if None not in numbers and sum(n or 0 for n in numbers) == number:
            for part, n in zip(parts, numbers, strict=True):
                yield from _zeros(function, *part, n or 0)
            return
    raise NotConverged(f"could not separate {number} slab modes near n_eff² = {low:.9g}.")


def zeros_in_rectangle(function: Function, low: complex, high: complex) -> list[complex]:
    """All zeros of an analytic function in a rectangle.

    Args:
        function: The function and its derivative, both times any positive number.
        low: Lower left corner.
        high: Upper right corner.

    Returns:
        The zeros, in no order.

    Raises:
        NotConverged: If zeros cannot be told apart, or one sits on the edge.
    """
    number = _winding(function, low, high)
    if number is None:
        raise NotConverged(
            f"a slab mode sits on the edge {low:.6g} to {high:.6g} of its search area (n_eff²). "
            "Change a thickness by a picometre."
        )
    return list(_zeros(function, low, high, number))
