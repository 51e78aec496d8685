"""Verbs that choose dimensions, and learn from measured devices."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dfbdesign.cli.shown import show
from dfbdesign.cli.words import (
    AsJson,
    DeviceFile,
    Plot,
    SpreadFile,
    Workers,
    numbers_of,
    write_picture,
)
from dfbdesign.errors import InputError
from dfbdesign.units import cm, nm, uJ

if TYPE_CHECKING:
    from dfbdesign.designs.goals import Aim, Best
    from dfbdesign.device import Device


def design(
    file: Annotated[
        Path,
        typer.Argument(metavar="TARGET.toml", help="Device file; its grating may lack the period."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Device file to write.")],
    aim: Annotated[
        Literal["threshold", "output", "margin", "tolerance"] | None,
        typer.Option(help="Vary what --vary names to be best at this."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help='What may change, as "duty=0.2:0.8" or "layers.1.thickness=140nm:180nm".'
        ),
    ] = None,
    smallest_line: Annotated[
        float, typer.Option(help="Narrowest line and gap [nm] that can be written.")
    ] = 0.0,
    spread: Annotated[Path | None, typer.Option(help="Spread file, for --aim tolerance.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="With --aim: picture of the choice to write (PNG).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Choose the period, or more, so that the device lases at its target wavelength."""
    from dfbdesign.designs.design import design as choose
    from dfbdesign.designs.design import load_target
    from dfbdesign.device import save_device
    from dfbdesign.files import writing
    from dfbdesign.reports.laser_numbers import lasing_mode_numbers

    if aim is None and not vary and (plot is not None or spread is not None or smallest_line):
        raise InputError("--plot, --spread and --smallest-line go with --aim or --vary.")
    target = load_target(file)
    with ExitStack() as files:
        temporary, (picture,) = files.enter_context(writing(output)), _opened(files, plot)
        best = None
        if aim is not None or vary:
            best = _best(target, aim or "threshold", vary or [], smallest_line, spread)
        found = choose(target) if best is None else best.design
        save_device(found.device, temporary)
        if best is not None and picture is not None:
            from dfbdesign.plots.designs import trade_off

            write_picture(picture, partial(trade_off, found=best))
    result: dict[str, Any] = {
        "device": output,
        "period_nm": found.device.need_grating().period / nm,
        "lasing_mode": lasing_mode_numbers(found.lasing_mode),
        "alternatives": [
            {
                "period_nm": alternative.period / nm,
                "reason": alternative.reason,
                **lasing_mode_numbers(alternative.mode),
            }
            for alternative in found.alternatives
        ],
    }
    if best is not None:
        from dfbdesign.reports.design_numbers import best_numbers

        result |= best_numbers(best)
        if plot is not None:
            result["file"] = plot
    show(result, as_json)


def _best(
    target: "Device", aim: "Aim", vary: list[str], smallest_line: float, spread: Path | None
) -> "Best":
    from dfbdesign.designs.goals import best, bounds_of
    from dfbdesign.designs.spread import load_spread

    known = None if spread is None else load_spread(spread)
    return best(target, aim, bounds_of(target, vary), known, smallest_line * nm)


