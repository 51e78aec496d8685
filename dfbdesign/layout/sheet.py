"""The process sheet of a chip: what is done in the cleanroom, with which numbers, in Markdown."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dfbdesign.device import Device
from dfbdesign.files import writing
from dfbdesign.layout.cells import exposed_lines
from dfbdesign.layout.chip_file import Chip
from dfbdesign.layout.exposure import WriteTime
from dfbdesign.layout.manifest import Row
from dfbdesign.units import cm, nA, nm, s, uC, um

_TEMPLATE = "process_sheet.md"
_MINUTE, _HOUR = 60 * s, 3600 * s


def write_sheet(
    gds_path: Path,
    chip: Chip,
    rows: list[Row],
    doses: list[Row],
    time: WriteTime | None,
    found: dict[str, Any],
) -> Path:
    """Write the process sheet beside a layout.

    Args:
        gds_path: The finished GDS.
        chip: The chip.
        rows: The rows of its manifest.
        doses: Its dose table.
        time: Write time of one chip.
        found: Number of `fields` and `dies`, the `global_marks` [µm], captions of the cells by
            name (`captions`), and the largest `residual` and `width_error` of the proximity
            correction.

    Returns:
        The sheet.

    Raises:
        InputError: If the file cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    process = chip.process
    device = chip.array[0].device if chip.array else None
    environment = Environment(
        loader=PackageLoader("dfbdesign.layout", "."),
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML
    )
    text = environment.get_template(_TEMPLATE).render(
        gds=gds_path.name,
        sha256=hashlib.sha256(gds_path.read_bytes()).hexdigest(),
        version=version("dfbdesign"),
        grid_nm=f"{process.grid / nm:g}",
        substrate=process.substrate,
        conductive_layer=process.conductive_layer,
        voltage_kv=process.voltage_kv,
        beam=process.beam
        and {
            "current_na": f"{process.beam.current / nA:g}",
            "base_dose": f"{process.beam.base_dose / (uC / cm**2):g}",
        },
        **_layers_of(device),
        charging_note=process.charging_note,
        field=process.field
        and {
            "size_um": f"{process.field.size / um:g}",
            "stitching_nm": f"{process.field.stitching / nm:g}",
        },
        fields=found["fields"],
        dies=found["dies"],
        time=time and _minutes(time, found["dies"]),
        dither=process.dither,
        bias_nm=f"{process.bias / nm:g}" if process.bias else "",
        proximity=process.proximity is not None,
        residual=f"{100 * found['residual']:.2f}",
        width_error_nm=f"{found['width_error'] / nm:.2f}",
        doses=doses,
        layers=process.layers,
        global_marks=[(f"{x:g}", f"{y:g}") for x, y in found["global_marks"]],
        devices=[row for row in rows if row["kind"] == "grating"],
        cells=[
            row | {"caption": found["captions"][row["device"]]}
            for row in rows
            if row["kind"] != "grating"
        ],
    )
    path = gds_path.with_suffix(".process.md")
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _layers_of(device: Device | None) -> dict[str, str]:
    """Height of the lines and of the film above them, as the sheet says them."""
    if device is None:
        return {"thickness_nm": "50", "film_nm": ""}
    number, _ = exposed_lines(device)
    above = sum(layer.thickness for layer in device.layers[number + 1 :])
    return {
        "thickness_nm": f"{device.layers[number].thickness / nm:g}",
        "film_nm": f"{above / nm:g}" if above else "",
    }


def _minutes(time: WriteTime, dies: int) -> dict[str, str]:
    parts = {
        "total": time.total, "exposure": time.exposure,
        "settling": time.settling, "stage": time.stage,
    }  # fmt: skip
    shown = {name: f"{value / _MINUTE:.1f}" for name, value in parts.items()}
    return shown | {"wafer": f"{dies * time.total / _HOUR:.1f}"}
