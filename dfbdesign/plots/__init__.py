"""Pictures: one function each, which draws into the axes it is given and returns them."""

from dfbdesign.plots.cells import bands, coupled_bands, stack
from dfbdesign.plots.chips import chip_preview, layout_lines, layout_overview, write_chip_preview
from dfbdesign.plots.designs import known_values, ladder_plan, trade_off, wavelength_spread
from dfbdesign.plots.figure import KINDS, picture
from dfbdesign.plots.films import gain_curve, measurement, scoreboard
from dfbdesign.plots.guides import channel_modes
from dfbdesign.plots.lasers import agreement, cavity, threshold_modes

__all__ = [
    "KINDS",
    "agreement",
    "bands",
    "cavity",
    "channel_modes",
    "chip_preview",
    "coupled_bands",
    "gain_curve",
    "known_values",
    "ladder_plan",
    "layout_lines",
    "layout_overview",
    "measurement",
    "picture",
    "scoreboard",
    "stack",
    "threshold_modes",
    "trade_off",
    "wavelength_spread",
    "write_chip_preview",
]
