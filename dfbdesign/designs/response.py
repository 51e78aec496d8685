"""What a family of devices does, as polynomials of what can vary: a fit to some thousand solves.

The devices of one chip share their unknown causes and differ in period and line width. Both band
edges are solved exactly at random devices whose wavelength lies near the target, and fitted. The
finite device turns them into modes at threshold; what it adds depends on the split of the edges
and on the radiation loss, and is tabulated over both. A fifth of the devices is held back: solved
in full, edges and finite device, it tells the error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from math import nan, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.designs.spread import (
    Cause,
    Spread,
    causes,
    local_causes,
    shifted,
    steady,
    width_moves,
)
from dfbdesign.designs.swept import ManyModes, ManyWaves, many_modes, solved_edges, waves_of_edges
from dfbdesign.device import Device
from dfbdesign.errors import NotConverged
from dfbdesign.gain.film import Film
from dfbdesign.lasers.laser import Laser, laser
from dfbdesign.units import nm

Real = NDArray[np.floating[Any]]

REACH = 3.2
"""Standard deviations of each cause that the fit covers."""
SPLITS, LOSSES = 81, 9
"""Grid of the table of the finite device."""
QUADRATIC = 2
"""Degree of the polynomial of what the table lacks of a threshold."""
HOPELESS = 20.0
"""Logarithm of the modal gain of a mode that does not lase [1/µm]."""


@dataclass(frozen=True)
class Family:
    """Devices that share their causes and differ in period and drawn line width."""

    device: Device
    """As meant; its half-spaces are steady."""
    causes: tuple[Cause, ...]
    """Shared by all devices of a chip."""
    local: tuple[Cause, ...]
    """Different for each device."""
    spread: Spread

    @property
    def moving(self) -> tuple[Cause, ...]:
        """All causes, then local ones, then the drawn period and line width, per nm."""
        width = {path: one * nm for path, one in width_moves(self.device, self.spread).items()}
        drawn = (Cause("period", {"grating.period": 1 * nm}), Cause("drawn width", width))
        return (*self.causes, *self.local, *drawn)

    def amounts(self, shared: Real, local: Real, period: Real | float, width: Real | float) -> Real:
        """Amounts of all causes; arrays broadcast against each other.

        Args:
            shared: Of the causes, shape (..., cause).
            local: Of the local causes, shape (..., local cause).
            period: Drawn period [µm].
            width: Drawn line width less that of the device [µm].

        Returns:
            Shape (..., cause + local cause + 2).
        """
        drawn = (np.asarray(period) - self.device.need_grating().period) / nm
        parts = [shared, local, drawn[..., None], (np.asarray(width) / nm)[..., None]]
        size = np.broadcast_shapes(*(one.shape[:-1] for one in parts))
        return np.concatenate(
            [np.broadcast_to(one, (*size, one.shape[-1])) for one in parts], axis=-1
        )

    def changes(self, amounts: Real) -> dict[str, Any]:
        """Values of devices with these amounts, shape (device, cause), as a sweep takes them."""
        return shifted(self.device, self.moving, amounts)


def family(device: Device, spread: Spread) -> Family:
    """The family of a device.

    Args:
        device: As meant.
        spread: What is not known.

    Returns:
        The family.

    Raises:
        InputError: If the device has no gain layer, or nothing is uncertain.
    """
    device = steady(device)
    return Family(device, causes(device, spread), local_causes(device, spread), spread)


@dataclass(frozen=True)
class Predicted:
    """What the fit says of many devices; arrays of the shape asked for, then (2,): even, odd."""

    wavelength: Real
    """Of the lowest threshold mode next to each edge [µm]."""
    edge: Real
    """Of the band edges themselves [µm]."""
    gain: Real
    """Threshold material gain of those modes [1/µm]."""

    @property
    def lasing_wavelength(self) -> Real:
        """Of the mode of lower threshold [µm]."""
        even = self.gain[..., 0] < self.gain[..., 1]
        return np.where(even, self.wavelength[..., 0], self.wavelength[..., 1])

    @property
    def lasing_gain(self) -> Real:
        """Of the mode of lower threshold [1/µm]."""
        return np.asarray(self.gain.min(axis=-1))


@dataclass(frozen=True)
class Finite:
    """What the finite device adds to both band edges, over split and loss."""

    half_split: Real
    """Grid [1/µm]."""
    loss: Real
    """Grid, -Im of the centre [1/µm]."""
    values: Real
    """Detuning beyond the even and the odd edge [1/µm] and logarithms of their modal gains [1/µm],
    shape (split, loss, 4)."""

    def at(self, half_split: Real, loss: Real) -> Real:
        """Values between the grid's, linear; at its border beyond it; shape (device, 4)."""
        i, u = _place(self.half_split, half_split)
        j, v = _place(self.loss, loss)
        u, v, table = u[:, None], v[:, None], self.values
        low = (1 - v) * table[i, j] + v * table[i, j + 1]
        high = (1 - v) * table[i + 1, j] + v * table[i + 1, j + 1]
        return np.asarray((1 - u) * low + u * high)


