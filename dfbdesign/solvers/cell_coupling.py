r"""Pairs of band edges, and the coupled-wave coefficients they amount to.

With the even and odd wavenumbers $k_e, k_o$, centre $k_c = (k_e + k_o)/2$ and $C = (k_e - k_o)/2$,
the bands near the symmetry point are $(k - k_c)^2 = C^2 + (q/n_g)^2$; the coupled-mode coefficient
is $\kappa = n_g C$: real for index coupling, with $\mathrm{Im}\,\kappa < 0$ for radiation. To first
order a Bloch wavevector $q$ mixes both fields by $q\,m$, where $m$ integrates
$f_o f_e' - f_o' f_e$ (times $1/\epsilon_z$ for TM) over the period, and
$n_g^2 = f_e f_o / m^2$ with the forms $f = x^T(\partial F/\partial k)x$.

Without a mirror plane the two edges $a$ and $b$ have left fields $y$ of their own, and
$n_g^2 = f_a f_b/(m_{ab} m_{ba})$ with $m_{ab} = y_a^T(\partial F/\partial q)x_b$; $\kappa$ is then
the geometric mean of the couplings in both directions, whose phases depend on where x begins.
"""

from itertools import permutations
from math import pi

import numpy as np

from dfbdesign.solvers.cell_forms import wavevector_form
from dfbdesign.solvers.cell_mode import open_orders
from dfbdesign.solvers.convergence import Solved
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import Cells, Index, System

ALIKE = 0.3
"""Least n_eff/n_group of a pair: edges of different slab modes hardly mix, as if it were zero."""


def mixing(solved: Solved, even: Index, odd: Index) -> Complex:
    """How a Bloch wavevector mixes even and odd modes, pair by pair.

    Args:
        solved: Modes.
        even: Places of even modes, shape (pair,).
        odd: Places of odd modes of the same devices.

    Returns:
        1/n_group², shape (pair,).
    """
    system, (u, _), cells = solved.system, solved.fields, solved.cells
    total = np.zeros(len(even), dtype=complex)
    matrices = [matrix[system.row[even]] for matrix in cells.lateral.mixing]
    later = iter(matrices[1:])
    for number, part in enumerate(cells.period.slices):
        product = system.modes[number].product(u[:, number : number + 2], odd, even)
        inside = np.sum(product * matrices[0], axis=(1, 2))
        if system.te:
            total += inside
            continue
        inverse = [1 / system.media[j].extraordinary[even] for j in part.fillings]
        total += inverse[0] * inside
        for one in inverse[1:]:
            total += (one - inverse[0]) * np.sum(product * next(later), axis=(1, 2))
    total += _outside(system, u, matrices[0], even, odd)
    return np.asarray(total**2 / (solved.form[even] * solved.form[odd]))


def _outside(system: System, u: Complex, matrix: Complex, even: Index, odd: Index) -> Complex:
    """The half-spaces' part: fields that decay, or go out, at both rates together."""
    total = np.zeros(len(even), dtype=complex)
    for upper in (False, True):
        gamma = system.outer(upper)[0]
        end = -1 if upper else 0
        e, o = u[even, end], u[odd, end]
        weight = 1.0 if system.te else 1 / system.half_space(upper).extraordinary[even]
        both = gamma[odd][:, :, None] + gamma[even][:, None, :]
        total += weight * (o[:, None] @ (matrix / both) @ e[:, :, None])[:, 0, 0]
    return total


