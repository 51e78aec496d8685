r"""One grating period in a Fourier basis: the matrix whose zeros are the Bloch modes.

Within a layer the field $u$ ($E_y$ for TE, $H_y$ for TM), expanded in $n$ lateral functions, obeys

$$ (P u')' = M u, \qquad
   \text{TE: } P = 1,\ M = K_x^2 - k^2[\epsilon]; \qquad
   \text{TM: } P = [1/\epsilon_x],\ M = K_x[\epsilon_z]^{-1}K_x - k^2 , $$

with $k = \omega/c$ and $[\cdot]$ the Toeplitz matrix of Fourier coefficients; the TM form follows
the inverse rule (Li, J. Opt. Soc. Am. A 13, 1870 (1996), eq. 30). With $P^{-1}M = W\gamma^2W^{-1}$
the outward fluxes $\pm P u'$ at both faces of a layer of thickness $d$ are

$$ \begin{pmatrix} T & -C \\ -C & T \end{pmatrix}\begin{pmatrix} u_0 \\ u_1 \end{pmatrix},
   \quad T = P W\,\gamma\coth\gamma d\;W^{-1},
   \quad C = P W\,\gamma\,\mathrm{csch}\,\gamma d\;W^{-1}.$$

Both are even in $\gamma$, so only the two outer half-spaces need a branch: they carry
$p\gamma u$ with $\gamma = e^{-i\pi/4}\sqrt{i\gamma^2}$, which decays for evanescent orders and is
outgoing ($-i k_z$) for radiating ones; its cuts run down from the Rayleigh anomalies into the lower
half of the k plane. Summing the fluxes at every interface gives the complex symmetric
matrix $F(k)$; a mode is $F(k)x = 0$. Because $F$ is the stationary value of
$\int (u'^T P u' + u^T M u)\,dz$, every derivative follows from the mode field alone:

$$ x^T \frac{\partial F}{\partial p} x = \int \Big(u'^T \frac{\partial P}{\partial p} u'
   + u^T \frac{\partial M}{\partial p} u\Big) dz + \text{half-spaces.} $$

A cell with mirror symmetry splits into cosines and sines at the centre and the edge of the
Brillouin zone; elsewhere the basis is $\exp i(q + mK)x$, and the field of the mirrored period,
which $x^T$ stands for, has the same amplitudes.
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, Layer
from dfbdesign.solvers.media import Medium, amplified, medium

Complex = NDArray[np.complex128]
Parity = Literal["even", "odd", "none"]


@dataclass(frozen=True)
class Basis:
    """Lateral functions of one symmetry: cosines, sines, or all plane waves."""

    period: float
    wavevector: float
    """Bloch wavevector in units of 2π/period, from the zone centre."""
    parity: Parity
    harmonics: int
    """Largest harmonic kept."""

    @cached_property
    def lateral(self) -> NDArray[np.float64]:
        """Lateral wavenumbers, shape (n,) [1/µm]."""
        m = np.arange(-self.harmonics, self.harmonics + 1)
        if self.parity != "none":
            m = m[m + self.wavevector > (0 if self.parity == "odd" else -0.25)]
        return np.asarray(2 * pi / self.period * (m + self.wavevector))

    @cached_property
    def _orders(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Differences of Fourier index for the direct and the mirrored product, each (n, n)."""
        m = self.lateral * self.period / (2 * pi)
        direct = np.rint(np.abs(m[:, None] - m[None, :])).astype(int)
        mirrored = np.rint(np.abs(m[:, None] + m[None, :])).astype(int)
        return direct, mirrored

    def matrix(self, contrast: Complex, mean_outside: Complex, duty: float) -> Complex:
        """Matrix of a line of given contrast on a background, in this basis.

        Args:
            contrast: Value in the line minus value beside it, shape (...).
            mean_outside: Value beside the line, shape (...).
            duty: Line width over period; the line is centred at x = 0.

        Returns:
            Shape (..., n, n).
        """
        direct, mirrored = self._orders
        overlap = duty * np.sinc(duty * direct)  # sin(π n D)/(π n)
        if self.parity != "none":
            sign = 1 if self.parity == "even" else -1
            overlap = overlap + sign * duty * np.sinc(duty * mirrored)
            norm = np.where(self.lateral == 0, np.sqrt(0.5), 1.0)  # 1 beside √2 cos(mKx)
            overlap = overlap * norm[:, None] * norm[None, :]
        identity = np.eye(len(self.lateral))
        return np.asarray(
            mean_outside[..., None, None] * identity + contrast[..., None, None] * overlap
        )

    @cached_property
    def derivative(self) -> tuple["Basis", NDArray[np.float64]]:
        """The basis of lateral derivatives (the other parity), and Kx into it, shape (other, n)."""
        if self.parity == "none":
            return self, np.diag(self.lateral)
        other = replace(self, parity="odd" if self.parity == "even" else "even")
        # cosines hold a constant more, which no derivative of a sine reaches
        K = np.where(np.isclose(other.lateral[:, None], self.lateral), self.lateral, 0.0)
        return other, K

    def functions(self, x: NDArray[np.float64]) -> Complex:
        """The lateral functions at positions x.

        Args:
            x: Positions from the line centre, shape (point,) [µm].

        Returns:
            Shape (point, n).
        """
        phase = np.outer(x, self.lateral)
        if self.parity == "none":
            return np.asarray(np.exp(1j * phase))
        norm = np.where(self.lateral == 0, 1.0, np.sqrt(2))
        return np.asarray(norm * (np.cos if self.parity == "even" else np.sin)(phase) + 0j)


