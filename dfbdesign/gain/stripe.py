r"""Light from a pumped stripe of film: amplified spontaneous emission, its width and its onset.

Along the stripe the light of each wavelength grows as $dI/dz = (gI + s)/(1 + P/P_s)$: $s$ is the
spontaneous emission into the guided light, $g$ the net modal gain, $P$ the integral of $I$ over
wavelength, $P_s$ where it has halved the inversion. Gain and source saturate alike (a homogeneous
line), and so does the loss, small beside the gain. With $du = dz/(1 + P/P_s)$ all wavelengths grow
independently,

$$ I = s\,\frac{e^{gu} - 1}{g}, \qquad
   z = u + \frac1{P_s}\int \frac{s}{g}\left(\frac{e^{gu} - 1}{g} - u\right) d\lambda , $$

and $u$ follows from the stripe length by bisection.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive
from dfbdesign.errors import InputError, PhysicsError

Real = NDArray[np.float64]


def stripe_emission(
    wavelength: ArrayLike,
    net_gain: ArrayLike,
    source: ArrayLike,
    length: float,
    saturation: float,
) -> Real:
    """Spectrum of the light that leaves the end of a pumped stripe.

    Args:
        wavelength: Wavelengths, ascending, shape (wavelength) [µm].
        net_gain: Net modal gain, negative for loss, shape (..., wavelength) [1/µm].
        source: Spontaneous emission into the guided light, of the same shape, per length and
            wavelength, any unit of intensity.
        length: Stripe length [µm].
        saturation: Intensity, integrated over wavelength, that halves the inversion.

    Returns:
        Intensity per wavelength, of the shape of the gain.

    Raises:
        InputError: If a length or the saturation is not positive, or the source negative.

    Examples:
        Without gain the source adds up along the stripe.

        >>> wavelength = np.linspace(1.5, 1.8, 4)
        >>> stripe_emission(wavelength, np.zeros(4), np.ones(4), 100.0, 1e9).round(3)
        array([100., 100., 100., 100.])
    """
    positive("length (in um)", length)
    positive("saturation", saturation)
    x = np.asarray(wavelength, float)
    g, s = np.broadcast_arrays(np.asarray(net_gain, float), np.asarray(source, float))
    if np.any(s < 0):
        raise InputError("source must be zero or positive at each wavelength.")
    low, high = np.zeros(g.shape[:-1]), np.full(g.shape[:-1], length)
    for _ in range(60):
        middle = (low + high) / 2
        extra = s * length**2 * _second(g, middle, length)
        reached = middle + np.trapezoid(extra, x, axis=-1) / saturation
        low, high = (
            np.where(reached < length, middle, low),
            np.where(reached < length, high, middle),
        )
    growth = np.minimum(g * low[..., None], _LARGEST)
    return np.asarray(s * low[..., None] * _first(growth))


def full_width(wavelength: ArrayLike, spectrum: ArrayLike) -> Real:
    """Full width at half maximum of spectra with one peak.

    Args:
        wavelength: Wavelengths, ascending, shape (wavelength) [µm].
        spectrum: Intensities, shape (..., wavelength).

    Returns:
        Widths, shape (...) [µm].

    Raises:
        PhysicsError: If a spectrum does not fall below half its peak on both sides.

    Examples:
        >>> x = np.linspace(-3, 3, 601)
        >>> float(full_width(x, np.exp(-4 * np.log(2) * x**2)).round(4))
        1.0
    """
    x, y = np.asarray(wavelength, float), np.asarray(spectrum, float)
    flat = (y / y.max(axis=-1, keepdims=True)).reshape(-1, len(x))
    widths = []
    for row in flat:
        above = np.flatnonzero(row >= 0.5)
        first, last = int(above[0]), int(above[-1])
        if first == 0 or last == len(x) - 1:
            raise PhysicsError(
                "the spectrum does not fall to half its peak: widen the wavelengths."
            )
        left = np.interp(0.5, row[first - 1 : first + 1], x[first - 1 : first + 1])
        right = np.interp(0.5, row[last : last + 2][::-1], x[last : last + 2][::-1])
        widths.append(right - left)
    return np.reshape(widths, y.shape[:-1])


_LARGEST = 600.0  # growth whose exponential is still a number; saturation stops long before


def _first(growth: Real) -> Real:
    """(e^x - 1) / x, regular at zero."""
    small = np.abs(growth) < 1e-8
    safe = np.where(small, 1.0, growth)
    return np.where(small, 1 + growth / 2, np.expm1(safe) / safe)


def _second(gain: Real, path: Real, length: float) -> Real:
    """((e^(gu) - 1)/g - u) / (g length^2), regular at zero gain."""
    u = path[..., None] / length
    x = np.minimum(gain * path[..., None], _LARGEST)
    small = np.abs(x) < 1e-4
    safe = np.where(small, 1.0, x)
    return u**2 * np.where(small, 0.5 + x / 6, (_first(x) - 1) / safe)
