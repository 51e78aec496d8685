"""Pictures, one function each: it draws into the axes it is given and returns them.

Colours are those of Okabe and Ito, told apart with any colour vision; the two band edges also have
their own marker each. `picture` makes a PNG in the style of the report and leaves the user's own
style as it is.

Examples:
    >>> def draw(axes):
    ...     return axes.plot([0, 1], [0, 1])
    >>> picture(draw)[1:4]
    b'PNG'
"""

from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from itertools import product
from math import hypot, pi, tan
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import gdstk
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dfbdesign.device import Device, Layer
from dfbdesign.errors import NoGuidedMode
from dfbdesign.files import writing
from dfbdesign.gain.analysis import Analysis
from dfbdesign.gain.film import Film, excitons_at_fluence, material_gain
from dfbdesign.laser import LasingMode
from dfbdesign.layout.preview import COLOURS, Panel
from dfbdesign.layout.process import Layers
from dfbdesign.reproduce import Row
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.unit_cell import CellModes
from dfbdesign.units import cm, m, nm, uJ, um
from dfbdesign.verify import TOLERANCE, Comparison
from dfbdesign.waveguide import ChannelModes

if TYPE_CHECKING:
    from dfbdesign.calibration import Posterior
    from dfbdesign.goals import Best
    from dfbdesign.ladder import Ladder
    from dfbdesign.tolerance import Tolerance

Real = NDArray[np.float64]
Draw = Callable[[Axes], object]

BLACK, GREY = "#1a1a1a", "#767676"
BLUE, ORANGE, GREEN, VERMILLION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
KINDS = {
    "bright": (VERMILLION, "o"), "dark": (BLUE, "s"), "guided": (GREEN, "^"), "gap": (ORANGE, "D"),
}  # fmt: skip
"""Colour and marker of the modes of each label or origin."""

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": BLACK, "axes.grid": True, "axes.linewidth": 0.7, "axes.titlesize": 9,
    "axes.spines.right": False, "axes.spines.top": False,
    "font.family": "DejaVu Sans", "font.size": 9,  # comes with matplotlib: the same everywhere
    "grid.color": "#e3e3e3", "grid.linewidth": 0.6,
    "legend.fontsize": 8, "legend.frameon": False,
    "lines.linewidth": 1.4, "lines.markersize": 5,
    "savefig.dpi": 240,  # 4.6 inches are 1104 pixels: twice what a page shows
}  # fmt: skip
_INTENSITY = LinearSegmentedColormap.from_list(
    "intensity", ["#ffffff", "#fde7b0", "#f5b84c", "#e07b1a"]
)  # stays light enough for black lines and text


def picture(draw: Draw, width: float = 4.6, height: float = 3.1) -> bytes:
    """A PNG of one picture.

    Args:
        draw: Draws into the axes it is given.
        width: Of the picture [inch].
        height: Of the picture [inch].

    Returns:
        The file's content; the same for the same drawing and version of matplotlib.
    """
    file = BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _legend_above(axes: Axes, columns: int = 3) -> None:
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, columnspacing=1.2)


def stack(axes: Axes, mode: CellMode) -> Axes:
    """Cross-section of two periods, to scale, over the intensity of a mode.

    Args:
        axes: Where to draw.
        mode: A mode of the unit cell.

    Returns:
        The axes; x and z in nm, z = 0 on the substrate.
    """
    device = mode.device
    period, top = device.need_grating().period, sum(layer.thickness for layer in device.layers)
    left, right, low, high = -0.5 * period, 1.5 * period, -0.55 * period, top + 0.42 * period
    pixel = (np.arange(320) + 0.5) / 320
    field = mode.profile(left + pixel * (right - left), low + pixel * (high - low))
    extent = (left / nm, right / nm, low / nm, high / nm)
    image = axes.imshow(
        np.abs(field) ** 2,
        origin="lower", extent=extent, aspect="equal", cmap=_INTENSITY, vmin=0, vmax=1,
        interpolation="bilinear",
    )  # fmt: skip
    heights = np.concatenate([[0.0], np.cumsum([layer.thickness for layer in device.layers])])
    for height in heights:
        axes.axhline(height / nm, color=BLACK, linewidth=0.7)
    for layer, bottom in zip(device.layers, heights[:-1], strict=True):
        for outline in _outlines(layer, bottom, period):
            line = Polygon(outline / nm, fill=False, hatch="////", edgecolor=BLACK, linewidth=1.1)
            axes.add_patch(line)
    _name_layers(axes, device, heights, (low, high))
    axes.set(xlim=extent[:2], ylim=extent[2:], xlabel="x along the cavity (nm)", ylabel="z (nm)")
    axes.grid(visible=False)
    component = "E_y" if device.polarization == "TE" else "H_y"
    axes.figure.colorbar(
        image, ax=axes, location="top", shrink=0.7, aspect=30,
        label=rf"$|{component}|^2$ of the {mode.label} mode (largest = 1)",
    )  # fmt: skip
    return axes


