"""Verbs that gather results for a reader."""

import json
from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer

from dfbdesign.cli.shown import progress, show
from dfbdesign.cli.words import AsJson, DeviceFile


def report(
    file: DeviceFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")],
    as_json: AsJson = False,
) -> None:
    """One page with the device, its modes, thresholds, pictures and the MEEP comparison."""
    from dfbdesign.device import load_device
    from dfbdesign.reports.report import report as write

    device = load_device(file)
    with progress() as tell:
        page = write(device, output, progress=tell)
    numbers = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    result = {"file": page} | numbers
    show(result if as_json else _headlines(result), as_json)


def cite(file: DeviceFile, as_json: AsJson = False) -> None:
    """What to cite for results about a device: index data, gain film, methods."""
    from dfbdesign.device import load_device
    from dfbdesign.reports.report import references

    show({"references": list(references(load_device(file)))}, as_json)


def _headlines(result: dict[str, Any]) -> dict[str, Any]:
    """The tables of a report, without what the page alone goes into."""
    cell, laser = result["cell"], result.get("laser")
    verification, layout = result.get("verification"), result.get("layout")
    shown = {
        "band edges of the infinite grating": [
            row | {"quality_factor": row["quality_factor"] or inf}  # null is infinite
            for row in cell["modes"]
        ],
        "kappa_per_cm": cell["kappa_per_cm"] and complex(*cell["kappa_per_cm"]),
        "threshold modes of the finite device": laser and laser["modes"],
        "predicted from the first measured laser": (result.get("calibration") or {}).get(
            "predictions"
        ),
        "comparison with MEEP": verification
        and [
            {key: row[key] for key in ("label", "quantity", "relative_difference", "verdict")}
            for row in verification["comparisons"]
        ],
        "layout": layout and {key: value for key, value in layout.items() if key != "files"},
        "left out": [f"{part}: {why}" for part, why in result["left_out"].items()],
        "file": result["file"],
    }
    return {key: value for key, value in shown.items() if value}
