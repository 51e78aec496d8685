"""Pictures of the finite laser: threshold modes, fields, agreement with MEEP."""

from collections.abc import Sequence
from math import hypot

import numpy as np
from matplotlib.axes import Axes

from dfbdesign.lasers.laser import LasingMode
from dfbdesign.plots.figure import BLACK, BLUE, GREY, KINDS, VERMILLION, legend_above
from dfbdesign.units import cm, nm
from dfbdesign.verification.verify import TOLERANCE, Comparison


def threshold_modes(axes: Axes, modes: Sequence[LasingMode]) -> Axes:
    """Threshold gain of the modes of a finite laser against wavelength.

    Args:
        axes: Where to draw.
        modes: Lowest threshold first.

    Returns:
        The axes; wavelength in nm, material gain in 1/cm.
    """
    for origin, (colour, marker) in KINDS.items():
        shown = [mode for mode in modes if mode.origin == origin]
        if not shown:
            continue
        x = [mode.wavelength / nm for mode in shown]
        y = [mode.threshold_material_gain * cm for mode in shown]
        axes.vlines(x, 0, y, color=colour, linewidth=1)
        axes.plot(x, y, marker, color=colour, label=origin)
    first = modes[0]
    point = (first.wavelength / nm, first.threshold_material_gain * cm)
    axes.plot(
        *point, "o", markersize=12, fillstyle="none", color=BLACK,
        label=f"lases first, {point[0]:.2f} nm",
    )  # fmt: skip
    axes.set(xlabel="wavelength (nm)", ylabel="threshold material gain (1/cm)")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.08)
    legend_above(axes)
    return axes


def cavity(axes: Axes, mode: LasingMode) -> Axes:
    """Intensity of a mode along the cavity, with the two waves it is made of.

    Args:
        axes: Where to draw.
        mode: A mode of the finite laser.

    Returns:
        The axes; x in µm, intensities over the largest sum of both.
    """
    x = np.linspace(0, mode.cavity.length, 401)
    forward, backward = (np.abs(wave) ** 2 for wave in mode.waves(x))
    largest = (forward + backward).max()
    axes.fill_between(x, (forward + backward) / largest, color="#e8e8e8", linewidth=0)
    axes.plot(x, (forward + backward) / largest, color=BLACK, label="both")
    axes.plot(x, forward / largest, color=VERMILLION, linestyle="--", label="to the right")
    axes.plot(x, backward / largest, color=BLUE, linestyle=":", label="to the left")
    axes.set(
        xlabel="x along the cavity (µm)", ylabel="intensity (largest = 1)",
        xlim=(x[0], x[-1]), ylim=(0, 1.05),
    )  # fmt: skip
    legend_above(axes)
    return axes


def agreement(axes: Axes, comparisons: Sequence[Comparison]) -> Axes:
    """Difference of solver and time domain, quantity by quantity, against the tolerance.

    Args:
        axes: Where to draw.
        comparisons: What both found.

    Returns:
        The axes; differences over the largest that counts as agreement.
    """
    rows = np.arange(len(comparisons))[::-1]
    tolerance = np.array([TOLERANCE[one.quantity] for one in comparisons])
    difference = np.array([one.difference for one in comparisons]) / tolerance
    errors = [hypot(one.solver_uncertainty, one.fdtd_uncertainty) for one in comparisons]
    bars = np.array(errors) / [one.fdtd for one in comparisons] / tolerance
    ends = np.abs(difference) + bars
    reach = 1.1 * max(1.0, *ends[np.isfinite(ends)])
    axes.axvspan(-1, 1, color="#e3f1ec", label="agreement")
    axes.axvline(0, color=GREY, linewidth=0.8)
    for row, one, x, bar in zip(rows, comparisons, difference, bars, strict=True):
        colour, marker = KINDS[one.label]
        # An infinite difference stands at the rim.
        axes.errorbar(min(x, reach), row, xerr=bar, fmt=marker, color=colour, capsize=4)
    axes.set(
        xlim=(-reach, reach), ylim=(-0.6, len(rows) - 0.4),
        xlabel="(solver − time domain) / tolerance", yticks=rows,
        yticklabels=[
            f"{one.label} {one.quantity}\n± {100 * limit:g} %"
            for one, limit in zip(comparisons, tolerance, strict=True)
        ],
    )  # fmt: skip
    axes.grid(visible=False)
    legend_above(axes)
    return axes
