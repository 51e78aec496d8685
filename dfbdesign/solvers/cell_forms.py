r"""Bilinear forms of cell fields: integrals over a period, and the derivatives of its matrix.

Because the matrix $F$ of `dfbdesign.solvers.modal` is the stationary value of
$\int (u'^T P u' + u^T M u)\,dz$, each of its derivatives follows from the mode field alone:

$$ y^T \frac{\partial F}{\partial p} x = \int \Big(v'^T \frac{\partial P}{\partial p} u'
   + v^T \frac{\partial M}{\partial p} u\Big) dz + \text{half-spaces,} $$

with $v$ the field of the left null vector $y$: $x$ itself wherever $F$ is symmetric. Against the
Bloch wavevector $q$, on which the lateral functions $f_j$ depend themselves, it is

$$ y^T\frac{\partial F}{\partial q}x
   = i\int \frac{1}{\epsilon_z}\,(u\,\partial_x v - v\,\partial_x u) $$

(without $1/\epsilon_z$ for TE), $v \propto e^{-iqx}$ being the left field.

Fields u and v are given at all interfaces, shape (solve, slice + 1, n).
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import System
from dfbdesign.solvers.vertical import Modes, heights


@dataclass(frozen=True)
class Shares:
    """Integrals of products of a mode and its left field over the regions of every slice."""

    mass: Complex
    """∫ v u, shape (slice, filling, solve)."""
    stiffness: Complex
    """∫ v_x u_x, the same; for TE the sum over the fillings stands in the first."""
    normal: Complex
    """∫ v_z u_z, the same."""


def region_shares(system: System, u: Complex, v: Complex, slopes: bool = True) -> Shares:
    """Integrals of the mode over the regions of every slice, in closed form.

    Args:
        system: The periods.
        u: Field at all interfaces.
        v: The same of the left null vector.
        slopes: Whether TE needs more than the masses.

    Returns:
        The integrals.
    """
    slopes = slopes or not system.te
    period, lateral = system.cells.period, system.cells.lateral
    shape = (len(period.slices), len(period.fillings), len(system.k))
    mass, stiffness, normal = (np.zeros(shape, dtype=complex) for _ in range(3))
    for number, part in enumerate(period.slices):
        faces = slice(number, number + 2)
        gram, rises = system.modes[number].grams(u[:, faces], v[:, faces], slopes)
        first, masses = part.fillings, system.gathered(lateral.masses[number])
        _share(mass[number], first, masses, gram, None)
        if not slopes:
            continue
        if system.te:  # only their sums over the fillings are ever asked for
            _share(stiffness[number], first[:1], [], gram, system.square)
            _share(normal[number], first[:1], [], rises, None)
            continue
        stiffnesses = system.gathered((lateral.stiffnesses or ())[number])
        _share(stiffness[number], first, stiffnesses, gram, system.square)
        _share(normal[number], first, masses, rises, None)
    return Shares(mass, stiffness, normal)


def _share(
    out: Complex,
    fillings: tuple[int, ...],
    matrices: list[Complex],
    gram: Complex,
    diagonal: Real | None,
) -> None:
    """Adds the shares of all fillings: the first has what the later ones leave of the whole."""
    trace = gram if gram.ndim == 2 else np.einsum("sii->si", gram)
    rest = trace.sum(axis=-1) if diagonal is None else (trace * diagonal).sum(axis=-1)
    for filling, matrix in zip(fillings[1:], matrices, strict=True):
        out[filling] = np.sum(matrix * gram, axis=(-1, -2))
        rest = rest - out[filling]
    out[fillings[0]] = rest


def samples(system: System, number: int, u: Complex) -> tuple[Complex, Complex, Real]:
    """A field at Gauss-Legendre heights of a slice, enough to integrate products of it.

    Args:
        system: The periods.
        number: Number of the slice.
        u: Field at all interfaces.

    Returns:
        u and du/dz, shape (solve, height, n), and weights, shape (solve, height) [µm].
    """
    modes = system.modes[number]
    nodes, weights = heights(modes.gamma * modes.thickness)
    values = modes.profile(u[:, number], u[:, number + 1], modes.thickness * nodes)
    return *values, modes.thickness * weights


def form(system: System, u: Complex, v: Complex) -> Complex:
    """y^T F x with nothing eliminated.

    Args:
        system: The periods.
        u: Field at all interfaces.
        v: The same of the left null vector.

    Returns:
        The form, shape (solve,).
    """
    total = np.zeros_like(system.k)
    for number, one in enumerate(system.modes):
        T, C = one.fluxes
        low, high = u[:, number, :, None], u[:, number + 1, :, None]
        below, above = v[:, number, None], v[:, number + 1, None]
        total += (below @ (T @ low - C @ high) + above @ (T @ high - C @ low))[:, 0, 0]
    for upper in (False, True):
        end = -1 if upper else 0
        total += np.sum(v[:, end] * system.outer(upper)[1] * u[:, end], axis=-1)
    return total


# --- against the wavenumber ----------------------------------------------------------------------


def wavenumber_form(system: System, u: Complex, v: Complex) -> Complex:
    """y^T (dF/dk) x, dispersion included.

    Args:
        system: The periods.
        u: Field at all interfaces.
        v: The same of the left null vector.

    Returns:
        The form, shape (solve,).
    """
    total = -2 * system.k * _weighted_mass(system, u, v)
    if not all(one.still for one in system.media):
        shares = region_shares(system, u, v, slopes=False)
        for filling, one in enumerate(system.media):
            if not one.still:
                slopes = one.ordinary_slope, one.extraordinary_slope
                total += permittivity_form(system, shares, filling, *slopes)
    for upper in (False, True):
        end = -1 if upper else 0
        total += np.sum(v[:, end] * _outer_slope(system, upper) * u[:, end], axis=-1)
    return np.asarray(total)


def _weighted_mass(system: System, u: Complex, v: Complex) -> Complex:
    """∫ v ε u over the slices for TE, ∫ v u for TM; shape (solve,)."""
    total = np.zeros_like(system.k)
    for number, part in enumerate(system.cells.period.slices):
        faces = slice(number, number + 2)
        gram, _ = system.modes[number].grams(u[:, faces], v[:, faces], slopes=False)
        whole = gram.sum(axis=-1) if part.uniform else np.einsum("sii->s", gram)
        if not system.te:
            total += whole
            continue
        first, *others = (system.media[filling].ordinary for filling in part.fillings)
        total += first * whole
        masses = system.gathered(system.cells.lateral.masses[number])
        for one, mass in zip(others, masses, strict=True):
            total += (one - first) * np.einsum("sij,sij->s", mass, gram)
    return total


def _outer_slope(system: System, upper: bool) -> Complex:
    """Slope of the flux of a half-space against k, dispersion included, shape (solve, n)."""
    one = system.half_space(upper)
    k, flux, o = system.k[:, None], system.outer(upper)[1], one.ordinary[:, None]
    slope = -k * o / flux if system.te else -k / (o * flux)
    if not one.still:
        plane, axis = outer_permittivity_slopes(system, upper)
        slope = slope + plane * one.ordinary_slope[:, None]
        slope = slope + axis * one.extraordinary_slope[:, None]
    return np.asarray(slope)


# --- against permittivities ----------------------------------------------------------------------


def permittivity_form(
    system: System, shares: Shares, filling: int, ordinary: Complex, along: Complex
) -> Complex:
    """Change of y^T F x when the permittivities of a filling change inside the slices.

    Args:
        system: The periods.
        shares: Integrals of the mode.
        filling: Number of the filling.
        ordinary: Change of its ordinary permittivity, shape (solve,).
        along: Change of its permittivity along z.

    Returns:
        The change, shape (solve,).
    """
    if system.te:
        return np.asarray(-(system.k**2) * ordinary * shares.mass[:, filling].sum(axis=0))
    one = system.media[filling]
    normal, stiff = (part[:, filling].sum(axis=0) for part in (shares.normal, shares.stiffness))
    return np.asarray(-normal * ordinary / one.ordinary**2 - stiff * along / one.extraordinary**2)


def outer_permittivity_slopes(system: System, upper: bool) -> tuple[Complex, Complex]:
    """Derivatives of the flux of a half-space against its permittivities.

    Args:
        system: The periods.
        upper: The superstrate, else the substrate.

    Returns:
        Derivatives for the plane and for the z axis, shape (solve, n) each.
    """
    one = system.half_space(upper)
    flux, k, q = system.outer(upper)[1], system.k[:, None], system.square
    if system.te:
        slope = -(k**2) / (2 * flux)
        return slope, np.zeros_like(slope)
    o, e = one.ordinary[:, None], one.extraordinary[:, None]
    # (p γ)² = (q/ε_z - k²)/ε_x
    return -(q / e - k**2) / (2 * flux * o**2), -q / (2 * flux * e**2 * o)


# --- against the Bloch wavevector ----------------------------------------------------------------


def wavevector_form(right: System, u: Complex, left: System, v: Complex) -> complex:
    """y^T (∂F/∂q) x between two modes, q being the Bloch wavevector.

    Args:
        right: The period at the wavenumber of the one mode.
        u: Its field at all interfaces, shape (1, slice + 1, n).
        left: The period at that of the other.
        v: Its left field.

    Returns:
        The form, i∫ (u ∂v - v ∂u)/ε_z over x and z (without ε_z for TE).
    """
    total = 0j
    turned = [_turned(right, number) for number in range(len(right.cells.period.slices))]
    for number, parts in enumerate(turned):
        gram = _product(right.modes[number], u, left.modes[number], v, number)
        for filling, part in parts.items():
            medium = right.media[filling]
            total += (1 if right.te else 1 / medium.extraordinary[0]) * np.sum(part * gram)
    whole = sum(turned[0].values())
    for upper in (False, True):
        end = -1 if upper else 0
        rates = left.outer(upper)[0][0][:, None] + right.outer(upper)[0][0]
        medium = right.half_space(upper)
        both = np.outer(v[0, end], u[0, end]) / rates
        total += (1 if right.te else 1 / medium.extraordinary[0]) * np.sum(whole * both)
    return complex(total)


def _product(one: Modes, u: Complex, other: Modes, v: Complex, number: int) -> Complex:
    """∫ v u^T dz over a slice at the wavenumbers of two modes, shape (n, n)."""
    if other.left is not None and other.PW is not None:  # left fields are made of left modes
        other = replace(other, W=other.left, inverse=np.swapaxes(other.PW, -1, -2))
    phases = [modes.gamma * modes.thickness for modes in (one, other)]
    nodes, weights = heights(np.concatenate(phases))
    z = one.thickness * nodes
    here, there = (
        modes.profile(field[:, number], field[:, number + 1], z)[0][0]
        for modes, field in ((one, u), (other, v))
    )
    return np.asarray((there * (one.thickness[0] * weights)[:, None]).T @ here)


def _turned(system: System, number: int) -> dict[int, Complex]:
    """i∫(f_j ∂f_i* - f_i* ∂f_j) over each filling of a slice, shape (n, n) [1/µm]."""
    part, row = system.cells.period.slices[number], int(system.row[0])
    count = 16 + 2 * system.cells.functions
    nodes, weights = np.polynomial.legendre.leggauss(count)
    edges = np.unique(np.concatenate([one.walls[row] for one in system.cells.period.slices]))
    found = dict.fromkeys(part.fillings, np.zeros((1, 1), dtype=complex))
    for low, high in pairwise(edges):
        region = int(np.searchsorted(part.walls[row], (low + high) / 2)) - 1
        x = low + (high - low) * (nodes + 1) / 2
        value, slope = system.cells.lateral.functions(row, int(system.sector[0]), x)
        w = ((high - low) * weights / 2)[:, None]
        one = 1j * ((slope.conj() * w).T @ value - (value.conj() * w).T @ slope)
        found[part.regions[region]] = found[part.regions[region]] + one
    return found
