r"""Maxwell's equations on the grid of a cross-section, as a sparse eigenproblem for E across x.

Voltages $e$ along grid sides and $h$ along the sides of the dual grid (T. Weiland, AEU 31, 116
(1977)) obey, with lengths times $k_0$, fields $\propto e^{i n x}$ and the incidence matrices
$G = (G_y, G_z)$ from points to sides and $C = (-G_z, G_y)$ from sides to cells,

$$ n^2 \eta\, d_t = M\,(1 - C^T \mu_x^{-1} C\, \eta)\, d_t
- G\,\varepsilon_x^{-1} G^T d_t, \qquad M = \mathrm{diag}(\mu_z, \mu_y), $$

$$ e_t = \eta\, d_t, \qquad i n\, e_x = \varepsilon_x^{-1} G^T d_t . $$

The fluxes $d_t$ are the unknowns because at a slanted interface $\eta$, the inverse of the
permittivity, couples the two components (A. Farjadpour et al., Opt. Lett. 31, 2972 (2006)). All
geometry is in the diagonals $\mu$ and $\varepsilon_x$ and in $\eta$: cell sizes, complex where
the grid is stretched, and $m = 1 + y/R$ of a bend of radius R, exact in cylindrical coordinates
(M. Heiblum and J. H. Harris, IEEE J. Quantum Electron. 11, 75 (1975), replace it by a profile).
Walls are electric; a mirror plane may also be magnetic.

The matrices are symmetric where Maxwell's equations are, so the derivative of n with respect to
anything is exact: with $P = \sum (e_y h_z - e_z h_y)$ and $u = i n e_x$,

$$ 2 P\,\delta n = u\,\delta\varepsilon_x\,u / n^2 - d_t\,\delta\eta\,d_t . $$
"""

from dataclasses import dataclass
from functools import cached_property
from math import pi
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.ridge_geometry import Shape
from dfbdesign.solvers.ridge_grid import Averages, Line

Complex = NDArray[np.complex128]
Sparse = Any
"""A scipy sparse matrix; scipy is imported on first use."""
Wall = Literal["electric", "magnetic"]


@dataclass(frozen=True)
class CrossSection:
    """Plain numbers of a channel cross-section at one wavelength."""

    wavelength: float
    """Vacuum wavelength [µm]."""
    shapes: tuple[Shape, ...]
    """In painting order; material 0, the background, is everywhere else."""
    ordinary: Complex
    """Permittivity for fields in the plane, shape (material,)."""
    extraordinary: Complex
    """Permittivity for fields along z, shape (material,)."""
    window_y: tuple[float, float]
    """Ends of the calculated region across the ridge [µm]."""
    window_z: tuple[float, float]
    """Ends of the calculated region upwards [µm]."""
    cell: float
    """Grid spacing near the shapes [µm]."""
    ordinary_slope: Complex
    """d(ordinary)/d(wavelength), shape (material,) [1/µm]."""
    extraordinary_slope: Complex
    """d(extraordinary)/d(wavelength), shape (material,) [1/µm]."""
    curvature: float = 0.0
    """1 / radius of the bend at y = 0, the centre towards -y [1/µm]."""
    absorber: float = 0.0
    """Thickness of the absorbing layer inside each end of the window; 0 for none [µm]."""


