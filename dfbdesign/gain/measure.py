r"""What gain measurements on films tell: fits with confidence, and the emission of a pumped stripe.

| measurement | law | function |
|---|---|---|
| variable stripe length | $I = A(e^{gl} - 1)$ while $gl$ is small | `fit_gain` |
| propagation loss | $I = I_0 e^{-\alpha x}$ | `fit_loss` |
| onset of amplified emission | two straight lines that meet there | `fit_threshold` |
| transient absorption, time | $\sum_i A_i e^{-t/\tau_i}$, blurred | `fit_decay` |
| transient absorption, pump | bleach of one at transparency | `fit_transparency` |

The variable-stripe law is of Shaklee and Leheny, Appl. Phys. Lett. 18, 475 (1971). It holds until
the light bleaches the gain, at a growth $gl$ of about four. Intensities are taken to scatter by a
constant fraction, so their logarithms or ratios are fitted; bleaches scatter by a constant amount.
Intervals are those of `dfbdesign.gain.fitting`, at 95 %.
"""

from dataclasses import replace
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.gain.fitting import Fit, Fitted, least_squares

Real = NDArray[np.float64]


def fit_gain(length: ArrayLike, intensity: ArrayLike, largest_growth: float = 4.0) -> Fit:
    """Net modal gain from a variable-stripe-length measurement.

    Only stripes short enough for gain times length to stay below `largest_growth` are used; which
    these are follows from the fit itself, repeated until it does not change.

    Args:
        length: Stripe lengths, ascending, shape (point) [µm].
        intensity: Emitted intensities, shape (point), any unit.
        largest_growth: Gain times length beyond which light bleaches the gain.

    Returns:
        The number "gain" [1/µm]; warnings if growth leaves the valid range or saturation shows.

    Raises:
        InputError: If there are fewer than four points, an intensity is not positive, or the
            lengths do not ascend from above zero.
        NotConverged: If the fit fails.

    Examples:
        >>> length = np.linspace(2, 20, 10)
        >>> fit = fit_gain(length, np.expm1(0.2 * length))
        >>> round(fit["gain"].value, 6)
        0.2
    """
    x, y = _points(length, intensity, 4)
    if x[0] <= 0:
        raise InputError(f"length (in um) must start above zero, got {x[0]:g}.")
    used = len(x)
    while True:
        fit = _fit_stripe(x[:used], y[:used])
        short = max(4, int(np.sum(fit["gain"].value * x <= largest_growth)))
        if short >= used:
            return replace(fit, warnings=_stripe_warnings(x, fit, largest_growth))
        used = short


def fit_loss(distance: ArrayLike, intensity: ArrayLike) -> Fit:
    """Propagation loss from the light left after unpumped film.

    Args:
        distance: Distances from the pumped stripe to the edge, ascending, shape (point) [µm].
        intensity: Intensities there, shape (point), any unit.

    Returns:
        The number "loss" [1/µm].

    Raises:
        InputError: If there are fewer than three points, an intensity is not positive, or the
            distances do not ascend.
        NotConverged: If the fit fails.

    Examples:
        >>> distance = np.linspace(0, 500, 6)
        >>> round(fit_loss(distance, 7 * np.exp(-0.0034 * distance))["loss"].value * cm, 6)
        34.0
    """
    x, y = _points(distance, intensity, 3)
    slope = -np.log(y[-1] / y[0]) / (x[-1] - x[0])
    fit = least_squares(
        lambda v: v["start"] - v["loss"] * x,
        np.log(y),
        {"loss": slope, "start": float(np.log(y[0]))},
        ("loss",),
    )
    return replace(fit, curve=np.exp(fit.curve))


