r"""The finite, pumped device as coupled waves whose gain follows the pump through the film.

The gain at every x follows the pump spot through the film model; film without pump absorbs. Every
stretch has the coupled waves of its own lines (`dfbdesign.lasers.waves`); all are counted from the
centre $k_c$ and with the group index of those in the middle of the grating.
"""

from dataclasses import dataclass, replace
from math import inf, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.gain.film import Film, excitons_for_gain, material_gain, unpumped_absorption
from dfbdesign.lasers.stretches import Stretch as Stretch
from dfbdesign.lasers.stretches import facets_of as facets_of
from dfbdesign.lasers.stretches import stretches_of as stretches_of
from dfbdesign.lasers.stretches import unpumped_depth
from dfbdesign.lasers.waves import Waves as Waves
from dfbdesign.solvers.sections import Cavity, Endless, Section

Real = NDArray[np.float64]

DARK = 1e-6
"""Pump over its peak below which film counts as unpumped."""


@dataclass(frozen=True)
class FilmCavity:
    """The finite device as coupled waves whose gain follows the pump through the film."""

    waves: Waves
    stretches: tuple[Stretch, ...]
    film: Film | None
    facets: tuple[complex, complex]
    endless: tuple[bool, bool] = (False, False)
    """Whether the first and the last stretch go on beyond their end, unpumped."""

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
        return self._cut(1.0)

    @property
    def inner(self) -> "FilmCavity":
        """The core, where that film at the ends is cut to next to nothing and goes on endlessly."""
        return self._cut(1e-3)

    def _cut(self, left: float) -> "FilmCavity":
        if self.film is None:
            return self
        parts, facets, endless = list(self.stretches), list(self.facets), list(self.endless)
        for end in (0, -1):
            depth = unpumped_depth(self.film, parts[end].waves)
            dark = parts[end].fluence * parts[end].filling < DARK
            if dark and parts[end].length > 0.999 * depth:
                parts[end] = replace(parts[end], length=left * depth)
                facets[end], endless[end] = 0, True
        if tuple(parts) == self.stretches:
            return self
        return replace(
            self,
            stretches=tuple(parts),
            facets=(facets[0], facets[1]),
            endless=(endless[0], endless[1]),
        )

    def at(self, peak: float) -> Cavity:
        """The cavity, linear in the gain about an expected peak material gain [1/µm]."""
        parts = zip(self.stretches, *self.gains(peak), strict=True)
        sections = tuple(
            self._section(part, float(gain), float(slope), peak) for part, gain, slope in parts
        )
        ends = [
            self._beyond(self.stretches[end]) if self.endless[end] else self.facets[end]
            for end in (0, -1)
        ]
        return Cavity(sections, ends[0], ends[1])

    def frozen(self, gains: Real) -> Cavity:
        """The cavity with a fixed material gain in each stretch, shape (stretch,) [1/µm]."""
        parts = zip(self.stretches, gains.tolist(), strict=True)
        sections = tuple(self._section(part, gain, 0.0, 0.0) for part, gain in parts)
        return Cavity(sections, *self.facets)

    def _section(self, stretch: Stretch, gain: float, slope: float, peak: float) -> Section:
        own, common = stretch.waves, self.waves
        return Section(
            length=stretch.length,
            kappa=own.kappa(gain),
            detuning=self._centre(own, gain),
            gain=float(own.confinement * (gain - slope * peak) - own.loss),
            pump=float(slope * own.confinement / common.confinement),
            phase=stretch.phase,
            group=own.n_group / common.n_group,
        )

    def _beyond(self, stretch: Stretch) -> Endless:
        """What goes on, unpumped, like a stretch at an end."""
        own = stretch.waves
        gain = -unpumped_absorption(self.film) if self.film is not None else 0.0
        return Endless(
            kappa=own.kappa(gain),
            gain=own.confinement * gain - own.loss,
            detuning=self._centre(own, gain),
            group=own.n_group / self.waves.n_group,
        )

    def _centre(self, own: Waves, gain: float) -> float:
        """Line centre of a stretch, above the common one [1/µm]."""
        moved = own.centre.real - self.waves.centre.real + own.centre_slope.real * gain
        return float(own.n_group * moved)

    @property
    def detunings(self) -> tuple[float, float]:
        """The searched window: the stop bands and a few modes on either side [1/µm]."""
        spot = self.length
        if self.film is not None:
            # Modes of a spot in absorbing film are as wide apart as it is short.
            square = sum(
                part.length * (part.fluence * part.filling) ** 2 for part in self.stretches
            )
            spot = min(spot, 2 * self.pumped_length**2 / square)
        own = {id(part.waves): part.waves for part in self.stretches}.values()
        centres = np.array([one.centre.real for one in own]) - self.waves.centre.real
        halves = np.array([abs(one.half_split) for one in own])
        low, high = (self.waves.n_group * float(edge) for edge in (
            (centres - halves).min(), (centres + halves).max()
        ))  # fmt: skip
        middle, half = (high + low) / 2, (high - low) / 2 + 4 * pi / spot
        return middle - 1.013 * half, middle + 1.017 * half  # symmetric modes do not sit on an edge

    @property
    def largest_loss(self) -> float:
        """Power loss of a running wave without gain, where it is largest [1/µm]."""
        return max(part.waves.loss for part in self.stretches)

    @property
    def strength(self) -> float:
        """Coupling times length of all stretches."""
        return sum(part.length * abs(part.waves.kappa(0.0)) for part in self.stretches)


def film_cavity(device: Device, film: Film | None, waves: Waves) -> FilmCavity:
    """The coupled waves of a finite, pumped device.

    Args:
        device: Needs a grating with a length.
        film: The gain film; unpumped, it absorbs.
        waves: The coupled waves in the middle of the grating.

    Returns:
        The device, whatever its gain.

    Raises:
        InputError: If something needed is missing, or the pump spot does not fit the grating.
        NoGuidedMode: If changing lines guide no mode somewhere.
    """
    facets = device.need_grating().facets
    return FilmCavity(
        waves,
        stretches_of(device, film, waves),
        film,
        facets_of(device),
        (facets.left == "unpumped", facets.right == "unpumped"),
    )
