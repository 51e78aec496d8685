"""Pictures of one grating period: cross-section, mode and bands."""

from collections.abc import Iterable, Sequence
from itertools import product
from math import pi, tan
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator

from dfbdesign.device import Device, Layer
from dfbdesign.errors import NoGuidedMode
from dfbdesign.plots.figure import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INTENSITY,
    KINDS,
    TINTS,
    VERMILLION,
    Real,
    legend_above,
)
from dfbdesign.solvers.bands import Bands
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.scattering import Scattering
from dfbdesign.solvers.unit_cell import CellModes
from dfbdesign.units import nm, um


def stack(axes: Axes, mode: CellMode) -> Axes:
    """Cross-section of two periods, to scale, over the intensity of a mode.

    Args:
        axes: Where to draw.
        mode: A mode of the unit cell.

    Returns:
        The axes; x and z in nm, z = 0 on the substrate.
    """
    image = _intensity(axes, mode)
    _name_layers(axes, mode.device)
    axes.figure.colorbar(
        image, ax=axes, location="top", shrink=0.7, aspect=30,
        label=rf"$|{_component(mode)}|^2$ of the {mode.label} mode (largest = 1)",
    )  # fmt: skip
    return axes


def cross_section(axes: Axes, device: Device) -> Axes:
    """Cross-section of two periods, to scale, one colour for every material.

    Args:
        axes: Where to draw.
        device: Without a grating, its layers are drawn alone.

    Returns:
        The axes; x and z in nm, z = 0 on the substrate.
    """
    period = _frame(axes, device)
    names = list(dict.fromkeys(one.name for one in device.materials()))
    colours = {name: TINTS[place % len(TINTS)] for place, name in enumerate(names)}
    low, high = (end * nm for end in axes.get_ylim())
    heights = [low, *_heights(device), high]
    films = [layer.material for layer in device.layers]
    materials = [device.substrate.material, *films, device.superstrate.material]
    for material, bottom, top in zip(materials, heights[:-1], heights[1:], strict=True):
        axes.axhspan(bottom / nm, top / nm, color=colours[material.name], lw=0, zorder=0)
    for layer, bottom in zip(device.layers, heights[1:], strict=False):
        lines = [line.material.name for line in layer.painted() for _ in (0, 1)]
        for name, outline in zip(lines, _outlines(layer, bottom, period), strict=True):
            axes.add_patch(Polygon(outline / nm, facecolor=colours[name], zorder=0.5))
    _name_layers(axes, device)
    axes.set_title(fill(device.name, 60, max_lines=2))
    return axes


def cell_modes(axes: Axes, cell: CellModes) -> Axes:
    """Intensities of the modes of a period, beside each other.

    Args:
        axes: Where to draw.
        cell: The modes; of more than four the first four are drawn.

    Returns:
        The axes, empty but for one inset per mode, shortest wavelength first.
    """
    axes.set_axis_off()
    shown = cell.modes[:4]
    for number, mode in enumerate(shown):
        width = 1 / len(shown)
        part = axes.inset_axes((number * width + 0.06, 0.1, width - 0.08, 0.75))
        _intensity(part, mode)
        quality = mode.quality_factor
        text = f"Q {quality:.4g}" if quality < np.inf else "cannot radiate"
        part.set_title(f"{mode.label} {mode.wavelength / nm:.2f} nm\n{text}")
        if number:
            part.set(ylabel="", yticklabels=[])
    return axes


def band_structure(axes: Axes, found: Bands) -> Axes:
    """Wavelengths of all bands against the Bloch wavevector.

    Args:
        axes: Where to draw.
        found: The bands.

    Returns:
        The axes; wavevector in 2π/period, wavelength in nm.
    """
    for wavelength in found.wavelength:
        axes.plot(found.wavevector, wavelength / nm, color=GREY, zorder=1)
    for label in np.unique(found.label[found.label != ""]):
        colour, marker = KINDS[str(label)]
        band, place = np.nonzero(found.label == label)
        x, y = found.wavevector[place], found.wavelength[band, place] / nm
        axes.plot(x, y, marker, color=colour, markersize=3.5, label=label)
    axes.set(xlabel=r"Bloch wavevector ($2\pi/\Lambda$)", ylabel="wavelength (nm)")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    legend_above(axes)
    return axes