def outgoing_root(square: Complex) -> Complex:
    """Root γ of γ² that decays (Re γ > 0) or is outgoing (Im γ < 0) in a half-space.

    Args:
        square: γ², shape (...) [1/µm²].

    Returns:
        γ, continued analytically across the real k axis; the cuts run down from the anomalies.
    """
    return np.asarray(np.exp(-0.25j * pi) * np.sqrt(1j * square))


@dataclass(frozen=True)
class Slice:
    """One layer at one wavenumber (or an array of them): operators, their modes, and heights."""

    thickness: float
    duty: float
    background: Medium
    line: Medium
    background_gain: bool
    line_gain: bool
    P: Complex
    M: Complex
    W: Complex
    W_inverse: Complex
    gamma: Complex

    @property
    def decay(self) -> Complex:
        """exp(-γ d), shape (..., n)."""
        return np.asarray(np.exp(-self.gamma * self.thickness))

    def fluxes(self) -> tuple[Complex, Complex]:
        """T and C of the module docstring, shape (..., n, n) each."""
        e = self.decay
        denominator = -np.expm1(-2 * self.gamma * self.thickness)
        frame = self.P @ self.W
        T = (frame * (self.gamma * (1 + e**2) / denominator)[..., None, :]) @ self.W_inverse
        C = (frame * (self.gamma * 2 * e / denominator)[..., None, :]) @ self.W_inverse
        return T, C

    def log_pole_factor(self) -> Complex:
        """Logarithm of Π sinh(γd)/γd, which removes the poles of det F; shape (...)."""
        phase = self.gamma * self.thickness
        return np.asarray(np.sum(phase + np.log(-np.expm1(-2 * phase) / (2 * phase)), axis=-1))

    def profile(
        self, lower: Complex, upper: Complex, z: NDArray[np.float64]
    ) -> tuple[Complex, Complex]:
        """Field and its slope inside the layer, from the field at its faces.

        Args:
            lower: u at the lower face, shape (n,).
            upper: u at the upper face, shape (n,).
            z: Heights above the lower face, shape (height,) [µm].

        Returns:
            u and du/dz, shape (height, n) each.
        """
        a0, a1 = self.W_inverse @ lower, self.W_inverse @ upper
        gamma, d, z = self.gamma, self.thickness, z[:, None]
        scale = 1 / -np.expm1(-2 * gamma * d)
        # sinh(γ(d-z))/sinh(γd) and sinh(γz)/sinh(γd), free of overflow.
        down = np.exp(-gamma * z), np.exp(-gamma * (2 * d - z))
        up = np.exp(-gamma * (d - z)), np.exp(-gamma * (d + z))
        u = scale * ((down[0] - down[1]) * a0 + (up[0] - up[1]) * a1)
        slope = scale * gamma * (-(down[0] + down[1]) * a0 + (up[0] + up[1]) * a1)
        return u @ self.W.T, slope @ self.W.T


