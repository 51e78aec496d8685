"""Ladders: the devices of one chip, chosen so that at least one lases where it is wanted.

All devices share what is not known of film and lines. Wafers are drawn from it; every candidate
(period on the machine's grid, duty, dose) either hits on a wafer or not, by the fitted response.
Devices are added one by one where they help most, then exchanged while that helps. The probability
that is promised comes from wafers that the choice has not seen. Where one hit is enough and all
devices have one duty, windows side by side are best, and the ladder is even; where several must
hit, groups of devices are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import positive, within
from dfbdesign.designs.response import Family, Predicted, Response, family, response
from dfbdesign.designs.spread import Spread
from dfbdesign.designs.swept import many_modes, solved_edges, waves_of_edges
from dfbdesign.device import Device, changed
from dfbdesign.errors import InputError
from dfbdesign.gain.film import excitons_at_fluence, material_gain
from dfbdesign.lasers.laser import laser
from dfbdesign.units import nm, pm

if TYPE_CHECKING:  # loads gdstk and KLayout, which planning does without
    from dfbdesign.layout.chip_file import Chip

Real = NDArray[np.floating[Any]]
Hits = NDArray[np.bool_]

CANDIDATES = 400
"""Periods of the machine's grid that are looked at for each duty and dose, at most."""
JUDGES = 10
"""Wafers that judge a choice, for each of those it was made on."""


@dataclass(frozen=True)
class Rung:
    """One device of a ladder."""

    period: float
    """On the machine's grid [µm]."""
    duty: float
    """As meant at dose 1."""
    dose: float
    """Factor of the base dose."""
    probability: float
    """That this device alone hits."""


@dataclass(frozen=True)
class Goal:
    """What counts as a hit."""

    window: tuple[float, float]
    """Shortest and longest lasing wavelength [µm]."""
    fluence: float | None = None
    """Largest threshold fluence [pJ/µm²]; `None` for any."""
    at_least: int = 1
    """How many devices of the ladder must hit."""

    @property
    def middle(self) -> float:
        """Of the window [µm]."""
        return sum(self.window) / 2


@dataclass(frozen=True)
class Ladder:
    """A planned ladder."""

    device: Device
    """What its devices vary."""
    rungs: tuple[Rung, ...]
    """By dose, duty and period."""
    probability: float
    """That enough of them hit, over wafers not used in the choice."""
    probability_error: float
    """Its standard error from the number of wafers."""
    even: tuple[Rung, ...]
    """The best evenly spaced ladder of as many devices, at the device's own duty and dose."""
    even_probability: float
    response: Response
    """What the wafers were judged with."""
    goal: Goal


def ladder(
    device: Device,
    spread: Spread,
    count: int,
    goal: Goal,
    duties: Sequence[float] = (),
    doses: Sequence[float] = (1.0,),
    grid: float = 1 * nm,
    posterior: Real | None = None,
    workers: int = 1,
    wafers: int = 4000,
) -> Ladder:
    """Choose periods, duties and doses that hit most surely.

    Args:
        device: The device that the others vary; finite, with a target near the window.
        spread: What is not known.
        count: How many devices.
        goal: What a hit is.
        duties: Duties to choose from; empty for the device's own.
        doses: Dose factors to choose from.
        grid: Steps of the period that the machine can write [µm].
        posterior: Draws of the shared causes from a calibration, shape (draw, cause); `None` for
            the prior.
        workers: Processes to share the work.
        wafers: To choose on; ten times as many others judge the choice.

    Returns:
        The ladder and its probability.

    Raises:
        InputError: If a number is out of its range, or a fluence is asked for without film.
        PhysicsError: If the devices do not lase.
    """
    within("count", count, 1, 200)
    within("at_least", goal.at_least, 1, count)
    within("grid (in um)", grid, 1 * pm, 100 * nm)
    if goal.fluence is not None:
        positive("fluence (in pJ/um^2)", goal.fluence)
        if device.film is None or device.pump is None:
            raise InputError("a largest fluence needs a device with [film] and [pump].")
    one = family(changed(device, {"target.wavelength": goal.middle}), spread)
    duties, doses = tuple(dict.fromkeys(duties)) or (_duty(device),), tuple(dict.fromkeys(doses))
    drawn = [width_of(one, duty, dose) for duty, dose in product(duties, doses)]
    half = (goal.window[1] - goal.window[0]) / 2 + 20 * nm
    fitted = response(one, (min(drawn), max(drawn)), half, workers=workers)
    random = np.random.default_rng(1)
    seen, fresh = (draws(one, random, count, posterior) for count in (wafers, JUDGES * wafers))
    choices = _candidates(fitted, goal, duties, doses, grid, seen, count)
    hits, enough = _hits(fitted, goal, choices, seen), goal.at_least

    def probability(columns: Sequence[int]) -> float:
        return float(_reached(hits, columns, enough).mean())

    spaced = max(_even_ladders(choices, _duty(device), count), key=probability)
    starts = (_greedy(hits, count, enough), spaced)
    chosen = max((_improved(hits, start, enough) for start in starts), key=probability)

    def judged(columns: Sequence[int]) -> tuple[tuple[Rung, ...], Real]:
        order = sorted(columns, key=lambda column: (choices[column][2], *choices[column][1::-1]))
        picked = [choices[column] for column in order]
        found = _hits(fitted, goal, picked, fresh)
        rungs = tuple(map(Rung, *zip(*picked, strict=True), found.mean(axis=0).tolist()))
        return rungs, _reached(found, range(len(picked)), enough)

    (rungs, reached), (even, evenly) = judged(chosen), judged(spaced)
    error = float(reached.std() / np.sqrt(len(fresh)))
    return Ladder(
        device, rungs, float(reached.mean()), error, even, float(evenly.mean()), fitted, goal
    )


