"""Pictures: one function each, which draws into the axes it is given and returns them."""

from dfbdesign.plots.cells import (
    band_structure,
    bands,
    cell_modes,
    coupled_bands,
    cross_section,
    stack,
)
from dfbdesign.plots.chips import chip_preview, layout_lines, layout_overview, write_chip_preview
from dfbdesign.plots.designs import known_values, ladder_plan, trade_off, wavelength_spread
from dfbdesign.plots.figure import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    KINDS,
    ORANGE,
    STYLE,
    VERMILLION,
    legend_above,
    picture,
)
from dfbdesign.plots.films import gain_curve, measurement, scoreboard
from dfbdesign.plots.guides import channel_modes
from dfbdesign.plots.lasers import (
    agreement,
    cavity,
    far_field_cut,
    far_field_map,
    spectra,
    surface,
    threshold_modes,
)

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "KINDS",
    "ORANGE",
    "STYLE",
    "VERMILLION",
    "agreement",
    "band_structure",
    "bands",
    "cavity",
    "cell_modes",
    "channel_modes",
    "chip_preview",
    "coupled_bands",
    "cross_section",
    "far_field_cut",
    "far_field_map",
    "gain_curve",
    "known_values",
    "ladder_plan",
    "layout_lines",
    "layout_overview",
    "legend_above",
    "measurement",
    "picture",
    "scoreboard",
    "spectra",
    "stack",
    "surface",
    "threshold_modes",
    "trade_off",
    "wavelength_spread",
    "write_chip_preview",
]
