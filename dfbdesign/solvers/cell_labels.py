"""What a mode of a period is called: its parity, what it radiates, and whether it can decay."""

from math import pi

import numpy as np

from dfbdesign.solvers.cell_coupling import likeness
from dfbdesign.solvers.cell_mode import Label, Parity, open_orders
from dfbdesign.solvers.contours import ROUNDING
from dfbdesign.solvers.convergence import Solved
from dfbdesign.solvers.lateral import Complex
from dfbdesign.solvers.modal import Cells, System
from dfbdesign.solvers.mode_search import Found


def parity(cells: Cells, sector: int) -> Parity:
    """Symmetry of the field about the middle of the period.

    Args:
        cells: The batch.
        sector: Sector of the mode.

    Returns:
        "none" for a batch that is not split into even and odd.
    """
    if cells.sectors == 1:
        return "none"
    return "odd" if sector else "even"


def label(cells: Cells, mode: Found, of_pair: Label | None) -> Label:
    """What a mode radiates: by symmetry, else beside its partner of a pair, else by likeness.

    Args:
        cells: The batch.
        mode: One mode of it.
        of_pair: Its label beside its partner, if it has one.

    Returns:
        The label.
    """
    system = mode.system(cells)
    radiates = any((open_orders(system, upper)[0].real > 0).any() for upper in (False, True))
    wavevector = abs(float(cells.period.wavevector[0]))
    if wavevector == 0.5 or not _channel_open(system):
        return "bright" if radiates else "guided"
    if cells.sectors == 2:
        return "dark" if mode.sector[0] else "bright"
    if of_pair is not None:
        return of_pair
    alike = likeness(cells, 0, system.interfaces(mode.vector)[0])
    return "bright" if alike > 0 else "dark"


def _channel_open(system: System) -> bool:
    """Whether any order, of whatever symmetry, leaves the grating."""
    period, k = system.cells.period, float(system.k[0].real)
    lowest = abs(float(period.wavevector[0])) * 2 * pi / float(period.length[0])
    axis = "ordinary" if system.te else "extraordinary"
    ends = (system.half_space(upper) for upper in (False, True))
    return any(lowest < k * float(np.sqrt(getattr(end, axis)[0]).real) for end in ends)


def without_rounding(solved: Solved) -> Complex:
    """Wavenumbers; the imaginary part of a mode that cannot decay is rounding, and made zero.

    Args:
        solved: The modes.

    Returns:
        Shape (mode,) [1/µm].
    """
    k, system = solved.found.k, solved.system
    decays = np.zeros(len(k), dtype=bool)
    for upper in (False, True):
        decays |= (open_orders(system, upper)[0].real > 0).any(axis=-1)
    for medium in system.media:
        decays |= (medium.ordinary.imag != 0) | (medium.extraordinary.imag != 0)
    small = np.abs(k.imag) < ROUNDING * k.real
    return np.where(decays & ~small, k, k.real + 0j)
