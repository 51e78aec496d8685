"""Verbs of measured data: yours, and the published ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfbdesign.cli.shown import show
from dfbdesign.cli.words import AsJson, numbers_of

if TYPE_CHECKING:
    from dfbdesign.lasers.reproduce import Row


def measure(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="vsl, loss, ase, ta or bleach.")],
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Measured points, with header.")],
    lifetimes: Annotated[
        str, typer.Option(help="Of ta: first guess of each lifetime [ps], such as 1.5,1000.")
    ] = "",
    response: Annotated[
        float | None, typer.Option(help="Of ta: width of the instrument response [ps].")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", "-o", help="Picture to write (PNG).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Gain, loss, threshold or lifetimes from measured points, with 95 % intervals."""
    from dfbdesign.files import writing
    from dfbdesign.gain.analysis import analyse

    found = analyse(kind, file, numbers_of("--lifetimes", lifetimes), response)
    result: dict[str, Any] = {
        "kind": found.kind,
        "numbers": [
            {"quantity": name, "value": number.value, "half_width_95": number.half_width}
            for name, number in found.numbers.items()
        ],
        "points": len(found.points[0]),
        "used": found.fit.used,
        "warnings": list(found.fit.warnings),
    }
    if plot is not None:
        from dfbdesign.plots.figure import picture
        from dfbdesign.plots.films import measurement

        with writing(plot) as temporary:
            temporary.write_bytes(picture(lambda axes: measurement(axes, found)))
        result["file"] = plot
    show(result, as_json)


def reproduce(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Picture to write (PNG).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Numbers of the two papers that the gain models speak to: measured and ours."""
    from dfbdesign.files import writing
    from dfbdesign.lasers.reproduce import PARAMETERS, median_deviation
    from dfbdesign.lasers.reproduce import reproduce as compare

    rows = compare()
    result: dict[str, Any] = {
        "rows": [_scoreboard_row(row) for row in rows],
        "explanations": [
            {"film": row.film, "quantity": row.quantity, "explanation": row.explanation}
            for row in rows
            if row.explanation
        ],
        "fitted_parameters": [
            {
                "film": film,
                "parameter": one.name,
                "fitted_to": f"{one.film}: {one.quantity}",
                "inherited": one.film != film,
            }
            for film, parameters in PARAMETERS.items()
            for one in parameters
        ],
        "assumptions": [
            {"film": row.film, "quantity": row.quantity, "assumed": row.assumed}
            for row in rows
            if row.assumed
        ],
        "median_deviation_of_predicted_rows": median_deviation(rows),
    }
    if output is not None:
        from dfbdesign.plots.figure import picture
        from dfbdesign.plots.films import scoreboard

        with writing(output) as temporary:
            image = picture(lambda axes: scoreboard(axes, rows), width=6.8, height=8.4)
            temporary.write_bytes(image)
        result["file"] = output
    show(result, as_json)


def _scoreboard_row(row: "Row") -> dict[str, Any]:
    return {
        "quantity": row.quantity,
        "film": row.film,
        "measured": row.measured,
        "model": row.model,
        "unit": row.unit,
        "deviation": row.deviation,
        "kind": row.kind,
        "against": row.against,
        "source": row.source,
    }
