"""Pictures, one function each: it draws into the axes it is given and returns them.

Colours are those of Okabe and Ito, told apart with any colour vision; the two band edges also have
their own marker each. `picture` makes a PNG in the style of the report and leaves the user's own
style as it is.

Examples:
    >>> def draw(axes):
    ...     return axes.plot([0, 1], [0, 1])
    >>> picture(draw)[1:4]
    b'PNG'
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from numpy.typing import NDArray

Real = NDArray[np.float64]
Draw = Callable[[Axes], object]

BLACK, GREY = "#1a1a1a", "#767676"
BLUE, ORANGE, GREEN, VERMILLION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
KINDS = {
    "bright": (VERMILLION, "o"), "dark": (BLUE, "s"), "guided": (GREEN, "^"), "gap": (ORANGE, "D"),
}  # fmt: skip
"""Colour and marker of the modes of each label or origin."""

TINTS = ("#f2f2f2", "#fbe3b5", "#a9cfe6", "#ffffff", "#b7e0d0", "#f3c4a5", "#e6c9dc")
"""Fills of materials, light enough for black lines and text."""

STYLE: dict[Any, Any] = {
    "axes.edgecolor": BLACK, "axes.grid": True, "axes.linewidth": 0.7, "axes.titlesize": 9,
    "axes.prop_cycle": cycler(color=[BLUE, VERMILLION, GREEN, ORANGE, "#cc79a7", "#56b4e9", BLACK]),
    "axes.spines.right": False, "axes.spines.top": False,
    "font.family": "DejaVu Sans", "font.size": 9,  # comes with matplotlib: the same everywhere
    "grid.color": "#e3e3e3", "grid.linewidth": 0.6,
    "legend.fontsize": 8, "legend.frameon": False,
    "figure.constrained_layout.use": True, "figure.figsize": (4.6, 3.1),
    "lines.linewidth": 1.4, "lines.markersize": 5,
}  # fmt: skip
"""The style of every picture; `matplotlib.rcParams.update(STYLE)` gives it to your own."""
INTENSITY = LinearSegmentedColormap.from_list(
    "intensity", ["#ffffff", "#fde7b0", "#f5b84c", "#e07b1a"]
)  # stays light enough for black lines and text


def picture(draw: Draw, width: float = 4.6, height: float = 3.1, dpi: float = 240) -> bytes:
    """A PNG of one picture.

    Args:
        draw: Draws into the axes it is given.
        width: Of the picture [inch].
        height: Of the picture [inch].
        dpi: Pixels per inch; by default 4.6 inches are 1104, twice what a page shows.

    Returns:
        The file's content; the same for the same drawing and version of matplotlib.
    """
    file = BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return file.getvalue()


def legend_above(axes: Axes, columns: int = 3) -> None:
    """Put the legend over the picture, where it hides nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, columnspacing=1.2)
