"""What surrounds the lines: labels to be read, marks to be found, a frame to cut along.

Everything is made of rectangles and letters on the grid, with no corner sharper than a right angle.
"""

import gdstk
import numpy as np

from dfbdesign.units import nm, um

MARK_SIZE = 20 * um
"""Tip to tip of the crosses at the corners of a device."""
MARK_DISTANCE = 40 * um
"""From the corner of the grating to the centre of the cross, along x and along y."""
LABEL_DISTANCE = 60 * um
"""From the lower end of the lines to the top of the label: below the crosses, for any width."""
LETTER, TEXT = "letter_", "text_"
"""What the names of the cells of letters, and of lines of text, begin with."""
MARK = "mark"
"""Name of the cell of the cross at the corners of a device."""
FRAME_WIDTH = 10 * um
"""Width of the lines of the frame of a chip."""
VERNIER_PITCH = 8 * um
"""Pitch of the main scale of a vernier."""
VERNIER_STEP = 50 * nm
"""What one tick of a vernier resolves: the second scale has a pitch larger by it."""
_TICKS = 21
_TICK = (3 * um, 30 * um)  # width and length of a tick
_TICK_GAP = 4 * um  # from the ticks of one scale to those of the other
_SCALE_DISTANCE = 20 * um  # between the verniers for x and y
_CLEAVE = (5 * um, 100 * um)  # width and length of one bar of a cleave mark
_CLEAVE_BARS = 3
CLEAVE_REACH = FRAME_WIDTH + _CLEAVE_BARS * sum(_CLEAVE)
"""How far cleave marks reach into the chip [µm]."""


def label(
    text: str,
    height: float,
    layer: int,
    glyphs: dict[str, gdstk.Cell],
    corner: tuple[float, float] = (0.0, -LABEL_DISTANCE),
) -> list[gdstk.Reference]:
    """Text to be read under the microscope, clear below what it names.

    Equal lines of text share a cell, and equal letters in them: labels that say the same period or
    duty would otherwise be most of the file.

    Args:
        text: One or more lines of ASCII text.
        height: Height of a capital letter with its descender [µm].
        layer: GDS layer of the letters.
        glyphs: The cells of letters and lines of text in use; new ones are added.
        corner: Upper left corner of the text [µm].

    Returns:
        The lines of text.
    """
    references = []
    for row, line in enumerate(text.split("\n")):
        if line not in glyphs:
            glyphs[line] = _line(line, height, layer, glyphs)
        at = (corner[0], corner[1] - height * (1 + row * 5 / 4))
        references.append(gdstk.Reference(glyphs[line], at))
    return references


def _line(text: str, height: float, layer: int, glyphs: dict[str, gdstk.Cell]) -> gdstk.Cell:
    """A line of text, from cells of its letters if it has several."""
    if len(text) == 1:
        cell = gdstk.Cell(f"{LETTER}{ord(text):02x}")
        return cell.add(*_letter(text, height, layer))
    cell = gdstk.Cell(f"{TEXT}{len(glyphs)}")
    for column, letter in enumerate(text):
        if letter not in glyphs:
            glyphs[letter] = _line(letter, height, layer, glyphs)
        if glyphs[letter].polygons:  # not for a blank
            cell.add(gdstk.Reference(glyphs[letter], (column * height * 9 / 16, 0)))
    return cell


def _letter(letter: str, height: float, layer: int) -> list[gdstk.Polygon]:
    """A letter whose parts do not touch in a point alone, which no mask maker accepts."""
    return gdstk.offset(
        gdstk.text(letter, height, (0, 0)), height / 200, use_union=True, layer=layer
    )


def corner_marks(
    corner: tuple[float, float],
    opposite: tuple[float, float],
    distance: float,
    size: float,
    layer: int,
) -> list[gdstk.Polygon]:
    """Four crosses around a rectangle, with arms a tenth as wide as they are long tip to tip.

    Args:
        corner: Lower left corner of the rectangle [µm].
        opposite: Upper right corner of the rectangle [µm].
        distance: From each corner outwards to the centre of its cross, along x and along y [µm].
        size: Tip to tip [µm].
        layer: GDS layer of the crosses.

    Returns:
        The crosses.
    """
    columns = (corner[0] - distance, opposite[0] + distance)
    rows = (corner[1] - distance, opposite[1] + distance)
    return [gdstk.cross((x, y), size, size / 10, layer=layer) for x in columns for y in rows]


def mark_cell(layer: int) -> gdstk.Cell:
    """The cross that stands at the corners of every device.

    Args:
        layer: GDS layer of the crosses.

    Returns:
        The cell; its origin is the centre.
    """
    cross = gdstk.cross((0, 0), MARK_SIZE, MARK_SIZE / 10, layer=layer)
    return gdstk.Cell(MARK).add(cross)


