r"""The finite laser: which mode lases, at which wavelength, at which gain and pump fluence.

The unit cell gives the coupled waves everything they need: centre $k_c$ and coupling $C$ of the
band edges, group index $n_g$, and their exact derivatives with respect to the material gain $g$ of
the film. Along the cavity (x)

$$ R' = i\Delta R - i\kappa S, \qquad S' = -i\Delta S + i\kappa R, \qquad
   \Delta = n_g (k - k_c(g)), \quad \kappa = n_g C(g) , $$

so radiation and gain coupling are in $\kappa$; radiation, loss and gain in $\mathrm{Im}\,k_c$. The
gain at every x follows the pump spot, through the film model when there is one; film without pump
absorbs. A mode's threshold is the peak gain at which its wavenumber becomes real. Not in here: the
change of film index with carriers, spatial hole burning, heating.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from math import pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, Facet, FacetReflection, Grating
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.gain.film import (
    Film,
    excitons_for_gain,
    material_gain,
    resolve_film,
    threshold_fluence,
    unpumped_absorption,
)
from dfbdesign.solvers.transfer_matrix import (
    Cavity,
    CavityMode,
    Section,
    cold_modes,
    fields,
    threshold_modes,
)
from dfbdesign.solvers.unit_cell import CellModes, modes
from dfbdesign.units import cm

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Origin = Literal["bright", "dark", "guided", "gap"]

SPOT_STEPS = 40
"""Sections a smooth pump spot is cut into."""
FIELD_POINTS = 401
"""Points along the cavity at which the waves are given."""


@dataclass(frozen=True)
class LasingMode:
    """One threshold mode of the finite device."""

    wavelength: float
    """Vacuum wavelength at threshold [µm]."""
    origin: Origin
    """Label of the band edge it comes from; "gap" for a mode inside the stop band."""
    cold_quality_factor: float
    """Q of the finite cavity without gain and without absorption by the film's dots."""
    threshold_material_gain: float
    """Peak material gain of the film at threshold [1/µm]."""
    threshold_modal_gain: float
    """The same times the confinement of the coupled waves [1/µm]."""
    excitons_per_dot: float | None
    """Mean excitons per dot at the peak of the pump; `None` without a film."""
    threshold_fluence: float | None
    """Peak pump fluence [pJ/µm²]; `None` without film and pump."""
    x: Real = field(repr=False, compare=False)
    """Positions along the cavity, shape (point,) [µm]."""
    forward: Complex = field(repr=False, compare=False)
    """Amplitude R of the wave towards +x at threshold, shape (point,)."""
    backward: Complex = field(repr=False, compare=False)
    """Amplitude S of the wave towards -x at threshold, shape (point,)."""


@dataclass(frozen=True)
class Laser:
    """The finite device and all its threshold modes near the target."""

    modes: tuple[LasingMode, ...]
    """Lowest threshold first: the first one lases."""
    cell: CellModes
    """The infinite grating."""
    periods: int
    """Whole number of periods of the grating."""
    length: float
    """Their length, without phase shifts [µm]."""
    film: Film | None
    """The gain film, if the device names one."""


def laser(device: Device) -> Laser:
    """Threshold modes of the finite device near its target.

    Args:
        device: Needs a grating with a length, a target, and a layer with gain. With a film, film
            that is not pumped absorbs; with film and pump, thresholds are fluences too.

    Returns:
        The modes around the stop band, lowest threshold first.

    Raises:
        InputError: If something needed is missing.
        PhysicsError: If there is no mode, or the film cannot give the gain the best mode needs.

    Examples:
        >>> lines = Lines(material=2.30, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines, gain=True),
        ...             Layer(thickness=160 * nm, material=2.53, gain=True)],
        ...     grating=Grating(period=865 * nm, length=500 * um),
        ...     target=Target(wavelength=1670 * nm),
        ... )
        >>> first = laser(device).modes[0]
        >>> print(f"{first.origin}, {first.wavelength / nm:.1f} nm")
        dark, 1674.3 nm
    """
    grating = device.need_grating()
    film = resolve_film(device.film) if device.film is not None else None
    cell = modes(device)
    cavity = _FilmCavity(_waves(cell), _stretches(device, film, cell), film, _facets(device))
    settled = (_settled(cavity, guess) for guess in _guesses(cavity))
    found = [_lasing_mode(device, cavity, gain, mode) for gain, mode in settled]
    found.sort(
        key=lambda mode: (round(mode.threshold_modal_gain * cavity.length, 9), mode.wavelength)
    )
    return Laser(tuple(found), cell, grating.periods, grating.periods * grating.period, film)


@dataclass(frozen=True)
class _Waves:
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


