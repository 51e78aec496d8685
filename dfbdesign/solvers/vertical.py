"""Vertical modes of one slice: how a field and its fluxes depend on the height.

See `dfbdesign.solvers.modal` for the equations. The first axis of every array counts solves.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from dfbdesign.solvers.lateral import Complex, Real


@dataclass(frozen=True)
class Modes:
    """Vertical modes of one slice: γ, and how they are made of lateral functions."""

    gamma: Complex
    """Shape (solve, n) [1/µm]."""
    thickness: Real
    """Shape (solve, 1) [µm]."""
    weight: Complex | None = None
    """1/ε_x of a uniform slice in TM, shape (solve, 1)."""
    W: Complex | None = None
    """Columns are modes, shape (solve, n, n); `None` for a uniform slice, whose modes are the
    lateral functions."""
    inverse: Complex | None = None
    PW: Complex | None = None
    left: Complex | None = None
    """Columns are the left modes (P W)⁻ᵀ."""

    @cached_property
    def _hyperbolic(self) -> tuple[Complex, Complex]:
        """The hyperbolic cotangent and cosecant of γd, free of overflow."""
        e: Complex = np.exp(-self.gamma * self.thickness)
        denominator: Complex = -np.expm1(-2 * self.gamma * self.thickness)
        return np.asarray((1 + e * e) / denominator), np.asarray(2 * e / denominator)

    @cached_property
    def _diagonals(self) -> tuple[Complex, Complex]:
        """γ coth γd and γ csch γd, shape (solve, n) each."""
        coth, csch = self._hyperbolic
        return self.gamma * coth, self.gamma * csch

    @cached_property
    def diagonals(self) -> tuple[Complex, Complex]:
        """T and C of a uniform slice, which are diagonal, shape (solve, n) each."""
        t, c = self._diagonals
        return (t, c) if self.weight is None else (self.weight * t, self.weight * c)

    @cached_property
    def fluxes(self) -> tuple[Complex, Complex]:
        """T and C of the module docstring, shape (solve, n, n) each."""
        if self.PW is None or self.inverse is None:
            t, c = self.diagonals
            one = np.eye(t.shape[-1])
            return t[..., None] * one, c[..., None] * one
        t, c = self._diagonals
        return (self.PW * t[:, None, :]) @ self.inverse, (self.PW * c[:, None, :]) @ self.inverse

    def log_pole_factor(self) -> Complex:
        """Logarithm of Π sinh(γd)/γd, which removes the poles of det F; shape (solve,)."""
        phase = self.gamma * self.thickness
        return np.asarray(np.sum(phase + np.log(-np.expm1(-2 * phase) / (2 * phase)), axis=-1))

    def _coefficients(self, u: Complex) -> Complex:
        return u if self.inverse is None else (self.inverse @ u[..., None])[..., 0]

    def _left_coefficients(self, v: Complex) -> Complex:
        return v if self.PW is None else (v[:, None, :] @ self.PW)[:, 0]

    def grams(
        self, u0: Complex, u1: Complex, v0: Complex, v1: Complex, slopes: bool
    ) -> tuple[Complex, Complex]:
        r"""Integrals of products of a field and a left field over the height, in closed form.

        Between modes i and j, $(\gamma_i^2 - \gamma_j^2)\int b_i a_j = [b_i' a_j - b_i a_j']$ and
        $\int b_i' a_j' = [b_i' a_j] - \gamma_i^2\int b_i a_j$.

        Args:
            u0: Field at the lower face, shape (solve, n).
            u1: Field at the upper face.
            v0: Left field at the lower face.
            v1: Left field at the upper face.

            slopes: Whether the second is wanted.

        Returns:
            ∫ v u^T dz and ∫ v' u'^T dz, shape (solve, n, n) each; of a uniform slice the diagonals,
            shape (solve, n). Without slopes the second is nothing.
        """
        a0, a1 = self._coefficients(u0), self._coefficients(u1)
        b0, b1 = self._left_coefficients(v0), self._left_coefficients(v1)
        (t, c), q = self._diagonals, self.gamma * self.gamma
        coth, csch = self._hyperbolic
        x = self.gamma * self.thickness
        t_slope = (coth - x * csch * csch) / (2 * self.gamma)
        c_slope = csch * (1 - x * coth) / (2 * self.gamma)
        left0, left1 = t * b0 - c * b1, t * b1 - c * b0  # outward slopes of the left modes
        if self.W is None or self.left is None:
            values = t_slope * (b0 * a0 + b1 * a1) - c_slope * (b0 * a1 + b1 * a0)
            return values, left0 * a0 + left1 * a1 - q * values if slopes else values[:, :0]
        across = q[:, :, None] - q[:, None, :]
        near = np.abs(across) < 1e-4 * np.abs(q[:, :, None])
        safe = np.where(near, 1.0, across)

        def divided(value: Complex, slope: Complex) -> Complex:
            mean = (slope[:, :, None] + slope[:, None, :]) / 2
            return np.where(near, mean, (value[:, :, None] - value[:, None, :]) / safe)

        straight = b0[:, :, None] * a0[:, None, :] + b1[:, :, None] * a1[:, None, :]
        crossed = b0[:, :, None] * a1[:, None, :] + b1[:, :, None] * a0[:, None, :]
        modal = divided(t, t_slope) * straight - divided(c, c_slope) * crossed
        right = np.swapaxes(self.W, -1, -2)
        found = self.left @ modal @ right
        if not slopes:
            return found, found[:, :0]
        faces = left0[:, :, None] * a0[:, None, :] + left1[:, :, None] * a1[:, None, :]
        return found, self.left @ (faces - q[:, :, None] * modal) @ right

    def profile(self, lower: Complex, upper: Complex, z: Real) -> tuple[Complex, Complex]:
        """Field and its slope inside the slice, from the field at its faces.

        Args:
            lower: u at the lower face, shape (solve, n).
            upper: u at the upper face, shape (solve, n).
            z: Heights above the lower face, shape (solve, height) or (1, height) [µm].

        Returns:
            u and du/dz, shape (solve, height, n) each.
        """
        lower, upper = self._coefficients(lower), self._coefficients(upper)
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