def fit_threshold(fluence: ArrayLike, intensity: ArrayLike) -> Fit:
    """Pump threshold of amplified emission by the two-line method.

    Two straight lines that meet at the threshold are fitted to all points together, so that their
    meeting point has a confidence interval. The interval is that of the profile of the sum of
    squares (F test), as wide as its farther side: the threshold enters the lines with a kink.

    Args:
        fluence: Pump fluences, ascending, shape (point), any unit.
        intensity: Emitted intensities, shape (point), any unit.

    Returns:
        The number "threshold" in the unit of the fluence.

    Raises:
        InputError: If there are fewer than six points, an intensity is not positive, or the
            fluences do not ascend.
        NotConverged: If no slope change is found inside the range.

    Examples:
        >>> fluence = np.linspace(50, 400, 15)
        >>> light = 1 + 0.01 * fluence + 2 * np.maximum(fluence - 160, 0)
        >>> round(fit_threshold(fluence, light)["threshold"].value, 3)
        160.0
    """
    from scipy.stats import f as fisher

    x, y = _points(fluence, intensity, 6)
    grid = np.linspace(x[1], x[-2], 2001)
    squares, slopes = _two_lines(x, y, grid)
    best = int(np.argmin(squares))
    if slopes[best] <= 0 or best in (0, len(grid) - 1):
        raise NotConverged("the intensity has no onset inside the range of fluences.")
    fit = least_squares(
        lambda v: (
            (v["offset"] + v["below"] * x + v["above"] * np.maximum(x - v["threshold"], 0)) / y
        ),
        np.ones_like(y),
        {"threshold": grid[best], "offset": y[0], "below": 0.0, "above": slopes[best]},
        ("threshold",),
    )
    free = len(x) - 4
    limit = squares[best] * (1 + fisher.ppf(0.95, 1, free) / free)
    inside = grid[squares <= limit]
    value = fit["threshold"].value
    width = max(value - inside.min(), inside.max() - value, fit["threshold"].half_width)
    return Fit({"threshold": Fitted(value, float(width))}, fit.curve * y)


def fit_transparency(excitons: ArrayLike, bleach: ArrayLike) -> Fit:
    """Excitons per dot at which the bleach |Δα/α0| reaches one, and gain starts.

    A parabola through the threshold is fitted; give points around it.

    Args:
        excitons: Mean excitons per dot, ascending, shape (point).
        bleach: Bleaches there, shape (point).

    Returns:
        The number "threshold" in excitons per dot.

    Raises:
        InputError: If there are fewer than five points, the excitons do not ascend, or the bleach
            does not pass one.
        NotConverged: If the fit fails.

    Examples:
        >>> from dfbdesign.gain.dots import Dots, bleach
        >>> excitons = np.linspace(3, 5, 9)
        >>> fit = fit_transparency(excitons, bleach(excitons, Dots()))
        >>> round(fit["threshold"].value, 2)
        4.04
    """
    x, y = _points(excitons, bleach, 5, "bleach", signed=True)
    if not y.min() < 1 < y.max():
        raise InputError(
            f"bleach must pass one, got {y.min():.3g} to {y.max():.3g}. Measure on both sides."
        )
    slope, offset = np.polyfit(x, y, 1)
    return least_squares(
        lambda v: 1 + v["slope"] * (x - v["threshold"]) + v["bend"] * (x - v["threshold"]) ** 2,
        y,
        {"threshold": (1 - offset) / slope, "slope": slope, "bend": 0.0},
        ("threshold",),
    )


def blurred_decay(time: ArrayLike, lifetime: ArrayLike, response: float) -> Real:
    """Exponential decay after time zero, convolved with a Gaussian instrument response.

    Args:
        time: Times, any shape [ps].
        lifetime: Lifetimes; broadcast against the times [ps].
        response: Full width at half maximum of the response [ps].

    Returns:
        Signal of the broadcast shape; of height one for a response much shorter than the lifetime.

    Examples:
        >>> blurred_decay([-10.0, 0.0, 100.0], 100.0, 0.2).round(3)
        array([0.   , 0.5  , 0.368])
    """
    from scipy.special import erfcx, log_ndtr

    sigma = positive("response (in ps)", response) / sqrt(8 * np.log(2))
    t, tau = np.asarray(time, float), np.asarray(lifetime, float)
    argument = t / sigma - sigma / tau
    exponent = sigma**2 / (2 * tau**2) - t / tau
    late = np.exp(np.minimum(exponent, 0) + log_ndtr(argument) + np.maximum(exponent, 0))
    early = erfcx(np.maximum(-argument, 0) / sqrt(2)) * np.exp(-(t**2) / (2 * sigma**2)) / 2
    return np.asarray(np.where(argument < 0, early, late))


