r"""What a chip asks of the beam: area and shapes of every dose, and the time to write them.

$$ t = \sum_d \frac{d D A_d}{I} + N t_\mathrm{settle} + F t_\mathrm{stage} $$

with the base dose D, the exposed area $A_d$ at the dose factor d, the current I, N shapes and F
write fields. Labels and marks are written at the base dose. A field is counted for each part of a
device or cell that needs one; labels and marks in the same field are not counted again.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import gdstk

from dfbdesign.files import writing
from dfbdesign.layout.process import Beam, Process
from dfbdesign.units import cm, s, uC

Exposed = dict[tuple[int, int], tuple[int, float]]
"""Number of polygons and their area [µm²] by layer and datatype."""


@dataclass(frozen=True)
class Dose:
    """All that is written at one dose on one layer and datatype."""

    factor: float
    """Dose over the base dose."""
    layer: int
    datatype: int
    shapes: int
    area: float
    """[µm²]"""


@dataclass(frozen=True)
class WriteTime:
    """An estimate, without calibration, alignment and pumping down."""

    exposure: float
    """Charge over current [ps]."""
    settling: float
    """At all shapes [ps]."""
    stage: float
    """Moves from field to field [ps]."""

    @property
    def total(self) -> float:
        """All of it [ps]."""
        return self.exposure + self.settling + self.stage


def doses_of(
    top: gdstk.Cell, numbers: dict[float, tuple[int, int]], process: Process
) -> tuple[Dose, ...]:
    """What is exposed in a cell, by dose.

    Args:
        top: The cell, with all that it refers to.
        numbers: GDS layer and datatype of the lines by dose factor.
        process: Its layers.

    Returns:
        The doses of the lines from the lowest, then labels and marks.
    """
    found = _exposed(top, {})
    layers = process.layers
    factors = [*((factor, number) for factor, number in numbers.items())]
    factors += [(1.0, (layer, 0)) for layer in (layers.label, layers.marks)]
    return tuple(
        Dose(factor, *number, *found[number]) for factor, number in factors if number in found
    )


def _exposed(cell: gdstk.Cell, known: dict[gdstk.Cell, Exposed]) -> Exposed:
    """Number and area of the polygons in a cell by layer and datatype, references resolved."""
    if (found := known.get(cell)) is not None:
        return found
    found = known[cell] = {}
    for polygon in cell.polygons:
        number = polygon.layer, polygon.datatype
        count, area = found.get(number, (0, 0.0))
        found[number] = count + 1, area + polygon.area()
    for reference in cell.references:
        repetition = reference.repetition
        times = (repetition.columns or 1) * (repetition.rows or 1)
        for number, (more, part) in _exposed(reference.cell, known).items():
            count, area = found.get(number, (0, 0.0))
            found[number] = count + times * more, area + times * part
    return found


def write_time(doses: tuple[Dose, ...], fields: int, beam: Beam) -> WriteTime:
    """How long a chip takes to write.

    Args:
        doses: What is exposed.
        fields: Number of write fields.
        beam: Dose, current and overheads.

    Returns:
        The parts of the time.
    """
    charge = sum(one.factor * one.area for one in doses) * beam.base_dose
    return WriteTime(
        charge / beam.current,
        sum(one.shapes for one in doses) * beam.settling,
        fields * beam.stage_move,
    )


def dose_rows(doses: tuple[Dose, ...], beam: Beam | None) -> list[dict[str, float | int | str]]:
    """The dose table, the unit in each key.

    Args:
        doses: What is exposed.
        beam: Base dose and current; `None` for factors alone.

    Returns:
        One row per dose.
    """
    rows: list[dict[str, float | int | str]] = []
    for one in doses:
        row: dict[str, float | int | str] = {
            "layer": one.layer,
            "datatype": one.datatype,
            "dose": one.factor,
            "shapes": one.shapes,
            "area_um2": round(one.area, 3),
        }
        if beam is not None:
            dose = one.factor * beam.base_dose
            row["dose_uc_per_cm2"] = round(dose / (uC / cm**2), 3)
            row["exposure_s"] = round(dose * one.area / beam.current / s, 3)
        rows.append(row)
    return rows


def write_doses(path: Path, rows: list[dict[str, float | int | str]]) -> Path:
    """Write the dose table as CSV.

    Args:
        path: Where to.
        rows: The table.

    Returns:
        The path.

    Raises:
        InputError: If the file cannot be written.
    """
    with writing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
