"""Arguments and options that several verbs take."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfbdesign.errors import InputError

if TYPE_CHECKING:
    from dfbdesign.plots.figure import Draw


DeviceFile = Annotated[Path, typer.Argument(metavar="DEVICE.toml", help="Device file.")]


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


SpreadFile = Annotated[
    Path | None, typer.Option("--spread", help="Spread file; all by default as in the README.")
]


Workers = Annotated[int, typer.Option(min=1, max=64, help="Processes to share the work.")]


Plot = Annotated[Path | None, typer.Option("--plot", help="Picture to write (PNG).")]


def numbers_of(option: str, text: str) -> tuple[float, ...]:
    """The numbers of an option that takes several."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise InputError(f'{option} must be numbers like 1.5,1000, got "{text}".') from None


def two_of(option: str, text: str) -> tuple[float, float]:
    """The first and the last number of a range.

    Raises:
        InputError: If these are not two rising numbers.
    """
    ends = numbers_of(option, text)
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise InputError(f'{option} must be two rising numbers like 1,2, got "{text}".')
    return ends[0], ends[1]


def write_picture(path: Path, draw: "Draw", width: float = 4.6) -> Path:
    """Write a PNG, and return its path."""
    from dfbdesign.files import writing
    from dfbdesign.plots.figure import picture

    with writing(path) as temporary:
        temporary.write_bytes(picture(draw, width=width))
    return path
