"""Names of axes: which value of a device each means, what it measures and what to call it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

from dfbdesign.checks import nearest
from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.files import Kind, parse_quantity
from dfbdesign.materials import Material
from dfbdesign.schema import Angle, Current, Exposure, Length, Time, Wavenumber
from dfbdesign.studies.described import arguments, attributes, described

KINDS: tuple[tuple[Any, Kind, str], ...] = (
    (Length, "length", "µm"),
    (Time, "time", "ps"),
    (Angle, "angle", "rad"),
    (Wavenumber, "wavenumber", "1/µm"),
    (Current, "current", "C/ps"),
    (Exposure, "exposure", "C/µm²"),
)
"""Types of the fields of a device, what they measure, and its core unit."""
OF_UNIT: dict[str, Kind] = {unit: kind for _, kind, unit in KINDS} | {
    "pJ/µm²": "fluence",
    "pJ": "energy",
}
"""What a core unit measures, as the docstrings of functions write it."""


@dataclass(frozen=True)
class Meaning:
    """What the name of an axis stands for."""

    path: str
    """Of a value of the device, or the name of an argument."""
    argument: bool
    kind: Kind | None
    """What it measures; `None` for a pure number, a material or a word."""
    unit: str
    text: str
    material: bool = False

    def value(self, given: Any) -> Any:
        """A value in core units.

        Args:
            given: A number in core units or a text with its unit; a word or a material as it is.

        Returns:
            The number, word or material.

        Raises:
            InputError: If the text is no such quantity.
        """
        if self.kind is None:
            return given
        return parse_quantity(given, self.kind) if isinstance(given, str) else given


def meaning(name: str, device: Device | None, function: Any, parameters: list[str]) -> Meaning:
    """What the name of an axis stands for.

    Args:
        name: An argument of the function, a path of the device, or the short name of one.
        device: The device, if the function takes one.
        function: Whose docstring describes its arguments.
        parameters: Names of its arguments beside the device.

    Returns:
        The argument or path, and what it measures.

    Raises:
        InputError: If there is no such thing; it names the nearest.
    """
    if name in parameters:
        doc = arguments(function).get(name, described(name))
        return Meaning(name, True, OF_UNIT.get(doc.unit), doc.unit, doc.text or name)
    known = {} if device is None else _known(device)
    path = name.replace("layer.", "layers.", 1) if name.startswith("layer.") else name
    if path not in known:
        names = [*parameters, *known]
        raise InputError(f'there is no "{name}" to run over. {nearest(name, names)}')
    return _of_path(device, known[path])


def _known(device: Device) -> dict[str, str]:
    """Paths of all values of the device by path, and by a short name where that is clear."""
    paths = list(_leaves(device))
    ends = Counter(path.rpartition(".")[2] for path in paths)
    short = {
        end: path for path in paths if ends[end := path.rpartition(".")[2]] == 1
    }  # fmt: skip
    short |= {
        name: f"grating.{name}"
        for name in ("period", "length", "width", "order")
        if device.grating is not None
    }
    if device.target is not None:
        short["wavelength"] = "target.wavelength"
    lined = [i for i, layer in enumerate(device.layers) if layer.lines]
    if len(lined) == 1:
        short |= {
            "height": f"layers.{lined[0]}.thickness",
            "duty": f"layers.{lined[0]}.lines.duty",
            "sidewall": f"layers.{lined[0]}.lines.sidewall",
        }
    plain = [i for i, layer in enumerate(device.layers) if not layer.lines]
    films = [i for i in plain if device.layers[i].gain] or plain
    if len(films) == 1:
        short["thickness"] = f"layers.{films[0]}.thickness"
    return short | {path: path for path in paths}


def _leaves(part: Any, path: str = "") -> Iterator[str]:
    """Paths of all single values."""
    if isinstance(part, BaseModel):
        for name in type(part).model_fields:
            if name != "measured":
                yield from _leaves(getattr(part, name), f"{path}.{name}" if path else name)
    elif isinstance(part, tuple) and part and isinstance(part[0], BaseModel):
        for number, one in enumerate(part):
            yield from _leaves(one, f"{path}.{number}")
    elif path != "name":
        yield path


def _of_path(device: Device | None, path: str) -> Meaning:
    *place, name = path.split(".")
    part: Any = device
    for key in place:
        part = part[int(key)] if key.isdecimal() else getattr(part, key)
    hint = get_type_hints(type(part), include_extras=True)[name]
    kind, unit = next(
        ((kind, unit) for one, kind, unit in KINDS if one in (hint, *get_args(hint))), (None, "")
    )
    kind_of_part: type = type(part)
    doc = attributes(kind_of_part).get(name)
    where = _words(place)
    text = f"{name.replace('_', ' ')}{where}" + (f" ({doc.text})" if doc else "")
    value = getattr(part, name)
    return Meaning(path, False, kind, unit, text, isinstance(value, Material))


def _words(place: list[str]) -> str:
    """Where a value is, as a person says it: " of the lines of layer 1"."""
    match place:
        case ["layers", number]:
            return f" of layer {int(number) + 1}"
        case ["layers", number, *rest]:
            return f" of the {rest[0].replace('_', ' ')} of layer {int(number) + 1}"
        case []:
            return ""
    return f" of the {' '.join(reversed(place))}"