@dataclass(frozen=True)
class Cell:
    """One period of a device in one basis, ready to be evaluated at wavenumbers k."""

    device: Device
    basis: Basis
    gain: float = 0.0
    """Material gain added to the gain layers [1/µm]."""
    about: float | None = None
    """Wavenumber the dispersion is continued from; `None` for the real part of each k."""

    def at(self, wavenumber: Complex) -> "System":
        """The period at wavenumbers k = ω/c.

        Args:
            wavenumber: Complex, shape (...) [1/µm].

        Returns:
            Operators and matrix at these wavenumbers.
        """
        k = np.asarray(wavenumber, dtype=complex)
        slices = tuple(self._slice(layer, k) for layer in self.device.layers)
        ends = self.device.substrate.material, self.device.superstrate.material
        lower, upper = (medium(material, k, self.about) for material in ends)
        return System(self, k, slices, lower, upper)

    def _slice(self, layer: Layer, k: Complex) -> Slice:
        background = medium(layer.material, k, self.about)
        if layer.gain:
            background = amplified(background, k, self.gain)
        line, duty, line_gain = background, 0.0, False
        if layer.lines is not None:
            duty, line_gain = layer.lines.duty, layer.lines.gain
            line = medium(layer.lines.material, k, self.about)
            if line_gain:
                line = amplified(line, k, self.gain)
        P, M = self._operators(background, line, duty, k)
        if duty in (0.0, 1.0):  # uniform: the lateral functions are the modes
            square = np.diagonal(M, axis1=-2, axis2=-1) / np.diagonal(P, axis1=-2, axis2=-1)
            W = W_inverse = np.broadcast_to(np.eye(P.shape[-1]) + 0j, P.shape)
        else:
            square, W = np.linalg.eig(np.linalg.solve(P, M))
            W_inverse = np.linalg.inv(W)
        return Slice(
            layer.thickness,
            duty,
            background,
            line,
            layer.gain,
            line_gain,
            P,
            M,
            W,
            W_inverse,
            np.sqrt(square),
        )

    def _operators(
        self, background: Medium, line: Medium, duty: float, k: Complex
    ) -> tuple[Complex, Complex]:
        lateral = self.basis.lateral
        square = k[..., None, None] ** 2
        if self.device.polarization == "TE":
            e, e_line = background.ordinary, line.ordinary
            permittivity = self.basis.matrix(e_line - e, e, duty)
            unity = np.broadcast_to(np.eye(len(lateral)) + 0j, permittivity.shape)
            return unity, np.diag(lateral**2) - square * permittivity
        inverse, inverse_line = 1 / background.ordinary, 1 / line.ordinary
        normal = self.basis.matrix(inverse_line - inverse, inverse, duty)
        e, e_line = background.extraordinary, line.extraordinary
        other, K = self.basis.derivative
        along = np.linalg.inv(other.matrix(e_line - e, e, duty))
        return normal, K.T @ along @ K - square * np.eye(len(lateral))


_gauss = cache(np.polynomial.legendre.leggauss)


