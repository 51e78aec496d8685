r"""Modes of a planar multilayer: guided and leaky, lossy and amplifying, isotropic and uniaxial.

With $\zeta = k_0 z$ and $N = n_\mathrm{eff}^2$ both polarisations obey one equation in each layer,

$$ u' = a\,v, \qquad v' = (N c - d)\,u, $$

| | $u$ | $a$ | $c$ | $d$ |
|---|---|---|---|---|
| TE | $E_y$ | $1$ | $1$ | $\varepsilon_o$ |
| TM | $H_y$ | $\varepsilon_o$ | $1/\varepsilon_e$ | $1$ |

($\varepsilon_o$ in the plane, $\varepsilon_e$ along z), and $u \propto e^{\pm\gamma\zeta}$ with
$\gamma^2 = a(Nc - d)$ in the half-spaces. A guided mode decays into both,
$\mathrm{Re}\,\gamma > 0$. A leaky mode decays into one and radiates into the other, that of higher
index, where $\gamma = -i\sqrt{-\gamma^2}$ is an outgoing wave.

*No mode is missed.* Without gain and loss the nodes of the solution that decays into the substrate
count the modes above any $N$ (Sturm), and bisecting that count separates them however close they
are. With gain or loss the winding of the mode function around a rectangle counts the modes in it
(argument principle); rectangles are split until each holds one.

The matrices are those of J. Chilwell and I. Hodgkinson, J. Opt. Soc. Am. A 1, 742 (1984), and the
search follows E. Anemogiannis and E. N. Glytsis, J. Lightwave Technol. 10, 1344 (1992).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import atan, pi, sqrt, tan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive
from dfbdesign.device import Polarization
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.solvers.analytic_zeros import zeros_in_rectangle

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Number = complex | Real | Complex

LARGEST_LEAK = 0.1
"""Leaky modes are searched up to this imaginary part of n_eff; beyond it they are no resonances."""
NEAREST_CUT_OFF = 1e-9
"""With gain or loss, a mode whose n_eff² is less above the cut-off counts as cut off."""


@dataclass(frozen=True)
class Stack:
    """Plain numbers of a multilayer at one wavelength, from the substrate up.

    Permittivities have shape (layer + 2,) and include the half-spaces, thicknesses (layer,).
    """

    wavelength: float
    """Vacuum wavelength [µm]."""
    thickness: Real
    """Layer thicknesses from the substrate up [µm]."""
    ordinary: Complex
    """Permittivity for fields in the plane."""
    extraordinary: Complex
    """Permittivity for fields along z."""

    @staticmethod
    def of(
        wavelength: float,
        thickness: ArrayLike,
        index: ArrayLike,
        extraordinary: ArrayLike | None = None,
    ) -> "Stack":
        """Stack of refractive indices.

        Args:
            wavelength: Vacuum wavelength [µm].
            thickness: Layer thicknesses from the substrate up, shape (layer,) [µm].
            index: Substrate, layers, superstrate, shape (layer + 2,).
            extraordinary: Index along z of the same shape; as `index` if left out.

        Returns:
            The stack.

        Raises:
            InputError: If shapes disagree, a thickness is not positive or a half-space amplifies.
        """
        along = index if extraordinary is None else extraordinary
        return Stack(
            wavelength,
            np.atleast_1d(np.asarray(thickness, dtype=float)),
            np.asarray(index, dtype=complex) ** 2,
            np.asarray(along, dtype=complex) ** 2,
        )

    def __post_init__(self) -> None:
        positive("wavelength (in um)", self.wavelength)
        shape = (self.thickness.size + 2,)
        if self.ordinary.shape != shape or self.extraordinary.shape != shape:
            raise InputError(
                f"index must hold substrate, {self.thickness.size} layers and superstrate, "
                f"got {self.ordinary.size} and {self.extraordinary.size} values."
            )
        for thickness in self.thickness:
            positive("thickness (in um)", float(thickness))
        if np.any(self.ordinary[[0, -1]].imag < 0) or np.any(self.extraordinary[[0, -1]].imag < 0):
            raise InputError("index of a half-space must not amplify. Put the gain into a layer.")

    def coefficients(self, polarization: Polarization) -> tuple[Complex, Complex, Complex]:
        """The coefficients a, c, d of the module's equation, each of shape (layer + 2,)."""
        one = np.ones_like(self.ordinary)
        if polarization == "TE":
            return one, one, self.ordinary
        return self.ordinary, 1 / self.extraordinary, one

    def cut_offs(self, polarization: Polarization) -> tuple[float, float]:
        """Real part of n_eff² below which the substrate and the superstrate carry waves away."""
        half_space = self.ordinary if polarization == "TE" else self.extraordinary
        return float(half_space[0].real), float(half_space[-1].real)


