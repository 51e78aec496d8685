r"""Pairs of band edges, and the coupled-wave coefficients they amount to.

With the even and odd wavenumbers $k_e, k_o$, centre $k_c = (k_e + k_o)/2$ and $C = (k_e - k_o)/2$,
the bands near the symmetry point are $(k - k_c)^2 = C^2 + (q/n_g)^2$; the coupled-mode coefficient
is $\kappa = n_g C$: real for index coupling, with $\mathrm{Im}\,\kappa < 0$ for radiation. To first
order a Bloch wavevector $q$ mixes both fields by $q\,m$, where $m$ integrates
$f_o f_e' - f_o' f_e$ (times $1/\epsilon_z$ for TM) over the period, and
$n_g^2 = f_e f_o / m^2$ with the forms $f = x^T(\partial F/\partial k)x$.
"""

import numpy as np

from dfbdesign.solvers.convergence import Solved
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import Index, System

ALIKE = 0.5
"""Least correlation of an odd field with the slope of an even one, for edges of one slab mode."""


def mixing(solved: Solved, even: Index, odd: Index) -> tuple[Complex, Real]:
    """How a Bloch wavevector mixes even and odd modes, pair by pair.

    Args:
        solved: Modes.
        even: Places of even modes, shape (pair,).
        odd: Places of odd modes of the same devices.

    Returns:
        1/n_group² [dimensionless] and the correlation of the odd field with the slope of the even
        one, shape (pair,) each.
    """
    system, (u, _), cells = solved.system, solved.fields, solved.cells
    total, numbers = np.zeros(len(even), dtype=complex), np.zeros((3, len(even)), dtype=complex)
    matrices = [matrix[system.row[even]] for matrix in cells.lateral.mixing]
    later = iter(matrices[1:])
    for number, part in enumerate(cells.period.slices):
        field, _, weights = system.samples(number, u)
        e, o, w = field[even], field[odd], weights[even][:, :, None]
        turned, weighted = e @ np.swapaxes(matrices[0], -1, -2), w * o
        inside = np.sum(weighted * turned, axis=(1, 2))
        numbers[0] += np.sum(weighted.conj() * turned, axis=(1, 2))
        numbers[1] += np.sum(weighted * o.conj(), axis=(1, 2))
        numbers[2] += np.sum(w * turned * turned.conj(), axis=(1, 2))
        if system.te:
            total += inside
            continue
        inverse = [1 / system.media[j].extraordinary[even] for j in part.fillings]
        total += inverse[0] * inside
        for one in inverse[1:]:
            turned = e @ np.swapaxes(next(later), -1, -2)
            total += (one - inverse[0]) * np.sum(weighted * turned, axis=(1, 2))
    total += _outside(system, u, matrices[0], even, odd)
    alike = np.abs(numbers[0]) / np.sqrt((numbers[1] * numbers[2]).real)
    return total**2 / (solved.form[even] * solved.form[odd]), alike


def _outside(system: System, u: Complex, matrix: Complex, even: Index, odd: Index) -> Complex:
    """The half-spaces' part: fields that decay, or go out, at both rates together."""
    total = np.zeros(len(even), dtype=complex)
    period = system.cells.period
    for upper in (False, True):
        gamma = system.outer(upper)[0]
        end = -1 if upper else 0
        e, o = u[even, end], u[odd, end]
        medium = system.media[period.superstrate if upper else period.substrate]
        weight = 1.0 if system.te else 1 / medium.extraordinary[even]
        both = gamma[odd][:, :, None] + gamma[even][:, None, :]
        total += weight * (o[:, None] @ (matrix / both) @ e[:, :, None])[:, 0, 0]
    return total


def pairs(solved: Solved, centre: float) -> tuple[Index, Index, Index, Real]:
    """Even and odd band edge of one slab mode, the pair next to a wavenumber, of every device.

    Args:
        solved: All modes around that wavenumber, split into even and odd.
        centre: The wavenumber [1/µm].

    Returns:
        Devices that have a pair, places of its even and of its odd mode, and its group
        index; shape (pair,) each.
    """
    found = solved.found
    chosen: dict[int, tuple[float, int, int, float]] = {}
    evens, odds = [], []
    for row in np.unique(found.row):
        here = np.flatnonzero(found.row == row)
        for even in here[found.sector[here] == 0]:
            for odd in here[found.sector[here] == 1]:
                evens.append(even)
                odds.append(odd)
    if not evens:
        nothing = np.zeros(0, dtype=int)
        return nothing, nothing, nothing, np.zeros(0)
    e, o = np.array(evens), np.array(odds)
    inverse, alike = mixing(solved, e, o)
    distance = np.abs(found.k[e] - found.k[o]) + np.abs(found.k[e] + found.k[o] - 2 * centre) / 2
    for place in np.argsort(distance):
        row = int(found.row[e[place]])
        if alike[place] > ALIKE and row not in chosen:
            index = float(np.sqrt(1 / inverse[place]).real)
            chosen[row] = float(distance[place]), int(e[place]), int(o[place]), index
    rows = np.array(sorted(chosen), dtype=int)
    picked = [chosen[int(row)] for row in rows]
    return (
        rows,
        np.array([one[1] for one in picked], dtype=int),
        np.array([one[2] for one in picked], dtype=int),
        np.array([one[3] for one in picked]),
    )
