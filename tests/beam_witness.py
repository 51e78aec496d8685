"""What a finite grating radiates, from the polarisation currents of its lines: no coupled waves.

Everything but the film without lines and without gain counts as a source,
Δε = ε(x, z) - ε_bare(z), and radiates through that bare film, whose plane waves are sines and
cosines. With the field of the rigorous solver this is exact; with that of a slab mode it is the
first Born approximation.
"""

from dataclasses import dataclass
from math import pi

import numpy as np

from dfbdesign.solvers.finite import finite_modes
from dfbdesign.solvers.finite_field import mode_field

NODES, WEIGHTS = (one / 2 for one in np.polynomial.legendre.leggauss(8))
NODES = NODES + 0.5


@dataclass(frozen=True)
class Bare:
    """A film of one index on a substrate, under air."""

    substrate: float
    film: float
    thickness: float

    def response(self, k, kx, z, up):
        """E at the upper (lower) face for a unit source at height z: shape (kx, z)."""
        kx = np.asarray(kx, dtype=complex)[:, None]
        below, q, above = (
            np.sqrt((index * k) ** 2 - kx**2) for index in (self.substrate, self.film, 1.0)
        )
        behind, ahead = (below, above) if up else (above, below)
        y = np.asarray(z) if up else self.thickness - np.asarray(z)
        leaving = np.cos(q * y) - 1j * behind / q * np.sin(q * y)
        end = q * self.thickness
        value = np.cos(end) - 1j * behind / q * np.sin(end)
        slope = -q * np.sin(end) - 1j * behind * np.cos(end)
        return leaving / (slope - 1j * ahead * value)


@dataclass(frozen=True)
class Radiated:
    """Spectra of E on both faces, scaled as those of a beam: per photon generated."""

    wavenumber: float
    gain: float
    up: np.ndarray
    down: np.ndarray


def radiated(device, kx):
    """The first threshold mode of a finite device with "open" ends, one film in two layers."""
    (mode,) = finite_modes(device, count=1, accuracy=1e-6)
    k, gain = mode.threshold.wavenumber, mode.threshold.gain
    lower, upper = device.layers
    film = complex(upper.material.index(2 * pi / k))
    line = complex(lower.lines.material.index(2 * pi / k))
    x, along, inside = _columns(device)
    z = np.concatenate([lower.thickness * NODES, lower.thickness + upper.thickness * NODES])
    up = np.concatenate([lower.thickness * WEIGHTS, upper.thickness * WEIGHTS])[:, None] * along
    pumped = (film - 0.5j * gain / k) ** 2
    eps = np.where((z < lower.thickness)[:, None] & inside, line**2, pumped)
    field = mode_field(mode.solved, x, z)
    generated = -(k**2) * float((eps.imag * np.abs(field) ** 2 * up).sum())
    source = k**2 * (eps - film**2) * field * up * np.sqrt(k / generated)
    middle = (x[0] + x[-1]) / 2
    sent = np.exp(-1j * np.outer(kx, x - middle)) @ source.T
    bare = Bare(1.746, film.real, lower.thickness + upper.thickness)
    found = [(sent * bare.response(k, kx, z, side)).sum(axis=1) for side in (True, False)]
    return Radiated(k, gain, *found)


def _columns(device):
    """Quadrature along x, its weights, and where the lines are."""
    grating, duty = device.grating, device.layers[0].lines.duty
    gap = (1 - duty) / 2
    place = np.concatenate([gap * NODES, gap + duty * NODES, gap + duty + gap * NODES])
    weight = np.concatenate([gap * WEIGHTS, duty * WEIGHTS, gap * WEIGHTS])
    number = np.arange(grating.periods)
    start = number * grating.period
    for shift in grating.phase_shifts:
        start = start + shift.shift * (number >= round(shift.position * grating.periods))
    x = (start[:, None] + grating.period * place).ravel()
    inside = np.tile(np.abs(place - 0.5) < duty / 2, grating.periods)
    return x, np.tile(grating.period * weight, grating.periods), inside
