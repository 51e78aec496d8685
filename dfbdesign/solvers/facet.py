"""Reflection of the guided wave at a cleaved facet: TE, by the modes of film and air.

Fresnel's formula with the effective index holds for plane waves. A wave in a thin film of high
index holds many directions and comes back stronger (Ikegami, IEEE J. Quantum Electron. 8, 470,
1972): here the field on either side of the cut is expanded in all modes of the film, radiating
ones included, and of the air.
"""

from math import pi

import numpy as np

from dfbdesign.device import Device
from dfbdesign.errors import NotConverged
from dfbdesign.solvers.finite_blocks import seen_through
from dfbdesign.solvers.finite_slices import heights, slice_modes

DEGREES = (6, 9, 13, 18)
"""Polynomials per element, until the reflection stays."""
ACCURACY = 1e-4
"""Largest change of the reflection from one to the next."""


def facet_reflection(device: Device) -> complex:
    """Amplitude reflection of the guided TE wave where film and substrate end in air.

    Args:
        device: Needs a grating and a target; the film is taken as it is between the lines.

    Returns:
        Amplitude reflection at the cut, of E along y.

    Raises:
        NoGuidedMode: If the film guides no wave at this period.
        NotConverged: If the expansion does not settle.

    Examples:
        >>> film = Layer(thickness=210 * nm, material=2.53)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0, layers=[film],
        ...     grating=Grating(period=865 * nm), target=Target(wavelength=1674 * nm),
        ... )
        >>> found = facet_reflection(device)
        >>> print(f"{abs(found):.3f}; by Fresnel's formula {0.94 / 2.94:.3f}")
        0.435; by Fresnel's formula 0.320
    """
    last, change = None, np.inf
    for degree in DEGREES:
        found = _reflection(device, degree)
        if last is not None:
            change = abs(found - last)
            if change < ACCURACY:
                return found
        last = found
    raise NotConverged(f"the reflection of the cleaved facet still moves by {change:.1e}.")


def _reflection(device: Device, degree: int) -> complex:
    grating, wavelength = device.need_grating(), device.need_target().wavelength
    k, basis = 2 * pi / wavelength, heights(device, degree)
    ends = device.substrate.material, device.superstrate.material
    materials = (ends[0], *(layer.material for layer in device.layers), ends[1])
    values = np.array([complex(one.permittivity(wavelength)) for one in materials])
    film, air = (slice_modes(basis, k, each) for each in (values, np.ones_like(values)))
    seen, _ = seen_through(film, air, np.zeros((len(film.constants),) * 2, dtype=complex))
    guided = np.abs(film.constants - pi * grating.order / grating.period).argmin()
    return complex(seen[guided, guided])
