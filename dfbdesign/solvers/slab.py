"""Slab modes of a device: what its layers guide once the lines are averaged away.

A patterned layer is replaced by the mean over one period. TE (E along the lines) sees the mean
permittivity. TM sees the harmonic mean along x, where the field crosses the line walls, and the
mean along z. The result names the layers that were averaged. `multilayer` finds the modes,
`multilayer_field` their fields and derivatives.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive
from dfbdesign.device import Device, Layer, Polarization
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.materials import Axis, Material
from dfbdesign.solvers.multilayer import Stack, cutoff_thickness, guided, leaky
from dfbdesign.solvers.multilayer_field import Profile, profile
from dfbdesign.units import SPEED_OF_LIGHT, nm

Kind = Literal["guided", "leaky"]


@dataclass(frozen=True)
class SlabMode:
    """One mode of a slab."""

    polarization: Polarization
    order: int
    """0 for the largest n_eff of this polarisation; leaky modes continue after the guided."""
    kind: Kind
    n_eff: complex
    """Effective index; a positive imaginary part is a loss."""
    n_group: float
    """Group index, with material dispersion."""
    confinement: NDArray[np.float64]
    """Modal over material gain of each layer, the exact derivative d(n_eff)/d(n), shape (layer,).

    It can exceed the overlap with the field, and in TM differs from it. Of an averaged layer it
    refers to the averaged index.
    """
    profile: Profile
    """Solution behind the mode."""

    def field(self, z: ArrayLike) -> NDArray[np.complex128]:
        """E_y of a TE, H_y of a TM mode; about 1 where it is largest.

        Args:
            z: Height above the substrate's surface, any shape [µm].

        Returns:
            The complex field, of the same shape.
        """
        return self.profile.field(z)


@dataclass(frozen=True)
class SlabModes:
    """All modes of a slab at one wavelength."""

    wavelength: float
    """Vacuum wavelength [µm]."""
    modes: tuple[SlabMode, ...]
    """TE before TM, guided before leaky, largest n_eff first."""
    averaged_layers: tuple[int, ...]
    """Patterned layers that were replaced by their mean, counted from 1 at the substrate."""

    def fundamental(self, polarization: Polarization) -> SlabMode:
        """The guided mode of largest n_eff.

        Args:
            polarization: "TE" or "TM".

        Returns:
            The mode.

        Raises:
            NoGuidedMode: If no mode of this polarisation is guided.
        """
        for mode in self.modes:
            if mode.polarization == polarization and mode.kind == "guided":
                return mode
        raise NoGuidedMode(
            f"no guided {polarization} mode at {self.wavelength / nm:g} nm. "
            "Make the film thicker or its index higher."
        )


def slab(device: Device, wavelength: float | None = None) -> SlabModes:
    """Guided and leaky modes of a device's layers, lines averaged.

    Args:
        device: The device; of its grating only the lines' duty matters.
        wavelength: Vacuum wavelength; the device's target if left out [µm].

    Returns:
        The modes of both polarisations.

    Raises:
        NoGuidedMode: If no mode of the device's own polarisation is guided; the message gives the
            cut-off thickness.
        InputError: If there is neither a wavelength nor a target, or no index at that wavelength.

    Examples:
        >>> film = Layer(thickness=160 * nm, material={"index": 2.6}, gain=True)
        >>> device = Device(substrate="sapphire-c", layers=[film], superstrate="air")
        >>> mode = slab(device, 1660 * nm).fundamental("TE")
        >>> print(f"{mode.n_eff.real:.4f} {mode.confinement[0]:.4f}")
        1.8765 0.5517
    """
    wavelength = device.need_target().wavelength if wavelength is None else wavelength
    positive("wavelength (in um)", wavelength)
    modes: list[SlabMode] = []
    for polarization in ("TE", "TM"):
        stack = stack_of(device, polarization, wavelength)
        found: list[tuple[complex, Kind]] = [(n, "guided") for n in guided(stack, polarization)]
        if not found and polarization == device.polarization:
            raise NoGuidedMode(_why_not(stack, polarization))
        found += [(n, "leaky") for n in leaky(stack, polarization)]
        slopes = _slopes(device, polarization, wavelength)
        modes += [
            _mode(profile(stack, polarization, n_eff), order, kind, slopes)
            for order, (n_eff, kind) in enumerate(found)
        ]
    averaged = tuple(i for i, layer in enumerate(device.layers, start=1) if layer.lines)
    return SlabModes(wavelength, tuple(modes), averaged)


def chromatic_dispersion(device: Device, mode: SlabMode) -> float:
    """Slope of the group delay of a guided mode against wavelength, with material dispersion.

    Args:
        device: The device whose mode it is.
        mode: A guided mode of it.

    Returns:
        d(n_group)/d(wavelength) over the speed of light [ps/µm²].

    Raises:
        NoGuidedMode: If the mode is cut off within a thousandth of the wavelength.
        InputError: If the mode is leaky.

    Examples:
        >>> film = Layer(thickness=300 * nm, material=2.0)
        >>> device = Device(substrate=1.45, layers=[film], superstrate="air")
        >>> mode = slab(device, 1000 * nm).fundamental("TE")
        >>> from dfbdesign.units import km, ps
        >>> round(chromatic_dispersion(device, mode) / (ps / (nm * km)))
        -404
    """
    if mode.kind != "guided":
        raise InputError("dispersion is for guided modes, got a leaky one. Choose another.")
    middle = mode.profile.stack.wavelength
    step = middle / 1000
    groups = []
    for wavelength in (middle - step, middle + step):
        stack = stack_of(device, mode.polarization, wavelength)
        found = guided(stack, mode.polarization)
        if mode.order >= found.size:
            raise NoGuidedMode(
                f"{mode.polarization}{mode.order} is cut off at {wavelength / nm:g} nm: "
                "its dispersion at this wavelength has no meaning. Choose another."
            )
        solution = profile(stack, mode.polarization, found[mode.order])
        groups.append(solution.n_group(*_slopes(device, mode.polarization, wavelength)).real)
    return float((groups[1] - groups[0]) / (2 * step) / SPEED_OF_LIGHT)


def stack_of(device: Device, polarization: Polarization, wavelength: float) -> Stack:
    """The device's layers as a multilayer, lines averaged.

    Args:
        device: The device.
        polarization: "TE" or "TM", which average differently.
        wavelength: Vacuum wavelength [µm].

    Returns:
        Plain numbers for `multilayer`.

    Raises:
        InputError: If a material has no data at this wavelength.
    """
    media = _media(device)
    return Stack(
        wavelength,
        np.array([layer.thickness for layer in device.layers]),
        np.array([_mean(medium, wavelength, "ordinary", polarization)[0] for medium in media]),
        np.array([_mean(medium, wavelength, "extraordinary", polarization)[0] for medium in media]),
    )


def _media(device: Device) -> list[Material | Layer]:
    return [device.substrate.material, *device.layers, device.superstrate.material]


def _slopes(
    device: Device, polarization: Polarization, wavelength: float
) -> tuple[list[complex], list[complex]]:
    media = _media(device)
    ordinary = [_mean(medium, wavelength, "ordinary", polarization)[1] for medium in media]
    along_z = [_mean(medium, wavelength, "extraordinary", polarization)[1] for medium in media]
    return ordinary, along_z


def _mean(
    medium: Material | Layer, wavelength: float, axis: Axis, polarization: Polarization
) -> tuple[complex, complex]:
    """Permittivity of a medium averaged over a period, and its slope against wavelength."""
    if isinstance(medium, Material):
        parts = [(1.0, medium)]
    else:  # at half height, so the mean of slanted walls too
        parts = [(share, material) for share, material, _ in medium.regions()]
    share = np.array([part for part, _ in parts])
    value = np.array([material.permittivity(wavelength, axis) for _, material in parts])
    slope = np.array([material.permittivity_slope(wavelength, axis) for _, material in parts])
    if polarization == "TM" and axis == "ordinary":
        mean = 1 / np.sum(share / value)
        return complex(mean), complex(mean**2 * np.sum(share * slope / value**2))
    return complex(np.sum(share * value)), complex(np.sum(share * slope))


def _mode(
    solution: Profile,
    order: int,
    kind: Kind,
    slopes: tuple[list[complex], list[complex]],
) -> SlabMode:
    stack = solution.stack
    ordinary, extraordinary = solution.sensitivity()
    confinement = 2 * (
        np.sqrt(stack.ordinary) * ordinary + np.sqrt(stack.extraordinary) * extraordinary
    )
    return SlabMode(
        polarization=solution.polarization,
        order=order,
        kind=kind,
        n_eff=solution.n_eff,
        n_group=solution.n_group(*slopes).real,
        confinement=confinement[1:-1].real,
        profile=solution,
    )


def _why_not(stack: Stack, polarization: Polarization) -> str:
    """The error message when nothing is guided: how thick the film would have to be."""
    inner = (stack.ordinary if polarization == "TE" else stack.extraordinary)[1:-1].real
    densest = int(np.argmax(inner)) + 1
    say = f"no guided {polarization} mode at {stack.wavelength / nm:g} nm: "
    floor = max(stack.cut_offs(polarization)) ** 0.5
    if inner[densest - 1] <= floor**2:
        return f"{say}no layer has an index above the half-spaces' n = {floor:.4f}. Raise it."
    cut_off = cutoff_thickness(stack, polarization, densest)
    name = "the film" if inner.size == 1 else f"layer {densest}"
    return (
        f"{say}{name} is below the {cut_off / nm:.1f} nm cut-off on n = {floor:.4f}. "
        f"Make it thicker than that (now {stack.thickness[densest - 1] / nm:g} nm)."
    )
