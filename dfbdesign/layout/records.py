"""Cells that carry their design: what was asked for, what follows from it, in words and units.

A record is a flat table of texts and numbers, written into the cell as a property (which OASIS
keeps) and from there into the manifest (which goes with GDS too).
"""

import json
from dataclasses import dataclass
from typing import Any

import gdstk
import numpy as np

from dfbdesign.layout.cells import to_steps
from dfbdesign.schema import Part
from dfbdesign.units import nm

_PROPERTY = "design"


@dataclass(frozen=True)
class Pen:
    """Where and how the shapes of a cell are drawn."""

    grid: float = 1 * nm
    """Grid step, and database unit of the file [µm]."""
    lines: tuple[int, int] = (1, 0)
    """GDS layer and datatype of what is exposed at the base dose."""
    marks: int = 3
    """GDS layer of marks."""
    bias: float = 0.0
    """How much wider a line opens than it is drawn [µm]."""

    def snapped(self, length: float) -> float:
        """The nearest length on the grid [µm]."""
        return float(to_steps(length, self.grid) * self.grid)

    def drawn(self, width: float) -> float:
        """The width on the grid that opens to a wanted width [µm]."""
        return self.snapped(width - self.bias)

    def rectangle(self, left: float, bottom: float, right: float, top: float) -> gdstk.Polygon:
        """An exposed rectangle; all arguments in µm."""
        layer, datatype = self.lines
        low, high = (to_steps([(left, bottom), (right, top)], self.grid) * self.grid).tolist()
        return gdstk.rectangle(low, high, layer=layer, datatype=datatype)

    def polygons(self, outlines: list[Any]) -> list[gdstk.Polygon]:
        """Exposed polygons of outlines on the grid, shape (vertex, 2) each [µm]."""
        layer, datatype = self.lines
        return [
            gdstk.Polygon(np.asarray(outline).tolist(), layer=layer, datatype=datatype)
            for outline in outlines
        ]


PEN = Pen()
"""A grid of 1 nm and the layers of a process that names none."""


def recorded(cell: gdstk.Cell, design: Part, **found: float) -> gdstk.Cell:
    """Attach a design to its cell.

    Args:
        cell: The cell.
        design: What was asked for.
        found: What follows from it, the unit in each key.

    Returns:
        The cell.
    """
    table = design.model_dump(mode="json", exclude_none=True) | {
        key: round(value, 6) for key, value in found.items()
    }
    cell.set_property(_PROPERTY, [json.dumps(table)])
    return cell


def record(cell: gdstk.Cell) -> dict[str, Any]:
    """The design attached to a cell.

    Args:
        cell: A cell made by a function of this package.

    Returns:
        What was asked for and what follows from it.

    Raises:
        KeyError: If the cell carries no design.

    Examples:
        >>> from dfbdesign.layout.waveguides import Straight, straight
        >>> record(straight(Straight(length=100, width=0.6)))["length"]
        '100 um'
    """
    for name, *values in cell.properties:
        if name == _PROPERTY and isinstance(values[0], bytes):
            table: dict[str, Any] = json.loads(values[0])
            return table
    raise KeyError(f'cell "{cell.name}" carries no design')
