"""Models of the films of the two papers, and what follows from them without further fits.

`dfbdesign.lasers.reproduce` sets these numbers beside the published ones and cites the papers.
What is fitted is fitted here, by one function per film, from one published number per parameter.

Dots of a diameter absorb at the energy of Moreels et al., ACS Nano 3, 3023 (2009).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import GainFilm
from dfbdesign.gain.cascade import Cascade, threshold_photons, transfer
from dfbdesign.gain.dots import Dots, emission_and_absorption, transparency_threshold
from dfbdesign.gain.film import (
    Film,
    excitons_at_fluence,
    excitons_for_gain,
    material_gain,
    resolve_film,
    threshold_fluence,
)
from dfbdesign.gain.light import Beam, Slice, stack_light
from dfbdesign.gain.pump import dots_per_area
from dfbdesign.gain.rates import Rates
from dfbdesign.gain.spectrum import packed_index
from dfbdesign.gain.stripe import full_width, stripe_emission
from dfbdesign.materials import material
from dfbdesign.units import PLANCK, SPEED_OF_LIGHT, cm, eV, meV, nm, ns, photon_energy, ps, uJ, um

Real = NDArray[np.float64]

PUMP = 1030 * nm
FLUENCE = uJ / cm**2
CONFINEMENT = 0.552
"""Modal over material gain of 160 nm of index 2.6 on sapphire: slope of the slab mode's index."""
CORE = Rates(biexciton_lifetime=230 * ps, trapping_lifetime=3.2 * ns)
SHELL = Rates(biexciton_lifetime=485 * ps, trapping_lifetime=3.2 * ns)
LAYERS = Cascade(1.6 * ps, donor_lifetime=5.4 * ns, emitter_lifetime=3.2 * ns)
MIX = replace(LAYERS, transfer_time=9 * ps)
SLOW_LAYERS = 1900 * ps
LAYERS_ABSORBED = 1 - 10**-0.11
"""Part of light of 1160 nm that the layered film absorbs, from its absorbance."""
SATURATION = 1e4 * um
"""Assumed light that halves the inversion of a stripe, over spontaneous light per wavelength."""


def published_film(preset: str) -> Film:
    """A published film as its preset has it.

    Args:
        preset: Name of the preset.

    Returns:
        The film.
    """
    return resolve_film(GainFilm(preset=preset))


def neutral_film() -> Film:
    """The neutral core/shell film with its two fitted numbers.

    Returns:
        The film: absorption over emission from the measured transparency, dot diameter from the
        excitons printed beside the threshold fluence.
    """
    film = published_film("taghipour2023-neutral")
    weight = _solve(
        lambda rho: float(transparency_threshold(Dots(absorption_over_emission=rho))), 3.80, 0.5, 1
    )
    per_dot = float(excitons_at_fluence(film, 300 * FLUENCE, PUMP))
    diameter = film.dot_diameter * (3.80 / per_dot) ** (1 / 3)  # excitons go with the volume
    return replace(film, absorption_over_emission=weight, dot_diameter=diameter)


def layers_film() -> Film:
    """The layered film with its one fitted number of the gain, from 1900/cm at 1100 µJ/cm².

    Returns:
        The film.
    """
    film = published_film("cascade-layers")
    excitons = excitons_at_fluence(film, 1100 * FLUENCE, PUMP)
    needed = (1900 + 34) / cm / CONFINEMENT
    share = needed / float(material_gain(film, excitons))
    return replace(film, band_edge_absorption=film.band_edge_absorption * share)


def exciton_energy(diameter: float) -> float:
    """Energy of the first absorption peak of PbS dots (Moreels et al. 2009).

    Args:
        diameter: Diameter of the dots [µm].

    Returns:
        Energy [pJ].

    Examples:
        >>> round(exciton_energy(5.95 * nm) / eV, 4)
        0.7982
    """
    d = diameter / nm
    return (0.41 + 1 / (0.0252 * d**2 + 0.283 * d)) * eV


def emission_wavelength(diameter: float, shift: float = 32 * meV) -> float:
    """Wavelength of amplified emission: to the red of the first absorption peak.

    Args:
        diameter: Diameter of the dots [µm].
        shift: Measured distance of the two [pJ].

    Returns:
        Wavelength [µm].

    Examples:
        >>> round(emission_wavelength(5.95 * nm) / nm)
        1618
    """
    return PLANCK * SPEED_OF_LIGHT / (exciton_energy(diameter) - shift)


def loss_balance(film: Film, loss: float) -> tuple[float, float]:
    """Where the modal gain of a film balances a loss.

    Args:
        film: The film.
        loss: Loss of the guided light [1/µm].

    Returns:
        Mean excitons per dot, and pump fluence [pJ/µm²].
    """
    gain = loss / CONFINEMENT
    return float(excitons_for_gain(film, gain)), float(threshold_fluence(film, gain, PUMP))


