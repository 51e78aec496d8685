"""A picture of a layout: the whole chip, and the first lines of its first device, each to scale.

At the scale of a chip the lines are far too fine to draw, so a grating is a filled rectangle there.
"""

from collections.abc import Iterable
from math import floor, log10
from pathlib import Path
from xml.sax.saxutils import escape

import gdstk
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.files import writing
from dfbdesign.layout.cells import LinePattern
from dfbdesign.units import mm, nm, um

_WIDTH = 1000  # of the picture, in its own units
_PADDING = 20
_CAPTION = 50  # height below a panel for the scale bar and its caption
_LINES = 6  # in the magnified panel
_COLOURS = {"lines": "#1f4e8c", "label": "#333333", "marks": "#b3261e", "page": "#ffffff"}

Shape = tuple[str, NDArray[np.float64]]
"""Kind (a key of the colours) and vertices [µm], shape (vertex, 2)."""


def write_preview(path: Path, chip: gdstk.Cell, pattern: LinePattern) -> Path:
    """Draw a chip and its first lines.

    Args:
        path: Where to write the SVG.
        chip: The chip cell; it refers to device cells, whose first reference is their grating.
        pattern: Lines of the first device.

    Returns:
        The path.

    Raises:
        InputError: If the file cannot be written.
    """
    low, high = np.array(chip.bounding_box())
    overview, height = _panel(list(_chip_shapes(chip)), low, high, _PADDING, "")
    grid = pattern.grid
    period = float(pattern.stride) * grid
    top = pattern.length * grid
    window = (_LINES * period, min(_LINES * period / 4, 1.2 * top))
    lines, bottom = _panel(
        list(_first_lines(pattern, window[1])),
        (0, -window[1] / 6),
        window,
        height,
        f"first lines: period {period / nm:.8g} nm, line width {pattern.width * grid / nm:.6g} nm",
    )
    with writing(path) as temporary:
        temporary.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom:.0f}" '
            'font-family="sans-serif" font-size="16">\n'
            f'<rect width="100%" height="100%" fill="{_COLOURS["page"]}"/>\n'
            f"{overview}{lines}</svg>\n",
            encoding="utf-8",
        )
    return path


def _rectangle(left: float, bottom: float, right: float, top: float) -> NDArray[np.float64]:
    return np.array([(left, bottom), (right, bottom), (right, top), (left, top)])


def _chip_shapes(chip: gdstk.Cell) -> Iterable[Shape]:
    marks = {polygon.layer for polygon in chip.polygons}
    for polygon in chip.polygons:
        yield "marks", np.array(polygon.points)
    for reference in chip.references:
        origin = np.array(reference.origin)
        (left, bottom), (right, top) = reference.cell.references[0].bounding_box()
        yield "lines", _rectangle(left, bottom, right, top) + origin
        for polygon in reference.cell.polygons:
            yield "marks" if polygon.layer in marks else "label", polygon.points + origin


def _first_lines(pattern: LinePattern, height: float) -> Iterable[Shape]:
    top = min(height, pattern.length * pattern.grid)
    for left in pattern.left[:_LINES] * pattern.grid:
        yield "lines", _rectangle(left, 0, left + pattern.width * pattern.grid, top)


def _panel(
    shapes: list[Shape], low: ArrayLike, high: ArrayLike, y: float, caption: str
) -> tuple[str, float]:
    """SVG of shapes in a window of the layout, placed at height y, and where the panel ends."""
    (left, bottom), (right, top) = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    scale = min((_WIDTH - 2 * _PADDING) / (right - left), _WIDTH / (top - bottom))
    corner = np.array([left, top])
    start = np.array([(_WIDTH - scale * (right - left)) / 2, y])
    parts = []
    for kind, points in shapes:
        drawn = (points - corner) * (scale, -scale) + start
        path = " ".join(f"{x:.2f},{z:.2f}" for x, z in drawn)
        parts.append(f'<polygon points="{path}" fill="{_COLOURS[kind]}"/>\n')
    foot = y + scale * (top - bottom) + _PADDING
    parts.append(_scale_bar(scale, (right - left) / 4, foot, caption))
    return "".join(parts), foot + _CAPTION


def _scale_bar(scale: float, longest: float, y: float, caption: str) -> str:
    """A bar of a round length below `longest` [µm], with its length and a caption beside it."""
    decade = 10.0 ** floor(log10(longest))
    length = max(step * decade for step in (1, 2, 5) if step * decade <= longest)
    unit, name = next(
        (unit, name) for unit, name in ((mm, "mm"), (um, "µm"), (nm, "nm")) if length >= unit
    )
    text = escape(f"{length / unit:g} {name}" + (f"; {caption}" if caption else ""))
    bar = length * scale
    return (
        f'<rect x="{_PADDING}" y="{y:.2f}" width="{bar:.2f}" height="5"/>\n'
        f'<text x="{_PADDING + bar + 10:.2f}" y="{y + 8:.2f}">{text}</text>\n'
    )