def hyperbolic(x: Complex) -> tuple[Complex, Complex, Complex]:
    """e^(-x), s = sinh(x)/x and (cosh x - s)/x², all times exp(-|Re x|); regular at 0."""
    size = np.abs(x.real)
    up = np.asarray(np.exp(x - size), dtype=complex)
    down = np.asarray(np.exp(-x - size), dtype=complex)
    small = np.abs(x) < 0.3
    divisor, square = np.where(small, 1, x), np.where(small, x, 0) ** 2
    order = np.arange(8)
    factorial = np.cumprod(np.r_[1.0, np.arange(2, 18)])[2 * order]  # (2k + 1)!
    series = np.polynomial.polynomial.polyval(square, 1 / factorial) * np.exp(-size)
    sinhc = np.where(small, series, (up - down) / (2 * divisor))
    series = np.polynomial.polynomial.polyval(square, (2 * order / factorial)[1:]) * np.exp(-size)
    third = np.where(small, series, ((up + down) / 2 - sinhc) / divisor**2)
    return down, sinhc, third


def across(
    u: Number, v: Number, gamma: Number, a: complex, h: float | Real
) -> tuple[Complex, Complex]:
    """Fields a height h above (over k0) in one medium, times exp(-|Re γh|).

    The growing part enters both through one number, γu + av. So u and v keep their ratio when
    that part is all but cancelled, as it is behind a barrier at a mode.
    """
    down, sinhc, _ = hyperbolic(np.asarray(gamma * h, dtype=complex))
    grown = h * sinhc * (gamma * u + a * v)
    return np.asarray(down * u + grown), np.asarray(down * v + gamma / a * grown)


def decay(square: Complex, outgoing: bool) -> Complex:
    """Decay constant of a half-space: decaying, or a wave that travels away from the layers."""
    return np.asarray(-1j * np.sqrt(-square) if outgoing else np.sqrt(square))


def _mode_function(
    stack: Stack, polarization: Polarization, n_squared: Complex, outgoing: tuple[bool, bool]
) -> tuple[Complex, Complex]:
    """A function that vanishes at modes, and its derivative, both times one positive number.

    Args:
        stack: The multilayer.
        polarization: "TE" or "TM".
        n_squared: Squared effective index, any shape.
        outgoing: Whether the substrate's and the superstrate's wave is outgoing, not decaying.
    """
    a, c, d = stack.coefficients(polarization)
    k0 = 2 * pi / stack.wavelength
    square = a[:, None] * (c[:, None] * n_squared.ravel() - d[:, None])
    gamma_s, gamma_c = decay(square[0], outgoing[0]), decay(square[-1], outgoing[1])
    u, v = np.ones_like(gamma_s), gamma_s / a[0]
    du, dv = np.zeros_like(u), c[0] / (2 * gamma_s)
    for layer, thickness in enumerate(stack.thickness, start=1):
        h, gamma = k0 * thickness, np.sqrt(square[layer])
        admittance, dgamma = gamma / a[layer], a[layer] * c[layer] / (2 * gamma)
        down, sinhc, third = hyperbolic(gamma * h)
        grown = gamma * u + a[layer] * v  # as in `across`, and its derivative
        dgrown = dgamma * u + gamma * du + a[layer] * dv
        rise = h * sinhc * grown
        drise = h * sinhc * dgrown + h**3 * a[layer] * c[layer] / 2 * third * grown
        du, dv = (
            down * (du - h * dgamma * u) + drise,
            down * (dv - h * dgamma * v) + admittance * drise + dgamma / a[layer] * rise,
        )
        u, v = down * u + rise, down * v + admittance * rise
        size = np.hypot(np.abs(u), np.abs(v))
        u, v, du, dv = u / size, v / size, du / size, dv / size
    value = v + gamma_c / a[-1] * u
    slope_at = dv + gamma_c / a[-1] * du + c[-1] / (2 * gamma_c) * u
    return value.reshape(n_squared.shape), slope_at.reshape(n_squared.shape)


