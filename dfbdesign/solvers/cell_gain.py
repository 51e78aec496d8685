"""What gain does to the modes of a period: slopes, and the gain that makes them lase."""

import numpy as np

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.contours import ROUNDING
from dfbdesign.solvers.convergence import Solved
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import Cells, Shares, System
from dfbdesign.solvers.mode_search import Found, put, refined


def has_gain(cells: Cells) -> bool:
    """Whether any slice holds a gain material.

    Args:
        cells: The batch.

    Returns:
        True if gain can be added.
    """
    return any(filling.gain for filling in cells.period.fillings)


def gain_slope(solved: Solved) -> Complex:
    """dk/dg, exact derivative of the wavenumber with respect to material gain.

    Args:
        solved: Modes without gain.

    Returns:
        Shape (mode,), without unit.
    """
    return _slope(solved.system, solved.shares, solved.form)


def _slope(system: System, shares: Shares, form: Complex) -> Complex:
    total = np.zeros_like(system.k)
    for number, filling in enumerate(system.cells.period.fillings):
        if filling.gain:  # n → n - i g/2k
            one = system.media[number]
            o, e = (-1j * np.sqrt(part) / system.k for part in (one.ordinary, one.extraordinary))
            total += system.change(shares, number, o, e)
    return np.asarray(-total / form)


def _slope_with(cells: Cells, found: Found, gain: Real) -> Complex:
    system = found.system(cells, gain)
    u = system.interfaces(found.vector)
    v = u if cells.lateral.transposed else system.interfaces(found.left)
    return _slope(system, system.shares(u, v, slopes=False), system.wavenumber_form(u, v))


def threshold_gain(cells: Cells, found: Found, slope: Complex) -> Real:
    """Material gain that makes each wavenumber real, by Newton steps with the exact slope.

    Args:
        cells: The batch.
        found: Its modes without gain.
        slope: dk/dg there, shape (mode,).

    Returns:
        Shape (mode,) [1/µm]; infinite where no gain up to 2 Re k (an index of n - i) is enough.

    Raises:
        NotConverged: If the steps do not settle.
    """
    gain = np.zeros(len(found))
    now, active = found, np.arange(len(found))
    for number in range(20):
        active = active[np.abs(now.k[active].imag) >= ROUNDING * now.k[active].real]
        if len(active) == 0:
            return gain
        here = now.where(active)
        rise = (slope[active] if number == 0 else _slope_with(cells, here, gain[active])).imag
        gain[active] += np.where(rise > 0, -here.k.imag / np.where(rise > 0, rise, 1), np.inf)
        lost = np.abs(gain[active]) > 2 * here.k.real
        gain[active[lost]] = np.inf
        active = active[~lost]
        if len(active) == 0:
            return gain
        moved, settled, _ = refined(cells, now.where(active), gain[active])
        gain[active[~settled]] = np.inf
        now = put(now, active, moved)
        active = active[settled]
    worst = float(np.max(np.abs(now.k[active].imag / now.k[active].real)))
    raise NotConverged(f"threshold gain: Im k / Re k is still {worst:.1e}.")
