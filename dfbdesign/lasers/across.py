r"""Profile of a beam along the lines of its grating, about which coupled waves say nothing.

A field $f(y) \propto e^{-y^2/w^2}$ on $|y| < W/2$, even for an infinite w, with $\int f^2 dy = 1$.
Its spectrum $\int f e^{-ik_y y} dy$ is, with the Faddeeva function $w(z)$ and $a = W/2w$,
$b = k_y w/2$,
$$ \sqrt\pi\, w\, N \left[e^{-b^2} - \mathrm{Re}\left(e^{-a^2 - 2iab}\,w(ia - b)\right)\right],
   \qquad N^{-2} = w\sqrt{\pi/2}\;\mathrm{erf}(\sqrt 2 a) . $$
"""

from dataclasses import dataclass
from math import erf, exp, inf, isinf, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Across:
    """Profile of the field along the lines."""

    width: float
    """Full width; infinite for a whole Gaussian [µm]."""
    waist: float = inf
    """Distance from the middle at which the field has fallen to 1/e; infinite for an even one
    [µm]."""

    def __post_init__(self) -> None:
        if isinf(self.width) and isinf(self.waist):
            raise InputError("width and waist of a beam must not both be infinite.")

    def spectrum(self, wavenumber: ArrayLike) -> Real:
        """Fourier transform of the profile.

        Args:
            wavenumber: Along y, any shape [1/µm].

        Returns:
            ∫ f exp(-i k_y y) dy, of that shape [µm^½].

        Examples:
            >>> profile = Across(width=100 * um)
            >>> profile.spectrum([0.0, np.pi / (100 * um)]).round(4)
            array([10.    ,  6.3662])
        """
        k = np.asarray(wavenumber, dtype=float)
        if isinf(self.waist):
            return np.asarray(sqrt(self.width) * np.sinc(k * self.width / (2 * pi)))
        a, b = self.width / (2 * self.waist), k * self.waist / 2
        norm = sqrt(self.waist * sqrt(pi / 2) * erf(sqrt(2) * a))
        found = np.exp(-(b**2))
        if not isinf(a):
            from scipy.special import wofz

            found = found - (exp(-(a**2)) * np.exp(-2j * a * b) * wofz(1j * a - b)).real
        return np.asarray(sqrt(pi) * self.waist / norm * found)

    @property
    def scale(self) -> float:
        """Length over which the field changes [µm]."""
        return min(self.width, self.waist)

    def inside(self, largest: float) -> tuple[Real, Real]:
        """The power of the profile over the wavenumbers along y, up to a largest one.

        The edges of an even profile hold ever larger wavenumbers: what they weigh grows with it.

        Args:
            largest: Wavenumber [1/µm].

        Returns:
            Wavenumbers of one sign, and the part of the power of both signs about each, shape
            (point,) [1/µm] and [-].
        """
        step = min(1 / (8 * self.scale), largest / 8)
        k: Real = (np.arange(round(largest / step)) + np.float64(0.5)) * step
        return k, self.spectrum(k) ** 2 * step / pi


def across(device: Device) -> Across | None:
    """The profile of a device's beam along its lines.

    Args:
        device: Needs a grating.

    Returns:
        Gaussian in a Gaussian spot, as the root of its fluence; else even over the width of the
        grating or the diameter of a disk, whichever is less. `None` if neither is known, or each
        strip of a disk lases by itself.
    """
    width = device.need_grating().width or inf
    spot = device.pump.spot if device.pump is not None else None
    if spot is not None and spot.length is not None:
        if spot.shape == "gaussian":
            return Across(width, spot.length / 2)
        if spot.across == "alone":
            return None  # strips that lase by themselves share no phase
        if spot.shape == "disk":
            width = min(width, spot.length)
    return None if isinf(width) else Across(width)