def _modes_above(stack: Stack, polarization: Polarization, n_squared: Real) -> NDArray[np.int64]:
    """Modes of a lossless stack above n_eff²: nodes of the solution from below (Sturm)."""
    a, c, d = (x.real[:, None] for x in stack.coefficients(polarization))
    square = a * (c * n_squared - d)
    u, v = np.ones_like(n_squared), np.sqrt(np.maximum(square[0], 0)) / a[0]
    nodes = np.zeros(n_squared.shape, dtype=np.int64)
    for layer, thickness in enumerate(stack.thickness, start=1):
        h = 2 * pi / stack.wavelength * thickness
        x = np.sqrt(np.abs(square[layer])) * h
        wave = square[layer] < 0
        ratio = np.where(wave, x / (h * a[layer]), 1)
        angle = np.arctan2(ratio * u, v) % pi + x
        gamma = np.asarray(np.where(wave, 0, x / h), dtype=complex)
        u_grown, v_grown = (y.real for y in across(u, v, gamma, complex(a[layer, 0]), h))
        u = np.where(wave, np.sin(angle % pi) / ratio, u_grown)
        v = np.where(wave, np.cos(angle % pi), v_grown)
        nodes += np.where(wave, (angle // pi).astype(np.int64), u < 0)
        sign_and_size = np.where(u < 0, -1, 1) * np.hypot(u, v)
        u, v = u / sign_and_size, v / sign_and_size
    last = v + np.sqrt(np.maximum(square[-1], 0)) / a[-1] * u
    return np.asarray(nodes + (last < 0))


def _lossless_modes(stack: Stack, polarization: Polarization) -> Real:
    """Squared indices of all guided modes of a lossless stack, by bisection of their number."""
    floor = max(stack.cut_offs(polarization))
    limit = stack.ordinary if polarization == "TE" else stack.extraordinary
    number = int(_modes_above(stack, polarization, np.array([floor]))[0])
    order = np.arange(number)
    low, high = np.full(number, floor), np.full(number, float(limit.real.max()))
    for _ in range(60):  # to the last bit
        middle = (low + high) / 2
        above = _modes_above(stack, polarization, middle) > order
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray((low + high) / 2)


def _search_area(stack: Stack, polarization: Polarization) -> tuple[float, float]:
    """Largest real and imaginary part a guided mode's n_eff² can have, with some room.

    TE: the mean of the permittivity over |u|² bounds n_eff². TM: with losses below an angle θ,
    n_eff² = (1 - q) A / S, where Re q and the angles of q and S are bounded by θ.
    """
    if polarization == "TE":
        top, side = float(stack.ordinary.real.max()), float(np.abs(stack.ordinary.imag).max())
    else:
        both = np.r_[stack.ordinary, stack.extraordinary]
        angle = float(np.abs(np.angle(both)).max())
        if angle > 0.7:
            raise InputError(
                "index of a layer must be dielectric for TM (n'' below 0.36 n'), got "
                f"{np.sqrt(both[np.argmax(np.abs(np.angle(both)))]):.4g}. Solve for TE."
            )
        weight = float((1 / stack.extraordinary).real.min())
        top = sqrt(1 + tan(2 * angle) ** 2 / 4) / weight
        side = (tan(2 * angle) / 2 + atan(angle)) / weight
    room = 0.05 * top
    return top + room, side + room


def _roots(n_squared: Iterable[complex]) -> Complex:
    found = np.array(sorted(n_squared, key=lambda n2: -n2.real), dtype=np.complex128)
    return np.asarray(np.sqrt(found))


def guided(stack: Stack, polarization: Polarization) -> Complex:
    """Effective indices of all guided modes.

    A mode counts as guided when it decays into both half-spaces and its n_eff² has a real part
    above theirs.

    Args:
        stack: The multilayer.
        polarization: "TE" or "TM".

    Returns:
        Complex n_eff, largest real part first, shape (mode,); empty when nothing is guided.

    Raises:
        InputError: If a layer is metallic and TM is asked for.
        NotConverged: If modes cannot be separated; the message says which.

    Examples:
        >>> film = Stack.of(1.66, [0.16], [1.7442, 2.6, 1.0])
        >>> guided(film, "TE").round(4)
        array([1.8764+0.j])
    """
    floor = max(stack.cut_offs(polarization))
    both = np.r_[stack.ordinary, stack.extraordinary]
    if not np.any(both.imag) and (polarization == "TE" or np.all(both.real > 0)):
        return _roots(_lossless_modes(stack, polarization))
    top, side = _search_area(stack, polarization)
    if top <= floor:
        return _roots([])
    found = zeros_in_rectangle(
        lambda n2: _mode_function(stack, polarization, n2, (False, False)),
        complex(floor + NEAREST_CUT_OFF, -side),
        complex(top, 1.03 * side),  # lopsided: keeps samples off the branch point
    )
    return _roots(found)


def leaky(stack: Stack, polarization: Polarization) -> Complex:
    """Effective indices of the modes that radiate into the half-space of higher index alone.

    Args:
        stack: The multilayer.
        polarization: "TE" or "TM".

    Returns:
        Complex n_eff between the two cut-offs, up to an imaginary part of `LARGEST_LEAK`, largest
        real part first, shape (mode,).

    Raises:
        InputError: If a layer is metallic and TM is asked for.
        NotConverged: If modes cannot be separated; the message says which.

    Examples:
        A silica film on silicon leaks, though light is totally reflected at its top.

        >>> leaky(Stack.of(1.55, [4.0], [3.478, 1.444, 1.0]), "TE")[0].round(4)
        np.complex128(1.4324+0.0004j)
    """
    cut_offs = stack.cut_offs(polarization)
    low, high = sorted(cut_offs)
    if low == high:
        return _roots([])
    outgoing = (cut_offs[0] == high, cut_offs[1] == high)
    _, side = _search_area(stack, polarization)
    found = zeros_in_rectangle(
        lambda n2: _mode_function(stack, polarization, n2, outgoing),
        complex(low, -side),
        complex(high, 1.03 * side + 2 * sqrt(high) * LARGEST_LEAK),
    )
    n_eff = _roots(found)
    return n_eff[n_eff.imag < LARGEST_LEAK]


def cutoff_thickness(stack: Stack, polarization: Polarization, layer: int, order: int = 0) -> float:
    """Thickness of one layer below which a mode is not guided, all others kept.

    Gain and loss are left out: they decide how far, not whether, a mode reaches into a half-space.

    Args:
        stack: The multilayer; the thickness it gives this layer does not matter.
        polarization: "TE" or "TM".
        layer: The layer, counted from 1 at the substrate.
        order: The mode, 0 for the fundamental.

    Returns:
        Cut-off thickness [µm]; 0 if the mode is guided however thin the layer.

    Raises:
        NoGuidedMode: If the layer's index is below a half-space's, so no thickness helps.

    Examples:
        >>> film = Stack.of(1.66, [0.16], [1.7442333, 2.6, 1.0])
        >>> round(cutoff_thickness(film, "TE", layer=1) / nm, 1)
        87.4
    """
    real = replace(
        stack,
        ordinary=np.asarray(stack.ordinary.real, dtype=complex),
        extraordinary=np.asarray(stack.extraordinary.real, dtype=complex),
    )
    floor = max(real.cut_offs(polarization))
    a, c, d = (float(x[layer].real) for x in real.coefficients(polarization))
    square = a * (c * floor - d)
    if square >= 0:
        raise NoGuidedMode(
            f"no thickness of layer {layer} guides a {polarization} mode: its index "
            f"{sqrt(d / c):.4f} is not above the half-spaces' {sqrt(floor):.4f}."
        )
    half_turn = stack.wavelength / (2 * sqrt(-square))
    low, high = 0.0, (order + 2) * half_turn
    for _ in range(60):
        middle = (low + high) / 2
        thickness = stack.thickness.copy()
        thickness[layer - 1] = middle
        guides = _modes_above(replace(real, thickness=thickness), polarization, np.array([floor]))
        low, high = (low, middle) if guides[0] > order else (middle, high)
    return high if high > 1e-12 * half_turn else 0.0  # below that it is rounding
