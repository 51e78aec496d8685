r"""What a mode of a channel waveguide is worth: derivatives, fields, overlaps.

Derivatives are exact ones of the discrete n_eff. With the power
$P = \tfrac12 \mathrm{Re} \int (E \times H^*)_x$ of each, one field excites the amplitude

$$ a = \frac{1}{4 \sqrt{P_1 P_2}} \int (E_1 \times H_2^* + E_2^* \times H_1)_x \,\mathrm{d}A $$

of another.
"""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from dfbdesign.solvers.ridge_grid import Line
from dfbdesign.solvers.ridge_operator import Operator, Wall

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Field:
    """Electric and magnetic field over a plane of constant x; H times the vacuum impedance."""

    y: Real
    """Across the ridge, shape (Y,) [µm]."""
    z: Real
    """Upwards, shape (Z,) [µm]."""
    weight: Real
    """Area of each point, shape (Y, Z) [µm²]."""
    electric: Complex
    """E_x, E_y, E_z, shape (3, Y, Z)."""
    magnetic: Complex
    """H_x, H_y, H_z, shape (3, Y, Z)."""

    @property
    def power(self) -> float:
        """Real power through the plane, in the units of the field."""
        return _flux(self.electric, self.magnetic, self.weight).real / 2

    def on(self, other: "Field") -> "Field":
        """The same field, linearly interpolated to the points of another, zero outside."""
        across, upwards = _interpolation(self.y, other.y), _interpolation(self.z, other.z)
        return Field(
            other.y,
            other.z,
            other.weight,
            across @ self.electric @ upwards.T,
            across @ self.magnetic @ upwards.T,
        )


def overlap(first: Field, second: Field) -> complex:
    """Amplitude with which one field excites the other, both of unit power.

    Args:
        first: The incoming field, interpolated to the points of the second.
        second: The mode it excites.

    Returns:
        The complex amplitude; its squared modulus is the transmitted power where reflections can
        be neglected.
    """
    here = first.on(second)
    crossed = _flux(here.electric, second.magnetic, second.weight)
    back = _flux(second.electric, here.magnetic, second.weight)
    return complex((crossed + np.conj(back)) / (4 * sqrt(first.power * second.power)))


def _flux(electric: Complex, magnetic: Complex, weight: Real) -> complex:
    density = electric[1] * np.conj(magnetic[2]) - electric[2] * np.conj(magnetic[1])
    return complex(np.sum(density * weight))


def _interpolation(known: Real, wanted: Real) -> Real:
    """Weights of linear interpolation, zero outside, shape (wanted, known)."""
    after = np.clip(np.searchsorted(known, wanted), 1, len(known) - 1)
    share = (wanted - known[after - 1]) / (known[after] - known[after - 1])
    weights, rows = np.zeros((len(wanted), len(known))), np.arange(len(wanted))
    weights[rows, after - 1], weights[rows, after] = 1 - share, share
    weights[(share < -0.5) | (share > 1.5)] = 0  # a mode's own ends lie half a cell outside
    return weights


