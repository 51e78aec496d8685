r"""From pump light to excitons: dots per area, excitons per dot, and what each layer absorbs.

A film of thickness $L$ and packing fraction $\phi$ of spheres of diameter $d$ holds
$\phi L / V$ dots per area, $V = \pi d^3/6$. A pulse of fluence $F$, of which the film absorbs the
fraction $A$, makes

$$ \langle N\rangle = \frac{F A / h\nu}{\phi L / V} $$

excitons per dot: one per absorbed photon. The absorbed fraction is either measured, or computed
here for the actual stack by `dfbdesign.gain.light`, coherently, from either side, at any angle,
with the lines averaged or with their diffraction. With it comes the depth at which the light is
absorbed, for `dfbdesign.gain.film.depth_gain`.
"""

from dataclasses import dataclass
from math import asin, cos, log, pi, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import not_negative, positive, within
from dfbdesign.device import Device, Layer, Polarization, Pump, Spot
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.light import Beam, Slice, StackLight, stack_light
from dfbdesign.materials import Material
from dfbdesign.units import photon_energy

Real = NDArray[np.float64]


def dots_per_area(thickness: float, dot_diameter: float, packing_fraction: float) -> float:
    """Dots in a film, per area.

    Args:
        thickness: Film thickness [µm].
        dot_diameter: Diameter of the sphere one dot counts as [µm].
        packing_fraction: Part of the film volume that these spheres fill.

    Returns:
        Areal density [1/µm²].

    Raises:
        InputError: If a length is not positive, or the packing fraction not in (0, 1].

    Examples:
        >>> round(dots_per_area(160 * nm, dot_diameter=5 * nm, packing_fraction=0.74))
        1809019
    """
    positive("thickness (in um)", thickness)
    positive("dot_diameter (in um)", dot_diameter)
    positive("packing_fraction", within("packing_fraction", packing_fraction, 0, 1))
    return packing_fraction * thickness / (pi * dot_diameter**3 / 6)


def excitons_per_dot(
    fluence: ArrayLike, pump_wavelength: float, absorbed_fraction: float, dots_per_area: float
) -> Real:
    """Mean excitons per dot that a pulse leaves, one per absorbed photon.

    Args:
        fluence: Incident pulse energy per area, any shape [pJ/µm²].
        pump_wavelength: Vacuum wavelength of the pump [µm].
        absorbed_fraction: Part of the incident light that the film absorbs.
        dots_per_area: Dots in the film, per area [1/µm²].

    Returns:
        Mean excitons per dot, of the shape of the fluence.

    Raises:
        InputError: If a fluence is negative, or another argument out of range.

    Examples:
        >>> dots = dots_per_area(160 * nm, dot_diameter=5 * nm, packing_fraction=0.74)
        >>> excitons = excitons_per_dot(160 * uJ / cm**2, 1030 * nm, 0.19, dots)
        >>> round(float(excitons), 3)
        0.871
    """
    values = not_negative("fluence (in pJ/um^2)", fluence)
    return values / _fluence_per_exciton(pump_wavelength, absorbed_fraction, dots_per_area)


def fluence_for_excitons(
    excitons: ArrayLike, pump_wavelength: float, absorbed_fraction: float, dots_per_area: float
) -> Real:
    """Fluence that leaves a number of excitons per dot: the inverse of `excitons_per_dot`.

    Args:
        excitons: Mean excitons per dot, any shape.
        pump_wavelength: Vacuum wavelength of the pump [µm].
        absorbed_fraction: Part of the incident light that the film absorbs.
        dots_per_area: Dots in the film, per area [1/µm²].

    Returns:
        Incident pulse energy per area, of the shape of the excitons [pJ/µm²].

    Raises:
        InputError: If a number of excitons is negative, or another argument out of range.
    """
    values = not_negative("excitons per dot", excitons)
    return values * _fluence_per_exciton(pump_wavelength, absorbed_fraction, dots_per_area)


def spot_area(spot: Spot, width: float | None = None) -> float:
    r"""Area over which a pulse energy spreads: energy over area is the fluence, at its peak.

    | shape | area |
    |---|---|
    | stripe | length times width |
    | disk | $\pi d^2/4$ |
    | gaussian, $1/e^2$ diameter $d$ | $\pi d^2/8$: the peak has twice the mean of a disk |
    | profile | integral of the fluence over its largest, times width |

    Args:
        spot: The pump spot.
        width: Width of a stripe or a profile [µm].

    Returns:
        Area [µm²].

    Raises:
        InputError: If the spot is uniform, which has no area, or a stripe comes without width.

    Examples:
        >>> energy = 0.02 * uJ
        >>> fluence = energy / spot_area(Spot(shape="gaussian", length=200 * um))
        >>> round(fluence / (uJ / cm**2), 1)
        127.3
    """
    if spot.file is not None:
        if width is None:
            raise InputError("the area of a profile needs its width: give the grating's width.")
        return spot.file.area * positive("width (in um)", width)
    if spot.length is None:
        raise InputError(
            'a uniform spot has no area. Give spot = { shape = "disk", length = ... }.'
        )
    if spot.shape == "stripe":
        if width is None:
            raise InputError("the area of a stripe needs its width: give the grating's width.")
        return spot.length * positive("width (in um)", width)
    return pi * spot.length**2 / (8 if spot.shape == "gaussian" else 4)


