r"""Pump light of a device: where it goes, what its uneven filling costs, and the gain it makes.

The film's extinction at the pump is what makes its thickness absorb the fraction its data say, in
one pass. The stack around it then reflects, interferes and, with `orders`, diffracts. The dots at
each depth fill by themselves, and the guided mode weighs their gain with its intensity there.
"""

from dataclasses import dataclass, replace
from math import isinf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive
from dfbdesign.device import Device, Polarization, Pump, changed
from dfbdesign.errors import InputError
from dfbdesign.gain.dots import detailed_balance
from dfbdesign.gain.film import (
    Film,
    depth_excitons_for_gain,
    excitons_for_gain,
    resolve_film,
    threshold_fluence,
)
from dfbdesign.gain.history import History, continuous_threshold, gain_history
from dfbdesign.gain.pump import (
    PumpAbsorption,
    absorbed_fraction,
    beer_lambert_extinction,
    dots_per_area,
    excitons_per_dot,
    fluence_for_excitons,
    incoming,
    spot_area,
)
from dfbdesign.gain.rates import Rates, absorption_rate
from dfbdesign.materials import Material, constant
from dfbdesign.solvers.scattering import scattering
from dfbdesign.solvers.slab import slab
from dfbdesign.units import K, photon_energy, ps

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pumping:
    """Pump light of a device, and the fluence at which its film turns transparent."""

    film: Film
    """The film."""
    extinction: float
    """Imaginary index of the film at the pump wavelength."""
    light: PumpAbsorption
    """Where the pump light goes."""
    exact_absorption: float | None
    """Share that the film absorbs over the grating, all of Maxwell's equations solved; `None`
    without a grating."""
    transparency_excitons: float
    """Mean excitons per dot at which the guided mode sees gain, with the depth profile."""
    even_excitons: float
    """The same, were the film filled evenly."""
    transparency_fluence: float
    """Incident fluence for the former, with the absorption of the stack [pJ/µm²]."""
    film_fluence: float
    """Incident fluence for the latter, with the film's own absorbed fraction [pJ/µm²]."""
    peak_fluence: float | None
    """Largest fluence of a pulse of the given energy, None without one [pJ/µm²]."""
    peak_excitons: float | None
    """Mean excitons per dot there."""

    @property
    def unevenness(self) -> float:
        """Largest over smallest number of excitons per dot in the film."""
        filled = self.light.relative_density[np.array(self.light.fill) > 0]
        return float(filled.max() / filled.min())


def pumping(
    device: Device,
    *,
    angle: float = 0.0,
    polarization: Polarization = "TE",
    orders: int = 0,
    energy: float | None = None,
) -> Pumping:
    """Pump light of a device and the transparency fluence it leads to.

    Args:
        device: The device, with film, pump and target.
        angle: Angle of incidence, in the superstrate or in the air below the substrate [rad].
        polarization: E (TE) or H (TM) of the pump along the lines.
        orders: Diffraction orders of the pump on either side; 0 averages over the lines.
        energy: Pulse energy, to be spread over the spot of the pump; a stripe is as wide as the
            grating [pJ].

    Returns:
        Absorption and fluence.

    Raises:
        InputError: If the device has no film, no pump or no target, its film's absorbed fraction
            belongs to another pump wavelength, or an energy comes without a spot.
        NoGuidedMode: If the layers guide no mode of the device's polarisation.

    Examples:
        >>> from dfbdesign import load_device
        >>> device = load_device("examples/reference.toml")
        >>> found = pumping(device)
        >>> f"{found.light.film:.3f} absorbed, uneven by {found.unevenness:.2f}"
        '0.208 absorbed, uneven by 2.12'
    """
    film, pump = _film_and_pump(device)
    wavelength = pump.wavelength
    density = dots_per_area(film.thickness, film.dot_diameter, film.packing_fraction)
    even = float(excitons_for_gain(film, 0.0))
    film_fluence = float(threshold_fluence(film, 0.0, wavelength))
    extinction = beer_lambert_extinction(film.absorbed_fraction, film.thickness, wavelength)
    light = absorbed_fraction(
        device, pump, extinction, angle=angle, polarization=polarization, orders=orders
    )
    mode = slab(device).fundamental(device.polarization)
    weight = _simpson(light.height) * np.abs(mode.field(light.height)) ** 2
    weight *= np.array(light.fill)[:, None]
    excitons = depth_excitons_for_gain(film, 0.0, light.relative_density.ravel(), weight.ravel())
    dots = density * light.film_thickness / film.thickness
    fluence = None if energy is None else _peak_fluence(device, pump, energy)
    return Pumping(
        film=film,
        extinction=extinction,
        light=light,
        exact_absorption=_exact_absorption(device, pump, extinction, angle, polarization),
        transparency_excitons=excitons,
        even_excitons=even,
        transparency_fluence=float(fluence_for_excitons(excitons, wavelength, light.film, dots)),
        film_fluence=film_fluence,
        peak_fluence=fluence,
        peak_excitons=None
        if fluence is None
        else float(excitons_per_dot(fluence, wavelength, light.film, dots)),
    )


