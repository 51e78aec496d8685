"""All zeros of a complex function of two real unknowns in a window.

The function need not be analytic. Squares in which a first-order estimate allows a zero are halved
a few times, and Newton's method runs from each of them. Around a zero the function turns once,
one way or the other; the signed sum must equal its turns around the window. Where it does not, the
window is divided and each part is searched more finely, until all parts agree. So no zero is missed
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
Span = tuple[float, float]

SIDE = 0.5
"""Side of the largest squares, over the length on which the function turns."""
HALVINGS = 3
"""How often squares are halved."""
DIVISIONS = 6
"""How often a window is divided before giving up."""
CUTS = (0.53, 0.44, 0.61)
"""Where a window is divided: another place is tried if a zero sits there."""


class _ZeroOnEdge(Exception):
    """A zero sits on the edge of a window."""


def zeros_in_window(
    mismatch: Mismatch, x: Span, y: Span, lengths: tuple[float, float]
) -> list[tuple[float, float]]:
    """All zeros in a window of two real unknowns.

    Args:
        mismatch: Function of both unknowns.
        x: Lowest and highest first unknown [1/µm].
        y: Lowest and highest second unknown [1/µm].
        lengths: Their inverses are the scales on which the function turns with x and y [µm].

    Returns:
        The zeros, in no order.

    Raises:
        InputError: If the window has no area.
        NotConverged: If zeros and turns disagree.
    """
    for name, (low, high) in (("detuning", x), ("gain or decay", y)):
        positive(f"width of the {name} window (in 1/um)", high - low)
    a, b = lengths

    def scaled(p: Real, q: Real) -> tuple[Complex, Complex, Complex]:
        value, dx, dy = mismatch(p / a, q / b)
        return value, dx / a, dy / b

    try:
        turns = _turns(scaled, (x[0] * a, x[1] * a), (y[0] * b, y[1] * b))
    except _ZeroOnEdge:
        raise NotConverged(
            "a mode sits on the edge of the window. Move the window a little."
        ) from None
    found = _searched(scaled, (x[0] * a, x[1] * a), (y[0] * b, y[1] * b), turns, 0)
    return [(p / a, q / b) for p, q in found]


def zero_near(
    mismatch: Mismatch, x: float, y: float, lengths: tuple[float, float]
) -> tuple[float, float]:
    """The zero that Newton reaches from a start close to it.

    Args:
        mismatch: Function of both unknowns.
        x: Start of the first unknown [1/µm].
        y: Start of the second unknown [1/µm].
        lengths: Their inverses are the scales on which the function turns with x and y [µm].

    Returns:
        The zero.

    Raises:
        NotConverged: If Newton's method does not settle.
    """
    a, b = lengths

    def scaled(p: Real, q: Real) -> tuple[Complex, Complex, Complex]:
        value, dx, dy = mismatch(p / a, q / b)
        return value, dx / a, dy / b

    zeros, _ = _newton(scaled, np.array([x * a]), np.array([y * b]), steps=100)
    if not len(zeros):
        raise NotConverged(f"a mode was lost near detuning {x:.6g} 1/um. Change the pump less.")
    return float(zeros[0, 0] / a), float(zeros[0, 1] / b)


def _searched(
    mismatch: Mismatch, x: Span, y: Span, turns: int, division: int
) -> list[tuple[float, float]]:
    """Zeros in a window around which the function turns so often; unknowns are scaled to 1."""
    zeros, signs = _newton(mismatch, *_squares(mismatch, x, y, SIDE / 1.4**division))
    inside = (zeros[:, 0] > x[0]) & (zeros[:, 0] < x[1])
    inside &= (zeros[:, 1] > y[0]) & (zeros[:, 1] < y[1])
    if signs[inside].sum() == turns:
        return [(float(p), float(q)) for p, q in zeros[inside]]
    if division == DIVISIONS:
        raise NotConverged(
            f"{np.count_nonzero(inside)} modes found, but the mismatch turns {turns:+d} times "
            "around a part of the window: two modes coincide. Change the device a little."
        )
    for cut in CUTS:
        parts = _halves(x, y, cut)
        try:
            counts = [_turns(mismatch, *part) for part in parts]
        except _ZeroOnEdge:
            continue
        return [
            zero
            for part, count in zip(parts, counts, strict=True)
            for zero in _searched(mismatch, *part, count, division + 1)
        ]
    raise NotConverged("modes lie too close to each other to be counted. Change the device.")


def _halves(x: Span, y: Span, cut: float) -> list[tuple[Span, Span]]:
    """A window divided across its longer side."""
    if x[1] - x[0] > y[1] - y[0]:
        middle = x[0] + cut * (x[1] - x[0])
        return [((x[0], middle), y), ((middle, x[1]), y)]
    middle = y[0] + cut * (y[1] - y[0])
    return [(x, (y[0], middle)), (x, (middle, y[1]))]


def _squares(mismatch: Mismatch, x: Span, y: Span, largest: float) -> tuple[Real, Real]:
    """Centres of the small squares in which the first-order estimate allows a zero."""
    sides = [(high - low) / np.ceil((high - low) / largest) for low, high in (x, y)]
    axes = [
        np.arange(low + side / 2, high, side)
        for (low, high), side in zip((x, y), sides, strict=True)
    ]
    xs, ys = (grid.ravel() for grid in np.meshgrid(*axes))
    for level in range(HALVINGS + 1):
        value, dx, dy = mismatch(xs, ys)
        keep = np.abs(value) <= np.abs(dx) * sides[0] + np.abs(dy) * sides[1]  # twice the reach
        xs, ys = xs[keep], ys[keep]
        if level < HALVINGS:
            sides = [side / 2 for side in sides]
            corners = [(a, b) for a in (-0.5, 0.5) for b in (-0.5, 0.5)]
            xs, ys = (
                np.concatenate([xs + a * sides[0] for a, _ in corners]),
                np.concatenate([ys + b * sides[1] for _, b in corners]),
            )
    return xs, ys


def _newton(
    mismatch: Mismatch, x: Real, y: Real, steps: int = 12
) -> tuple[Real, NDArray[np.int64]]:
    """Distinct zeros that Newton reaches, shape (zero, 2), and the signs of their turns."""
    step = np.full(x.shape, np.inf)
    determinant = np.zeros(x.shape)
    for _ in range(steps):
        with np.errstate(all="ignore"):  # a start that runs away to nan has not settled
            value, dx, dy = mismatch(x, y)
            determinant = (np.conj(dx) * dy).imag
            right, up = (
                -(np.conj(value) * dy).imag / determinant,
                -(np.conj(dx) * value).imag / determinant,
            )
            step = np.hypot(right, up)
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
        others = others[np.hypot(x[others] - x[first], y[others] - y[first]) > 1e-7]
    return np.stack([x, y], axis=1)[distinct], turn[distinct]


def _turns(mismatch: Mismatch, x: Span, y: Span) -> int:
    """Turns of the mismatch on the way around a window, counter-clockwise."""
    corners = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]], [x[0], y[0]]])
    ends = np.r_[0, np.cumsum(np.ceil(np.abs(np.diff(corners, axis=0)).sum(axis=1) * 4))]
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
        if (np.abs(east) + np.abs(north))[rough].min() < 1e-10:
            break
        new_x, new_y = (xs[rough] + xs[rough + 1]) / 2, (ys[rough] + ys[rough + 1]) / 2
        new = mismatch(new_x, new_y)
        xs, ys = np.insert(xs, rough + 1, new_x), np.insert(ys, rough + 1, new_y)
        value, dx, dy = (
            np.insert(old, rough + 1, more) for old, more in zip((value, dx, dy), new, strict=True)
        )
    raise _ZeroOnEdge
