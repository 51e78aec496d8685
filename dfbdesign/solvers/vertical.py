"""Vertical modes of one slice: how a field and its fluxes depend on the height.

See `dfbdesign.solvers.modal` for the equations. The first axis of every array counts solves.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.once import once

Index = NDArray[np.int64] | slice


@dataclass(frozen=True)
class Modes:
    """Vertical modes of one slice: γ, and how they are made of lateral functions."""

    gamma: Complex
    """Shape (solve, n) [1/µm]."""
    thickness: Real
    """Shape (solve, 1) [µm]."""
    table: Complex
    """`across` of both, shape (5, solve, n)."""
    weight: Complex | None = None
    """1/ε_x of a uniform slice in TM, shape (solve, 1)."""
    W: Complex | None = None
    """Columns are modes, shape (solve, n, n); `None` for a uniform slice, whose modes are the
    lateral functions."""
    inverse: Complex | None = None
    PW: Complex | None = None
    left: Complex | None = None
    """Columns are the left modes (P W)⁻ᵀ."""

    @once
    def diagonals(self) -> tuple[Complex, Complex]:
        """T and C of a uniform slice, which are diagonal, shape (solve, n) each."""
        _, t, c, _, _ = self.table
        return (t, c) if self.weight is None else (self.weight * t, self.weight * c)

    @once
    def fluxes(self) -> tuple[Complex, Complex]:
        """T and C of the module docstring, shape (solve, n, n) each."""
        if self.PW is None or self.inverse is None:
            t, c = self.diagonals
            one = np.eye(t.shape[-1])
            return t[..., None] * one, c[..., None] * one
        _, t, c, _, _ = self.table
        return (self.PW * t[:, None, :]) @ self.inverse, (self.PW * c[:, None, :]) @ self.inverse

    def log_pole_factor(self) -> Complex:
        """Logarithm of Π sinh(γd)/γd, which removes the poles of det F; shape (solve,)."""
        phase = self.gamma * self.thickness
        return np.asarray(np.sum(phase + np.log(-np.expm1(-2 * phase) / (2 * phase)), axis=-1))

    def _coefficients(self, u: Complex) -> Complex:
        return u if self.inverse is None else u @ np.swapaxes(self.inverse, -1, -2)

    def grams(self, u: Complex, v: Complex, slopes: bool) -> tuple[Complex, Complex]:
        r"""Integrals of products of a field and a left field over the height, in closed form.

        Between modes i and j, $(\gamma_i^2 - \gamma_j^2)\int b_i a_j = [b_i' a_j - b_i a_j']$ and
        $\int b_i' a_j' = [b_i' a_j] - \gamma_i^2\int b_i a_j$.

        Args:
            u: Field at the lower and the upper face, shape (solve, 2, n).
            v: Left field there.
            slopes: Whether the second is wanted.

        Returns:
            ∫ v u^T dz and ∫ v' u'^T dz, shape (solve, n, n) each; of a uniform slice the diagonals,
            shape (solve, n). Without slopes the second is nothing.
        """
        q, t, c, t_slope, c_slope = self.table
        if self.W is None or self.left is None or self.PW is None:
            values = t_slope * (v * u).sum(axis=1) - c_slope * (v * u[:, ::-1]).sum(axis=1)
            if not slopes:
                return values, values[:, :0]
            rises = t * (v * u).sum(axis=1) - c * (v * u[:, ::-1]).sum(axis=1)
            return values, rises - q * values
        a, b = self._coefficients(u), v @ self.PW
        modal = self._between(b, a, slice(None), slice(None))
        right = np.swapaxes(self.W, -1, -2)
        found = self.left @ modal @ right
        if not slopes:
            return found, found[:, :0]
        outward = t[:, None] * b - c[:, None] * b[:, ::-1]  # slopes of the left modes
        faces = np.swapaxes(outward, -1, -2) @ a
        return found, self.left @ (faces - q[:, :, None] * modal) @ right

    def _between(self, b: Complex, a: Complex, left: Index, right: Index) -> Complex:
        """∫ b_i a_j dz of the modes of some solves and of others, given at both faces."""
        first, second = self.table[:, left, :, None], self.table[:, right, None, :]
        gap, *differences = first[:3] - second[:3]
        means = (first[3:] + second[3:]) / 2
        near = np.abs(gap) < 1e-4 * np.abs(first[0])
        t, c = np.where(near, means, np.array(differences) / np.where(near, 1.0, gap))
        rows = np.swapaxes(b, -1, -2)
        return np.asarray(t * (rows @ a) - c * (rows @ a[:, ::-1]))

    def product(self, u: Complex, left: Index, right: Index) -> Complex:
        """Integrals of products of two fields of the slice, in closed form.

        Args:
            u: Fields at the lower and the upper face, shape (solve, 2, n).
            left: Places of the first fields, shape (pair,).
            right: Places of the second.

        Returns:
            ∫ u w^T dz, shape (pair, n, n).
        """
        a = self._coefficients(u)
        modal = self._between(a[left], a[right], left, right)
        if self.W is None:
            return modal
        return np.asarray(self.W[left] @ modal @ np.swapaxes(self.W[right], -1, -2))

    def profile(self, lower: Complex, upper: Complex, z: Real) -> tuple[Complex, Complex]:
        """Field and its slope inside the slice, from the field at its faces.

        Args:
            lower: u at the lower face, shape (solve, n).
            upper: u at the upper face, shape (solve, n).
            z: Heights above the lower face, shape (solve, height) or (1, height) [µm].

        Returns:
            u and du/dz, shape (solve, height, n) each.
        """
        lower, upper = (self._coefficients(one[:, None])[:, 0] for one in (lower, upper))
        gamma, d, z = self.gamma[:, None, :], self.thickness[:, None, :], z[..., None]
        denominator = -np.expm1(-2 * self.gamma * self.thickness)
        a0, a1 = (lower / denominator)[:, None], (upper / denominator)[:, None]
        # sinh(γ(d-z))/sinh(γd) and sinh(γz)/sinh(γd), free of overflow
        near, far = np.exp(-gamma * z), np.exp(-gamma * (d - z))
        round_trip = np.exp(-gamma * d)
        down, down_back = a0 * near, a0 * far * round_trip
        up, up_back = a1 * far, a1 * near * round_trip
        u = down - down_back + up - up_back
        slope = gamma * (up + up_back - down - down_back)
        if self.W is not None:
            turned = np.swapaxes(self.W, -1, -2)
            return u @ turned, slope @ turned
        return u, slope


def across(gamma: Complex, thickness: Real) -> Complex:
    """What modes need to cross a slice, free of overflow.

    Args:
        gamma: γ, shape (..., n) [1/µm].
        thickness: d, shape (..., 1) [µm].

    Returns:
        γ², γ coth γd, γ csch γd, and the derivatives of the last two against γ², shape (5, ..., n).
    """
    x = gamma * thickness
    decay, denominator = np.exp(-x), -np.expm1(-2 * x)
    coth, csch = (1 + decay * decay) / denominator, 2 * decay / denominator
    twice = 2 * gamma
    return np.stack([
        gamma * gamma, gamma * coth, gamma * csch,
        (coth - x * csch * csch) / twice, csch * (1 - x * coth) / twice,
    ])  # fmt: skip


_gauss = cache(np.polynomial.legendre.leggauss)


def heights(phase: Complex) -> tuple[Real, Real]:
    """Gauss-Legendre rule on [0, 1] for squares of fields that turn and decay by a phase γd.

    Args:
        phase: γd, any shape.

    Returns:
        Nodes and weights, shape (height,) each.
    """
    turns, decay = float(np.abs(phase.imag).max()), float(np.abs(phase.real).max())
    # near its ends the rule is dense as the square of its order: so is what a decay needs
    nodes, weights = _gauss(8 + 4 * int((2 * turns + 4 * np.sqrt(decay)) / 4))
    return (nodes + 1) / 2, weights / 2