@dataclass(frozen=True)
class Operator:
    """One symmetry class of a cross-section on its grid."""

    section: CrossSection
    y: Line
    z: Line
    averages: dict[str, Averages]
    walls: tuple[Wall | None, Wall | None]
    """The mirror plane at the lower end in y and z; `None` where the whole width is solved."""

    @cached_property
    def sizes(self) -> tuple[Complex, Complex, Complex, Complex, Complex, Complex]:
        """Cell and dual lengths times k0 in y, z, and the stretch m at points and between."""
        k = 2 * pi / self.section.wavelength
        stretch = 1 + self.section.curvature * self.y.stretched
        sizes = (
            k * self.y.lengths()[:, None],
            k * self.y.dual_lengths()[:, None],
            k * self.z.lengths(),
            k * self.z.dual_lengths(),
            stretch[::2, None],
            stretch[1::2, None],
        )
        return tuple(_plain(size) for size in sizes)  # type: ignore[return-value]

    @cached_property
    def kept(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of e_x, e_y, e_z are not zero at a wall, flattened."""
        across, upwards = np.ones(self.y.cells + 1, bool), np.ones(self.z.cells + 1, bool)
        across[-1] = upwards[-1] = False
        across[0], upwards[0] = (wall == "magnetic" for wall in self.walls)
        every_y, every_z = np.ones(self.y.cells, bool), np.ones(self.z.cells, bool)
        pairs = (across, upwards), (every_y, upwards), (across, every_z)
        return tuple(np.outer(*pair).ravel() for pair in pairs)  # type: ignore[return-value]

    @cached_property
    def gradient(self) -> tuple[Sparse, Sparse]:
        """G_y and G_z, from the kept e_x to the kept e_y and e_z."""
        from scipy import sparse

        x, y, z = self.kept
        along_y = sparse.kron(_difference(self.y.cells), sparse.identity(self.z.cells + 1))
        along_z = sparse.kron(sparse.identity(self.y.cells + 1), _difference(self.z.cells))
        return along_y.tocsr()[y][:, x], along_z.tocsr()[z][:, x]

    @cached_property
    def curl(self) -> Sparse:
        """C, from the kept (e_y, e_z) to h_x."""
        from scipy import sparse

        _, y, z = self.kept
        of_y = sparse.kron(sparse.identity(self.y.cells), _difference(self.z.cells)).tocsc()[:, y]
        of_z = sparse.kron(_difference(self.y.cells), sparse.identity(self.z.cells)).tocsc()[:, z]
        return sparse.hstack([-of_y, of_z], format="csr")

    @cached_property
    def permeability(self) -> tuple[Complex, Complex, Complex]:
        """Diagonals mu_x, mu_y (at e_z) and mu_z (at e_y)."""
        hy, hy_dual, hz, hz_dual, m, m_between = self.sizes
        _, y, z = self.kept
        return (
            (hy * hz / m_between).ravel(),
            (m * hz / hy_dual).ravel()[z],
            (m_between * hy / hz_dual).ravel()[y],
        )

    def inverse(self, change: tuple[Complex, Complex] | None = None) -> tuple[Sparse, Complex]:
        """The matrix eta_t, which turns fluxes d_t into voltages e_t, and the diagonal of eps_x.

        Args:
            change: Change of the materials' ordinary and extraordinary permittivity, shape
                (material,) each; then the change of the result is returned.

        Returns:
            eta_t for the kept (d_y, d_z), and eps_x for the kept e_x.
        """
        from scipy import sparse

        o, e = _plain(self.section.ordinary), _plain(self.section.extraordinary)
        around = self.averages
        tensors = {
            name: around[name].inverse(o, e)
            if change is None
            else around[name].inverse_slope(o, e, *change)
            for name in around
        }
        hy, hy_dual, hz, hz_dual, m, m_between = self.sizes
        x, y, z = self.kept
        along_x = around["x"].mean(o if change is None else change[0]) * hy_dual * hz_dual / m
        slanted = around["x"].slanted
        yy, zz, yz = tensors["y"][0], tensors["z"][1], tensors["x"][2]
        of_y = (yy * hy / (m_between * hz_dual)).ravel()[y]
        of_z = (zz * hz / (m * hy_dual)).ravel()[z]
        if not slanted.any():
            return sparse.diags(np.concatenate([of_y, of_z])).tocsr(), along_x.ravel()[x]
        half_y = sparse.kron(_halves(hy.ravel()), sparse.identity(self.z.cells + 1))
        half_z = sparse.kron(sparse.identity(self.y.cells + 1), _halves(hz))
        at_points = sparse.diags((yz * slanted / (m * hy_dual * hz_dual)).ravel())
        mixed = half_y.tocsc()[:, y].T @ at_points @ half_z.tocsc()[:, z]
        blocks = [[sparse.diags(of_y), mixed], [mixed.T, sparse.diags(of_z)]]
        return sparse.block_array(blocks, format="csr"), along_x.ravel()[x]

    @cached_property
    def _medium(self) -> tuple[Sparse, Complex]:
        return self.inverse()

    def voltages(self, d: Complex) -> Complex:
        """Transverse voltages e of fluxes d."""
        return np.asarray(self._medium[0] @ d)

    def longitudinal(self, d: Complex) -> Complex:
        """The product u = i n e_x of transverse fluxes d."""
        eps_x = self._medium[1]
        along_y, along_z = self.gradient
        count = along_y.shape[0]
        return np.asarray((along_y.T @ d[:count] + along_z.T @ d[count:]) / eps_x)

    def magnetic(self, n: complex, d: Complex) -> tuple[Complex, Complex, Complex]:
        """The fields (i h_x, h_y, h_z) of a mode.

        Args:
            n: Effective index.
            d: Transverse fluxes of the mode.

        Returns:
            The voltages on the dual grid, flattened; h_y at e_z, h_z at e_y.
        """
        mu_x, mu_y, mu_z = self.permeability
        along_y, along_z = self.gradient
        count, e, u = along_y.shape[0], self.voltages(d), self.longitudinal(d)
        h_y = -(along_z @ u / n + n * e[count:]) / mu_y
        h_z = (along_y @ u / n + n * e[:count]) / mu_z
        return self.curl @ e / mu_x, h_y, h_z

    def solve(self, count: int, square: complex) -> tuple[Complex, Complex]:
        """The modes of n_eff squared nearest to a number.

        Args:
            count: How many.
            square: Where to look.

        Returns:
            Effective indices, shape (mode,), and transverse voltages, shape (unknown, mode).

        Raises:
            NotConverged: If the eigensolver stops short of all of them.
        """
        from scipy import sparse
        from scipy.sparse.linalg import ArpackError, LinearOperator, eigs, splu

        eta, eps_x = self._medium
        mu_x, mu_y, mu_z = self.permeability
        gradient, curl = sparse.vstack(self.gradient, format="csr"), self.curl
        mass = sparse.diags(np.concatenate([mu_z, mu_y]))
        bulk = mass @ (sparse.identity(eta.shape[0]) - curl.T @ sparse.diags(1 / mu_x) @ curl @ eta)
        matrix = bulk - gradient @ sparse.diags(1 / eps_x) @ gradient.T
        if not (np.iscomplexobj(matrix.data) or complex(square).imag):
            square = complex(square).real
        shifted = (matrix - square * eta).tocsc()
        factors = splu(
            shifted,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.01,
            options={"SymmetricMode": True},
        )
        operator = LinearOperator(
            matrix.shape, lambda d: factors.solve(eta @ d), dtype=shifted.dtype
        )
        start = np.random.default_rng(0).standard_normal(matrix.shape[0]).astype(shifted.dtype)
        try:
            distances, fluxes = eigs(operator, k=count, v0=start)
        except ArpackError as error:
            raise NotConverged(
                f"the modes of the cross-section did not converge: {error}. Take a finer grid."
            ) from error
        squares = square + 1 / distances
        order = np.argsort(-squares.real)
        return np.sqrt(squares[order].astype(complex)), fluxes[:, order]


def _plain(values: Complex) -> Complex:
    """The same without imaginary parts where all of them are zero: real matrices are quicker."""
    return values if values.imag.any() else np.asarray(values.real)


def _difference(count: int) -> Sparse:
    from scipy import sparse

    return sparse.diags([-np.ones(count), np.ones(count)], [0, 1], shape=(count, count + 1))


def _halves(length: Complex) -> Sparse:
    """Half the length of each side, to the points at its ends."""
    from scipy import sparse

    count = len(length)
    return sparse.diags([length / 2, length / 2], [0, -1], shape=(count + 1, count))
