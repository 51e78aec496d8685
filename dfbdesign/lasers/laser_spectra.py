r"""Spectra of a finite laser below threshold: what it reflects, transmits, radiates and emits.

Light is emitted where the film has gain, as if it were fully inverted there: a lower bound, since
a partly inverted film emits more for the same gain. Film that absorbs emits nothing.

Light that enters the grating from the left is reflected, passes, leaves through the surface, or is
absorbed (amplified, where film has gain): the five shares add up to one. Of the loss of a stretch,
$-n_g \mathrm{Im}\,k_e |R + S|^2$ and $-n_g \mathrm{Im}\,k_o |R - S|^2$ with the wavenumbers of the
even and the odd band edge, the surface takes the share that `dfbdesign.solvers.cell_radiation`
finds for the lines in the middle of the grating.
"""

from dataclasses import dataclass
from math import pi
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.files import writing
from dfbdesign.lasers.cavity import FilmCavity
from dfbdesign.lasers.laser import Laser
from dfbdesign.solvers.cell_radiation import cell_radiation
from dfbdesign.solvers.spectra import emission, taken
from dfbdesign.units import nm

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class LaserSpectra:
    """Spectra below threshold, shape (point,) each, from short to long wavelengths."""

    wavelength: Real
    """Vacuum wavelength [µm]."""
    edges: tuple[float, float]
    """Wavelengths of the bright and the dark band edge of the endless grating [µm]."""
    reflection: Complex
    """Amplitude reflection of the grating from its left end, without facets."""
    transmission: Complex
    """Amplitude transmission of the grating, without facets."""
    radiated_up: Real
    """Share of light from the left that leaves into the superstrate, without facets."""
    radiated_down: Real
    """The same into the substrate."""
    absorbed: Real
    """Share of it that film and materials absorb; below zero where they amplify."""
    left: Real
    """Spontaneous emission through the left facet, photons per second and hertz."""
    right: Real
    """Spontaneous emission through the right facet, photons per second and hertz."""
    up: Real
    """Spontaneous emission from the surface into the superstrate, photons per second and hertz."""
    down: Real
    """The same into the substrate."""


def laser_spectra(laser: Laser, share: float = 0.9, points: int = 1001) -> LaserSpectra:
    """Spectra of a laser pumped to a share of its lowest threshold.

    Args:
        laser: The solved device.
        share: Peak material gain over that of the first mode at threshold, below 1.
        points: Number of wavelengths, over the window in which modes were searched.

    Returns:
        What the pumped grating does to light from the left, and its own emission through both
        facets and from the surface.

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
    rates, losses = _rates(pumped)
    noise = np.maximum(gains, 0) * np.stack([rates.sum(axis=0), rates[0] - rates[1]])
    # Up, down, and by the materials; at last by the film.
    channels = cell_radiation(laser.cell).shares[:, :, None] * losses
    film = -(gains * rates)[None]
    channels = np.concatenate([channels, film]).swapaxes(1, 2)
    lost, reflection, transmission = taken(cavity, detuning, channels)
    emitted = emission(cavity, detuning, 0.0, noise.T, channels[:2])
    bright, dark = (edge.wavelength for edge in laser.cell.band_edges)
    return LaserSpectra(
        wavelength=2 * pi / (waves.centre.real + detuning / waves.n_group),
        edges=(bright, dark),
        reflection=reflection,
        transmission=transmission,
        radiated_up=lost[0],
        radiated_down=lost[1],
        absorbed=lost[2] + lost[3],
        left=emitted.left,
        right=emitted.right,
        up=emitted.channels[0],
        down=emitted.channels[1],
    )


def _rates(pumped: FilmCavity) -> tuple[Real, Real]:
    """What each stretch gives |R + S|² and |R - S|², over material gain; and what it takes.

    Shape (2, stretch) each; [-] and [1/µm].
    """
    own = [stretch.waves for stretch in pumped.stretches]
    n_group = np.array([one.n_group for one in own])
    slopes, edges = (
        np.array(pairs).T
        for pairs in (
            [_both(one.centre_slope, one.half_split_slope) for one in own],
            [_both(one.centre, one.half_split) for one in own],
        )
    )
    return n_group * slopes, -n_group * edges


def _both(middle: complex, half: complex) -> tuple[float, float]:
    """Imaginary parts at the even and the odd edge."""
    return (middle + half).imag, (middle - half).imag


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
        "radiated_up": spectra.radiated_up,
        "radiated_down": spectra.radiated_down,
        "absorbed": spectra.absorbed,
        "left_photons_per_s_Hz": spectra.left,
        "right_photons_per_s_Hz": spectra.right,
        "up_photons_per_s_Hz": spectra.up,
        "down_photons_per_s_Hz": spectra.down,
    }
    table, header = np.stack(list(columns.values()), axis=1), ",".join(columns)
    with writing(path) as temporary:
        np.savetxt(temporary, table, "%.9g", delimiter=",", header=header, comments="")
