"""The verb that writes a chip."""

from pathlib import Path
from typing import Annotated

import typer

from dfbdesign.cli.shown import show
from dfbdesign.cli.words import AsJson


def layout(
    file: Annotated[Path, typer.Argument(metavar="CHIP.toml", help="Chip file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="GDS file to write.")],
    as_json: AsJson = False,
) -> None:
    """GDS of a chip with all that belongs to it, read back through KLayout and recomputed."""
    from dfbdesign.layout import check_rules, load_chip
    from dfbdesign.plots.chips import write_chip_preview
    from dfbdesign.reports.layout_numbers import layout_numbers
    from dfbdesign.verification.written import written_chip

    chip = load_chip(file)
    found = written_chip(chip, output)
    preview = write_chip_preview(output.with_suffix(".png"), found.layout.panels)
    numbers = layout_numbers(found, check_rules(output, chip.process))
    show(numbers | {"files": [*numbers["files"], preview]}, as_json)
