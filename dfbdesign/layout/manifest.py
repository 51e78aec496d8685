"""What stands where on a chip: the records of a layout, and the files that list them.

The CSV has one row per device or cell, to be continued with what is measured; the JSON holds the
same rows with the checksum of the GDS they belong to, the chip file, and the version that wrote it.
What a device is predicted to do comes from who asks for the layout: it takes a laser model.
"""

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dfbdesign.device import Device
from dfbdesign.files import writing
from dfbdesign.grating import Grating
from dfbdesign.layout.cells import exposed_lines
from dfbdesign.layout.check import WrittenPattern
from dfbdesign.layout.exposure import Dose, WriteTime
from dfbdesign.layout.preview import Panel
from dfbdesign.units import cm, mrad, nm, pm, uJ


@dataclass(frozen=True)
class Prediction:
    """What a device is predicted to do."""

    wavelength: float
    """Of the mode that lases first [µm]."""
    origin: str
    """The band edge it comes from."""
    threshold_material_gain: float
    """[1/µm]"""
    threshold_fluence: float | None
    """[pJ/µm²]; `None` without film and pump."""
    kappa: complex
    """Coupling [1/µm]."""


@dataclass(frozen=True)
class PlacedDevice:
    """One device on the chip."""

    name: str
    """What its label says, and the name of its cell."""
    cell: str
    """Name of the cell of its lines, which equal devices share."""
    device: Device
    """Its design."""
    dose: float
    """Factor of the base dose."""
    position: tuple[float, float]
    """Centre of its grating, from the lower left mark of the chip [µm]."""
    written: WrittenPattern
    """Its lines as read back from the file."""
    fields: int
    """Write fields that its grating takes."""
    stitching_error: float
    """Standard deviation of its mean period from slips between its write fields [µm]."""
    field_periods: int
    """Whole periods in each of its fields but the last."""
    doses: tuple[float, float]
    """Lowest and highest dose factor of its lines, after proximity correction."""
    dose_residual: float
    """Largest error of the energy at the edge of a line, over the threshold; 0 if not corrected."""
    width_error: float
    """Largest error of a simulated developed width at dose 1 [µm]; 0 if not corrected."""
    prediction: Prediction | None
    """`None` if none was asked for, or the model has none."""


@dataclass(frozen=True)
class PlacedCell:
    """One cell on the chip that is no device."""

    name: str
    """What its label says."""
    cell: str
    """Name of the cell without its label."""
    record: dict[str, Any]
    """Its design and what follows from it."""
    caption: str
    """Its label."""
    dose: float
    """Factor of the base dose."""
    position: tuple[float, float]
    """Its own origin, from the lower left mark of the chip [µm]."""


@dataclass(frozen=True)
class Written:
    """The worst of all gratings of a file."""

    largest_edge_error: float
    """Largest distance of an edge from its place at whole periods [µm]."""
    largest_width_error: float
    """Largest difference of a line width from the one to draw, signed [µm]."""
    mean_period_error: float
    """Largest error of a mean period, signed [µm]."""
    worst_period: PlacedDevice
    """The device whose mean period is off by that much."""


@dataclass(frozen=True)
class Layout:
    """A layout that was written and checked."""

    files: tuple[Path, ...]
    """GDS or OASIS, manifest (CSV and JSON), preview (SVG), dose table, process sheet."""
    devices: tuple[PlacedDevice, ...]
    """All devices in reading order."""
    cells: tuple[PlacedCell, ...]
    """Waveguides and other cells."""
    written: Written | None
    """The worst errors of all devices; `None` without devices."""
    doses: tuple[Dose, ...]
    """What is exposed at every dose."""
    write_time: WriteTime | None
    """Of one chip; `None` if the process names no beam."""
    dies: tuple[tuple[float, float], ...]
    """Lower left mark of every chip from the centre of the wafer [µm]; empty without a wafer."""
    panels: tuple[Panel, ...] = field(repr=False, compare=False)
    """What its preview shows."""

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


def worst(devices: tuple[PlacedDevice, ...]) -> Written | None:
    """The largest error of each kind.

    Args:
        devices: All devices.

    Returns:
        The errors, and the device of the worst period; `None` if there is no device.
    """
    if not devices:
        return None
    period = max(devices, key=lambda one: abs(one.written.mean_period_error))
    return Written(
        max(one.written.largest_edge_error for one in devices),
        max((one.written.width_error for one in devices), key=abs),
        period.written.mean_period_error,
        period,
    )


Row = dict[str, Any]


