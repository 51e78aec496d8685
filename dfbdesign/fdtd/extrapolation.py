r"""A quantity at vanishing pixel size, from runs on two or three grids, and how far to trust it.

The error of a run falls as the square of its pixel $h$ (power $p = 2$); two runs eliminate it
(Richardson), $v_{12} = v_2 + (v_2 - v_1)\,h_2^p/(h_1^p - h_2^p)$. With a third, coarsest run there
are two such values, $v_{12}$ and $v_{23}$, and the power that all three runs show,

$$ \frac{v_1 - v_2}{v_2 - v_3} = \frac{h_1^p - h_2^p}{h_2^p - h_3^p}. $$

What is left in $v_{23}$ falls faster than the square, so that it is smaller than the difference
$|v_{23} - v_{12}|$. The uncertainty is that difference times 1.25 when the observed power is the
expected one, and times 3, and at least the whole last correction $|v_{23} - v_3|$, when it is not:
the two safety factors of Roache, J. Fluids Eng. 116, 405 (1994). Two extrapolations may agree by
chance, so at least one pixel's share of the correction is counted, and 1.25 times what another
extrapolation with the observed power would change. Two grids alone show nothing
about their own power: the whole correction is uncertain.

Where a field is singular at corners its error holds a second term of a known, lower power q. Three
grids eliminate both; then the uncertainty is 1.25 times the distance to what they give as if
nothing were singular, with a fourth power or nothing in its place, whichever is further, and 3
times where the observed power does not lie between q and 2.

Pixels are not the only cause of errors. For each other one (where the absorbing layers start, how
long the field was recorded) a second run differs in that alone, and the change counts in full.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import hypot, inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.errors import InputError

POWER = 2.0
"""Of the pixel, in the error of a run."""
POWER_OFF = 0.3
"""Largest distance of the observed from the expected power that still confirms it."""
CONFIRMED, UNCONFIRMED = 1.25, 3.0
"""Safety factors."""
_POWERS = (0.25, 8.0)  # between which one is looked for


@dataclass(frozen=True)
class Extrapolated:
    """A quantity at vanishing pixel size."""

    value: float
    uncertainty: float
    """Of all causes, added as independent ones."""
    by_resolution: tuple[float, ...] = ()
    """What each run gave, coarsest first."""
    resolutions: tuple[float, ...] = ()
    """Pixels per length of each run."""
    power: float | None = None
    """Of the pixel, as the runs show it; `None` where they show none."""
    causes: Mapping[str, float] = field(default_factory=dict)
    """Uncertainty by cause: "pixels", and what else was checked."""

    @property
    def relative(self) -> float:
        """Uncertainty over value."""
        return self.uncertainty / abs(self.value) if self.value else inf


def extrapolated(
    values: ArrayLike,
    resolutions: ArrayLike,
    changes: Mapping[str, float] | None = None,
    power: float = POWER,
    corner: float | None = None,
) -> Extrapolated:
    """Value at vanishing pixel size, with its uncertainty.

    Args:
        values: One per run.
        resolutions: Pixels per length of the two or more runs, ascending.
        changes: By how much the value changes with something other than the pixels, by cause.
        power: Of the pixel, in the error of a run.
        corner: Power of a second term, from fields that are singular at corners; `None` for none.

    Returns:
        The value from the finest runs, its uncertainty, and the power that is observed.

    Raises:
        InputError: If there are fewer than two runs, or they do not ascend.

    Examples:
        >>> found = extrapolated([1.16, 1.04, 1.01], [1, 2, 4], {"run length": 0.003})
        >>> round(found.value, 12), round(found.power, 6), round(found.causes["pixels"], 12)
        (1.0, 2.0, 0.0025)
        >>> round(found.uncertainty, 6)
        0.003905
    """
    v, n = np.asarray(values, dtype=float), np.asarray(resolutions, dtype=float)
    if v.size < 2 or v.shape != n.shape or not (np.diff(n) > 0).all() or not n[0] > 0:
        raise InputError(
            f"two or more runs of ascending resolution are needed, got {v.size} values for "
            f"resolutions {n.tolist()}."
        )
    observed = observed_power(v[-3:], n[-3:]) if v.size > 2 else None
    lowest = power if corner is None else corner
    confirmed = observed is not None and lowest - POWER_OFF <= observed <= power + POWER_OFF
    if corner is not None and v.size > 2:
        value, smooth = (_limit(v[-3:], n[-3:], pair) for pair in ((corner, power), (power, 4.0)))
        spread = max(abs(value - smooth), abs(value - float(_limits(v, n, power)[-1])))
    else:
        limits = _limits(v, n, power)
        value, spread = float(limits[-1]), float(abs(np.diff(limits[-2:]).sum()))
    pixels = correction = abs(value - float(v[-1]))
    if v.size > 2:
        least = correction / float(n[-1])
        if observed is not None and corner is None:
            least = max(least, CONFIRMED * float(abs(_limits(v, n, observed)[-1] - value)))
        if confirmed:
            pixels = max(CONFIRMED * spread, least)
        else:
            pixels = max(UNCONFIRMED * spread, correction, least)
    causes = {"pixels": pixels} | {name: abs(change) for name, change in (changes or {}).items()}
    return Extrapolated(
        value=value,
        uncertainty=hypot(*causes.values()),
        by_resolution=tuple(v.tolist()),
        resolutions=tuple(n.tolist()),
        power=observed,
        causes=causes,
    )


def _limit(
    values: NDArray[np.float64], resolutions: NDArray[np.float64], powers: tuple[float, float]
) -> float:
    """What three runs extrapolate to whose error has two terms."""
    terms = [np.ones(3), *(resolutions**-power for power in powers)]
    return float(np.linalg.solve(np.stack(terms, axis=1), values)[0])


def _limits(
    values: NDArray[np.float64], resolutions: NDArray[np.float64], power: float
) -> NDArray[np.float64]:
    """What each run and the next coarser one extrapolate to."""
    weight = resolutions[:-1] ** power / np.diff(resolutions**power)
    return np.asarray(values[1:] + np.diff(values) * weight)


def observed_power(values: NDArray[np.float64], resolutions: NDArray[np.float64]) -> float | None:
    """Power of the pixel in the errors of three runs.

    Args:
        values: Shape (3,).
        resolutions: Pixels per length, ascending, shape (3,).

    Returns:
        The power; `None` when the values do not run one way with any power from 1/4 to 8.

    Examples:
        >>> n = np.array([16.0, 24.0, 32.0])
        >>> round(observed_power(1.67 + 0.3 / n**2, n), 9)
        2.0
        >>> observed_power(np.array([1.0, 2.0, 1.5]), n)
    """
    first, last = np.diff(values)
    if first * last <= 0:
        return None

    def ratio(power: float) -> float:
        steps = np.diff(resolutions**-power)
        return float(steps[0] / steps[1])

    low, high = _POWERS
    wanted = first / last
    if not ratio(low) < wanted < ratio(high):
        return None
    while high - low > 1e-12:  # the ratio rises with the power
        middle = (low + high) / 2
        low, high = (middle, high) if ratio(middle) < wanted else (low, middle)
    return low


def reciprocal(loss: Extrapolated, floor: float = 0.0) -> Extrapolated | None:
    """Quality factor of a loss 1/Q, which extrapolates better than Q itself.

    Args:
        loss: 1/Q, negative for gain.
        floor: Loss that runs may show where there is none.

    Returns:
        Q; `None` when the loss or that of a run cannot be told from none.

    Examples:
        >>> q = reciprocal(extrapolated([1.16e-4, 1.04e-4, 1.01e-4], [1, 2, 4]))
        >>> round(q.value), round(q.uncertainty)
        (10000, 25)
        >>> reciprocal(extrapolated([4e-9, 2e-9, 1e-9], [1, 2, 4]), floor=1e-8)
    """
    if not min(map(abs, (loss.value, *loss.by_resolution))) > loss.uncertainty + floor:
        return None
    slope = 1 / loss.value**2
    return Extrapolated(
        value=1 / loss.value,
        uncertainty=loss.uncertainty * slope,
        by_resolution=tuple(1 / value for value in loss.by_resolution),
        resolutions=loss.resolutions,
        power=loss.power,
        causes={name: part * slope for name, part in loss.causes.items()},
    )
