r"""Modal solution of one period: the matrix whose zeros are the Bloch modes, and its derivatives.

Within a slice the field $u$ ($E_y$ for TE, $H_y$ for TM), expanded in $n$ lateral functions, obeys

$$ (P u')' = M u, \qquad
   \text{TE: } P = 1,\ M = Q - k^2\sum_j \epsilon_j A_j; \qquad
   \text{TM: } P = \sum_j A_j/\epsilon_{x,j},\ M = \sum_j B_j/\epsilon_{z,j} - k^2 , $$

with $k = \omega/c$, the eigenvalues $Q$ of $-\mathrm{d}^2/\mathrm{d}x^2$, and the masses $A_j$ and
stiffnesses $B_j$ of filling $j$ (`dfbdesign.solvers.lateral`). With $P^{-1}M = W\gamma^2W^{-1}$
the outward fluxes $\pm P u'$ at both faces of a slice of thickness $d$ are

$$ \begin{pmatrix} T & -C \\ -C & T \end{pmatrix}\begin{pmatrix} u_0 \\ u_1 \end{pmatrix},
   \quad T = P W\,\gamma\coth\gamma d\;W^{-1},
   \quad C = P W\,\gamma\,\mathrm{csch}\,\gamma d\;W^{-1}.$$

Both are even in $\gamma$, so only the two outer half-spaces need a branch: they carry
$p\gamma u$ with $\gamma = e^{-i\pi/4}\sqrt{i\gamma^2}$, which decays for evanescent orders and is
outgoing ($-i k_z$) for radiating ones; its cuts run down from the Rayleigh anomalies into the
lower half of the k plane. Summing the fluxes at every interface gives a block tridiagonal matrix
$F(k)$; a mode is $F(k)x = 0$. Uniform slices below the first and above the last patterned one are
diagonal and are eliminated first; the rest is factorised block by block.

What follows from a field, derivatives included, stands in `dfbdesign.solvers.cell_forms`.

The first axis of every array counts solves: pairs of a device and a sector, each at its own k.
"""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.solvers.lateral import Complex, Lateral, Real
from dfbdesign.solvers.media import Medium, medium
from dfbdesign.solvers.once import once
from dfbdesign.solvers.period import Period
from dfbdesign.solvers.vertical import Modes, across

Index = NDArray[np.int64]


def outgoing_root(square: Complex) -> Complex:
    """Root γ of γ² that decays (Re γ > 0) or is outgoing (Im γ < 0) in a half-space.

    Args:
        square: γ², shape (...) [1/µm²].

    Returns:
        γ, continued analytically across the real k axis; the cuts run down from the anomalies.
    """
    return np.asarray(np.exp(-0.25j * pi) * np.sqrt(1j * square))


@dataclass(frozen=True)
class Cells:
    """A batch of periods with their lateral functions, ready to be evaluated."""

    period: Period
    lateral: Lateral
    about: float | None = None
    """Wavenumber the dispersion is continued from; `None` for the real part of each k."""

    @property
    def sectors(self) -> int:
        """Even and odd, or one for all fields."""
        return int(self.lateral.square.shape[1])

    @property
    def functions(self) -> int:
        """Number of lateral functions of a sector."""
        return int(self.lateral.square.shape[-1])

    def at(self, k: Complex, row: Index, sector: Index, gain: Real | None = None) -> "System":
        """Periods at wavenumbers k = ω/c.

        Args:
            k: Complex wavenumbers, shape (solve,) [1/µm].
            row: Device of each solve.
            sector: Sector of each solve.
            gain: Material gain added to the gain layers, shape (solve,) [1/µm].

        Returns:
            Everything that is known of the periods at these wavenumbers.
        """
        fillings, constants = self.period.fillings, self.period.constants
        if constants is None:
            media = [medium(filling, k, row, self.about) for filling in fillings]
        else:
            still = np.zeros_like(k)
            pairs = zip(*(values[:, row] for values in constants), strict=True)
            media = [Medium(o, e, still, still, True) for o, e in pairs]
        if gain is not None and np.any(gain):
            media = [
                one.amplified(k, gain) if filling.gain else one
                for one, filling in zip(media, fillings, strict=True)
            ]
        return System(self, k, row, sector, tuple(media))


