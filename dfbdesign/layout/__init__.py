"""Layout: from a device or a chip file to GDS, read back and checked as the e-beam tool sees it."""

from dfbdesign.layout.check import WrittenPattern, check_written
from dfbdesign.layout.chip import device_layout, layout, write_layout
from dfbdesign.layout.chip_file import Chip, chip_of_manifest, load_chip, save_chip
from dfbdesign.layout.manifest import Layout, PlacedDevice, Written
from dfbdesign.layout.rules import Rules, Violation, check_rules

__all__ = [
    "Chip",
    "Layout",
    "PlacedDevice",
    "Rules",
    "Violation",
    "Written",
    "WrittenPattern",
    "check_rules",
    "check_written",
    "chip_of_manifest",
    "device_layout",
    "layout",
    "load_chip",
    "save_chip",
    "write_layout",
]
