"""The command `dfb`: reads files, calls the library, prints tables or one JSON object.

Each verb hands one dictionary to `_print`, which shows it as tables or, with `--json`, as the only
thing on stdout; the unit of a number ends its key. Progress and errors go to stderr. Exit codes:
0 done, 2 bad input, 3 physics or numerics said no, 4 MEEP is missing, 130 interrupted. The library
is imported by the verbs, not here, so that `dfb --help` is quick.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf, isinf, radians
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dfbdesign.errors import InputError, MeepMissing, NoGuidedMode, PhysicsError
from dfbdesign.units import cm, deg, km, meV, nJ, nm, ps, uJ, um

if TYPE_CHECKING:
    from dfbdesign.device import Device
    from dfbdesign.goals import Aim, Best
    from dfbdesign.plot import Draw
    from dfbdesign.reproduce import Row
    from dfbdesign.verify import Comparison

app = typer.Typer(
    name="dfb",
    help="Design, verify and lay out distributed-feedback lasers in solution-processed films.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DeviceFile = Annotated[Path, typer.Argument(metavar="DEVICE.toml", help="Device file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Args:
        arguments: Words after `dfb`; those of the shell if left out.

    Raises:
        SystemExit: Always, with the exit code.
    """
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()  # a full disk is met here, not at the interpreter's end
        sys.exit(code)
    except typer.TyperException as error:
        _fail(f'{error.format_message()} See "dfb --help".', 2)
    except InputError as error:
        _fail(str(error), 2)
    except OSError as error:
        with suppress(OSError):  # what stdout still holds is lost; do not try again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail(f"cannot write {error.filename or 'the output'}: {error.strerror}.", 2)
    except PhysicsError as error:
        _fail(str(error), 3)
    except MeepMissing as error:
        _fail(str(error), 4)