def net_modal_gain(film: Film, loss: float, fluence: float) -> float:
    """Net gain of the guided light right after a pump pulse.

    Args:
        film: The film.
        loss: Loss of the guided light [1/µm].
        fluence: Pump fluence [pJ/µm²].

    Returns:
        Gain less loss [1/µm].
    """
    excitons = excitons_at_fluence(film, fluence, PUMP)
    return CONFINEMENT * float(material_gain(film, excitons)) - loss


def band_edge_pumping(film: Film) -> tuple[float, float]:
    """Fluence for transparency of the layered film, pumped at 1160 nm and at 1500 nm.

    Light of 1160 nm is absorbed by donors and emitters in proportion to their volume, and all of
    the donors hand on. Light of 1500 nm is absorbed by the band edge of the emitters alone, which
    it bleaches.

    Args:
        film: The layered film.

    Returns:
        Both fluences [pJ/µm²].
    """
    emitters = dots_per_area(film.thickness, film.dot_diameter, film.packing_fraction)
    excitons = float(transparency_threshold(film.dots))
    each, resonant = LAYERS_ABSORBED / emitters, (1 - 10**-0.036) / emitters
    short = threshold_photons(LAYERS, excitons, each * 4 / 9, each * 5 / 9)
    long = threshold_photons(LAYERS, excitons, resonant, 0.0, resonant=True)
    return short * photon_energy(1160 * nm), long * photon_energy(1500 * nm)


def absorbed_pump() -> float:
    """Part of the pump that the film of the laser absorbs, from the index its lasers have.

    160 nm on sapphire hold as much bulk PbS in ligands of index 1.6 as makes the film's index 2.6
    at 1660 nm; that PbS absorbs at 1030 nm.

    Returns:
        The fraction, with all reflections in the film.

    Examples:
        >>> round(absorbed_pump(), 2)
        0.17
    """
    fraction = _solve(lambda f: float(packed_index(1660 * nm, f).real), 2.6, 0.1, 0.9)
    film = complex(packed_index(PUMP, fraction))
    sapphire = complex(material("sapphire-c").index(PUMP))
    light = stack_light(1.0, (Slice(160 * nm, film),), sapphire, Beam(PUMP))
    return float(light.absorbed[0])


def donors_in_contact() -> float:
    """Part of the donors of the layered film that touch a layer of emitters.

    Five donor layers of 19 nm enclose four of emitters: eight faces, at each of which the last
    monolayer of 4 nm dots is in contact.

    Returns:
        The fraction.

    Examples:
        >>> round(donors_in_contact(), 3)
        0.337
    """
    return 8 * 4 / (5 * 19)


def donor_bleach(fraction: float, times: list[float]) -> Real:
    """Bleach at the donor's band edge in the layered film at low excitation, one at the start.

    Args:
        fraction: Part of it that decays with the transfer time; the rest decays with the measured
            slow lifetime.
        times: Times, ascending [ps].

    Returns:
        Bleach, shape (time).

    Examples:
        >>> donor_bleach(0.5, [0.0, 100.0]).round(3)
        array([1.   , 0.474])
    """
    film = replace(LAYERS, fast_fraction=fraction, donor_lifetime=SLOW_LAYERS)
    return transfer(film, 1e-3, 0.0, times).donor / 1e-3


def slow_lifetime(film: Cascade) -> float:
    """Lifetime of what is left long after the transfer, at low excitation.

    Args:
        film: Donors and emitters.

    Returns:
        Lifetime [ps].
    """
    times = [200.0, 2000.0]
    left = transfer(film, 1e-3, 1e-3, times)
    both = left.donor + left.emitter
    return float((times[1] - times[0]) / np.log(both[0] / both[1]))


def stripe_light(
    film: Film, loss: float, fluence: Real, saturation: float = SATURATION
) -> tuple[Real, Real]:
    """Light of a stripe of 500 µm right after the pulse, and its width.

    The gain has the measured width of the photoluminescence, 85 nm about 1660 nm. Assumed: as much
    spontaneous light reaches the detector past the film as is sent into it; that light is neither
    amplified nor absorbed.

    Args:
        film: The film.
        loss: Loss of the guided light [1/µm].
        fluence: Pump fluences, shape (fluence) [pJ/µm²].
        saturation: Light that halves the inversion, over spontaneous emission per wavelength [µm].

    Returns:
        Intensity in units of the spontaneous light, and full width at half maximum [µm], each of
        shape (fluence).
    """
    wavelength = np.linspace(1450, 1870, 421) * nm
    line = np.exp(-4 * np.log(2) * ((wavelength - 1660 * nm) / (85 * nm)) ** 2)
    excitons = excitons_at_fluence(film, fluence, PUMP)
    emitting, _ = emission_and_absorption(excitons, film.dots)
    net_gain = CONFINEMENT * material_gain(film, excitons)[:, None] * line - loss
    source = CONFINEMENT * film.largest_gain * emitting[:, None] * line
    guided = stripe_emission(wavelength, net_gain, source, 500 * um, saturation)
    light = guided + source * 500 * um
    total = np.asarray(np.trapezoid(light, wavelength, axis=-1))
    return total, full_width(wavelength, light)


def _solve(rising: Callable[[float], float], target: float, low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda x: rising(x) - target, low, high, xtol=1e-9))
