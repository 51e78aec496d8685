"""Modes of a period by MEEP, as complex wavenumbers, for tests and benchmarks.

The runs are those of `dfb verify`; nothing of our solver is used but the description of the device,
and the wavelengths near which oscillations are looked for.
"""

from math import pi

import numpy as np

from dfbdesign.device import Device
from dfbdesign.fdtd import BandEdge, band_edges


def wavenumber(edge: BandEdge) -> complex:
    """Of one mode; Im < 0 when it decays."""
    real = 2 * pi / edge.wavelength.value
    return complex(real, -real * edge.loss.value / 2)


def extrapolated(device: Device) -> np.ndarray:
    """Both band edges, even and odd, with the indices of the target's wavelength."""
    return np.array([wavenumber(one) for one in band_edges(device, device.target.wavelength)])
