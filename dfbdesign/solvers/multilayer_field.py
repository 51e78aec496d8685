r"""Field of a slab mode, and the exact derivatives of its index that follow from it.

The equation of `multilayer` is stationary in $u$, so any change of the stack changes $N$ by

$$ \delta N \int c\,u^2 = \int u^2\,\delta\varepsilon_o \quad\text{(TE)}, \qquad
\delta N \int c\,u^2 = \int v^2\,\delta\varepsilon_o
+ N \int \frac{u^2}{\varepsilon_e^2}\,\delta\varepsilon_e \quad\text{(TM)}, $$

and a change of $k_0$ alone by $k_0\,\delta N \int c\,u^2 = 2\,\delta k_0 \int a\,v^2$. Nothing is
conjugated, so this holds for lossy, amplifying and leaky modes too. For TM it differs from an
overlap with the field (J. Haes et al., Opt. Quantum Electron. 29, 263 (1997)).
"""

from dataclasses import dataclass
from itertools import pairwise
from math import pi

import numpy as np
from numpy.typing import ArrayLike

from dfbdesign.device import Polarization
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.solvers.multilayer import Complex, Number, Real, Stack, across, decay

NODES = 12
"""Of the quadrature over a layer, or over a piece of a thick one."""
FAR_FIELD_ANGLES = 3601
"""Angles between -90 and 90 degrees at which the far field is looked at."""


