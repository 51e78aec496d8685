"""One Bloch mode of the infinite grating, and what follows from its field."""

from dataclasses import dataclass, field
from math import inf, pi
from typing import Literal

import numpy as np

from dfbdesign.device import Device
from dfbdesign.solvers.cell_gradient import Gradient, gradient, sensitivity
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import Cells, System
from dfbdesign.solvers.mode_search import Found

Label = Literal["bright", "dark", "guided"]
Parity = Literal["even", "odd", "none"]


@dataclass(frozen=True)
class Emission:
    """Power that a mode radiates, by diffraction order; the shares of both sides sum to one."""

    lateral: Real
    """Wavenumber along x of each open order, shape (order,) [1/µm]."""
    up: Real
    """Share of the radiated power that leaves into the superstrate, shape (order,)."""
    down: Real
    """The same into the substrate."""
    angle_up: Real
    """Angle from the normal in the superstrate [rad]; nan for an order that is closed there."""
    angle_down: Real
    """The same in the substrate."""


@dataclass(frozen=True)
class Fields:
    """Electric and magnetic field of a mode; H in units in which the vacuum impedance is 1."""

    electric: Complex
    """Components x, y, z; shape (3, row, column); the largest modulus is 1."""
    magnetic: Complex
    """The same of the magnetic field, on the same scale."""


@dataclass(frozen=True)
class CellMode:
    """One Bloch mode of the infinite grating."""

    label: Label
    """bright (radiates along the normal), dark (symmetry forbids it), guided (nothing radiates)."""
    parity: Parity
    """Symmetry of E_y (TE) or H_y (TM) about the middle of the period."""
    wavenumber: complex
    """ω/c, Im < 0 for a mode that decays [1/µm]."""
    wavelength_error: float
    """Bound of the numerical error of the wavelength: the last change of any mode [µm]."""
    threshold_gain: float | None
    """Material gain of the gain layers at which the infinite grating lases [1/µm]; `None` without
    a gain layer, or if no gain up to 2 Re k (an index of n - i) makes it lase."""
    gain_slope: complex | None
    """dk/dg, exact derivative of the wavenumber with respect to material gain."""
    confinement: float | None
    """Modal over material gain (both power, per length); for the band edges next to the target,
    `None` for other modes and without gain."""
    device: Device = field(repr=False, compare=False)
    cells: Cells = field(repr=False, compare=False)
    found: Found = field(repr=False, compare=False)

    @property
    def wavelength(self) -> float:
        """Vacuum wavelength 2π / Re k [µm]."""
        return 2 * pi / self.wavenumber.real

    @property
    def quality_factor(self) -> float:
        """-Re k / (2 Im k); infinite for a mode that cannot decay, or not within rounding."""
        if self.wavenumber.imag == 0:
            return inf
        return -self.wavenumber.real / (2 * self.wavenumber.imag)

    @property
    def gradient(self) -> Gradient:
        """Exact derivatives of the wavenumber, dimension by dimension."""
        return gradient(self.cells, self.found)

    def sensitivity(self, path: str) -> complex:
        """Exact change of the wavenumber with one value p of the device, dk/dp.

        Args:
            path: Path of the value, as for `dfbdesign.device.changed`; for a material the
                derivative is against its index.

        Returns:
            dk/dp [1/µm per unit of the value].

        Raises:
            InputError: If the path is no dimension or material of the period.
        """
        return sensitivity(self.device, self.cells, self.found, path)

    def wavelength_sensitivity(self, path: str) -> float:
        """Change of the wavelength with one value p of the device, dλ/dp.

        Args:
            path: As for `sensitivity`.

        Returns:
            dλ/dp [µm per unit of the value].

        Raises:
            InputError: If the path is no dimension or material of the period.
        """
        return -2 * pi / self.wavenumber.real**2 * self.sensitivity(path).real

    def layer_shares(self) -> Real:
        """Share of the electric energy in the substrate, every layer and the superstrate.

        Each is -2 ε/k ∂k/∂ε for the whole layer, the exact confinement; in media without
        dispersion they sum to one.

        Returns:
            Shape (layer + 2,).
        """
        media = self.found.system(self.cells).media
        derivatives = self.gradient
        o = np.array([medium.ordinary[0] for medium in media])
        e = np.array([medium.extraordinary[0] for medium in media])
        scaled = derivatives.ordinary @ o + derivatives.extraordinary @ e
        shares = -2 / self.wavenumber * scaled
        total = np.zeros(len(self.device.layers) + 2)
        layers = [0, *(part.layer + 1 for part in self.cells.period.slices), len(total) - 1]
        np.add.at(total, layers, shares.real)
        return total

    def profile(self, x: Real, z: Real) -> Complex:
        """Field E_y (TE) or H_y (TM), scaled to a largest modulus of 1.

        Args:
            x: Positions from the line centre, shape (column,) [µm].
            z: Heights above the substrate, shape (row,) [µm].

        Returns:
            Complex field, shape (row, column).
        """
        u, _ = _amplitudes(self, z)
        values = u @ self._functions(x)[0].T
        return np.asarray(values / values.flat[np.abs(values).argmax()])

    def fields(self, x: Real, z: Real) -> Fields:
        """All components of the field.

        Args:
            x: Positions from the line centre, shape (column,) [µm].
            z: Heights above the substrate, shape (row,) [µm].

        Returns:
            Electric and magnetic field.
        """
        u, rise = _amplitudes(self, z)
        value, slope = self._functions(x)
        k = self.wavenumber
        main, along_x, along_z = u @ value.T, u @ slope.T, rise @ value.T
        none = np.zeros_like(main)
        if self.device.polarization == "TE":
            electric = np.stack([none, main, none])
            magnetic = np.stack([-along_z, none, along_x]) / (1j * k)
        else:
            across, along = self._permittivity(x, z)
            magnetic = np.stack([none, main, none])
            electric = np.stack([-along_z / across, none, along_x / along]) * 1j / k
        scale = electric.flat[np.abs(electric).argmax()]
        return Fields(electric / scale, magnetic / scale)

    def _functions(self, x: Real) -> tuple[Complex, Complex]:
        row, sector = int(self.found.row[0]), int(self.found.sector[0])
        return self.cells.lateral.functions(row, sector, x / self.cells.period.length[row])

    def _permittivity(self, x: Real, z: Real) -> tuple[Complex, Complex]:
        """ε_x and ε_z at every point, shape (row, column) each."""
        period, row = self.cells.period, int(self.found.row[0])
        media = self.found.system(self.cells).media
        place = x / period.length[row]
        place = place - np.round(place)
        numbers = np.empty((len(z), len(x)), dtype=int)
        heights = np.cumsum([0.0, *(float(part.thickness[row]) for part in period.slices)])
        slices = np.searchsorted(heights, z, side="right") - 1
        numbers[slices < 0] = period.substrate
        numbers[z >= heights[-1]] = period.superstrate
        for number, part in enumerate(period.slices):
            region = np.clip(np.searchsorted(part.walls[row], place, side="right") - 1, 0, None)
            filled = np.array(part.regions)[np.minimum(region, len(part.regions) - 1)]
            numbers[(slices == number) & (z < heights[-1])] = filled
        o = np.array([medium.ordinary[0] for medium in media])
        e = np.array([medium.extraordinary[0] for medium in media])
        return o[numbers], e[numbers]

    def emission(self) -> Emission | None:
        """Where the radiated power goes.

        Returns:
            Shares of up and down by order; `None` for a mode of which nothing radiates.
        """
        return _emission(self)

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


