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
from dfbdesign.layout.cells import MARK_SIZE, LinePattern
from dfbdesign.units import mm, nm, um

_WIDTH = 1000  # of the picture, in its own units
_PADDING = 20
_CAPTION = 50  # height below a panel for the scale bar and its caption
_LEGIBLE = 0.003  # height of a letter over the size of the chip
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
    """Everything that can be seen: of letters too small to be read the box around them."""
    for polygon in chip.polygons:
        yield "marks", np.array(polygon.points)
    (left, bottom), (right, top) = np.array(chip.bounding_box())
    mark_layers = {polygon.layer for polygon in chip.polygons}
    legible = _LEGIBLE * max(right - left, top - bottom)
    outlines: dict[str, NDArray[np.float64]] = {}
    for reference in chip.references:
        origin = np.array(reference.origin)
        lines, *letters = reference.cell.references
        if lines.cell.name not in outlines:
            outlines[lines.cell.name] = _rectangle(*np.ravel(np.array(lines.bounding_box())))
        yield "lines", outlines[lines.cell.name] + origin
        if legible < MARK_SIZE:
            shown = (one for one in reference.cell.polygons if one.layer in mark_layers)
            yield from (("marks", mark.points + origin) for mark in shown)
        at = np.array([letter.origin for letter in letters])
        height = np.ptp(np.array(letters[0].cell.bounding_box())[:, 1])
        if height < legible:
            low, high = at.min(axis=0), at.max(axis=0) + height
            yield "label", _rectangle(*low, *high) + origin
            continue
        for letter in letters:
            yield from (("label", one.points + origin) for one in letter.get_polygons())


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
        path = " ".join(["%.2f,%.2f"] * len(drawn)) % tuple(drawn.ravel())
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
