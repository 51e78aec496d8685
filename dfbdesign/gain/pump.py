r"""From pump light to excitons: dots per area, excitons per dot, and what each layer absorbs.

A film of thickness $L$ and packing fraction $\phi$ of spheres of diameter $d$ holds
$\phi L / V$ dots per area, $V = \pi d^3/6$. A pulse of fluence $F$, of which the film absorbs the
fraction $A$, makes

$$ \langle N\rangle = \frac{F A / h\nu}{\phi L / V} $$

excitons per dot: one per absorbed photon, spread evenly over the film. The absorbed fraction is
either measured, or computed here for the actual stack: plane wave at normal incidence, all
reflections inside the stack coherent. In a layer of index $n$ with the downward amplitude
$\propto e^{ink_0\zeta}$ the local absorption per depth $\zeta$, as a fraction of the incident power
in a medium of index $n_1$, is $k_0\,\mathrm{Im}(n^2)\,|E(\zeta)|^2/(n_1|E_{in}|^2)$
(Born and Wolf, Principles of Optics, 7th ed., sec. 1.6 and 14.4).
"""

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive, within
from dfbdesign.device import Device, Layer, Pump
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.materials import Material
from dfbdesign.units import photon_energy

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


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
    values = _not_negative("fluence (in pJ/um^2)", fluence)
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
    values = _not_negative("excitons per dot", excitons)
    return values * _fluence_per_exciton(pump_wavelength, absorbed_fraction, dots_per_area)


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
    offered = _not_negative("unsaturated excitons per dot", unsaturated)
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
    wanted = _not_negative("excitons per dot", excitons)
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
class StackLight:
    """Where the power of light at normal incidence goes; layers in the order light meets them."""

    reflection: Complex
    """Amplitude reflection at the lit surface, shape (...)."""
    transmittance: Real
    """Power that enters the last medium, shape (...)."""
    absorbed: Real
    """Power that each layer absorbs, shape (..., layer)."""
    depth: Real
    """Depths inside each layer from its lit surface, shape (layer, point) [µm]."""
    density: Real
    """Absorbed power per depth there, shape (..., layer, point) [1/µm]."""

    @property
    def reflectance(self) -> Real:
        """Reflected power, shape (...)."""
        return np.abs(self.reflection) ** 2


def stack_light(
    index: ArrayLike, thickness: ArrayLike, wavelength: ArrayLike, points: int = 33
) -> StackLight:
    """Reflection, transmission and absorption of a stack of passive layers at normal incidence.

    The admittance is carried from the last interface to the first and the field back from the first
    to the last; both recursions only ever shrink, so thick absorbing layers are no trouble.

    Args:
        index: Complex index of the first medium, the layers and the last medium, in the order light
            meets them; shape (..., layer + 2).
        thickness: Layer thicknesses, shape (layer) [µm].
        wavelength: Vacuum wavelength, shape (...) [µm].
        points: Number of depths per layer, ends included, at which the density is given.

    Returns:
        The powers, as fractions of the incident one.

    Raises:
        InputError: If the first medium absorbs (incident power is then undefined) or any medium
            has gain.

    Examples:
        A quarter wave of index 1.5 on glass of index 2.25 does not reflect.

        >>> light = stack_light([1, 1.5, 2.25], [1 / 6], 1.0)
        >>> round(float(light.reflectance), 12), round(float(light.transmittance), 12)
        (0.0, 1.0)
    """
    n = np.asarray(index, dtype=complex)
    if np.any(n.imag < 0):
        raise InputError(f"every medium must be passive, got index {n[n.imag < 0].flat[0]}.")
    if np.any(n[..., 0].imag != 0):
        raise InputError("the medium light comes from must be transparent at the pump wavelength.")
    lengths = np.asarray(thickness, dtype=float)
    k0 = 2 * pi / np.asarray(wavelength, dtype=float)
    wavenumber = k0[..., None] * n[..., 1:-1]
    admittance, far_side = _upwards(n, np.exp(1j * wavenumber * lengths))

    incident = n[..., 0].real
    reflection = (n[..., 0] - admittance[0]) / (n[..., 0] + admittance[0])
    field = 1 + reflection
    flow, density = [admittance[0].real * np.abs(field) ** 2 / incident], []
    depth = lengths[:, None] * np.linspace(0, 1, points)
    for j, length in enumerate(lengths):
        down = np.exp(1j * wavenumber[..., j, None] * depth[j])
        up = far_side[j][..., None] * np.exp(
            1j * wavenumber[..., j, None] * (2 * length - depth[j])
        )
        inside = (field / (1 + up[..., 0]))[..., None] * (down + up)
        loss = k0 * (n[..., j + 1] ** 2).imag / incident
        density.append(loss[..., None] * np.abs(inside) ** 2)
        field = inside[..., -1]
        flow.append(admittance[j + 1].real * np.abs(field) ** 2 / incident)
    return StackLight(
        reflection=reflection,
        transmittance=flow[-1],
        absorbed=-np.diff(np.stack(flow, axis=-1), axis=-1),
        depth=depth,
        density=np.stack(density, axis=-2),
    )


def _upwards(index: Complex, transmission: Complex) -> tuple[list[Complex], list[Complex]]:
    """Admittance at each interface, and amplitude reflection at the far side of each layer."""
    admittance: list[Complex] = [index[..., -1]]
    far_side: list[Complex] = []
    for j in reversed(range(transmission.shape[-1])):
        inside, beyond = index[..., j + 1], admittance[0]
        reflection = (inside - beyond) / (inside + beyond)
        returned = reflection * transmission[..., j] ** 2
        far_side.insert(0, reflection)
        admittance.insert(0, inside * (1 - returned) / (1 + returned))
    return admittance, far_side


