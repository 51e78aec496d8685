r"""The coupled waves of a finite, pumped device, as the unit cell and the film make them.

Along the cavity (x) the waves R (towards +x) and S obey

$$ R' = i\Delta R - i\kappa S, \qquad S' = -i\Delta S + i\kappa R, \qquad
   \Delta = n_g (k - k_c(g)), \quad \kappa = n_g C(g) , $$

with the centre $k_c$ and half the split $C$ of the two band edges, both linear in the material gain
$g$ of the film (exact derivatives), and the group index $n_g$. So radiation and gain coupling are
in $\kappa$; radiation, loss and gain in $\mathrm{Im}\,k_c$. The gain at every x follows the pump
spot through the film model; film without pump absorbs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, Facet, FacetReflection, Grating
from dfbdesign.errors import InputError
from dfbdesign.gain.film import Film, excitons_for_gain, material_gain, unpumped_absorption
from dfbdesign.solvers.transfer_matrix import Cavity, Section
from dfbdesign.solvers.unit_cell import CellModes

Real = NDArray[np.float64]

SPOT_STEPS = 40
"""Sections a smooth pump spot is cut into."""


@dataclass(frozen=True)
class Waves:
    """The coupled waves of the unit cell, linear in the material gain g of the film."""

    centre: complex
    centre_slope: complex
    half_split: complex
    half_split_slope: complex
    n_group: float
    radiates: bool

    @property
    def confinement(self) -> float:
        """Modal over material gain of a running wave."""
        return 2 * self.n_group * self.centre_slope.imag

    @property
    def loss(self) -> float:
        """Power loss of a running wave without gain [1/µm]."""
        return -2 * self.n_group * self.centre.imag


def waves_of(cell: CellModes) -> Waves:
    """The coupled waves of a unit cell.

    Args:
        cell: Band edges of the infinite grating.

    Returns:
        Centre, split and their gain derivatives.

    Raises:
        InputError: If no layer carries gain.
        NoGuidedMode: If the cell has no pair of band edges.
    """
    even, odd = cell.band_edges
    if cell.n_group is None or even.gain_slope is None or odd.gain_slope is None:
        raise InputError("nothing can lase: set gain = true in the layer that carries the gain.")
    if even.gain_slope.imag + odd.gain_slope.imag <= 0:
        raise InputError("the light does not reach the gain: give the gain layer more thickness.")
    return Waves(
        centre=(even.wavenumber + odd.wavenumber) / 2,
        centre_slope=(even.gain_slope + odd.gain_slope) / 2,
        half_split=(even.wavenumber - odd.wavenumber) / 2,
        half_split_slope=(even.gain_slope - odd.gain_slope) / 2,
        n_group=cell.n_group,
        radiates=even.label == "bright",
    )


@dataclass(frozen=True)
class Stretch:
    """A stretch of grating under one pump fluence."""

    length: float
    """[µm]"""
    fluence: float
    """Pump fluence over its peak value."""
    filling: float
    """Part of the width of the lines that the pump covers."""
    phase: float
    """Phase of a line-free stretch in front [rad]."""


@dataclass(frozen=True)
class FilmCavity:
    """The finite device as coupled waves whose gain follows the pump through the film."""

    waves: Waves
    stretches: tuple[Stretch, ...]
    film: Film | None
    facets: tuple[complex, complex]

    @property
    def length(self) -> float:
        """Length of all stretches [µm]."""
        return sum(stretch.length for stretch in self.stretches)

    @property
    def pumped_length(self) -> float:
        """Length that the pump would have at its peak fluence [µm]."""
        pumped = sum(part.length * part.fluence * part.filling for part in self.stretches)
        if pumped == 0:
            raise InputError("pump spot does not touch the grating. Make it longer.")
        return pumped

    def gains(self, peak: float) -> tuple[Real, Real]:
        """Material gain of each stretch, and its derivative, against the gain at the pump's peak.

        Args:
            peak: Material gain at the peak of the pump [1/µm].

        Returns:
            Gain of each stretch [1/µm], and d(gain)/d(peak), shape (stretch,) each.
        """
        fluence = np.array([stretch.fluence for stretch in self.stretches])
        filling = np.array([stretch.filling for stretch in self.stretches])
        if self.film is None:
            return filling * fluence * peak, filling * fluence
        pumped, slope = np.full_like(fluence, peak), np.ones_like(fluence)
        if (fluence != 1).any():
            step = 1e-4 * self.film.largest_gain
            excitons = excitons_for_gain(self.film, peak + step * np.array([-1.0, 0.0, 1.0]))
            low, pumped, high = material_gain(self.film, np.multiply.outer(excitons, fluence))
            slope = (high - low) / (2 * step)
        return filling * pumped - (1 - filling) * unpumped_absorption(self.film), filling * slope

    @property
    def reach(self) -> float:
        """Largest peak material gain that the film is asked for [1/µm]."""
        return inf if self.film is None else 0.999 * self.film.largest_gain

    @property
    def core(self) -> "FilmCavity":
        """The same without film at the ends that no light comes back from."""
        depth = inf if self.film is None else _unpumped_depth(self.film, self.waves)
        parts, facets = list(self.stretches), list(self.facets)
        for end in (0, -1):
            if parts[end].fluence * parts[end].filling < 1e-6 and parts[end].length > depth:
                parts[end], facets[end] = replace(parts[end], length=depth), 0
        return replace(self, stretches=tuple(parts), facets=(facets[0], facets[1]))

    def at(self, peak: float) -> Cavity:
        """The cavity, linear in the gain about an expected peak material gain [1/µm]."""
        return self._linear(zip(self.stretches, *self.gains(peak), strict=True), peak)

    def frozen(self, gains: Real) -> Cavity:
        """The cavity with a fixed material gain in each stretch, shape (stretch,) [1/µm]."""
        fixed = zip(self.stretches, gains, np.zeros_like(gains), strict=True)
        return self._linear(fixed, peak=0.0)

    def _linear(self, parts: Iterable[tuple[Stretch, float, float]], peak: float) -> Cavity:
        waves = self.waves
        sections = tuple(
            Section(
                length=stretch.length,
                kappa=waves.n_group * (waves.half_split + waves.half_split_slope * gain),
                detuning=waves.n_group * waves.centre_slope.real * float(gain),
                gain=waves.confinement * float(gain - slope * peak) - waves.loss,
                pump=float(slope),
                phase=stretch.phase,
            )
            for stretch, gain, slope in parts
        )
        return Cavity(sections, *self.facets)

    @property
    def detunings(self) -> tuple[float, float]:
        """The searched window: the stop band and a few modes on either side [1/µm]."""
        spot = self.length
        if (
            self.film is not None
        ):  # modes of a spot in absorbing film are as wide apart as it is short
            square = sum(
                part.length * (part.fluence * part.filling) ** 2 for part in self.stretches
            )
            spot = min(spot, 2 * self.pumped_length**2 / square)
        reach = self.waves.n_group * abs(self.waves.half_split) + 4 * pi / spot
        return -1.013 * reach, 1.017 * reach  # unequal: symmetric modes do not sit on an edge


def stretches_of(device: Device, film: Film | None, waves: Waves) -> tuple[Stretch, ...]:
    """The grating cut at phase shifts and where the pump changes."""
    grating = device.need_grating()
    length = grating.periods * grating.period
    shifts = _shifts(grating)
    edges = sorted({0.0, length, *_spot_edges(device, length), *shifts})
    middles = np.array([(begin + end) / 2 for begin, end in pairwise(edges)])
    pieces = [
        Stretch(end - begin, float(fluence), float(filling), shifts.get(begin, 0.0))
        for (begin, end), fluence, filling in zip(
            pairwise(edges), *_spot(device, length, middles), strict=True
        )
    ]
    left, right = grating.facets.left, grating.facets.right
    if "unpumped" in (left, right):
        dark = Stretch(_unpumped_length(film, waves, length), 1.0, 0.0, 0.0)
        behind = replace(dark, phase=shifts.get(length, 0.0))
        pieces = [dark] * (left == "unpumped") + pieces + [behind] * (right == "unpumped")
    return tuple(pieces)


def _shifts(grating: Grating) -> dict[float, float]:
    """One-way phase of the line-free stretches, by their place in the grating [rad]."""
    found: dict[float, float] = {}
    for shift in grating.phase_shifts:
        place = round(shift.position * grating.periods) * grating.period
        found[place] = found.get(place, 0.0) + pi * grating.order / grating.period * shift.shift
    return found


def _unpumped_length(film: Film | None, waves: Waves, length: float) -> float:
    """Length after which an unpumped continuation is as good as endless [µm]."""
    depth = inf if film is None else _unpumped_depth(film, waves)
    if depth > 50 * length:
        raise InputError(
            'facets "unpumped" need a [film] that absorbs without pump: here modes would reach '
            f"further than 50 times the length of the grating, {length:g} um."
        )
    return depth


def _unpumped_depth(film: Film, waves: Waves) -> float:
    """Length of unpumped film after which an amplitude, there and back, is exp(-16) [µm]."""
    absorption = waves.confinement * unpumped_absorption(film)
    return 16 / absorption if absorption > 0 else inf


def _spot_edges(device: Device, length: float) -> list[float]:
    """Where the pump fluence changes, within the grating [µm]."""
    spot = device.pump.spot if device.pump is not None else None
    if spot is None or spot.length is None or spot.shape == "uniform":
        return []
    reach = spot.length if spot.shape == "gaussian" else spot.length / 2
    low, high = max(length / 2 - reach, 0.0), min(length / 2 + reach, length)
    steps = 1 if spot.shape == "stripe" else SPOT_STEPS
    return [float(edge) for edge in np.linspace(low, high, steps + 1)]


def _spot(device: Device, length: float, x: Real) -> tuple[Real, Real]:
    """Pump fluence over its peak, and the part of the lines' width that is pumped, at every x."""
    spot = device.pump.spot if device.pump is not None else None
    everywhere = np.ones_like(x)
    if spot is None or spot.length is None or spot.shape == "uniform":
        return everywhere, everywhere
    offset, radius = np.abs(x - length / 2), spot.length / 2
    if spot.shape == "stripe":
        return everywhere, np.where(offset < radius, 1.0, 0.0)
    if spot.shape == "gaussian":
        return np.exp(-2 * (offset / radius) ** 2), everywhere
    chord = 2 * np.sqrt(np.maximum(radius**2 - offset**2, 0.0))
    width = device.need_grating().width or spot.length
    return everywhere, np.minimum(chord / width, 1.0)


def facets_of(device: Device) -> tuple[complex, complex]:
    """Amplitude reflections, referred to the middle of a gap, where a period ends."""
    grating = device.need_grating()
    facets, shifts = grating.facets, _shifts(grating)
    right = _facet(device, grating, facets.right)
    # A line-free stretch at the right end lies behind the last section: it turns what comes back.
    turn = np.exp(2j * shifts.get(grating.periods * grating.period, 0.0))
    return _facet(device, grating, facets.left), complex(right * turn)


def _facet(device: Device, grating: Grating, facet: Facet) -> complex:
    # Half a period from a line, a wave of odd order has turned by a quarter of its round trip.
    sign = -1 if grating.order % 2 else 1
    if isinstance(facet, FacetReflection):
        return sign * complex(*facet.reflection)
    if facet == "cleaved":
        n_eff = grating.order * device.need_target().wavelength / (2 * grating.period)
        return complex(sign * (n_eff - 1) / (n_eff + 1))
    return 0j
