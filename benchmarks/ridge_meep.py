"""Effective index of two strips by MEEP and by our solver, with the uncertainty each one states.

Both are extrapolated from three or more grids. Last run: 21 November 2026, MEEP 1.25.0, two ranks,
a machine shared with others (the times are not to be compared):

    TE0                       ours       +-      s       MEEP       +-      s    apart
    SiN 1000 x 800 nm     1.774405  2.0e-05    1.4   1.774428  5.1e-05    9.3     0.42
    Si 480 x 240 nm       2.481093  7.7e-05    4.4   2.481143  9.8e-05  211.1     0.40

The last column is their difference over the uncertainty of both. Before extrapolation MEEP's index
is off by -1.5e-3 with pixels of 20 nm in silicon, of 67 nm in silicon nitride: one run alone, or
its own averaging at the corners, is no witness.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import time
from math import hypot

import numpy as np

from dfbdesign.fdtd import find_meep
from dfbdesign.fdtd.guide_job import GuideRectangle, guide_index
from dfbdesign.solvers.ridge import CrossSection, Shape
from dfbdesign.solvers.ridge_extrapolation import Extrapolated, extrapolated
from dfbdesign.solvers.ridge_geometry import as_polygon
from dfbdesign.units import nm

WAVELENGTH, CLADDING = 1550 * nm, 1.444
CASES = {
    "SiN 1000 x 800 nm": (1.9963, 1000 * nm, 800 * nm, 50 * nm, (200 / 3 * nm, 50 * nm, 40 * nm)),
    "Si 480 x 240 nm": (3.4757, 480 * nm, 240 * nm, 15 * nm, (30 * nm, 20 * nm, 16 * nm)),
}


def solver(core: float, width: float, height: float, cell: float) -> Extrapolated:
    y, z, room = width / 2, height / 2, 1.6
    shape = Shape(as_polygon([[-y, -z], [y, -z], [y, z], [-y, z]]), 1)
    permittivity = np.array([CLADDING, core], dtype=complex) ** 2
    window = (-y - room, y + room), (-z - room, z + room)
    none = 0 * permittivity
    section = CrossSection(
        WAVELENGTH, (shape,), permittivity, permittivity, *window, cell, none, none
    )
    return extrapolated(section, 1)[0]


def main() -> None:
    print(f"MEEP {find_meep().version}")
    print(f"{'TE0':20}{'ours':>11}{'+-':>9}{'s':>7}{'MEEP':>11}{'+-':>9}{'s':>7}{'apart':>9}")
    for name, (core, width, height, cell, pixels) in CASES.items():
        start = time.perf_counter()
        ours = solver(core, width, height, cell)
        middle = time.perf_counter()
        rectangle = GuideRectangle((0, width), (0, height), core**2)
        n, n_group = ours.n_eff.real, ours.n_group.real
        meep, _ = guide_index((rectangle,), CLADDING**2, WAVELENGTH, n, n_group, pixels, margin=1.0)
        end = time.perf_counter()
        apart = abs(meep.value - n) / hypot(meep.uncertainty, ours.error)
        each = ", ".join(
            f"{value - n:+.1e} at {pixel / nm:.3g} nm"
            for value, pixel in zip(meep.by_resolution, pixels, strict=True)
        )
        print(
            f"{name:20}{n:11.6f}{ours.error:9.1e}{middle - start:7.1f}"
            f"{meep.value:11.6f}{meep.uncertainty:9.1e}{end - middle:7.1f}{apart:9.2f}"
        )
        print(f"  MEEP before extrapolation: {each}")


if __name__ == "__main__":
    main()
