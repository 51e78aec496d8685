"""All zeros of a complex function of two real unknowns in a window.

The function need not be analytic. Squares in which a first-order estimate allows a zero are halved
a few times, and Newton's method runs from each of them. Around a zero the function turns once,
one way or the other; the signed sum must equal its turns around the window. So no zero is missed
and none invented.
"""

from collections.abc import Callable
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import positive
from dfbdesign.errors import NotConverged

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

Mismatch = Callable[[Real, Real], tuple[Complex, Complex, Complex]]
"""The function and its derivatives with respect to both unknowns, times any positive number."""


def zeros_in_window(
    mismatch: Mismatch, x: tuple[float, float], y: tuple[float, float], length: float
) -> list[tuple[float, float]]:
    """All zeros in a window of two real unknowns.

    Args:
        mismatch: Function of both unknowns.
        x: Lowest and highest first unknown [1/µm].
        y: Lowest and highest second unknown [1/µm].
        length: Its inverse is the scale on which the function turns [µm].

    Returns:
        The zeros, in no order.

    Raises:
        InputError: If the window has no area.
        NotConverged: If zeros and turns disagree.
    """
    for name, (low, high) in (("detuning", x), ("gain or decay", y)):
        positive(f"width of the {name} window (in 1/um)", high - low)
    turns = _turns(mismatch, x, y, length)
    for halvings in (3, 5, 7):
        zeros, signs = _newton(mismatch, *_squares(mismatch, x, y, length, halvings), length)
        inside = (zeros[:, 0] > x[0]) & (zeros[:, 0] < x[1])
        inside &= (zeros[:, 1] > y[0]) & (zeros[:, 1] < y[1])
        if signs[inside].sum() == turns:
            return [(float(a), float(b)) for a, b in zeros[inside]]
    raise NotConverged(
        f"{np.count_nonzero(inside)} modes found, but the mismatch turns {turns:+d} times around "
        "the window: two modes coincide, or one sits on the edge. Move the window a little."
    )


def zero_near(mismatch: Mismatch, x: float, y: float, length: float) -> tuple[float, float]:
    """The zero that Newton reaches from a start close to it.

    Args:
        mismatch: Function of both unknowns.
        x: Start of the first unknown [1/µm].
        y: Start of the second unknown [1/µm].
        length: Its inverse is the scale on which the function turns [µm].

    Returns:
        The zero.

    Raises:
        NotConverged: If Newton's method does not settle.
    """
    zeros, _ = _newton(mismatch, np.array([x]), np.array([y]), length, steps=100)
    if not len(zeros):
        raise NotConverged(f"a mode was lost near detuning {x:.6g} 1/um. Change the pump less.")
    return float(zeros[0, 0]), float(zeros[0, 1])


def _squares(
    mismatch: Mismatch, x: tuple[float, float], y: tuple[float, float], length: float, halvings: int
) -> tuple[Real, Real]:
    """Centres of the small squares in which the first-order estimate allows a zero."""
    sides = [(high - low) / np.ceil((high - low) * length / 0.5) for low, high in (x, y)]
    axes = [
        np.arange(low + side / 2, high, side)
        for (low, high), side in zip((x, y), sides, strict=True)
    ]
    xs, ys = (grid.ravel() for grid in np.meshgrid(*axes))
    for level in range(halvings + 1):
        value, dx, dy = mismatch(xs, ys)
        keep = np.abs(value) <= np.abs(dx) * sides[0] + np.abs(dy) * sides[1]  # twice the reach
        xs, ys = xs[keep], ys[keep]
        if level < halvings:
            sides = [side / 2 for side in sides]
            corners = [(a, b) for a in (-0.5, 0.5) for b in (-0.5, 0.5)]
            xs, ys = (
                np.concatenate([xs + a * sides[0] for a, _ in corners]),
                np.concatenate([ys + b * sides[1] for _, b in corners]),
            )
    return xs, ys


def _newton(
    mismatch: Mismatch, x: Real, y: Real, length: float, steps: int = 12
) -> tuple[Real, NDArray[np.int64]]:
    """Distinct zeros that Newton reaches, shape (zero, 2), and the signs of their turns."""
    step = np.full(x.shape, np.inf)
    for _ in range(steps):
        with np.errstate(all="ignore"):  # a start that runs away to nan has not settled
            value, dx, dy = mismatch(x, y)
            determinant = (np.conj(dx) * dy).imag
            right, up = (
                -(np.conj(value) * dy).imag / determinant,
                -(np.conj(dx) * value).imag / determinant,
            )
            step = np.hypot(right, up) * length
        limit = np.minimum(1, 0.5 / np.maximum(step, 0.5))
        x, y = x + limit * right, y + limit * up
        if step.max(initial=0.0) < 1e-12:
            break
    settled = step < 1e-9  # what has not settled from so near leads nowhere
    x, y, turn = x[settled], y[settled], np.sign(determinant[settled]).astype(np.int64)
    distinct: list[int] = []
    others = np.arange(x.size)
    while others.size:
        first = others[0]
        distinct.append(int(first))
        others = others[np.hypot(x[others] - x[first], y[others] - y[first]) * length > 1e-7]
    return np.stack([x, y], axis=1)[distinct], turn[distinct]


def _turns(
    mismatch: Mismatch, x: tuple[float, float], y: tuple[float, float], length: float
) -> int:
    """Turns of the mismatch on the way around a window, counter-clockwise."""
    corners = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]], [x[0], y[0]]])
    ends = np.r_[0, np.cumsum(np.ceil(np.abs(np.diff(corners, axis=0)).sum(axis=1) * length * 4))]
    at = np.arange(ends[-1] + 1)
    xs, ys = np.interp(at, ends, corners[:, 0]), np.interp(at, ends, corners[:, 1])
    value, dx, dy = mismatch(xs, ys)
    while value.all():
        angle = np.angle(value[1:] / value[:-1])
        east, north = np.diff(xs), np.diff(ys)
        rate = np.abs(dx[1:] * east + dy[1:] * north) / np.abs(value[1:])
        rough = np.flatnonzero((np.abs(angle) > 0.8) | (rate > 0.8))
        if not rough.size:
            return round(float(angle.sum()) / (2 * pi))
        if (np.abs(east) + np.abs(north))[rough].min() * length < 1e-10:
            break
        new_x, new_y = (xs[rough] + xs[rough + 1]) / 2, (ys[rough] + ys[rough + 1]) / 2
        new = mismatch(new_x, new_y)
        xs, ys = np.insert(xs, rough + 1, new_x), np.insert(ys, rough + 1, new_y)
        value, dx, dy = (
            np.insert(old, rough + 1, more) for old, more in zip((value, dx, dy), new, strict=True)
        )
    raise NotConverged("a mode sits on the edge of the window. Move the window a little.")