def resonant_excitons(unsaturated: ArrayLike, degeneracy: int = 8) -> Real:
    r"""Excitons of neutral dots pumped at their own band edge, which the pump bleaches.

    Each exciton takes 2/g of the absorption away, so that with $x$ photons offered at full
    absorption $dN/dx = 1 - 2N/g$: the pump stops at the transparency it cannot pass,

    $$ N = \frac{g}{2}\left(1 - e^{-2x/g}\right) . $$

    Args:
        unsaturated: Excitons per dot without bleaching, as `excitons_per_dot` gives; any shape.
        degeneracy: Electron levels, and hole levels, at the band edge.

    Returns:
        Mean excitons per dot, of the same shape, below g / 2.

    Raises:
        InputError: If a number is negative.

    Examples:
        >>> round(float(resonant_excitons(11.983)), 3)
        3.8
    """
    offered = not_negative("unsaturated excitons per dot", unsaturated)
    return np.asarray(-degeneracy / 2 * np.expm1(-2 * offered / degeneracy))


def unsaturated_excitons(excitons: ArrayLike, degeneracy: int = 8) -> Real:
    """Excitons a band-edge pump must offer to leave a number: the inverse of `resonant_excitons`.

    Args:
        excitons: Mean excitons per dot, any shape.
        degeneracy: Electron levels, and hole levels, at the band edge.

    Returns:
        Excitons per dot without bleaching, of the same shape.

    Raises:
        InputError: If a number is negative.
        PhysicsError: If a number is not below g / 2, where the pump is fully bleached.
    """
    wanted = not_negative("excitons per dot", excitons)
    limit = degeneracy / 2
    if np.any(wanted >= limit):
        raise PhysicsError(
            f"{wanted[wanted >= limit].flat[0]:g} excitons per dot are out of reach of a band-edge "
            f"pump: it is bleached at {limit:g}. Pump at a shorter wavelength."
        )
    return np.asarray(-limit * np.log1p(-wanted / limit))


def beer_lambert_extinction(absorbed_fraction: float, thickness: float, wavelength: float) -> float:
    r"""Imaginary index that absorbs a fraction in one pass, $1 - A = e^{-4\pi kL/\lambda}$.

    Args:
        absorbed_fraction: Absorbed part of the light that enters, reflections apart.
        thickness: Film thickness [µm].
        wavelength: Vacuum wavelength [µm].

    Returns:
        Extinction coefficient n''.

    Raises:
        InputError: If the fraction is not in [0, 1), or a length not positive.

    Examples:
        >>> round(beer_lambert_extinction(0.19, 160 * nm, 1030 * nm), 3)
        0.108
    """
    within("absorbed_fraction", absorbed_fraction, 0, 1 - np.finfo(float).eps)
    positive("thickness (in um)", thickness)
    positive("wavelength (in um)", wavelength)
    return -log(1 - absorbed_fraction) * wavelength / (4 * pi * thickness)


@dataclass(frozen=True)
class PumpAbsorption:
    """Where the pump light of a device goes; layers from the substrate up, as in the device."""

    reflectance: float
    """Power that returns to where the pump comes from, in all diffraction orders."""
    transmittance: float
    """Power that leaves on the other side of the stack, in all diffraction orders."""
    layers: tuple[float, ...]
    """Power that each layer absorbs."""
    film: float
    """Power that the materials with gain absorb, in all layers together."""
    fill: tuple[float, ...]
    """Part of each layer's volume that has gain."""
    height: Real
    """Heights above the substrate inside each layer, ascending, shape (layer, point) [µm]."""
    density: Real
    """Power that the materials with gain absorb per height there, shape (layer, point) [1/µm]."""

    @property
    def film_thickness(self) -> float:
        """Volume with gain per area [µm]: what the absorbed photons are spread over."""
        return float((self.height[:, -1] - self.height[:, 0]) @ np.array(self.fill))

    @property
    def relative_density(self) -> Real:
        """Absorbed power per volume with gain, over its mean, shape (layer, point)."""
        fill = np.array(self.fill)[:, None]
        per_volume = np.divide(self.density, fill, out=np.zeros_like(self.density), where=fill > 0)
        return np.asarray(per_volume * self.film_thickness / self.film)


