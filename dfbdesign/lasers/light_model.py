"""The rate equations of a device: its threshold modes, its pumped film, and what joins them.

The film is cut into parts: along x, where pump or mode change (`dfbdesign.lasers.overlap`), and
over its depth, where the pump light and the mode fall off.

Assumed: one lateral mode, even along the lines; light and excitons averaged over the standing wave;
the mode keeps its shape at threshold; excitons stay where they are made.
"""

from dataclasses import dataclass, replace
from math import inf, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, Layer, Pump
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.dots import doping_weights
from dfbdesign.gain.film import Film
from dfbdesign.gain.kinetics import steady_state
from dfbdesign.gain.pump import PumpAbsorption, dots_per_area
from dfbdesign.gain.rates import Rates, auger_rate
from dfbdesign.lasers.laser import Laser, LasingMode, laser
from dfbdesign.lasers.overlap import Overlap, overlap, pieces_of
from dfbdesign.lasers.pumping import pumping
from dfbdesign.lasers.rate_equations import RateModel
from dfbdesign.solvers.cell_radiation import cell_radiation
from dfbdesign.solvers.unit_cell import CellModes
from dfbdesign.units import SPEED_OF_LIGHT, nm, photon_energy

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

PARTS_ALONG = 4
"""Parts of a grating under an even pump."""
PARTS_DEEP = 4
"""Depths of a film, by Gauss's rule."""
EMISSION_WIDTH = 85 * nm
"""Measured width of the photoluminescence of the published films (Taghipour et al. 2023)."""


@dataclass(frozen=True, eq=False)
class LightModel:
    """A device as its rate equations see it."""

    laser: Laser
    """The finite device, whose modes compete."""
    film: Film
    """Its gain film."""
    pump: Pump
    """Its pump."""
    recombination: Rates
    """How excitons recombine."""
    rates: RateModel
    """The rate equations; a level of one is one exciton per dot, in the mean over the depth, where
    the pump is strongest."""
    slope: Complex
    """Change of a mode's wavenumber with the inversion of a part, shape (mode, part) [1/µm]."""
    overlaps: tuple[Overlap, ...]
    """Of each mode with the pieces along x."""
    fluence: float
    """Incident fluence at the pump's peak that makes one exciton per dot there [pJ/µm²]."""

    @property
    def modes(self) -> tuple[LasingMode, ...]:
        """The competing modes, lowest threshold first."""
        return self.laser.modes

    @property
    def shares(self) -> Real:
        """Of the light that leaves each mode: up, down, sideways, absorbed; shape (mode, 4)."""
        return np.array([one.shares for one in self.overlaps])

    @property
    def spontaneous_factor(self) -> Real:
        r"""Share of the film's spontaneous emission that each mode takes, shape (mode).

        What one photon in the mode stimulates, over $8\pi n^2 c\,\Delta\lambda/\lambda^4$ times
        what it would per volume: all modes of a medium of index n under a Gaussian line
        $\Delta\lambda$ = 85 nm wide, with the area of its line (Füchtbauer and Ladenburg; D. E.
        McCumber, Phys. Rev. 136, A954 (1964)). Assumed: an evenly excited film, far from surfaces.
        """
        device = self.laser.cell.modes[0].device
        material = next(layer.material for layer in device.layers if layer.gain)
        wavelength = np.array([one.wavelength for one in self.modes])
        index = np.array([complex(material.index(one)).real for one in wavelength])
        width = EMISSION_WIDTH * sqrt(pi / log(16))
        density = self.film.packing_fraction / (pi * self.film.dot_diameter**3 / 6)
        section = self.film.band_edge_absorption / density
        everywhere = 8 * pi * index**2 * SPEED_OF_LIGHT * section * width / wavelength**4
        into = self.rates.excess * (self.rates.coupling @ self.rates.dots)
        return np.asarray(into / (everywhere * self.rates.dots.sum()))

    @property
    def energies(self) -> Real:
        """Photon energy of each mode, shape (mode) [pJ]."""
        return np.array([photon_energy(one.wavelength) for one in self.modes])

    def with_room(self, excitons: float) -> "LightModel":
        """The same with states for a pump level.

        Args:
            excitons: Mean excitons per dot where the pump is strongest.

        Returns:
            The model.
        """
        most = excitons * max(float(self.rates.filling.max()), 1.0)
        tables = _tables(self.film, self.recombination, most)
        return replace(self, rates=replace(self.rates, **tables))

    def with_enhancement(self, linewidth_enhancement: float) -> "LightModel":
        """The same with an index that follows the gain.

        Args:
            linewidth_enhancement: Minus the change of the film's index over that of its extinction.

        Returns:
            The model.
        """
        turned = SPEED_OF_LIGHT * (1 - 1j * linewidth_enhancement)
        threshold = np.array([one.threshold for one in self.overlaps])
        return replace(
            self,
            rates=replace(
                self.rates,
                pull=(turned * self.slope).real,
                frequency=(turned * threshold).real,
            ),
        )

    def static_growth(self, excitons: Real) -> Real:
        """Growth of each mode where a pulse has filled the dots at random.

        Args:
            excitons: Mean excitons per dot at the peak of the pump, shape (level).

        Returns:
            Growth rate without any light yet, shape (level, mode) [1/ps].
        """
        from scipy.special import gammaln, xlogy

        mean = np.multiply.outer(np.asarray(excitons, float), self.rates.filling)
        n = np.arange(self.rates.states)
        poisson = np.exp(xlogy(n, mean[..., None]) - mean[..., None] - gammaln(n + 1))
        net = self.rates.weights @ (self.rates.emission - self.rates.absorption)
        beyond = np.maximum(1 - poisson.sum(axis=-1), 0) * net[-1]
        return np.asarray((poisson @ net + beyond) @ self.rates.gain.T - self.rates.loss)

    def steady_growth(self, rate: float) -> Real:
        """Growth of each mode under continuous pump light, before there is any light.

        Args:
            rate: Mean excitons per dot and time that the pump makes where it is strongest [1/ps].

        Returns:
            Growth rate with the populations of the long run, shape (mode) [1/ps].
        """
        found = steady_state(self.film.dots, self.recombination, rate * self.rates.filling)
        return np.asarray(self.rates.gain @ found.inversion[..., 0] - self.rates.loss)

    def static_threshold(self, mode: int = 0, continuous: bool = False) -> float:
        """Pump at which a mode starts to grow, without light so far.

        Args:
            mode: Which one.
            continuous: Whether the pump light is continuous, else a pulse that is over.

        Returns:
            Mean excitons per dot that a pulse has made, or that continuous light makes per time
            [1/ps], where the pump is strongest.

        Raises:
            PhysicsError: If the pump cannot make it grow.
        """
        from scipy.optimize import brentq

        def growth(log_pump: float) -> float:
            pump = float(np.exp(log_pump))
            if continuous:
                return float(self.steady_growth(pump)[mode])
            return float(self.static_growth(np.array([pump]))[0, mode])

        high = float(np.log(1e-6))
        while growth(high) < 0:
            high += 1
            if high > np.log(1000):
                raise PhysicsError(
                    "no pump makes this mode grow: too little of the film is pumped."
                )
        return float(np.exp(brentq(growth, high - 1, high, xtol=1e-13)))