def pairs(solved: Solved, centre: float, order: int) -> tuple[Index, Index, Index, Real]:
    """Even and odd band edge of one slab mode, the pair next to a wavenumber, of every device.

    Args:
        solved: All modes around that wavenumber, split into even and odd.
        centre: The wavenumber [1/µm].
        order: Bragg order of the grating.

    Returns:
        Devices that have a pair, places of its even and of its odd mode (without a mirror plane: of
        the one that radiates more, and the other), and its group index; shape (pair,) each.
    """
    if solved.cells.sectors == 1:
        return _lopsided_pairs(solved, centre, order)
    found = solved.found
    e, o = np.flatnonzero(found.sector == 0), np.flatnonzero(found.sector == 1)
    even, odd = np.nonzero(found.row[e][:, None] == found.row[o])
    e, o = e[even], o[odd]
    inverse = np.sqrt(mixing(solved, e, o))
    n_eff = pi * order / solved.cells.period.length[found.row[e]] / found.k[e].real
    distance = np.abs(found.k[e] - found.k[o]) + np.abs(found.k[e] + found.k[o] - 2 * centre) / 2
    distance = np.where(n_eff * np.abs(inverse) > ALIKE, distance, np.inf)
    nearest = np.lexsort((distance, found.row[e]))
    first = np.ones(len(nearest), dtype=bool)
    first[1:] = np.diff(found.row[e][nearest]) > 0
    chosen = nearest[first & (distance[nearest] < np.inf)]
    e, o = e[chosen], o[chosen]
    return found.row[e], e, o, (1 / inverse[chosen]).real


def _lopsided_pairs(solved: Solved, centre: float, order: int) -> tuple[Index, Index, Index, Real]:
    """The same for periods without a mirror plane, one by one."""
    found, (u, v) = solved.found, solved.fields
    chosen: list[tuple[int, int, int, float]] = []
    for row in np.unique(found.row):
        best, nearest = None, np.inf
        here = [int(place) for place in np.flatnonzero(found.row == row)]
        evenness = {place: _evenness(solved, place) for place in here}
        for a, b in permutations(here, 2):
            apart = abs(found.k[a] - found.k[b]) + abs(found.k[a] + found.k[b] - 2 * centre) / 2
            if apart >= nearest or evenness[a] < evenness[b]:
                continue
            one, other = (solved.found.where(np.array([place])) for place in (a, b))
            systems = one.system(solved.cells), other.system(solved.cells)
            there = wavevector_form(systems[1], u[[b]], systems[0], v[[a]])
            back = wavevector_form(systems[0], u[[a]], systems[1], v[[b]])
            inverse = np.sqrt(there * back / (solved.form[a] * solved.form[b]))
            n_eff = pi * order / float(solved.cells.period.length[row]) / found.k[a].real
            if n_eff * abs(inverse) > ALIKE:
                best, nearest = (int(row), a, b, abs((1 / inverse).real)), apart
        if best is not None:
            chosen.append(best)
    rows, first, second, n_group = ([one[place] for one in chosen] for place in range(4))
    return (
        np.array(rows, dtype=int),
        np.array(first, dtype=int),
        np.array(second, dtype=int),
        np.array(n_group, dtype=float),
    )


def _evenness(solved: Solved, place: int) -> tuple[float, float]:
    """How much a mode radiates, as even ones do; then how alike it is to its mirror image."""
    u, row = solved.fields[0][place], int(solved.found.row[place])
    down, up = (open_orders(solved.system, upper)[1][place].real for upper in (False, True))
    power = float(np.abs(u[0]) ** 2 @ down + np.abs(u[-1]) ** 2 @ up)
    return power / abs(solved.form[place]), likeness(solved.cells, row, u)


def likeness(cells: Cells, row: int, u: Complex) -> float:
    """How alike a field is to its mirror image about x = 0, apart from its Bloch phase.

    Args:
        cells: The batch, not split into even and odd.
        row: Device of the field.
        u: The field at all interfaces, shape (slice + 1, n).

    Returns:
        1 for an even field, -1 for an odd one.
    """
    x = np.linspace(-0.5, 0.5, 64, endpoint=False) + 1 / 128
    wave = np.exp(-2j * pi * float(cells.period.wavevector[row]) * x)
    field = (u @ cells.lateral.functions(row, 0, x)[0].T) * wave
    return float(np.vdot(field[:, ::-1], field).real / np.vdot(field, field).real)
