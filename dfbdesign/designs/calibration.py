"""What measured lasers say about film and lines, and what they cannot say.

The unknown causes (`spread`) are standard normal before the measurement. Every lasing wavelength is
explained by the even or the odd edge, which is not known, or is an outlier: the likelihood sums
over all three. Gauss and Newton's method finds the most probable causes for either edge; draws
about them, along curves of constant mean wavelength, are weighted to the posterior (`sampling`).

The splits of several devices tell the edges apart. One device alone does not: both edges count
half, so its mean lies between the values for either, off by half the split of the edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.designs.ladder import Goal, Ladder, ladder, width_of
from dfbdesign.designs.readings import Reading
from dfbdesign.designs.response import Response, family, response
from dfbdesign.designs.sampling import Part, effective, sampled
from dfbdesign.designs.spread import Spread, at
from dfbdesign.designs.swept import fluences
from dfbdesign.device import Device, changed
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.solvers.cell_gradient import device_value
from dfbdesign.units import nm

Real = NDArray[np.floating[Any]]

OUTLIERS, OUTLIER_WIDTH = 0.05, 30 * nm
"""How often a reading is wrong, and by how much then."""
FEWEST = 300
"""Equally probable draws that the weighted ones must stand for."""


@dataclass(frozen=True)
class Value:
    """What is known of one value of the device."""

    path: str
    """As for `dfbdesign.device.changed`; of a material it is the index."""
    nominal: float
    prior: float
    """Standard deviation before the measurement."""
    mean: float
    error: float
    """Standard deviation after it."""
    low: float
    """Fifth percentile."""
    high: float
    """95th percentile."""


@dataclass(frozen=True)
class Direction:
    """A combination of causes, and how much the data say about it."""

    weights: Real
    """Of the causes in prior standard deviations, length 1, shape (cause,)."""
    remaining: float
    """Standard deviation after over before: 1 means that the data say nothing."""


@dataclass(frozen=True)
class Posterior:
    """What is known after the measurement."""

    values: tuple[Value, ...]
    causes: tuple[str, ...]
    directions: tuple[Direction, ...]
    """Best known first."""
    draws: Real
    """Of the causes, in prior standard deviations, equally probable, shape (draw, cause)."""
    outlier: Real
    """Probability that each reading is wrong, shape (reading,)."""
    odd: Real
    """Probability that each is of the odd (dark) edge, shape (reading,)."""
    effective_draws: float
    fitted: Response
    """What the readings were judged with."""


def prepared(
    device: Device, spread: Spread, readings: Sequence[Reading], workers: int = 1
) -> Response:
    """The fit that a calibration with these readings needs.

    Args:
        device: As meant.
        spread: What is not known.
        readings: Of the devices.
        workers: Processes to share the work.

    Returns:
        The fit about the mean of the readings.

    Raises:
        InputError: If there is no reading.
    """
    if not readings:
        raise InputError("calibration needs at least one measured wavelength.")
    wavelengths = np.array([one.wavelength for one in readings])
    middle = float(np.median(wavelengths))
    one = family(changed(device, {"target.wavelength": middle}), spread)
    widths = [width_of(one, reading.duty, reading.dose) for reading in readings]
    reach = min(float(np.abs(wavelengths - middle).max()), 40 * nm) + 20 * nm
    return response(one, (min(widths), max(widths)), reach, workers=workers)


def updated(device: Device, found: Posterior) -> Device:
    """A device file's device with the values that are now the most likely ones.

    Args:
        device: As it was meant.
        found: What is known of its causes.

    Returns:
        The device at the mean of the causes; half-spaces and target are its own.
    """
    one = found.fitted.family
    return at(device, one.causes, found.draws.mean(axis=0))


def next_ladder(device: Device, found: Posterior, count: int, workers: int = 1) -> Ladder:
    """The next chip: the ladder that most surely has a device within 5 nm of the target.

    Args:
        device: As it was meant, with its target.
        found: What is known of its causes.
        count: How many devices.
        workers: Processes to share the work.

    Returns:
        The ladder, for wafers drawn from the posterior.
    """
    wavelength = device.need_target().wavelength
    goal = Goal((wavelength - 5 * nm, wavelength + 5 * nm))
    spread = found.fitted.family.spread
    return ladder(device, spread, count, goal, posterior=found.draws, workers=workers)


def calibrate(
    fitted: Response, readings: Sequence[Reading], draws: int = 3000, seed: int = 3
) -> Posterior:
    """What the readings say about the causes.

    Args:
        fitted: From `prepared`, for these devices.
        readings: Of the devices.
        draws: Number of draws.
        seed: Of the random numbers.

    Returns:
        The posterior.

    Raises:
        NotConverged: If the draws stand for fewer than 300 equally probable ones.
    """
    problem = _Problem(fitted, tuple(readings))
    random = np.random.default_rng(seed)
    parts = [_part(problem, edge) for edge in (0, 1)]
    level = np.array([problem.log_posterior(part.middle[None])[0][0] for part in parts])
    # an edge that explains the readings far worse needs no draws of its own
    parts = [part for part, one in zip(parts, level, strict=True) if one > level.max() - 25]
    z, weight = sampled(lambda z: problem.log_posterior(z)[0], parts, random, draws)
    _, outlier, odd = problem.log_posterior(z)
    count = effective(weight)
    if count < FEWEST:
        raise NotConverged(
            f"the draws stand for only {count:.0f} of the posterior. Use more of them, or a "
            "larger error of the readings."
        )
    return _posterior(fitted, z, weight, outlier, odd, count, random)


class _Problem:
    """Prior and likelihood of the causes."""

    def __init__(self, fitted: Response, readings: tuple[Reading, ...]) -> None:
        one = fitted.family
        self.fitted, self.one = fitted, one
        self.period = np.array([reading.period for reading in readings])
        self.width = np.array([width_of(one, reading.duty, reading.dose) for reading in readings])
        self.measured = np.array([reading.wavelength for reading in readings])
        count = len(one.causes)
        local = fitted.slopes[count : count + len(one.local)]
        error = np.array([reading.error for reading in readings])
        fit = fitted.wavelength_error
        self.error = np.sqrt(error**2 + (local**2).sum() + fit**2)
        self.dip = np.array([reading.kind == "dip" for reading in readings])
        self.threshold = np.array([reading.threshold or np.nan for reading in readings])
        self.threshold_error = np.array([reading.threshold_error for reading in readings])

    @property
    def size(self) -> int:
        return len(self.one.causes)

    def predicted(self, z: Real) -> tuple[Real, Real]:
        """Wavelengths and threshold gains, shape (draw, reading, edge)."""
        amounts = self.one.amounts(
            z[:, None, :], np.zeros(len(self.one.local)), self.period, self.width
        )
        said = self.fitted.predict(amounts)
        return np.where(self.dip[:, None], said.edge, said.wavelength), said.gain

    def log_posterior(self, z: Real) -> tuple[Real, Real, Real]:
        """Log density, probability of outliers and of the odd edge, (draw,), (draw, reading)."""
        wavelength, gain = self.predicted(z)
        both = self.log_parts(wavelength, gain, self.error)
        total = np.logaddexp.reduce(both, axis=-1)
        share = np.exp(both - total[..., None])
        return total.sum(axis=-1) - 0.5 * (z**2).sum(axis=-1), share[..., 2], share[..., 1]

    def log_parts(self, wavelength: Real, gain: Real, error: Real) -> Real:
        """Log likelihood of the even edge, the odd edge, an outlier; (draw, reading, 3)."""
        miss = self.measured[:, None] - wavelength
        prior = np.where(self.dip[:, None], [1.0, 1e-12], [0.5, 0.5])
        edges = np.log((1 - OUTLIERS) * prior) - 0.5 * (miss / error[:, None]) ** 2
        edges = edges - np.log(error[:, None])
        if np.isfinite(self.threshold).any():
            edges = edges + self._of_thresholds(gain)
        wide = self.measured - wavelength.mean(axis=-1)
        outlier = np.log(OUTLIERS / OUTLIER_WIDTH) - 0.5 * (wide / OUTLIER_WIDTH) ** 2
        return np.concatenate([edges, outlier[..., None]], axis=-1)

    def _of_thresholds(self, gain: Real) -> Real:
        pump = self.one.device.pump
        if pump is None or self.fitted.film is None:
            raise InputError("measured thresholds need a device with [film] and [pump].")
        fluence = fluences(self.fitted.film, pump.wavelength, gain)
        with np.errstate(divide="ignore", invalid="ignore"):
            miss = np.log(np.minimum(fluence, 1e6) / self.threshold[:, None])
            miss = miss / self.threshold_error[:, None]
        return np.asarray(np.where(np.isnan(miss), 0.0, -0.5 * np.minimum(miss**2, 50.0)))

    def slopes(self, z: Real) -> tuple[Real, Real, Real]:
        """Wavelengths and gains at one point, and dλ, shape (reading, edge, cause)."""
        step = 1e-3
        points = np.concatenate(
            [z[None], z + step * np.eye(self.size), z - step * np.eye(self.size)]
        )
        found, gain = self.predicted(points)
        n = self.size
        slope = (found[1 : n + 1] - found[n + 1 :]) / (2 * step)
        return found[0], gain[0], np.moveaxis(slope, 0, -1)


def _most_probable(problem: _Problem, edge: int) -> tuple[Real, Real]:
    """Causes for one edge, and the inverse covariance there; readings may be of the other."""
    z = np.zeros(problem.size)
    # the error shrinks to its own, so that the first steps see all readings
    errors = [*np.geomspace(30, 1, 12), *[1.0] * 10]
    for number, factor in enumerate(errors):
        wavelength, gain, slope = problem.slopes(z)
        error = np.maximum(problem.error, factor * problem.error)
        parts = problem.log_parts(wavelength[None], gain[None], error)[0]
        if number < 8:
            parts[:, 1 - edge] = np.where(problem.dip, parts[:, 1 - edge], -np.inf)
            parts[:, 2] -= 20 if number < 4 else 0
        share = np.exp(parts - np.logaddexp.reduce(parts, axis=-1)[:, None])[:, :2]
        weight = share / error[:, None] ** 2
        inverse = np.eye(problem.size) + np.einsum("re,rec,red->cd", weight, slope, slope)
        miss = problem.measured[:, None] - wavelength
        force = np.einsum("re,rec->c", weight * miss, slope) - z
        step = np.linalg.solve(inverse, force)
        z = z + step * min(1.0, 1.5 / max(float(np.abs(step).max()), 1e-9))
    return z, inverse


def _part(problem: _Problem, edge: int) -> Part:
    """Draws about the most probable causes, along curves of constant mean wavelength."""
    mean, inverse = _most_probable(problem, edge)
    _, _, slope = problem.slopes(mean)
    return Part.about(
        mean, inverse, slope[:, edge].mean(axis=0),
        lambda z: np.asarray(problem.predicted(z)[0][:, :, edge].mean(axis=1)),
    )  # fmt: skip


def _posterior(
    fitted: Response,
    z: Real,
    weight: Real,
    outlier: Real,
    odd: Real,
    count: float,
    random: np.random.Generator,
) -> Posterior:
    one = fitted.family
    mean = weight @ z
    covariance = (z - mean).T @ ((z - mean) * weight[:, None])
    remaining, vectors = np.linalg.eigh(covariance)
    directions = tuple(
        Direction(vector, float(np.sqrt(max(share, 0.0))))
        for share, vector in zip(remaining, vectors.T, strict=True)
    )
    places = random.choice(len(z), size=2000, p=weight)
    names = tuple(cause.name for cause in one.causes)
    return Posterior(
        _values(one.device, one.causes, z, weight), names, directions, z[places],
        weight @ outlier, weight @ odd, count, fitted,
    )  # fmt: skip


def _values(device: Device, causes: Sequence[Any], z: Real, weight: Real) -> tuple[Value, ...]:
    found: list[Value] = []
    seen: list[Real] = []
    for path in dict.fromkeys(path for one in causes for path in one.moves):
        moves = np.array([one.moves.get(path, 0.0) for one in causes])
        if any(np.array_equal(moves, other) for other in seen):
            continue  # one film in two layers
        seen.append(moves)
        value = device_value(device, path)
        if path.endswith(".material"):
            value = float(value.index(device.need_target().wavelength).real)
        there = z @ moves
        mean = float(weight @ there)
        error = float(np.sqrt(weight @ (there - mean) ** 2))
        low, high = _percentiles(there, weight)
        prior = float(np.linalg.norm(moves))
        found.append(Value(path, value, prior, value + mean, error, value + low, value + high))
    return tuple(found)


def _percentiles(value: Real, weight: Real) -> tuple[float, float]:
    order = np.argsort(value)
    total = np.cumsum(weight[order]) - weight[order] / 2
    low, high = np.interp([0.05, 0.95], total, value[order])
    return float(low), float(high)
