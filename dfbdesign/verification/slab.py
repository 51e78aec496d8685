r"""Slab modes against MEEP: effective index and loss of what uniform layers guide.

MEEP gets a period of half a wavelength in the guide, at the edge of the Brillouin zone, and no
lines: the wavenumber along the layers is fixed and the frequency is found. Where it misses the
expected one by $\delta\omega$, the index at the wanted frequency differs by
$\delta n = -n_g\,\delta\omega/\omega$; a mode that decays with 1/Q in time does so with the power
loss $n_g k / Q$ along its way.
"""

from math import pi

import numpy as np

from dfbdesign.device import Device, Grating, Polarization, changed, without_dispersion
from dfbdesign.errors import InputError
from dfbdesign.fdtd.dispersion import fit
from dfbdesign.fdtd.edges import BandEdge, bloch_modes
from dfbdesign.fdtd.extrapolation import Extrapolated
from dfbdesign.solvers.slab import slab
from dfbdesign.units import cm
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.fits import AXES
from dfbdesign.verification.remembered import remembered

SHARPNESS = 2e-5
"""Largest relative uncertainty of an index that makes agreement a statement."""
LOSS_SHARPNESS, LEAST_LOSS = 5e-3, 1e-2 / cm
"""The same of a loss: relative, or this much."""
SOLVER_ERROR = 1e-10
"""Of the slab solver's indices: its determinant is closed-form."""


@remembered
def verify_slab(device: Device, polarization: Polarization) -> tuple[Comparison, Comparison]:
    """Compare index and loss of the fundamental slab mode with MEEP's.

    Args:
        device: Uniform layers, with absorption or gain, and a target. Indices are frozen there.
        polarization: Of the mode.

    Returns:
        Effective index, and power loss [1/µm].

    Raises:
        InputError: If a layer has lines.
        NoGuidedMode: If nothing is guided, or hardly.
        NotConverged: If a run does not converge.
        PhysicsError: If MEEP fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    if any(layer.lines for layer in device.layers):
        raise InputError(
            "the slab check is for layers without lines, which slab modes know as averages only. "
            "Use dfb verify for a grating, or remove lines."
        )
    wavelength = device.need_target().wavelength
    frozen = without_dispersion(device, wavelength)
    mode = slab(frozen).fundamental(polarization)
    period = wavelength / (2 * mode.n_eff.real)
    cell = changed(
        frozen, {"polarization": polarization, "grating": Grating(period=period, order=1)}
    )
    (found,) = bloch_modes(cell, wavelength, (("even", wavelength),))
    found = found.with_fit(*_missed(frozen, found))
    slope = mode.n_group * wavelength / found.wavelength.value**2
    index = _turned(found.wavelength, slope, mode.n_eff.real - slope * wavelength)
    wavenumber = 2 * pi / wavelength
    loss = _turned(found.loss, mode.n_group * wavenumber, 0.0)
    ours = 2 * mode.n_eff.imag * wavenumber
    return (
        Comparison(
            polarization, "n_eff", mode.n_eff.real, SOLVER_ERROR, index, SHARPNESS * index.value
        ),
        Comparison(
            polarization,
            "loss",
            ours,
            2 * SOLVER_ERROR * wavenumber,
            loss,
            max(LOSS_SHARPNESS * abs(ours), LEAST_LOSS),
        ),
    )


def _missed(frozen: Device, found: BandEdge) -> tuple[float, float]:
    """At most, change of the wavelength [µm] and of 1/Q as gains are exact at real frequencies."""
    wavelength = found.wavelength.value
    exact = np.array([m.permittivity(wavelength, a) for m in frozen.materials() for a in AXES])
    there = fit(exact, 0 * exact).permittivity(1 - 0.5j * found.loss.value)
    most = float(np.abs(there / exact - 1).max())
    return wavelength * most / 2, most


def _turned(found: Extrapolated, slope: float, offset: float) -> Extrapolated:
    """A quantity that depends linearly on another."""
    causes = {name: abs(slope) * part for name, part in found.causes.items()}
    return Extrapolated(
        value=offset + slope * found.value,
        uncertainty=sum(part**2 for part in causes.values()) ** 0.5,
        by_resolution=tuple(offset + slope * value for value in found.by_resolution),
        resolutions=found.resolutions,
        power=found.power,
        causes=causes,
    )
