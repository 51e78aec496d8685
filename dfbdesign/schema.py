"""What input files are made of: quantities with units, materials, parts with clear errors."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from dfbdesign.checks import nearest
from dfbdesign.errors import InputError
from dfbdesign.files import Kind, parse_quantity
from dfbdesign.materials import Material, as_material
from dfbdesign.units import cm, deg, fs, nA, nm, uC, um


def _quantity(kind: Kind) -> BeforeValidator:
    """Accept a text with a unit, or (outside files) a number in core units."""

    def parse(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return parse_quantity(value, kind)
        if info.context and isinstance(value, int | float):
            raise InputError(f'needs a unit: write "{value} nm" or the like, got {value}')
        return value

    return BeforeValidator(parse)


def _text(unit: float, name: str) -> PlainSerializer:
    return PlainSerializer(lambda value: f"{value / unit:.12g} {name}", when_used="json")


def _length_text(value: float) -> str:
    return f"{value / nm:.12g} nm" if value < 10 * um else f"{value:.12g} um"


Length = Annotated[float, _quantity("length"), PlainSerializer(_length_text, when_used="json")]
Time = Annotated[float, _quantity("time"), _text(fs, "fs")]
Angle = Annotated[float, _quantity("angle"), _text(deg, "deg")]

Current = Annotated[float, _quantity("current"), _text(nA, "nA")]
Exposure = Annotated[float, _quantity("exposure"), _text(uC / cm**2, "uC/cm^2")]
"""Charge of an electron beam per area."""
Wavenumber = Annotated[float, _quantity("wavenumber"), _text(1 / cm, "1/cm")]


def _material(value: Any, info: ValidationInfo) -> Material:
    folder = info.context["folder"] if info.context else Path()
    return as_material(value, folder)


MaterialReference = Annotated[
    Material,
    BeforeValidator(_material),
    PlainSerializer(lambda material: material.reference, when_used="json"),
]


def explain(error: ValidationError) -> str:
    """One line for the first thing wrong with an input.

    Args:
        error: What pydantic found.

    Returns:
        The field, the demand and the value, as in "layer 2 thickness must be ...".
    """
    first = error.errors()[0]
    where = " ".join(
        str(part + 1) if isinstance(part, int) else str(part)
        for part in first["loc"]
        if not str(part).startswith(("function-", "model-", "lax-"))
    )
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"{where} is missing."
    if first["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]}, got {first['input']!r}."
        return f"{where}: {message}"
    return f"{where} {message}".strip()


class Part(BaseModel):
    """A frozen part of a device whose errors are one line, and whose unknown keys are errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        populate_by_name=True,
        defer_build=True,  # a third of the import time of the package, paid on first use
    )

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise InputError(f"{type(self).__name__}: {explain(error)}") from None

    # Nested tables are still validated by pydantic itself, which keeps the path to the field.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(data, dict):
            in_files = [field.alias or name for name, field in cls.model_fields.items()]
            allowed = in_files if info.context else {*in_files, *cls.model_fields}
            for key in data:
                if key not in allowed:
                    raise InputError(f'has no key "{key}". {nearest(key, in_files)}')
        return data