@dataclass(frozen=True)
class RidgeMode:
    """One mode of a channel waveguide."""

    n_eff: complex
    """Effective index; a positive imaginary part is a loss. Of a bend, at y = 0."""
    operator: Operator
    """The discrete problem it solves."""
    fluxes: Complex
    """Its transverse solution, the fluxes d of the operator."""

    @cached_property
    def _voltages(self) -> Complex:
        return self.operator.voltages(self.fluxes)

    @cached_property
    def _power(self) -> complex:
        _, h_y, h_z = self.operator.magnetic(self.n_eff, self.fluxes)
        count = h_z.size
        return complex(np.sum(self._voltages[:count] * h_z) - np.sum(self._voltages[count:] * h_y))

    @cached_property
    def _longitudinal(self) -> Complex:
        return self.operator.longitudinal(self.fluxes)

    def _response(self, ordinary: Complex, extraordinary: Complex) -> complex:
        """Change of n_eff per change of the materials' permittivities, shape (material,)."""
        eta, eps_x = self.operator.inverse((ordinary, extraordinary))
        d, u = self.fluxes, self._longitudinal
        return complex((np.sum(eps_x * u**2) / self.n_eff**2 - d @ (eta @ d)) / (2 * self._power))

    @cached_property
    def sensitivity(self) -> Complex:
        """d(n_eff)/d(index) of each material, both of its axes at once, shape (material,).

        The real part is the confinement: modal over material gain.
        """
        section = self.operator.section
        slopes = 2 * np.sqrt(section.ordinary), 2 * np.sqrt(section.extraordinary)
        one = np.eye(len(section.ordinary))
        return np.array([self._response(row * slopes[0], row * slopes[1]) for row in one])

    @cached_property
    def n_group(self) -> complex:
        """Group index, with material dispersion."""
        section, n, d, u = self.operator.section, self.n_eff, self.fluxes, self._longitudinal
        ih_x, h_y, h_z = self.operator.magnetic(n, d)
        mu_x, mu_y, mu_z = self.operator.permeability
        eta, eps_x = self.operator.inverse()
        energy = d @ (eta @ d) + np.sum(eps_x * u**2) / n**2
        energy += np.sum(mu_z * h_z**2) + np.sum(mu_y * h_y**2) + np.sum(mu_x * ih_x**2)
        dispersion = self._response(section.ordinary_slope, section.extraordinary_slope)
        return complex(energy / (2 * self._power) - section.wavelength * dispersion)

    @cached_property
    def field(self) -> Field:
        """The field at the cell centres of the whole cross-section."""
        operator = self.operator
        y, z = operator.y, operator.z
        hy, hy_dual, hz, hz_dual, m, _ = operator.sizes
        e_y, e_z, e_x = self._on_grid()
        ih_x, b_y, b_z = self._magnetic_on_grid()
        electric = [
            _middle(_middle(e_x / m, 0), 1),
            _middle(e_y / hy, 1),
            _middle(e_z / hz, 0),
        ]
        m_between = 1 + operator.section.curvature * y.stretched[1::2, None]
        magnetic = [
            -1j * ih_x / m_between,
            _middle(b_y / hy_dual, 0),
            _middle(b_z / hz_dual, 1),
        ]
        parts = np.array([*electric, *magnetic])
        for axis, wall in enumerate(operator.walls):
            if wall is not None:
                parts = _unfolded(parts, axis, wall)
        full_y, full_z = _whole(y, operator.walls[0]), _whole(z, operator.walls[1])
        weight = np.outer(np.diff(full_y[::2]), np.diff(full_z[::2]))
        return Field(full_y[1::2], full_z[1::2], weight, parts[:3], parts[3:])

    def _on_grid(self) -> tuple[Complex, Complex, Complex]:
        """Voltages e_y, e_z and e_x on the whole of this half, zeros at the walls included."""
        x, y, z = self.operator.kept
        ny, nz = self.operator.y.cells, self.operator.z.cells
        count = int(y.sum())
        values = self._longitudinal / (1j * self.n_eff)
        return (
            _placed(self._voltages[:count], y, (ny, nz + 1)),
            _placed(self._voltages[count:], z, (ny + 1, nz)),
            _placed(values, x, (ny + 1, nz + 1)),
        )

    def _magnetic_on_grid(self) -> tuple[Complex, Complex, Complex]:
        _, y, z = self.operator.kept
        ny, nz = self.operator.y.cells, self.operator.z.cells
        ih_x, h_y, h_z = self.operator.magnetic(self.n_eff, self.fluxes)
        return ih_x.reshape(ny, nz), _placed(h_y, z, (ny + 1, nz)), _placed(h_z, y, (ny, nz + 1))

    @property
    def te_fraction(self) -> float:
        """Share of |E_y|² in the transverse |E|²."""
        _, across, upwards = np.sum(np.abs(self.field.electric) ** 2 * self.field.weight, (1, 2))
        return float(across / (across + upwards))

    @property
    def effective_area(self) -> float:
        """(∫|E|²)² / ∫|E|⁴ [µm²]."""
        intensity = np.sum(np.abs(self.field.electric) ** 2, axis=0)
        weight = self.field.weight
        return float(np.sum(intensity * weight) ** 2 / np.sum(intensity**2 * weight))

    @property
    def edge(self) -> float:
        """Largest field at the window's ends over the largest anywhere."""
        size = np.linalg.norm(self.field.electric, axis=0)
        ends = max(size[0].max(), size[-1].max(), size[:, 0].max(), size[:, -1].max())
        return float(ends / size.max())


def _placed(values: Complex, kept: NDArray[np.bool_], shape: tuple[int, int]) -> Complex:
    full = np.zeros(kept.size, dtype=complex)
    full[kept] = values
    return full.reshape(shape)


def _middle(values: Complex, axis: int) -> Complex:
    before, after = np.delete(values, -1, axis), np.delete(values, 0, axis)
    return np.asarray((before + after) / 2)


def _unfolded(parts: Complex, axis: int, wall: Wall) -> Complex:
    """Both halves of (E, H), shape (6, Y, Z), from the upper one."""
    even = np.zeros(6, dtype=bool)
    even[[1 + axis, 3, 5 - axis]] = True  # E across an electric wall, H along it
    sign = np.where(even == (wall == "electric"), 1.0, -1.0)[:, None, None]
    return np.concatenate([sign * np.flip(parts, axis + 1), parts], axis=axis + 1)


def _whole(line: Line, wall: Wall | None) -> Real:
    if wall is None:
        return line.real
    return np.concatenate([2 * line.real[0] - line.real[:0:-1], line.real])
