"""The verb that compares with MEEP: here, or by way of another computer."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dfbdesign.cli.shown import progress, show
from dfbdesign.cli.words import AsJson, DeviceFile
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.units import nm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dfbdesign.device import Device
    from dfbdesign.fdtd.launch import Progress
    from dfbdesign.fdtd.store import Job
    from dfbdesign.verification.certificate import Comparison
    from dfbdesign.verification.finite import FiniteVerification


def verify(
    file: DeviceFile,
    level: Annotated[
        Literal["unit-cell", "finite"],
        typer.Option(help="One period of the infinite grating, or the whole device."),
    ] = "unit-cell",
    what: Annotated[
        Literal["modes", "spectrum", "threshold", "far-field"],
        typer.Option(help="Of the finite device."),
    ] = "modes",
    count: Annotated[int, typer.Option(min=1, help="Modes of the finite device.")] = 1,
    grids: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...",
            help="Grids of the finite device: pixels per half wavelength, multiples of 4.",
        ),
    ] = None,
    wavevector: Annotated[
        float | None,
        typer.Option(help="Bloch wavevector from Gamma [2 pi/period]; default: the band edges."),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say how much time and memory it takes.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start even what is too much for this computer.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="New folder for the runs, to make them on a cluster."),
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", help="That folder, with its results.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare with MEEP, an independent time-domain program."""
    from dfbdesign.device import load_device

    device = load_device(file)
    if export is not None or estimate:
        jobs = _planned(device, level, what, count, grids, wavevector)
        options = shlex.join(_options(level, what, count, grids, wavevector))
        show(_exported(jobs, file, options, export) if export else _expected(jobs), as_json)
        return
    if import_ is not None:
        _bring_back(import_)
    from dfbdesign.fdtd.estimate import duration

    with progress() as tell:

        def said(done: float, left: float) -> None:
            tell(f"comparison with MEEP, {duration(left)} left", done)

        if level == "finite":
            result, passed = _finite(device, what, count, grids, force, said)
        else:
            result, passed = _unit_cell(device, wavevector, force, said)
    show(result | {"passed": passed}, as_json)
    if not passed:
        raise PhysicsError("the solver and MEEP do not agree on every quantity; see the verdicts.")


def _unit_cell(
    device: "Device", wavevector: float | None, force: bool, tell: "Progress"
) -> tuple[dict[str, Any], bool]:
    from dfbdesign.reports.verification_numbers import certificates
    from dfbdesign.verification.verify import verify as compare

    found = compare(device, "unit-cell", tell, wavevector, force)
    result = {
        "wavelength_of_fits_nm": found.wavelength / nm,
        "wavevector": wavevector,
        "error_of_fitted_permittivities": found.fit_error,
        "solver": _witness(found.comparisons, "solver"),
        "fdtd": _witness(found.comparisons, "fdtd"),
        **certificates(found.comparisons),
    }
    return result, found.passed


def _finite(
    device: "Device",
    what: str,
    count: int,
    grids: str | None,
    force: bool,
    tell: "Progress",
) -> tuple[dict[str, Any], bool]:
    from dfbdesign.reports.verification_numbers import certificates
    from dfbdesign.verification.finite import verify_finite

    found = verify_finite(device, what, count, _resolutions(grids), tell, force)
    result = {
        "what": what,
        "wavelength_of_indices_nm": found.wavelength / nm,
        "solver": _rows(found.comparisons, "solver"),
        "fdtd": _rows(found.comparisons, "fdtd"),
        **_coupled_waves(found),
        **certificates(found.comparisons),
    }
    return result, found.passed


def _coupled_waves(found: "FiniteVerification") -> dict[str, Any]:
    """What the coupled waves say and by how much they miss the rigorous solver, if anything."""
    rows = [
        {"label": o.label, "quantity": o.quantity, "value": o.model, "error": o.difference}
        for o in found.coupled_waves
    ]
    return {"coupled_waves": rows} if rows else {}


