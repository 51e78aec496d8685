r"""Permittivities that depend on frequency, as the time domain can run them: fits around one.

All materials share three lines: a Lorentz pole without damping at $\omega_1$, one with the damping
$(1 - \rho_2)\,\omega_2$ at $\omega_2$, and a Drude line, which is nearly a conductivity.
$\rho_i = \omega_0^2/\omega_i^2$ with the frequency $\omega_0$ of the fit. Each material has its own
strengths $s_i \ge 0$ and limit $\epsilon_\infty$. With $w = \omega/\omega_0$

$$ \epsilon = \epsilon_\infty + \frac{s_1}{1 - \rho_1 w^2}
   + \frac{s_2}{1 - \rho_2 w^2 - i\sqrt{\rho_2}\,(1 - \rho_2)\,w} + \frac{s_3}{-w^2 - i\kappa w}. $$

The first makes a permittivity rise with frequency. The damping of the second leaves it no real
slope $\mathrm{d}/\mathrm{d}\ln\omega$ at $\omega_0$, and what it absorbs rises there as $\omega^p$
with $p = (1 + \rho_2)/(1 - \rho_2)$; what the third absorbs falls, $p = -1 - 2/(1 + \kappa^2)$. So
the four numbers of a material make value and slope of its complex permittivity exact.

The first pole is bent by $\omega^2\,\mathrm{d}^2/\mathrm{d}\omega^2 = R\;\mathrm{d}/\mathrm{d}\ln
\omega$ with $R = (1 + 3\rho_1)/(1 - \rho_1)$. It is put where the mean square of what is left of
all materials' bends is least, and the second one where absorption rises on average as in the data.

Lines of positive strength make a passive medium, which cannot become unstable. What they cannot do
keeps its value alone: a permittivity that falls with frequency (as inside an absorption line), or
an absorption that falls faster than the third line's. Gain is a negative conductivity $\sigma$, a
factor $1 + i\sigma/w$: its value is exact and its slope is not.

Runs in MEEP's own interpreter, too: only the standard library and numpy may be imported here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

STEP = 1e-3
"""Relative distance of the frequencies from which slopes are taken."""
LOWEST, HIGHEST = 0.04, 0.9
"""Of ρ: a pole five times above the light, which the time steps still resolve, to next to it."""
LEAST_LIMIT = 0.5
"""High-frequency limit over permittivity: the time step must stay stable with that one."""
DRUDE = 20.0
"""Damping rate κ of the third line, over the frequency of the fit."""
Poles = tuple[float, float]
"""Squared frequency of the fit over that of the pole without and of the one with damping."""
NO_POLES: Poles = (LOWEST, LOWEST)
Line = tuple[float, float, float]
"""Coefficients a, b, g of strength / (a - b w² - i g w)."""


@dataclass(frozen=True)
class Fit:
    """Permittivities as the time domain runs them, any shape."""

    limit: Real
    """High-frequency limit."""
    strengths: tuple[Real, Real, Real]
    """Of the lines."""
    conductivity: Real
    """Over the angular frequency of the fit; negative for gain, else zero."""
    poles: Poles

    @property
    def lines(self) -> tuple[Line, Line, Line]:
        """The lines that the strengths belong to."""
        first, second = self.poles
        return (
            (1.0, first, 0.0),
            (1.0, second, float(np.sqrt(second)) * (1 - second)),
            (0.0, 1.0, DRUDE),
        )

    def permittivity(self, frequency: ArrayLike) -> Complex:
        """At another frequency, also a complex one.

        Args:
            frequency: Over that of the fit; broadcasts against the shape of the fit.

        Returns:
            Complex permittivity.
        """
        w = np.asarray(frequency)
        found = self.limit + 0j * w
        for strength, (a, b, g) in zip(self.strengths, self.lines, strict=True):
            found = found + strength / (a - b * w**2 - 1j * g * w)
        return np.asarray((1 + 1j * self.conductivity / w) * found)


def fit(permittivity: ArrayLike, slope: ArrayLike, poles: Poles = NO_POLES) -> Fit:
    """The fit with given poles.

    Args:
        permittivity: Complex, at the frequency of the fit, any shape.
        slope: Its change with the logarithm of the frequency, complex, of the same shape.
        poles: Where they are.

    Returns:
        The fit, of the same shape.

    Examples:
        >>> found = fit(6.0 + 0.03j, 0.4 + 0.06j, (0.2, 0.5))
        >>> print(np.round(found.permittivity([0.99, 1.0, 1.01]), 5))
        [5.99603+0.02941j 6.     +0.03j    6.00403+0.03061j]
    """
    value, rising = np.asarray(permittivity, dtype=complex), np.asarray(slope, dtype=complex)
    (first, second), absorbed = poles, np.maximum(value.imag, 0.0)
    up, down = (1 + second) / (1 - second), -1 - 2 / (1 + DRUDE**2)
    share = np.clip((rising.imag - down * absorbed) / (up - down), 0, absorbed)
    damped = share * (1 - second**2) / np.sqrt(second)
    drude = (absorbed - share) * (1 + DRUDE**2) / DRUDE
    bent = np.maximum(rising.real - 2 * drude / (1 + DRUDE**2) ** 2, 0)
    bare = bent * (1 - first) ** 2 / (2 * first)
    rest = bare / (1 - first) + damped / (1 - second**2) - drude / (1 + DRUDE**2)
    gain = np.minimum(value.imag, 0.0) / value.real
    return Fit(value.real - rest, (bare, damped, drude), gain, poles)


def slope(slower: ArrayLike, faster: ArrayLike) -> Complex:
    """Change of permittivities with the logarithm of the frequency.

    Args:
        slower: At `1 - STEP` times the frequency, complex.
        faster: At `1 + STEP` times the frequency, of the same shape.

    Returns:
        The slope, complex.
    """
    return np.asarray((np.asarray(faster, dtype=complex) - slower) / (2 * STEP))


def best_poles(slower: Complex, here: Complex, faster: Complex) -> Poles:
    """Where the poles serve all materials best.

    Args:
        slower: Permittivities at `1 - STEP` times the frequency of the fit, shape (material,).
        here: At that frequency.
        faster: At `1 + STEP` times it.

    Returns:
        The poles.

    Examples:
        >>> frequencies = np.array([1 - STEP, 1, 1 + STEP])
        >>> one = 3 + 2 / (1 - 0.3 * frequencies**2) + 0.01j * frequencies**3
        >>> np.round(best_poles(*one[:, None]), 4).tolist()
        [0.3, 0.5]
    """
    rising = slope(slower, faster)
    up, absorbed = np.maximum(rising.real, 0), np.maximum(here.imag, 0)
    bend = _mean_ratio((slower - 2 * here + faster).real / STEP**2, up)
    power = _mean_ratio(rising.imag, absorbed)
    first = (bend - 1) / (bend + 3) if bend > 1 else 0.0
    second = (power - 1) / (power + 1) if power > 1 else 0.0
    least = up / (up + 2 * (1 - LEAST_LIMIT) * here.real)  # keeps every limit high enough
    return (
        float(max(LOWEST, min(HIGHEST, first), least.max())),
        float(max(LOWEST, min(HIGHEST, second))),
    )


def _mean_ratio(values: Real, weights: Real) -> float:
    """Of values to weights, with least squares of what is left; 0 without weights."""
    return float(weights @ values / (weights @ weights)) if weights.any() else 0.0
