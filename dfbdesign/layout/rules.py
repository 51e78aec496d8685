"""Design rules, run by KLayout on the finished file: what a cleanroom refuses or asks about."""

from dataclasses import dataclass
from pathlib import Path

import klayout.db as kdb
import numpy as np

from dfbdesign.checks import positive
from dfbdesign.layout.check import open_layout
from dfbdesign.layout.process import Process
from dfbdesign.units import nm, um


@dataclass(frozen=True)
class Rules:
    """What a layout must keep."""

    smallest_line: float = 50 * nm
    """Narrowest exposed shape [µm]."""
    smallest_gap: float = 50 * nm
    """Narrowest space between exposed shapes [µm]."""
    text_distance: float = 5 * um
    """From the letters of a label to lines and marks [µm]."""
    most_vertices: int = 199
    """Of one polygon."""


@dataclass(frozen=True)
class Violation:
    """One rule that is broken."""

    rule: str
    """What is wrong."""
    layer: str
    """Name of the layer, as in the process."""
    count: int
    """How often."""
    position: tuple[float, float]
    """The first of them [µm]."""


def check_rules(
    path: str | Path, process: Process, rules: Rules | None = None
) -> tuple[Violation, ...]:
    """Run the design rules on a file.

    Args:
        path: A GDS or OASIS file.
        process: Its grid and layers; all doses count as one layer.
        rules: What to demand.

    Returns:
        The rules that are broken; nothing if the layout keeps them all.

    Raises:
        InputError: If the file cannot be read, or a rule is not positive.
    """
    rules = rules or Rules()
    for name in ("smallest_line", "smallest_gap", "text_distance", "most_vertices"):
        positive(name, getattr(rules, name))
    layout = open_layout(path)
    layers = exposed_regions(layout, process)
    found = []
    for name, region in layers.items():
        found += _broken(name, region, rules, process.grid, layout.dbu)
    steps = round(rules.text_distance / layout.dbu)
    for name in ("lines", "marks"):
        near = layers["label"].sized(steps) & layers[name]
        found += _violation(f"text nearer than {rules.text_distance:g} um", name, near, layout.dbu)
    return tuple(found)


def exposed_regions(layout: kdb.Layout, process: Process) -> dict[str, kdb.Region]:
    """The exposed shapes of a file, flat and not merged.

    Args:
        layout: A file that KLayout has read.
        process: Its layers. All but label, marks, fields and outline hold lines.

    Returns:
        Regions by the name of their layer: lines, label and marks.
    """
    layers = process.layers
    names = {layers.label: "label", layers.marks: "marks"}
    names |= {layers.fields: "unexposed", layers.outline: "unexposed"}
    regions = {name: kdb.Region() for name in ("lines", "label", "marks", "unexposed")}
    # The chips of a wafer are all the same.
    tops = [layout.cell("chip")] if layout.has_cell("chip") else layout.top_cells()
    for region in regions.values():
        region.merged_semantics = False
    for index in layout.layer_indexes():
        name = names.get(layout.get_info(index).layer, "lines")
        for top in tops:
            regions[name].insert(top.begin_shapes_rec(index))
    del regions["unexposed"]
    return regions


def _broken(name: str, raw: kdb.Region, rules: Rules, grid: float, unit: float) -> list[Violation]:
    merged = raw.merged()
    line, gap = round(rules.smallest_line / unit), round(rules.smallest_gap / unit)
    step = max(1, round(grid / unit))
    crowded = kdb.Region([one for one in raw.each() if one.num_points() > rules.most_vertices])
    acute = kdb.Region([one for one in merged.non_rectangles().each() if _is_acute(one)])
    return [
        *_violation(f"narrower than {line * unit:g} um", name, merged.width_check(line), unit),
        *_violation(f"gap below {gap * unit:g} um", name, merged.edges().space_check(gap), unit),
        *_violation(f"off the grid of {grid:g} um", name, raw.grid_check(step, step), unit),
        *_violation("shapes overlap", name, raw.merged(False, 2), unit),
        *_violation("acute angle", name, acute, unit),
        *_violation(f"more than {rules.most_vertices} vertices", name, crowded, unit),
    ]


def _is_acute(polygon: kdb.Polygon) -> bool:
    """Whether a corner, into or out of the polygon, is sharper than a right angle."""
    contours = [polygon.each_point_hull()]
    contours += [polygon.each_point_hole(hole) for hole in range(polygon.holes())]
    for contour in contours:
        points = np.array([(point.x, point.y) for point in contour])
        sides = np.roll(points, -1, axis=0) - points
        if np.any((sides * np.roll(sides, 1, axis=0)).sum(axis=1) < 0):
            return True  # the way on points backwards
    return False


def _boxes(found: kdb.Region | kdb.EdgePairs) -> list[kdb.Box]:
    return [one.bbox() for one in found.each()]


def _violation(
    rule: str, layer: str, found: kdb.Region | kdb.EdgePairs, unit: float
) -> list[Violation]:
    if not found.count():
        return []
    centre = _boxes(found)[0].center()
    return [Violation(rule, layer, found.count(), (centre.x * unit, centre.y * unit))]
