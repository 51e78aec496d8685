r"""What the coupled waves of a grating radiate: the complex amplitude of every plane wave.

Near a pair of band edges the field is $(R + S)\,\psi_e + i\,(R - S)\,\psi_o$, with even and odd
cell fields scaled to one form $f = x^T(\partial F/\partial k)x$ (`dfbdesign.solvers.modal`) and of
the same sign in the harmonic that the grating feeds back. A plane wave that has the amplitude u in
such a field takes away, per length and per power of a running wave, $n_g p_z|u|^2/|f|$, with the
outgoing $p_z = k_z$ (TE) or $k_z/\epsilon$ (TM).

The coupled waves lose exactly $-n_g[\mathrm{Im}\,k_e|R + S|^2 + \mathrm{Im}\,k_o|R - S|^2]$.
Radiation and absorption by the materials share either term in proportion to their powers, whose sum
is that term but for second orders of the loss.
"""

from dataclasses import dataclass
from math import pi

import numpy as np

from dfbdesign.errors import InputError
from dfbdesign.solvers.cell_forms import wavenumber_form
from dfbdesign.solvers.cell_mode import CellMode, open_orders
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.unit_cell import CellModes


@dataclass(frozen=True, eq=False)
class CellRadiation:
    """Plane waves that leave the grating, per unit of R + S and of R - S."""

    lateral: Real
    """Wavenumber along x of each plane wave, ascending, shape (order,) [1/µm]."""
    up: Complex
    """Amplitudes into the superstrate, from R + S and from R - S, shape (2, order) [µm^-½]. The
    square of the modulus is power per length over the power of a wave; the phase is that of E_y
    (TE) or H_y (TM) over the middle of a line, at the uppermost interface."""
    down: Complex
    """The same into the substrate, at the lowest interface."""
    absorption: Real
    """Power per length that the materials absorb, per |R + S|² and |R - S|², shape (2,) [1/µm]."""

    @property
    def loss(self) -> Real:
        """Power lost per length, per |R + S|² and |R - S|², shape (2,) [1/µm]."""
        return np.asarray(sum(self._powers()))

    @property
    def shares(self) -> Real:
        """Shares of it that go up, go down and are absorbed, shape (3, 2); zero without loss."""
        loss = self.loss
        return np.array(self._powers()) / np.where(loss > 0, loss, 1.0)

    def _powers(self) -> tuple[Real, Real, Real]:
        up, down = ((np.abs(side) ** 2).sum(axis=1) for side in (self.up, self.down))
        return up, down, self.absorption


def cell_radiation(cell: CellModes) -> CellRadiation:
    """What the coupled waves of a unit cell radiate, and what its materials absorb.

    Args:
        cell: Modes of the infinite grating.

    Returns:
        Amplitudes of all open diffraction orders: none if the grating feeds back without radiating.

    Raises:
        InputError: If the period has no mirror plane.
        NoGuidedMode: If there is no pair of band edges.

    Examples:
        >>> from dfbdesign import load_device, modes
        >>> found = cell_radiation(modes(load_device("examples/reference.toml")))
        >>> up, down = (np.sum(np.abs(side) ** 2) for side in (found.up, found.down))
        >>> print(found.lateral, f"{up / (up + down):.3f} upwards")
        [0.] 0.751 upwards
    """
    edges = cell.band_edges
    if edges[0].parity == "none":
        raise InputError(
            "what a grating radiates needs a period with a mirror plane: leave out centre in "
            "lines, and give further_lines in pairs about the middle."
        )
    parts = [_plane_waves(mode) for mode in edges]
    numbers = np.unique(np.concatenate([part.numbers for part in parts]))
    period = float(edges[0].cells.period.length[0])
    found = CellRadiation(
        lateral=pi / period * numbers,
        up=np.zeros((2, len(numbers)), dtype=complex),
        down=np.zeros((2, len(numbers)), dtype=complex),
        absorption=np.zeros(2),
    )
    # Pure cosines and sines of the wave fed back would have the same sign.
    sign = np.sign(np.vdot(parts[0].fed_back, parts[1].fed_back).real)
    for parity, (mode, part) in enumerate(zip(edges, parts, strict=True)):
        lost = -(cell.n_group or 1.0) * mode.wavenumber.imag
        absorbed = _absorption(mode)
        radiated = float((np.abs(part.up) ** 2 + np.abs(part.down) ** 2).sum())
        if lost <= 0 or radiated + absorbed <= 0:
            continue
        factor = np.sqrt(lost / (radiated + absorbed))
        places = np.searchsorted(numbers, part.numbers)
        turn = 1j * sign if parity else 1.0
        found.up[parity, places] = factor * turn * part.up
        found.down[parity, places] = factor * turn * part.down
        found.absorption[parity] = factor**2 * absorbed
    return found


@dataclass(frozen=True)
class _PlaneWaves:
    """Plane waves of one cell mode, scaled so that |amplitude|² is n_g⁻¹ times power per length."""

    numbers: Real
    """Wavenumbers along x over π/period, shape (order,)."""
    up: Complex
    down: Complex
    fed_back: Complex
    """The harmonic that the grating feeds back, at every interface."""


def _plane_waves(mode: CellMode) -> _PlaneWaves:
    system = mode.found.system(mode.cells)
    u = system.interfaces(mode.found.vector)
    u = u[0] / np.sqrt(wavenumber_form(system, u, u)[0])
    lateral = np.sqrt(np.maximum(system.square[0], 0))  # a constant's may be -0 but for rounding
    orders = np.rint(lateral * float(system.cells.period.length[0]) / pi)
    up, down = (np.sqrt(open_orders(system, upper)[1][0].real) for upper in (True, False))
    (open_,) = np.nonzero(up + down)
    positive = open_[orders[open_] > 0]
    # cos Kx and sin Kx send a plane wave to either side.
    half = np.sqrt(0.5) * (-1j if mode.parity == "odd" else 1.0)
    back = half if mode.parity == "even" else -half
    places = np.concatenate([positive[::-1], open_])
    numbers = np.concatenate([-orders[positive[::-1]], orders[open_]])
    share = np.where(numbers == 0, 1.0, np.where(numbers > 0, half, back))
    order = mode.device.need_grating().order
    return _PlaneWaves(
        numbers,
        share * up[places] * u[-1, places],
        share * down[places] * u[0, places],
        u[:, np.abs(orders - order).argmin()],
    )


def _absorption(mode: CellMode) -> float:
    """The part of -Im k that the materials' absorption makes, to first order."""
    real = np.array([mode.wavenumber.real + 0j])
    media = mode.cells.at(real, mode.found.row, mode.found.sector).media
    derivatives = mode.gradient
    o = np.array([medium.ordinary[0].imag for medium in media])
    e = np.array([medium.extraordinary[0].imag for medium in media])
    change = derivatives.ordinary.real @ o + derivatives.extraordinary.real @ e
    return max(0.0, -float(change.sum()))