def _exact_absorption(
    device: Device, pump: Pump, extinction: float, angle: float, polarization: Polarization
) -> float | None:
    """What the materials with gain absorb, whatever the shape of the lines."""
    if device.grating is None:
        return None

    def lit(material: Material) -> Material:
        return constant(complex(material.index(pump.wavelength)).real + 1j * extinction)

    changes: dict[str, Material] = {}
    for number, layer in enumerate(device.layers):
        lines = {f"further_lines.{i}": one for i, one in enumerate(layer.further_lines)}
        if layer.lines is not None:
            lines["lines"] = layer.lines
        changes |= {
            f"layers.{number}.{path}.material": lit(one.material)
            for path, one in lines.items()
            if one.gain
        }
        if layer.gain:
            changes[f"layers.{number}.material"] = lit(layer.material)
    inside, entering = incoming(device, pump, angle, polarization)
    light = scattering(
        changed(device, changes), pump.wavelength, inside, pump.side, polarization, 1e-6
    )
    return entering * float(light.gain_absorptance)


@dataclass(frozen=True, eq=False)
class PumpedGain:
    """Gain of a device's film against pump fluence."""

    history: History
    """Right after the pulse, and later."""
    after: float
    """How much later [ps]."""
    continuous_intensity: float | None
    """Incident intensity of continuous pump light at which gain starts; None without a trapping
    lifetime, when a single exciton of a neutral dot never leaves [W/µm²]."""


def pumped_gain(
    device: Device,
    fluence: ArrayLike,
    rates: Rates,
    *,
    after: float = 50 * ps,
    photon_density: float = 0.0,
    red_shift: float | None = None,
) -> PumpedGain:
    """Gain of a device's film against pump fluence, with recombination.

    Args:
        device: The device, with film and pump; with target and layers if there are photons.
        fluence: Pump fluences, shape (fluence) [pJ/µm²].
        rates: How excitons recombine, light apart.
        after: Time from the centre of the pulse at which to look again [ps].
        photon_density: Photons at the band edge in the film per volume [1/µm³].
        red_shift: How far below the energy at which dots absorb and emit alike their gain is used,
            at 300 K; sets the film's weight of absorption over emission [pJ].

    Returns:
        Gain at three pulse durations and at the later time.

    Raises:
        InputError: If the device has no film or pump, no lifetime is given, or a number is out of
            range.
        PhysicsError: If a pulse makes more excitons than dots hold.

    Examples:
        >>> from dfbdesign import load_device
        >>> device = load_device("examples/reference.toml")
        >>> found = pumped_gain(device, [200 * uJ / cm**2], Rates(biexciton_lifetime=485 * ps))
        >>> f"{found.history.gain[0, 0] * cm:.0f} 1/cm, {found.history.lifetime[0]:.0f} ps"
        '383 1/cm, 148 ps'
    """
    film, pump = _film_and_pump(device)
    if red_shift is not None:
        film = replace(film, absorption_over_emission=detailed_balance(-red_shift, 300 * K))
    if isinf(rates.biexciton_lifetime) and isinf(rates.trapping_lifetime):
        raise InputError("gain never ends: give a biexciton lifetime, a trapping lifetime or both.")
    density = dots_per_area(film.thickness, film.dot_diameter, film.packing_fraction)
    if photon_density:
        index = slab(device).fundamental(device.polarization).n_group
        absorption = film.band_edge_absorption
        rate = absorption_rate(photon_density, absorption, density / film.thickness, index)
        rates = replace(rates, absorption=float(rate))
    early = 3 * pump.duration
    if after <= early:
        raise InputError(f"after must be later than {early:g} ps, when the pulse ends.")
    history = gain_history(film, pump, rates, fluence, [early, after])
    intensity = None
    if not isinf(rates.trapping_lifetime):
        made = continuous_threshold(film, rates) * density
        intensity = made * photon_energy(pump.wavelength) / film.absorbed_fraction
    return PumpedGain(history, after, intensity)


def _film_and_pump(device: Device) -> tuple[Film, Pump]:
    if device.film is None or device.pump is None:
        raise InputError("pumping a device needs [film] and [pump].")
    return resolve_film(device.film), device.pump


def _peak_fluence(device: Device, pump: Pump, energy: float) -> float:
    width = device.grating.width if device.grating else None
    return positive("energy (in pJ)", energy) / spot_area(pump.spot, width)


def _simpson(height: Real) -> Real:
    """Weights of Simpson's rule over the points of each layer, shape (layer, point) [µm]."""
    points = height.shape[-1]
    weights = np.where(np.arange(points) % 2, 4.0, 2.0)
    weights[[0, -1]] = 1.0
    return np.asarray((height[:, -1:] - height[:, :1]) / (3 * (points - 1)) * weights)
