"""The finite laser: which mode lases, at which wavelength, at which gain and pump fluence.

A mode's threshold is the gain of the film at the peak of the pump at which its wavenumber becomes
real, in the coupled waves of `cavity`; the film model turns that gain into excitons per dot and
pump fluence. All modes of the linearised cavity are found at once; each is then followed to the
gain profile it lases with itself. One that meets another on the way, where both vanish, is a mode
of the linearised cavity alone. Not in here: the change of film index with carriers, spatial hole
burning, heating.
"""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from math import inf, pi
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged, PhysicsError
from dfbdesign.gain.film import Film, excitons_for_gain, resolve_film, threshold_fluence
from dfbdesign.lasers.cavity import FilmCavity, film_cavity
from dfbdesign.lasers.waves import waves_of
from dfbdesign.solvers.transfer_matrix import (
    Cavity,
    CavityMode,
    cold_mode_near,
    fields,
    threshold_mode_near,
    threshold_modes,
)
from dfbdesign.solvers.unit_cell import CellModes, modes
from dfbdesign.units import cm

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Origin = Literal["bright", "dark", "guided", "gap"]

STRONGEST = 3000
"""Coupling times length of the strongest grating whose modes are searched."""
SHORTEST = 1e-3
"""Share of the way to its own gain at which a mode that cannot be followed has ended."""


@dataclass(frozen=True)
class LasingMode:
    """One threshold mode of the finite device."""

    wavelength: float
    """Vacuum wavelength at threshold [µm]."""
    origin: Origin
    """Label of the band edge it comes from; "gap" for a mode inside the stop band."""
    threshold_material_gain: float
    """Peak material gain of the film at threshold [1/µm]."""
    threshold_modal_gain: float
    """The same times the confinement of the coupled waves [1/µm]."""
    excitons_per_dot: float | None
    """Mean excitons per dot at the peak of the pump; `None` without a film."""
    threshold_fluence: float | None
    """Peak pump fluence [pJ/µm²]; `None` without film and pump."""
    pumped: FilmCavity = field(repr=False, compare=False)
    """The device, whatever its gain."""
    mode: CavityMode = field(repr=False, compare=False)
    """The mode of the coupled waves at threshold."""

    @cached_property
    def cavity(self) -> Cavity:
        """The coupled waves at threshold."""
        return self.pumped.at(self.threshold_material_gain)

    @cached_property
    def cold_quality_factor(self) -> float:
        """Q of the mode that is left without gain, and without absorption by the film's dots.

        It belongs to the cavity as modelled: with "unpumped" facets, to the grating and as much
        more of it as the absorption was given to end the light.

        Raises:
            NotConverged: If the mode is lost on the way there.
        """
        return _cold_quality_factor(self.pumped, self.threshold_material_gain, self.mode)

    @cached_property
    def hole_burning(self) -> float:
        """How unevenly the mode uses up the gain: mean square of I / mean(I) - 1 along x.

        I is |R|² + |S|²; 0.05 is the usual limit for one mode to stay alone far above threshold
        (Soda et al., IEEE J. Quantum Electron. 23, 804, 1987).
        """
        intensity = sum(abs(wave) ** 2 for wave in self.waves(_middles(self.pumped.length)))
        return float(np.mean((intensity / np.mean(intensity) - 1) ** 2))

    def waves(self, x: ArrayLike) -> tuple[Complex, Complex]:
        """Amplitudes of both waves along the cavity, at threshold.

        Args:
            x: Positions from the left end, shape (point,) [µm].

        Returns:
            R (towards +x) and S (towards -x), shape (point,) each, |R|² + |S|² at most 1.

        Raises:
            InputError: If a position lies outside the cavity.
        """
        return fields(self.cavity, self.mode, x)


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

    @property
    def gain_margin(self) -> float | None:
        """Modal gain between the first two modes [1/µm]; `None` if a second was not found."""
        if len(self.modes) < 2:
            return None
        return self.modes[1].threshold_modal_gain - self.modes[0].threshold_modal_gain

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


