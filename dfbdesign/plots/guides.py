"""Pictures of channel waveguides."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from dfbdesign.plots.figure import BLACK, INTENSITY
from dfbdesign.waveguides.waveguide import ChannelModes


def channel_modes(axes: Axes, found: ChannelModes) -> Axes:
    """Modes of a channel waveguide: the size of E, with the outlines of the shapes.

    Args:
        axes: Where to draw.
        found: The modes.

    Returns:
        The axes, empty but for one inset per mode, largest n_eff first.
    """
    axes.set_axis_off()
    columns = min(2, len(found.modes))
    rows = -(-len(found.modes) // columns)
    for number, mode in enumerate(found.modes):
        row, column = divmod(number, columns)
        place = (column / columns + 0.06, 1 - (row + 0.88) / rows, 0.86 / columns, 0.72 / rows)
        part = axes.inset_axes(place)
        field, size = mode.field, np.linalg.norm(mode.field.electric, axis=0)
        part.pcolormesh(field.y, field.z, size.T, cmap=INTENSITY, rasterized=True)
        part.set(aspect="equal", xlim=(field.y[0], field.y[-1]), ylim=(field.z[0], field.z[-1]))
        reach = 2 * float(np.abs([*field.y[[0, -1]], *field.z[[0, -1]]]).max())
        for shape in found.waveguide.shapes:
            part.add_patch(Polygon(shape.corners(reach), fill=False, ec=BLACK, lw=0.7))
        share = f"{mode.te_fraction:.0%} TE"
        part.set_title(f"{mode.polarization}, n_eff {mode.n_eff.real:.4f}, {share}")
        part.set_xlabel("y (µm)" if row == rows - 1 else "")
        part.set_ylabel("z (µm)" if column == 0 else "")
        part.grid(visible=False)
    return axes
