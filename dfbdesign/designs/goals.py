"""Designs that meet the target and are best at something: threshold, output, margin, tolerance.

Duty, film thickness or line height are varied; for each choice the period is solved so that the
mode that lases first meets the target. Steps of the period use the exact sensitivity of the edges;
the optimiser is that of scipy, on slopes from neighbours that are solved in the same batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, pi
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.designs.design import Design, design
from dfbdesign.designs.spread import Spread, causes, shifted, steady
from dfbdesign.designs.swept import (
    ManyModes,
    ManyWaves,
    many_modes,
    solved_edges,
    surface_shares,
    upward_shares,
    waves_of_edges,
)
from dfbdesign.device import Device, changed
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.files import parse_quantity
from dfbdesign.lasers.laser import Laser, laser
from dfbdesign.units import nm, pm

Real = NDArray[np.floating[Any]]
Aim = Literal["threshold", "output", "margin", "tolerance"]
AIMS: tuple[Aim, ...] = ("threshold", "output", "margin", "tolerance")

GRID = {1: 9, 2: 5, 3: 4}
"""Points along each dimension that the search starts from, by their number."""
STEPS, CLOSE = 5, 2 * pm
"""Steps of the period, at most, and the miss that one more step, unchecked, makes good [µm]."""
CAUSE_STEP = 0.01
"""Step of the causes for the spread [standard deviations]."""
VARIED = ("duty", "thickness", "sidewall")
"""What can be varied beside the period."""
SWAP = 1.2
"""Thresholds of both edges within this ratio are about to change places."""


@dataclass(frozen=True)
class Candidates:
    """Devices that all meet the target, solved together; arrays of shape (device,)."""

    variables: Real
    """Values of what is varied, shape (device, variable)."""
    period: Real
    """[µm]"""
    scores: Real
    """By aim, smaller is better, shape (device, 4): threshold material gain [1/µm], minus the part
    of the light that leaves through the surface (upwards for the aim "output"), gain of the
    first over that of the second edge's mode, standard deviation of the wavelength [µm]."""
    origin: NDArray[np.int64]
    """0 where the mode next to the even edge lases, else 1."""
    pareto: NDArray[np.bool_]
    """Whether no other device is better in one aim without being worse in another."""


@dataclass(frozen=True)
class Best:
    """The best design and what it was chosen among."""

    design: Design
    """Re-solved at the target."""
    aim: Aim
    paths: tuple[str, ...]
    """What was varied beside the period."""
    values: tuple[float, ...]
    score: float
    """Of the aim, as in `Candidates`."""
    candidates: Candidates
    warnings: tuple[str, ...]


def best(
    target: Device,
    aim: Aim,
    bounds: Mapping[str, tuple[float, float]],
    spread: Spread | None = None,
    smallest_line: float = 0.0,
) -> Best:
    """The device that meets the target and is best at one aim.

    Args:
        target: A finite device with a target and a provisional period.
        aim: Lowest threshold, most output through the surface, largest margin between the edges'
            thresholds, or smallest spread of the wavelength.
        bounds: Lowest and highest value by path, such as `{"layers.0.lines.duty": (0.2, 0.8)}`:
            the film that can be made, the lines that can be written.
        spread: What is not known, for the aim "tolerance".
        smallest_line: Narrowest line and gap that can be made [µm].

    Returns:
        The design, the Pareto front, and warnings.

    Raises:
        InputError: If nothing is varied, or bounds are no interval.
        NotConverged: If no period meets the target anywhere.
    """
    if not 1 <= len(bounds) <= 3:
        raise InputError(f"one to three values can be varied beside the period, got {len(bounds)}.")
    search = _Search(target, dict(bounds), spread or Spread(), smallest_line, aim == "output")
    grid = search.grid(GRID[len(bounds)])
    found = search.solved(grid)
    column = AIMS.index(aim)
    score = np.where(np.isfinite(found.scores[:, column]), found.scores[:, column], inf)
    if not np.isfinite(score).any():
        raise NotConverged("no choice within the bounds lases at the target. Widen the bounds.")
    first = int(np.argmin(score))
    if aim == "output" and not score[first]:
        raise InputError("no light leaves upwards: take a second-order grating or another aim.")
    values, period, least = search.refined(grid[first], found.period[first], score[first], column)
    made = design(search.device(values), period)
    warnings = tuple(_warnings(made.solved))
    return Best(made, aim, tuple(bounds), tuple(map(float, values)), least, found, warnings)