def _place(grid: Real, value: Real) -> tuple[NDArray[np.int64], Real]:
    place = np.clip((value - grid[0]) / (grid[-1] - grid[0]) * (len(grid) - 1), 0, len(grid) - 1)
    low = np.minimum(place.astype(int), len(grid) - 2)
    return low, place - low


@dataclass(frozen=True)
class Response:
    """The fit."""

    family: Family
    nominal: float
    """Wavelength at which the family's device lases [µm]."""
    slopes: Real
    """dλ per unit of each moving cause, exact, shape (moving,) [µm]."""
    directions: Real
    """Coordinates of the fit from amounts, shape (moving, coordinate)."""
    exponents: tuple[tuple[int, ...], ...]
    """Coordinates that each term multiplies."""
    coefficients: Real
    """Of Re k of the even and the odd edge, -Im of their mean, group index, confinement; shape
    (term, 5)."""
    finite: Finite
    lacking: Real
    """Of the logarithms of both gains beyond the table, shape (first terms, 2)."""
    film: Film | None
    wavelength_error: float
    """Median over the devices held back, of the wavelength of the mode that lases [µm]."""
    gain_error: float
    """The same of the logarithm of its threshold gain."""
    wrong_mode: float
    """Share of the devices held back where the other mode lases first."""

    def linear(self, amounts: Real) -> Real:
        """Wavelength to first order, less that of the family's device [µm]."""
        return np.asarray(amounts @ self.slopes)

    def predict(self, amounts: Real) -> Predicted:
        """What devices do.

        Args:
            amounts: Of all causes, shape (..., moving).

        Returns:
            Wavelengths and thresholds.
        """
        flat = amounts.reshape(-1, amounts.shape[-1])
        wavelength, edge, gain = (np.empty((len(flat), 2)) for _ in range(3))
        for start in range(0, len(flat), 20000):
            rows = slice(start, start + 20000)
            terms = _terms(flat[rows] @ self.directions, self.exponents)
            values = terms @ self.coefficients
            k, group = values[:, :2], values[:, 3:4]
            added = self.finite.at((k[:, 0] - k[:, 1]) / 2, values[:, 2])
            added[:, 2:] += terms[:, : len(self.lacking)] @ self.lacking
            wavelength[rows] = 2 * pi / (k + added[:, :2] / group)
            edge[rows], gain[rows] = 2 * pi / k, np.exp(added[:, 2:]) / values[:, 4:5]
        size = (*amounts.shape[:-1], 2)
        return Predicted(wavelength.reshape(size), edge.reshape(size), gain.reshape(size))


