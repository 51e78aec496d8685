r"""What a threshold mode has to do with the pieces of its device along x.

With the two waves R and S of a mode at threshold, the derivative of
its wavenumber k with the material gain g of a part is (perturbation of the coupled waves of
`dfbdesign.lasers.cavity`; $c_g$, $h_g$ are the gain slopes of centre and half split)

$$ \frac{\partial k}{\partial g} = \frac{\int_{part} n_g\,[2 c_g R S + h_g (R^2 + S^2)]\,dx}
   {\int n_g\,2 R S\,dx} , $$

which makes the growth $T = 2c\,\mathrm{Im}\,\partial k/\partial g$; with the linewidth enhancement
$\alpha$ of the film the frequency moves by $c\,\mathrm{Re}[(1 - i\alpha)\,\partial k/\partial g]$.
What the film gives to the light is counted by energy instead,

$$ B = 2c\,\frac{\int_{part} n_g\,[\mathrm{Im}\,c_g\,I + \mathrm{Im}\,h_g\,2\mathrm{Re}(RS^*)]\,dx}
   {\int n_g I\,dx}, \qquad I = |R|^2 + |S|^2 , $$

and so is what leaves: through the ends, off the surface (even waves), or absorbed by the stack. The
two differ by what a change of the mode's shape does to its loss. The excess factor is
$K = |\int n_g I\,dx / \int n_g 2RS\,dx|^2$.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.lasers.laser import Laser, LasingMode
from dfbdesign.units import SPEED_OF_LIGHT

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_POINTS = 48  # along each piece, by Gauss's rule


@dataclass(frozen=True, eq=False)
class Overlap:
    """What one mode has to do with the parts of a device along x."""

    slope: Complex
    """dk/dg, shape (piece)."""
    given: Real
    """Power that unit gain of a piece gives to the mode, over its energy, B, (piece) [µm/ps]."""
    threshold: complex
    """What the slopes amount to with the gains at threshold [1/µm]."""
    sideways: float
    """Rate at which light leaves through both ends [1/ps]."""
    upwards: float
    """The same into the superstrate [1/ps]."""
    downwards: float
    """The same into the substrate [1/ps]."""
    absorbed: float
    """Rate at which the stack absorbs it, the film's dots apart [1/ps]."""
    scattered: float
    """Rate of any further loss of the guided light [1/ps]."""
    excess: float
    """K."""

    @property
    def shares(self) -> Real:
        """Of the light that leaves: up, down, sideways, absorbed or scattered."""
        lost = self.absorbed + self.scattered
        parts = np.array([self.upwards, self.downwards, self.sideways, lost])
        return np.asarray(parts / parts.sum())


@dataclass(frozen=True, eq=False)
class Pieces:
    """A device cut along x; shape (piece) each."""

    begin: Real
    """From the left end [µm]."""
    length: Real
    """[µm]"""
    stretch: NDArray[np.int64]
    """Number of the stretch it belongs to."""
    fluence: Real
    """Pump fluence over its peak."""
    filling: Real
    """Part of the width of the lines that the pump covers."""

    def gains(self, mode: LasingMode) -> Real:
        """Material gain at the threshold of a mode, shape (piece) [1/µm]."""
        return mode.pumped.gains(mode.threshold_material_gain)[0][self.stretch]


def pieces_of(solved: Laser, along: int) -> Pieces:
    """A device cut along x.

    Args:
        solved: The device.
        along: Pieces of a grating under an even pump.

    Returns:
        Pieces of equal pump, at least one per stretch.
    """
    stretches = solved.modes[0].pumped.stretches
    lengths = np.array([one.length for one in stretches])
    number = np.ceil(along * lengths / lengths.sum() - 1e-9).astype(int)
    own = np.repeat(np.arange(len(stretches)), number)
    length = (lengths / number)[own]
    return Pieces(
        begin=np.cumsum(length) - length,
        length=length,
        stretch=own,
        fluence=np.array([one.fluence for one in stretches])[own],
        filling=np.array([one.filling for one in stretches])[own],
    )


def overlap(mode: LasingMode, pieces: Pieces, shares: Real, loss: float = 0.0) -> Overlap:
    """What a mode has to do with the pieces of its device.

    Args:
        mode: The mode.
        pieces: The pieces.
        shares: Of what the even and the odd band edge lose: up, down, absorbed; shape (3, edge).
        loss: Further loss of the guided light [1/µm].

    Returns:
        Slopes, energies and losses.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    x = (pieces.begin + (nodes[:, None] + 1) / 2 * pieces.length).ravel()
    ends = [0.0, mode.pumped.length]
    forward, backward = mode.waves(np.concatenate([x, ends]))
    (first, last), (back, returned) = (abs(wave[-2:]) ** 2 for wave in (forward, backward))
    r, s = (wave[:-2].reshape(_POINTS, -1) for wave in (forward, backward))

    def integral(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(weights @ values / 2 * pieces.length)

    waves = [mode.pumped.stretches[own].waves for own in pieces.stretch]
    n = np.array([one.n_group for one in waves])
    gained = np.array([(one.centre_slope, one.half_split_slope) for one in waves]).T
    edges = np.array([(one.centre + one.half_split, one.centre - one.half_split) for one in waves])
    intensity, product = integral(n * (abs(r) ** 2 + abs(s) ** 2)), integral(n * 2 * r * s)
    beat, squares = integral(n * 2 * (r * s.conj()).real), integral(n * (r**2 + s**2))
    energy, pseudo = intensity.sum(), product.sum()
    even, odd = integral(n * abs(r + s) ** 2), integral(n * abs(r - s) ** 2)
    lost = -np.array([even, odd]) * edges.T.imag / energy
    radiated = SPEED_OF_LIGHT * np.sum(shares * lost.sum(axis=1), axis=1)
    out = (last - returned) + (back - first)
    slope = (gained[0] * product + gained[1] * squares) / pseudo
    return Overlap(
        slope=slope,
        threshold=complex(slope @ pieces.gains(mode)),
        given=2 * SPEED_OF_LIGHT * (gained[0].imag * intensity + gained[1].imag * beat) / energy,
        upwards=float(radiated[0]),
        downwards=float(radiated[1]),
        sideways=float(SPEED_OF_LIGHT * out / energy),
        absorbed=float(radiated[2]),
        scattered=float(SPEED_OF_LIGHT * loss * np.sum(intensity / n) / energy),
        excess=float(abs(energy / pseudo) ** 2),
    )