def _duty(device: Device) -> float:
    for layer in device.layers:
        if layer.lines is not None:
            return layer.lines.duty
    raise InputError("a ladder needs a device with lines.")


def width_of(one: Family, duty: float, dose: float) -> float:
    """Line width of a drawn duty and dose less that of the device, at the device's period.

    Args:
        one: The family.
        duty: Drawn duty.
        dose: Factor of the base dose.

    Returns:
        The difference [µm].

    Raises:
        InputError: If that leaves no line, or no gap.
    """
    period, more = one.device.need_grating().period, (dose - 1) * one.spread.width_per_dose
    within("dose", dose, 0.1, 10)
    within(f"duty at a dose of {dose:g}", duty + more / period, 0.05, 0.95)
    return (duty - _duty(one.device)) * period + more


def draws(
    one: Family, random: np.random.Generator, wafers: int, posterior: Real | None = None
) -> Real:
    """Amounts of the shared causes of some wafers, shape (wafer, cause)."""
    if posterior is None:
        return random.standard_normal((wafers, len(one.causes)))
    return np.asarray(posterior[random.integers(len(posterior), size=wafers)])


Choice = tuple[float, float, float]


def _candidates(
    fitted: Response,
    goal: Goal,
    duties: Sequence[float],
    doses: Sequence[float],
    grid: float,
    wafers: Real,
    count: int,
) -> list[Choice]:
    """Periods that reach the window on some wafers, at least `count`, with all duties and doses."""
    one, found = fitted.family, []
    none = np.zeros(len(one.local))
    start = one.device.need_grating().period
    for duty, dose in product(duties, doses):
        amounts = one.amounts(wafers, none, start, width_of(one, duty, dose))
        shift = (goal.middle - fitted.nominal - fitted.linear(amounts)) / (fitted.slopes[-2] / nm)
        low, high = np.percentile(start + shift, [0.5, 99.5])
        step = grid * max(1, round((high - low) / grid / CANDIDATES))
        first, last = np.floor(low / step), np.ceil(high / step)
        beside = max(0, (count - int(last - first)) // 2)  # a film well known needs few periods
        periods = np.arange(first - beside, last + beside + 1) * step
        found += [(round(float(period), 9), duty, dose) for period in periods]
    return found


def _hits(fitted: Response, goal: Goal, choices: Sequence[Choice], wafers: Real) -> Real:
    """Probability that each candidate hits on each wafer, shape (wafer, candidate).

    It is 0 or 1 but for what differs from device to device, which moves wavelengths to first order.
    """
    one, found = fitted.family, np.zeros((len(wafers), len(choices)))
    none, count = np.zeros(len(one.local)), len(one.causes)
    local = float(np.linalg.norm(fitted.slopes[count : count + len(one.local)]))
    half = (goal.window[1] - goal.window[0]) / 2 + 15 * nm
    middle = goal.middle - fitted.nominal
    for column, (period, duty, dose) in enumerate(choices):
        amounts = one.amounts(wafers, none, period, width_of(one, duty, dose))
        shift = fitted.linear(amounts)
        # far along the period and back along the index, first order is some per cent off
        curved = 0.1 * np.abs(shift - amounts[:, -2] * fitted.slopes[-2])
        near = np.abs(shift - middle) < half + curved
        if near.any():
            found[near, column] = _chance(fitted, goal, fitted.predict(amounts[near]), local)
    return found


def _chance(fitted: Response, goal: Goal, said: Predicted, local: float) -> Real:
    wavelength = said.lasing_wavelength
    low, high = ((wavelength - end) / max(local, 1e-9) for end in goal.window)
    return (_normal(low) - _normal(high)) * below_fluence(fitted, goal, said.lasing_gain)


def _normal(value: Real) -> Real:
    from scipy.special import ndtr

    return np.asarray(ndtr(value))


def below_fluence(fitted: Response, goal: Goal, gain: Real) -> Hits:
    """Whether devices of these threshold gains need no more than the goal's fluence.

    Args:
        fitted: For film and pump.
        goal: With or without a fluence.
        gain: Threshold material gain [1/µm].

    Returns:
        Of the shape of the gain; gain grows with fluence, so one comparison is enough.
    """
    pump = fitted.family.device.pump
    if goal.fluence is None or pump is None or fitted.film is None:
        return np.isfinite(gain)
    excitons = excitons_at_fluence(fitted.film, goal.fluence, pump.wavelength)
    return np.asarray(gain <= material_gain(fitted.film, excitons))


def _counts(hits: Real, columns: Sequence[int], at_least: int) -> Real:
    """Probability of 0, 1, ... at_least - 1 hits on each wafer, shape (wafer, at_least)."""
    found = np.zeros((len(hits), at_least))
    found[:, 0] = 1
    for column in columns:
        hit = hits[:, column, None]
        moved = np.concatenate([np.zeros((len(hits), 1)), found[:, :-1]], axis=1)
        found = found * (1 - hit) + moved * hit
    return found


def _reached(hits: Real, columns: Sequence[int], at_least: int) -> Real:
    """Probability of enough hits on each wafer, shape (wafer,)."""
    return np.asarray(1 - _counts(hits, columns, at_least).sum(axis=1))


def _greedy(hits: Real, count: int, at_least: int) -> list[int]:
    """One after the other, the candidate that brings most wafers nearer to enough hits."""
    chosen: list[int] = []
    for _ in range(count):
        gained = (1 - _reached(hits, chosen, at_least)) @ hits
        gained[chosen] = -1
        chosen.append(int(np.argmax(gained)))
    return chosen


def _improved(hits: Real, chosen: list[int], at_least: int) -> list[int]:
    """Exchange devices while that raises the probability of enough hits."""
    chosen, improving = list(chosen), True
    while improving:
        improving = False
        for place in range(len(chosen)):
            others = chosen[:place] + chosen[place + 1 :]
            gained = _counts(hits, others, at_least)[:, -1] @ hits
            gained[others] = -1
            best = int(np.argmax(gained))
            if gained[best] > gained[chosen[place]] * (1 + 1e-9):
                chosen[place], improving = best, True
    return chosen


def _even_ladders(choices: Sequence[Choice], duty: float, count: int) -> list[list[int]]:
    """Evenly spaced periods at one duty and dose, for every step and every start."""
    same = min(
        ((one[1], one[2]) for one in choices), key=lambda p: (abs(p[0] - duty), abs(p[1] - 1))
    )
    columns = [i for i, one in enumerate(choices) if one[1:] == same]
    if len(columns) < count:  # fewer periods matter than there are devices
        return [columns]
    last = (len(columns) - 1) // max(count - 1, 1)
    return [
        columns[start : start + step * (count - 1) + 1 : step]
        for step in range(1, max(last, 1) + 1)
        for start in range(len(columns) - step * (count - 1))
    ]


def simulated(
    found: Ladder, rungs: Sequence[Rung], wafers: int, seed: int = 7, workers: int = 1
) -> Hits:
    """Whether a ladder hits on wafers drawn from the prior and solved in full, not fitted.

    Args:
        found: The plan, for what it was made of.
        rungs: The ladder to try.
        wafers: How many.
        seed: Of the random numbers.
        workers: Processes to share the work.

    Returns:
        Whether enough devices hit on each wafer, shape (wafer,); ladders of one seed are tried on
        the same wafers.
    """
    fitted, goal, one = found.response, found.goal, found.response.family
    random = np.random.default_rng(seed)
    shared = draws(one, random, wafers)
    count = np.zeros(wafers, dtype=int)
    nominal = laser(one.device)
    for rung in rungs:
        local = random.standard_normal((wafers, len(one.local)))
        width = width_of(one, rung.duty, rung.dose)
        amounts = one.amounts(shared, local, rung.period, width)
        # where first order is 60 nm off the window, a hit is out of the question
        near = np.flatnonzero(
            np.abs(fitted.nominal + fitted.linear(amounts) - goal.middle) < 60 * nm
        )
        if not len(near):
            continue
        edges = solved_edges(one.device, one.changes(amounts[near]), workers)
        modes = many_modes(nominal, waves_of_edges(edges), quality=False)
        wavelength = modes.lasing("wavelength")
        hit = (wavelength >= goal.window[0]) & (wavelength <= goal.window[1])
        count[near] += hit & below_fluence(fitted, goal, modes.lasing("gain"))
    return np.asarray(count >= goal.at_least)


def chip_of(found: Ladder, spacing: tuple[float, float] | None = None) -> "Chip":
    """A chip with the devices of a ladder.

    Args:
        found: The ladder.
        spacing: From one device to the next [µm]; `None` for the frame's margin between them.

    Returns:
        The chip: one array for every duty and dose.
    """
    from dfbdesign.layout.chip_file import Array, Chip

    groups: dict[tuple[float, float], list[float]] = {}
    for rung in found.rungs:
        groups.setdefault((rung.duty, rung.dose), []).append(rung.period)
    arrays = tuple(
        Array(
            device=found.device, period=tuple(periods), duty=(duty,), dose=(dose,), spacing=spacing
        )
        for (duty, dose), periods in groups.items()
    )
    return Chip(array=arrays)
