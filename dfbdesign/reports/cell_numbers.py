"""The infinite grating as plain numbers: modes, sensitivities, bands, scattered light."""

from collections.abc import Iterator
from math import pi

import numpy as np

from dfbdesign.device import Device
from dfbdesign.reports.numbers import Numbers, per_cm
from dfbdesign.solvers.bands import Bands
from dfbdesign.solvers.scattering import Scattering
from dfbdesign.solvers.unit_cell import CellModes
from dfbdesign.units import deg, nm, pm


def cell_numbers(cell: CellModes) -> Numbers:
    """Bloch modes of the infinite grating.

    Args:
        cell: The modes.

    Returns:
        Wavelengths in nm, coefficients in 1/cm; shares of the energy from the substrate up.
    """
    modes = [
        {
            "label": mode.label,
            "wavelength_nm": mode.wavelength / nm,
            "quality_factor": mode.quality_factor,
            "threshold_gain_per_cm": per_cm(mode.threshold_gain),
            "confinement": mode.confinement,
            "wavelength_error_nm": mode.wavelength_error / nm,
            "emitted_up": emission.up.sum() if (emission := mode.emission()) else None,
            "energy_share": mode.layer_shares().tolist(),
        }
        for mode in cell.modes
    ]
    return {
        "polarization": cell.polarization,
        "wavevector": cell.wavevector,
        "modes": modes,
        "kappa_per_cm": per_cm(cell.kappa),
        "group_index": cell.n_group,
        "radiation_loss_per_cm": per_cm(cell.radiation_loss),
    }


def sensitivity_numbers(cell: CellModes) -> Numbers:
    """How far every dimension and index of the device moves the modes, by exact derivatives.

    Args:
        cell: The modes.

    Returns:
        Per value of the device: a small change of it, and the shift of each mode [pm].
    """
    device = cell.modes[0].device
    rows = []
    for path, step, unit in _dimensions(device):
        shifts = [mode.wavelength_sensitivity(path) * step / pm for mode in cell.modes]
        rows.append({"value": path, "change": unit, "shift_pm": shifts})
    return {"sensitivities": rows}


def _dimensions(device: Device) -> Iterator[tuple[str, float, str]]:
    """Paths of the dimensions and indices of one period, and a change of each that labs know."""
    yield "grating.period", 1 * nm, "1 nm"
    yield "substrate.material", 0.001, "0.001 in index"
    for number, layer in enumerate(device.layers):
        yield f"layers.{number}.thickness", 1 * nm, "1 nm"
        yield f"layers.{number}.material", 0.001, "0.001 in index"
        lines = [f"further_lines.{i}" for i in range(len(layer.further_lines))]
        for name, line in zip([*lines, "lines"], layer.painted(), strict=False):
            path = f"layers.{number}.{name}"
            if 0 < line.duty < 1:
                yield f"{path}.duty", 0.01, "0.01"
            if abs(line.sidewall - pi / 2) > 1e-9:
                yield f"{path}.sidewall", 1 * deg, "1 deg"
            yield f"{path}.material", 0.001, "0.001 in index"
    yield "superstrate.material", 0.001, "0.001 in index"


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
