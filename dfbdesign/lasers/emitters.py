r"""A laser mode as pieces of grating that radiate plane waves through the surface.

Every piece starts with the waves $W = (R, S)$, turns them by $e^{Mx}$ as the coupled equations of
`dfbdesign.solvers.sections` say, and radiates $\sum_p (u_p \cdot W)\,e^{iK_p x}$ into every open
diffraction order p. The amplitudes u are those of the unit cell
(`dfbdesign.solvers.cell_radiation`); where the lines change along the grating, they follow the
local loss, with directions and phases of the middle.
"""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.lasers.laser import LasingMode
from dfbdesign.lasers.output import Balance, balance
from dfbdesign.solvers.cell_radiation import CellRadiation
from dfbdesign.solvers.sections import hyperbolic, local, turn

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

SMALL = 1e-5
"""Phase and growth in a piece below which its two waves count as this far apart."""


@dataclass(frozen=True, eq=False)
class Emitters:
    """The pieces of a mode."""

    start: Real
    """Where each begins, from the middle of the device, shape (piece,) [µm]."""
    length: Real
    """Shape (piece,) [µm]."""
    kappa: Complex
    """Coupling coefficient, shape (piece,) [1/µm]."""
    delta: Complex
    """Δ of the coupled waves at threshold, shape (piece,) [1/µm]."""
    waves: Complex
    """R and S where it begins, per photon generated, shape (2, piece)."""
    lateral: Real
    """Wavenumber along x of each diffraction order, shape (order, piece) [1/µm]."""
    up: Complex
    """Tangential E above the uppermost interface, per R and S, where the piece begins, shape
    (order, 2, piece); index times cosine times |E|² of an order is power per length [µm^-½]."""
    down: Complex
    """The same below the lowest interface."""

    @property
    def extent(self) -> float:
        """From the first to the last piece [µm]."""
        return float(self.start[-1] + self.length[-1] - self.start[0])

    def field(self, amplitude: Complex, x: Real) -> Complex:
        """The field of each diffraction order at places.

        Args:
            amplitude: `up` or `down`.
            x: Positions from the middle of the device, shape (point,) [µm].

        Returns:
            Shape (order, point); zero where no piece is.
        """
        own = np.clip(np.searchsorted(self.start, x, side="right") - 1, 0, self.start.size - 1)
        inside = x - self.start[own]
        kappa, delta, waves = self.kappa[own], self.delta[own], self.waves[:, own]
        cosh, sinh, _, _, growth = hyperbolic(kappa, inside, delta)
        waves = np.exp(growth) * (cosh * waves + sinh * turn(kappa, delta, waves))
        orders = (amplitude[..., own] * waves).sum(axis=1)
        field = orders * np.exp(1j * self.lateral[:, own] * inside)
        return np.where((inside >= 0) & (inside <= self.length[own]), field, 0.0)

    def spectrum(self, amplitude: Complex, wavenumber: Real) -> Complex:
        r"""Fourier transform of a field, ∫ E exp(-i k_x x) dx, in closed form.

        $$ \int_0^l e^{-iqx} e^{Mx} W dx = l\,\varphi(Ml - iql)\,W, \qquad
           \varphi(z) = (e^z - 1)/z, \qquad q = k_x - K_p . $$

        Args:
            amplitude: `up` or `down`, shape (order, 2, piece).
            wavenumber: k_x, shape (point,) [1/µm].

        Returns:
            Shape (point,) [µm^½].
        """
        k = wavenumber[:, None, None]
        s = np.sqrt(self.kappa**2 - self.delta**2)
        s = np.where(np.abs(s * self.length) < SMALL, SMALL / self.length, s)  # even in s
        q = 1j * (self.lateral - k)
        rising, falling = (_phi((q + side * s) * self.length) for side in (1, -1))
        slope = turn(self.kappa, self.delta, self.waves)
        straight = (amplitude * self.waves).sum(axis=1)
        turned = (amplitude * slope).sum(axis=1)
        parts = (rising + falling) / 2 * straight + (rising - falling) / (2 * s) * turned
        parts = parts.sum(axis=1) * np.exp(-1j * k[:, 0] * self.start)
        return np.asarray(parts @ self.length)


