"""Tables of measured curves: CSV files with a header line."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import nearest
from dfbdesign.errors import InputError

Real = NDArray[np.float64]


def read_table(path: Path, columns: tuple[str, ...], at_least: int = 3) -> dict[str, Real]:
    """Columns of a CSV file with a header line.

    Args:
        path: The file.
        columns: Names of the columns, the one that must ascend first; a name with "intensity" or
            "length" in it must hold positive numbers.
        at_least: Fewest points that make sense.

    Returns:
        The columns by name, each of shape (point).

    Raises:
        InputError: If the file cannot be read, a column is missing, an entry is no finite number,
            an intensity is not positive, the first column does not ascend, or there are too few
            points; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}.") from error
    header = [name.strip() for name in lines[0].split(",")] if lines else []
    for name in columns:
        if name not in header:
            hint = nearest(name, header) if header else "The file is empty."
            raise InputError(f'{path}, line 1: no column "{name}". {hint}')
    found: dict[str, list[float]] = {name: [] for name in columns}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = line.split(",")
        for name in columns:
            place = header.index(name)
            text = cells[place].strip() if place < len(cells) else ""
            found[name].append(_entry(f"{path}, line {number}: {name}", name, text))
        across = found[columns[0]]
        if len(across) > 1 and across[-1] <= across[-2]:
            raise InputError(
                f"{path}, line {number}: {columns[0]} must ascend, got {across[-1]:g} after "
                f"{across[-2]:g}. Sort the lines."
            )
    points = len(found[columns[0]])
    if points < at_least:
        raise InputError(
            f"{path}, line {len(lines)}: the file ends after {points} points, "
            f"at least {at_least} are needed."
        )
    return {name: np.array(values) for name, values in found.items()}


def _entry(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f'{where} must be a number, got "{text}".') from None
    if not np.isfinite(value):
        raise InputError(f"{where} must be a finite number, got {text}.")
    if "intensity" in name and value <= 0:
        raise InputError(f"{where} must be positive, got {value:g}. Subtract less background.")
    if "length" in name and value <= 0:
        raise InputError(f"{where} must be positive, got {value:g}.")
    return value
