"""Chip files: process, frame, wafer, arrays of a device over its axes, and other cells."""

import json
from pathlib import Path
from string import ascii_uppercase
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from dfbdesign.checks import within
from dfbdesign.device import Device, Grating, changed, load_device
from dfbdesign.errors import InputError
from dfbdesign.files import read_toml, to_toml, writing
from dfbdesign.layout.cells import exposed_lines
from dfbdesign.layout.library import AnyDesign, expanded
from dfbdesign.layout.marks import CLEAVE_REACH, FRAME_WIDTH
from dfbdesign.layout.process import Process, process_tables
from dfbdesign.layout.wafer import Wafer
from dfbdesign.schema import Length, Part, explain
from dfbdesign.units import um

FRAME_MARK_SIZE = 100 * um
"""Tip to tip of the crosses at the corners of the chip."""


class Frame(Part):
    """What surrounds the devices."""

    margin: Length = 100 * um
    """From the devices to the marks of the chip, and between arrays."""
    label_height: Length = 40 * um
    """Height of the letters."""
    border: Length | None = None
    """Width of the strip inside the frame lines that is kept free; `None` for no frame lines."""
    size: tuple[Length, Length] | None = None
    """Of the chip with its frame, along x and y; `None` for the smallest that holds everything."""
    cleave: tuple[Length, ...] = ()
    """Where lines to cleave along cross the chip, from its lower left mark along x."""
    verniers: bool = False
    """Whether to draw scales that tell by how much the lines are displaced from the marks."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("margin (in um)", self.margin, FRAME_MARK_SIZE / 2, 10000)
        within("label_height (in um)", self.label_height, 1, 1000)
        if self.border is None:
            if self.size is not None or self.cleave:
                raise InputError('size and cleave need frame lines: add border = "400 um".')
            return self
        lowest = CLEAVE_REACH - FRAME_WIDTH if self.cleave else 0
        within("border (in um)", self.border, lowest, 10000, "Cleave marks stand in it.")
        return self


def _device(value: Any, info: Any) -> Any:
    if not isinstance(value, str):
        return value
    folder = info.context["folder"] if info.context else Path()
    return load_device(folder / value)


class Array(Part):
    """One device and the values its axes run over; an empty axis keeps the device's own value."""

    device: Annotated[Device, BeforeValidator(_device)]
    """A device, or the path of its file beside the chip file."""
    period: tuple[Length, ...] = ()
    """Periods of the columns, from left to right."""
    duty: tuple[float, ...] = ()
    """Duties of the rows, from the top."""
    length: tuple[Length, ...] = ()
    """Grating lengths of the rows; every duty is repeated at every length."""
    dose: tuple[Annotated[float, Field(gt=0, le=100)], ...] = ()
    """Factors of the base dose; the column of a period is repeated at every dose."""
    width: Length | None = Field(default=None, gt=0)
    """Length of all lines; `None` for that of the device."""
    spacing: tuple[Length, Length] | None = None
    """From one device to the next along x and y; `None` for the frame's margin between them."""

    def rows(self) -> list[list[Device]]:
        """The devices, row by row from the top, each row from left to right.

        Returns:
            The devices.

        Raises:
            InputError: If an axis holds a value that the device does not allow.
        """
        grating = self.device.need_grating()
        if self.duty and grating.apodisation is not None:
            raise InputError(
                "duty: grating apodisation gives the duty of every line of this device, so all "
                "rows would be the same. Leave duty out, or write one array per apodisation."
            )
        duties = self.duty or (exposed_lines(self.device)[1].duty,)
        periods, lengths = self.period or (grating.period,), self.length or (grating.length,)
        gratings = [[self._grating(period, length) for period in periods] for length in lengths]
        return [
            [
                changed(device, {"grating": grating})
                for grating in of_length
                for _ in self.dose or (1.0,)
            ]
            for device in map(self._of_duty, duties)
            for of_length in gratings
        ]

    def _of_duty(self, duty: float) -> Device:
        path = f"layers.{exposed_lines(self.device)[0]}.lines.duty"
        return changed(self.device, {path: duty})

    def _grating(self, period: float, length: float | None) -> Grating:
        old = self.device.need_grating()
        fields = {name: getattr(old, name) for name in Grating.model_fields}
        width = self.width or old.width
        return Grating(**(fields | {"period": period, "length": length, "width": width}))


class Chip(Part):
    """A whole chip."""

    process: Annotated[Process, BeforeValidator(process_tables)] = Process()
    frame: Frame = Frame()
    wafer: Wafer | None = None
    """The wafer that is covered with the chip; `None` for a single chip."""
    array: tuple[Array, ...] = Field(default=(), max_length=len(ascii_uppercase))
    cell: Annotated[tuple[AnyDesign, ...], BeforeValidator(expanded)] = ()
    """Waveguides and other gratings, one after the other below the arrays."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.array and not self.cell:
            raise InputError("a chip needs at least one [[array]] or [[cell]].")
        if self.wafer is not None and self.frame.border is None:
            raise InputError('a wafer needs chips with a frame: add border = "400 um" to [frame].')
        return self


def load_chip(path: str | Path) -> Chip:
    """Read a chip file.

    Args:
        path: A TOML file; device files are looked for beside it.

    Returns:
        The checked chip.

    Raises:
        InputError: If this file or a device file cannot be read, or anything in it is wrong.
    """
    path = Path(path)
    try:
        return Chip.model_validate(read_toml(path), context={"folder": path.parent})
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None


def chip_of_manifest(path: str | Path) -> Chip:
    """The chip that a layout was made of.

    Args:
        path: The JSON manifest beside a GDS file; files of materials are looked for beside it.

    Returns:
        The chip, with its devices.

    Raises:
        InputError: If this is no manifest, or the chip in it is wrong.
    """
    path = Path(path)
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))["chip"]
        return Chip.model_validate(tables, context={"folder": path.parent})
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else error
        text = str(reason).rstrip(".")
        raise InputError(f"cannot read a chip from {path}: {text}.") from None


def save_chip(chip: Chip, path: str | Path) -> None:
    """Write a chip file that holds its devices.

    Args:
        chip: The chip.
        path: Where to; an existing file is replaced only when the new one is complete.

    Raises:
        InputError: If the file cannot be written.
    """
    with writing(Path(path)) as temporary:
        temporary.write_text(to_toml(chip_tables(chip)), encoding="utf-8")


def chip_tables(chip: Chip) -> dict[str, Any]:
    """The tables of a chip file that holds its devices.

    Args:
        chip: The chip.

    Returns:
        Strings with units, numbers, lists and tables, as they stand in the file.
    """
    tables: dict[str, Any] = chip.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
    )
    for design, table in zip(chip.cell, tables.get("cell", ()), strict=True):
        table["kind"] = design.kind  # to pydantic a default like any other
    return tables
