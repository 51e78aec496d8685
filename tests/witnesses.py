r"""An independent solver of one grating period, for tests alone: finite elements of high degree.

The weak form $\int (p_x u_x v_x + p_z u_z v_z - k^2 r\,u v) = $ outer flux is solved in x and z
(TE: $u = E_y$, $p = 1$, $r = \epsilon$; TM: $u = H_y$, $p_x = 1/\epsilon_z$, $p_z = 1/\epsilon_x$,
$r = 1$) with Lagrange polynomials on rectangles whose edges lie on every wall, so no product of
discontinuous functions is ever expanded in waves. The half-spaces enter through their exact flux
per diffraction order, taken a buffer away from the corners, where the orders fade exponentially.
Nothing is shared with the package: not the layer modes, not the factorisation rules, not the branch
(here $k_z$ continued from the real axis), not the search, not the derivatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, kron
from scipy.sparse.linalg import splu

Complex = NDArray[np.complex128]
Permittivity = tuple[complex, complex]
"""In the plane, and along z."""


@dataclass(frozen=True)
class Sheet:
    """One layer: what fills it, and the centred line in it, if any."""

    thickness: float
    fill: Permittivity
    line: Permittivity | None = None
    duty: float = 0.5


def _reference(degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64], Complex]:
    """Gauss-Lobatto nodes on [0, 1], and exact stiffness and mass matrices."""
    legendre = np.polynomial.legendre
    inner = legendre.legroots(legendre.legder([0] * degree + [1])) if degree > 1 else []
    nodes = (np.concatenate([[-1.0], np.sort(np.real(inner)), [1.0]]) + 1) / 2
    x, w = legendre.leggauss(degree + 2)
    x, w = (x + 1) / 2, w / 2
    vandermonde = legendre.legvander(2 * nodes - 1, degree)
    values = np.linalg.solve(vandermonde.T, legendre.legvander(2 * x - 1, degree).T)
    slopes = np.stack(
        [legendre.legval(2 * x - 1, 2 * legendre.legder(row)) for row in np.eye(degree + 1)]
    )
    slopes = np.linalg.solve(vandermonde.T, slopes)
    return nodes, (slopes * w) @ slopes.T, (values * w) @ values.T


class Line1D:
    """A chain of elements: unknowns, element matrices, and overlaps with plane waves."""

    def __init__(self, edges: Sequence[float], degree: int, bloch: complex | None = None):
        self.edges = np.asarray(edges, dtype=float)
        self.degree, self.bloch = degree, bloch
        self.nodes, self.stiffness, self.mass = _reference(degree)
        count = (len(self.edges) - 1) * degree + 1
        self.size = count - 1 if bloch is not None else count

    def _spread(self, element: int) -> csc_matrix:
        """Element unknowns from the global ones; the last x node is the first, a Bloch phase on."""
        columns = np.arange(self.degree + 1) + element * self.degree
        phase = np.ones(self.degree + 1, dtype=complex)
        if self.bloch is not None:
            phase[columns == self.size] = self.bloch
            columns = columns % self.size
        shape = (self.degree + 1, self.size)
        return csc_matrix((phase, (np.arange(self.degree + 1), columns)), shape=shape)

    def matrices(self, element: int) -> tuple[csc_matrix, csc_matrix]:
        """Global stiffness and mass contribution of one element."""
        spread = self._spread(element)
        width = self.edges[element + 1] - self.edges[element]
        both = (self.stiffness / width, self.mass * width)
        return tuple(spread.conj().T @ csc_matrix(part) @ spread for part in both)

    def overlaps(self, wavenumbers: NDArray[np.float64]) -> Complex:
        """Integral of exp(-i K x) against every unknown, shape (K, size)."""
        x, w = np.polynomial.legendre.leggauss(self.degree + 40)
        x, w = (x + 1) / 2, w / 2
        legendre = np.polynomial.legendre
        square = legendre.legvander(2 * self.nodes - 1, self.degree)
        values = np.linalg.solve(square.T, legendre.legvander(2 * x - 1, self.degree).T)
        total = np.zeros((len(wavenumbers), self.size), dtype=complex)
        for element, (low, high) in enumerate(zip(self.edges, self.edges[1:], strict=False)):
            waves = np.exp(-1j * np.outer(wavenumbers, low + (high - low) * x))
            total += ((waves * w * (high - low)) @ values.T) @ self._spread(element)
        return total

    def position(self) -> NDArray[np.float64]:
        """Where the unknowns sit, shape (size,)."""
        parts = [
            low + (high - low) * self.nodes[:-1]
            for low, high in zip(self.edges, self.edges[1:], strict=False)
        ]
        return np.concatenate([*parts, self.edges[-1:]])[: self.size]


def _graded(edges: Sequence[float], corners: Sequence[float], levels: int) -> list[float]:
    """Edges with a geometric refinement (factor 0.15) of both elements next to every corner."""
    out = set(edges)
    for corner in corners:
        for side in (-1, 1):
            beyond = [abs(edge - corner) for edge in edges if (edge - corner) * side > 1e-12]
            if beyond:
                out |= {corner + side * min(beyond) * 0.15**n for n in range(1, levels + 1)}
    return sorted(out)


@dataclass
class Period:
    """One period of a grating, assembled for a polarization and a Bloch wavevector."""

    sheets: Sequence[Sheet]
    below: Permittivity
    above: Permittivity
    period: float
    polarization: str
    wavevector: float = 0.0
    """In units of 2π/period."""
    degree: int = 8
    levels: int = 0
    """Refinements towards the corners of the lines."""
    buffer: float = 0.3
    """Height of each half-space inside the mesh [µm]."""
    orders: int = 12

    def __post_init__(self) -> None:
        heights = np.concatenate([[0.0], np.cumsum([sheet.thickness for sheet in self.sheets])])
        walls, corners = {-self.period / 2, self.period / 2}, set()
        for number, sheet in enumerate(self.sheets):
            if sheet.line is not None:
                walls |= {-sheet.duty * self.period / 2, sheet.duty * self.period / 2}
                corners |= {float(heights[number]), float(heights[number + 1])}
        lines = sorted(wall for wall in walls if abs(wall) < self.period / 2)
        ends = [-self.buffer, *map(float, heights), float(heights[-1]) + self.buffer]
        phase = np.exp(2j * pi * self.wavevector)
        self.x = Line1D(_graded(sorted(walls), lines, self.levels), self.degree, phase)
        self.z = Line1D(_graded(ends, sorted(corners), self.levels), self.degree)
        self._assemble(heights)

    def _permittivity(self, x: float, z: float, heights: NDArray[np.float64]) -> Permittivity:
        if z < 0:
            return self.below
        if z > heights[-1]:
            return self.above
        sheet = self.sheets[int(np.searchsorted(heights, z)) - 1]
        if sheet.line is not None and abs(x) < sheet.duty * self.period / 2:
            return sheet.line
        return sheet.fill

    def _assemble(self, heights: NDArray[np.float64]) -> None:
        size = self.x.size * self.z.size
        self.A, self.B = csc_matrix((size, size), dtype=complex), csc_matrix((size, size))
        x_parts = [self.x.matrices(i) for i in range(len(self.x.edges) - 1)]
        for j in range(len(self.z.edges) - 1):
            stiff_z, mass_z = self.z.matrices(j)
            z = (self.z.edges[j] + self.z.edges[j + 1]) / 2
            sums = [csc_matrix((self.x.size, self.x.size), dtype=complex) for _ in range(3)]
            for i, (stiff_x, mass_x) in enumerate(x_parts):
                x = (self.x.edges[i] + self.x.edges[i + 1]) / 2
                plane, along = self._permittivity(x, z, heights)
                px, pz, r = (
                    (1, 1, plane) if self.polarization == "TE" else (1 / along, 1 / plane, 1)
                )
                parts = (px * stiff_x, pz * mass_x, r * mass_x)
                sums = [total + part for total, part in zip(sums, parts, strict=True)]
            self.A = self.A + kron(mass_z, sums[0]) + kron(stiff_z, sums[1])
            self.B = self.B + kron(mass_z, sums[2])
        m = np.arange(-self.orders, self.orders + 1)
        self.K = 2 * pi / self.period * (m + self.wavevector)
        waves = self.x.overlaps(self.K) / np.sqrt(self.period)
        self.faces = []
        for row, epsilon in ((0, self.below), (self.z.size - 1, self.above)):
            pick = csc_matrix(([1.0], ([0], [row])), shape=(1, self.z.size))
            self.faces.append((kron(pick, csc_matrix(waves)).tocsc(), epsilon))

    def _flux(self, k: complex, epsilon: Permittivity) -> tuple[Complex, Complex]:
        """Outward flux per order, and its derivative against k."""
        plane, along = epsilon
        te = self.polarization == "TE"
        ratio = 1.0 if te else plane / along
        kz = np.sqrt(k**2 * plane - ratio * self.K**2 + 0j)
        # Continue k_z from the real axis: away from it where open, decaying where closed.
        open_ = k.real**2 * np.real(plane) > np.real(ratio) * self.K**2
        kz = np.where(np.where(open_, kz.real, kz.imag) < 0, -kz, kz)
        scale = 1.0 if te else 1 / plane
        return -1j * kz * scale, -1j * k * plane / kz * scale

    def _system(self, k: complex) -> tuple[csc_matrix, csc_matrix]:
        S, dS = self.A - k**2 * self.B, -2 * k * self.B
        for waves, epsilon in self.faces:
            flux, slope = self._flux(k, epsilon)
            S = S + waves.conj().T @ csc_matrix(np.diag(flux)) @ waves
            dS = dS + waves.conj().T @ csc_matrix(np.diag(slope)) @ waves
        return S.tocsc(), dS.tocsc()

    def near(self, guess: complex, count: int = 1) -> list[complex]:
        """Mode wavenumbers near a guess: shift-invert subspace, then Newton on each.

        Args:
            guess: Wavenumber to look around [1/µm].
            count: How many starts to take from the linearised problem.

        Returns:
            Distinct converged wavenumbers, nearest to the guess first.
        """
        S, dS = self._system(complex(guess))
        factored = splu(S)
        rng = np.random.default_rng(1)
        basis = rng.standard_normal((S.shape[0], 3 * count)) + 0j
        for _ in range(6):
            basis, _ = np.linalg.qr(factored.solve(dS @ basis))
        small = basis.conj().T @ factored.solve(dS @ basis)
        values, vectors = np.linalg.eig(small)
        order = np.argsort(-np.abs(values))[:count]
        found: list[complex] = []
        for i in order:
            k = self._newton(complex(guess - 1 / values[i]), basis @ vectors[:, i])
            if k is not None and all(abs(k - other) > 1e-9 for other in found):
                found.append(k)
        return sorted(found, key=lambda k: abs(k - guess))

    def _newton(self, k: complex, vector: Complex) -> complex | None:
        left = vector.conj()
        for _ in range(12):
            S, dS = self._system(k)
            factored = splu(S)
            vector = factored.solve(dS @ vector)
            left = factored.solve(dS.conj().T @ left, trans="H")
            vector, left = vector / np.linalg.norm(vector), left / np.linalg.norm(left)
            step = complex((left.conj() @ (S @ vector)) / (left.conj() @ (dS @ vector)))
            k -= step
            if abs(step) < 1e-12 * abs(k):
                return k
        return None