def light_model(
    device: Device,
    rates: Rates,
    loss: float = 0.0,
    *,
    along: int = PARTS_ALONG,
    deep: int = PARTS_DEEP,
) -> LightModel:
    """The rate equations of a device.

    Args:
        device: Needs a grating with length and width, a target, a film and a pump.
        rates: How excitons recombine.
        loss: Loss of the guided light beside the dots' absorption [1/µm].
        along: Pieces along x of a grating under an even pump.
        deep: Depths, by Gauss's rule.

    Returns:
        The rate equations of the modes that can lase; make room for the pump before using them.

    Raises:
        InputError: If something is missing.
        PhysicsError: If nothing lases.
    """
    width, pump = device.need_grating().width, device.pump
    if width is None or pump is None:
        raise InputError(
            'light needs a [pump] and the length of the lines: give the grating width = "500 um".'
        )
    within("loss (in 1/um)", loss, 0, inf)
    pumped, solved = pumping(device), laser(device)
    film = pumped.film
    pieces, shares = pieces_of(solved, along), cell_radiation(solved.cell).shares
    overlaps = tuple(overlap(mode, pieces, shares, loss) for mode in solved.modes)
    volume, light, seen = _depth(solved, pumped.light, deep)
    density = dots_per_area(film.thickness, film.dot_diameter, film.packing_fraction)
    density /= film.thickness
    # a piece whose lines are pumped over part of their width holds two kinds of dots
    kind = np.concatenate([pieces.filling, 1 - pieces.filling])
    dots = density * width * np.multiply.outer(np.tile(pieces.length, 2) * kind, volume).ravel()
    filling = np.multiply.outer(np.r_[pieces.fluence, 0 * pieces.fluence], light).ravel()

    def spread(values: list[Complex] | list[Real]) -> Complex:
        strength = np.multiply.outer(kind, film.band_edge_absorption * seen)
        each = np.tile(np.array(values), 2)[..., None] * strength
        return np.asarray(each.reshape(len(values), -1)[:, dots > 0], complex)

    held = dots[dots > 0]
    coupling = spread([one.given for one in overlaps]).real / held
    dots, filling, coupling, slope = _merged(
        held, filling[dots > 0], coupling, spread([one.slope for one in overlaps])
    )
    model = LightModel(
        laser=solved,
        film=film,
        pump=pump,
        recombination=rates,
        rates=_rate_model(_tables(film, rates, 1.0), (dots, filling, coupling, slope), overlaps),
        slope=slope,
        overlaps=overlaps,
        fluence=density * volume.sum() * photon_energy(pump.wavelength) / pumped.light.film,
    )
    return model.with_enhancement(0.0)


