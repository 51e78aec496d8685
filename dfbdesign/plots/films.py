"""Pictures of the film: gain against fluence, fitted measurements, published numbers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from dfbdesign.gain.analysis import Analysis
from dfbdesign.gain.film import Film, excitons_at_fluence, material_gain
from dfbdesign.lasers.reproduce import Row
from dfbdesign.plots.figure import BLACK, BLUE, GREY, VERMILLION, Real, legend_above
from dfbdesign.units import cm, uJ


def gain_curve(axes: Axes, film: Film, pump_wavelength: float, threshold: float) -> Axes:
    """Material gain of the film against pump fluence, up to four times a threshold.

    Args:
        axes: Where to draw.
        film: The gain film.
        pump_wavelength: Vacuum wavelength of the pump [µm].
        threshold: Threshold fluence, which is marked [pJ/µm²].

    Returns:
        The axes; fluence in µJ/cm², gain in 1/cm.
    """

    def gain(fluence: Real) -> Real:
        return material_gain(film, excitons_at_fluence(film, fluence, pump_wavelength)) * cm

    unit, fluence = uJ / cm**2, np.linspace(0, 4 * threshold, 401)
    axes.plot(fluence / unit, gain(fluence), color=BLACK, label=f"film: {film.name}")
    axes.axhline(0, color=GREY, linewidth=0.8)
    point = (threshold / unit, float(gain(np.array(threshold))))
    axes.plot(
        *point, "o", color=VERMILLION, zorder=3,
        label=f"threshold: {point[0]:.3g} µJ/cm², {point[1]:.3g} 1/cm",
    )  # fmt: skip
    axes.vlines(point[0], axes.get_ylim()[0], point[1], color=VERMILLION, linewidth=0.8)
    axes.set(xlabel="pump fluence (µJ/cm²)", ylabel="material gain (1/cm)")
    axes.set_xlim(0, fluence[-1] / unit)
    legend_above(axes, columns=1)
    return axes


def scoreboard(axes: Axes, rows: Sequence[Row]) -> Axes:
    """Model over measurement of published numbers, fitted and predicted.

    Args:
        axes: Where to draw.
        rows: The published numbers with ours.

    Returns:
        The axes; one line per row, the first on top; shaded where the two agree within 20 %. A
        ratio off the scale is drawn at its end, with its value.
    """
    axes.axvspan(1 / 1.2, 1.2, color="#e8f1e8", lw=0)
    axes.axvline(1.0, color=BLACK, lw=0.8)
    groups = {"fitted": (GREY, "s", GREY), "predicted": (BLUE, "o", BLUE)}
    groups["against theory"] = (BLUE, "o", "white")
    for (name, (colour, marker, filling)), chosen in zip(
        groups.items(), _kinds_of(rows), strict=True
    ):
        ratios = [min(max(1 + rows[place].deviation, 0.45), 2.2) for place in chosen]
        axes.plot(ratios, chosen, marker, color=colour, mfc=filling, label=name)
    for place, row in enumerate(rows):
        if not 0.45 <= 1 + row.deviation <= 2.2:
            text = f"{1 + row.deviation:.2g} times"
            axes.text(2.1, place, text, ha="right", va="center", color=BLUE, fontsize=7)
    axes.set_xscale("log")
    axes.set_xlim(0.42, 2.4)
    axes.set_xticks([0.5, 0.67, 1, 1.5, 2], ["0.5", "0.67", "1", "1.5", "2"])
    axes.minorticks_off()
    axes.set_yticks(range(len(rows)), [f"{row.film}: {row.quantity}" for row in rows], fontsize=7)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("model / measured")
    legend_above(axes)
    return axes


def _kinds_of(rows: Sequence[Row]) -> tuple[list[int], ...]:
    """Places of the fitted rows, of those predicted, and of those beside a paper's theory."""
    marks = [row.kind if row.against == "measurement" else "theory" for row in rows]
    kinds = "fitted", "predicted", "theory"
    return tuple([place for place, mark in enumerate(marks) if mark == kind] for kind in kinds)


def measurement(axes: Axes, analysis: Analysis) -> Axes:
    """Measured points with the law fitted to them.

    Args:
        axes: Where to draw.
        analysis: The measurement with its fit.

    Returns:
        The axes; points the fit left out are open, a threshold is a line in its 95 % interval.
    """
    (x, y), used = analysis.points, analysis.fit.used
    axes.plot(x[:used], y[:used], "o", color=GREY, label="measured")
    if used < len(x):
        axes.plot(x[used:], y[used:], "o", color=GREY, mfc="white", label="left out")
    axes.plot(x[:used], analysis.fit.curve, color=BLUE, label="fit")
    for name, number in analysis.numbers.items():
        if name.startswith("threshold"):
            axes.axvline(number.value, color=VERMILLION, lw=1.0, label="threshold")
            ends = number.value - number.half_width, number.value + number.half_width
            axes.axvspan(*ends, color=VERMILLION, alpha=0.15, lw=0)
    if analysis.kind == "vsl":
        axes.set_yscale("log")
    if analysis.kind == "ta":
        axes.set_xscale("symlog", linthresh=10 * float(analysis.numbers["lifetime_1_ps"].value))
    axes.set(xlabel=_with_unit(analysis.columns[0]), ylabel=_with_unit(analysis.columns[1]))
    legend_above(axes, 4)
    return axes


def _with_unit(column: str) -> str:
    """A column's name as an axis says it."""
    units = {"_uj_per_cm2": "µJ/cm²", "_um": "µm", "_ps": "ps"}
    for ending, unit in units.items():
        if column.endswith(ending):
            return f"{column.removesuffix(ending).replace('_', ' ')} ({unit})"
    return column.replace("_", " ")
