"""What is not known about a device before it is made, as independent causes that move its values.

Every cause is a standard normal number; what it moves, it moves together. One wrong dose widens all
lines. A film that dries denser has a higher index and is thinner. Film that fills the grooves of
taller or wider lines stands differently above them, as its volume stays. So the causes are
independent, and the values of the device are correlated as physics correlates them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from dfbdesign.checks import within
from dfbdesign.device import Device, changed
from dfbdesign.errors import InputError
from dfbdesign.files import read_toml
from dfbdesign.materials import Material, constant
from dfbdesign.schema import Angle, Length, Part, explain
from dfbdesign.solvers.cell_gradient import device_value
from dfbdesign.units import deg, nm

Real = NDArray[np.floating[Any]]


class Spread(Part):
    """One standard deviation of everything that is not known; 0 for what is."""

    film_index: float = Field(default=0.1, ge=0)
    """Of the gain film, at fixed thickness."""
    film_thickness: Length = Field(default=5 * nm, ge=0)
    """Of the film above the lines."""
    film_density: float = Field(default=0.0, ge=0)
    """Relative; index and thickness follow (Lorentz-Lorenz, same mass)."""
    line_height: Length = Field(default=2 * nm, ge=0)
    line_width: Length = Field(default=10 * nm, ge=0)
    line_index: float = Field(default=0.02, ge=0)
    sidewall: Angle = Field(default=0.0, ge=0)
    dose: float = Field(default=0.03, ge=0)
    """Relative error of the dose, the same for all lines of a chip."""
    width_per_dose: Length = 60 * nm
    """Change of every line width with the relative dose."""
    substrate_index: float = Field(default=0.0, ge=0)
    local_thickness: Length = Field(default=0.5 * nm, ge=0)
    """Of the film, from device to device on one chip."""
    local_width: Length = Field(default=1 * nm, ge=0)
    """Of the lines, from device to device on one chip."""
    film_keeps_volume: bool = True
    """Whether film that lines displace stands above them."""


@dataclass(frozen=True)
class Cause:
    """One thing that can be off, and all that moves with it."""

    name: str
    moves: Mapping[str, float]
    """Change of each value for one standard deviation, by path; of the index for a material."""


def load_spread(path: str | Path) -> Spread:
    """Read a spread file: one standard deviation per key.

    Args:
        path: A TOML file such as `film_index = 0.02`.

    Returns:
        The spread.

    Raises:
        InputError: If the file cannot be read or anything in it is wrong.
    """
    path = Path(path)
    try:
        return Spread.model_validate(read_toml(path), context={"folder": path.parent})
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None


def causes(device: Device, spread: Spread) -> tuple[Cause, ...]:
    """The independent causes of a spread and what they move in a device.

    Args:
        device: Needs a layer with gain.
        spread: Standard deviations.

    Returns:
        All causes with a standard deviation above zero.

    Raises:
        InputError: If no layer carries gain, or nothing is uncertain.

    Examples:
        >>> from dfbdesign.device import Grating, Layer, Lines
        >>> lines = Lines(material=2.30, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0, grating=Grating(period=865 * nm),
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines, gain=True),
        ...             Layer(thickness=160 * nm, material=2.53, gain=True)],
        ... )
        >>> (dose,) = [one for one in causes(device, Spread()) if one.name == "dose"]
        >>> {path: round(move, 5) for path, move in dose.moves.items()}
        {'layers.0.lines.duty': 0.00208, 'layers.1.thickness': 0.0001}
    """
    film, top = _film(device)
    indices = {f"layers.{i}.material": 1.0 for i in film}
    thick = {f"layers.{top}.thickness": 1.0}
    index = float(_material_of(device, top).index(_wavelength(device)).real)
    # dn of a relative density s: (n² - 1)(n² + 2) / (6 n) s; thickness falls by the same share
    denser = {path: (index**2 - 1) * (index**2 + 2) / (6 * index) for path in indices}
    denser[f"layers.{top}.thickness"] = -device.layers[top].thickness
    width, height = width_moves(device, spread), _height_moves(device, spread)
    lines = [i for i, layer in enumerate(device.layers) if layer.lines]
    found = [
        _cause("film index", indices, spread.film_index),
        _cause("film thickness", thick, spread.film_thickness),
        _cause("film density", denser, spread.film_density),
        _cause("line height", height, spread.line_height),
        _cause("line width", width, spread.line_width),
        _cause("dose", width, spread.dose * spread.width_per_dose),
        _cause("side wall", {f"layers.{i}.lines.sidewall": 1.0 for i in lines}, spread.sidewall),
        _cause("line index", {f"layers.{i}.lines.material": 1.0 for i in lines}, spread.line_index),
        _cause("substrate index", {"substrate.material": 1.0}, spread.substrate_index),
    ]
    known = tuple(one for one in found if one.moves and any(one.moves.values()))
    if not known:
        raise InputError("nothing is uncertain: give the spread at least one value above zero.")
    return known


def local_causes(device: Device, spread: Spread) -> tuple[Cause, ...]:
    """What differs from device to device on one chip.

    Args:
        device: Needs a layer with gain.
        spread: Standard deviations.

    Returns:
        Film thickness and line width, where they spread.
    """
    _, top = _film(device)
    found = (
        _cause("local thickness", {f"layers.{top}.thickness": 1.0}, spread.local_thickness),
        _cause("local width", width_moves(device, spread), spread.local_width),
    )
    return tuple(one for one in found if any(one.moves.values()))


def width_moves(device: Device, spread: Spread) -> dict[str, float]:
    """What wider lines move, per µm of width.

    Args:
        device: With lines.
        spread: Whether the film keeps its volume.

    Returns:
        Changes of the duties, and of the thickness of the film above, by path.
    """
    period, moves, risen = device.need_grating().period, {}, 0.0
    for number, layer in enumerate(device.layers):
        if layer.lines is not None:
            moves[f"layers.{number}.lines.duty"] = 1 / period
            for place in range(len(layer.further_lines)):
                moves[f"layers.{number}.further_lines.{place}.duty"] = 1 / period
            risen += layer.thickness / period if layer.gain else 0.0
    return moves | _risen(device, spread, risen)


def _height_moves(device: Device, spread: Spread) -> dict[str, float]:
    """What taller lines move: the patterned layers, in proportion, and the film above."""
    layers = [(i, one) for i, one in enumerate(device.layers) if one.lines]
    total = sum(layer.thickness for _, layer in layers)
    moves = {f"layers.{number}.thickness": layer.thickness / total for number, layer in layers}
    grooves = sum(
        -layer.regions()[0][0] * layer.thickness / total for _, layer in layers if layer.gain
    )
    return moves | _risen(device, spread, grooves)


def _risen(device: Device, spread: Spread, amount: float) -> dict[str, float]:
    _, top = _film(device)
    if not spread.film_keeps_volume or not amount or device.layers[top].lines:
        return {}
    return {f"layers.{top}.thickness": amount}


def _film(device: Device) -> tuple[list[int], int]:
    """The layers of the gain film, and the one whose thickness is the film's."""
    gain = [number for number, layer in enumerate(device.layers) if layer.gain]
    if not gain:
        raise InputError("the spread of a film needs a layer with gain = true.")
    layers = device.layers
    top = max(gain, key=lambda number: (layers[number].lines is None, layers[number].thickness))
    return [n for n in gain if layers[n].material == layers[top].material], top