def response(
    one: Family,
    widths: tuple[float, float] = (0.0, 0.0),
    half_range: float = 30 * nm,
    degree: int = 4,
    workers: int = 1,
) -> Response:
    """Fit the devices of a family whose wavelength lies near the target.

    Args:
        one: The family.
        widths: Lowest and highest drawn line width less that of the device [µm].
        half_range: How far from the target, to first order, the devices lie [µm].
        degree: Of the polynomials.
        workers: Processes to share the work.

    Returns:
        The fit and its error.

    Raises:
        NotConverged: If too few devices could be solved.
    """
    nominal = laser(one.device)
    moving = one.moving
    slopes = _wavelength_slopes(nominal.cell.band_edges, moving)
    directions = _directions(moving, slopes)
    exponents = _exponents(directions.shape[1], degree)
    start = nominal.modes[0].wavelength
    offset = start - one.device.need_target().wavelength
    amounts = _training(one, slopes, widths, half_range, offset, 3 * len(exponents))
    edges = solved_edges(one.device, one.changes(amounts), workers)
    good = np.isfinite(edges.n_group)
    if good.sum() < 1.5 * len(exponents):
        raise NotConverged(
            f"only {good.sum()} of {len(good)} devices of the spread have a pair of band edges "
            "near the target. Narrow the spread or the widths."
        )
    waves = waves_of_edges(edges).where(good)
    x, y = amounts[good] @ directions, _values(waves)
    directions = directions / np.maximum(np.abs(x).max(axis=0), 1e-12)
    terms = _terms(amounts[good] @ directions, exponents)
    train, truth = np.arange(len(y)) % 5 > 0, many_modes(nominal, waves, False)
    finite = _finite(nominal, waves)
    short = sum(len(term) <= QUADRATIC for term in exponents)

    def made(rows: Any) -> Response:
        fitted = np.linalg.lstsq(terms[rows], y[rows], rcond=1e-10)[0]
        values = terms[rows] @ fitted
        lacking = _lacking(finite, values, terms[rows, :short], truth.gain[rows])
        return Response(
            one, start, slopes, directions, exponents, fitted, finite, lacking, nominal.film,
            nan, nan, nan,
        )  # fmt: skip

    held = np.flatnonzero(~train)
    lost, gain, wrong = _errors(made(train), amounts[good], truth, held)
    whole = made(np.arange(len(y)))
    return replace(whole, wavelength_error=lost, gain_error=gain, wrong_mode=wrong)


def _training(
    one: Family,
    slopes: Real,
    widths: tuple[float, float],
    half_range: float,
    offset: float,
    count: int,
) -> Real:
    """Amounts of devices whose causes spread a little more than expected, near the target."""
    random = np.random.default_rng(20)
    free = len(one.causes) + len(one.local)
    amounts = np.zeros((count, free + 2))
    amounts[:, :free] = np.clip(1.15 * random.standard_normal((count, free)), -REACH, REACH)
    amounts[:, -1] = random.uniform(*widths, count) / nm
    aim = random.uniform(-half_range, half_range, count) - offset
    amounts[:, -2] = (aim - amounts @ slopes) / slopes[-2]
    return amounts


def _values(waves: ManyWaves) -> Real:
    even, odd = waves.centre + waves.half_split, waves.centre - waves.half_split
    confinement = 2 * waves.n_group * waves.centre_slope.imag
    columns = [even.real, odd.real, -waves.centre.imag, waves.n_group, confinement]
    return np.stack(columns, axis=1)


def _finite(nominal: Laser, waves: ManyWaves) -> Finite:
    """The table over the splits and losses of some devices; all else as in the nominal device."""
    real, loss = waves.half_split.real, -waves.centre.imag
    splits = np.linspace(real.min(), real.max(), SPLITS)
    losses = np.linspace(loss.min(), max(loss.max(), loss.min() + 1e-12), LOSSES)
    own = nominal.modes[0].pumped.waves
    c, a = (one.ravel() for one in np.meshgrid(splits, losses, indexing="ij"))
    slope = own.half_split_slope / own.half_split if own.half_split else 0.0
    fixed = np.ones(len(c))
    radiating = -1j * a if own.radiates else 0.0
    many = ManyWaves(
        own.centre.real - 1j * a, own.centre_slope * fixed, c + radiating, slope * c + 0j,
        own.n_group * fixed,
    )  # fmt: skip
    found = many_modes(nominal, many, quality=False)
    edges = np.stack([many.centre.real + c, many.centre.real - c], axis=1)
    beyond = own.n_group * (2 * pi / found.wavelength - edges)
    gain = np.log(found.gain * own.confinement)
    values = np.concatenate([beyond, gain], axis=1)
    lost = ~np.isfinite(values)
    values[lost] = np.broadcast_to([0.0, 0.0, HOPELESS, HOPELESS], values.shape)[lost]
    return Finite(splits, losses, values.reshape(SPLITS, LOSSES, 4))