def quality_factors(wavenumber: Complex) -> Real:
    """Quality factors of many modes, -Re k / (2 Im k).

    Args:
        wavenumber: Complex k = ω/c, any shape [1/µm].

    Returns:
        The same shape; infinite where the imaginary part is zero.
    """
    with np.errstate(divide="ignore"):
        return np.where(wavenumber.imag == 0, inf, -wavenumber.real / (2 * wavenumber.imag))


def _amplitudes(mode: CellMode, z: Real) -> tuple[Complex, Complex]:
    """Lateral amplitudes and their slopes at heights above the substrate, shape (height, n)."""
    system = mode.found.system(mode.cells)
    u = system.interfaces(mode.found.vector)
    out, slope = (np.zeros((len(z), u.shape[-1]), dtype=complex) for _ in range(2))
    below, above = (system.outer(upper)[0][0] for upper in (False, True))
    edges = np.cumsum([0.0, *(float(one.thickness[0, 0]) for one in system.modes)])
    low, high = z < 0, z > edges[-1]
    out[low] = u[0, 0] * np.exp(below * z[low, None])
    slope[low] = below * out[low]
    for number, one in enumerate(system.modes):
        inside = (z >= edges[number]) & (z <= edges[number + 1])
        heights = (z[inside] - edges[number])[None]
        value, rise = one.profile(u[:, number], u[:, number + 1], heights)
        out[inside], slope[inside] = value[0], rise[0]
    out[high] = u[0, -1] * np.exp(-above * (z[high, None] - edges[-1]))
    slope[high] = -above * out[high]
    return out, slope


def open_orders(system: System, upper: bool) -> tuple[Complex, Complex]:
    """Outgoing wavenumbers along z of the orders of a half-space, zero for closed ones.

    Args:
        system: Modes; their real wavenumbers count.
        upper: The superstrate, else the substrate.

    Returns:
        k_z [1/µm] and power per squared field, shape (mode, n) each.
    """
    medium = system.half_space(upper)
    o, e = medium.ordinary.real[:, None], medium.extraordinary.real[:, None]
    k = system.k.real[:, None]
    square = k**2 * o - system.square if system.te else (k**2 - system.square / e) * o
    along_z = np.sqrt(np.maximum(square, 0)) + 0j
    return along_z, along_z if system.te else along_z / o


def _emission(mode: CellMode) -> Emission | None:
    system = mode.found.system(mode.cells)
    u = system.interfaces(mode.found.vector)[0]
    (up_z, up), (down_z, down) = (open_orders(system, upper) for upper in (True, False))
    power = np.abs(u[-1]) ** 2 * up[0].real, np.abs(u[0]) ** 2 * down[0].real
    total = power[0].sum() + power[1].sum()
    orders = np.flatnonzero((up_z[0].real > 0) | (down_z[0].real > 0))
    if len(orders) == 0 or mode.wavenumber.imag == 0:
        return None
    lateral = np.sqrt(np.maximum(system.square[0, orders], 0))
    if mode.parity == "none":
        value, slope = mode._functions(np.zeros(1))
        lateral = np.imag(slope[0, orders] / value[0, orders])

    def angle(along_z: Complex) -> Real:
        found = np.arctan2(lateral, along_z[0, orders].real)
        return np.where(along_z[0, orders].real > 0, found, np.nan)

    return Emission(
        lateral, power[0][orders] / total, power[1][orders] / total, angle(up_z), angle(down_z)
    )
