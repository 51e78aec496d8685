r"""Coupled-mode theory of a uniform grating in closed form.

The field $R(x)e^{i\beta_0 x} + S(x)e^{-i\beta_0 x}$, with x = 0 in the middle of a line and time as
$e^{-i\omega t}$, obeys

$$ R' = i\Delta R - i\kappa S, \qquad S' = -i\Delta S + i\kappa R, \qquad
\Delta = n_g (k - k_c) = \delta - i g/2, $$

where $\delta$ is the detuning from the line centre and $g$ the net power gain of the running waves.

* Infinite grating: $\Delta^2 = q^2 + \kappa^2$. At its edges R = S (even about the line, *bright*)
  has $\Delta = \kappa$, and R = -S (*dark*) has $\Delta = -\kappa$.
* Second order: radiation makes $\mathrm{Im}\,\kappa = -h_1 < 0$ and takes the power $2h_1$ from
  each running wave ($g = g_\mathrm{modal} - 2h_1$), so that the dark mode of an infinite grating
  loses nothing and the bright one $4h_1$ (R. F. Kazarinov and C. H. Henry, IEEE J. Quantum
  Electron. 21, 144 (1985)). The threshold is $g/2 = \alpha(\kappa) + h_1$.
* H. Kogelnik and C. V. Shank, J. Appl. Phys. 43, 2327 (1972), write time as $e^{+j\omega t}$ and
  the amplitude gain as α. Their α is our g/2, their δ our δ, their κ the complex conjugate of ours.

| symbol | name here | unit |
|---|---|---|
| $\Delta$ | `detuning`, complex when there is gain | 1/µm |
| $\kappa$ | `kappa` | 1/µm |
| $g$ | `gain` | 1/µm |
"""

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive
from dfbdesign.errors import InputError, NotConverged

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class ThresholdMode:
    """A mode at its lasing threshold."""

    detuning: float
    """n_g times the vacuum wavenumber's distance from the line centre [1/µm]."""
    gain: float
    """Modal power gain that the mode needs [1/µm]."""


def radiation_loss(kappa: complex) -> float:
    """Power a running wave loses to the radiation that also makes `kappa` complex.

    Args:
        kappa: Coupling of a second-order grating, of negative imaginary part [1/µm].

    Returns:
        Power loss coefficient [1/µm].

    Raises:
        InputError: If the imaginary part is positive, which radiation cannot cause.

    Examples:
        >>> radiation_loss(0.01 - 0.002j)
        0.004
    """
    if kappa.imag > 0:
        raise InputError(
            f"kappa must have an imaginary part <= 0 (radiation), got {kappa:g}. "
            "Conjugate it if it was defined for time exp(+jωt)."
        )
    return -2 * kappa.imag


def dispersion(detuning: ArrayLike, kappa: ArrayLike) -> Complex:
    """Wavevector offset q of the Bloch waves of an infinite grating.

    Args:
        detuning: Δ, any shape [1/µm].
        kappa: Coupling coefficient [1/µm].

    Returns:
        √(Δ² - κ²) of the wave that decays towards +x (imaginary part >= 0) [1/µm].

    Examples:
        In the middle of the stop band the wave decays at the rate kappa.

        >>> complex(dispersion(0, 0.01))
        0.01j
    """
    q = np.sqrt(np.asarray(detuning, dtype=complex) ** 2 - np.asarray(kappa) ** 2)
    return np.asarray(np.where(q.imag < 0, -q, q))


def reflection(kappa: ArrayLike, length: ArrayLike, detuning: ArrayLike) -> Complex:
    r"""Amplitude reflection S/R at the start of a uniform grating whose end is open.

    $$ r = \frac{-i\kappa\,\sinh(sL)/s}{\cosh sL - i\Delta\,\sinh(sL)/s},
    \qquad s^2 = \kappa^2 - \Delta^2 $$

    Args:
        kappa: Coupling coefficient [1/µm].
        length: Grating length [µm].
        detuning: Δ, complex when there is gain or loss [1/µm]. All arguments broadcast.

    Returns:
        Complex reflection of the broadcast shape.

    Examples:
        >>> r = reflection(kappa=50 / cm, length=200 * um, detuning=0)
        >>> print(f"{abs(r) ** 2:.4f}")  # tanh² κL
        0.5800
    """
    kappa, delta = np.asarray(kappa, dtype=complex), np.asarray(detuning, dtype=complex)
    cosh, sinh, _, _ = _hyperbolic(kappa, np.asarray(length), delta)
    return np.asarray(-1j * kappa * sinh / (cosh - 1j * delta * sinh))