def _lacking(finite: Finite, values: Real, terms: Real, gain: Real) -> Real:
    """Coefficients, shape (term, 2), of what the table lacks of the logarithms of the gains."""
    table = finite.at((values[:, 0] - values[:, 1]) / 2, values[:, 2])[:, 2:]
    with np.errstate(divide="ignore"):
        missing = np.log(gain * values[:, 4:5]) - table
    out = np.zeros((terms.shape[1], 2))
    for edge in (0, 1):
        sound = np.isfinite(missing[:, edge])
        if sound.sum() > 2 * len(out):
            fitted = np.linalg.lstsq(terms[sound], missing[sound, edge], rcond=1e-10)
            out[:, edge] = fitted[0]
    return out


def _errors(
    made: Response, amounts: Real, truth: ManyModes, held: NDArray[np.int64]
) -> tuple[float, float, float]:
    said = made.predict(amounts[held])
    lost = np.abs(said.lasing_wavelength - truth.lasing("wavelength")[held])
    gain = np.abs(np.log(said.lasing_gain / truth.lasing("gain")[held]))
    wrong = said.gain.argmin(axis=-1) != truth.first[held]
    return float(np.nanmedian(lost)), float(np.nanmedian(gain)), float(wrong.mean())


def _wavelength_slopes(edges: Sequence[Any], moving: Sequence[Cause]) -> Real:
    """Mean dλ of both band edges per unit of each cause, from exact sensitivities."""
    paths = dict.fromkeys(path for one in moving for path in one.moves)
    slope = {
        path: sum(edge.wavelength_sensitivity(path) for edge in edges) / len(edges)
        for path in paths
    }
    return np.array([sum(slope[p] * move for p, move in one.moves.items()) for one in moving])


def _directions(moving: Sequence[Cause], slopes: Real) -> Real:
    """Independent coordinates: the wavelength to first order, and all but the period."""
    paths = dict.fromkeys(path for one in moving for path in one.moves)
    found: list[Real] = []
    for path in paths:
        if path == "grating.period":
            continue
        row = np.array([one.moves.get(path, 0.0) for one in moving])
        row = row / np.abs(row).max()
        if not any(np.allclose(row, other) for other in found):
            found.append(row)
    first = slopes / np.abs(slopes).max()
    matrix = np.array([first, *found]).T
    # causes that move nothing independently add no coordinate
    kept: list[int] = []
    for column in range(matrix.shape[1]):
        if np.linalg.matrix_rank(matrix[:, [*kept, column]], tol=1e-9) > len(kept):
            kept.append(column)
    return matrix[:, kept]


def _exponents(dimensions: int, degree: int) -> tuple[tuple[int, ...], ...]:
    return tuple(
        term
        for order in range(degree + 1)
        for term in combinations_with_replacement(range(dimensions), order)
    )


def _terms(x: Real, exponents: tuple[tuple[int, ...], ...]) -> Real:
    """Monomials, each from one of a lower degree."""
    place = {term: number for number, term in enumerate(exponents)}
    out = np.empty((len(exponents), len(x)))
    columns = np.ascontiguousarray(x.T)
    for number, term in enumerate(exponents):
        out[number] = out[place[term[:-1]]] * columns[term[-1]] if term else 1.0
    return out.T
