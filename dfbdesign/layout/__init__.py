"""Layout: from a device or a chip file to GDS, read back and checked as the e-beam tool sees it."""

from dfbdesign.layout.check import WrittenPattern, check_written
from dfbdesign.layout.chip import Chip, device_layout, layout, load_chip, write_layout
from dfbdesign.layout.manifest import Layout, PlacedDevice, Written

__all__ = [
    "Chip",
    "Layout",
    "PlacedDevice",
    "Written",
    "WrittenPattern",
    "check_written",
    "device_layout",
    "layout",
    "load_chip",
    "write_layout",
]
