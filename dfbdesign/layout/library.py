"""The cells that a chip file can name by their kind, and what their label says."""

from collections.abc import Callable
from itertools import product
from typing import Annotated, Any

import gdstk
from pydantic import Field

from dfbdesign.checks import nearest
from dfbdesign.errors import InputError
from dfbdesign.layout import couplers, gratings, waveguides
from dfbdesign.layout.couplers import Coupler, GratingCoupler, Splitter
from dfbdesign.layout.gratings import CircularGrating, LineGrating, SquareGrating
from dfbdesign.layout.proximity import PointSpread, isolated_dose
from dfbdesign.layout.records import Pen
from dfbdesign.layout.waveguides import Bend, Spiral, Straight, Stripe, Taper

Design = (
    Straight
    | Bend
    | Taper
    | Spiral
    | Stripe
    | Splitter
    | Coupler
    | GratingCoupler
    | LineGrating
    | CircularGrating
    | SquareGrating
)
AnyDesign = Annotated[Design, Field(discriminator="kind")]

_DRAW: dict[str, Callable[..., gdstk.Cell]] = {
    "straight": waveguides.straight,
    "bend": waveguides.bend,
    "taper": waveguides.taper,
    "spiral": waveguides.spiral,
    "stripe": waveguides.stripe,
    "splitter": couplers.splitter,
    "coupler": couplers.coupler,
    "grating-coupler": couplers.grating_coupler,
    "line-grating": gratings.line_grating,
    "circular-grating": gratings.circular_grating,
    "square-grating": gratings.square_grating,
}

PERIODIC = ("line-grating", "circular-grating", "square-grating")
"""Kinds whose lines are too fine to be seen on a picture of the chip."""


def draw(design: Design, name: str, pen: Pen) -> gdstk.Cell:
    """The cell of a design.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell, with its design attached.

    Raises:
        InputError: If the design cannot be drawn.
    """
    return _DRAW[design.kind](design, name, pen)


def expanded(tables: Any) -> Any:
    """One table per cell: every list in a table is an axis that the cell runs over.

    Args:
        tables: The `[[cell]]` tables of a chip file, or designs.

    Returns:
        Tables without lists, the last axis running fastest.

    Raises:
        InputError: If a table names no known kind.
    """
    if not isinstance(tables, list | tuple):
        return tables
    found: list[Any] = []
    for number, table in enumerate(tables, start=1):
        if not isinstance(table, dict):
            found.append(table)
            continue
        kind = table.get("kind")
        if kind not in _DRAW:
            raise InputError(f'{number} has no kind "{kind}". {nearest(str(kind), list(_DRAW))}')
        axes = {
            key: values
            for key, values in table.items()
            if isinstance(values, list) and key != "phase_shifts"
        }
        for key, values in axes.items():
            if not values:
                raise InputError(
                    f"{number} {key} is an empty list. Give it a value, or leave it out."
                )
        found += [
            table | dict(zip(axes, values, strict=True)) for values in product(*axes.values())
        ]
    return found


def caption(design: Design) -> str:
    r"""What a label says about a cell: its kind, and whatever is not as usual.

    Args:
        design: The design.

    Returns:
        A few lines of text.

    Examples:
        >>> caption(Bend(radius=50 * um, euler=1))
        'bend\nradius 50 um\neuler 1'
    """
    shown = design.model_dump(mode="json", exclude_defaults=True)
    shown.pop("phase_shifts", None)
    words = [f"{key.replace('_', ' ')} {_short(value)}" for key, value in shown.items()]
    return "\n".join([design.kind, *words])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def dose_of(design: Design, spread: PointSpread) -> float:
    """The dose at which a cell opens as wide as it is drawn.

    A waveguide is a long line by itself; in the middle of a grating the background is that of its
    mean density (Chang 1975).

    Args:
        design: The design.
        spread: The point spread.

    Returns:
        Factor of the base dose.
    """
    if isinstance(design, LineGrating | CircularGrating | SquareGrating):
        density = design.duty ** (2 if isinstance(design, SquareGrating) else 1)
        return 1 / (spread.weights[0] + 2 * density * sum(spread.weights[1:]))
    return isolated_dose(design.width, spread)