def _waves(cell: CellModes) -> _Waves:
    even, odd = cell.band_edges
    if cell.n_group is None or even.gain_slope is None or odd.gain_slope is None:
        raise InputError("nothing can lase: set gain = true in the layer that carries the gain.")
    return _Waves(
        centre=(even.wavenumber + odd.wavenumber) / 2,
        centre_slope=(even.gain_slope + odd.gain_slope) / 2,
        half_split=(even.wavenumber - odd.wavenumber) / 2,
        half_split_slope=(even.gain_slope - odd.gain_slope) / 2,
        n_group=cell.n_group,
        radiates=even.label == "bright",
    )


@dataclass(frozen=True)
class _Stretch:
    """A stretch of grating under one pump fluence."""

    length: float
    """[µm]"""
    share: float
    """Fluence over its peak value."""
    phase: float
    """Phase of a line-free stretch in front [rad]."""


@dataclass(frozen=True)
class _FilmCavity:
    """The finite device as coupled waves whose gain follows the pump through the film."""

    waves: _Waves
    stretches: tuple[_Stretch, ...]
    film: Film | None
    facets: tuple[complex, complex]

    @property
    def length(self) -> float:
        """Length of all stretches [µm]."""
        return sum(stretch.length for stretch in self.stretches)

    def gains(self, peak: float) -> Real:
        """Material gain of each stretch when the peak of the pump has the given one [1/µm]."""
        shares = np.array([stretch.share for stretch in self.stretches])
        if self.film is None:
            return shares * peak
        if set(shares) <= {0.0, 1.0}:  # no fluence in between: the peak gain may be unreachable
            return np.where(shares == 1, peak, -unpumped_absorption(self.film))
        return material_gain(self.film, shares * excitons_for_gain(self.film, peak))

    def at(self, peak: float) -> Cavity:
        """The cavity, linear in the gain about an expected peak material gain [1/µm]."""
        waves = self.waves
        sections = []
        for stretch, gain in zip(self.stretches, self.gains(peak), strict=True):
            pump = max(float(gain) / peak, 0.0) if peak > 0 else stretch.share
            fixed = float(gain) - pump * peak
            sections.append(
                Section(
                    length=stretch.length,
                    kappa=waves.n_group * (waves.half_split + waves.half_split_slope * gain),
                    detuning=waves.n_group * waves.centre_slope.real * float(gain),
                    gain=waves.confinement * fixed - waves.loss,
                    pump=pump,
                    phase=stretch.phase,
                )
            )
        return Cavity(tuple(sections), *self.facets)

    def transparent(self) -> Cavity:
        """The cavity of a film that neither amplifies nor absorbs."""
        bare = _FilmCavity(self.waves, self.stretches, None, self.facets)
        return bare.at(0.0)

    @property
    def detunings(self) -> tuple[float, float]:
        """The searched window: the stop band and a few modes on either side [1/µm]."""
        reach = self.waves.n_group * abs(self.waves.half_split) + 4 * pi / self.length
        return -1.013 * reach, 1.017 * reach  # unequal: symmetric modes do not sit on an edge


def _guesses(cavity: _FilmCavity) -> list[CavityMode]:
    """The lowest modes of the cavity, linear about a guessed gain."""
    pumped = sum(s.length * s.share for s in cavity.stretches)
    if pumped == 0:
        raise InputError("pump spot does not touch the grating. Make it longer.")
    absorbed = -float(cavity.gains(0.0) @ [s.length for s in cavity.stretches]) / pumped
    start = cavity.waves.loss + cavity.waves.confinement * max(absorbed, 0.0) + 2 / pumped
    peak = start / cavity.waves.confinement
    if cavity.film is not None:
        peak = min(peak, 0.5 * cavity.film.largest_gain)
    for widening in range(5):
        gains = (-0.01 / pumped, 2**widening * (start + 6 / pumped))
        found = threshold_modes(cavity.at(peak), cavity.detunings, gains)
        if len(found) >= 2 or (found and widening == 4):
            return list(found[:6])
    raise NoGuidedMode(
        f"no mode of the finite device lases below a modal gain of {gains[1] * cm:.0f} 1/cm."
    )


def _settled(cavity: _FilmCavity, mode: CavityMode) -> tuple[float, CavityMode]:
    """Peak material gain of a mode and the mode, with the gain profile it lases with itself."""
    gain = mode.gain / cavity.waves.confinement
    for _ in range(30):
        span = 0.5 / cavity.length
        near = threshold_modes(cavity.at(gain), cavity.detunings, (-span, 2 * mode.gain + span))
        mode = min(near, key=lambda m: abs(m.detuning - mode.detuning) + abs(m.gain - mode.gain))
        previous, gain = gain, mode.gain / cavity.waves.confinement
        if abs(gain - previous) <= 1e-9 * abs(gain):
            return gain, mode
    raise NotConverged(
        "the gain profile of a mode did not settle: "
        f"last step {abs(gain - previous) * cm:.1e} 1/cm."
    )


