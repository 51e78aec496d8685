"""Verbs that gather results for a reader."""

import json
from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer

from dfbdesign.cli.shown import progress, show
from dfbdesign.cli.words import AsJson, DeviceFile, SpreadFile


def report(
    file: DeviceFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")],
    against: Annotated[
        Path | None,
        typer.Option(help="Previous report (.html or .json): tell all that changed since."),
    ] = None,
    spread: SpreadFile = None,
    as_json: AsJson = False,
) -> None:
    """One page with the device, its modes, thresholds, pictures and the MEEP comparison."""
    from dfbdesign.designs.spread import load_spread
    from dfbdesign.device import load_device
    from dfbdesign.reports.report import report as write

    device = load_device(file)
    with progress() as tell:
        page = write(
            device,
            output,
            spread=None if spread is None else load_spread(spread),
            against=against,
            progress=tell,
        )
    numbers = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    result = {"file": page} | numbers
    show(result if as_json else _headlines(result), as_json)


def cite(file: DeviceFile, as_json: AsJson = False) -> None:
    """What to cite for results about a device: index data, gain film, methods."""
    from dfbdesign.device import load_device
    from dfbdesign.reports.findings import references

    show({"references": list(references(load_device(file)))}, as_json)


def errors(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Of the message, in any order.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every message the package can raise that holds these words, and when it does."""
    from dfbdesign.reports.troubleshooting import KINDS
    from dfbdesign.reports.troubleshooting import errors as listed

    rows = [
        {"kind": one.kind, "exit_code": KINDS[one.kind][0], "message": one.message,
         "while": one.doing, "module": one.module}
        for one in listed(" ".join(words or []))
    ]  # fmt: skip
    show({"errors": rows}, as_json)


def _headlines(result: dict[str, Any]) -> dict[str, Any]:
    """The tables of a report, without what the page alone goes into."""
    cell, laser = result["cell"], result.get("laser")
    verification, layout = result.get("verification"), result.get("layout")
    changes = result.get("changes") or {"inputs": [], "results": []}
    shown = {
        "inputs that changed": _columns(changes["inputs"]),
        "main results that changed": _columns(
            [one for one in changes["results"] if one["headline"]]
        ),
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


def _columns(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: one[key] for key in ("name", "before", "after", "difference")} for one in changes]