def device_cell(
    name: str,
    lines: gdstk.Cell,
    corner: tuple[float, float],
    letters: list[gdstk.Reference],
    mark: gdstk.Cell,
) -> gdstk.Cell:
    """A whole device: a reference to its lines, which are its first, its label, its four crosses.

    Args:
        name: Name of the cell.
        lines: The cell of its lines, which equal devices share.
        corner: Right and upper end of its lines [µm].
        letters: The label.
        mark: The cell of its crosses.

    Returns:
        The cell; its origin is the lower left corner of the grating.
    """
    columns, rows = ((-MARK_DISTANCE, end + MARK_DISTANCE) for end in corner)
    crosses = [gdstk.Reference(mark, (x, y)) for x in columns for y in rows]
    return gdstk.Cell(name).add(gdstk.Reference(lines), *letters, *crosses)


def vernier(name: str, main: tuple[int, int], second: tuple[int, int]) -> gdstk.Cell:
    """Two scales that tell by how much one layer is displaced from another along x.

    Where tick n from the middle meets its partner, the displacement is n times `VERNIER_STEP`. The
    middle ticks are longer.

    Args:
        name: Name of the cell.
        main: GDS layer and datatype of the main scale.
        second: GDS layer and datatype of the scale above it.

    Returns:
        The cell; its origin is in the middle between the scales.
    """
    cell = gdstk.Cell(name)
    scales = ((main, VERNIER_PITCH, -1), (second, VERNIER_PITCH + VERNIER_STEP, 1))
    for (layer, datatype), pitch, side in scales:
        for tick in range(-(_TICKS // 2), _TICKS // 2 + 1):
            low, high = _TICK_GAP / 2, _TICK_GAP / 2 + _TICK[1] * (1.5 if tick == 0 else 1)
            left, right = tick * pitch - _TICK[0] / 2, tick * pitch + _TICK[0] / 2
            corners = (left, side * low), (right, side * high)
            cell.add(gdstk.rectangle(*corners, layer=layer, datatype=datatype))
    return cell


def verniers(name: str, main: tuple[int, int], second: tuple[int, int]) -> gdstk.Cell:
    """A vernier for displacements along x, and one for displacements along y beside it.

    Args:
        name: Name of the cell; the cell of the single vernier is called `name` + "_scale".
        main: GDS layer and datatype of the main scales.
        second: GDS layer and datatype of the scales beside them.

    Returns:
        The cell; its lower left corner is at the origin.
    """
    scale = vernier(f"{name}_scale", main, second)
    (left, bottom), (right, top) = np.array(scale.bounding_box()).tolist()
    cell = gdstk.Cell(name)
    cell.add(gdstk.Reference(scale, (-left, -bottom)))
    beside = right - left + top + _SCALE_DISTANCE
    cell.add(gdstk.Reference(scale, (beside, -left), rotation=np.pi / 2))
    return cell


def frame_lines(
    corner: tuple[float, float], opposite: tuple[float, float], layer: int
) -> list[gdstk.Polygon]:
    """The outline of a chip, within its rectangle, as four bars that touch and do not overlap.

    Args:
        corner: Lower left corner of the chip [µm].
        opposite: Upper right corner of the chip [µm].
        layer: GDS layer.

    Returns:
        The bars.
    """
    (left, bottom), (right, top), wide = corner, opposite, FRAME_WIDTH
    boxes = [
        (left, bottom, right, bottom + wide),
        (left, top - wide, right, top),
        (left, bottom + wide, left + wide, top - wide),
        (right - wide, bottom + wide, right, top - wide),
    ]
    return [gdstk.rectangle(box[:2], box[2:], layer=layer) for box in boxes]


def cleave_marks(
    x: float, corner: tuple[float, float], opposite: tuple[float, float], layer: int
) -> list[gdstk.Polygon]:
    """Bars at the lower and upper edge of a chip that point along a line to cleave.

    Args:
        x: Where the line crosses the chip [µm].
        corner: Lower left corner of the chip [µm].
        opposite: Upper right corner of the chip [µm].
        layer: GDS layer.

    Returns:
        The bars, in a row from the frame inwards, as far apart as they are wide.
    """
    wide, long = _CLEAVE
    bars = []
    for number in range(_CLEAVE_BARS):
        start = FRAME_WIDTH + wide + number * (long + wide)
        for low in (corner[1] + start, opposite[1] - start - long):
            bars.append(
                gdstk.rectangle((x - wide / 2, low), (x + wide / 2, low + long), layer=layer)
            )
    return bars
