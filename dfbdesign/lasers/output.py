r"""Where the photons of a laser mode go: the exact power balance of its coupled waves.

From the equations of the coupled waves (`dfbdesign.lasers.cavity`) follows, with $k_e, k_o$ the
wavenumbers of the even and the odd band edge at the local material gain $g$,

$$ \frac{d}{dx}\left(|R|^2 - |S|^2\right) =
   n_g\left[\mathrm{Im}\,k_e(g)\,|R + S|^2 + \mathrm{Im}\,k_o(g)\,|R - S|^2\right], \qquad
   k(g) = k(0) + g\,\frac{dk}{dg} . $$

The terms with g are generation where the film has gain and absorption where it has none; the others
are radiation, by direction as `dfbdesign.solvers.cell_radiation` shares them out, and absorption in
the materials. What is left leaves through the ends. At threshold all of them add up to zero.

Roughness is not in the model; scattering counts as far as the device file gives a material an
extinction for it, and then as absorption.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import within
from dfbdesign.gain.film import unpumped_absorption
from dfbdesign.lasers.cavity import FilmCavity
from dfbdesign.lasers.laser import Laser, LasingMode
from dfbdesign.lasers.waves import Waves
from dfbdesign.solvers.cell_radiation import cell_radiation
from dfbdesign.solvers.sections import local

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True)
class Output:
    """Shares of the photons that the pumped film generates in a mode at threshold."""

    up: float
    """Radiated into the superstrate."""
    down: float
    """Radiated into the substrate."""
    left: float
    """Through the left end, along the film."""
    right: float
    """Through the right end."""
    film: float
    """Absorbed by film without enough pump for gain."""
    materials: float
    """Absorbed by the materials' own extinction."""

    @property
    def total(self) -> float:
        """Sum of all shares: one, but for rounding."""
        return self.up + self.down + self.left + self.right + self.film + self.materials


def output(laser: Laser, number: int = 0) -> Output:
    """Where the photons of a threshold mode go.

    Args:
        laser: The solved device.
        number: Of its mode, from 0 for the lowest threshold.

    Returns:
        Shares of the generated photons; none leaves upwards or downwards in an order that does not
        radiate, as the first.

    Raises:
        InputError: If there is no such mode, or the period has no mirror plane.

    Examples:
        >>> from dfbdesign import laser, load_device
        >>> shares = output(laser(load_device("examples/reference.toml")))
        >>> print(f"{shares.up:.3f} up, {shares.down:.3f} down, {shares.left:.3f} left")
        0.056 up, 0.019 down, 0.461 left
    """
    mode = mode_of(laser, number)
    books = balance(mode)
    up, down, materials = cell_radiation(laser.cell).shares @ books.lost.sum(axis=1)
    return Output(
        up=float(up),
        down=float(down),
        left=books.left,
        right=books.right,
        film=books.film,
        materials=float(materials),
    )


def mode_of(laser: Laser, number: int) -> LasingMode:
    """A mode by its number.

    Args:
        laser: The solved device.
        number: From 0 for the lowest threshold.

    Returns:
        The mode.

    Raises:
        InputError: If there is no such mode.
    """
    last = len(laser.modes) - 1
    within("number of the mode", number, 0, last, "0 is the one that lases first.")
    return laser.modes[number]


@dataclass(frozen=True, eq=False)
class Balance:
    """What a mode that generates one photon in unit time loses, and its waves."""

    passed: Real
    """∫|R + S|² dx and ∫|R - S|² dx over every stretch, shape (2, stretch) [µm]."""
    lost: Real
    """Radiated from these, and absorbed by the materials, shape (2, stretch)."""
    film: float
    """Absorbed by film without gain."""
    left: float
    """Through the left end."""
    right: float
    """Through the right end."""
    waves: Complex
    """R and S at the places asked for, shape (2, point)."""


def balance(mode: LasingMode, x: ArrayLike = ()) -> Balance:
    """The power balance of a mode.

    Args:
        mode: A mode at threshold.
        x: Positions along its cavity at which to return the waves, shape (point,) [µm].

    Returns:
        Everything per photon generated.
    """
    pumped, places = mode.pumped, np.asarray(x, dtype=float)
    nodes, weights, owners = _quadrature(mode)
    points = np.concatenate([[0.0], nodes, [mode.cavity.length], places])
    waves = np.stack(mode.waves(points))
    left, inner, right, asked = np.split(waves, np.cumsum([1, nodes.size, 1]), axis=1)
    squares = weights * np.abs(np.stack([inner.sum(axis=0), inner[0] - inner[1]])) ** 2
    count = len(pumped.stretches)
    passed = np.stack([np.bincount(owners, one, count) for one in squares])
    slopes, losses = np.moveaxis(np.array([_rates(one.waves) for one in pumped.stretches]), 0, -1)
    gain, absorption = _gains(pumped, mode.threshold_material_gain)
    amplified = (slopes * passed).sum(axis=0)
    generated = float(amplified @ gain)
    outward = np.abs(np.stack([left[::-1, 0], right[:, 0]])) ** 2
    ends = (outward[:, 0] - outward[:, 1]) / generated
    return Balance(
        passed=passed / generated,
        lost=losses * passed / generated,
        film=float(amplified @ absorption) / generated,
        left=float(ends[0]),
        right=float(ends[1]),
        waves=asked / np.sqrt(generated),
    )


def _quadrature(mode: LasingMode) -> tuple[Real, Real, NDArray[np.int64]]:
    """Gauss-Legendre places and weights along the cavity, and the stretch each belongs to."""
    places, weights, owners, start = [], [], [], 0.0
    for number, section in enumerate(mode.cavity.sections):
        delta = complex(local(section, mode.mode.detuning, mode.mode.gain))
        fastest = abs(np.sqrt(section.kappa**2 - delta**2))
        edges = start + np.linspace(0, section.length, 2 + int(fastest * section.length))
        half = np.diff(edges)[:, None] / 2
        places.append((edges[:-1, None] + half * (1 + NODES)).ravel())
        weights.append((half * WEIGHTS).ravel())
        owners.append(np.full(places[-1].size, number))
        start += section.length
    return np.concatenate(places), np.concatenate(weights), np.concatenate(owners)


def _rates(waves: Waves) -> tuple[list[float], list[float]]:
    """Gain over material gain, and loss [1/µm], of |R + S|² and of |R - S|²."""
    slopes, edges = (
        [(middle + half).imag, (middle - half).imag]
        for middle, half in (
            (waves.centre_slope, waves.half_split_slope),
            (waves.centre, waves.half_split),
        )
    )
    return [waves.n_group * one for one in slopes], [-waves.n_group * one for one in edges]


def _gains(cavity: FilmCavity, peak: float) -> tuple[Real, Real]:
    """Material gain and absorption of each stretch, where they are; shape (stretch,) each."""
    net, _ = cavity.gains(peak)
    unfilled = np.zeros_like(net)
    if cavity.film is not None:
        filling = np.array([stretch.filling for stretch in cavity.stretches])
        unfilled = (1 - filling) * unpumped_absorption(cavity.film)
    pumped = net + unfilled
    return np.maximum(pumped, 0), unfilled - np.minimum(pumped, 0)
