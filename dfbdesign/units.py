"""Units: write a number with its unit once, `860 * nm`, and never a power of ten again.

The core units are µm, ps, pJ, W and K. They are coherent (W = pJ/ps), so no formula in this package
holds a power of ten. Multiply by a unit to enter a number, divide by it (or multiply by `cm` for
1/cm) to print one.

Examples:
    >>> 860 * nm
    0.86
    >>> round(20 * uJ / cm**2, 3)  # pJ/µm²
    0.2
"""

from math import pi

um = 1.0
nm = 1e-3 * um
pm = 1e-6 * um
mm = 1e3 * um
cm = 1e4 * um
m = 1e6 * um
km = 1e9 * um

ps = 1.0
fs = 1e-3 * ps
ns = 1e3 * ps
s = 1e12 * ps

pJ = 1.0
nJ = 1e3 * pJ
uJ = 1e6 * pJ
mJ = 1e9 * pJ
J = 1e12 * pJ

W = 1.0
K = 1.0
C = 1.0
"""Coulomb, for what an electron beam brings."""
uC = 1e-6 * C
nA = 1e-9 * C / s
rad = 1.0
mrad = 1e-3 * rad
deg = pi / 180

eV = 1.602176634e-19 * J
"""Electronvolt (exact, SI 2019)."""
meV = 1e-3 * eV

SPEED_OF_LIGHT = 299792458 * m / s
"""Speed of light in vacuum [µm/ps] (exact)."""
PLANCK = 6.62607015e-34 * J * s
"""Planck constant [pJ ps] (exact, SI 2019)."""
BOLTZMANN = 1.380649e-23 * J / K
"""Boltzmann constant [pJ/K] (exact, SI 2019)."""


def photon_energy(wavelength: float) -> float:
    """Energy of one photon.

    Args:
        wavelength: Vacuum wavelength [µm].

    Returns:
        Photon energy [pJ].

    Examples:
        >>> round(photon_energy(1030 * nm) / eV, 5)
        1.20373
    """
    return PLANCK * SPEED_OF_LIGHT / wavelength