def _outlines(layer: Layer, bottom: float, period: float) -> Iterable[Real]:
    """Corners of the lines of a layer in the two periods drawn, shape (4, 2) [µm]."""
    for line, turn in product(layer.painted(), (0, 1)):
        half, slant = line.duty * period / 2, layer.thickness / tan(line.sidewall) / 2
        low, high, top = half + slant, half - slant, bottom + layer.thickness
        centre = (line.centre + turn) * period
        left, right = centre - np.array([low, high]), centre + np.array([low, high])
        yield np.array([(left[0], bottom), (right[0], bottom), (right[1], top), (left[1], top)])


def _name_layers(axes: Axes, device: Device, heights: Real, span: tuple[float, float]) -> None:
    """Names to the right of the axes, from the substrate up, kept apart from each other."""
    names = [f"substrate: {device.substrate.material.name}"]
    for layer in device.layers:
        names.append(f"{layer.thickness / nm:.4g} nm {layer.material.name}")
        for line in layer.painted():
            names[-1] += f", lines of {line.material.name}"
    names.append(f"above: {device.superstrate.material.name}")
    inside = (heights[1:] + heights[:-1]) / 2
    wanted = [span[0] * 0.6, *inside, heights[-1] + (span[1] - heights[-1]) * 0.6]
    texts = [fill(name, 24, break_on_hyphens=False) for name in names]
    rows = [text.count("\n") + 1.3 for text in texts]
    shrink = min(1.0, 11 / sum(rows))  # eleven rows of 8 points fill the height of the axes
    places = _apart(wanted, [row * shrink * (span[1] - span[0]) / 11 for row in rows])
    for text, place, target in zip(texts, places, wanted, strict=True):
        axes.annotate(
            text, (1.0, target / nm), (1.09, place / nm),
            xycoords=axes.get_yaxis_transform(), textcoords=axes.get_yaxis_transform(),
            annotation_clip=False, va="center", fontsize=8 * shrink,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "relpos": (0, 0.5)},
        )  # fmt: skip


