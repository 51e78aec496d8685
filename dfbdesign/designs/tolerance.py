"""How far a device will be from what was meant: by exact sensitivities, and by solving many.

The sensitivities are the unit cell's exact derivatives of both band edges; what follows in the
finite device is differentiated along them. The Monte Carlo method solves every device anew.
Where the two standard deviations differ by more than 5 %, first order is not enough.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.designs.spread import Cause, Spread, causes, shifted, steady
from dfbdesign.designs.swept import fluences, many_modes, solved_edges, waves_of_edges
from dfbdesign.device import Device
from dfbdesign.lasers.laser import Laser, laser
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.unit_cell import BandEdges

Real = NDArray[np.floating[Any]]

AGREEMENT = 0.05
"""Largest relative difference of the two standard deviations that counts as equal."""
STEP = 0.02
"""Step of the causes for derivatives of the finite device [standard deviations]."""


@dataclass(frozen=True)
class Quantity:
    """How one result of the device spreads."""

    name: str
    """What it is; wavelengths in µm, gains in 1/µm, fluences in pJ/µm²."""
    nominal: float
    linear: float
    """Standard deviation by sensitivities."""
    exact: float
    """Standard deviation of the solved devices."""
    exact_error: float
    """Its standard error from their number, as for a normal distribution."""
    median: float
    low: float
    """Fifth percentile."""
    high: float
    """95th percentile."""
    slopes: Real
    """Change for one standard deviation of each cause, shape (cause,)."""

    @property
    def is_linear(self) -> bool:
        """Whether both standard deviations are equal within 5 %."""
        return abs(self.linear - self.exact) <= AGREEMENT * self.exact

    @property
    def shares(self) -> Real:
        """Part of the variance, to first order, that each cause brings, shape (cause,)."""
        return np.asarray(self.slopes**2 / max(float((self.slopes**2).sum()), 1e-300))


@dataclass(frozen=True)
class Tolerance:
    """The spread of a device."""

    causes: tuple[Cause, ...]
    quantities: tuple[Quantity, ...]
    """Both band edges, then the finite laser."""
    origins: dict[str, float]
    """Probability that the mode next to each band edge lases first."""
    samples: int
    """Devices solved."""
    unsolved: int
    """Of them without a pair of band edges or without a mode at threshold; they are left out."""
    amounts: Real
    """Of the causes, in standard deviations, shape (sample, cause)."""
    wavelength: Real
    """Of the mode that lases first, shape (sample,); nan for unsolved devices [µm]."""

    def quantity(self, name: str) -> Quantity:
        """One of the quantities by its name."""
        return next(one for one in self.quantities if one.name == name)


def tolerance(
    device: Device, spread: Spread, samples: int = 1000, workers: int = 1, seed: int = 0
) -> Tolerance:
    """How wavelength, Q, threshold and lasing mode of a finite device spread.

    Args:
        device: Needs a grating with a length, a target and a layer with gain.
        spread: What is not known.
        samples: Devices to solve.
        workers: Processes to share the work.
        seed: Of the random numbers.

    Returns:
        The spread of every quantity by both methods, and what causes it.

    Raises:
        InputError: If something needed is missing, or nothing is uncertain.
        PhysicsError: If the nominal device does not lase.

    Examples:
        >>> from dfbdesign.device import Grating, Layer, Lines, Target
        >>> from dfbdesign.units import nm, um
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, gain=True,
        ...                   lines=Lines(material=2.30, duty=0.3)),
        ...             Layer(thickness=160 * nm, material=2.53, gain=True)],
        ...     grating=Grating(period=865 * nm, length=500 * um),
        ...     target=Target(wavelength=1670 * nm),
        ... )
        >>> found = tolerance(device, Spread(film_index=0.002, film_thickness=1 * nm), 50)
        >>> wavelength = found.quantity("wavelength")
        >>> found.causes[int(np.argmax(wavelength.shares))].name
        'film thickness'
    """
    within("samples", samples, 20, 1_000_000)
    device = steady(device)
    found, nominal = causes(device, spread), laser(device)
    amounts = np.random.default_rng(seed).standard_normal((samples, len(found)))
    names, at_nominal, slopes = _derivatives(device, nominal, found)
    edges = solved_edges(device, shifted(device, found, amounts), workers)
    values, first = _results(device, nominal, edges)
    good = np.isfinite(values).all(axis=1)
    quantities = tuple(
        _quantity(name, at_nominal[i], slopes[i], values[good, i]) for i, name in enumerate(names)
    )
    even, odd = (edge.label for edge in nominal.cell.band_edges)
    origins = ("even edge", "odd edge") if even == odd else (str(even), str(odd))
    shares = np.bincount(first[good], minlength=2) / max(good.sum(), 1)
    return Tolerance(
        found, quantities, dict(zip(origins, map(float, shares), strict=True)),
        samples, int((~good).sum()), amounts, values[:, 2],
    )  # fmt: skip


def _quantity(name: str, nominal: float, slopes: Real, values: Real) -> Quantity:
    low, median, high = np.percentile(values, [5, 50, 95])
    linear = float(np.sqrt((slopes**2).sum()))
    exact = float(values.std(ddof=1))
    error = exact / float(np.sqrt(2 * (len(values) - 1)))
    return Quantity(name, nominal, linear, exact, error, median, low, high, slopes)


def _names(device: Device, nominal: Laser) -> list[str]:
    even, odd = (edge.label for edge in nominal.cell.band_edges)
    edges = ["even edge", "odd edge"] if even == odd else [f"{even} edge", f"{odd} edge"]
    fluence = nominal.modes[0].threshold_fluence is not None
    finite = ["wavelength", "quality factor", "threshold gain"]
    return [*edges, *finite] + ["threshold fluence"] * fluence


def _results(device: Device, nominal: Laser, edges: BandEdges) -> tuple[Real, NDArray[np.int64]]:
    """Quantities in the order of their names, shape (device, quantity), and the first mode."""
    modes = many_modes(nominal, waves_of_edges(edges))
    gain = modes.lasing("gain")
    columns = [
        *edges.wavelength.T,
        modes.lasing("wavelength"),
        modes.lasing("quality_factor"),
        gain,
    ]
    if nominal.modes[0].threshold_fluence is not None and device.pump is not None:
        columns.append(fluences(nominal.film, device.pump.wavelength, gain))
    return np.stack(columns, axis=1), modes.first


def _derivatives(
    device: Device, nominal: Laser, found: tuple[Cause, ...]
) -> tuple[list[str], list[float], Real]:
    """Names, nominal values and slopes per standard deviation, shape (quantity, cause)."""
    count = len(found)
    steps = STEP * np.concatenate([np.zeros((1, count)), np.eye(count), -np.eye(count)])
    edges = solved_edges(device, shifted(device, found, steps))
    pair = nominal.cell.band_edges
    exact = np.array([[_move(edge, one) for edge in pair] for one in found])
    # the edges move by exact derivatives; group index and gain overlap by differences
    start = np.array([edge.wavenumber for edge in pair])
    edges.wavenumber[:] = start + steps @ exact
    values, first = _results(device, nominal, edges)
    values = np.where((first == first[0])[:, None], values, np.nan)
    slopes = (values[1 : count + 1] - values[count + 1 :]) / (2 * STEP)
    return _names(device, nominal), [float(one) for one in values[0]], slopes.T


def _move(edge: CellMode, cause: Cause) -> complex:
    return complex(sum(edge.sensitivity(path) * move for path, move in cause.moves.items()))