def _heights(phase: Complex) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre rule for squares of fields that turn and decay by a complex phase γd."""
    turns, decay = float(np.abs(phase.imag).max()), float(phase.real.max())
    # near its ends the rule is dense as the square of its order: so is what a decay needs
    nodes, weights = _gauss(16 + 8 * int((2 * turns + 4 * np.sqrt(decay)) / 8))
    return nodes, weights


@dataclass(frozen=True)
class Field:
    """Lateral amplitudes of a mode at the interfaces and at quadrature heights in the layers."""

    interfaces: Complex
    """u at the interfaces from the substrate up, shape (interface, n)."""
    u: tuple[Complex, ...]
    """u at the heights of each layer, shape (height, n)."""
    slope: tuple[Complex, ...]
    """du/dz at the heights of each layer, shape (height, n)."""
    weights: tuple[NDArray[np.float64], ...]
    """Quadrature weights of the heights, shape (height,) [µm]."""


@dataclass(frozen=True)
class System:
    """A cell at wavenumbers k: the matrix F(k), fields, and derivatives of the modes."""

    cell: Cell
    k: Complex
    slices: tuple[Slice, ...]
    lower: Medium
    upper: Medium

    def _outer(self, medium: Medium) -> Complex:
        """Outward flux p γ of a half-space per lateral function, shape (..., n)."""
        lateral, k = self.cell.basis.lateral, self.k[..., None]
        o, e = medium.ordinary[..., None], medium.extraordinary[..., None]
        if self.cell.device.polarization == "TE":
            return outgoing_root(lateral**2 - k**2 * o)
        return outgoing_root((lateral**2 / e - k**2) * o) / o

    def decay_rates(self) -> tuple[Complex, Complex]:
        """γ of the substrate and of the superstrate, shape (..., n) each [1/µm]."""
        te = self.cell.device.polarization == "TE"
        lower, upper = self._outer(self.lower), self._outer(self.upper)
        if te:
            return lower, upper
        return lower * self.lower.ordinary[..., None], upper * self.upper.ordinary[..., None]

    def matrix(self) -> Complex:
        """F(k), shape (..., n (layers + 1), n (layers + 1))."""
        n = len(self.cell.basis.lateral)
        size = n * (len(self.slices) + 1)
        F = np.zeros((*self.k.shape, size, size), dtype=complex)
        for number, layer in enumerate(self.slices):
            low, high = (
                slice(number * n, (number + 1) * n),
                slice((number + 1) * n, (number + 2) * n),
            )
            T, C = layer.fluxes()
            F[..., low, low] += T
            F[..., high, high] += T
            F[..., low, high] -= C
            F[..., high, low] -= C
        diagonal = np.arange(n)
        F[..., diagonal, diagonal] += self._outer(self.lower)
        F[..., size - n + diagonal, size - n + diagonal] += self._outer(self.upper)
        return F

    def log_pole_factor(self) -> Complex:
        """Logarithm of the factor that makes det F free of poles, shape (...)."""
        return np.asarray(sum(layer.log_pole_factor() for layer in self.slices))

    def field(self, vector: Complex) -> Field:
        """Field of a mode inside the layers.

        Args:
            vector: u at all interfaces, shape (n (layers + 1),).

        Returns:
            The field at Gauss-Legendre heights, enough of them to integrate products of it.
        """
        u = vector.reshape(len(self.slices) + 1, -1)
        parts = []
        for layer, lower, upper in zip(self.slices, u[:-1], u[1:], strict=True):
            nodes, weights = _heights(layer.gamma * layer.thickness)
            z = layer.thickness * (nodes + 1) / 2
            parts.append((*layer.profile(lower, upper, z), layer.thickness * weights / 2))
        return Field(u, *(tuple(part) for part in zip(*parts, strict=True)))

    def wavenumber_form(self, field: Field) -> complex:
        """x^T (dF/dk) x, dispersion included.

        Args:
            field: The mode.

        Returns:
            The form [1/µm × field²].
        """
        total = self._layers_form(
            field,
            [(layer.background, layer.line) for layer in self.slices],
            explicit=1.0,
        )
        for medium_, u in ((self.lower, field.interfaces[0]), (self.upper, field.interfaces[-1])):
            total += np.sum(u * self._outer_slope(medium_) * u)
        return complex(total)

    def gain_form(self, field: Field) -> complex:
        """x^T (dF/dg) x for material gain g of the gain layers.

        Args:
            field: The mode.

        Returns:
            The form; zero when no layer carries gain.
        """

        def change(medium_: Medium, active: bool) -> Medium:
            o = -1j * np.sqrt(medium_.ordinary) / self.k * active
            e = -1j * np.sqrt(medium_.extraordinary) / self.k * active
            return replace(medium_, ordinary_slope=o, extraordinary_slope=e)

        changes = [
            (change(part.background, part.background_gain), change(part.line, part.line_gain))
            for part in self.slices
        ]
        return complex(self._layers_form(field, changes, explicit=0.0))

    def _layers_form(
        self, field: Field, changes: list[tuple[Medium, Medium]], explicit: float
    ) -> complex:
        """Integral of u'ᵀ dP u' + uᵀ dM u for permittivity slopes, plus the explicit dk²."""
        basis, k = self.cell.basis, self.k
        lateral, te = basis.lateral, self.cell.device.polarization == "TE"
        total = 0j
        for number, (layer, (background, line)) in enumerate(
            zip(self.slices, changes, strict=True)
        ):
            u, slope, weights = field.u[number], field.slope[number], field.weights[number]
            dP = np.zeros_like(layer.P)
            if te:
                slopes = background.ordinary_slope, line.ordinary_slope
                permittivity = (np.diag(lateral**2) - layer.M) / k**2
                change = basis.matrix(slopes[1] - slopes[0], slopes[0], layer.duty)
                dM = -(k**2) * change - 2 * k * explicit * permittivity
            else:
                inverse = [-m.ordinary_slope / m.ordinary**2 for m in (background, line)]
                dP = basis.matrix(inverse[1] - inverse[0], inverse[0], layer.duty)
                dM = self._tm_change(layer, background, line) - 2 * k * explicit * np.eye(
                    len(lateral)
                )
            total += np.einsum("z,zi,zi->", weights, u @ dM, u)
            total += np.einsum("z,zi,zi->", weights, slope @ dP, slope)
        return complex(total)

    def _tm_change(self, layer: Slice, background: Medium, line: Medium) -> Complex:
        """Change of Kx [εz]⁻¹ Kx for permittivity slopes, shape (n, n)."""
        other, K = self.cell.basis.derivative
        e, e_line = layer.background.extraordinary, layer.line.extraordinary
        slope, slope_line = background.extraordinary_slope, line.extraordinary_slope
        inverse = np.linalg.inv(other.matrix(e_line - e, e, layer.duty))
        change = other.matrix(slope_line - slope, slope, layer.duty)
        return np.asarray(-K.T @ inverse @ change @ inverse @ K)

    def _outer_slope(self, medium_: Medium) -> Complex:
        """Derivative of p γ of a half-space against k, shape (n,)."""
        lateral, k = self.cell.basis.lateral, self.k
        o, e = medium_.ordinary, medium_.extraordinary
        do, de = medium_.ordinary_slope, medium_.extraordinary_slope
        if self.cell.device.polarization == "TE":
            return np.asarray(-(2 * k * o + k**2 * do) / (2 * self._outer(medium_)))
        # (p γ)² = (K²/ε_z - k²)/ε_x
        change = (-(lateral**2) * de / e**2 - 2 * k) / o - (lateral**2 / e - k**2) * do / o**2
        return np.asarray(change / (2 * self._outer(medium_)))
