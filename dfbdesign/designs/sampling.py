"""Draws from a density that is narrow along a curve: importance sampling that learns its own aim.

Each part of the aim is Student's t about a maximum, in sheared coordinates: along the direction
that is known best, a quadratic of all other coordinates is added. A shear keeps volumes, so the
density needs no Jacobian. After every round of draws, mean and covariance of each part are those
of the weighted draws (population Monte Carlo: Cappé et al. 2004, J. Comput. Graph. Stat. 13, 907).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import lgamma
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.floating[Any]]

TAIL = 6
"""Degrees of freedom of the draws: longer tails than the density's."""
ROUNDS = 6
"""Of draws, at most."""
WORTH = 0.4
"""Effective share of the draws that is enough."""
SMALLEST = 0.1
"""Share of the draws that every part keeps."""


@dataclass(frozen=True)
class Part:
    """Student's t about one maximum."""

    middle: Real
    """Where the shear is zero, shape (coordinate,)."""
    axes: Real
    """Orthogonal, the direction that is known best first, shape (coordinate, coordinate)."""
    bend: Real
    """Second derivatives of the curve along the first axis, shape (coordinate - 1,) squared."""
    mean: Real
    """Of the sheared coordinates."""
    covariance: Real
    share: float = 1.0
    """Of the draws."""

    @classmethod
    def about(
        cls, maximum: Real, inverse: Real, gradient: Real, level: Callable[[Real], Real]
    ) -> "Part":
        """A part straight along the curves on which one quantity is constant.

        Args:
            maximum: Of the density.
            inverse: Of the covariance there.
            gradient: Of the quantity that is known best, there.
            level: That quantity at many points, shape (point, coordinate) to (point,).
        """
        count, rise = len(maximum), float(np.linalg.norm(gradient))
        axes, _ = np.linalg.qr(np.column_stack([gradient / rise, np.eye(count)[:, : count - 1]]))
        axes[:, 0] = gradient / rise
        steps = BEND_STEP * axes.T[1:]
        pairs = (steps[:, None] + steps).reshape(-1, count)
        there = level(maximum + np.concatenate([np.zeros((1, count)), steps, -steps, pairs]))
        plus, both = there[1:count], there[2 * count - 1 :].reshape(count - 1, count - 1)
        minus = there[count : 2 * count - 1]
        second = both - plus[:, None] - plus + there[0]
        np.fill_diagonal(second, plus + minus - 2 * there[0])
        covariance = axes.T @ np.linalg.inv(inverse) @ axes
        bend = -second / (rise * BEND_STEP**2)
        return cls(maximum, axes, bend, np.zeros(count), covariance)

    def _curve(self, others: Real) -> Real:
        return np.asarray(0.5 * np.einsum("nc,cd,nd->n", others, self.bend, others))

    def sheared(self, z: Real) -> Real:
        """Straight coordinates of points, shape (point, coordinate)."""
        v = (z - self.middle) @ self.axes
        v[:, 0] -= self._curve(v[:, 1:])
        return np.asarray(v)

    def draw(self, random: np.random.Generator, count: int) -> Real:
        """Points of this density, shape (point, coordinate)."""
        normal = random.standard_normal((count, len(self.mean)))
        scale = np.sqrt(TAIL / random.chisquare(TAIL, count))
        v = self.mean + (normal @ np.linalg.cholesky(self.covariance).T) * scale[:, None]
        v[:, 0] += self._curve(v[:, 1:])
        return np.asarray(self.middle + v @ self.axes.T)

    def log_density(self, z: Real) -> Real:
        """Logarithm of the density, shape (point,)."""
        n, off = len(self.mean), self.sheared(z) - self.mean
        square = (off * np.linalg.solve(self.covariance, off.T).T).sum(axis=1)
        _, log_determinant = np.linalg.slogdet(self.covariance)
        constant = lgamma((TAIL + n) / 2) - lgamma(TAIL / 2) - n / 2 * np.log(TAIL * np.pi)
        tail = -0.5 * (TAIL + n) * np.log1p(square / TAIL)
        return np.asarray(constant - 0.5 * log_determinant + tail)

    def fitted(self, z: Real, weight: Real) -> "Part":
        """The same part with mean and covariance of weighted points."""
        straight, whole = self.sheared(z), weight.sum()
        mean = weight @ straight / whole
        off = straight - mean
        return replace(self, mean=mean, covariance=off.T @ (off * weight[:, None]) / whole)


BEND_STEP = 0.7
"""Step of second differences [standard deviations before the measurement]."""


def sampled(
    log_density: Callable[[Real], Real],
    parts: Sequence[Part],
    random: np.random.Generator,
    count: int,
) -> tuple[Real, Real]:
    """Weighted points of a density.

    Args:
        log_density: Up to a constant, at many points.
        parts: To start with.
        random: Random numbers.
        count: Of points in each round.

    Returns:
        The points of the last round, shape (point, coordinate), and their weights, sum 1.
    """
    parts = [replace(part, share=1 / len(parts)) for part in parts]
    for number in range(ROUNDS):
        z = np.concatenate([part.draw(random, round(part.share * count)) for part in parts])
        density = np.stack([np.log(part.share) + part.log_density(z) for part in parts])
        whole = np.logaddexp.reduce(density, axis=0)
        log_weight = log_density(z) - whole
        weight = _normalised(log_weight)
        if effective(weight) > WORTH * len(z) or number == ROUNDS - 1:
            break
        # few draws of great weight say little about a covariance: flatten until enough of them do
        flat = next(
            one
            for power in (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.0)
            if effective(one := _normalised(power * log_weight)) > 10 * z.shape[1] or not power
        )
        own = flat * np.exp(density - whole)
        shares = np.maximum(own.sum(axis=1), SMALLEST)
        parts = [
            replace(part.fitted(z, one), share=float(share))
            for part, one, share in zip(parts, own, shares / shares.sum(), strict=True)
        ]
    return z, weight


def _normalised(log_weight: Real) -> Real:
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


def effective(weight: Real) -> float:
    """How many equally probable draws weighted ones stand for.

    Args:
        weight: Of the draws, sum 1.

    Returns:
        Their number.
    """
    return float(1 / (weight**2).sum())