def _cause(name: str, moves: Mapping[str, float], sigma: float) -> Cause:
    return Cause(name, {path: move * sigma for path, move in moves.items() if move})


def _wavelength(device: Device) -> float:
    return device.target.wavelength if device.target else 1670 * nm


def _material_of(device: Device, layer: int) -> Material:
    return device.layers[layer].material


def shifted(
    device: Device, found: Sequence[Cause], amounts: Real, also: Mapping[str, Real] | None = None
) -> dict[str, Any]:
    """The values of many devices whose causes are off by given amounts.

    Args:
        device: The device as meant.
        found: The causes.
        amounts: In standard deviations, shape (device, cause).
        also: Values that replace the device's own before, shape (device,) each, by path.

    Returns:
        Arrays by path, as `band_edges` takes them. Duties are kept between 0.02 and 0.98,
        thicknesses above 1 nm, side walls within 45 degrees of upright.
    """
    also = also or {}
    values: dict[str, Any] = dict(also)
    paths = dict.fromkeys(path for one in found for path in one.moves)
    for path in paths:
        moves = np.array([one.moves.get(path, 0.0) for one in found])
        move = amounts @ moves
        if path.endswith(".material"):
            values[path] = _indices(device_value(device, path), move)
            continue
        value = also.get(path, device_value(device, path)) + move
        values[path] = np.clip(value, *_LIMITS[path.rpartition(".")[2]])
    return values


_LIMITS = {"duty": (0.02, 0.98), "thickness": (1 * nm, 100.0), "sidewall": (45 * deg, 135 * deg),
           "period": (0.0, 100.0)}  # fmt: skip


def _indices(material: Material, move: Real) -> Any:
    if material.is_constant and not material.is_uniaxial:
        return complex(material.index(1.0)) + move
    return [with_offset(material, float(one)) for one in move]


def with_offset(material: Material, offset: float) -> Material:
    """The same material with a number added to its index.

    Args:
        material: Of any kind.
        offset: Added to the index.

    Returns:
        A constant, or a material a device file can hold.
    """
    if material.is_constant and not material.is_uniaxial:
        return constant(complex(material.index(1.0)) + offset)
    return material.with_index_offset(offset)


def steady(device: Device) -> Device:
    """The device with half-spaces that hardly disperse (air) held at their index at the target.

    Their data may end near the target, where a wide sweep goes further.

    Args:
        device: Needs a target.

    Returns:
        The device; the index of a half-space is off by less than 1e-6 within 10 % of the target.
    """
    wavelength = device.need_target().wavelength
    for place in ("substrate", "superstrate"):
        one = getattr(device, place).material
        slope = abs(complex(one.ordinary.slope(np.asarray(wavelength))))
        if not one.is_uniaxial and 0 < 0.1 * wavelength * slope < 2e-6:
            device = changed(
                device, {f"{place}.material": constant(complex(one.index(wavelength)))}
            )
    return device


def at(device: Device, found: Sequence[Cause], amounts: Real) -> Device:
    """One device with its causes off by given amounts.

    Args:
        device: The device as meant.
        found: The causes.
        amounts: In standard deviations, shape (cause,).

    Returns:
        The device.
    """
    values = shifted(device, found, np.asarray(amounts)[None])
    return changed(device, {path: _first(value[0]) for path, value in values.items()})


def _first(value: Any) -> Any:
    return constant(value) if isinstance(value, complex) else value


def scaled(spread: Spread, factor: float) -> Spread:
    """A spread whose standard deviations are all a factor of this one's.

    Args:
        spread: The spread.
        factor: Of every standard deviation.

    Returns:
        The scaled spread; the width per dose and the volume rule stay.

    Raises:
        InputError: If the factor is negative, or no number.
    """
    within("factor of the spread", factor, 0, 1000)
    kept = ("width_per_dose", "film_keeps_volume")
    fields = {name: getattr(spread, name) for name in Spread.model_fields}
    return Spread(**{k: v if k in kept else v * factor for k, v in fields.items()})