def tolerance(
    file: DeviceFile,
    spread: SpreadFile = None,
    scale: Annotated[
        float, typer.Option(min=0, help="Factor of all standard deviations of the spread.")
    ] = 1.0,
    samples: Annotated[int, typer.Option(help="Devices to solve.")] = 1000,
    workers: Workers = 2,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """How wavelength, Q, threshold and lasing mode spread, and what causes it."""
    from dfbdesign.designs.spread import Spread, load_spread, scaled
    from dfbdesign.designs.tolerance import tolerance as solve
    from dfbdesign.device import load_device
    from dfbdesign.reports.design_numbers import tolerance_numbers

    known = Spread() if spread is None else load_spread(spread)
    found = solve(load_device(file), scaled(known, scale), samples, workers)
    result = tolerance_numbers(found)
    if plot is not None:
        from dfbdesign.plots.designs import wavelength_spread

        result["file"] = write_picture(plot, lambda axes: wavelength_spread(axes, found))
    show(result, as_json)


def ladder(
    file: DeviceFile,
    count: Annotated[int, typer.Option("--count", "-n", help="How many devices.")] = 8,
    window: Annotated[str, typer.Option(help="Shortest and longest wavelength [nm].")] = "",
    fluence: Annotated[
        float | None, typer.Option(help="Largest threshold fluence [µJ/cm²].")
    ] = None,
    at_least: Annotated[int, typer.Option(help="How many devices must hit.")] = 1,
    duties: Annotated[str, typer.Option(help="Duties to choose from.")] = "",
    doses: Annotated[str, typer.Option(help="Dose factors to choose from.")] = "1",
    grid: Annotated[float, typer.Option(help="Step of the period on the machine [nm].")] = 1.0,
    spread: SpreadFile = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Chip file to write.")
    ] = None,
    workers: Workers = 2,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Periods, duties and doses of a chip on which at least one device most surely hits."""
    from dfbdesign.designs.ladder import Goal, chip_of
    from dfbdesign.designs.ladder import ladder as plan
    from dfbdesign.designs.spread import Spread, load_spread
    from dfbdesign.device import load_device
    from dfbdesign.reports.design_numbers import ladder_numbers

    device = load_device(file)
    middle = device.need_target().wavelength / nm
    ends = numbers_of("--window", window) or (middle - 5, middle + 5)
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise InputError(f'--window must be two rising wavelengths like 1660,1670, got "{window}".')
    most = None if fluence is None else fluence * uJ / cm**2
    known = Spread() if spread is None else load_spread(spread)
    with ExitStack() as files:
        chip, picture = _opened(files, output, plot)
        found = plan(
            device,
            known,
            count,
            Goal((ends[0] * nm, ends[1] * nm), most, at_least),
            numbers_of("--duties", duties),
            numbers_of("--doses", doses),
            grid * nm,
            workers=workers,
        )
        result = ladder_numbers(found)
        if chip is not None:
            from dfbdesign.layout.chip_file import save_chip

            save_chip(chip_of(found), chip)
            result["file"] = output
        if picture is not None:
            from dfbdesign.plots.designs import ladder_plan

            write_picture(picture, lambda axes: ladder_plan(axes, found))
            result["picture"] = plot
    show(result, as_json)


def calibrate(
    file: DeviceFile,
    measured: Annotated[Path, typer.Argument(metavar="MEASURED.csv", help="Measured devices.")],
    manifest: Annotated[
        Path | None, typer.Option(help="CSV manifest of the layout: period, duty, dose by name.")
    ] = None,
    error: Annotated[float, typer.Option(help="Reading error [nm], if the file has none.")] = 0.2,
    spread: SpreadFile = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Updated device file to write.")
    ] = None,
    next_chip: Annotated[
        Path | None, typer.Option(help="Chip file of the next ladder to write.")
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="Devices of the next chip.")] = 8,
    workers: Workers = 2,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """What measured devices say about film and lines, and what they leave open."""
    from dfbdesign.designs.calibration import calibrate as solve
    from dfbdesign.designs.calibration import next_ladder, prepared, updated
    from dfbdesign.designs.ladder import chip_of
    from dfbdesign.designs.readings import load_readings
    from dfbdesign.designs.spread import Spread, load_spread
    from dfbdesign.device import load_device, save_device
    from dfbdesign.reports.design_numbers import calibrated_numbers, ladder_numbers

    device = load_device(file)
    readings = load_readings(measured, device, manifest, error * nm)
    known = Spread() if spread is None else load_spread(spread)
    with ExitStack() as files:
        new, chip, picture = _opened(files, output, next_chip, plot)
        found = solve(prepared(device, known, readings, workers), readings)
        result = calibrated_numbers(found, readings)
        if new is not None:
            save_device(updated(device, found), new)
            result["device"] = output
        if chip is not None:
            from dfbdesign.layout.chip_file import save_chip

            planned = next_ladder(device, found, count, workers)
            save_chip(chip_of(planned), chip)
            result |= ladder_numbers(planned) | {"next_chip": next_chip}
        if picture is not None:
            from dfbdesign.plots.designs import known_values

            write_picture(picture, lambda axes: known_values(axes, found))
            result["picture"] = plot
    show(result, as_json)


def _opened(files: ExitStack, *paths: Path | None) -> list[Path | None]:
    """Temporary files: what cannot be written is refused before the work, and all or none are."""
    from dfbdesign.files import writing

    return [None if path is None else files.enter_context(writing(path)) for path in paths]