def _fail(message: str, code: int) -> None:
    print("error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("dfbdesign"))
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


@app.command()
def materials(as_json: AsJson = False) -> None:
    """Index data that come with the package, their ranges and sources."""
    from dfbdesign.materials import material, names

    rows = [
        {
            "name": name,
            "wavelength_range_nm": [end / nm for end in material(name).wavelength_range],
            "description": material(name).description,
            "source": material(name).source,
        }
        for name in names()
    ]
    _print({"materials": rows}, as_json)


@app.command()
def slab(file: DeviceFile, as_json: AsJson = False) -> None:
    """Modes of the layers; patterned layers are averaged."""
    from dfbdesign.device import load_device
    from dfbdesign.solvers.slab import chromatic_dispersion
    from dfbdesign.solvers.slab import slab as solve

    device = load_device(file)
    found = solve(device)
    rows = []
    for mode in found.modes:
        row: dict[str, Any] = {
            "polarization": mode.polarization,
            "order": mode.order,
            "kind": mode.kind,
            "n_eff": complex(mode.n_eff),
            "n_group": mode.n_group,
            "dispersion_ps_per_nm_km": None,
            "far_field_width_deg": None,
            "confinement": mode.confinement.tolist(),
        }
        if mode.kind == "guided":
            with suppress(NoGuidedMode):  # a mode at its very cut-off has no dispersion
                dispersion = chromatic_dispersion(device, mode)
                row["dispersion_ps_per_nm_km"] = dispersion / (ps / (nm * km))
            row["far_field_width_deg"] = mode.profile.far_field_width / deg
        rows.append(row)
    result = {
        "wavelength_nm": found.wavelength / nm,
        "averaged_layers": list(found.averaged_layers),
        "modes": rows,
    }
    _print(result, as_json)


@app.command()
def ridge(
    file: Annotated[Path, typer.Argument(metavar="WAVEGUIDE.toml", help="Waveguide file.")],
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Picture of the fields to write (PNG).")
    ] = None,
    dispersion: Annotated[
        bool, typer.Option("--dispersion", help="Chromatic dispersion, too; takes twice as long.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--verify", help="Compare the first mode with MEEP's (minutes).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Modes of a channel waveguide, straight or bent."""
    from dfbdesign.files import writing
    from dfbdesign.waveguide import chromatic_dispersion, load_waveguide
    from dfbdesign.waveguide import ridge as solve

    waveguide = load_waveguide(file)
    found = solve(waveguide)
    rows = [
        {
            "n_eff": complex(mode.n_eff),
            "n_eff_error": mode.n_eff_error,
            "n_group": mode.n_group,
            "te_fraction": mode.te_fraction,
            "effective_area_um2": mode.effective_area,
            "loss_per_cm": mode.loss * cm,
            "loss_error_per_cm": mode.loss_error * cm,
            "confinement": mode.confinement.tolist(),
        }
        for mode in found.modes
    ]
    if dispersion:
        slopes = chromatic_dispersion(waveguide)
        for row, slope in zip(rows, slopes, strict=True):
            row["dispersion_ps_per_nm_km"] = slope / (ps / (nm * km))
    result: dict[str, Any] = {"wavelength_nm": found.wavelength / nm, "modes": rows}
    if check:
        from dfbdesign.waveguide_verify import verify_ridge

        both = verify_ridge(waveguide)
        result["fdtd"] = {
            "n_eff": both.fdtd, "n_eff_error": both.fdtd_uncertainty, "verdict": both.verdict,
        }  # fmt: skip
    if plot is not None:
        from dfbdesign.plot import channel_modes, picture

        with writing(plot) as temporary:
            height = 1.2 + 1.6 * ((len(rows) + 1) // 2)
            image = picture(lambda axes: channel_modes(axes, found), width=6.4, height=height)
            temporary.write_bytes(image)
        result["file"] = plot
    _print(result, as_json)
    if check and both.verdict != "agrees":
        raise PhysicsError("the solver and MEEP do not agree to the tolerance; see the verdict.")


@app.command()
def film(
    file: DeviceFile,
    thinnest: Annotated[float, typer.Option("--from", help="Thinnest [nm].")] = 50.0,
    thickest: Annotated[float, typer.Option("--to", help="Thickest [nm].")] = 500.0,
    points: Annotated[int, typer.Option(min=2, help="How many thicknesses.")] = 10,
    layer: Annotated[
        int | None, typer.Option(help="Which layer; the thickest with gain if left out.")
    ] = None,
    confinement: Annotated[
        float | None, typer.Option(help="Find the thickness that confines this share.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A film for ASE or variable-stripe measurements: modes and pump by its thickness."""
    from dfbdesign.device import load_device
    from dfbdesign.film_guide import film_guide, thickness_for_confinement

    device = load_device(file)
    step = (thickest - thinnest) / (points - 1)
    found = film_guide(device, [(thinnest + i * step) * nm for i in range(points)], layer)
    rows = [
        {
            "thickness_nm": float(one) / nm,
            "te_modes": int(found.modes["TE"][i]),
            "tm_modes": int(found.modes["TM"][i]),
            "confinement": float(found.confinement[i]),
            "pump_absorbed": None if found.pump_absorbed is None else float(found.pump_absorbed[i]),
        }
        for i, one in enumerate(found.thickness)
    ]
    result: dict[str, Any] = {
        "layer": found.layer,
        "cut_off_nm": {name: value / nm for name, value in found.cut_offs.items()},
        "films": rows,
    }
    if confinement is not None:
        wanted = thickness_for_confinement(device, confinement, layer)
        result["thickness_for_confinement_nm"] = wanted / nm
    _print(result, as_json)


@app.command()
def modes(
    file: DeviceFile,
    wavevector: Annotated[
        float | None,
        typer.Option(help="Bloch wavevector from Gamma [2 pi/period]; default: the band edges."),
    ] = None,
    sensitivities: Annotated[
        bool, typer.Option("--sensitivities", help="Shift of each mode with every dimension.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Band-edge modes of the infinite grating."""
    from dfbdesign.device import load_device
    from dfbdesign.numbers import cell_numbers, sensitivity_numbers
    from dfbdesign.solvers.unit_cell import modes as solve

    found = solve(load_device(file), wavevector)
    numbers = cell_numbers(found)
    _print(numbers | sensitivity_numbers(found) if sensitivities else numbers, as_json)


@app.command()
def laser(
    file: DeviceFile,
    solver: Annotated[
        Literal["coupled-mode", "rigorous"],
        typer.Option(help="Coupled waves of the unit cell, or all of Maxwell's equations (TE)."),
    ] = "coupled-mode",
    spectra: Annotated[
        Path | None,
        typer.Option(help="CSV file to write, of reflection, transmission and emission spectra."),
    ] = None,
    share: Annotated[
        float, typer.Option(help="Gain over that of the first threshold, for --spectra.")
    ] = 0.9,
    as_json: AsJson = False,
) -> None:
    """Threshold modes of the finite, pumped device, lowest threshold first."""
    from dfbdesign.device import load_device
    from dfbdesign.finite_laser import rigorous_laser
    from dfbdesign.laser import laser as solve
    from dfbdesign.laser_spectra import laser_spectra, save_spectra
    from dfbdesign.numbers import laser_numbers, rigorous_numbers

    device = load_device(file)
    if solver == "rigorous":
        if spectra is not None:
            raise InputError("--spectra needs --solver coupled-mode.")
        _print(rigorous_numbers(device, rigorous_laser(device)), as_json)
        return
    solved = solve(device)
    if spectra is not None:
        save_spectra(laser_spectra(solved, share), spectra)
    _print(laser_numbers(solved), as_json)


@app.command()
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
    from dfbdesign.design import design as choose
    from dfbdesign.design import load_target
    from dfbdesign.device import save_device
    from dfbdesign.files import writing
    from dfbdesign.numbers import lasing_mode_numbers

    target = load_target(file)
    with writing(output) as temporary:  # what cannot be written is refused before the work
        best = None
        if aim is not None or vary:
            best = _best(target, aim or "threshold", vary or [], smallest_line, spread)
        found = choose(target) if best is None else best.design
        save_device(found.device, temporary)
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
        from dfbdesign.design_numbers import best_numbers

        result |= best_numbers(best)
        if plot is not None:
            from dfbdesign.plot import trade_off

            result["file"] = _picture(plot, lambda axes: trade_off(axes, best))
    _print(result, as_json)


def _best(
    target: "Device", aim: "Aim", vary: list[str], smallest_line: float, spread: Path | None
) -> "Best":
    from dfbdesign.goals import best, bounds_of
    from dfbdesign.spread import load_spread

    known = None if spread is None else load_spread(spread)
    return best(target, aim, bounds_of(target, vary), known, smallest_line * nm)


def _picture(path: Path, draw: "Draw", width: float = 4.6) -> Path:
    from dfbdesign.files import writing
    from dfbdesign.plot import picture

    with writing(path) as temporary:
        temporary.write_bytes(picture(draw, width=width))
    return path


SpreadFile = Annotated[
    Path | None, typer.Option("--spread", help="Spread file; all by default as in the README.")
]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Processes to share the work.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Picture to write (PNG).")]


@app.command()
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
    from dfbdesign.design_numbers import tolerance_numbers
    from dfbdesign.device import load_device
    from dfbdesign.spread import Spread, load_spread, scaled
    from dfbdesign.tolerance import tolerance as solve

    known = Spread() if spread is None else load_spread(spread)
    found = solve(load_device(file), scaled(known, scale), samples, workers)
    result = tolerance_numbers(found)
    if plot is not None:
        from dfbdesign.plot import wavelength_spread

        result["file"] = _picture(plot, lambda axes: wavelength_spread(axes, found))
    _print(result, as_json)


@app.command()
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
    from dfbdesign.design_numbers import ladder_numbers
    from dfbdesign.device import load_device
    from dfbdesign.ladder import Goal, chip_of
    from dfbdesign.ladder import ladder as plan
    from dfbdesign.spread import Spread, load_spread

    device = load_device(file)
    middle = device.need_target().wavelength / nm
    ends = _numbers("--window", window) or (middle - 5, middle + 5)
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise InputError(f'--window must be two rising wavelengths like 1660,1670, got "{window}".')
    most = None if fluence is None else fluence * uJ / cm**2
    found = plan(
        device,
        Spread() if spread is None else load_spread(spread),
        count,
        Goal((ends[0] * nm, ends[1] * nm), most, at_least),
        _numbers("--duties", duties),
        _numbers("--doses", doses),
        grid * nm,
        workers=workers,
    )
    result = ladder_numbers(found)
    if output is not None:
        from dfbdesign.layout.chip_file import save_chip

        save_chip(chip_of(found), output)
        result["file"] = output
    if plot is not None:
        from dfbdesign.plot import ladder_plan

        result["picture"] = _picture(plot, lambda axes: ladder_plan(axes, found))
    _print(result, as_json)


@app.command()
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
    from dfbdesign.calibration import calibrate as solve
    from dfbdesign.calibration import next_ladder, prepared, updated
    from dfbdesign.design_numbers import calibrated_numbers, ladder_numbers
    from dfbdesign.device import load_device, save_device
    from dfbdesign.ladder import chip_of
    from dfbdesign.readings import load_readings
    from dfbdesign.spread import Spread, load_spread

    device = load_device(file)
    readings = load_readings(measured, device, manifest, error * nm)
    known = Spread() if spread is None else load_spread(spread)
    found = solve(prepared(device, known, readings, workers), readings)
    result = calibrated_numbers(found, readings)
    if output is not None:
        save_device(updated(device, found), output)
        result["device"] = output
    if next_chip is not None:
        from dfbdesign.layout.chip_file import save_chip

        planned = next_ladder(device, found, count, workers)
        save_chip(chip_of(planned), next_chip)
        result |= ladder_numbers(planned) | {"next_chip": next_chip}
    if plot is not None:
        from dfbdesign.plot import known_values

        result["picture"] = _picture(plot, lambda axes: known_values(axes, found))
    _print(result, as_json)


@app.command()
def verify(
    file: DeviceFile,
    level: Annotated[str, typer.Option(help="What to compare: unit-cell.")] = "unit-cell",
    as_json: AsJson = False,
) -> None:
    """Compare the band edges with MEEP, an independent time-domain program."""
    from dfbdesign.device import load_device
    from dfbdesign.verify import TOLERANCE
    from dfbdesign.verify import verify as compare

    device = load_device(file)
    with _progress() as tell:
        found = compare(device, level, lambda done, _: tell("comparison with MEEP", done))
    agreement = [
        {
            "label": compared.label,
            "quantity": compared.quantity,
            "relative_difference": compared.difference,
            "tolerance": TOLERANCE[compared.quantity],
            "verdict": compared.verdict,
        }
        for compared in found.comparisons
    ]
    result = {
        "wavelength_of_indices_nm": found.wavelength / nm,
        "solver": _witness(found.comparisons, "solver"),
        "fdtd": _witness(found.comparisons, "fdtd"),
        "agreement": agreement,
        "passed": found.passed,
    }
    _print(result, as_json)
    if not found.passed:
        raise PhysicsError("the solver and MEEP do not agree to the tolerance; see the verdicts.")


@app.command()
def layout(
    file: Annotated[Path, typer.Argument(metavar="CHIP.toml", help="Chip file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="GDS file to write.")],
    as_json: AsJson = False,
) -> None:
    """GDS of a chip with all that belongs to it, read back through KLayout and recomputed."""
    from dfbdesign.layout import check_rules, load_chip
    from dfbdesign.layout_numbers import layout_numbers
    from dfbdesign.plot import write_chip_preview
    from dfbdesign.written import written_chip

    chip = load_chip(file)
    found = written_chip(chip, output)
    preview = write_chip_preview(output.with_suffix(".png"), found.layout.panels)
    numbers = layout_numbers(found, check_rules(output, chip.process))
    _print(numbers | {"files": [*numbers["files"], preview]}, as_json)


@app.command()
def report(
    file: DeviceFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")],
    as_json: AsJson = False,
) -> None:
    """One page with the device, its modes, thresholds, pictures and the MEEP comparison."""
    from dfbdesign.device import load_device
    from dfbdesign.report import report as write

    device = load_device(file)
    with _progress() as tell:
        page = write(device, output, progress=tell)
    numbers = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    result = {"file": page} | numbers
    _print(result if as_json else _headlines(result), as_json)


@app.command()
def reproduce(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Picture to write (PNG).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Numbers of the two papers that the gain models speak to: measured and ours."""
    from dfbdesign.files import writing
    from dfbdesign.reproduce import PARAMETERS, median_deviation
    from dfbdesign.reproduce import reproduce as compare

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
        from dfbdesign.plot import picture, scoreboard

        with writing(output) as temporary:
            image = picture(lambda axes: scoreboard(axes, rows), width=6.4, height=6.4)
            temporary.write_bytes(image)
        result["file"] = output
    _print(result, as_json)


def _numbers(option: str, text: str) -> tuple[float, ...]:
    """The numbers of an option that takes several."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise InputError(f'{option} must be numbers like 1.5,1000, got "{text}".') from None


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


@app.command()
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

    found = analyse(kind, file, _numbers("--lifetimes", lifetimes), response)
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
        from dfbdesign.plot import measurement, picture

        with writing(plot) as temporary:
            temporary.write_bytes(picture(lambda axes: measurement(axes, found)))
        result["file"] = plot
    _print(result, as_json)


@app.command()
def gain(
    file: DeviceFile,
    fluences: Annotated[
        str, typer.Option(help="Pump fluences [µJ/cm²].")
    ] = "20,50,100,200,500,1000,2000",
    after: Annotated[float, typer.Option(help="Time after the pulse to look at [ps].")] = 50.0,
    biexciton_lifetime: Annotated[
        float, typer.Option(help="Auger lifetime of the biexciton [ps].")
    ] = inf,
    trapping_lifetime: Annotated[
        float, typer.Option(help="Lifetime of a single exciton [ps].")
    ] = inf,
    auger: Annotated[
        Literal["pair", "cubic", "bimolecular", "square"], typer.Option(help="Auger law.")
    ] = "pair",
    photon_density: Annotated[
        float, typer.Option(help="Photons in the film at the band edge [1/µm³].")
    ] = 0.0,
    red_shift: Annotated[
        float | None, typer.Option(help="Shift of the gain below absorption [meV], at 300 K.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Gain of the film against pump fluence, right after the pulse and later; how long it lasts."""
    from dfbdesign.device import load_device
    from dfbdesign.gain.rates import Rates
    from dfbdesign.numbers import gain_numbers
    from dfbdesign.pumping import pumped_gain

    found = pumped_gain(
        load_device(file),
        [fluence * uJ / cm**2 for fluence in _numbers("--fluences", fluences)],
        Rates(biexciton_lifetime * ps, auger, trapping_lifetime * ps),
        after=after * ps,
        photon_density=photon_density / um**3,
        red_shift=None if red_shift is None else red_shift * meV,
    )
    _print(gain_numbers(found), as_json)


@app.command()
def pump(
    file: DeviceFile,
    angle: Annotated[float, typer.Option(help="Angle of incidence [degrees].")] = 0.0,
    polarization: Annotated[
        Literal["TE", "TM"], typer.Option(help="Pump: E (TE) or H (TM) along the lines.")
    ] = "TE",
    orders: Annotated[
        int, typer.Option(help="Diffraction orders on either side; 0 averages over the lines.")
    ] = 0,
    energy: Annotated[float | None, typer.Option(help="Pulse energy in the spot [nJ].")] = None,
    as_json: AsJson = False,
) -> None:
    """Where the pump light goes in the layers, and what its depth profile costs."""
    from dfbdesign.device import load_device
    from dfbdesign.numbers import pump_numbers
    from dfbdesign.pumping import pumping

    found = pumping(
        load_device(file),
        angle=radians(angle),
        polarization=polarization,
        orders=orders,
        energy=None if energy is None else energy * nJ,
    )
    _print(pump_numbers(found), as_json)


@app.command()
def cite(file: DeviceFile, as_json: AsJson = False) -> None:
    """What to cite for results about a device: index data, gain film, methods."""
    from dfbdesign.device import load_device
    from dfbdesign.report import references

    _print({"references": list(references(load_device(file)))}, as_json)


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


def _witness(comparisons: "tuple[Comparison, ...]", name: str) -> list[dict[str, Any]]:
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


@contextmanager
def _progress() -> Iterator[Callable[[str, float | None], None]]:
    """A bar on stderr while that is a terminal; told the step and its done fraction, if known."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        number = bar.add_task("")
        yield lambda step, done: bar.update(
            number, description=step, completed=done or 0.0, total=None if done is None else 1.0
        )


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        from dfbdesign.numbers import plain

        print(json.dumps(plain(result), indent=2, allow_nan=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160)
    for key, value in result.items():
        rows = [value] if isinstance(value, dict) else value
        if not (isinstance(rows, list) and rows and isinstance(rows[0], dict)):
            console.print(f"{_heading(key)}: {_cell(key, value)}", soft_wrap=True)
            continue
        table = Table(title=Text(_heading(key)), title_justify="left")
        for column, first in rows[0].items():
            table.add_column(
                Text(_heading(column)), justify="left" if isinstance(first, str) else "right"
            )
        for row in rows:
            table.add_row(*(Text(_cell(column, entry)) for column, entry in row.items()))
        console.print(table)


_UNITS = {
    "_uj_per_cm2": "µJ/cm²",
    "_w_per_cm2": "W/cm²",
    "_ps": "ps",
    "_per_cm": "1/cm",
    "_nm": "nm",
    "_pm": "pm",
    "_um2": "µm²",
    "_um": "µm",
    "_deg": "°",
    "_ps_per_nm_km": "ps/(nm km)",
}


def _heading(key: str) -> str:
    for ending, unit in _UNITS.items():
        if key.endswith(ending):
            return f"{key.removesuffix(ending).replace('_', ' ')} [{unit}]"
    return key if key.startswith("n_") else key.replace("_", " ")


def _cell(key: str, value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            cells = [_cell(key, entry) for entry in value]
            if key == "references":
                return "".join(f"\n  {cell}" for cell in cells)
            return (" to " if "range" in key else ", ").join(cells) or "none"
        case complex():
            return f"{value.real:.6g} {value.imag:+.3g}i"
        case float() if isinf(value):
            return "infinite"
        case float():
            return f"{value:.3f}" if key in ("wavelength_nm", "period_nm") else f"{value:.5g}"
    return str(value)
