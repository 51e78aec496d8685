r"""Vertical slices of a device for TE fields: modes in z, between absorbing layers.

A slice is uniform along x. With $u = E_y$ expanded in one set of functions of z for all slices,

$$ u'' = -A u, \qquad A = M^{-1} \left(k^2 \sum_r \epsilon_r M_r - K\right), \qquad
   K_{ij} = \int \phi_i' \phi_j'\, dz, \quad M_{ij} = \int \phi_i \phi_j\, dz , $$

where r counts the regions in z (substrate, layers, superstrate), so a change of material along x
leaves $u$ and $u'$ continuous in every coefficient. The functions are Lagrange polynomials on
elements whose edges lie on all interfaces (spectral elements; Patera, J. Comput. Phys. 54, 468
(1984)). In the absorbing layers z runs along a ray into the complex plane (Chew and Weedon,
Microw. Opt. Technol. Lett. 7, 599 (1994)): the same integrals over elements of complex length, on
which both guided tails and outgoing waves fade, before u = 0 at the ends.

The eigenvectors of A are the modes of the slice, the roots q of its eigenvalues their propagation
constants. The root with $-\pi/4 < \arg q \le 3\pi/4$ runs or fades towards +x, also for a complex
frequency with Im k < 0, whose guided waves grow outwards.
"""

from dataclasses import dataclass
from math import ceil, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import NoGuidedMode
from dfbdesign.materials import Material
from dfbdesign.units import nm

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

RAY = np.exp(0.25j * pi)
"""Direction of z in the absorbing layers: halfway between tails and outgoing waves."""
TAILS = (1.0, 3.0, 12.0)
"""Elements of each half-space, in decay lengths of the guided wave: one real, two absorbing."""
LARGEST_PHASE = 3.0
"""Largest phase of a wave across one element of a layer [rad]."""