@dataclass(frozen=True)
class System:
    """A batch at given wavenumbers: the factorised matrix F(k), and the fields it yields."""

    cells: Cells
    k: Complex
    row: Index
    sector: Index
    media: tuple[Medium, ...]

    @once
    def te(self) -> bool:
        """Whether E points along the lines."""
        return self.cells.period.polarization == "TE"

    @once
    def square(self) -> Real:
        """Eigenvalues of -d²/dx², shape (solve, n)."""
        return self.cells.lateral.square[self.row, self.sector]

    def gathered(self, arrays: tuple[Complex, ...]) -> list[Complex]:
        """What arrays over devices and sectors hold for each solve.

        Args:
            arrays: Shape (batch, sector, ...) each.

        Returns:
            Shape (solve, ...) each.
        """
        return [array[self.row, self.sector] for array in arrays]

    def half_space(self, upper: bool) -> Medium:
        """The medium of a half-space.

        Args:
            upper: The superstrate, else the substrate.

        Returns:
            Its permittivities, shape (solve,) each.
        """
        period = self.cells.period
        return self.media[period.superstrate if upper else period.substrate]

    @once
    def modes(self) -> tuple[Modes, ...]:
        """Vertical modes of the slices."""
        slices = self.cells.period.slices
        squares: list[Complex] = []
        others: list[tuple[Complex | None, ...]] = []
        for number, part in enumerate(slices):
            media = [self.media[filling] for filling in part.fillings]
            if part.uniform:
                squares.append(self._planar(media[0]))
                others.append((None if self.te else 1 / media[0].ordinary[:, None],))
                continue
            P, M = self._operators(number, media)
            square, W = np.linalg.eig(M if P is None else np.linalg.solve(P, M))
            PW = W if P is None else P @ W
            inverse, left = self._inverted(W, PW)
            squares.append(square)
            others.append((None, W, inverse, PW, left))
        gamma = np.sqrt(np.array(squares))
        thickness = np.array([part.thickness[self.row] for part in slices])[..., None]
        table = across(gamma, thickness)
        return tuple(
            Modes(gamma[i], thickness[i], table[:, i], *other) for i, other in enumerate(others)
        )

    def _inverted(self, W: Complex, PW: Complex) -> tuple[Complex, Complex]:
        """W⁻¹ and (P W)⁻ᵀ; symmetric operators have W^T P W diagonal, unless two modes meet."""
        if self.cells.lateral.transposed:
            norm = np.sum(W * PW, axis=-2)
            if np.abs(norm).min() > 1e-5 * np.abs(PW).max():
                return np.swapaxes(PW, -1, -2) / norm[:, :, None], W / norm[:, None, :]
        left = np.swapaxes(np.linalg.inv(PW), -1, -2)
        return np.asarray(np.linalg.inv(W)), np.asarray(left)

    def _planar(self, medium_: Medium) -> Complex:
        """γ² in a uniform medium, shape (solve, n)."""
        o, e, k = medium_.ordinary[:, None], medium_.extraordinary[:, None], self.k[:, None]
        if self.te:
            return np.asarray(self.square - k**2 * o)
        return np.asarray((self.square / e - k**2) * o)

    def _operators(self, number: int, media: list[Medium]) -> tuple[Complex | None, Complex]:
        lateral, k = self.cells.lateral, self.k[:, None, None]
        masses = self.gathered(lateral.masses[number])
        diagonal = np.arange(self.cells.functions)
        if self.te:
            first = media[0].ordinary
            M = np.zeros_like(masses[0])
            for one, mass in zip(media[1:], masses, strict=True):
                M -= (self.k**2 * (one.ordinary - first))[:, None, None] * mass
            M[:, diagonal, diagonal] += self.square - (self.k**2 * first)[:, None]
            return None, M
        first, along = 1 / media[0].ordinary, 1 / media[0].extraordinary
        P, M = np.zeros_like(masses[0]) + 0j, np.zeros_like(masses[0]) + 0j
        stiffnesses = self.gathered((lateral.stiffnesses or ())[number])
        for one, mass, stiffness in zip(media[1:], masses, stiffnesses, strict=True):
            P += (1 / one.ordinary - first)[:, None, None] * mass
            M += (1 / one.extraordinary - along)[:, None, None] * stiffness
        P[:, diagonal, diagonal] += first[:, None]
        M[:, diagonal, diagonal] += self.square * along[:, None] - k[..., 0] ** 2
        return P, M

    def outer(self, upper: bool) -> tuple[Complex, Complex]:
        """Decay rate γ in a half-space, and outward flux per field, shape (solve, n) each."""
        return self._outers[upper]

    @once
    def _outers(self) -> tuple[tuple[Complex, Complex], tuple[Complex, Complex]]:
        return self._outer(upper=False), self._outer(upper=True)

    def _outer(self, upper: bool) -> tuple[Complex, Complex]:
        medium_ = self.half_space(upper)
        gamma = outgoing_root(self._planar(medium_))
        return gamma, gamma if self.te else gamma / medium_.ordinary[:, None]

    # --- the factorised matrix ---------------------------------------------------------------

    def _folded(self, numbers: range, flux: Complex) -> tuple[Complex, list[Complex]]:
        """Flux per field after uniform slices, and what divides on the way."""
        pivots = []
        for number in numbers:
            t, c = self.modes[number].diagonals
            pivot = flux + t
            flux = t - c * c / pivot
            pivots.append(pivot)
        return flux, pivots

    @once
    def _lower(self) -> tuple[Complex, list[Complex]]:
        return self._folded(range(self.cells.period.middle.start), self.outer(upper=False)[1])

    @once
    def _upper(self) -> tuple[Complex, list[Complex]]:
        above = range(len(self.modes) - 1, self.cells.period.middle.stop - 1, -1)
        return self._folded(above, self.outer(upper=True)[1])

    @once
    def _factors(self) -> tuple[list[Complex], list[Complex], list[Complex]]:
        """Diagonal blocks after elimination, their inverses, and the couplings C."""
        n = self.cells.functions
        diagonal = np.arange(n)
        fluxes = [self.modes[number].fluxes for number in self.cells.period.middle]
        block: Complex = np.zeros((len(self.k), n, n), dtype=complex)
        block[:, diagonal, diagonal] = self._lower[0]
        blocks: list[Complex] = []
        inverses: list[Complex] = []
        for T, C in fluxes:
            block = block + T
            inverse = np.asarray(np.linalg.inv(block), dtype=complex)
            blocks.append(block)
            inverses.append(inverse)
            block = np.asarray(T - C @ inverse @ C, dtype=complex)
        block[:, diagonal, diagonal] += self._upper[0]
        blocks.append(block)
        inverses.append(np.asarray(np.linalg.inv(block), dtype=complex))
        return blocks, inverses, [C for _, C in fluxes]

    def phase_of_determinant(self) -> Real:
        """Phase of det F, freed of its poles, shape (solve,)."""
        total = np.zeros(len(self.k))
        for block in self._factors[0]:
            total = total + np.angle(np.linalg.slogdet(block)[0])
        for pivot in (*self._lower[1], *self._upper[1]):
            total = total + np.angle(pivot).sum(axis=-1)
        return np.asarray(total + sum(mode.log_pole_factor().imag for mode in self.modes))

    def solve(self, right: Complex, transposed: bool = False) -> Complex:
        """F⁻¹ b, or F⁻ᵀ b, at the interfaces between and beside the patterned slices.

        Args:
            right: b, shape (solve, interface, n, column).
            transposed: Whether F is transposed.

        Returns:
            The solution, of the same shape.
        """
        _, inverses, couplings = self._factors
        if transposed:
            inverses = [np.swapaxes(one, -1, -2) for one in inverses]
            couplings = [np.swapaxes(one, -1, -2) for one in couplings]
        carried = [right[:, 0]]
        for number, C in enumerate(couplings):
            carried.append(right[:, number + 1] + C @ (inverses[number] @ carried[-1]))
        found = [inverses[-1] @ carried[-1]]
        for number in range(len(couplings) - 1, -1, -1):
            found.append(inverses[number] @ (carried[number] + couplings[number] @ found[-1]))
        return np.stack(found[::-1], axis=1)

    @property
    def unknowns(self) -> tuple[int, int]:
        """Interfaces kept, and lateral functions."""
        return len(self.cells.period.middle) + 1, self.cells.functions

    # --- fields at the interfaces ------------------------------------------------------------

    def interfaces(self, x: Complex) -> Complex:
        """The field at every interface, shape (solve, slice + 1, n).

        Args:
            x: The field at the interfaces that were kept, shape (solve, interface, n).

        Returns:
            The field from the substrate up.
        """
        below, above = [], []
        u = x[:, 0]
        for number in range(self.cells.period.middle.start - 1, -1, -1):
            u = self.modes[number].diagonals[1] * u / self._lower[1][number]
            below.append(u)
        u = x[:, -1]
        for number, pivot in zip(
            range(self.cells.period.middle.stop, len(self.modes)),
            reversed(self._upper[1]),
            strict=True,
        ):
            u = self.modes[number].diagonals[1] * u / pivot
            above.append(u)
        found = np.empty((len(x), len(self.modes) + 1, x.shape[2]), dtype=complex)
        found[:, len(below) : len(below) + x.shape[1]] = x
        for number, u in enumerate(below, start=1):
            found[:, len(below) - number] = u
        for number, u in enumerate(above):
            found[:, len(below) + x.shape[1] + number] = u
        return found

    def driven(self, source: Complex, upper: bool) -> Complex:
        """The field that a source at an outer interface excites: F u = source there, 0 elsewhere.

        Args:
            source: Shape (solve, n).
            upper: The interface to the superstrate, else to the substrate.

        Returns:
            The field at every interface, shape (solve, slice + 1, n).
        """
        if upper:
            numbers, pivots = (
                range(len(self.modes) - 1, self.cells.period.middle.stop - 1, -1),
                self._upper[1],
            )
        else:
            numbers, pivots = range(self.cells.period.middle.start), self._lower[1]
        couplings = [self.modes[number].diagonals[1] for number in numbers]
        sources = [source]
        for c, pivot in zip(couplings, pivots, strict=True):
            sources.append(c * sources[-1] / pivot)
        right = np.zeros((len(self.k), *self.unknowns), dtype=complex)
        right[:, -1 if upper else 0] = sources[-1]
        u = self.interfaces(self.solve(right[..., None])[..., 0])
        direct = np.zeros_like(source)  # what the source does where no unknown was kept
        for place in range(len(numbers) - 1, -1, -1):
            direct = (couplings[place] * direct + sources[place]) / pivots[place]
            u[:, numbers[place] + upper] += direct
        return u
