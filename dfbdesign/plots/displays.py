"""How results show themselves in a notebook: one picture each.

The objects ask for it in their `_repr_png_`, and only then is matplotlib loaded.
"""

from functools import partial

from dfbdesign.device import Device
from dfbdesign.lasers.laser import Laser
from dfbdesign.layout.manifest import Layout
from dfbdesign.plots.cells import band_structure, cell_modes, cross_section, stack
from dfbdesign.plots.chips import chip_preview
from dfbdesign.plots.figure import Draw, picture
from dfbdesign.plots.guides import channel_modes
from dfbdesign.plots.lasers import agreement, threshold_modes
from dfbdesign.solvers.bands import Bands
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.unit_cell import CellModes
from dfbdesign.verification.verify import Verification
from dfbdesign.waveguides.waveguide import ChannelModes

Shown = Device | CellMode | CellModes | Bands | Laser | Layout | Verification | ChannelModes
_DPI = 120
"""Of notebooks: a screen shows no more, and the notebook stays small."""


def png(one: Shown) -> bytes:
    """The picture of a result.

    Args:
        one: The result.

    Returns:
        The content of a PNG file.

    Examples:
        >>> film = Layer(thickness=160 * nm, material=2.5)
        >>> png(Device(substrate=1.746, superstrate=1.0, layers=[film]))[1:4]
        b'PNG'
    """
    draw, width, height = _drawing(one)
    return picture(draw, width, height, _DPI)


def _drawing(one: Shown) -> tuple[Draw, float, float]:
    """How to draw it, and its size [inch]."""
    match one:
        case Device():
            return partial(cross_section, device=one), 5.2, 2.8
        case CellMode():
            return partial(stack, mode=one), 5.2, 2.8
        case CellModes():
            return partial(cell_modes, cell=one), 1.2 + 2.6 * min(len(one.modes), 4), 2.9
        case Bands():
            return partial(band_structure, found=one), 4.6, 3.1
        case Laser():
            return partial(threshold_modes, modes=one.modes), 4.6, 3.1
        case Verification():
            return partial(agreement, comparisons=one.comparisons), 4.6, 2.8
        case ChannelModes():
            columns, rows = min(2, len(one.modes)), -(-len(one.modes) // 2)
            return partial(channel_modes, found=one), 3.2 * columns, 2.9 * rows
        case Layout():
            return partial(chip_preview, panels=one.panels), 4.8, 4.8