def _lasing_mode(device: Device, cavity: _FilmCavity, gain: float, mode: CavityMode) -> LasingMode:
    waves, film = cavity.waves, cavity.film
    excitons = fluence = None
    if film is not None and gain < film.largest_gain:
        excitons = float(excitons_for_gain(film, gain))
        if device.pump is not None:
            fluence = float(threshold_fluence(film, gain, device.pump.wavelength))
    x = np.linspace(0, cavity.length, FIELD_POINTS)
    forward, backward = fields(cavity.at(gain), mode, x)
    return LasingMode(
        wavelength=2 * pi / (waves.centre.real + mode.detuning.real / waves.n_group),
        origin=mode.edge if waves.radiates or mode.edge == "gap" else "guided",
        cold_quality_factor=_cold_quality_factor(cavity, mode),
        threshold_material_gain=gain,
        threshold_modal_gain=mode.gain,
        excitons_per_dot=excitons,
        threshold_fluence=fluence,
        x=x,
        forward=forward,
        backward=backward,
    )


def _cold_quality_factor(cavity: _FilmCavity, mode: CavityMode) -> float:
    waves = cavity.waves
    decay = mode.gain + waves.loss + 2 / cavity.length
    found = cold_modes(cavity.transparent(), cavity.detunings, decay)
    cold = min(found, key=lambda m: abs(m.detuning.real - mode.detuning.real))
    wavenumber = waves.centre.real + cold.detuning / waves.n_group
    return -wavenumber.real / (2 * wavenumber.imag)


def _stretches(device: Device, film: Film | None, cell: CellModes) -> tuple[_Stretch, ...]:
    """The grating cut at phase shifts and where the pump changes."""
    grating = device.need_grating()
    length = grating.periods * grating.period
    shifts = {
        round(shift.position * grating.periods) * grating.period: shift.shift
        for shift in grating.phase_shifts
    }
    edges = sorted({0.0, length, *_spot_edges(device, length), *shifts})
    middles = np.array([(begin + end) / 2 for begin, end in pairwise(edges)])
    shares = _fluence_share(device, length, middles)
    turn = pi * grating.order / grating.period
    pieces = [
        _Stretch(end - begin, float(share), turn * shifts.get(begin, 0.0))
        for (begin, end), share in zip(pairwise(edges), shares, strict=True)
        if end > begin
    ]
    left, right = grating.facets.left, grating.facets.right
    if "unpumped" in (left, right):
        dark = _Stretch(_unpumped_length(film, cell), 0.0, 0.0)
        pieces = [dark] * (left == "unpumped") + pieces + [dark] * (right == "unpumped")
    return tuple(pieces)


def _unpumped_length(film: Film | None, cell: CellModes) -> float:
    """Length after which an unpumped continuation is as good as endless [µm]."""
    absorption = unpumped_absorption(film) if film is not None else 0.0
    if absorption <= 0:
        raise InputError('facets "unpumped" need a [film] that absorbs without pump.')
    confinement = cell.modes[0].confinement
    return 30 / (absorption * confinement) if confinement else 0.0


def _spot_edges(device: Device, length: float) -> list[float]:
    """Where the pump fluence changes, within the grating [µm]."""
    spot = device.pump.spot if device.pump is not None else None
    if spot is None or spot.length is None or spot.shape == "uniform":
        return []
    reach = spot.length if spot.shape == "gaussian" else spot.length / 2
    low, high = max(length / 2 - reach, 0.0), min(length / 2 + reach, length)
    steps = 1 if spot.shape == "stripe" else SPOT_STEPS
    return [float(edge) for edge in np.linspace(low, high, steps + 1)]


def _fluence_share(device: Device, length: float, x: Real) -> Real:
    """Pump fluence over its peak; a round spot is averaged over the width of the lines."""
    spot = device.pump.spot if device.pump is not None else None
    if spot is None or spot.length is None or spot.shape == "uniform":
        return np.ones_like(x)
    offset, radius = np.abs(x - length / 2), spot.length / 2
    if spot.shape == "stripe":
        return np.where(offset < radius, 1.0, 0.0)
    if spot.shape == "gaussian":
        return np.exp(-2 * (offset / radius) ** 2)
    chord = 2 * np.sqrt(np.maximum(radius**2 - offset**2, 0.0))
    width = device.need_grating().width or spot.length
    return np.minimum(chord / width, 1.0)


def _facets(device: Device) -> tuple[complex, complex]:
    """Amplitude reflections, referred to the middle of a gap, where a period ends."""
    grating = device.need_grating()
    facets = grating.facets
    return _facet(device, grating, facets.left), _facet(device, grating, facets.right)


def _facet(device: Device, grating: Grating, facet: Facet) -> complex:
    # Half a period from a line, a wave of odd order has turned by a quarter of its round trip.
    sign = -1 if grating.order % 2 else 1
    if isinstance(facet, FacetReflection):
        return sign * complex(*facet.reflection)
    if facet == "cleaved":
        n_eff = grating.order * device.need_target().wavelength / (2 * grating.period)
        return complex(sign * (n_eff - 1) / (n_eff + 1))
    return 0j
