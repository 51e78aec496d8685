"""Layout: from a device or a chip file to GDS, read back and checked as the e-beam tool sees it.

Cells are plain functions of a design: `spiral(Spiral(length=4 * mm))` is a gdstk cell, and
`record` gives its design back.

.. include:: theory.md
"""

from dfbdesign.layout.check import WrittenPattern, check_written
from dfbdesign.layout.chip import device_layout, layout, write_layout
from dfbdesign.layout.chip_file import Array, Chip, Frame, chip_of_manifest, load_chip, save_chip
from dfbdesign.layout.couplers import (
    Coupler,
    GratingCoupler,
    Splitter,
    coupler,
    grating_coupler,
    splitter,
)
from dfbdesign.layout.gratings import (
    CircularGrating,
    LineGrating,
    SquareGrating,
    circular_grating,
    line_grating,
    square_grating,
)
from dfbdesign.layout.manifest import Layout, PlacedCell, PlacedDevice, Written
from dfbdesign.layout.process import Beam, Process, Proximity, WriteField
from dfbdesign.layout.records import Pen, record
from dfbdesign.layout.rules import Rules, Violation, check_rules
from dfbdesign.layout.wafer import Wafer
from dfbdesign.layout.waveguides import (
    Bend,
    Spiral,
    Straight,
    Stripe,
    Taper,
    bend,
    spiral,
    straight,
    stripe,
    taper,
)

__all__ = [
    "Array",
    "Beam",
    "Bend",
    "Chip",
    "CircularGrating",
    "Coupler",
    "Frame",
    "GratingCoupler",
    "Layout",
    "LineGrating",
    "Pen",
    "PlacedCell",
    "PlacedDevice",
    "Process",
    "Proximity",
    "Rules",
    "Spiral",
    "Splitter",
    "SquareGrating",
    "Straight",
    "Stripe",
    "Taper",
    "Violation",
    "Wafer",
    "WriteField",
    "Written",
    "WrittenPattern",
    "bend",
    "check_rules",
    "check_written",
    "chip_of_manifest",
    "circular_grating",
    "coupler",
    "device_layout",
    "grating_coupler",
    "layout",
    "line_grating",
    "load_chip",
    "record",
    "save_chip",
    "spiral",
    "splitter",
    "square_grating",
    "straight",
    "stripe",
    "taper",
    "write_layout",
]
