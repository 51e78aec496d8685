r"""Modes of a channel waveguide without the error of the grid, and how far to trust them.

Four similar grids are extrapolated (L. F. Richardson, Philos. Trans. R. Soc. A 210, 307 (1911)):

$$ n(h) = n + a\,h^2 + b\,h^{2\nu}, $$

where ν belongs to the sharpest corner (`ridge_corner`). The three finest grids give n, the three
coarsest say how far to trust it. The walls at the window's ends shift a mode that reaches them: a
tail decaying as $e^{-\gamma x}$, doubled at the wall, by about

$$ \delta n = \frac{\gamma}{4 n k_0^2}
\frac{\oint (|E|^2 + |H|^2)\,\mathrm{d}l}{\int (|E|^2 + |H|^2)\,\mathrm{d}A}, $$

twice which is part of the stated error of a mode without an absorber.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dfbdesign.solvers.ridge import (
    RADIATION,
    CrossSection,
    RidgeMode,
    bent,
    corners_of,
    cut_off,
    guided,
    modes,
    track,
)
from dfbdesign.solvers.ridge_corner import corner_exponent
from dfbdesign.solvers.ridge_grid import DENSITIES

SINGULAR = 1.93
"""An exponent 2ν above this is not told from the ordinary 2: nothing is singular."""
CHANCE = 0.01
"""Least error over the extrapolation's own correction: two of them may agree by chance."""
SMALLEST_LOSS = 1e-12
"""Im n_eff that rounding alone can make."""


@dataclass(frozen=True)
class Extrapolated:
    """A mode with its effective index extrapolated to zero grid spacing."""

    mode: RidgeMode
    """On the finest grid."""
    n_eff: complex
    """Extrapolated effective index."""
    error: float
    """Estimated error of the extrapolated n_eff."""
    loss_error: float
    """Estimated error of its imaginary part alone."""
    n_group: complex
    """Extrapolated group index."""


def extrapolated(section: CrossSection, count: int = 4) -> list[Extrapolated]:
    """Guided modes with n_eff and n_group extrapolated to zero grid spacing.

    Those of a bend are the ones the guided modes of the straight waveguide turn into.

    Args:
        section: The cross-section.
        count: At most how many.

    Returns:
        The modes, largest Re n_eff on the finest grid first.

    Raises:
        NoGuidedMode: If there is none.
        InputError: If a mode reaches the window's ends.
        NotConverged: If the eigensolver fails or a mode is not found on the coarser grids.
    """
    straight = replace(section, curvature=0.0, absorber=0.0) if section.curvature else section
    fine = guided(straight, count)
    spare = RADIATION if straight.absorber > 0 else 2
    series = [fine, *(track(fine, modes(straight, count + spare, d)) for d in DENSITIES[1:])]
    if section.curvature:
        series = [
            [bent(section, mode, density) for mode in chain]
            for density, chain in zip(DENSITIES, series, strict=True)
        ]
    exponents = _error_exponents(section)
    floor = cut_off(section)
    return [_extrapolated(chain, exponents, floor) for chain in zip(*series, strict=True)]


def _error_exponents(section: CrossSection) -> tuple[float, float]:
    """The two lowest powers of the spacing in the error of n_eff."""
    corners = corners_of(section)
    nu = corner_exponent(section.shapes, section.ordinary.real, corners, section.cell / 1000)
    return (2.0, 2 * nu) if 2 * nu < SINGULAR else (2.0, 4.0)


def _extrapolated(
    chain: Sequence[RidgeMode], exponents: tuple[float, float], floor: float
) -> Extrapolated:
    spacings = [DENSITIES[0] / density for density in DENSITIES]

    def to_zero(values: Sequence[complex], finest: int) -> complex:
        used = slice(finest, finest + 3)
        powers = [[1.0, *(h**power for power in exponents)] for h in spacings[used]]
        return complex(np.linalg.solve(np.array(powers), np.array(values[used]))[0])

    indices, groups = [mode.n_eff for mode in chain], [mode.n_group for mode in chain]
    best, change = to_zero(indices, 0), to_zero(indices, 0) - to_zero(indices, 1)
    return Extrapolated(
        mode=chain[0],
        n_eff=best,
        error=max(abs(change), CHANCE * abs(best - indices[0])) + _shift_by_walls(chain[0], floor),
        loss_error=abs(change.imag) + (SMALLEST_LOSS if best.imag else 0.0),
        n_group=to_zero(groups, 0),
    )


def _shift_by_walls(mode: RidgeMode, floor: float) -> float:
    """How much the walls at the window's ends may change n_eff."""
    section, field = mode.operator.section, mode.field
    if section.absorber > 0:
        return 0.0
    density = np.sum(np.abs(field.electric) ** 2 + np.abs(field.magnetic) ** 2, axis=0)
    across = field.weight.sum(axis=1) / np.ptp(section.window_z)
    upwards = field.weight.sum(axis=0) / np.ptp(section.window_y)
    at_walls = (density[0] + density[-1]) @ upwards + across @ (density[:, 0] + density[:, -1])
    share = at_walls / np.sum(density * field.weight)
    n, wavenumber = mode.n_eff.real, 2 * np.pi / section.wavelength
    decay = wavenumber * np.sqrt(max(n**2 - floor**2, 0.0))
    return float(2 * decay * share / (4 * n * wavenumber**2))