def fit_decay(
    time: ArrayLike, signal: ArrayLike, lifetimes: tuple[float, ...], response: float
) -> Fit:
    """Lifetimes of a transient-absorption trace.

    Args:
        time: Delays, ascending, shape (point) [ps].
        signal: Bleach signal, shape (point), any unit.
        lifetimes: First guess of each lifetime, ascending; as many exponentials are fitted [ps].
        response: Full width at half maximum of the instrument response [ps].

    Returns:
        The numbers "lifetime_1", "fraction_1" and so on, by ascending lifetime [ps], and
        "time_zero" [ps]. Fractions are of the sum of amplitudes.

    Raises:
        InputError: If there are too few points, the delays do not ascend, or no lifetime is given.
        NotConverged: If the fit fails.
    """
    if not lifetimes:
        raise InputError("lifetimes must hold a first guess for at least one lifetime.")
    x, y = _points(time, signal, 2 * len(lifetimes) + 3, "signal", signed=True)
    count, scale = len(lifetimes), float(np.max(np.abs(y)))

    def law(v: dict[str, float]) -> Real:
        model = np.zeros_like(y)
        for i in range(1, count + 1):
            part = (
                v[f"fraction_{i}"]
                if i < count
                else 1 - sum(v[f"fraction_{j}"] for j in range(1, count))
            )
            shape = blurred_decay(x - v["time_zero"], np.exp(v[f"log_{i}"]), response)
            model += v["height"] * part * shape
        return model / scale

    start = {"height": float(y[np.argmax(np.abs(y))]), "time_zero": 0.0}
    start |= {f"log_{i}": float(np.log(tau)) for i, tau in enumerate(lifetimes, 1)}
    start |= {f"fraction_{i}": 1 / count for i in range(1, count)}
    fit = least_squares(law, y / scale, start, tuple(start))
    numbers = {"time_zero": fit["time_zero"]}
    for i in range(1, count + 1):
        log = fit[f"log_{i}"]
        value = float(np.exp(log.value))
        numbers[f"lifetime_{i}"] = Fitted(value, value * log.half_width)
        if i < count:
            numbers[f"fraction_{i}"] = fit[f"fraction_{i}"]
    return Fit(numbers, fit.curve * scale)


def _points(
    x: ArrayLike, y: ArrayLike, at_least: int, name: str = "intensity", signed: bool = False
) -> tuple[Real, Real]:
    """The points of a measurement, checked."""
    across, up = np.asarray(x, float), np.asarray(y, float)
    if across.ndim != 1 or across.shape != up.shape:
        raise InputError(f"{name} must be one list as long as that of the axis.")
    if len(across) < at_least:
        raise InputError(f"at least {at_least} points are needed, got {len(across)}.")
    if not (np.all(np.isfinite(across)) and np.all(np.isfinite(up))):
        raise InputError(f"{name} and its axis must be finite numbers.")
    if np.any(np.diff(across) <= 0):
        place = int(np.argmax(np.diff(across) <= 0)) + 2
        raise InputError(f"the axis must ascend, but point {place} does not. Sort the points.")
    if not signed and np.any(up <= 0):
        place = int(np.argmax(up <= 0))
        raise InputError(f"{name} must be positive, got {up[place]:g} at point {place + 1}.")
    return across, up


def _fit_stripe(length: Real, intensity: Real) -> Fit:
    def law(v: dict[str, float]) -> Real:
        growth = v["gain"] * length
        small = np.abs(growth) < 1e-6
        safe = np.where(small, 1.0, growth)
        amplified = np.where(small, 1 + growth / 2, np.expm1(safe) / safe)  # of either sign
        return np.asarray(v["start"] + np.log(length * amplified))

    steep = np.log(intensity[-1] / intensity[0] * length[0] / length[-1])
    gain = 2 * float(steep) / (length[-1] - length[0])
    start = {"gain": gain, "start": float(np.log(intensity[0] / length[0]))}
    fit = least_squares(law, np.log(intensity), start, ("gain",))
    return replace(fit, curve=np.exp(fit.curve))


def _stripe_warnings(length: Real, fit: Fit, largest_growth: float) -> tuple[str, ...]:
    """What speaks against a gain from a variable stripe length."""
    gain, used = fit["gain"].value, fit.used
    told = []
    if used < len(length):
        told.append(
            f"stripes beyond {length[used - 1]:g} um were left out: gain times length exceeds "
            f"{largest_growth:g} there, and light bleaches the gain."
        )
    if gain * length[used - 1] > largest_growth:
        told.append(
            f"gain times length reaches {gain * length[used - 1]:.2g} already in the shortest "
            f"{used} stripes, beyond {largest_growth:g}: measure shorter stripes."
        )
    if abs(gain) * length[used - 1] < 0.5:
        told.append("gain times length stays below 0.5: curvature is hardly seen.")
    return tuple(told)


def _two_lines(x: Real, y: Real, kinks: Real) -> tuple[Real, Real]:
    """Sum of relative squares and change of slope of two lines that meet at given places."""
    above = np.maximum(x - kinks[:, None], 0)
    columns = np.stack([np.ones_like(above), np.broadcast_to(x, above.shape), above], axis=-1)
    columns = columns / y[:, None]
    best = np.linalg.pinv(columns) @ np.ones_like(y)
    left = np.einsum("kpc,kc->kp", columns, best) - 1
    return np.sum(left**2, axis=-1), best[:, 2]