@dataclass(frozen=True)
class Profile:
    """Field of one mode; the derivatives of its index follow from it."""

    stack: Stack
    polarization: Polarization
    n_eff: complex
    gamma: Complex
    """Decay constant over k0 in each medium, shape (layer + 2,)."""
    boundary: Complex
    """Fields u and v at each boundary, shape (layer + 1, 2)."""

    def field(self, z: ArrayLike) -> Complex:
        """E_y of a TE, H_y of a TM mode.

        Args:
            z: Height above the substrate's surface, any shape [µm].

        Returns:
            The field, normalised to a largest value of 1 at some boundary of layers.
        """
        height = np.asarray(z, dtype=float)
        edges = np.r_[0.0, np.cumsum(self.stack.thickness)]
        medium = np.searchsorted(edges, height)
        k0 = 2 * pi / self.stack.wavelength
        result = np.empty(height.shape, dtype=complex)
        for m in range(edges.size + 1):
            here = medium == m
            if m == 0:
                result[here] = self.boundary[0, 0] * np.exp(self.gamma[0] * k0 * height[here])
            elif m == edges.size:
                beyond = k0 * (height[here] - edges[-1])
                result[here] = self.boundary[-1, 0] * np.exp(-self.gamma[-1] * beyond)
            else:
                result[here] = self._in_layer(m, k0 * (height[here] - edges[m - 1]))[0]
        return result

    def _in_layer(self, layer: int, zeta: Real) -> tuple[Complex, Complex]:
        """Fields u and v at heights ζ within a layer, stable however fast they decay."""
        a = self.stack.coefficients(self.polarization)[0][layer]
        h = 2 * pi / self.stack.wavelength * self.stack.thickness[layer - 1]
        gamma, (u, v) = self.gamma[layer], self.boundary[layer - 1]
        if abs(gamma * h) < 1:
            u_there, v_there = across(u, v, gamma, a, zeta)
            growth = np.exp(np.abs((gamma * zeta).real))
            return growth * u_there, growth * v_there
        down, up = self._amplitudes(layer)
        down, up = down * np.exp(-gamma * zeta), up * np.exp(-gamma * (h - zeta))
        return down + up, gamma / a * (up - down)

    def _amplitudes(self, layer: int) -> tuple[complex, complex]:
        """Wave that decays upwards, at the bottom; wave that decays downwards, at the top."""
        a = self.stack.coefficients(self.polarization)[0][layer]
        (u, v), (u_top, v_top) = self.boundary[layer - 1 : layer + 1]
        impedance = a / self.gamma[layer]
        return (u - impedance * v) / 2, (u_top + impedance * v_top) / 2

    def spectrum(self, transverse: ArrayLike) -> Complex:
        """Fourier integral of the field over the height, in units of 1/k0.

        Args:
            transverse: Transverse wavenumber over k0, positive upwards, any shape.

        Returns:
            The integral of u exp(-i k0 q z) k0 dz, of the same shape.

        Raises:
            InputError: If the mode is leaky: its field grows without end.
        """
        if np.any(self.gamma[[0, -1]].real <= 0):
            raise InputError(
                "far_field is for guided modes: a leaky one has no end. Choose another."
            )
        q = np.asarray(transverse, dtype=float)
        k0 = 2 * pi / self.stack.wavelength
        edges = k0 * np.r_[0.0, np.cumsum(self.stack.thickness)]
        total = self.boundary[0, 0] / (self.gamma[0] - 1j * q)
        total += self.boundary[-1, 0] * np.exp(-1j * q * edges[-1]) / (self.gamma[-1] + 1j * q)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        for layer, (low, high) in enumerate(pairwise(edges), start=1):
            # Pieces over which the phase turns by less than the nodes resolve.
            pieces = 1 + int((high - low) * (1 + abs(self.gamma[layer])) / NODES)
            ends = np.linspace(low, high, pieces + 1)
            zeta = (
                (ends[1:] + ends[:-1])[:, None] / 2 + np.diff(ends)[:, None] / 2 * nodes
            ).ravel()
            share = (np.diff(ends)[:, None] / 2 * weights).ravel()
            u = self._in_layer(layer, zeta - low)[0]
            total = total + np.exp(-1j * q[..., None] * zeta) @ (share * u)
        return np.asarray(total)

    def far_field(self, angle: ArrayLike) -> Real:
        """Intensity that a cleaved facet sends into air, over its largest value.

        Each plane wave of the field at the facet, times the obliquity cos θ (G. A. Hockham,
        Electron. Lett. 9, 389 (1973), with the facet's reflection left out).

        Args:
            angle: From the normal of the facet, positive upwards, any shape [rad].

        Returns:
            The intensity, of the same shape.

        Raises:
            InputError: If the mode is leaky.
        """
        theta = np.asarray(angle, dtype=float)
        every = np.linspace(-pi / 2, pi / 2, FAR_FIELD_ANGLES)
        here, all_ = (np.abs(np.cos(t) * self.spectrum(np.sin(t))) ** 2 for t in (theta, every))
        return np.asarray(here / all_.max())

    @property
    def far_field_width(self) -> float:
        """Full width at half maximum of the far field [rad]."""
        angle = np.linspace(-pi / 2, pi / 2, FAR_FIELD_ANGLES)
        excess = self.far_field(angle) - 0.5
        above = np.flatnonzero(excess > 0)
        first, last = int(above[0]), int(above[-1])
        rise = np.interp(0, excess[[first - 1, first]], angle[[first - 1, first]])
        fall = np.interp(0, excess[[last + 1, last]], angle[[last + 1, last]])
        return float(fall - rise)

    def _integrals(self) -> tuple[Complex, Complex]:
        """Integrals of u² and v² over each medium, shape (layer + 2,)."""
        a = self.stack.coefficients(self.polarization)[0]
        ends = self.boundary[[0, -1], 0] ** 2 / (2 * self.gamma[[0, -1]])
        uu, vv = np.empty_like(a), np.empty_like(a)
        uu[[0, -1]], vv[[0, -1]] = ends, ends * (self.gamma[[0, -1]] / a[[0, -1]]) ** 2
        nodes, weights = np.polynomial.legendre.leggauss(12)
        for layer, thickness in enumerate(self.stack.thickness, start=1):
            h, gamma = 2 * pi / self.stack.wavelength * thickness, self.gamma[layer]
            if abs(gamma * h) < 1:
                u, v = self._in_layer(layer, h * (1 + nodes) / 2)
                uu[layer], vv[layer] = h / 2 * (weights @ u**2), h / 2 * (weights @ v**2)
                continue
            down, up = self._amplitudes(layer)
            own = (down**2 + up**2) * -np.expm1(-2 * gamma * h) / (2 * gamma)
            mixed = 2 * down * up * h * np.exp(-gamma * h)
            uu[layer], vv[layer] = own + mixed, (gamma / a[layer]) ** 2 * (own - mixed)
        return uu, vv

    def sensitivity(self) -> tuple[Complex, Complex]:
        """Exact derivatives of n_eff with respect to the permittivities.

        Returns:
            With respect to the ordinary and the extraordinary permittivity, shape (layer + 2,).
        """
        uu, vv = self._integrals()
        total = 2 * self.n_eff * np.sum(self.stack.coefficients(self.polarization)[1] * uu)
        if self.polarization == "TE":
            return uu / total, np.zeros_like(uu)
        return vv / total, (self.n_eff / self.stack.extraordinary) ** 2 * uu / total

    def n_group(self, ordinary_slope: ArrayLike, extraordinary_slope: ArrayLike) -> complex:
        """Group index.

        Args:
            ordinary_slope: Derivative of the ordinary permittivity with respect to wavelength,
                shape (layer + 2,) [1/µm].
            extraordinary_slope: The same along z.

        Returns:
            n_eff - wavelength * d(n_eff)/d(wavelength), complex for lossy and leaky modes.
        """
        a, c, _ = self.stack.coefficients(self.polarization)
        uu, vv = self._integrals()
        geometry = np.sum(a * vv) / (self.n_eff * np.sum(c * uu))
        along, across = self.sensitivity()
        material = along @ np.asarray(ordinary_slope) + across @ np.asarray(extraordinary_slope)
        return complex(self.n_eff + geometry - self.stack.wavelength * material)