def _phi(z: Complex) -> Complex:
    """(e^z - 1) / z, one at zero."""
    zero = z == 0
    return np.asarray(np.where(zero, 1.0, np.expm1(z) / np.where(zero, 1.0, z)))


def emitters(
    mode: LasingMode, device: Device, radiation: CellRadiation, indices: tuple[float, float]
) -> tuple[Emitters, tuple[float, float]]:
    """The pieces of a mode.

    Args:
        mode: A mode at threshold.
        device: Its device.
        radiation: What the coupled waves of its unit cell radiate.
        indices: Refractive index of the superstrate and of the substrate.

    Returns:
        The pieces, and the power that u_R R - u_S S would carry up and down.
    """
    grating, sections = device.need_grating(), mode.cavity.sections
    delta = np.array([complex(local(one, mode.mode.detuning, mode.mode.gain)) for one in sections])
    kappa = np.array([one.kappa for one in sections])
    lengths, phase = np.array([(one.length, one.phase) for one in sections]).T
    number = 1 + (np.abs(np.sqrt(kappa**2 - delta**2)) * lengths / 2).astype(int)
    own = np.repeat(np.arange(len(sections)), number)
    place = np.arange(own.size) - (np.cumsum(number) - number)[own]
    length = (lengths / number)[own]
    start = (np.cumsum(lengths) - lengths)[own] + place * length
    books = balance(mode, start)
    jump = np.exp(1j * np.where(place == 0, phase[own], 0.0))
    # The line-free stretches, which coupled waves only know as phases.
    inserted = np.cumsum(phase) * grating.period / (pi * grating.order)
    before = mode.pumped.stretches[0].length if grating.facets.left == "unpumped" else 0.0
    lines = grating.periods * grating.share(np.stack([start, start + length]) - before)
    turns = radiation.lateral[:, None] * grating.period  # of an order, from line to line
    lateral = turns * (lines[1] - lines[0]) / length
    sides, crossed = _amplitudes(mode, device, radiation, books, indices)
    carrier = np.exp(1j * turns * (lines[0] - 0.5))[:, None]
    return Emitters(
        start=start + inserted[own] - (mode.cavity.length + inserted[-1]) / 2,
        length=length,
        kappa=kappa[own],
        delta=delta[own],
        waves=books.waves * np.stack([jump, 1 / jump]),
        lateral=lateral,
        up=carrier * sides[0][..., own],
        down=carrier * sides[1][..., own],
    ), crossed


def _amplitudes(
    mode: LasingMode,
    device: Device,
    radiation: CellRadiation,
    books: Balance,
    indices: tuple[float, float],
) -> tuple[list[Complex], tuple[float, float]]:
    """Tangential E per R and S in the middle of a line, up and down, (order, 2, stretch) each.

    And the power of the crossed field up and down.
    """
    here, loss = np.divide(books.lost, books.passed), radiation.loss[:, None]
    stronger = np.divide(here, loss, out=np.zeros_like(here), where=loss > 0)
    sides, crossed = [], []
    for side, index in zip((radiation.up, radiation.down), indices, strict=True):
        even, odd = side[:, :, None] * np.sqrt(stronger)[:, None]
        sine = radiation.lateral * mode.wavelength / (2 * pi * index)
        cosine = np.sqrt(np.maximum(1 - sine**2, 0))
        is_open = (cosine > 0) & side.any(axis=0)
        factor = np.where(is_open, cosine, 1.0) ** (-0.5 if device.polarization == "TE" else 0.5)
        factor = (factor * is_open / np.sqrt(index))[:, None, None]
        sides.append(factor * np.stack([even + odd, even - odd], axis=1))
        powers = (np.abs(side) ** 2).sum(axis=1)
        crossed.append(float((powers[:, None] * stronger * books.passed[::-1]).sum()))
    return sides, (crossed[0], crossed[1])
