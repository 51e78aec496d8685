"""Pictures of the finite laser: threshold modes, fields, agreement with MEEP."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
from matplotlib.axes import Axes

from dfbdesign.lasers.beam import Beam, Side, far_field, radiated
from dfbdesign.lasers.laser import LasingMode
from dfbdesign.lasers.laser_spectra import LaserSpectra
from dfbdesign.lasers.light_reading import LightCurve
from dfbdesign.lasers.lobes import Lobe, lobes
from dfbdesign.lasers.published_lasers import ThresholdRange
from dfbdesign.plots.figure import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INTENSITY,
    KINDS,
    ORANGE,
    VERMILLION,
    legend_above,
)
from dfbdesign.units import cm, deg, mm, nJ, nm, uJ, um
from dfbdesign.verification.certificate import Comparison


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


def spectra(axes: Axes, found: LaserSpectra) -> Axes:
    """Emission below threshold through the left end and from the surface, and what is reflected.

    Args:
        axes: Where to draw.
        found: Spectra of a laser below threshold.

    Returns:
        The axes; wavelength in nm, photons per second and hertz, reflectance; the stop band grey.
    """
    x = found.wavelength / nm
    low, high = sorted(edge / nm for edge in found.edges)
    axes.axvspan(low, high, color="#ececec", linewidth=0, label="stop band")
    shown = [
        (abs(found.reflection) ** 2, GREY, "--", "reflectance"),
        (found.left, BLUE, "-", "emission, left end"),
        (found.up, VERMILLION, "-", "emission, upwards"),
    ]
    for y, colour, line, label in shown:
        if y.max() > 0:  # nothing to see on a logarithmic axis
            axes.plot(x, y, line, color=colour, label=label)
    top = max(float(y.max()) for y, *_ in shown)
    axes.set_yscale("log")
    axes.set(
        xlabel="wavelength (nm)", ylabel="photons per s Hz, or share",
        xlim=(x.min(), x.max()), ylim=(1e-6 * top, 3 * top),
    )  # fmt: skip
    legend_above(axes, columns=2)
    return axes


def agreement(axes: Axes, comparisons: Sequence[Comparison]) -> Axes:
    """Difference of solver and time domain, quantity by quantity, with its uncertainty.

    Args:
        axes: Where to draw.
        comparisons: What both found.

    Returns:
        The axes; differences over the largest uncertainty with which agreement is a statement. A
        bar that reaches zero is agreement.
    """
    rows = np.arange(len(comparisons))[::-1]
    finite = [isfinite(one.solver) and isfinite(one.fdtd) for one in comparisons]
    scale = [one.sharpness if both else 1.0 for one, both in zip(comparisons, finite, strict=True)]
    apart = [0.0 if one.solver == one.fdtd else one.solver - one.fdtd for one in comparisons]
    differences = np.array(apart) / scale
    bars = np.where(finite, [one.uncertainty for one in comparisons], 0.0) / scale
    ends = np.abs(differences) + bars
    reach = 1.1 * max(1.0, *ends[np.isfinite(ends)])
    axes.axvspan(-1, 1, color="#e3f1ec", label="largest useful uncertainty")
    axes.axvline(0, color=GREY, linewidth=0.8)
    for row, one, x, bar in zip(rows, comparisons, differences, bars, strict=True):
        colour, marker = KINDS[one.label]
        # An infinite difference stands at the rim.
        axes.errorbar(min(x, reach), row, xerr=bar, fmt=marker, color=colour, capsize=4)
    axes.set(
        xlim=(-reach, reach), ylim=(-0.6, len(rows) - 0.4),
        xlabel="(solver − MEEP) / largest useful uncertainty", yticks=rows,
        yticklabels=[f"{one.label} {one.quantity}\n{one.verdict}" for one in comparisons],
    )  # fmt: skip
    axes.grid(visible=False)
    legend_above(axes)
    return axes


def far_field_cut(axes: Axes, beam: Beam) -> Axes:
    """Far field of a beam in the plane across the lines, on all sides.

    Args:
        axes: Where to draw.
        beam: The beam.

    Returns:
        The axes; angle in degrees from the diffraction order next to the normal, intensity over
        the largest there.
    """
    styles: tuple[tuple[Side, str, str, str], ...] = (
        ("up", "above", BLUE, "-"), ("down", "in the substrate", VERMILLION, "--"),
        ("below", "below it", GREEN, ":"),
    )  # fmt: skip
    found = {side: _around(lobes(beam, side)) for side, *_ in styles}
    reach = max(width for _, width in found.values())
    angle = np.linspace(-reach, reach, 1201)
    for side, name, colour, line in styles:
        middle, _ = found[side]
        intensity = far_field(beam, side, middle + angle).intensity
        tilt = f", about {middle / deg:.1f}°" if middle else ""
        axes.plot(
            angle / deg, intensity / intensity.max(), color=colour, linestyle=line,
            label=name + tilt,
        )  # fmt: skip
    axes.set(xlabel="angle along x (°)", ylabel="far field (largest = 1)", ylim=(0, 1.05))
    axes.margins(x=0)
    legend_above(axes)
    return axes


def _around(found: Sequence[Lobe]) -> tuple[float, float]:
    """Middle of the diffraction order next to the normal, and how far to look around it [rad]."""
    first = min(found, key=lambda lobe: (round(abs(lobe.angle), 4), -lobe.angle))
    near = [lobe for lobe in found if abs(lobe.angle - first.angle) < 5 * first.width]
    middle = sum(lobe.angle for lobe in near) / len(near)
    reach = max(abs(lobe.angle - middle) + 3 * lobe.width for lobe in near)
    return (0.0 if abs(middle) < 0.01 * first.width else middle), reach


def far_field_map(axes: Axes, beam: Beam) -> Axes:
    """Far field above the surface, around the diffraction order next to the normal.

    Args:
        axes: Where to draw.
        beam: The beam; it needs a width along the lines.

    Returns:
        The axes; both angles in degrees.

    Raises:
        InputError: If the beam has no width.
    """
    middle, reach = _around(lobes(beam, "up"))
    angle = np.linspace(-reach, reach, 301)
    intensity = far_field(beam, "up", middle + angle, angle[:, None]).intensity
    axes.pcolormesh(
        (middle + angle) / deg, angle / deg, intensity / intensity.max(), cmap=INTENSITY,
        shading="gouraud", rasterized=True,
    )  # fmt: skip
    axes.set(xlabel="angle along x (°)", ylabel="angle along the lines (°)", aspect="equal")
    axes.grid(visible=False)
    return axes


def surface(axes: Axes, beam: Beam) -> Axes:
    """Where along the cavity a mode radiates.

    Args:
        axes: Where to draw.
        beam: Its beam.

    Returns:
        The axes; x in µm from the middle, share of the photons generated per mm.
    """
    half = beam.emitters.extent / 2
    x = np.linspace(-half, half, 1201)
    up, down = (radiated(beam, side, x) * mm for side in ("up", "down"))
    lit = up + down > 0  # no line goes down and up again at a phase shift
    axes.plot(x[lit], up[lit], color=BLUE, label="upwards")
    axes.plot(x[lit], down[lit], "--", color=VERMILLION, label="downwards")
    axes.set(xlabel="x along the cavity (µm)", ylabel="radiated per length (1/mm)")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    legend_above(axes)
    return axes


def light_curve(axes: Axes, curves: Sequence[LightCurve]) -> Axes:
    """Measured light against pump fluence, with the lines that say where it sets in.

    Args:
        axes: Where to draw.
        curves: One or more, each with a kink.

    Returns:
        The axes; fluence in µJ/cm², energy per pulse in nJ.
    """
    unit = uJ / cm**2
    for curve, colour, marker in zip(curves, (BLUE, VERMILLION, GREEN), "osD", strict=False):
        name = f"{curve.model.film.name.rpartition('-')[2]}: {curve.threshold / unit:.0f} µJ/cm²"
        axes.plot(curve.pump / unit, curve.output / nJ, marker, ms=4, color=colour, label=name)
        line = np.array([curve.threshold, 1.5 * curve.fit.lit])
        axes.plot(line / unit, np.polyval(curve.fit.above, line) / nJ, color=BLACK, lw=0.8)
        axes.axvline(curve.static_threshold / unit, color=colour, lw=0.8, linestyle=":")
    axes.plot([], [], ":", color=GREY, lw=0.8, label="gain reaches loss")
    sides = " or ".join(dict.fromkeys(one.side for one in curves))
    axes.set(xlabel="pump fluence (µJ/cm²)", ylabel=f"light {sides} (nJ per pulse)")
    axes.set_ylim(bottom=-0.02 * max(float(one.output.max()) for one in curves) / nJ)
    axes.set_xlim(left=0)
    legend_above(axes)
    return axes


def light_pulse(axes: Axes, curve: LightCurve, levels: Sequence[int]) -> Axes:
    """Power of the measured light in time.

    Args:
        axes: Where to draw.
        curve: Light against pump.
        levels: Numbers of the pump levels to show.

    Returns:
        The axes; time in ps from the centre of the pump pulse, power in W.
    """
    for level, colour in zip(levels, (BLUE, VERMILLION, GREEN, ORANGE), strict=False):
        label = f"{curve.pump[level] / (uJ / cm**2):.0f} µJ/cm²"
        axes.plot(curve.simulation.times, curve.power[:, level], color=colour, label=label)
    end = max(float(curve.build_up[level] + 4 * curve.width[level]) for level in levels)
    axes.set(xlabel="time (ps)", ylabel=f"light {curve.side} (W)", xlim=(-1, end))
    axes.set_ylim(bottom=0)
    legend_above(axes)
    return axes


def light_spectrum(axes: Axes, curve: LightCurve, level: int) -> Axes:
    """Time-integrated spectrum of a light pulse.

    Args:
        axes: Where to draw.
        curve: Light against pump.
        level: Number of the pump level.

    Returns:
        The axes; wavelength in nm.
    """
    found = curve.spectrum(level)
    label = f"{curve.pump[level] / (uJ / cm**2):.0f} µJ/cm²: {found.width / nm:.2f} nm wide"
    axes.plot(found.wavelength / nm, found.power, color=BLUE, label=label)
    axes.set(xlabel="wavelength (nm)", ylabel="power per wavelength (largest = 1)")
    axes.set_xlim((found.peak - 4 * found.width) / nm, (found.peak + 4 * found.width) / nm)
    axes.set_ylim(0, 1.05)
    legend_above(axes)
    return axes


def threshold_ranges(axes: Axes, found: ThresholdRange) -> Axes:
    """Threshold fluence against duty for several lengths, with a measured one.

    Args:
        axes: Where to draw.
        found: The thresholds.

    Returns:
        The axes; fluence in µJ/cm². The measured one is shaded 5 % to either side.
    """
    unit, measured = uJ / cm**2, found.measured
    styles = ("-o", "--s", ":D", "-.^")
    for length, row, style in zip(found.length, found.threshold, styles, strict=False):
        axes.plot(found.duty, row / unit, style, ms=3.5, label=f"{length / um:g} µm")
    axes.axhspan(0.95 * measured / unit, 1.05 * measured / unit, color=GREY, alpha=0.3, lw=0)
    axes.axhline(
        measured / unit, color=BLACK, lw=0.8, label=f"measured: {measured / unit:.0f} µJ/cm²"
    )
    axes.set(xlabel="duty", ylabel="threshold (µJ/cm²)")
    legend_above(axes, 2)
    return axes
