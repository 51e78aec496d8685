r"""Spectra of a film: gain and index about the exciton line, and the index of packed spheres.

The extinction of the band-edge line of the dots is a Voigt profile $V$ in photon energy: a
Lorentzian of the homogeneous width, spread by a Gaussian of the inhomogeneous width, of height one.
Emission has the same shape, shifted to the red by the Stokes shift $\Delta$. With the filled pairs
$\langle n_e n_h\rangle/g^2$ and the empty ones of `dfbdesign.gain.dots` the material gain is

$$ g(E) = \alpha_p \frac{E}{E_0} \left[\frac{\langle n_e n_h\rangle}{g^2}\, V(E - E_0 + \Delta)
   - \frac{\langle (g - n_e)(g - n_h)\rangle}{g^2}\, V(E - E_0)\right] . $$

What the line absorbs comes with an index, by the relation of Kramers and Kronig. With the Faddeeva
function $w$ and $z = (E - E_0 + i\gamma)/\sqrt2\sigma$ the profile is
$V = \mathrm{Re}\,w(z)/w(i\gamma/\sqrt2\sigma)$ and its partner $-\mathrm{Im}\,w(z)/w(\dots)$,
positive on the red side; the mirror image at $-E_0$ makes the relation exact.

Spheres of permittivity $\epsilon$ that fill the fraction $f$ of a host $\epsilon_h$ act like
(Maxwell Garnett, Phil. Trans. R. Soc. A 203, 385 (1904); Bruggeman, Ann. Phys. 416, 636 (1935))

$$ \frac{\epsilon_{MG} - \epsilon_h}{\epsilon_{MG} + 2\epsilon_h}
   = f\,\frac{\epsilon - \epsilon_h}{\epsilon + 2\epsilon_h} , \qquad
   f\,\frac{\epsilon - \epsilon_B}{\epsilon + 2\epsilon_B}
   + (1-f)\,\frac{\epsilon_h - \epsilon_B}{\epsilon_h + 2\epsilon_B} = 0 . $$
"""

from dataclasses import dataclass
from math import log, pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive
from dfbdesign.errors import InputError
from dfbdesign.gain.dots import Dots, emission_and_absorption
from dfbdesign.materials import material
from dfbdesign.units import PLANCK, SPEED_OF_LIGHT, photon_energy

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Line:
    """The band-edge line of a film of neutral dots."""

    wavelength: float
    """Peak of the absorption [µm]."""
    absorption: float
    """Absorption at the peak [1/µm]."""
    homogeneous: float
    """Full width at half maximum of the single dot's Lorentzian [pJ]."""
    inhomogeneous: float
    """Full width at half maximum of the Gaussian spread of the dots [pJ]."""
    stokes_shift: float = 0.0
    """How far the emission lies to the red of the absorption [pJ]."""

    def __post_init__(self) -> None:
        for name in ("wavelength", "absorption", "homogeneous", "inhomogeneous"):
            positive(name, getattr(self, name))
        if not 0 <= self.stokes_shift < photon_energy(self.wavelength):
            raise InputError(
                "stokes_shift (in pJ) must lie between zero and the photon energy, "
                f"got {self.stokes_shift:g}."
            )


def gain_spectrum(line: Line, dots: Dots, wavelength: ArrayLike, excitons: ArrayLike) -> Real:
    """Material gain of the pumped film.

    Args:
        line: The line of the neutral film.
        dots: The dots; the doping is one number. Their spectral weight is not used: it follows from
            the shift.
        wavelength: Vacuum wavelengths, shape (wavelength) [µm].
        excitons: Mean excitons per dot, shape (...).

    Returns:
        Gain, shape (..., wavelength) [1/µm].

    Raises:
        InputError: If a wavelength is not positive, or a number of excitons negative.

    Examples:
        >>> line = Line(1650 * nm, 4100 / cm, 30e-3 * eV, 30e-3 * eV)
        >>> (gain_spectrum(line, Dots(), [1650 * nm], [0.0, 1e3]) * cm).round(-1)
        array([[-4100.],
               [ 4100.]])
    """
    lines, energy = _two_lines(line, dots, wavelength, excitons)
    return line.absorption * energy / photon_energy(line.wavelength) * lines.real


def index_change(line: Line, dots: Dots, wavelength: ArrayLike, excitons: ArrayLike) -> Real:
    """Part of the film's index that the band-edge line makes, by Kramers and Kronig.

    The difference between two states of pump or doping is what the index changes by.

    Args:
        line: The line of the neutral film.
        dots: The dots; the doping is one number.
        wavelength: Vacuum wavelengths, shape (wavelength) [µm].
        excitons: Mean excitons per dot, shape (...).

    Returns:
        Index, shape (..., wavelength).

    Raises:
        InputError: If a wavelength is not positive, or a number of excitons negative.

    Examples:
        Doping takes index away on the red side of the line.

        >>> line = Line(1592 * nm, 6000 / cm, 80e-3 * eV, 10e-3 * eV)
        >>> neutral, doped = (
        ...     index_change(line, Dots(doping=d), [1660 * nm], 0.0)[0] for d in (0, 7)
        ... )
        >>> round(float(doped - neutral), 3)
        -0.034
    """
    lines, _ = _two_lines(line, dots, wavelength, excitons)
    return -line.absorption * line.wavelength / (4 * pi) * lines.imag