def transmission(kappa: ArrayLike, length: ArrayLike, detuning: ArrayLike) -> Complex:
    """Amplitude transmission R(L)/R(0) of a uniform grating whose end is open.

    Args:
        kappa: Coupling coefficient [1/µm].
        length: Grating length [µm].
        detuning: Δ, complex when there is gain or loss [1/µm]. All arguments broadcast.

    Returns:
        Complex transmission of the broadcast shape.

    Examples:
        >>> t = transmission(kappa=50 / cm, length=200 * um, detuning=0)
        >>> print(f"{abs(t) ** 2:.4f}")
        0.4200
    """
    kappa, delta = np.asarray(kappa, dtype=complex), np.asarray(detuning, dtype=complex)
    cosh, sinh, _, growth = _hyperbolic(kappa, np.asarray(length), delta)
    return np.asarray(np.exp(-growth) / (cosh - 1j * delta * sinh))


def threshold_modes(
    kappa: complex,
    length: float,
    detuning: tuple[float, float],
    *,
    loss: float = 0.0,
    phase_shift: float = 0.0,
) -> tuple[ThresholdMode, ...]:
    """All threshold modes of a uniform, evenly pumped grating with open ends.

    A spectral (Chebyshev) discretisation of the coupled equations proposes the modes, the closed
    form refines them, and its winding around the window proves that none is missing.

    Args:
        kappa: Coupling coefficient [1/µm].
        length: Grating length [µm].
        detuning: Lowest and highest detuning of the window [1/µm].
        loss: Power loss of the running waves, for instance `radiation_loss(kappa)` [1/µm].
        phase_shift: One-way phase shift in the middle, π/2 for a quarter-wave shift [rad].

    Returns:
        The modes, lowest threshold first. With gain coupling a threshold can be negative.

    Raises:
        InputError: If kappa is zero, or the window or the length is not positive.
        NotConverged: If the modes found do not match the winding, which happens when one sits
            on the edge of the window.

    Examples:
        An index grating has two modes of one threshold, on either side of its stop band.

        >>> for mode in threshold_modes(kappa=0.002, length=1000, detuning=(-0.005, 0.005)):
        ...     print(f"{mode.detuning * 1000:+.4f} {mode.gain / 2 * 1000:.4f}")
        -3.3797 0.9847
        +3.3797 0.9847
    """
    positive("length (in um)", length)
    low, high = detuning
    positive("width of the detuning window (in 1/um)", high - low)
    if kappa == 0:
        raise InputError("kappa must not be zero: without feedback there is no threshold.")
    weakest, strongest = _gain_bounds(kappa, length, max(abs(low), abs(high)))
    corner = complex(low, -strongest), complex(high, -weakest)
    found: list[ThresholdMode] = []
    for sign in (1, -1):  # modes even and odd about the middle: half a grating and a mirror
        mirror = sign * np.exp(1j * phase_shift)
        for delta in _half_modes(complex(kappa), length / 2, mirror, *corner):
            found.append(ThresholdMode(delta.real, -2 * delta.imag + loss))
    return tuple(sorted(found, key=lambda m: (round(m.gain * length, 9), m.detuning)))


def _hyperbolic(
    kappa: Complex, length: NDArray[np.float64], delta: Complex
) -> tuple[Complex, Complex, Complex, NDArray[np.float64]]:
    """Return c = cosh sL, t = sinh(sL)/s, (Lc - t)/s², all times exp(-growth), and growth.

    With s² = κ² - Δ²; near s = 0 the last two are series in (sL)².
    """
    s = np.sqrt(kappa**2 - delta**2)
    growth = np.abs((s * length).real)
    up = np.asarray(np.exp(s * length - growth) / 2, dtype=complex)
    down = np.asarray(np.exp(-s * length - growth) / 2, dtype=complex)
    small = np.abs(s * length) < 0.1
    square, divisor = np.where(small, s * length, 0) ** 2, np.where(small, 1, s)
    series = 1 + square / 6 * (1 + square / 20 * (1 + square / 42))
    sinh = np.where(small, length * np.exp(-growth) * series, (up - down) / divisor)
    series = (1 + square / 10 * (1 + square / 28 * (1 + square / 54))) / 3
    third = np.where(
        small, length**3 * np.exp(-growth) * series, (length * (up + down) - sinh) / divisor**2
    )
    return up + down, np.asarray(sinh), np.asarray(third), np.asarray(growth)