def _middles(length: float) -> Real:
    """Middles of 2000 equal parts of a length: sums over them err by the square of a part."""
    return length * (np.arange(2000) + 0.5) / 2000


def laser(device: Device) -> Laser:
    """Threshold modes of the finite device near its target.

    Args:
        device: Needs a grating with a length, a target, and a layer with gain. With a film, film
            that is not pumped absorbs; with film and pump, thresholds are fluences too.

    Returns:
        The modes around the stop band, lowest threshold first.

    Raises:
        InputError: If something needed is missing.
        PhysicsError: If no mode reaches threshold near the target.

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
    waves = waves_of(cell)
    cavity = film_cavity(device, film, waves)
    if cavity.strength < 1e-10 and 0 in cavity.facets:
        raise NoGuidedMode(
            "nothing feeds the light back: the lines couple no waves at this duty. Change the duty."
        )
    if cavity.strength > STRONGEST:
        raise InputError(
            f"grating length {grating.length:g} um: coupling times length is "
            f"{cavity.strength:.0f}, more than {STRONGEST}, and its modes lie too dense to be told "
            "apart. Shorten it, or take the endless grating (dfb modes)."
        )
    peak, guesses = _guesses(cavity)
    followed = [one for guess in guesses if (one := _followed(cavity, peak, guess)) is not None]
    settled = [(gain, mode) for gain, mode in followed if gain < cavity.reach]
    if film is not None and not settled:
        gain = min(gain for gain, _ in followed)
        raise PhysicsError(
            f"no mode lases: the best one needs a material gain of {gain * cm:.0f} 1/cm or more, "
            f'the film "{film.name}" gives less than {film.largest_gain * cm:.0f} 1/cm at any pump.'
        )
    _all_different(cavity, settled)
    found = [_lasing_mode(device, cavity, gain, mode) for gain, mode in settled]
    found.sort(
        key=lambda mode: (round(mode.threshold_modal_gain * cavity.length, 9), mode.wavelength)
    )
    return Laser(tuple(found), cell, grating.periods, grating.periods * grating.period, film)


def _guesses(cavity: FilmCavity) -> tuple[float, list[CavityMode]]:
    """Peak material gain of the first mode, and the lowest modes, linear about it."""
    inner, confinement = cavity.inner, cavity.waves.confinement
    peak = (cavity.largest_loss + 2 / cavity.pumped_length) / confinement
    peak = min(peak, 0.5 * cavity.reach)
    for guess in _lowest(inner, peak):
        if (first := _settled(inner, peak, guess)) is not None:
            peak = min(first[0], cavity.reach)
            return peak, _lowest(inner, peak)
    raise NotConverged("no mode has a gain profile of its own. Change the pump spot a little.")


def _lowest(cavity: FilmCavity, peak: float) -> list[CavityMode]:
    """Up to six lowest modes, linear about a peak material gain."""
    largest = cavity.waves.confinement * cavity.reach
    # Gain in the coupling, frozen at the expected peak, can carry a mode of low loss below zero.
    lent = max(
        2 * one.waves.n_group * abs(one.waves.half_split_slope) for one in cavity.stretches
    ) * abs(peak)
    lowest = -0.01 / cavity.pumped_length - lent
    for reduced in (2, 8, 32, 64):  # exp(-64 / 2): feedback too weak for any film
        highest = min(cavity.largest_loss + reduced / cavity.pumped_length, largest)
        found = threshold_modes(cavity.at(peak), cavity.detunings, (lowest, highest))
        if len(found) >= 4 or highest == largest:
            break
    if found:
        return list(found[:6])
    film = f' of the film "{cavity.film.name}"' if cavity.film is not None else ""
    raise NoGuidedMode(
        f"no mode of the finite device lases below a material gain{film} of "
        f"{highest / cavity.waves.confinement * cm:.0f} 1/cm."
    )


def _followed(
    cavity: FilmCavity, peak: float, guess: CavityMode
) -> tuple[float, CavityMode] | None:
    """A guess settled first without the film at the ends that no light comes back from.

    Through hundreds of micrometres of absorbing film, Newton sees modes only from next to them.
    """
    settled = _settled(cavity.inner, peak, guess)
    if settled is None or cavity.inner is cavity:
        return settled
    gain, mode = settled
    return _settled(cavity, min(gain, cavity.reach), mode)


def _settled(cavity: FilmCavity, peak: float, mode: CavityMode) -> tuple[float, CavityMode] | None:
    """Peak material gain of a mode and the mode, followed to the gain profile it lases with.

    `None` if it ends on the way: where the shortest step leads nowhere, it meets another mode.
    """
    share = 1.0
    for _ in range(60):
        move = min(mode.gain / cavity.waves.confinement, cavity.reach) - peak
        try:
            moved = threshold_mode_near(cavity.at(peak + share * move), mode)
        except NotConverged:
            moved = None
        if moved is None or abs(moved.detuning - mode.detuning) * cavity.length > 1:
            share /= 2  # too long a step; take shorter ones
            if share < SHORTEST:
                return None
            continue
        mode, peak, share = moved, peak + share * move, min(1.0, 2 * share)
        if abs(move) * cavity.waves.confinement * cavity.pumped_length <= 1e-10:
            return mode.gain / cavity.waves.confinement, mode
    raise NotConverged(
        f"the gain profile of a mode did not settle: last step {move * cm:.1e} 1/cm."
    )


def _all_different(cavity: FilmCavity, settled: list[tuple[float, CavityMode]]) -> None:
    """Two guesses that settle on one mode mean that another was lost."""
    for (_, one), (_, other) in combinations(settled, 2):
        if (abs(one.detuning - other.detuning) + abs(one.gain - other.gain)) * cavity.length < 1e-6:
            raise NotConverged(
                f"a mode near a modal gain of {one.gain * cm:.0f} 1/cm was lost while the gain "
                "profile settled. Change the pump spot or the length a little."
            )


def _lasing_mode(device: Device, cavity: FilmCavity, gain: float, mode: CavityMode) -> LasingMode:
    waves, film = cavity.waves, cavity.film
    excitons = fluence = None
    if film is not None:
        excitons = float(excitons_for_gain(film, gain))
        if device.pump is not None:
            fluence = float(threshold_fluence(film, gain, device.pump.wavelength))
    return LasingMode(
        wavelength=2 * pi / (waves.centre.real + mode.detuning.real / waves.n_group),
        origin=mode.edge if waves.radiates or mode.edge == "gap" else "guided",
        threshold_material_gain=gain,
        threshold_modal_gain=mode.gain,
        excitons_per_dot=excitons,
        threshold_fluence=fluence,
        pumped=cavity,
        mode=mode,
    )


def _cold_quality_factor(cavity: FilmCavity, gain: float, mode: CavityMode) -> float:
    """Q of the mode that is left when gain and absorption of the film are faded out together."""
    waves, gains = cavity.waves, cavity.gains(gain)[0]
    for steps in (4, 16, 64):
        # Uniform gain G shifts the detuning by -iG/2: a first guess of the path.
        detuning, move = mode.detuning, -0.5j * mode.gain / steps
        try:
            for remaining in np.linspace(1, 0, steps + 1)[1:]:
                cold = cold_mode_near(cavity.frozen(remaining * gains), detuning + move)
                detuning, move = cold.detuning, cold.detuning - detuning
        except NotConverged:
            continue  # too long a step; take shorter ones
        if -detuning.imag * cavity.length < 1e-10:
            return inf  # closed facets and no loss, within rounding
        wavenumber = waves.centre.real + detuning / waves.n_group
        return -wavenumber.real / (2 * wavenumber.imag)
    raise NotConverged(f"the cold mode at detuning {mode.detuning.real:.4g} 1/um was lost.")