def maxwell_garnett(inclusion: ArrayLike, host: ArrayLike, fraction: ArrayLike) -> Complex:
    """Index of separate spheres in a host.

    Args:
        inclusion: Complex index of the spheres, any shape.
        host: Index of the host; broadcasts.
        fraction: Volume fraction of the spheres; broadcasts.

    Returns:
        Complex index, of the broadcast shape.

    Raises:
        InputError: If a fraction is not in [0, 1].

    Examples:
        >>> complex(maxwell_garnett(4.0, 1.6, 0.5).round(4))
        (2.4787+0j)
    """
    spheres, host2, f = _media(inclusion, host, fraction)
    contrast = f * (spheres - host2) / (spheres + 2 * host2)
    return np.asarray(np.sqrt(host2 * (1 + 2 * contrast) / (1 - contrast)))


def bruggeman(inclusion: ArrayLike, host: ArrayLike, fraction: ArrayLike) -> Complex:
    """Index of a random mixture of two kinds of grains, neither of them the host of the other.

    Args:
        inclusion: Complex index of the one, any shape.
        host: Index of the other; broadcasts.
        fraction: Volume fraction of the first; broadcasts.

    Returns:
        Complex index, of the broadcast shape.

    Raises:
        InputError: If a fraction is not in [0, 1].

    Examples:
        >>> complex(bruggeman(4.0, 1.6, 0.5).round(4))
        (2.7213+0j)
    """
    one, other, f = _media(inclusion, host, fraction)
    b = (3 * f - 1) * one + (2 - 3 * f) * other
    root = np.sqrt(b**2 + 8 * one * other)
    # of the two roots the physical one continues the mean of equal media, and absorbs
    return np.asarray(np.sqrt((b + np.where(root.real < 0, -root, root)) / 4))


def packed_index(
    wavelength: ArrayLike,
    fraction: float,
    ligand_index: float = 1.6,
    rule: Literal["maxwell-garnett", "bruggeman"] = "maxwell-garnett",
) -> Complex:
    """Index of a film of PbS dots in ligands, from bulk PbS.

    Confinement is left out: far above the band edge dots absorb as the bulk does.

    Args:
        wavelength: Vacuum wavelengths, any shape [µm].
        fraction: Part of the volume that is PbS: packing times the part of a dot that is no ligand.
        ligand_index: Index of what fills the rest.
        rule: Effective medium.

    Returns:
        Complex index, of the shape of the wavelengths.

    Raises:
        InputError: If the fraction is not in [0, 1], or a wavelength beyond the data of PbS.

    Examples:
        >>> complex(packed_index(1030 * nm, 0.5).round(2))
        (2.58+0.11j)
    """
    bulk = material("pbs-bulk").index(wavelength)
    mixed = maxwell_garnett if rule == "maxwell-garnett" else bruggeman
    return mixed(bulk, ligand_index, fraction)


def _media(
    inclusion: ArrayLike, host: ArrayLike, fraction: ArrayLike
) -> tuple[Complex, Complex, Real]:
    """Permittivities of both media, and the fraction, checked."""
    f = np.asarray(fraction, float)
    if not np.all((f >= 0) & (f <= 1)):
        raise InputError("fraction must lie in [0, 1].")
    return np.asarray(inclusion, complex) ** 2, np.asarray(host, complex) ** 2, f


def _two_lines(
    line: Line, dots: Dots, wavelength: ArrayLike, excitons: ArrayLike
) -> tuple[Complex, Real]:
    """Emission less absorption, with its partner as imaginary part; and the photon energies."""
    values = np.atleast_1d(np.asarray(wavelength, float))
    if not np.all(np.isfinite(values) & (values > 0)):
        raise InputError("wavelength (in um) must be positive.")
    energy = PLANCK * SPEED_OF_LIGHT / values
    peak = photon_energy(line.wavelength)
    emitting, absorbing = emission_and_absorption(excitons, dots)
    emission = _profile(line, energy, peak - line.stokes_shift)
    absorption = _profile(line, energy, peak)
    return emitting[..., None] * emission - absorbing[..., None] * absorption, energy


def _profile(line: Line, energy: Real, centre: float) -> Complex:
    """Voigt profile of height one about a photon energy, and its partner as imaginary part."""
    from scipy.special import wofz

    sigma = line.inhomogeneous / sqrt(8 * log(2))
    width = 1j * line.homogeneous / 2
    height = wofz(width / (sqrt(2) * sigma)).real
    ours = wofz((energy - centre + width) / (sqrt(2) * sigma))
    mirror = wofz((-energy - centre + width) / (sqrt(2) * sigma))
    # extinction k = V(E) - V(-E) is odd in energy; its partner is even
    extinction, partner = ours.real - mirror.real, -ours.imag - mirror.imag
    return np.asarray((extinction + 1j * partner) / height)