def _rate_model(
    tables: dict[str, Real],
    parts: tuple[Real, Real, Real, Complex],
    overlaps: tuple[Overlap, ...],
) -> RateModel:
    """Rate equations of dots, filling, coupling and slope of the parts; the index stays."""
    dots, filling, coupling, slope = parts
    loss = [2 * SPEED_OF_LIGHT * one.threshold.imag + one.scattered for one in overlaps]
    return RateModel(
        **tables,
        dots=dots,
        filling=filling,
        coupling=coupling,
        gain=2 * SPEED_OF_LIGHT * slope.imag,
        pull=np.zeros_like(coupling),
        loss=np.array(loss),
        frequency=np.zeros(len(overlaps)),
        excess=np.array([one.excess for one in overlaps]),
    )


def _depth(solved: Laser, light: PumpAbsorption, deep: int) -> tuple[Real, Real, Real]:
    """Depths by Gauss's rule in volume: volume per area [µm], relative pump, share of the mode."""
    node, weight = np.polynomial.legendre.leggauss(deep)
    fill = np.array(light.fill)[:, None]
    steps = np.diff(light.height, axis=1) * fill
    inside = fill[:, 0] > 0
    below = np.cumsum(np.c_[np.r_[0, steps.sum(axis=1).cumsum()[:-1]], steps], axis=1)[inside]
    total = float(steps.sum())
    place = (node + 1) / 2 * total

    def at(values: Real) -> Real:
        found = weight / 2 * np.interp(place, below.ravel(), values[inside].ravel())
        return np.asarray(found / found.sum())

    pump = at(light.relative_density) / (weight / 2)
    return weight / 2 * total, pump, at(_intensity(solved.cell, light.height))


def _intensity(cell: CellModes, height: Real) -> Real:
    """Squared electric field of both band edges in the film, per volume; shape of the heights."""
    device = cell.modes[0].device
    period = device.need_grating().period
    place = (np.arange(64) + 0.5) / 64 - 0.5
    found = np.zeros(height.shape)
    for edge in cell.band_edges:
        for number, (layer, z) in enumerate(zip(device.layers, height, strict=True)):
            inside = _has_gain(layer, place)
            if inside.any():
                inner = z[0] + (z - z[0]) * (1 - 1e-9)  # on this side of the interfaces
                squares = np.sum(
                    np.abs(edge.fields(period * place[inside], inner).electric) ** 2, 0
                )
                found[number] += squares.mean(axis=1)
    return found


def _has_gain(layer: Layer, place: Real) -> NDArray[np.bool_]:
    """Whether there is gain at places of the period, counted from the line's centre."""
    if layer.lines is None:
        return np.full(place.shape, layer.gain)
    return np.where(np.abs(place) < layer.lines.duty / 2, layer.lines.gain, layer.gain)


def _merged(
    dots: Real, filling: Real, coupling: Real, slope: Complex
) -> tuple[Real, Real, Real, Complex]:
    """Parts in which everything is the same, taken together: the halves of a symmetric device."""
    each = np.vstack([filling, coupling, (slope / dots).real, (slope / dots).imag])
    size = np.abs(each).max(axis=1, keepdims=True)
    rounded = np.round(each / np.where(size > 0, size, 1), 9)
    _, first, own = np.unique(rounded, axis=1, return_index=True, return_inverse=True)
    together = (own.ravel() == np.arange(len(first))[:, None]).astype(float)
    return together @ dots, filling[first], coupling[:, first], slope @ together.T


def _tables(film: Film, rates: Rates, most: float) -> dict[str, Real]:
    """Rates of the states of a dot, with room for a Poisson distribution about a mean."""
    from scipy.special import gammainc

    numbers = np.arange(1, int(most + 9 * np.sqrt(most)) + 30)
    states = max(int(np.argmax(gammainc(numbers, most) < 1e-10)), film.degeneracy) + 2
    weights, g = doping_weights(film.dots), film.degeneracy
    doping, n = np.flatnonzero(weights), np.arange(float(states))
    electrons, holes = n + doping[:, None], np.broadcast_to(n, (len(doping), states))
    e, h = np.minimum(electrons, g), np.minimum(holes, g)
    return {
        "weights": weights[doping],
        "emission": e * h / g**2 / film.absorption_over_emission,
        "absorption": (g - e) * (g - h) / g**2,
        "auger": auger_rate(electrons, holes, rates),
        "trapping": holes / rates.trapping_lifetime,
        "radiation": e * h / rates.radiative_lifetime,
    }
