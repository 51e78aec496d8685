"""Measured lasers of a chip: a CSV keyed by the device names of its manifest."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dfbdesign.checks import nearest, positive
from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.units import cm, nm, uJ

Kind = Literal["laser", "dip"]
COLUMNS = (
    "device", "wavelength_nm", "dip_nm", "threshold_uj_per_cm2", "error_nm",
    "threshold_error_percent", "period_nm", "duty", "dose",
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One measured wavelength of one device."""

    name: str
    kind: Kind
    """A lasing wavelength, or a dip in reflection: that is the bright edge."""
    period: float
    """Drawn period [µm]."""
    duty: float
    """Drawn duty."""
    dose: float
    """Factor of the base dose."""
    wavelength: float
    """[µm]"""
    error: float
    """Standard deviation of the reading [µm]."""
    threshold: float | None = None
    """Threshold fluence [pJ/µm²]."""
    threshold_error: float = 0.3
    """Its relative error."""


def load_readings(
    path: str | Path, device: Device, manifest: str | Path | None = None, error: float = 0.2 * nm
) -> tuple[Reading, ...]:
    """Read measured devices.

    Args:
        path: A CSV file with the column "device" and "wavelength_nm" or "dip_nm", and, if wanted,
            "error_nm", "threshold_uj_per_cm2" and "threshold_error_percent" (30 without it).
        device: For the duty and period that neither file gives.
        manifest: The CSV manifest of the layout, for period, duty and dose of the devices; without
            it the columns "period_nm", "duty" and "dose" give them.
        error: Standard deviation of readings without "error_nm" [µm].

    Returns:
        The readings; a device with a lasing wavelength and a dip has two.

    Raises:
        InputError: If a file cannot be read, a number is none, or a device is in no manifest.
    """
    positive("error (in um)", error)
    rows = _rows(Path(path))
    if rows and (unknown := set(rows[0]) - set(COLUMNS)):
        name = min(unknown)
        raise InputError(f'{path}: no column "{name}" is known. {nearest(name, list(COLUMNS))}')
    placed = {} if manifest is None else {row["device"]: row for row in _rows(Path(manifest))}
    found: list[Reading] = []
    for number, row in enumerate(rows, start=2):
        where, name = f"{path}, line {number}", (row.get("device") or "").strip()
        if manifest is not None and name not in placed:
            raise InputError(f'{where}: no device "{name}". {nearest(name, list(placed))}')
        found += _readings(where, name, row, row | placed.get(name, {}), device, error)
    if not found:
        raise InputError(f"{path} holds no wavelength. It needs wavelength_nm or dip_nm.")
    return tuple(found)


def _readings(
    where: str, name: str, row: dict[str, str], made: dict[str, str], device: Device, error: float
) -> list[Reading]:
    lines = next((layer.lines for layer in device.layers if layer.lines), None)
    if lines is None:
        raise InputError("calibration needs a device with lines.")
    if made.get("chirp_nm") or made.get("duties") or made.get("slips_nm"):
        raise InputError(
            f'{where}: the lines of "{name}" change along it, and a calibration reads gratings of '
            "equal periods. Leave this device out."
        )
    period = _number(where, made, "period_nm", device.need_grating().period / nm)
    duty, dose = _number(where, made, "duty", lines.duty), _number(where, made, "dose", 1.0)
    sigma = _number(where, row, "error_nm", error / nm) * nm
    threshold = _number(where, row, "threshold_uj_per_cm2", 0.0) * uJ / cm**2
    relative = _number(where, row, "threshold_error_percent", 30.0) / 100
    found = []
    kinds: Sequence[tuple[str, Kind]] = (("wavelength_nm", "laser"), ("dip_nm", "dip"))
    for column, kind in kinds:
        if (wavelength := _number(where, row, column, 0.0)) > 0:
            fluence = threshold if kind == "laser" and threshold > 0 else None
            read = (wavelength * nm, sigma, fluence, relative)
            found.append(Reading(name, kind, period * nm, duty, dose, *read))
    return found


def _number(where: str, row: dict[str, str], column: str, default: float) -> float:
    text = (row.get(column) or "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise InputError(f'{where}: {column} must be a number, got "{text}".') from None
    if not 0 < value < 1e6:
        raise InputError(f"{where}: {column} must be a positive number, got {text}.")
    return value


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(line for line in file if not line.startswith("#"))
            header, rows = lines.fieldnames or (), list(lines)
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"cannot read {path}: {problem}.") from None
    if not rows or "device" not in rows[0]:
        raise InputError(f'{path} needs a header with the column "device", and a row below it.')
    if len(set(header)) < len(header):
        raise InputError(f"{path}: two columns have one name. Keep one of them.")
    for number, row in enumerate(rows, start=2):
        if None in row:
            raise InputError(f"{path}, line {number}: more cells than the header has columns.")
    return rows