def bounds_of(target: Device, texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Bounds as they are written on a command line.

    Args:
        target: The device, for where its lines are.
        texts: Such as "duty=0.2:0.8", "layers.1.thickness=140nm:180nm".

    Returns:
        Lowest and highest value by path.

    Raises:
        InputError: If a text is no such thing.
    """
    found = {}
    for text in texts:
        name, _, ends = text.partition("=")
        parts = ends.split(":")
        if len(parts) != 2:
            raise InputError(f'what varies must read "duty=0.2:0.8", got "{text}".')
        if name == "duty":
            lined = [i for i, layer in enumerate(target.layers) if layer.lines]
            name = f"layers.{lined[0]}.lines.duty" if lined else name
        try:
            low, high = (
                float(part) if name.endswith("duty") else parse_quantity(part, "length")
                for part in parts
            )
        except ValueError as error:
            raise InputError(f'"{text}": {error}') from None
        if name in found:
            raise InputError(f'"{text}": {name} varies already.')
        found[name] = (low, high)
    return found


def _warnings(solved: Laser) -> list[str]:
    first = solved.modes[0]
    other = next((one for one in solved.modes if one.mode.edge != first.mode.edge), None)
    if other is None:
        return []
    ratio = other.threshold_material_gain / first.threshold_material_gain
    apart = (other.wavelength - first.wavelength) / nm
    if ratio > SWAP:
        return []
    return [
        f"the {first.origin} and the {other.origin} mode are about to swap: the second needs only "
        f"{ratio:.2f} times the gain of the first, {apart:+.2f} nm away. Choose a duty "
        "further from where the feedback vanishes."
    ]


class _Search:
    def __init__(
        self,
        target: Device,
        bounds: dict[str, tuple[float, float]],
        spread: Spread,
        smallest_line: float,
        upwards: bool,
    ) -> None:
        self.upwards = upwards
        self.target = steady(target)
        self.wavelength = target.need_target().wavelength
        for path, (low, high) in bounds.items():
            if path.rpartition(".")[2] not in VARIED:
                raise InputError(
                    f'"{path}" cannot be varied: give a duty, a thickness or a side wall. '
                    "The period is solved for."
                )
            if not low < high:
                raise InputError(f"bounds of {path} must be low < high, got {low:g}, {high:g}.")
            changed(changed(target, {path: low}), {path: high})
        narrow = within("smallest_line (in um)", smallest_line, 0, inf)
        narrow /= target.need_grating().period
        self.bounds = {path: _writable(path, ends, narrow) for path, ends in bounds.items()}
        self.nominal = laser(self.target)
        edges = self.nominal.cell.band_edges
        self.slope = sum(one.wavelength_sensitivity("grating.period") for one in edges) / 2
        self.causes = causes(self.target, spread)

    def grid(self, count: int) -> Real:
        axes = [np.linspace(low, high, count) for low, high in self.bounds.values()]
        return np.stack([one.ravel() for one in np.meshgrid(*axes, indexing="ij")], axis=-1)

    def device(self, values: Sequence[float] | Real) -> Device:
        return changed(self.target, dict(zip(self.bounds, map(float, values), strict=True)))

    def solved(
        self, variables: Real, aims: Sequence[Aim] = AIMS, start: float | Real | None = None
    ) -> Candidates:
        """Devices at the target, and what they are worth, from periods nearby."""
        nearby = self.target.need_grating().period if start is None else start
        period = nearby + np.zeros(len(variables))
        slope, before = np.full(len(variables), self.slope), None
        for _ in range(STEPS):
            there = period
            waves, modes = self._modes(variables, there)
            miss = modes.lasing("wavelength") - self.wavelength
            if before is not None:
                with np.errstate(divide="ignore", invalid="ignore"):
                    secant = (miss - before[1]) / (there - before[0])
                # where another edge lases than before, the exact slope stands
                slope = np.where(np.abs(secant / slope - 1) < 0.3, secant, slope)
            before = there, miss
            period = there - np.nan_to_num(miss / slope)
            if not (np.abs(miss) > CLOSE).any():
                break
        scores = self._scores(variables, there, waves, modes, aims)
        scores[~(np.abs(miss) < 0.2 * nm)] = np.nan
        return Candidates(variables, period, scores, modes.first, _pareto(scores))

    def refined(
        self, start: Real, period: float, score: float, column: int
    ) -> tuple[Real, float, float]:
        """The best values near a start, their period and score, by scipy's L-BFGS-B."""
        from scipy.optimize import minimize

        ends = np.array(list(self.bounds.values()))
        low, size = ends[:, 0], ends[:, 1] - ends[:, 0]
        count, unit = len(size), abs(score)
        steps = 1e-3 * np.concatenate([np.zeros((1, count)), np.eye(count), -np.eye(count)])
        # where the last points lay, their period, and how it changes with them
        near: tuple[Real, float, Real] = ((start - low) / size, period, np.zeros(count))
        least: tuple[Real, float, float] = (start, period, score)

        def value(x: Real) -> tuple[float, Real]:
            nonlocal near, least
            points = np.clip(x, -steps.min(), 1 - steps.max()) + steps
            points[0] = x
            guess = near[1] + (points - near[0]) @ near[2]
            found = self.solved(low + points * size, AIMS[column : column + 1], guess)
            worth = found.scores[:, column] / unit
            worth = np.where(np.isfinite(worth), worth, 1e3)
            if worth[0] * unit < least[2]:
                least = (low + x * size, float(found.period[0]), float(worth[0]) * unit)
            slopes = [
                (one[1 : count + 1] - one[count + 1 :]) / (2 * steps.max())
                for one in (worth, found.period)
            ]
            near = (x, float(found.period[0]), slopes[1])
            return float(worth[0]), slopes[0]

        minimize(
            value, near[0], jac=True, method="L-BFGS-B", bounds=[(0, 1)] * count,
            options={"maxiter": 8, "ftol": 1e-6, "gtol": 1e-3},
        )  # fmt: skip
        return least

    def _changes(self, variables: Real, period: Real) -> dict[str, Any]:
        columns = dict(zip(self.bounds, variables.T, strict=True))
        return {**columns, "grating.period": period}

    def _modes(self, variables: Real, period: Real) -> tuple[ManyWaves, ManyModes]:
        waves = waves_of_edges(solved_edges(self.target, self._changes(variables, period)))
        return waves, many_modes(self.nominal, waves, quality=False)

    def _scores(
        self, variables: Real, period: Real, waves: ManyWaves, modes: ManyModes, aims: Sequence[Aim]
    ) -> Real:
        first, second = modes.gain.min(axis=1), modes.gain.max(axis=1)
        found = np.stack(
            [first, np.full_like(first, np.nan), first / second, first * np.nan], axis=1
        )
        good = np.flatnonzero(np.isfinite(first))
        if "output" in aims and len(good):
            found[:, 1] = -self._output(self._changes(variables, period), waves, modes, good)
        if "tolerance" in aims and len(good):
            found[good, 3] = self._spread(variables[good], period[good], waves.where(good),
                                          modes.first[good])  # fmt: skip
        return found

    def _output(
        self, changes: dict[str, Any], waves: ManyWaves, modes: ManyModes, good: NDArray[np.int64]
    ) -> Real:
        """Part of the light that leaves through the surface, or through it upwards."""
        surface = surface_shares(self.nominal, waves, modes)
        if self.upwards:
            own = {path: value[good] for path, value in changes.items()}
            surface[good] *= upward_shares(self.target, own)
        return np.asarray(surface.sum(axis=1))

    def _spread(
        self, variables: Real, period: Real, waves: ManyWaves, first: NDArray[np.int64]
    ) -> Real:
        """Standard deviation of the wavelength of the edge that lases, to first order [µm]."""
        count, each = len(period), len(self.causes)
        amounts = CAUSE_STEP * np.eye(each).repeat(count, axis=0)
        also = self._changes(np.tile(variables, (each, 1)), np.tile(period, each))
        edges = solved_edges(self.target, shifted(self.target, self.causes, amounts, also))
        moved = np.take_along_axis(edges.wavelength, np.tile(first, each)[:, None], 1)
        edge = waves.centre + np.where(first == 0, 1, -1) * waves.half_split
        slopes = (moved.reshape(each, count) - 2 * pi / edge.real) / CAUSE_STEP
        return np.asarray(np.linalg.norm(slopes, axis=0))


def _writable(path: str, ends: tuple[float, float], narrow: float) -> tuple[float, float]:
    """Bounds of a duty that leaves lines and gaps of a share of the period."""
    if not path.endswith("duty"):
        return ends
    low, high = max(ends[0], narrow), min(ends[1], 1 - narrow)
    if not low < high:
        raise InputError(
            f"bounds of {path}, {ends[0]:g} to {ends[1]:g}, leave no line and gap as wide as the "
            f"smallest line, {narrow:.3g} periods. Widen them or allow narrower lines."
        )
    return low, high


def _pareto(scores: Real) -> NDArray[np.bool_]:
    """Rows that no other row beats in one column without losing in another."""
    found = np.isfinite(scores[:, 0])
    columns = [c for c in range(scores.shape[1]) if np.isfinite(scores[found, c]).any()]
    some = np.where(np.isfinite(scores), scores, inf)[:, columns]
    for row in np.flatnonzero(found):
        better = (some <= some[row]).all(axis=1) & (some < some[row]).any(axis=1)
        found[row] = not better.any()
    return found
