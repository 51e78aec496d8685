r"""Least squares with confidence intervals that do not lean on even scatter.

The usual standard error of a fitted number takes all points to scatter alike. That of the jackknife
does not: leaving out one point after the other shows what each of them does to the number. To first
order, with the residuals $r$, their derivatives $J$ and the leverages
$h_i = [J(J^TJ)^{-1}J^T]_{ii}$, it comes from

$$ (J^TJ)^{-1}\, J^T \mathrm{diag}\!\left(\frac{r_i}{1-h_i}\right)^2 J\, (J^TJ)^{-1} $$

(MacKinnon and White, J. Econometrics 29, 305 (1985)). The wider of the two is taken, with Student's
factor for 95 %: an interval holds the truth in 95 of 100 measurements where the points scatter
alike or not, and in a little more where the two errors differ by chance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged

if TYPE_CHECKING:
    import lmfit

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """One fitted number."""

    value: float
    """Best value."""
    half_width: float
    """Half width of its 95 % confidence interval."""

    def holds(self, truth: float) -> bool:
        """Whether a number lies in the confidence interval.

        Args:
            truth: The number.

        Returns:
            True if it does.

        Examples:
            >>> Fitted(2180.0, 180.0).holds(2000.0)
            True
        """
        return abs(truth - self.value) <= self.half_width


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of a fit."""

    numbers: dict[str, Fitted]
    """The fitted numbers by name."""
    curve: Real
    """The fitted law at the points that were used, the first of all, shape (point)."""
    warnings: tuple[str, ...] = ()
    """What speaks against trusting the numbers."""

    @property
    def used(self) -> int:
        """How many points were used, counted from the first."""
        return len(self.curve)

    def __getitem__(self, name: str) -> Fitted:
        return self.numbers[name]


def least_squares(
    law: Callable[[dict[str, float]], Real],
    measured: Real,
    start: dict[str, float],
    wanted: tuple[str, ...],
) -> Fit:
    """Numbers with which a law comes nearest to what was measured, by lmfit.

    Args:
        law: What given numbers lead to, shape (point).
        measured: Measured values, in a scale in which they scatter by like amounts, shape (point).
        start: First guess of each number.
        wanted: Names of the numbers to report.

    Returns:
        The wanted numbers with their intervals.

    Raises:
        NotConverged: If the fit fails, or a number does not matter to it.

    Examples:
        >>> x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.1, 3.9, 6.1, 7.9])
        >>> found = least_squares(lambda v: v["slope"] * x, y, {"slope": 1.0}, ("slope",))["slope"]
        >>> f"{found.value:.4f} +- {found.half_width:.4f}"
        '1.9933 +- 0.0895'
    """
    import lmfit
    from scipy.stats import t as student

    parameters = lmfit.Parameters()
    for name, value in start.items():
        parameters.add(name, value=float(value))

    def residual(given: "lmfit.Parameters") -> Real:
        return law(given.valuesdict()) - measured

    found = lmfit.minimize(residual, parameters, method="least_squares", x_scale="jac")
    if not found.success or any(found.params[name].stderr is None for name in wanted):
        raise NotConverged(f"the fit did not converge: {' '.join(str(found.message).split())}")
    jackknife = dict(zip(start, _jackknife(found.jac, found.residual), strict=True))
    wide = float(student.ppf(0.975, max(len(found.residual) - len(start), 1)))
    numbers = {}
    for name in wanted:
        error = max(float(found.params[name].stderr), float(jackknife[name]))
        numbers[name] = Fitted(float(found.params[name].value), wide * error)
    return Fit(numbers, np.asarray(measured + found.residual))


def _jackknife(derivatives: Real, residuals: Real) -> Real:
    """Standard error of each number, shape (number), from leaving out single points."""
    scale = np.linalg.norm(derivatives, axis=0)
    scaled = derivatives / scale
    shifts = np.linalg.pinv(scaled)  # how each residual moves the numbers, shape (number, point)
    leverage = np.sum(shifts.T * scaled, axis=-1)
    alone = residuals / np.maximum(1 - leverage, 1e-9)  # a point all of its own has no residual
    return np.asarray(np.sqrt(np.sum((shifts * alone) ** 2, axis=-1)) / scale)
