"""Bands and scattered light as the plain numbers that commands print."""

from typing import Any

import numpy as np

from dfbdesign.solvers.bands import Bands
from dfbdesign.solvers.scattering import Scattering
from dfbdesign.units import nm

Numbers = dict[str, Any]


def bands_numbers(found: Bands) -> Numbers:
    """Bands along an axis of wavevectors.

    Args:
        found: The bands.

    Returns:
        One row per band and wavevector, those outside the window left out; wavelengths in nm.
    """
    rows = [
        {
            "band": int(band),
            "wavevector": found.wavevector[place],
            "label": str(found.label[band, place]),
            "wavelength_nm": found.wavelength[band, place] / nm,
            "quality_factor": found.quality_factor[band, place],
            "group_velocity": complex(found.group_velocity[band, place]),
            "wavelength_error_nm": found.wavelength_error[band, place] / nm,
        }
        for band, place in np.argwhere(np.isfinite(found.wavenumber.real))
    ]
    return {"polarization": found.polarization, "bands": rows}


def scattering_numbers(found: Scattering) -> Numbers:
    """Plane light at an axis of wavelengths.

    Args:
        found: The scattered light, shape (wavelength,).

    Returns:
        One row per wavelength: shares of the incident power, in all and in each order that is open
        at any of them.
    """
    rows = [
        {
            "wavelength_nm": wavelength / nm,
            "reflectance": found.total_reflectance[place],
            "transmittance": found.total_transmittance[place],
            "absorptance": found.total_absorptance[place],
            "absorbed_by_gain": found.gain_absorptance[place],
            "reflectance_of_orders": found.reflectance[place].tolist(),
            "transmittance_of_orders": found.transmittance[place].tolist(),
            "error": found.error[place],
        }
        for place, wavelength in enumerate(found.wavelength)
    ]
    return {
        "polarization": found.polarization,
        "side": found.side,
        "orders": found.orders.tolist(),
        "light": rows,
    }
