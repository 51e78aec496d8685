r"""An independent solution of a whole finite grating, for tests alone: a 2-D sparse eigenproblem.

$\int (u_x v_x + u_z v_z) = k^2 \int \epsilon\, u v$ for $u = E_y$, with polynomials of high degree
on rectangles in x and z, edges on all walls, and rays into the complex plane around the structure
on all four sides, at other angles and depths than those of the solver. All modes near a wavenumber
come out at once. Nothing is shared with the package: x is discretised too, and there are neither
slices, nor scattering matrices, nor a search.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_matrix, kron
from scipy.sparse.linalg import LinearOperator, eigs, splu
from witnesses import _reference


class Axis:
    """Elements along one axis, u = 0 at both ends."""

    def __init__(self, edges, degree):
        self.edges, self.degree = np.asarray(edges, dtype=complex), degree
        self.nodes, self.stiff, self.mass = _reference(degree)
        self.count = len(edges) - 1
        self.size = self.count * degree - 1

    def spread(self, element, local):
        """A local matrix in its place among all unknowns."""
        index = np.arange(self.degree + 1) + element * self.degree - 1
        keep = (index >= 0) & (index < self.size)
        rows, columns = np.meshgrid(index[keep], index[keep], indexing="ij")
        values = local[np.ix_(keep, keep)]
        shape = (self.size, self.size)
        return csc_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape=shape)

    def matrices(self):
        """Stiffness of all elements, and mass of each."""
        widths = np.diff(self.edges)
        stiff = sum(self.spread(i, self.stiff / w) for i, w in enumerate(widths))
        return stiff, [self.spread(i, self.mass * w) for i, w in enumerate(widths)]


def with_rays(inner, lengths, angle):
    """Edges continued into the complex plane at both ends."""
    ray = np.exp(1j * angle) * np.cumsum(lengths)
    return np.concatenate([inner[0] - ray[::-1], inner, inner[-1] + ray])


@dataclass(frozen=True)
class FiniteGrating:
    """Layers from the substrate up, lines centred in whole periods, film to both sides."""

    thicknesses: tuple
    fills: tuple
    """Index of each layer between the lines and beyond the grating."""
    lines: tuple
    """Index of its lines, None without."""
    duty: float
    period: float
    periods: int
    below: float
    above: float
    gain_index: float = 0.0
    """How far gain lowers the imaginary index of the layers, but not the lines, of the grating."""
    shift: float = 0.0
    """Length without lines in the middle of the grating."""
    facet: bool = False
    """Whether the right end is cut against air."""
    chirp: float = 0.0
    """How much longer the last period is than the first."""
    last_duty: float | None = None
    """Duty of the last period, if lines grow or shrink evenly."""
    degree: int = 7

    def modes(self, wavenumber, count):
        """Complex wavenumbers nearest to a guess."""
        edges, kinds = self.columns()
        x = Axis(with_rays(edges, [0.3, 0.4, 0.5, 0.6, 0.8], 0.8), self.degree)
        kinds = ["film"] * 5 + kinds + ["air" if self.facet else "film"] * 5
        heights = np.concatenate([[0.0], np.cumsum(self.thicknesses)])
        inner = np.concatenate([[-0.25], heights, [heights[-1] + 0.2]])
        z = Axis(with_rays(inner, [0.4, 0.6, 1.0, 1.6], 0.7), self.degree)
        (stiff_x, mass_x), (stiff_z, mass_z) = x.matrices(), z.matrices()
        stiffness = kron(stiff_x, sum(mass_z)) + kron(sum(mass_x), stiff_z)
        middles = (z.edges[1:] + z.edges[:-1]).real / 2
        weighted = {
            kind: sum(
                self.permittivity(kind, middle, heights) * part
                for middle, part in zip(middles, mass_z, strict=True)
            )
            for kind in set(kinds)
        }
        mass = csc_matrix(stiffness.shape, dtype=complex)
        for kind in weighted:
            here = [part for part, other in zip(mass_x, kinds, strict=True) if other == kind]
            mass = mass + kron(sum(here), weighted[kind])
        # ARPACK's own generalised form wants a Hermitian mass; with rays it is complex symmetric.
        factored = splu((stiffness - wavenumber**2 * mass).tocsc())
        apply = LinearOperator(mass.shape, lambda v: factored.solve(mass @ v), dtype=complex)
        inverse, _ = eigs(apply, count, tol=1e-13)
        found = np.sqrt(wavenumber**2 + 1 / inverse)
        return found[np.argsort(np.abs(found - wavenumber))]

    def columns(self):
        """Element edges along x between the rays, and what stands in each element."""
        widths, kinds = [0.35], ["film"]
        for number in range(self.periods):
            if self.shift and number == self.periods // 2:
                widths, kinds = [*widths, self.shift], [*kinds, "gap"]
            share = (number + 0.5) / self.periods
            period = self.period + self.chirp * (share - 0.5)
            last = self.duty if self.last_duty is None else self.last_duty
            duty = self.duty + (last - self.duty) * share
            gap, line = (1 - duty) / 2 * period, duty * period
            widths, kinds = [*widths, gap, line, gap], [*kinds, "gap", "line", "gap"]
        widths, kinds = [*widths, 0.35], [*kinds, "air" if self.facet else "film"]
        return np.concatenate([[0.0], np.cumsum(widths)]), kinds

    def permittivity(self, kind, z, heights):
        if kind == "air":
            return 1.0
        if z < 0:
            return self.below**2
        if z > heights[-1]:
            return self.above**2
        layer = int(np.searchsorted(heights, z)) - 1
        line = kind == "line" and self.lines[layer] is not None
        if line:
            return self.lines[layer] ** 2
        return (self.fills[layer] - 1j * self.gain_index * (kind != "film")) ** 2