def _component(mode: CellMode) -> str:
    return "E_y" if mode.device.polarization == "TE" else "H_y"


def _intensity(axes: Axes, mode: CellMode) -> AxesImage:
    """Draw the intensity of a mode under the outlines of its device."""
    _frame(axes, mode.device)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    pixel = (np.arange(320) + 0.5) / 320
    field = mode.profile((left + pixel * (right - left)) * nm, (low + pixel * (high - low)) * nm)
    return axes.imshow(
        np.abs(field) ** 2,
        origin="lower", extent=(left, right, low, high), aspect="equal", cmap=INTENSITY,
        vmin=0, vmax=1, interpolation="bilinear",
    )  # fmt: skip


def _heights(device: Device) -> Real:
    return np.concatenate([[0.0], np.cumsum([layer.thickness for layer in device.layers])])


def _frame(axes: Axes, device: Device) -> float:
    """Outlines of two periods, to scale; returns the period [µm]."""
    heights = _heights(device)
    period = device.grating.period if device.grating else max(2 * float(heights[-1]), 1 * um)
    for height in heights:
        axes.axhline(height / nm, color=BLACK, linewidth=0.7)
    for layer, bottom in zip(device.layers, heights[:-1], strict=True):
        for outline in _outlines(layer, bottom, period):
            line = Polygon(outline / nm, fill=False, hatch="////", edgecolor=BLACK, linewidth=1.1)
            axes.add_patch(line)
    axes.set(
        xlim=(-0.5 * period / nm, 1.5 * period / nm),
        ylim=(-0.55 * period / nm, (heights[-1] + 0.42 * period) / nm),
        xlabel="x along the cavity (nm)", ylabel="z (nm)", aspect="equal",
    )  # fmt: skip
    axes.grid(visible=False)
    return period


def _outlines(layer: Layer, bottom: float, period: float) -> Iterable[Real]:
    """Corners of the lines of a layer in the two periods drawn, shape (4, 2) [µm]."""
    for line, turn in product(layer.painted(), (0, 1)):
        half, slant = line.duty * period / 2, layer.thickness / tan(line.sidewall) / 2
        low, high, top = half + slant, half - slant, bottom + layer.thickness
        centre = (line.centre + turn) * period
        left, right = centre - np.array([low, high]), centre + np.array([low, high])
        yield np.array([(left[0], bottom), (right[0], bottom), (right[1], top), (left[1], top)])


def _name_layers(axes: Axes, device: Device) -> None:
    """Names to the right of the axes, from the substrate up, kept apart from each other."""
    heights, span = _heights(device), np.array(axes.get_ylim()) * nm
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
    legend_above(axes)
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


def scattered(axes: Axes, found: Scattering) -> Axes:
    """Reflectance, transmittance and absorptance of plane light against wavelength.

    Args:
        axes: Where to draw.
        found: The light, shape (wavelength,).

    Returns:
        The axes; wavelength in nm.
    """
    for values, colour, dash, name in (
        (found.total_reflectance, VERMILLION, "-", "reflected"),
        (found.total_transmittance, BLUE, "--", "transmitted"),
        (found.total_absorptance, GREEN, "-.", "absorbed"),
    ):
        axes.plot(found.wavelength / nm, values, dash, color=colour, label=name)
    axes.set_xlabel("vacuum wavelength (nm)")
    axes.set_ylabel(f"share of the incident {found.polarization} light")
    axes.set_xlim(found.wavelength[0] / nm, found.wavelength[-1] / nm)
    legend_above(axes)
    return axes
