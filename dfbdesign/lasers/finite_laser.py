"""The finite laser by the rigorous solver: thresholds as gain, excitons and fluence.

It stands beside `dfbdesign.lasers.laser`, shares no model of the cavity with it, and takes
seconds where that takes milliseconds.
"""

from dataclasses import dataclass, field

from dfbdesign.device import Device
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.film import (
    excitons_for_gain,
    resolve_film,
    threshold_fluence,
    unpumped_absorption,
)
from dfbdesign.solvers.finite import FiniteMode, finite_modes
from dfbdesign.units import cm


@dataclass(frozen=True)
class RigorousMode:
    """One threshold mode of the finite device."""

    wavelength: float
    """Vacuum wavelength at threshold [µm]."""
    cold_quality_factor: float | None
    """Q without gain and absorption of the film; `None` with an "unpumped" end."""
    threshold_material_gain: float
    """Material gain of the pumped film at threshold [1/µm]."""
    threshold_modal_gain: float
    """The same times the confinement of the guided wave [1/µm]."""
    excitons_per_dot: float | None
    """Mean excitons per dot where it is pumped; `None` without a film."""
    threshold_fluence: float | None
    """Pump fluence [pJ/µm²]; `None` without film and pump."""
    mode: FiniteMode = field(repr=False, compare=False)
    """Its field, and the error of its wavelength."""


def rigorous_laser(
    device: Device, count: int = 4, accuracy: float = 1e-6
) -> tuple[RigorousMode, ...]:
    """Threshold modes of the finite device near its target, from Maxwell's equations.

    Args:
        device: Needs a grating with a length, a target, and a layer with gain; TE. With a film,
            film that is not pumped absorbs; with film and pump, thresholds are fluences too.
        count: Largest number of modes.
        accuracy: Largest relative change of the wavenumber in a larger basis.

    Returns:
        The modes, lowest threshold first.

    Raises:
        InputError: If something needed is missing or not solved rigorously.
        PhysicsError: If no mode reaches threshold near the target, or the film has too little gain.

    Examples:
        >>> lines = Lines(material=2.42, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines, gain=True),
        ...             Layer(thickness=160 * nm, material=2.53, gain=True)],
        ...     grating=Grating(period=865 * nm, length=160 * 865 * nm),
        ...     target=Target(wavelength=1670 * nm),
        ... )
        >>> first, = rigorous_laser(device, count=1, accuracy=1e-5)
        >>> f"{first.wavelength / nm:.1f} nm, {first.threshold_material_gain * cm:.0f} 1/cm"
        '1678.2 nm, 299 1/cm'
    """
    film = resolve_film(device.film) if device.film is not None else None
    absorption = unpumped_absorption(film) if film is not None else 0.0
    found = []
    for mode in finite_modes(device, absorption=absorption, count=count, accuracy=accuracy):
        if mode.threshold is None:
            raise InputError("nothing can lase: set gain = true in the layer that has the gain.")
        gain = mode.threshold.gain
        excitons = fluence = None
        if film is not None:
            if gain >= film.largest_gain:
                break  # and so are those above it
            excitons = float(excitons_for_gain(film, gain))
            if device.pump is not None:
                fluence = float(threshold_fluence(film, gain, device.pump.wavelength))
        found.append(
            RigorousMode(
                wavelength=mode.wavelength,
                cold_quality_factor=mode.quality_factor,
                threshold_material_gain=gain,
                threshold_modal_gain=mode.confinement * gain,
                excitons_per_dot=excitons,
                threshold_fluence=fluence,
                mode=mode,
            )
        )
    if film is not None and not found:
        raise PhysicsError(
            f"no mode lases: the best one needs a material gain of {gain * cm:.0f} 1/cm, the film "
            f'"{film.name}" gives less than {film.largest_gain * cm:.0f} 1/cm at any pump.'
        )
    return tuple(found)