def _rows(comparisons: "Sequence[Comparison]", name: str) -> list[dict[str, Any]]:
    """One row per quantity of what one of the two methods found, in the units people read."""
    from dfbdesign.verification.finite import UNITS

    rows = []
    for one in comparisons:
        unit, word = UNITS.get(one.quantity, (1.0, ""))
        value, error = getattr(one, name), getattr(one, f"{name}_uncertainty")
        quantity = f"{one.quantity} [{word}]" if word else one.quantity
        rows.append(
            {
                "label": one.label,
                "quantity": quantity,
                "value": value / unit,
                "uncertainty": error / unit,
            }
        )
    return rows


def _resolutions(grids: str | None) -> tuple[int, ...]:
    if grids is None:
        from dfbdesign.verification.ladders import RESOLUTIONS

        return RESOLUTIONS
    try:
        return tuple(int(one) for one in grids.split(","))
    except ValueError:
        raise InputError(f'grids must be whole numbers such as 8,12,16, got "{grids}".') from None


def _planned(
    device: "Device",
    level: str,
    what: str,
    count: int,
    grids: str | None,
    wavevector: float | None,
) -> "Sequence[Job]":
    if level == "finite":
        from dfbdesign.verification.finite import finite_runs

        return finite_runs(device, what, count, _resolutions(grids))
    from dfbdesign.verification.verify import planned

    return planned(device, level, wavevector)


def _options(
    level: str, what: str, count: int, grids: str | None, wavevector: float | None
) -> list[str]:
    """The words that name the same comparison again."""
    words = ["--level", level]
    if level == "finite":
        words += ["--what", what, "--count", str(count)]
        return words if grids is None else [*words, "--grids", grids]
    return words if wavevector is None else [*words, "--wavevector", str(wavevector)]


def _expected(jobs: "Sequence[Job]") -> dict[str, Any]:
    from dfbdesign.fdtd.launch import expected

    found = expected(jobs)
    return {
        "runs": len(jobs),
        "stored": len(jobs) - found.runs,
        "cores": found.cores,
        "seconds": found.seconds,
        "memory_gb": found.memory / 1e9,
    }


def _exported(jobs: "Sequence[Job]", file: Path, options: str, folder: Path) -> dict[str, Any]:
    from dfbdesign.fdtd.export import export_jobs

    where = shlex.quote(str(folder))
    back = f"dfb verify {shlex.quote(str(file))} {options} --import {where}"
    export_jobs(jobs, folder, f"{file.stem}, {options}", back)
    return {"folder": str(folder), "runs": len(jobs), "then": back}


def _bring_back(folder: Path) -> None:
    from dfbdesign.fdtd.export import import_results

    found = import_results(folder)
    for reason in found.missing:
        typer.echo(f"{folder}: run {reason}", err=True)
    if not found.kept:
        raise InputError(f"{folder} holds no result: run its jobs first, see its README.txt.")
    if found.missing:
        count = len(found.missing)
        raise InputError(
            f"{folder} lacks {count} of {count + found.kept} results; the others are kept now. "
            "Start its script again, or compute the rest here: the same without --import."
        )


def _witness(comparisons: "Sequence[Comparison]", name: str) -> list[dict[str, Any]]:
    """One row per band edge of what one of the two methods found."""
    rows: list[dict[str, Any]] = []
    for compared in comparisons:
        value, error = getattr(compared, name), getattr(compared, f"{name}_uncertainty")
        if compared.quantity == "wavelength":  # always a mode's first
            rows.append({"label": compared.label, "wavelength_nm": value / nm})
            rows[-1] |= {"wavelength_uncertainty_nm": error / nm}
            rows[-1] |= {"quality_factor": None, "quality_factor_uncertainty": None}
        else:
            rows[-1] |= {"quality_factor": value, "quality_factor_uncertainty": error}
    return rows
