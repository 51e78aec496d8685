"""From a target to a device: the period that puts the mode that lases where it is wanted.

The mode that lases is the one of lowest threshold in the finite, pumped device, not the Bragg
wavelength: the two band edges of a second-order grating lie nanometres apart, and which of them
lases depends on duty and on which index is the higher one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfbdesign.device import Device, Layer, Measured, changed, device_from
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.files import read_toml
from dfbdesign.laser import LasingMode, Origin, laser
from dfbdesign.solvers.slab import slab
from dfbdesign.units import nm, pm

TOLERANCE = 0.5 * pm
"""How closely the lasing wavelength meets the target."""


@dataclass(frozen=True)
class Alternative:
    """Another period worth knowing of."""

    period: float
    """Grating period [µm]."""
    mode: LasingMode
    """The mode in question, at that period."""
    reason: str
    """What this alternative is for."""


@dataclass(frozen=True)
class Design:
    """A designed device and what it is expected to do."""

    device: Device
    """The target with its period filled in."""
    lasing_mode: LasingMode
    """The mode of lowest threshold, as re-solved for the designed device."""
    alternatives: tuple[Alternative, ...]
    """The other band edge at the target, and the nearest periods on a 1 nm grid."""


@dataclass(frozen=True)
class Calibration:
    """A film index that one measured laser implies, and what it predicts for the others."""

    reference: Measured
    """The laser whose wavelength was used."""
    index_offset: float
    """What was added to the index of the gain film's data."""
    film_index: float
    """Index of the film at the wavelength of the reference laser."""
    predictions: tuple[tuple[Measured, float], ...]
    """The other measured lasers and the lasing wavelengths predicted for them, unadjusted [µm]."""


def load_target(path: str | Path) -> Device:
    """Read a target file: a device file whose grating may lack its period.

    Args:
        path: A TOML file.

    Returns:
        The device, at the period at which the bare film would meet the target.

    Raises:
        InputError: If the file cannot be read or anything in it is wrong.
        NoGuidedMode: If the film guides no mode at the target wavelength.
    """
    path = Path(path)
    content: dict[str, Any] = read_toml(path)
    grating = content.get("grating")
    if not isinstance(grating, dict) or "period" in grating:
        return device_from(content, path)
    provisional = content | {"grating": grating | {"period": "1000 nm"}}
    device = device_from(provisional, path)
    return changed(device, {"grating.period": film_period(device)})


def film_period(device: Device) -> float:
    """Period at which the fundamental mode of the film meets the Bragg condition.

    Args:
        device: Needs a grating and a target; lines are averaged.

    Returns:
        order × wavelength / (2 n_eff) [µm].

    Raises:
        NoGuidedMode: If the film guides no mode at the target wavelength.
    """
    film = slab(device)
    n_eff = max(mode.n_eff.real for mode in film.modes if mode.polarization == device.polarization)
    return device.need_grating().order * device.need_target().wavelength / (2 * n_eff)


def design(target: Device) -> Design:
    """Choose the period so that the mode that lases sits at the target wavelength.

    Args:
        target: A finite device with a target; its period is only replaced.

    Returns:
        The designed device, re-solved; it meets the target within 0.5 pm.

    Raises:
        InputError: If the grating has no length.
        NoGuidedMode: If the film guides no mode at the target wavelength.
        NotConverged: If no period meets the target.
    """
    wanted = target.need_target().wavelength
    start = film_period(target)
    origin = laser(_at(target, start)).modes[0].origin
    for _ in range(2):
        period = _period_for(target, origin, start)
        device = _at(target, period)
        first = laser(device).modes[0]
        if first.origin == origin:
            return Design(device, first, _alternatives(target, period, first))
        origin = first.origin
    raise NotConverged(
        f"the bright and the dark band edge change places as the mode that lases near "
        f"{wanted / nm:g} nm. Choose a duty further from where the feedback vanishes."
    )


def _at(target: Device, period: float) -> Device:
    return changed(target, {"grating.period": period})


def _mode(device: Device, origin: Origin) -> LasingMode:
    for mode in laser(device).modes:
        if mode.origin == origin:
            return mode
    raise NoGuidedMode(f"no mode derived from the {origin} band edge lases near the target.")


def _period_for(target: Device, origin: Origin, start: float) -> float:
    """Period at which the lowest mode of one band edge meets the target."""
    wanted = target.need_target().wavelength
    return _root(
        lambda period: _mode(_at(target, period), origin).wavelength - wanted,
        start,
        start * 1.002,
        "period",
    )


def _root(miss: Callable[[float], float], first: float, second: float, name: str) -> float:
    """Secant steps until the wavelength is met; wavelengths are almost linear in what we vary."""
    misses = miss(first), miss(second)
    for _ in range(20):
        if misses[1] == misses[0]:
            break
        first, second = second, second - misses[1] * (second - first) / (misses[1] - misses[0])
        misses = misses[1], miss(second)
        if abs(misses[1]) < TOLERANCE:
            return second
    raise NotConverged(f"no {name} meets the wavelength: still {misses[1] / nm:.3g} nm off.")


def _alternatives(target: Device, period: float, lasing: LasingMode) -> tuple[Alternative, ...]:
    found = []
    for other in laser(_at(target, period)).modes:
        if other.origin != lasing.origin:
            shifted = _period_for(target, other.origin, period)
            mode = _mode(_at(target, shifted), other.origin)
            found.append(Alternative(shifted, mode, f"puts the {other.origin} edge at the target"))
            break
    below = int(period / nm) * nm
    for rounded in (below, below + 1 * nm):
        mode = laser(_at(target, rounded)).modes[0]
        found.append(Alternative(rounded, mode, "on a 1 nm grid"))
    return tuple(found)


def calibration(device: Device) -> Calibration:
    """Film index from the first measured laser, and predictions for the others.

    Args:
        device: Holds at least one measured laser of the same stack; each is modelled as this
            device at the measured period.

    Returns:
        The calibrated index and the unadjusted predictions.

    Raises:
        InputError: If the device lists no measured laser or no layer carries the gain.
        NotConverged: If no film index explains the measurement.
    """
    if not device.measured:
        raise InputError("calibration needs a [[measured]] section with a period and a wavelength.")
    reference, *others = device.measured
    # The bare film comes first: it is close, and needs no data beyond the measured wavelength.
    start = _root(
        lambda offset: film_period(_measured_device(device, reference, offset)) - reference.period,
        0.0,
        -0.01,
        "film index",
    )
    offset = _root(
        lambda offset: _predicted(device, reference, offset) - reference.wavelength,
        start,
        start + 0.001,
        "film index",
    )
    film = _film_layer(device).material.with_index_offset(offset)
    return Calibration(
        reference,
        offset,
        float(film.index(reference.wavelength).real),
        tuple((laser_, _predicted(device, laser_, offset)) for laser_ in others),
    )


def _measured_device(device: Device, measured: Measured, offset: float) -> Device:
    """The device as a measured laser of the same stack, its film index shifted."""
    changes: dict[str, Any] = {
        "grating.period": measured.period,
        "target.wavelength": measured.wavelength,
    }
    for number, layer in enumerate(device.layers):
        if layer.gain:
            changes[f"layers.{number}.material"] = layer.material.with_index_offset(offset)
    return changed(device, changes)


def _predicted(device: Device, measured: Measured, offset: float) -> float:
    return laser(_measured_device(device, measured, offset)).modes[0].wavelength


def _film_layer(device: Device) -> Layer:
    for layer in device.layers:
        if layer.gain:
            return layer
    raise InputError("calibration needs a layer with gain = true: the film whose index it finds.")