@dataclass(frozen=True)
class PumpAbsorption:
    """Where the pump light of a device goes; layers from the substrate up, as in the device."""

    reflectance: float
    """Power that returns to where the pump comes from."""
    transmittance: float
    """Power that leaves on the other side of the stack."""
    layers: tuple[float, ...]
    """Power that each layer absorbs."""
    film: float
    """Power that the materials with gain absorb, in all layers together."""
    film_thickness: float
    """Volume of these materials per area [µm]: what the absorbed photons are spread over."""
    height: Real
    """Heights above the substrate inside each layer, ascending, shape (layer, point) [µm]."""
    density: Real
    """Absorbed power per height there, of the laterally averaged layer [1/µm]."""


def absorbed_fraction(device: Device, pump: Pump, extinction: float) -> PumpAbsorption:
    """What each layer of a device absorbs of the pump, from the coherent optics of the stack.

    Assumed: a plane wave at normal incidence, polarised along the lines, so that a patterned layer
    acts as its area-weighted mean permittivity; no light diffracted into higher orders. Light
    from the top comes from the superstrate. Light through the substrate first crosses the polished
    outer face of the substrate from air (what the face reflects counts as reflected); the thick
    substrate keeps no phase. Echoes from that face are neglected for either side.

    Args:
        device: The device; its layers (or lines) with gain make up the film.
        pump: The pump; wavelength and side are used.
        extinction: Imaginary index of the materials with gain at the pump wavelength. It replaces
            that of their index data, which leave the dots' absorption out.

    Returns:
        Powers as fractions of the incident pump; reflectance, transmittance and layers add to one.

    Raises:
        InputError: If no layer carries gain, the extinction is not positive, the pump wavelength is
            outside the index data, or the pump comes through an absorbing medium.
    """
    positive("extinction", extinction)
    permittivity, gain_part, fill = _averaged(device, pump.wavelength, extinction)
    thickness = np.array([layer.thickness for layer in device.layers])
    outer = [device.substrate.material, device.superstrate.material]
    below, above = (complex(material.index(pump.wavelength)) for material in outer)
    index = np.array([below, *np.sqrt(permittivity), above])
    from_top = pump.side == "top"
    along = slice(None, None, -1 if from_top else 1)
    light = stack_light(index[along], thickness[along], pump.wavelength)
    entering = 1.0 if from_top else 1 - abs((1 - below) / (1 + below)) ** 2

    layers = entering * light.absorbed[along]
    bottom = np.concatenate([[0.0], np.cumsum(thickness)[:-1]])[:, None]
    rising = (slice(None), along)  # points by height, whichever side they were counted from
    distance = thickness[:, None] - light.depth[along] if from_top else light.depth
    return PumpAbsorption(
        reflectance=float(1 - entering + entering * light.reflectance),
        transmittance=float(entering * light.transmittance),
        layers=tuple(layers.tolist()),
        film=float(layers @ gain_part),
        film_thickness=float(thickness @ fill),
        height=bottom + distance[rising],
        density=entering * light.density[along][rising],
    )


def _averaged(device: Device, wavelength: float, extinction: float) -> tuple[Complex, Real, Real]:
    """Mean permittivity of each layer, the part of its absorption and of its volume with gain."""
    permittivity, gain_part, fill = [], [], []
    for layer in device.layers:
        parts = _parts(layer, wavelength, extinction)
        mean = sum(share * eps for share, eps, _ in parts)
        gain = sum(share * eps.imag for share, eps, has_gain in parts if has_gain)
        permittivity.append(mean)
        gain_part.append(gain / mean.imag if gain else 0.0)
        fill.append(sum(share for share, _, has_gain in parts if has_gain))
    if not any(fill):
        raise InputError("no layer carries gain. Mark the film with gain = true.")
    return np.array(permittivity), np.array(gain_part), np.array(fill, dtype=float)


def _parts(layer: Layer, wavelength: float, extinction: float) -> list[tuple[float, complex, bool]]:
    """Area share, permittivity and presence of gain of the materials of a layer."""

    def part(share: float, material: Material, gain: bool) -> tuple[float, complex, bool]:
        index = complex(material.index(wavelength))
        return share, (complex(index.real, extinction) if gain else index) ** 2, gain

    if layer.lines is None:
        return [part(1.0, layer.material, layer.gain)]
    duty = layer.lines.duty
    return [
        part(1 - duty, layer.material, layer.gain),
        part(duty, layer.lines.material, layer.lines.gain),
    ]


def _fluence_per_exciton(
    pump_wavelength: float, absorbed_fraction: float, dots_per_area: float
) -> float:
    """Incident fluence that makes one exciton per dot [pJ/µm²]."""
    positive("pump_wavelength (in um)", pump_wavelength)
    positive("absorbed_fraction", within("absorbed_fraction", absorbed_fraction, 0, 1))
    positive("dots_per_area (in 1/um^2)", dots_per_area)
    return dots_per_area * photon_energy(pump_wavelength) / absorbed_fraction


def _not_negative(name: str, values: ArrayLike) -> Real:
    array = np.asarray(values, dtype=float)
    wrong = ~((array >= 0) & np.isfinite(array))
    if wrong.any():
        raise InputError(f"{name} must be zero or a positive number, got {array[wrong].flat[0]:g}.")
    return array
