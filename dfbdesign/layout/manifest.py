"""What stands where on a chip: the records of a layout, and the files that list them.

The CSV has one row per device, to be continued with what is measured; the JSON holds the same rows
with the checksum of the GDS they belong to, the chip file, and the version that wrote it.
"""

import csv
import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dfbdesign.device import Device
from dfbdesign.files import writing
from dfbdesign.layout.cells import exposed_lines
from dfbdesign.layout.check import WrittenPattern
from dfbdesign.units import nm, pm


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
    """GDS or OASIS, manifest (CSV and JSON) and preview (SVG)."""
    devices: tuple[PlacedDevice, ...]
    """All devices in reading order."""
    written: Written
    """The worst errors of all devices."""


def worst(devices: tuple[PlacedDevice, ...]) -> Written:
    """The largest error of each kind.

    Args:
        devices: At least one device.

    Returns:
        The errors, and the device of the worst period.
    """
    period = max(devices, key=lambda one: abs(one.written.mean_period_error))
    return Written(
        max(one.written.largest_edge_error for one in devices),
        max((one.written.width_error for one in devices), key=abs),
        period.written.mean_period_error,
        period,
    )


def manifest_row(one: PlacedDevice, number: tuple[int, int]) -> dict[str, str | int | float]:
    """The row of a device.

    Args:
        one: The device.
        number: GDS layer and datatype of its lines.

    Returns:
        Its name, design, position and written lines, the unit in each key.
    """
    grating, written = one.device.need_grating(), one.written
    row: dict[str, str | int | float] = {
        "device": one.name,
        "cell": one.cell,
        "period_nm": grating.period / nm,
        "duty": exposed_lines(one.device)[1].duty,
        "dose": one.dose,
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
        "fields": one.fields,
        "stitching_error_pm": one.stitching_error / pm,
    }
    return {
        key: round(value, 6) + 0.0 if isinstance(value, float) else value
        for key, value in row.items()
    }


def write_manifest(
    gds_path: Path,
    grid: float,
    numbers: dict[float, tuple[int, int]],
    chip: dict[str, Any],
    devices: tuple[PlacedDevice, ...],
) -> tuple[Path, Path]:
    """List the devices of a layout in a CSV and a JSON file beside it.

    Args:
        gds_path: The finished GDS.
        grid: Its grid step [µm].
        numbers: GDS layer and datatype of the lines by dose factor.
        chip: The tables of the chip file, with the device tables in place of their files.
        devices: The devices.

    Returns:
        The two files.

    Raises:
        InputError: If a file cannot be written.
    """
    rows = [manifest_row(one, numbers[one.dose]) for one in devices]
    table = gds_path.with_suffix(".manifest.csv")
    with writing(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    content = {
        "version": version("dfbdesign"),
        "gds": gds_path.name,
        "gds_sha256": hashlib.sha256(gds_path.read_bytes()).hexdigest(),
        "grid_nm": round(grid / nm, 6),
        "doses": [
            {"dose": dose, "layer": layer, "datatype": datatype}
            for dose, (layer, datatype) in numbers.items()
        ],
        "devices": rows,
        "chip": chip,
    }
    full = gds_path.with_suffix(".manifest.json")
    with writing(full) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return table, full