def _apart(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Ascending places near the wanted ones that leave each its size."""
    places = list(wanted)
    for _ in range(100):  # two neighbours that overlap share the push
        for i in range(len(places) - 1):
            overlap = (sizes[i] + sizes[i + 1]) / 2 - (places[i + 1] - places[i])
            if overlap > 0:
                places[i] -= overlap / 2
                places[i + 1] += overlap / 2
    return places


def bands(axes: Axes, cells: Sequence[CellModes], target: float) -> Axes:
    """Wavelengths against Bloch wavevector: the cell solved rigorously, and coupled modes.

    Args:
        axes: Where to draw.
        cells: The band edges first, then the same cell at other wavevectors; each is drawn on both
            sides of the symmetry point.
        target: Vacuum wavelength of the target [µm].

    Returns:
        The axes; wavevector in 2π/period from the symmetry point, wavelength in nm.
    """
    edges, *others = cells
    even, odd = edges.band_edges
    period = even.device.need_grating().period
    reach = max(abs(cell.wavevector - edges.wavevector) for cell in others)
    q = np.linspace(-reach, reach, 401)
    for wavelength in coupled_bands(edges, q * 2 * pi / period):
        axes.plot(q, wavelength / nm, color=GREY, zorder=1)
    axes.plot([], [], color=GREY, label="coupled modes")
    points = [
        (side * abs(cell.wavevector - edges.wavevector), mode.wavelength / nm)
        for cell in others for mode in cell.modes for side in (-1, 1)
    ]  # fmt: skip
    axes.plot(*np.transpose(points), ".", color=BLACK, markersize=4, label="unit cell")
    for mode in (even, odd):
        colour, marker = KINDS[mode.label]
        label = f"{mode.label}, {mode.wavelength / nm:.2f} nm"
        axes.plot(0, mode.wavelength / nm, marker, color=colour, label=label, zorder=3)
    axes.axhline(target / nm, color=GREEN, linestyle="--", linewidth=1, label="target")
    shown = np.array([*coupled_bands(edges, np.array([reach * 2 * pi / period])), [target]]) / nm
    low, high, margin = shown.min(), shown.max(), 0.08 * np.ptp(shown)
    axes.set(
        xlim=(-1.05 * reach, 1.05 * reach), ylim=(low - margin, high + margin),
        xlabel=r"Bloch wavevector from the band edge ($2\pi/\Lambda$)", ylabel="wavelength (nm)",
    )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(5))
    _legend_above(axes)
    return axes


def coupled_bands(edges: CellModes, wavevector: Real) -> tuple[Real, Real]:
    r"""Wavelengths of both bands in coupled-mode theory.

    $(k - k_c)^2 = C^2 + (q/n_g)^2$ with the centre $k_c$ and half the difference $C$ of the complex
    wavenumbers of both band edges.

    Args:
        edges: The band edges.
        wavevector: Bloch wavevector q from the symmetry point, any shape [1/µm].

    Returns:
        Vacuum wavelengths of the lower and the upper band, each of the shape of `wavevector` [µm].
    """
    even, odd = edges.band_edges
    if edges.n_group is None:
        raise NoGuidedMode("coupled modes need the band edges, the modes at no other wavevector.")
    centre, half = (even.wavenumber + odd.wavenumber) / 2, (even.wavenumber - odd.wavenumber) / 2
    root = np.sqrt(half**2 + (wavevector / edges.n_group) ** 2)
    return 2 * pi / (centre + root).real, 2 * pi / (centre - root).real


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
    _legend_above(axes)
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
    _legend_above(axes)
    return axes


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
    _legend_above(axes, columns=1)
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
    _legend_above(axes)
    return axes


def layout_overview(axes: Axes, gds_path: Path) -> Axes:
    """A whole written chip; where lines are too fine to be seen, the area they cover.

    Args:
        axes: Where to draw.
        gds_path: A file of `dfbdesign.layout`.

    Returns:
        The axes, in µm.
    """
    found = _polygons(gds_path)
    lines = np.concatenate(found["lines"])
    low, high = lines.min(axis=0), lines.max(axis=0)
    area = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    for name, colour in (("label", BLACK), ("marks", VERMILLION)):
        axes.add_collection(PolyCollection(found[name], facecolor=colour, label=name))
    name = f"{len(found['lines'])} lines"
    axes.add_patch(Polygon(area, facecolor="#9cc7e3", edgecolor=BLUE, label=name))
    axes.autoscale_view()
    axes.set(aspect="equal", xlabel="x (µm)", ylabel="y (µm)")
    axes.grid(visible=False)
    _legend_above(axes)
    return axes


def chip_preview(axes: Axes, panels: Sequence[Panel]) -> Axes:
    """A chip with a scale bar, and its first lines with theirs below.

    Args:
        axes: Where to draw.
        panels: What `dfbdesign.layout` previews.

    Returns:
        The axes, empty but for one inset per panel.
    """
    axes.set_axis_off()
    share = 1 / (len(panels) + 1)  # the chip is given twice the height
    single, double = [(0, 0, 1, 1)], [(0, share, 1, 1 - share), (0, 0, 1, 0.8 * share)]
    for panel, place in zip(panels, double if len(panels) > 1 else single, strict=True):
        part = axes.inset_axes(place)
        for kind, colour in COLOURS.items():
            shapes = [points for one, points in panel.shapes if one == kind]
            edge = colour if kind == "guides" else "none"
            part.add_collection(PolyCollection(shapes, facecolor=colour, edgecolor=edge, lw=0.3))
        (left, bottom), (right, top) = panel.low, panel.high
        length, text = panel.scale_bar
        below = bottom - 0.06 * (top - bottom)
        part.plot([left, left + length], [below, below], color=BLACK, lw=2, solid_capstyle="butt")
        part.text(left + length * 1.05, below, text, va="center", fontsize=7)
        part.set(aspect="equal", xlim=(left, right), ylim=(below - 0.05 * (top - bottom), top))
        part.set_axis_off()
    return axes


def write_chip_preview(path: Path, panels: Sequence[Panel]) -> Path:
    """Write the preview of a chip as PNG.

    Args:
        path: Where to.
        panels: What `dfbdesign.layout` previews.

    Returns:
        The path.

    Raises:
        InputError: If the file cannot be written.
    """
    (left, bottom), (right, top) = panels[0].low, panels[0].high
    stretch = 1.5 if len(panels) > 1 else 1.1  # room for the lines and for the scale bars
    height = min(12.0, 7 * stretch * (top - bottom) / (right - left) + 0.6)
    image = picture(lambda axes: chip_preview(axes, panels), width=7.4, height=height)
    with writing(path) as temporary:
        temporary.write_bytes(image)
    return path


def channel_modes(axes: Axes, found: ChannelModes) -> Axes:
    """Modes of a channel waveguide: the size of E, with the outlines of the shapes.

    Args:
        axes: Where to draw.
        found: The modes.

    Returns:
        The axes, empty but for one inset per mode, largest n_eff first.
    """
    axes.set_axis_off()
    columns = min(2, len(found.modes))
    rows = -(-len(found.modes) // columns)
    for number, mode in enumerate(found.modes):
        row, column = divmod(number, columns)
        place = (column / columns + 0.06, 1 - (row + 0.88) / rows, 0.86 / columns, 0.72 / rows)
        part = axes.inset_axes(place)
        field, size = mode.field, np.linalg.norm(mode.field.electric, axis=0)
        part.pcolormesh(field.y, field.z, size.T, cmap=_INTENSITY, rasterized=True)
        part.set(aspect="equal", xlim=(field.y[0], field.y[-1]), ylim=(field.z[0], field.z[-1]))
        reach = 2 * float(np.abs([*field.y[[0, -1]], *field.z[[0, -1]]]).max())
        for shape in found.waveguide.shapes:
            part.add_patch(Polygon(shape.corners(reach), fill=False, ec=BLACK, lw=0.7))
        share = f"{mode.te_fraction:.0%} TE"
        part.set_title(f"{mode.polarization}, n_eff {mode.n_eff.real:.4f}, {share}")
        part.set_xlabel("y [µm]" if row == rows - 1 else "")
        part.set_ylabel("z [µm]" if column == 0 else "")
        part.grid(visible=False)
    return axes


def layout_lines(axes: Axes, gds_path: Path) -> Axes:
    """The lower ends of the first lines of a written chip, to scale.

    Args:
        axes: Where to draw.
        gds_path: A file of `dfbdesign.layout`.

    Returns:
        The axes, in µm from the lower left corner of the first line.
    """
    lines = sorted(_polygons(gds_path)["lines"], key=lambda points: float(points[:, 0].min()))[:6]
    left, bottom = np.transpose([points.min(axis=0) for points in lines])
    right = np.array([float(points[:, 0].max()) for points in lines])
    corner, span = np.array([left[0], bottom[0]]), right[-1] - left[0]
    axes.add_collection(PolyCollection([points - corner for points in lines], facecolor=BLUE))
    pitch = " and ".join(f"{value / nm:g}" for value in np.unique(np.diff(left).round(6)))
    axes.set(
        aspect="equal", xlim=(-0.06 * span, 1.06 * span), ylim=(-0.1 * span, 0.4 * span),
        xlabel="x (µm)", ylabel="y (µm)",
        title=f"width {(right[0] - left[0]) / nm:.4g} nm, pitch {pitch} nm",
    )  # fmt: skip
    axes.grid(visible=False)
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
    axes.set_yticks(range(len(rows)), [f"{row.film}: {row.quantity}" for row in rows], fontsize=6)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("model / measured")
    _legend_above(axes)
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
    _legend_above(axes, 4)
    return axes


def _with_unit(column: str) -> str:
    """A column's name as an axis says it."""
    units = {"_uj_per_cm2": "µJ/cm²", "_um": "µm", "_ps": "ps"}
    for ending, unit in units.items():
        if column.endswith(ending):
            return f"{column.removesuffix(ending).replace('_', ' ')} ({unit})"
    return column.replace("_", " ")


def _polygons(gds_path: Path) -> dict[str, list[Real]]:
    """Vertices of every polygon on each layer, references resolved [µm]."""
    library = gdstk.read_gds(str(gds_path), unit=um / m)
    (top,) = (cell for cell in library.top_level() if isinstance(cell, gdstk.Cell))
    return {
        name: [np.array(one.points) for one in top.get_polygons(layer=number, datatype=0)]
        for name, number in Layers().model_dump().items()
    }


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
    if len(found.paths) == 1 and found.paths[0].endswith("duty"):
        for row in np.flatnonzero(good):
            place, value = (gain[row], light[row]), f"{many.variables[row, 0]:.2f}"
            axes.annotate(value, place, xytext=(6, 5), textcoords="offset points", fontsize=7)
    chosen = found.design.lasing_mode.threshold_material_gain * cm
    axes.axvline(chosen, color=GREY, linestyle=":", label=f"chosen: best {found.aim}")
    axes.set(xlabel="threshold material gain (1/cm)", ylabel="light through the surface")
    axes.set_xscale("log")
    _legend_above(axes, 2)
    return axes


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
    axes.hist(solved, bins=40, density=True, color=BLUE, alpha=0.5, label="solved devices")
    centre, width = one.nominal / nm, max(one.linear / nm, 1e-9)
    x = np.linspace(centre - 4 * width, centre + 4 * width, 200)
    y = np.exp(-0.5 * ((x - centre) / width) ** 2) / (width * np.sqrt(2 * pi))
    axes.plot(x, y, color=VERMILLION, label="first order")
    order = np.argsort(one.shares)[::-1][:3]
    text = "\n".join(f"{found.causes[i].name}: {one.slopes[i] / nm:+.2f} nm" for i in order)
    axes.text(0.02, 0.97, text, transform=axes.transAxes, va="top", fontsize=8)
    axes.set(xlabel="lasing wavelength (nm)", ylabel="share per nm")
    _legend_above(axes)
    return axes


def ladder_plan(axes: Axes, found: "Ladder") -> Axes:
    """Probability of every device of a ladder to hit, beside the evenly spaced one.

    Args:
        axes: Where to draw.
        found: The plan.

    Returns:
        The axes; periods in nm.
    """
    chance, even = found.probability, found.even_probability
    for rungs, colour, marker, label in (
        (found.even, GREY, "x", f"evenly spaced, one hits: {even:.1%}"),
        (found.rungs, BLUE, "o", f"planned, one hits: {chance:.1%}"),
    ):
        periods = [rung.period / nm for rung in rungs]
        axes.plot(periods, [rung.probability for rung in rungs], marker, color=colour, label=label)
    for rung in found.rungs:
        place = (rung.period / nm, rung.probability)
        text = f"{rung.duty:g}" + (f", {rung.dose:g}" if rung.dose != 1 else "")
        axes.annotate(text, place, xytext=(4, 5), textcoords="offset points", fontsize=7)
    axes.set(xlabel="period (nm); duty (and dose) beside the points", ylabel="hits alone")
    axes.set_ylim(bottom=0)
    _legend_above(axes, 1)
    return axes


def known_values(axes: Axes, found: "Posterior") -> Axes:
    """What a measurement leaves of the uncertainty of every value and of every combination.

    Args:
        axes: Where to draw.
        found: The posterior.

    Returns:
        The axes; standard deviations after over before.
    """
    names = [one.path.removeprefix("layers.") for one in found.values]
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