def _gain_bounds(kappa: complex, length: float, detuning: float) -> tuple[float, float]:
    """Half the lowest and highest gain any threshold mode can have, with some room.

    Gain coupling moves a mode by at most |Im κ|. Feedback falls as κ/2p exp(-αL), with p the
    modulus of Δ, and must reach 1.
    """
    alpha = 1 / length
    for _ in range(50):
        modulus = detuning + alpha
        alpha = log(1 + 2 * modulus / abs(kappa)) / length + abs(kappa.imag)
    return -abs(kappa.imag) - 0.1 / length, alpha + 2 / length


def _half_modes(
    kappa: complex, length: float, mirror: complex, low: complex, high: complex
) -> list[complex]:
    """All Δ in a rectangle for which R(0) = mirror S(0) and S(length) = 0."""
    reach = max(abs(low), abs(high), abs(complex(low.real, high.imag)))
    delta = _spectral(kappa, length, mirror, nodes=30 + int(1.5 * (reach + abs(kappa)) * length))
    room = 0.5 / length
    delta = delta[(delta.real > low.real - room) & (delta.real < high.real + room)]
    delta = delta[(delta.imag > low.imag - room) & (delta.imag < high.imag + room)]
    for _ in range(20):
        value, slope = _mismatch(kappa, length, mirror, delta)
        delta = delta - value / slope
    inside = (delta.real > low.real) & (delta.real < high.real)
    inside &= (delta.imag > low.imag) & (delta.imag < high.imag)
    found: list[complex] = []
    for one in delta[inside]:
        if all(abs(one - other) * length > 1e-9 for other in found):
            found.append(complex(one))
    count = _winding(kappa, length, mirror, low, high)
    if count != len(found):
        raise NotConverged(
            f"{count} threshold modes expected but {len(found)} found; one may sit on the edge of "
            f"the detuning window {low.real:g} to {high.real:g}. Move the window a little."
        )
    return found


def _mismatch(
    kappa: complex, length: float, mirror: complex, delta: Complex
) -> tuple[Complex, Complex]:
    """S at the end when R = mirror and S = 1 at the start, and its derivative, both scaled."""
    cosh, sinh, third, _ = _hyperbolic(np.asarray(kappa), np.asarray(length), delta)
    source = 1j * (kappa * mirror - delta)
    slope = -delta * (length * sinh + source * third) - 1j * sinh
    return cosh + source * sinh, slope


def _spectral(kappa: complex, length: float, mirror: complex, nodes: int) -> Complex:
    """Eigenvalues Δ of Δ R = -i R' + κ S, Δ S = i S' + κ R on Chebyshev points."""
    angle = np.arange(nodes + 1) * pi / nodes
    x = np.cos(angle)
    weight = np.r_[2, np.ones(nodes - 1), 2] * (-1) ** np.arange(nodes + 1)
    away = x[:, None] - x + np.eye(nodes + 1)
    derivative = weight[:, None] / weight / away
    derivative -= np.diag(derivative.sum(axis=1))
    derivative *= -2 / length  # x falls from 1 to -1 while the position grows from 0 to length
    size = nodes + 1
    matrix = np.zeros((2 * size, 2 * size), dtype=complex)
    matrix[:size, :size], matrix[size:, size:] = -1j * derivative, 1j * derivative
    matrix[:size, size:] = matrix[size:, :size] = kappa * np.eye(size)
    matrix[:, size] += mirror * matrix[:, 0]  # R(0) = mirror S(0)
    free = np.r_[1:size, size : 2 * size - 1]  # and S(length) = 0
    return np.asarray(np.linalg.eigvals(matrix[np.ix_(free, free)]), dtype=complex)


def _winding(kappa: complex, length: float, mirror: complex, low: complex, high: complex) -> int:
    """Number of modes in a rectangle of Δ, from the turns of the mismatch along its edge."""
    corners = [low, complex(high.real, low.imag), high, complex(low.real, high.imag), low]
    sides = np.abs(np.diff(corners)) * length
    for density in 4.0 ** np.arange(1, 8):
        ends = np.cumsum(np.r_[0, 4 + np.ceil(density * sides)])
        path = np.interp(np.arange(ends[-1] + 1), ends, corners)
        value, _ = _mismatch(kappa, length, mirror, path)
        turns = np.angle(value[1:] / value[:-1])
        if np.abs(turns).max() < 0.8:
            return round(float(turns.sum()) / (2 * pi))
    raise NotConverged(
        f"a threshold mode sits on the edge of the detuning window {low.real:g} to {high.real:g}. "
        "Move the window a little."
    )
