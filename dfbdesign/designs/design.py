"""From a target to a device: the period that puts the mode that lases where it is wanted.

The mode that lases is the one of lowest threshold in the finite, pumped device, not the Bragg
wavelength: the two band edges of a second-order grating lie nanometres apart, and which of them
lases depends on duty and on which index is the higher one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import floor
from pathlib import Path
from typing import Any, TypeVar

from dfbdesign.device import Device, Layer, Measured, changed, device_from
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.files import read_toml
from dfbdesign.lasers.laser import Laser, LasingMode, laser
from dfbdesign.solvers.slab import slab
from dfbdesign.solvers.transfer_matrix import Edge
from dfbdesign.units import nm, pm

T = TypeVar("T")

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
    """The target with its period filled in; if no period meets the target with the whole number of
    periods nearest to the length, the length has changed by a fraction of one."""
    solved: Laser
    """The designed device, solved anew."""
    alternatives: tuple[Alternative, ...]
    """The other band edge at the target, and the nearest periods on a 1 nm grid."""

    @property
    def lasing_mode(self) -> LasingMode:
        """The mode of lowest threshold."""
        return self.solved.modes[0]


@dataclass(frozen=True)
class Calibration:
    """A film index that one measured laser implies, and what it predicts for the others."""

    reference: Measured
    """The laser whose wavelength was used."""
    index_offset: float
    """What is added to the index of the gain film's data in all: by the device file, and by this
    calibration. A constant index counts as data."""
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


def design(target: Device, period: float | None = None) -> Design:
    """Choose the period so that the mode that lases sits at the target wavelength.

    Args:
        target: A finite device with a target; only its period is replaced, if that is enough.
        period: Where the search starts; `None` for the period of the bare film [µm].

    Returns:
        The designed device, re-solved; it meets the target within 0.5 pm.

    Raises:
        InputError: If the grating has no length.
        NoGuidedMode: If the film guides no mode at the target wavelength.
        NotConverged: If no period meets the target.
    """
    device = _at(target, film_period(target) if period is None else period)
    solved = laser(device)
    edge = solved.modes[0].mode.edge
    for _ in range(2):
        device, solved = _meeting(target, edge, device, solved)
        first = solved.modes[0].mode.edge
        if first == edge:
            return Design(device, solved, _alternatives(target, device, solved))
        edge = first
    raise NotConverged(
        "the bright and the dark band edge change places as the mode that lases near "
        f"{target.need_target().wavelength / nm:g} nm. Choose a duty further from where the "
        "feedback vanishes."
    )


def _at(target: Device, period: float) -> Device:
    return changed(target, {"grating.period": period})


def _cut(target: Device, periods: int, period: float) -> Device:
    """The target with a given number of periods."""
    return changed(target, {"grating.period": period, "grating.length": periods * period})


def _solved(target: Device, periods: int, period: float) -> Laser:
    return laser(_cut(target, periods, period))


def _mode(solved: Laser, edge: Edge) -> LasingMode:
    for mode in solved.modes:
        if mode.mode.edge == edge:
            return mode
    raise NoGuidedMode(f"no mode derived from the {edge} band edge lases near the target.")


def _meeting(target: Device, edge: Edge, device: Device, solved: Laser) -> tuple[Device, Laser]:
    """The device whose lowest mode of one band edge meets the target, from one solved nearby."""
    wanted, start = target.need_target().wavelength, device.need_grating().period
    if abs(_mode(solved, edge).wavelength - wanted) < TOLERANCE:
        return device, solved
    edges = solved.cell.band_edges
    slope = sum(one.wavelength_sensitivity("grating.period") for one in edges) / len(edges)
    guess = start + (wanted - _mode(solved, edge).wavelength) / slope
    for _ in range(2):
        periods = _at(target, guess).need_grating().periods  # held: it would jump
        period, solved = _root(
            partial(_solved, target, periods),
            lambda solved: _mode(solved, edge).wavelength - wanted,
            (start, solved),
            guess,
            "period",
        )
        device = _at(target, period)
        if device.need_grating().periods == periods:
            return device, solved
        start, guess = period, 1.0001 * period
    return _cut(target, periods, period), solved


def _root(
    value: Callable[[float], T],
    miss: Callable[[T], float],
    known: tuple[float, T],
    second: float,
    name: str,
) -> tuple[float, T]:
    """Secant steps until the wavelength is met; wavelengths are almost linear in what we vary."""
    first, error = known[0], miss(known[1])
    for _ in range(20):
        found = value(second)
        previous, error = error, miss(found)
        if abs(error) < TOLERANCE:
            return second, found
        if error == previous:
            break
        first, second = second, second - error * (second - first) / (error - previous)
    raise NotConverged(f"no {name} meets the wavelength: still {error / nm:.3g} nm off.")


def _alternatives(target: Device, device: Device, solved: Laser) -> tuple[Alternative, ...]:
    lasing, period, found = solved.modes[0], device.need_grating().period, []
    for other in solved.modes:
        edge = other.mode.edge
        if edge != lasing.mode.edge:
            shifted, there = _meeting(target, edge, device, solved)
            name = "other" if other.origin == lasing.origin else other.origin
            reason = f"puts the {name} edge at the target"
            found.append(Alternative(shifted.need_grating().period, _mode(there, edge), reason))
            break
    below = floor(period / nm) * nm
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
    film = _film_layer(device).material
    reference, *others = device.measured

    def bare_film(offset: float) -> float:
        return film_period(_measured_device(device, reference, offset)) - reference.period

    def whole_laser(offset: float) -> float:
        return _predicted(device, reference, offset) - reference.wavelength

    # The bare film comes first: it is close, and needs no data beyond the measured wavelength.
    start, _ = _root(bare_film, float, (0.0, bare_film(0.0)), -0.01, "film index")
    near = start, whole_laser(start)
    offset, _ = _root(whole_laser, float, near, start + 0.001, "film index")
    calibrated = film.with_index_offset(offset)
    given = film.reference.get("index_offset", 0.0) if isinstance(film.reference, dict) else 0.0
    return Calibration(
        reference,
        given + offset,
        float(calibrated.index(reference.wavelength).real),
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