def absorbed_fraction(
    device: Device,
    pump: Pump,
    extinction: float,
    *,
    angle: float = 0.0,
    polarization: Polarization = "TE",
    orders: int = 0,
) -> PumpAbsorption:
    """What each layer of a device absorbs of the pump, from the coherent optics of the stack.

    Assumed: a plane wave in the plane of the grating vector. Light from the top comes from the
    superstrate. Light through the substrate first crosses the polished outer face of the substrate
    from air (what the face reflects counts as reflected); the thick substrate keeps no phase.
    Echoes from that face are neglected for either side.

    Args:
        device: The device; its layers (or lines) with gain make up the film.
        pump: The pump; wavelength and side are used.
        extinction: Imaginary index of the materials with gain at the pump wavelength. It replaces
            that of their index data, which leave the dots' absorption out.
        angle: Angle of incidence, in the superstrate or in the air below the substrate [rad].
        polarization: E (TE) or H (TM) along the lines.
        orders: Diffraction orders on either side; 0 averages patterned layers over the lines.

    Returns:
        Powers as fractions of the incident pump; reflectance, transmittance and layers add to one.

    Raises:
        InputError: If no layer carries gain, the extinction is not positive, the angle is beyond
            grazing, the pump wavelength is outside the index data, the pump comes through an
            absorbing medium, or orders are asked for without a grating.
    """
    positive("extinction", extinction)
    within("angle (in rad)", angle, -1.5, 1.5)
    if not any(_has_gain(layer) for layer in device.layers):
        raise InputError("no layer carries gain. Mark the film with gain = true.")
    device.need_plain_lines("the absorbed pump")
    below, above = (
        complex(half.material.index(pump.wavelength))
        for half in (device.substrate, device.superstrate)
    )
    inside, entering = incoming(device, pump, angle, polarization)
    from_top = pump.side == "top"
    along = slice(None, None, -1 if from_top else 1)
    layers = device.layers[along]
    first, last = (above, below) if from_top else (below, above)
    light = stack_light(
        first,
        tuple(_slice(layer, pump.wavelength, extinction) for layer in layers),
        last,
        Beam(pump.wavelength, inside, polarization),
        period=device.need_grating().period if orders else 1.0,
        orders=orders,
    )
    gain = np.array([[layer.gain, bool(layer.lines and layer.lines.gain)] for layer in layers])
    share = _share(light, gain)
    thickness = np.array([layer.thickness for layer in device.layers])
    bottom = np.concatenate([[0.0], np.cumsum(thickness)[:-1]])[:, None]
    rising = (along, along)  # points by height, whichever side they were counted from
    distance = thickness[:, None] - light.depth[along] if from_top else light.depth
    return PumpAbsorption(
        reflectance=float(1 - entering + entering * light.reflected.sum()),
        transmittance=float(entering * light.transmitted.sum()),
        layers=tuple((entering * light.absorbed[along]).tolist()),
        film=float(entering * light.absorbed @ share),
        fill=tuple(_fill(layer) for layer in device.layers),
        height=bottom + distance[:, along],
        density=entering * np.sum(light.density * gain[..., None], axis=1)[rising],
    )


def _share(light: StackLight, gain: NDArray[np.bool_]) -> Real:
    """Part of each layer's absorption that the materials with gain take, shape (layer)."""
    from scipy.integrate import simpson

    parts = simpson(light.density, x=light.depth[:, None], axis=-1)
    total = parts.sum(axis=-1)
    return np.asarray(
        np.divide((parts * gain).sum(axis=-1), total, out=np.zeros_like(total), where=total > 0)
    )


def incoming(
    device: Device, pump: Pump, angle: float, polarization: Polarization
) -> tuple[float, float]:
    """How the pump meets the layers.

    Args:
        device: The device.
        pump: The pump; wavelength and side are used.
        angle: Angle of incidence, in the superstrate or in the air below the substrate [rad].
        polarization: E (TE) or H (TM) along the lines.

    Returns:
        Angle in the half-space next to the layers [rad], and the share of the power that gets there
        through the outer face of the substrate.
    """
    if pump.side == "top":
        return angle, 1.0
    index = complex(device.substrate.material.index(pump.wavelength)).real
    inside = asin(sin(angle) / index)
    return inside, 1 - _face(index, angle, inside, polarization)


def _face(index: float, outside: float, inside: float, polarization: Polarization) -> float:
    """Reflectance of the outer face of the substrate, from air (Fresnel)."""
    one, two = cos(outside), index * cos(inside)
    if polarization == "TM":
        one, two = index * cos(outside), cos(inside)
    return ((one - two) / (one + two)) ** 2


def _has_gain(layer: Layer) -> bool:
    return any(gain for _, _, gain in layer.regions())


def _fill(layer: Layer) -> float:
    """Part of a layer's volume that has gain."""
    return sum(share for share, _, gain in layer.regions() if gain)


def _slice(layer: Layer, wavelength: float, extinction: float) -> Slice:
    def index(material: Material, gain: bool) -> complex:
        found = complex(material.index(wavelength))
        return complex(found.real, extinction) if gain else found

    around = index(layer.material, layer.gain)
    if layer.lines is None:
        return Slice(layer.thickness, around)
    line = index(layer.lines.material, layer.lines.gain)
    return Slice(layer.thickness, around, line, layer.lines.duty)


def _fluence_per_exciton(
    pump_wavelength: float, absorbed_fraction: float, dots_per_area: float
) -> float:
    """Incident fluence that makes one exciton per dot [pJ/µm²]."""
    positive("pump_wavelength (in um)", pump_wavelength)
    positive("absorbed_fraction", within("absorbed_fraction", absorbed_fraction, 0, 1))
    positive("dots_per_area (in 1/um^2)", dots_per_area)
    return dots_per_area * photon_energy(pump_wavelength) / absorbed_fraction
