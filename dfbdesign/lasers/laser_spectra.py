"""Spectra of a finite laser below threshold: what it reflects, transmits and emits.

Light is emitted where the film has gain, as if it were fully inverted there: a lower bound, since
a partly inverted film emits more for the same gain. Film that absorbs emits nothing.
"""

from dataclasses import dataclass
from math import pi
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.files import writing
from dfbdesign.lasers.laser import Laser
from dfbdesign.solvers.spectra import emission
from dfbdesign.solvers.transfer_matrix import scattering
from dfbdesign.units import nm

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class LaserSpectra:
    """Spectra below threshold, shape (point,) each, from short to long wavelengths."""

    wavelength: Real
    """Vacuum wavelength [µm]."""
    reflection: Complex
    """Amplitude reflection of the grating from its left end, without facets."""
    transmission: Complex
    """Amplitude transmission of the grating, without facets."""
    left: Real
    """Spontaneous emission through the left facet, photons per second and hertz."""
    right: Real
    """Spontaneous emission through the right facet, photons per second and hertz."""


def laser_spectra(laser: Laser, share: float = 0.9, points: int = 1001) -> LaserSpectra:
    """Spectra of a laser pumped to a share of its lowest threshold.

    Args:
        laser: The solved device.
        share: Peak material gain over that of the first mode at threshold, below 1.
        points: Number of wavelengths, over the window in which modes were searched.

    Returns:
        Reflection and transmission of the pumped grating, and emission through both facets.

    Raises:
        InputError: If the share is not between 0 and 0.999.

    Examples:
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, gain=True,
        ...                   lines=Lines(material=2.30, duty=0.3)),
        ...             Layer(thickness=160 * nm, material=2.53, gain=True)],
        ...     grating=Grating(period=865 * nm, length=500 * um),
        ...     target=Target(wavelength=1670 * nm),
        ... )
        >>> from dfbdesign import laser
        >>> solved = laser(device)
        >>> spectra = laser_spectra(solved)
        >>> peak = spectra.wavelength[spectra.left.argmax()]
        >>> print(f"{peak / nm:.1f} {solved.modes[0].wavelength / nm:.1f}")
        1674.3 1674.3
    """
    within("share of the threshold gain", share, 0, 0.999)
    first = laser.modes[0]
    pumped, waves = first.pumped, first.pumped.waves
    gains = pumped.gains(share * first.threshold_material_gain)[0]
    cavity = pumped.frozen(gains)
    detuning = np.linspace(*pumped.detunings[::-1], points)
    coupled = 2 * waves.n_group * waves.half_split_slope.imag
    noise = np.multiply.outer(np.maximum(gains, 0), [waves.confinement, coupled])
    reflection, transmission, _ = scattering(cavity, detuning)
    emitted = emission(cavity, detuning, 0.0, noise)
    return LaserSpectra(
        wavelength=2 * pi / (waves.centre.real + detuning / waves.n_group),
        reflection=reflection,
        transmission=transmission,
        left=emitted.left,
        right=emitted.right,
    )


def save_spectra(spectra: LaserSpectra, path: Path) -> None:
    """Write spectra as a table.

    Args:
        spectra: Spectra of a laser.
        path: CSV file, with a header that names each column and its unit.

    Raises:
        InputError: If the file cannot be written.
    """
    columns = {
        "wavelength_nm": spectra.wavelength / nm,
        "reflection_re": spectra.reflection.real,
        "reflection_im": spectra.reflection.imag,
        "transmission_re": spectra.transmission.real,
        "transmission_im": spectra.transmission.imag,
        "left_photons_per_s_Hz": spectra.left,
        "right_photons_per_s_Hz": spectra.right,
    }
    table, header = np.stack(list(columns.values()), axis=1), ",".join(columns)
    with writing(path) as temporary:
        np.savetxt(temporary, table, "%.9g", delimiter=",", header=header, comments="")