@dataclass(frozen=True)
class Heights:
    """The basis in z: elements, and their exact integrals by region."""

    edges: Complex
    """Element edges from below, complex in the absorbing layers, shape (element + 1,) [µm]."""
    regions: tuple[int, ...]
    """Region of each element: 0 the substrate, then the layers, last the superstrate."""
    degree: int
    """Of the polynomials."""
    curvature: Complex
    """M⁻¹ K, shape (function, function)."""
    weights: Complex
    """M⁻¹ M_r, shape (region, function, function)."""

    def functions(self, z: Real) -> Real:
        """Values of the basis at real heights.

        Args:
            z: Heights between the absorbing layers, shape (point,) [µm].

        Returns:
            Shape (point, function).
        """
        nodes, count = lobatto(self.degree), len(self.edges) - 1
        low, high = self.edges[:-1].real, self.edges[1:].real
        element = np.clip(np.searchsorted(self.edges.real, z, side="right") - 1, 2, count - 3)
        local = 2 * (z - low[element]) / (high - low)[element] - 1
        legendre = np.polynomial.legendre.legvander
        shapes = np.linalg.solve(legendre(nodes, self.degree).T, legendre(local, self.degree).T)
        out = np.zeros((len(z), count * self.degree + 1))
        columns = element[:, None] * self.degree + np.arange(self.degree + 1)
        out[np.arange(len(z))[:, None], columns] = shapes.T
        return out[:, 1:-1]

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest real height [µm]."""
        return float(self.edges[2].real), float(self.edges[-3].real)


def lobatto(degree: int) -> Real:
    """Gauss-Lobatto points.

    Args:
        degree: Of the polynomials through them.

    Returns:
        Points in [-1, 1], shape (degree + 1,).
    """
    inner = np.polynomial.legendre.legroots(np.polynomial.legendre.legder([0] * degree + [1]))
    return np.concatenate([[-1.0], np.sort(np.real(inner)), [1.0]])


def heights(device: Device, degree: int) -> Heights:
    """The basis in z for a device.

    Args:
        device: Needs a grating and a target; TE.
        degree: Of the polynomials on each element.

    Returns:
        The basis.

    Raises:
        NoGuidedMode: If the wave of the grating's order is not guided against a half-space.
    """
    edges, regions = _elements(device)
    nodes = lobatto(degree)
    x, w = np.polynomial.legendre.leggauss(degree + 1)
    legendre = np.polynomial.legendre
    square = legendre.legvander(nodes, degree).T
    values = np.linalg.solve(square, legendre.legvander(x, degree).T)
    derivatives = [legendre.legval(x, legendre.legder(row)) for row in np.eye(degree + 1)]
    slopes = np.linalg.solve(square, np.array(derivatives))
    stiff, mass = (slopes * w) @ slopes.T * 2, (values * w) @ values.T / 2
    size = len(regions) * degree + 1
    stiffness = np.zeros((size, size), dtype=complex)
    masses = np.zeros((max(regions) + 1, size, size), dtype=complex)
    for number, (region, width) in enumerate(zip(regions, np.diff(edges), strict=True)):
        part = slice(number * degree, (number + 1) * degree + 1)
        stiffness[part, part] += stiff / width
        masses[region, part, part] += mass * width
    inner = slice(1, -1)  # u = 0 at both ends
    stiffness, masses = stiffness[inner, inner], masses[:, inner, inner]
    inverse = np.linalg.inv(masses.sum(axis=0))
    return Heights(edges, regions, degree, inverse @ stiffness, inverse @ masses)


def _elements(device: Device) -> tuple[Complex, tuple[int, ...]]:
    wavelength = device.need_target().wavelength
    below = _tails(device, device.substrate.material, "substrate") * -1
    above = _tails(device, device.superstrate.material, "superstrate")
    edges, regions, height = [*below[::-1], 0.0], [0] * len(below), 0.0
    for number, layer in enumerate(device.layers, start=1):
        materials = [layer.material, *([layer.lines.material] if layer.lines else [])]
        index = max(abs(complex(material.index(wavelength))) for material in materials)
        pieces = ceil(2 * pi / wavelength * index * layer.thickness / LARGEST_PHASE)
        edges += [height + layer.thickness * (n + 1) / pieces for n in range(pieces)]
        regions += [number] * pieces
        height += layer.thickness
    regions += [len(device.layers) + 1] * len(above)
    return np.array([*edges, *(height + above)], dtype=complex), tuple(regions)


def _tails(device: Device, material: Material, name: str) -> Complex:
    """Distances of the element edges in a half-space from the layers."""
    grating, wavelength = device.need_grating(), device.need_target().wavelength
    index = complex(material.index(wavelength)).real
    square = (grating.order * pi / grating.period) ** 2 - (2 * pi / wavelength * index) ** 2
    if square <= 0:
        raise NoGuidedMode(
            f"a period of {grating.period / nm:g} nm (order {grating.order}) guides no wave of "
            f"{wavelength / nm:g} nm against the {name}, index {index:.4g}. "
            "Choose a shorter period or a longer wavelength."
        )
    lengths = np.array([TAILS[0], *(RAY * np.array(TAILS[1:]))]) / sqrt(square)
    return np.cumsum(lengths)


@dataclass(frozen=True)
class Modes:
    """The modes of one slice at one frequency."""

    vectors: Complex
    """Coefficients of the modes, shape (function, mode)."""
    constants: Complex
    """Propagation constants along x, shape (mode,) [1/µm]."""


def slice_modes(heights: Heights, wavenumber: complex, permittivities: Complex) -> Modes:
    """Modes of a slice.

    Args:
        heights: The basis in z.
        wavenumber: Complex k = ω/c [1/µm].
        permittivities: By region, shape (region,).

    Returns:
        All modes of the basis.
    """
    operator = (
        wavenumber**2 * np.tensordot(permittivities, heights.weights, axes=1) - heights.curvature
    )
    squares, vectors = np.linalg.eig(operator)
    return Modes(vectors, np.exp(0.25j * pi) * np.sqrt(squares * np.exp(-0.5j * pi)))
