"""What gain does to the modes of a period: slopes, and the gain that makes them lase."""

import numpy as np

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.cell_forms import (
    Shares,
    permittivity_form,
    region_shares,
    wavenumber_form,
)
from dfbdesign.solvers.contours import ROUNDING
from dfbdesign.solvers.convergence import Solved
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import Cells, Index, System
from dfbdesign.solvers.mode_search import Found, put, refined


def slopes_and_thresholds(
    solved: Solved, found: Found, kept: Index
) -> tuple[Complex | None, Real | None]:
    """What material gain does to some of the modes.

    Args:
        solved: Modes without gain.
        found: The same; wavenumbers that cannot decay are real.
        kept: Places of the wanted modes.

    Returns:
        dk/dg, exact derivative of the wavenumber with respect to material gain, without unit; and
        the gain that makes each wavenumber real [1/µm], infinite where no gain up to 2 Re k (an
        index of n - i) is enough; shape (kept,) each. `None` where no slice holds a gain material.

    Raises:
        NotConverged: If the threshold's steps do not settle.
    """
    if not any(filling.gain for filling in solved.cells.period.fillings):
        return None, None
    slopes = _slope(solved.system, solved.shares, solved.form)[kept]
    return slopes, _threshold_gain(solved.cells, found.where(kept), slopes)


def _slope(system: System, shares: Shares, form: Complex) -> Complex:
    total = np.zeros_like(system.k)
    for number, filling in enumerate(system.cells.period.fillings):
        if filling.gain:  # n → n - i g/2k
            one = system.media[number]
            o, e = (-1j * np.sqrt(part) / system.k for part in (one.ordinary, one.extraordinary))
            total += permittivity_form(system, shares, number, o, e)
    return np.asarray(-total / form)


def _slope_with(cells: Cells, found: Found, gain: Real) -> Complex:
    system = found.system(cells, gain)
    u, v = found.fields(system)
    shares = region_shares(system, u, v, slopes=False)
    return _slope(system, shares, wavenumber_form(system, u, v))


def _threshold_gain(cells: Cells, found: Found, slope: Complex) -> Real:
    """Material gain that makes each wavenumber real, by Newton steps with the exact slope."""
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
