"""Pictures of what is written: chips, devices and lines."""

from collections.abc import Sequence
from pathlib import Path

import gdstk
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Polygon

from dfbdesign.files import writing
from dfbdesign.layout.preview import COLOURS, Panel
from dfbdesign.layout.process import Layers
from dfbdesign.plots.figure import BLACK, BLUE, VERMILLION, Real, legend_above, picture
from dfbdesign.units import m, nm, um


def layout_overview(axes: Axes, gds_path: Path) -> Axes:
    """A whole written chip; where lines are too fine to be seen, the area they cover.

    Args:
        axes: Where to draw.
        gds_path: A file of `dfbdesign.layout`.

    Returns:
        The axes, in µm.
    """
    found = _polygons(gds_path)
    lines = np.concatenate(found["lines"])
    low, high = lines.min(axis=0), lines.max(axis=0)
    area = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    for name, colour in (("label", BLACK), ("marks", VERMILLION)):
        axes.add_collection(PolyCollection(found[name], facecolor=colour, label=name))
    name = f"{len(found['lines'])} lines"
    axes.add_patch(Polygon(area, facecolor="#9cc7e3", edgecolor=BLUE, label=name))
    axes.autoscale_view()
    axes.set(aspect="equal", xlabel="x (µm)", ylabel="y (µm)")
    axes.grid(visible=False)
    legend_above(axes)
    return axes


def chip_preview(axes: Axes, panels: Sequence[Panel]) -> Axes:
    """A chip with a scale bar, and its first lines with theirs below.

    Args:
        axes: Where to draw.
        panels: What `dfbdesign.layout` previews.

    Returns:
        The axes, empty but for one inset per panel.
    """
    axes.set_axis_off()
    share = 1 / (len(panels) + 1)  # the chip is given twice the height
    single, double = [(0, 0, 1, 1)], [(0, share, 1, 1 - share), (0, 0, 1, 0.8 * share)]
    for panel, place in zip(panels, double if len(panels) > 1 else single, strict=True):
        part = axes.inset_axes(place)
        for kind, colour in COLOURS.items():
            shapes = [points for one, points in panel.shapes if one == kind]
            edge = colour if kind == "guides" else "none"
            part.add_collection(PolyCollection(shapes, facecolor=colour, edgecolor=edge, lw=0.3))
        (left, bottom), (right, top) = panel.low, panel.high
        length, text = panel.scale_bar
        below = bottom - 0.06 * (top - bottom)
        part.plot([left, left + length], [below, below], color=BLACK, lw=2, solid_capstyle="butt")
        part.text(left + length * 1.05, below, text, va="center", fontsize=7)
        part.set(aspect="equal", xlim=(left, right), ylim=(below - 0.05 * (top - bottom), top))
        part.set_axis_off()
    return axes


def write_chip_preview(path: Path, panels: Sequence[Panel]) -> Path:
    """Write the preview of a chip as PNG.

    Args:
        path: Where to.
        panels: What `dfbdesign.layout` previews.

    Returns:
        The path.

    Raises:
        InputError: If the file cannot be written.
    """
    (left, bottom), (right, top) = panels[0].low, panels[0].high
    stretch = 1.5 if len(panels) > 1 else 1.1  # room for the lines and for the scale bars
    height = min(12.0, 7 * stretch * (top - bottom) / (right - left) + 0.6)
    image = picture(lambda axes: chip_preview(axes, panels), width=7.4, height=height)
    with writing(path) as temporary:
        temporary.write_bytes(image)
    return path


def layout_lines(axes: Axes, gds_path: Path) -> Axes:
    """The lower ends of the first lines of a written chip, to scale.

    Args:
        axes: Where to draw.
        gds_path: A file of `dfbdesign.layout`.

    Returns:
        The axes, in µm from the lower left corner of the first line.
    """
    lines = sorted(_polygons(gds_path)["lines"], key=lambda points: float(points[:, 0].min()))[:6]
    left, bottom = np.transpose([points.min(axis=0) for points in lines])
    right = np.array([float(points[:, 0].max()) for points in lines])
    corner, span = np.array([left[0], bottom[0]]), right[-1] - left[0]
    axes.add_collection(PolyCollection([points - corner for points in lines], facecolor=BLUE))
    pitch = " and ".join(f"{value / nm:g}" for value in np.unique(np.diff(left).round(6)))
    axes.set(
        aspect="equal", xlim=(-0.06 * span, 1.06 * span), ylim=(-0.1 * span, 0.4 * span),
        xlabel="x (µm)", ylabel="y (µm)",
        title=f"width {(right[0] - left[0]) / nm:.4g} nm, pitch {pitch} nm",
    )  # fmt: skip
    axes.grid(visible=False)
    return axes


def _polygons(gds_path: Path) -> dict[str, list[Real]]:
    """Vertices of every polygon on each layer, references resolved [µm]."""
    library = gdstk.read_gds(str(gds_path), unit=um / m)
    (top,) = (cell for cell in library.top_level() if isinstance(cell, gdstk.Cell))
    return {
        name: [np.array(one.points) for one in top.get_polygons(layer=number, datatype=0)]
        for name, number in Layers().model_dump().items()
    }
