"""Cross-sections of channel waveguides that several tests solve."""

import numpy as np

from dfbdesign.solvers.ridge import CrossSection, Shape
from dfbdesign.solvers.ridge_geometry import as_polygon

SILICON, SILICA = 3.4757, 1.444
FAR = 50.0


def box(left, right, low, high):
    return [[left, low], [right, low], [right, high], [left, high]]


def section(wavelength, shapes, indices, y, z, cell, along_z=None, **others):
    """Shapes as (polygon, number of its index); index 0 is the background."""
    o = np.array(indices, dtype=complex) ** 2
    e = o if along_z is None else np.array(along_z, dtype=complex) ** 2
    painted = tuple(Shape(as_polygon(polygon), number) for polygon, number in shapes)
    return CrossSection(wavelength, painted, o, e, y, z, cell, 0 * o, 0 * e, **others)


def strip(cell, core=SILICON, cladding=SILICA, width=0.5, wavelength=1.55):
    shape = box(-width / 2, width / 2, 0, 0.22)
    window = (-1.3, 1.3), (-1.0, 1.22)
    return section(wavelength, [(shape, 1)], [cladding, core], *window, cell)


def trapezoid(cell, core=SILICON, cladding=SILICA, wavelength=1.55):
    """A strip with walls of 80 degrees on another oxide: nothing symmetric in z."""
    shape = [[-0.29, 0], [0.29, 0], [0.25, 0.22], [-0.25, 0.22]]
    below = box(-FAR, FAR, -FAR, 0)
    indices = [cladding, 1.45, core]
    return section(wavelength, [(below, 1), (shape, 2)], indices, (-1.1, 1.1), (-0.9, 1.0), cell)
