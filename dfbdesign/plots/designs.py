"""Pictures of choices: trade-offs, tolerances, ladders, what was learnt."""

from math import pi
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dfbdesign.designs.calibration import Posterior
from dfbdesign.designs.goals import Best
from dfbdesign.designs.ladder import Ladder
from dfbdesign.designs.tolerance import Tolerance
from dfbdesign.plots.figure import BLACK, BLUE, GREY, KINDS, ORANGE, VERMILLION, legend_above
from dfbdesign.units import cm, nm


def trade_off(axes: Axes, found: "Best") -> Axes:
    """Threshold against light through the surface of all designs at the target.

    Args:
        axes: Where to draw.
        found: The chosen design and what it was chosen among.

    Returns:
        The axes; gain in 1/cm.
    """
    many = found.candidates
    good = np.isfinite(many.scores[:, 0])
    gain, light = many.scores[:, 0] * cm, -many.scores[:, 1]
    for edge, (colour, marker) in enumerate((KINDS["bright"], KINDS["dark"])):
        rows = good & (many.origin == edge)
        if rows.any():
            name = ("even", "odd")[edge]
            axes.plot(gain[rows], light[rows], marker, color=colour, label=f"{name} edge lases")
    front = np.flatnonzero(many.pareto)
    axes.plot(
        gain[front], light[front], "o", color=BLACK, markersize=10, fillstyle="none",
        label="Pareto front",
    )  # fmt: skip
    beside = len(found.paths) == 1 and found.paths[0].endswith("duty")
    if beside:
        _numbers_beside(axes, gain[good], light[good], many.variables[good, 0])
    chosen = found.design.lasing_mode.threshold_material_gain * cm
    axes.axvline(chosen, color=GREY, linestyle=":", label=f"chosen: best {found.aim}")
    text = "; duty beside the points" if beside else ""
    axes.set(xlabel=f"threshold material gain (1/cm){text}", ylabel="light through the surface")
    axes.set_xscale("log")
    axes.margins(x=0.16, y=0.12)  # for the numbers beside the points
    legend_above(axes, 2)
    return axes


def _numbers_beside(axes: Axes, x: NDArray[Any], y: NDArray[Any], numbers: NDArray[Any]) -> None:
    """Write a number beside each point (x logarithmic): on the left where one follows closely."""
    across, up = np.log(x) / max(np.ptp(np.log(x)), 1e-9), y / max(np.ptp(y), 1e-9)
    right, near = across[None] - across[:, None], np.abs(up[None] - up[:, None]) < 0.1
    crowded = (near & (right > 0) & (right < 0.2)).any(axis=1)
    for place, number, left in zip(zip(x, y, strict=True), numbers, crowded, strict=True):
        axes.annotate(
            f"{number:.3g}", place, xytext=(-7 if left else 7, 0), textcoords="offset points",
            ha="right" if left else "left", va="center", fontsize=7,
        )  # fmt: skip


def wavelength_spread(axes: Axes, found: "Tolerance") -> Axes:
    """Lasing wavelengths of all solved devices, and what first order says.

    Args:
        axes: Where to draw.
        found: The spread of a device.

    Returns:
        The axes; wavelengths in nm.
    """
    one = found.quantity("wavelength")
    solved = found.wavelength[np.isfinite(found.wavelength)] / nm
    axes.hist(solved, bins="auto", density=True, color=BLUE, alpha=0.5, label="solved devices")
    centre, width = one.nominal / nm, max(one.linear / nm, 1e-9)
    x = np.linspace(centre - 4 * width, centre + 4 * width, 200)
    y = np.exp(-0.5 * ((x - centre) / width) ** 2) / (width * np.sqrt(2 * pi))
    axes.plot(x, y, color=VERMILLION, label="first order")
    order = np.argsort(one.shares)[::-1][:3]
    text = "\n".join(f"{found.causes[i].name}: {one.slopes[i] / nm:+.2f} nm" for i in order)
    axes.text(0.02, 0.97, text, transform=axes.transAxes, va="top", fontsize=8)
    axes.set(xlabel="lasing wavelength (nm)", ylabel="share per nm")
    legend_above(axes)
    return axes


def ladder_plan(axes: Axes, found: "Ladder") -> Axes:
    """Probability of every device of a ladder to hit, beside the evenly spaced one.

    Args:
        axes: Where to draw.
        found: The plan.

    Returns:
        The axes; periods in nm.
    """
    hit = f"{found.goal.at_least} or more hit" if found.goal.at_least > 1 else "one hits"
    for rungs, colour, marker, label in (
        (found.rungs, BLUE, "o", f"planned, {hit}: {found.probability:.1%}"),
        (found.even, VERMILLION, "x", f"evenly spaced, {hit}: {found.even_probability:.1%}"),
    ):
        periods = [rung.period / nm for rung in rungs]
        axes.plot(periods, [rung.probability for rung in rungs], marker, color=colour, label=label)
    made = {(rung.duty, rung.dose) for rung in found.rungs}
    for rung in found.rungs if len(made) > 1 else ():
        place = (rung.period / nm, rung.probability)
        text = f"{rung.duty:g}" + (f", {rung.dose:g}" if rung.dose != 1 else "")
        axes.annotate(text, place, xytext=(4, 5), textcoords="offset points", fontsize=7)
    beside = (
        "duty (and dose) beside the points" if len(made) > 1 else f"duty {found.rungs[0].duty:g}"
    )
    axes.set(xlabel=f"period (nm); {beside}", ylabel="hits alone")
    axes.set_ylim(0, 1.15 * max(rung.probability for rung in (*found.rungs, *found.even)))
    legend_above(axes, 1)
    return axes


def known_values(axes: Axes, found: "Posterior") -> Axes:
    """What a measurement leaves of the uncertainty of every value and of every combination.

    Args:
        axes: Where to draw.
        found: The posterior.

    Returns:
        The axes; standard deviations after over before.
    """
    names = [_said(one.path) for one in found.values]
    shares = [one.error / one.prior for one in found.values]
    rows = len(found.directions)
    names += [f"combination {number + 1}" for number in range(rows)]
    shares += [one.remaining for one in found.directions]
    colours = [BLUE] * len(found.values) + [ORANGE] * rows
    axes.barh(names, shares, color=colours)
    axes.set_axisbelow(True)
    axes.axvline(1, color=BLACK, linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("uncertainty left (1: the data say nothing)")
    return axes


def _said(path: str) -> str:
    """A value of a device in words, as in "duty of the lines in layer 1"."""
    above, _, field = path.rpartition(".")
    name = {"material": "index"}.get(field, field.replace("_", " "))
    if not above.startswith("layers."):
        return name
    number = int(above.split(".")[1]) + 1
    return f"{name} of {'the lines in ' * ('lines' in above)}layer {number}"
