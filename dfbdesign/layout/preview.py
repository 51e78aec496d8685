"""A picture of a layout: the whole chip, and the first lines of its first device, each to scale.

At the scale of a chip the lines are far too fine to draw, so a grating is a filled rectangle there.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path
from xml.sax.saxutils import escape

import gdstk
import numpy as np
from numpy.typing import NDArray

from dfbdesign.files import writing
from dfbdesign.layout.cells import LinePattern
from dfbdesign.layout.marks import LETTER, MARK, MARK_SIZE, TEXT
from dfbdesign.layout.process import Layers
from dfbdesign.units import mm, nm, um

_WIDTH = 1000  # of the picture, in its own units
_PADDING = 20
_CAPTION = 50  # height below a panel for the scale bar and its caption
_LEGIBLE = 0.003  # height of a letter over the size of the chip
_LINES = 6  # in the magnified panel
_PAGE = "#ffffff"
COLOURS = {"lines": "#1f4e8c", "guides": "#1f4e8c", "label": "#333333", "marks": "#b3261e"}
"""Colour of every kind of shape; guides, too narrow to be seen, are drawn with an outline."""
_STROKE = ' stroke="#1f4e8c" stroke-width="0.7"'

Point = tuple[float, float]
Shape = tuple[str, NDArray[np.float64]]
"""Kind (a key of the colours) and vertices [µm], shape (vertex, 2)."""


@dataclass(frozen=True)
class Panel:
    """One picture to scale."""

    shapes: tuple[Shape, ...]
    low: Point
    """Lower left corner of what is shown [µm]."""
    high: Point
    """Upper right corner [µm]."""
    caption: str

    @property
    def scale_bar(self) -> tuple[float, str]:
        """Length of a round bar of at most a quarter of the width [µm], and its text."""
        longest = (self.high[0] - self.low[0]) / 4
        decade = 10.0 ** floor(log10(longest))
        length = max(step * decade for step in (1, 2, 5) if step * decade <= longest)
        unit, name = next(
            (unit, name) for unit, name in ((mm, "mm"), (um, "µm"), (nm, "nm")) if length >= unit
        )
        text = f"{length / unit:g} {name}"
        return length, f"{text}; {self.caption}" if self.caption else text


def preview_panels(
    chip: gdstk.Cell, layers: Layers, periodic: Collection[str], pattern: LinePattern | None
) -> tuple[Panel, ...]:
    """What the preview of a chip shows: all of it, and the first lines of its first device.

    Args:
        chip: The chip cell.
        layers: Its layers.
        periodic: Names of cells that are drawn as filled rectangles, their lines being too fine.
        pattern: Lines of the first device; `None` if there is none.

    Returns:
        One or two panels.
    """
    low, high = ((float(x), float(y)) for x, y in np.array(chip.bounding_box()))
    panels = [Panel(tuple(_chip_shapes(chip, layers, periodic)), low, high, "")]
    if pattern is not None:
        grid = pattern.grid
        period = float(pattern.stride) * grid
        window = (_LINES * period, min(_LINES * period / 4, 1.2 * pattern.length * grid))
        shapes = tuple(_first_lines(pattern, window[1]))
        shown = pattern.widths[:_LINES] * grid / nm
        widths = " to ".join(f"{width:.6g}" for width in sorted({shown.min(), shown.max()}))
        middle = "" if np.ptp(pattern.widths) == 0 else " in the middle"
        caption = f"first lines: period{middle} {period / nm:.8g} nm, line width {widths} nm"
        panels.append(Panel(shapes, (0, -window[1] / 6), window, caption))
    return tuple(panels)


def write_preview(path: Path, panels: Iterable[Panel]) -> Path:
    """Draw a chip and its first lines.

    Args:
        path: Where to write the SVG.
        panels: What to draw, one below the other.

    Returns:
        The path.

    Raises:
        InputError: If the file cannot be written.
    """
    drawn, bottom = [], float(_PADDING)
    for panel in panels:
        text, bottom = _drawn(panel, bottom)
        drawn.append(text)
    with writing(path) as temporary:
        temporary.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom:.0f}" '
            'font-family="sans-serif" font-size="16">\n'
            f'<rect width="100%" height="100%" fill="{_PAGE}"/>\n'
            f"{''.join(drawn)}</svg>\n",
            encoding="utf-8",
        )
    return path


def _rectangle(left: float, bottom: float, right: float, top: float) -> NDArray[np.float64]:
    return np.array([(left, bottom), (right, bottom), (right, top), (left, top)])


def _box(
    part: gdstk.Reference, boxes: dict[str, tuple[Point, Point]]
) -> tuple[float, float, float, float]:
    """Left, bottom, right and top edge of an unturned reference; boxes of cells are kept."""
    cell, (x, y) = part.cell, part.origin
    name = cell.name
    if name not in boxes:
        boxes[name] = cell.bounding_box() or ((0.0, 0.0), (0.0, 0.0))  # nothing: a point
    (left, bottom), (right, top) = boxes[name]
    return left + x, bottom + y, right + x, top + y


def _chip_shapes(chip: gdstk.Cell, layers: Layers, periodic: Collection[str]) -> Iterator[Shape]:
    """Everything that can be seen: of letters too small to be read the box around them."""
    kinds = {layers.marks: "marks", layers.label: "label"}
    unseen = {layers.fields, layers.outline}
    for polygon in chip.polygons:
        yield "marks", np.array(polygon.points)
    legible = _LEGIBLE * float(np.ptp(np.array(chip.bounding_box()), axis=0).max())
    boxes: dict[str, tuple[Point, Point]] = {}
    for reference in chip.references:
        origin = np.array(reference.origin)
        words = []
        for part in reference.cell.references:
            name = part.cell.name
            if name in periodic:
                yield "lines", _rectangle(*_box(part, boxes)) + origin
            elif name.startswith((LETTER, TEXT)):
                words.append(part)
            elif name != MARK or legible < MARK_SIZE:
                for one in part.get_polygons():
                    yield kinds.get(one.layer, "guides"), np.array(one.points) + origin
        for one in reference.cell.polygons:
            if one.layer not in unseen:
                yield "marks", np.array(one.points) + origin
        yield from _text(words, origin, legible, boxes)


def _text(
    words: list[gdstk.Reference],
    origin: NDArray[np.float64],
    legible: float,
    boxes: dict[str, tuple[Point, Point]],
) -> Iterator[Shape]:
    if not words:
        return
    edges = [_box(word, boxes) for word in words]
    if edges[0][3] - edges[0][1] < legible:
        left, bottom, right, top = zip(*edges, strict=True)
        yield "label", _rectangle(min(left), min(bottom), max(right), max(top)) + origin
        return
    for word in words:
        for one in word.get_polygons():
            yield "label", np.array(one.points) + origin


def _first_lines(pattern: LinePattern, height: float) -> Iterable[Shape]:
    top = min(height, pattern.length * pattern.grid)
    edges = np.stack([pattern.left, pattern.right], axis=1)[:_LINES] * pattern.grid
    for left, right in edges:
        yield "lines", _rectangle(left, 0, right, top)


def _drawn(panel: Panel, y: float) -> tuple[str, float]:
    """SVG of a panel placed at height y, and where it ends."""
    (left, bottom), (right, top) = panel.low, panel.high
    scale = min((_WIDTH - 2 * _PADDING) / (right - left), _WIDTH / (top - bottom))
    corner = np.array([left, top])
    start = np.array([(_WIDTH - scale * (right - left)) / 2, y])
    parts = []
    shift, stretch = start - corner * (scale, -scale), np.array((scale, -scale))
    for kind, points in panel.shapes:
        drawn, number, stroke = points * stretch + shift, "%.2f,%.2f", ""
        if kind == "guides":  # many vertices long: a tenth of a unit does for them
            drawn, number, stroke = np.round(drawn, 1), "%g,%g", _STROKE
            drawn = drawn[np.any(drawn != np.roll(drawn, 1, axis=0), axis=1)]
        path = " ".join([number] * len(drawn)) % tuple(drawn.ravel().tolist())
        parts.append(f'<polygon points="{path}" fill="{COLOURS[kind]}"{stroke}/>\n')
    foot = y + scale * (top - bottom) + _PADDING
    length, text = panel.scale_bar
    parts.append(
        f'<rect x="{_PADDING}" y="{foot:.2f}" width="{length * scale:.2f}" height="5"/>\n'
        f'<text x="{_PADDING + length * scale + 10:.2f}" y="{foot + 8:.2f}">{escape(text)}</text>\n'
    )
    return "".join(parts), foot + _CAPTION
