r"""A gain film: its numbers, each with its source, and the gain they make.

The material gain is the band-edge absorption $\alpha_0$ of the neutral film at the lasing
wavelength times the inversion of its dots,

$$ g(\langle N\rangle) = \alpha_0 \times \text{inversion}(\langle N\rangle) , $$

with $\langle N\rangle$ from the pump fluence as `dfbdesign.gain.pump` counts it. Published films
are in `presets/`, one file each; a device file names one and may replace single numbers.

Examples:
    The doped film at the fluence at which it was seen to lase:

    >>> from dfbdesign.device import GainFilm
    >>> film = resolve_film(GainFilm(preset="taghipour2023-doped"))
    >>> excitons = excitons_at_fluence(film, 160 * uJ / cm**2, 1030 * nm)
    >>> round(float(excitons), 2)
    0.87
    >>> f"{material_gain(film, excitons) * cm:.0f} 1/cm"
    '232 1/cm'
    >>> [fact.text for fact in film.facts if fact.name == "dot_diameter"]
    ['5 nm']
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import nearest
from dfbdesign.device import DopingDistribution, GainFilm
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.dots import Dots, excitons_for_inversion, inversion
from dfbdesign.gain.pump import dots_per_area, excitons_per_dot, fluence_for_excitons
from dfbdesign.units import cm, nm

Real = NDArray[np.float64]

_GIVEN = {"kind": "given", "source": "the device"}


@dataclass(frozen=True)
class Fact:
    """One number or choice of a film, and where it comes from."""

    name: str
    """Field of the film."""
    text: str
    """Value with its unit, as a device file writes it."""
    kind: Literal["measured", "assumed", "fitted", "given"]
    """How it is known; "given" by the user instead of the preset."""
    source: str
    """Where it comes from, and what speaks against it."""


@dataclass(frozen=True)
class Film:
    """A gain film with every number known."""

    name: str
    """The preset, or "film" without one."""
    source: str
    """The publication the preset describes, empty without one."""
    doping: float
    """Mean permanent electrons per dot at the band edge."""
    doping_distribution: DopingDistribution
    """How they spread over the dots."""
    degeneracy: int
    """Electron levels, and hole levels, at the band edge of one dot."""
    absorption_over_emission: float
    """Spectral weight of absorption over that of emission at the lasing wavelength."""
    band_edge_absorption: float
    """Absorption of the neutral film at the lasing wavelength [1/µm]."""
    dot_diameter: float
    """Diameter of the sphere one dot counts as [µm]."""
    packing_fraction: float
    """Part of the film volume that these spheres fill."""
    absorbed_fraction: float
    """Part of the incident pump that the film absorbs."""
    pump_wavelength: float
    """Pump wavelength the absorbed fraction belongs to [µm]."""
    thickness: float
    """Film thickness the absorbed fraction belongs to [µm]."""
    facts: tuple[Fact, ...]
    """All of the above as a reader wants them: text, kind and source."""

    @property
    def dots(self) -> Dots:
        """The dots of the film."""
        return Dots(
            doping=self.doping,
            distribution=self.doping_distribution,
            degeneracy=self.degeneracy,
            absorption_over_emission=self.absorption_over_emission,
        )

    @property
    def largest_gain(self) -> float:
        """Material gain with all levels full [1/µm]."""
        return self.band_edge_absorption / self.absorption_over_emission


def preset_names() -> list[str]:
    """Names of all published films, sorted."""
    folder = files("dfbdesign.gain") / "presets"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name[-5:] == ".toml"
    )


def resolve_film(given: GainFilm) -> Film:
    """The film of a device's `[film]` section: its preset, with the given fields put in.

    Args:
        given: Name of a preset, or fields, or both.

    Returns:
        The film with every number and its source.

    Raises:
        InputError: If the preset is unknown (the nearest is named), a field is in neither, or the
            numbers do not go together.

    Examples:
        >>> from dfbdesign.device import GainFilm
        >>> resolve_film(GainFilm(preset="taghipour2023-doped", doping=6)).doping
        6.0
    """
    preset = _preset(given.preset) if given.preset is not None else {}
    entries = {name: entry for name, entry in preset.items() if isinstance(entry, dict)}
    published = GainFilm(**{name: entry["value"] for name, entry in entries.items()})
    facts, values = [], {}
    for name in GainFilm.model_fields:
        if name == "preset":
            continue
        own = getattr(given, name) is not None
        origin = given if own else published
        values[name] = getattr(origin, name)
        if values[name] is None:
            raise InputError(
                f"film {name} is missing. Give it in [film], or name a preset: "
                f"{', '.join(preset_names())}."
            )
        text = str(origin.model_dump(mode="json")[name])
        told: dict[str, Any] = _GIVEN if own else entries[name]
        facts.append(Fact(name=name, text=text, kind=told["kind"], source=told["source"]))
    name, source = given.preset or "film", preset.get("source", "")
    film = Film(name=name, source=source, facts=tuple(facts), **values)
    _ = film.dots  # doping, degeneracy and distribution must go together: checked here
    return film


def material_gain(film: Film, excitons: ArrayLike) -> Real:
    """Power gain of the film material, negative where it absorbs.

    Args:
        film: The film.
        excitons: Mean excitons per dot, any shape.

    Returns:
        Gain of the same shape [1/µm].

    Raises:
        InputError: If a number of excitons is negative or not finite.
    """
    return film.band_edge_absorption * inversion(excitons, film.dots)


def unpumped_absorption(film: Film) -> float:
    """Absorption of the film without pump: what the permanent electrons leave of the band edge.

    Args:
        film: The film.

    Returns:
        Absorption [1/µm].

    Examples:
        >>> from dfbdesign.device import GainFilm
        >>> film = resolve_film(GainFilm(preset="taghipour2023-doped"))
        >>> round(unpumped_absorption(film) / film.band_edge_absorption, 6)
        0.125
    """
    return -float(material_gain(film, 0.0))


def excitons_for_gain(film: Film, gain: ArrayLike) -> Real:
    """Mean excitons per dot at which the film reaches a material gain.

    Args:
        film: The film.
        gain: Material gain, any shape [1/µm].

    Returns:
        Mean excitons per dot, of the same shape.

    Raises:
        InputError: If a gain is not finite.
        PhysicsError: If a gain is not below the film's largest, or below its unpumped absorption.
    """
    wanted = np.asarray(gain, dtype=float)
    beyond = wanted >= film.largest_gain
    if beyond.any():
        raise PhysicsError(
            f"a material gain of {wanted[beyond].flat[0] * cm:.6g} 1/cm is needed, but the film "
            f'"{film.name}" gives less than {film.largest_gain * cm:.6g} 1/cm at any pump.'
        )
    return excitons_for_inversion(wanted / film.band_edge_absorption, film.dots)


def excitons_at_fluence(film: Film, fluence: ArrayLike, pump_wavelength: float) -> Real:
    """Mean excitons per dot after a pump pulse, counted with the film's absorbed fraction.

    Args:
        film: The film.
        fluence: Incident pulse energy per area, any shape [pJ/µm²].
        pump_wavelength: Vacuum wavelength of the pump [µm].

    Returns:
        Mean excitons per dot, of the same shape.

    Raises:
        InputError: If a fluence is negative, or the film's absorbed fraction belongs to another
            pump wavelength.
    """
    _check_pump(film, pump_wavelength)
    return excitons_per_dot(fluence, pump_wavelength, film.absorbed_fraction, _density(film))


def threshold_fluence(film: Film, gain: ArrayLike, pump_wavelength: float) -> Real:
    """Pump fluence at which the film reaches a material gain.

    Args:
        film: The film.
        gain: Material gain, any shape [1/µm].
        pump_wavelength: Vacuum wavelength of the pump [µm].

    Returns:
        Incident pulse energy per area, of the same shape [pJ/µm²].

    Raises:
        InputError: If a gain is not finite, or the film's absorbed fraction belongs to another pump
            wavelength.
        PhysicsError: If a gain is out of the film's reach.
    """
    _check_pump(film, pump_wavelength)
    excitons = excitons_for_gain(film, gain)
    return fluence_for_excitons(excitons, pump_wavelength, film.absorbed_fraction, _density(film))


def depth_gain(
    film: Film, excitons: ArrayLike, relative_density: ArrayLike, weight: ArrayLike
) -> Real:
    """Material gain that a mode sees where the pump fills the dots unevenly over the depth.

    Each depth has its own Poisson distribution about its own mean; without unevenness the result is
    that of `material_gain`.

    Args:
        film: The film.
        excitons: Mean excitons per dot of the whole film, any shape.
        relative_density: Excitons per dot at each depth over that mean, shape (depth).
        weight: Intensity of the mode at each depth times the volume with gain that the point stands
            for, in any unit, shape (depth).

    Returns:
        Gain of the shape of the excitons [1/µm].

    Raises:
        InputError: If a number of excitons is negative or not finite, or no weight is positive.

    Examples:
        >>> from dfbdesign.device import GainFilm
        >>> film = resolve_film(GainFilm(preset="taghipour2023-doped"))
        >>> even, uneven = (depth_gain(film, 0.567144, [1 - x, 1 + x], [1, 1]) for x in (0, 0.2))
        >>> f"{even * cm:.1f} 1/cm, {uneven * cm:.1f} 1/cm"
        '0.0 1/cm, -1.9 1/cm'
    """
    share = np.asarray(weight, dtype=float)
    if not (np.all(share >= 0) and share.sum() > 0):
        raise InputError("weight must hold no negative and at least one positive number.")
    each = np.asarray(excitons, dtype=float)[..., None] * np.asarray(relative_density, dtype=float)
    return np.asarray(material_gain(film, each) @ (share / share.sum()))


def depth_excitons_for_gain(
    film: Film, gain: float, relative_density: ArrayLike, weight: ArrayLike
) -> float:
    """Mean excitons per dot of an unevenly pumped film at which a mode sees a material gain.

    Args:
        film: The film.
        gain: Material gain [1/µm].
        relative_density: As in `depth_gain`.
        weight: As in `depth_gain`.

    Returns:
        Mean excitons per dot of the whole film.

    Raises:
        InputError: If the gain is not finite, or no weight is positive.
        PhysicsError: If the gain is out of the film's reach.
    """
    from scipy.optimize import brentq

    even = float(excitons_for_gain(film, gain))
    lowest = float(np.min(np.asarray(relative_density)[np.asarray(weight) > 0], initial=1.0))
    if lowest <= 0:
        raise PhysicsError("the pump does not reach all of the film that the mode sees.")
    top = even / lowest + 1e-9  # there even the darkest depth has what an even film needs

    def above(excitons: float) -> float:
        return float(depth_gain(film, excitons, relative_density, weight)) - gain

    return float(brentq(above, 0.0, top, xtol=1e-12)) if above(0.0) < 0 else 0.0


@cache
def _preset(name: str) -> dict[str, Any]:
    """Content of a preset file: its description, its source, and an entry for each field."""
    known = preset_names()
    if name not in known:
        raise InputError(f'film preset "{name}" is unknown. {nearest(name, known)}')
    text = (files("dfbdesign.gain") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _density(film: Film) -> float:
    return dots_per_area(film.thickness, film.dot_diameter, film.packing_fraction)


def _check_pump(film: Film, pump_wavelength: float) -> None:
    if abs(pump_wavelength - film.pump_wavelength) > 5 * nm:  # within a short pulse's own spectrum
        raise InputError(
            f"the absorbed fraction {film.absorbed_fraction:g} of the film belongs to a pump at "
            f"{film.pump_wavelength / nm:g} nm, the pump is at {pump_wavelength / nm:g} nm. "
            "Give absorbed_fraction and pump_wavelength in [film]."
        )
