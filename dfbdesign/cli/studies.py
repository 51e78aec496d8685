"""The verb that runs parameter studies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfbdesign.cli.shown import show
from dfbdesign.cli.words import AsJson
from dfbdesign.errors import PhysicsError

if TYPE_CHECKING:
    import xarray


def study(
    file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="Study file.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="NetCDF file (.nc) or Zarr folder (.zarr).")
    ],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; one per core if left out.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help='"here", "processes", "cluster", or the address of a Dask scheduler.'),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace another study in the output file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a function over named axes; run again what was interrupted, and it goes on from there."""
    from dfbdesign.studies.study_file import run_study_file

    run = {"workers": workers, "scheduler": scheduler}
    given = {name: value for name, value in run.items() if value is not None}
    found = run_study_file(file, output, given, replace)
    errors = _errors(found)
    failed = sum(errors.values())
    result = {
        "points": found.error.size,
        "done": found.error.size - failed,
        "failed": failed,
        "file": output,
    }
    often = sorted(errors, key=lambda text: -errors[text])
    if often:
        result["errors"] = [{"points": errors[text], "error": text} for text in often[:5]]
    show(result, as_json)
    if failed == found.error.size:
        raise PhysicsError(f"every point failed: {often[0]}")


def _errors(found: "xarray.Dataset") -> dict[str, int]:
    """How often each error occurs."""
    import numpy as np

    texts, counts = np.unique(found.error.values.astype(str), return_counts=True)
    return {str(text): int(n) for text, n in zip(texts, counts, strict=True) if text}