def manifest_row(one: PlacedDevice, number: tuple[int, int]) -> Row:
    """The row of a device.

    Args:
        one: The device.
        number: GDS layer and datatype of its first line.

    Returns:
        Its name, design, position, written lines and prediction, the unit in each key.
    """
    grating, written, found = one.device.need_grating(), one.written, one.prediction
    fluence = found.threshold_fluence if found is not None else None
    row = {
        "device": one.name,
        "kind": "grating",
        "cell": one.cell,
        "cell_sha256": written.checksum,
        "period_nm": grating.period / nm,
        "duty": _mean_duty(one.device),
        "order": grating.order,
        "phase_shifts": len(grating.phase_shifts),
        "dose": one.dose,
        "lowest_dose": one.doses[0],
        "highest_dose": one.doses[1],
        "layer": number[0],
        "datatype": number[1],
        "lines": written.lines,
        "line_width_nm": written.widths[0] / nm,
        "line_width_error_nm": written.width_error / nm,
        "length_um": grating.periods * grating.period,
        "line_length_um": written.lengths[0],
        "x_um": one.position[0],
        "y_um": one.position[1],
        "largest_edge_error_nm": written.largest_edge_error / nm,
        "mean_period_error_pm": written.mean_period_error / pm,
        "phase_error_mrad": written.phase_error / mrad,
        "slow_phase_error_mrad": written.slow_phase_error / mrad,
        "fields": one.fields,
        "field_periods": one.field_periods,
        "stitching_error_pm": one.stitching_error / pm,
        "predicted_wavelength_nm": found and found.wavelength / nm,
        "predicted_mode": found and found.origin,
        "predicted_kappa_per_cm": found and found.kappa.real * cm,
        "predicted_threshold_gain_per_cm": found and found.threshold_material_gain * cm,
        "predicted_threshold_uj_per_cm2": fluence and fluence / (uJ / cm**2),
        "design": "",
    }
    return _rounded(row | _changes(grating, written))


def _mean_duty(device: Device) -> float:
    """Line width over period, over all lines."""
    grating, duty = device.need_grating(), exposed_lines(device)[1].duty
    if grating.apodisation is None:
        return duty
    widths = grating.line_widths(duty)
    return float(widths.mean() / grating.period)


def _changes(grating: Grating, written: WrittenPattern) -> Row:
    """What changes along a grating; nothing for lines that are all the same."""
    found: Row = {"widest_line_nm": written.widths[1] / nm} if grating.varies else {}
    if grating.chirp:
        found["chirp_nm"] = grating.chirp / nm
    if grating.slips:
        found["slips_nm"] = _listed((one.position, one.slip / nm) for one in grating.slips)
    if grating.apodisation is not None:
        one = grating.apodisation
        found["duties"] = _listed(zip(one.places.tolist(), one.duty, strict=True))
    return found


def _listed(pairs: Iterable[tuple[float, float]]) -> str:
    """Values with the shares of the grating they stand at, as "0: 0.1, 1: 0.35"."""
    return ", ".join(f"{place:.6g}: {value:.6g}" for place, value in pairs)


def cell_row(one: PlacedCell, number: tuple[int, int]) -> Row:
    """The row of any other cell: the columns it shares with devices, and its whole design.

    Args:
        one: The cell.
        number: Its GDS layer and datatype.

    Returns:
        Its name, design and position, the unit in each key.
    """
    return _rounded(
        {
            "device": one.name,
            "kind": one.record["kind"],
            "cell": one.cell,
            "dose": one.dose,
            "layer": number[0],
            "datatype": number[1],
            "length_um": one.record.get("length_um"),
            "x_um": one.position[0],
            "y_um": one.position[1],
            "design": json.dumps(one.record),
        }
    )


def _rounded(row: Row) -> Row:
    return {
        key: round(value, 6) + 0.0 if isinstance(value, float) else value
        for key, value in row.items()
    }


def manifest_rows(
    numbers: dict[float, tuple[int, int]],
    devices: tuple[PlacedDevice, ...],
    cells: tuple[PlacedCell, ...],
    corrected: bool,
) -> list[Row]:
    """The rows of all devices, then of all other cells.

    Args:
        numbers: GDS layer and datatype of the lines by dose factor.
        devices: The devices.
        cells: The other cells.
        corrected: Whether doses are corrected for the proximity effect.

    Returns:
        The rows; `dose_per` says whether each line or each whole cell has its own dose.
    """
    per_line, per_cell = ("line", "cell") if corrected else ("chip", "chip")
    return [
        manifest_row(one, numbers[one.doses[0]]) | {"dose_per": per_line} for one in devices
    ] + [cell_row(one, numbers[one.dose]) | {"dose_per": per_cell} for one in cells]


def write_manifest(
    gds_path: Path,
    grid: float,
    doses: list[Row],
    chip: dict[str, Any],
    rows: list[Row],
    dies: tuple[tuple[float, float], ...],
) -> tuple[Path, Path]:
    """List the devices of a layout in a CSV and a JSON file beside it.

    Args:
        gds_path: The finished GDS.
        grid: Its grid step [µm].
        doses: The dose table.
        chip: The tables of the chip file, with the device tables in place of their files.
        rows: The devices and cells.
        dies: Lower left mark of every chip on the wafer [µm].

    Returns:
        The two files.

    Raises:
        InputError: If a file cannot be written.
    """
    table = gds_path.with_suffix(".manifest.csv")
    columns = dict.fromkeys(key for row in rows for key in row)
    with writing(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.get(column, "") for column in columns] for row in rows)
    content = {
        "version": version("dfbdesign"),
        "gds": gds_path.name,
        "gds_sha256": hashlib.sha256(gds_path.read_bytes()).hexdigest(),
        "grid_nm": round(grid / nm, 6),
        "doses": doses,
        "dies": [{"x_um": round(x, 6), "y_um": round(y, 6)} for x, y in dies],
        "chip": chip,
    }
    full = gds_path.with_suffix(".manifest.json")
    # A device is one line: to be read, and written ten times as fast as with every key on its own.
    devices = ",\n  ".join(json.dumps(row) for row in rows)
    text = json.dumps(content, indent=1).removesuffix("\n}")
    with writing(full) as temporary:
        temporary.write_text(f'{text},\n "devices": [\n  {devices}\n ]\n}}\n', encoding="utf-8")
    return table, full