def profile(stack: Stack, polarization: Polarization, n_eff: complex) -> Profile:
    """Field of a mode that `guided` or `leaky` found.

    Args:
        stack: The multilayer.
        polarization: "TE" or "TM".
        n_eff: Effective index of the mode.

    Returns:
        The field and all that follows from it.

    Raises:
        NotConverged: If the solutions from below and from above do not meet: no mode is there.
    """
    a, c, d = stack.coefficients(polarization)
    square = a * (c * n_eff**2 - d)
    gamma = np.sqrt(square)
    for end, cut_off in zip((0, -1), stack.cut_offs(polarization), strict=True):
        gamma[end] = decay(square[end], outgoing=(n_eff**2).real < cut_off)
    h = 2 * pi / stack.wavelength * stack.thickness
    layers = list(zip(gamma[1:-1], a[1:-1], h, strict=True))
    below, below_log = _march(1 + 0j, gamma[0] / a[0], layers)
    above, above_log = _march(1 + 0j, gamma[-1] / a[-1], layers[::-1])
    above, above_log = above[::-1] * [1, -1], above_log[::-1]  # v is odd in z
    meet = int(np.argmax(below_log + above_log))
    factor = np.vdot(above[meet], below[meet])
    if abs(below[meet] - factor * above[meet]).max() > 1e-5:
        raise NotConverged(f"there is no {polarization} mode at n_eff = {n_eff:.9g}.")
    boundary = np.where(
        (np.arange(len(below)) <= meet)[:, None],
        below * np.exp(below_log - below_log[meet])[:, None],
        factor * above * np.exp(above_log - above_log[meet])[:, None],
    )
    largest = boundary[np.argmax(np.abs(boundary[:, 0])), 0]
    return Profile(stack, polarization, complex(n_eff), gamma, boundary / largest)


def _march(
    u: Number, v: Number, layers: list[tuple[complex, complex, float]]
) -> tuple[Complex, Real]:
    """Fields behind each layer as unit vectors, and the logarithms of their lengths."""
    vectors, logs = [], []
    growth = 0.0
    for gamma, a, h in [(0j, 1 + 0j, 0.0), *layers]:
        u, v = across(u, v, gamma, a, h)
        size = float(np.hypot(abs(u), abs(v)))
        u, v, growth = u / size, v / size, growth + float(np.log(size)) + abs((gamma * h).real)
        vectors.append([u, v])
        logs.append(growth)
    return np.array(vectors), np.array(logs)
