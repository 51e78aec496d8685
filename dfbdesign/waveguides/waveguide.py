"""A channel waveguide: its cross-section, the file that holds it, and its modes.

The cross-section is painted shape by shape on a background: polygons, rectangles and half-spaces,
later ones over earlier ones. y runs across the ridge, z up. The models read the waveguide file,
where every quantity carries its unit; in Python, lengths are in µm (`500 * nm`).

Examples:
    >>> strip = Waveguide(
    ...     target=Target(wavelength=1550 * nm),
    ...     background={"material": {"index": 1.444}},
    ...     shapes=[Shape(material={"index": 3.4757},
    ...                   rectangle=Rectangle(width=500 * nm, height=220 * nm))],
    ...     solve=Solve(modes=1),
    ... )
    >>> mode = ridge(strip).modes[0]
    >>> print(f"{mode.n_eff.real:.4f} {mode.n_group:.3f} {mode.te_fraction:.3f}")
    2.4451 4.053 0.984
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Limited
from pydantic import ValidationError, model_validator

from dfbdesign.checks import positive
from dfbdesign.device import Target
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.files import read_toml
from dfbdesign.materials import Axis, Material
from dfbdesign.schema import Length, MaterialReference, Part, explain
from dfbdesign.solvers import ridge as solver
from dfbdesign.solvers.ridge import CrossSection, cut_off
from dfbdesign.solvers.ridge_extrapolation import Extrapolated, extrapolated
from dfbdesign.solvers.ridge_geometry import as_polygon
from dfbdesign.solvers.ridge_grid import DENSITIES
from dfbdesign.solvers.ridge_mode import Field
from dfbdesign.units import SPEED_OF_LIGHT, nm

FADED = 1e-3
"""A window of no stated size grows until the field at its ends is below this share of the peak."""
GROWTHS = 4
"""How often it may double its margin for that."""
CELLS_PER_WAVELENGTH = 25
"""Cells per wavelength in the densest material where no cell is stated."""


class Rectangle(Part):
    """A rectangle by centre and size."""

    y: Length = 0.0
    z: Length = 0.0
    width: Length
    height: Length

    @model_validator(mode="after")
    def _check(self) -> Self:
        positive("width (in um)", self.width)
        positive("height (in um)", self.height)
        return self


class HalfSpace(Part):
    """Everything below a height."""

    below: Length


class Shape(Part):
    """One painted shape."""

    material: MaterialReference
    polygon: tuple[tuple[Length, Length], ...] | None = None
    """Corners (y, z)."""
    rectangle: Rectangle | None = None
    halfspace: HalfSpace | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [one for one in (self.polygon, self.rectangle, self.halfspace) if one is not None]
        if len(given) != 1:
            raise InputError(
                f"needs exactly one of polygon, rectangle and halfspace, got {len(given)}."
            )
        if self.polygon is not None:
            as_polygon(self.polygon)
        return self

    def corners(self, reach: float) -> NDArray[np.float64]:
        """Corners (y, z) of the outline, shape (corner, 2) [µm].

        Args:
            reach: How far a half-space is drawn [µm].
        """
        if self.rectangle is not None:
            one = self.rectangle
            half = np.array([one.width / 2, one.height / 2])
            signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
            return np.asarray(np.array([one.y, one.z]) + signs * half)
        if self.halfspace is not None:
            top = self.halfspace.below
            return np.array([[-reach, -reach], [reach, -reach], [reach, top], [-reach, top]])
        return as_polygon(self.polygon or ())


class Background(Part):
    """What is wherever no shape is."""

    material: MaterialReference


class Bend(Part):
    """A bend of constant radius, measured to y = 0; its centre lies towards -y."""

    radius: Length

    @model_validator(mode="after")
    def _check(self) -> Self:
        positive("radius (in um)", self.radius)
        return self


class Window(Part):
    """The calculated region; what is left out is chosen."""

    size: tuple[Length, Length] | None = None
    """Width and height [µm]."""
    center: tuple[Length, Length] | None = None
    """Middle (y, z); that of the shapes if left out [µm]."""
    cell: Length | None = None
    """Grid spacing near the shapes [µm]."""
    absorber: Length | None = Limited(default=None, ge=0)
    """Thickness of the absorbing layer inside the window's ends; for leaky modes [µm]."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, value in zip(("width", "height"), self.size or (), strict=False):
            positive(f"size ({name} in um)", value)
        if self.cell is not None:
            positive("cell (in um)", self.cell)
        return self


class Solve(Part):
    """What to look for."""

    modes: int = Limited(default=4, ge=1, le=50)
    polarization: Literal["TE", "TM", "any"] = "any"


class Waveguide(Part):
    """A channel waveguide."""

    name: str = "unnamed waveguide"
    target: Target
    background: Background
    shapes: tuple[Shape, ...] = Limited(alias="shape", min_length=1)
    """In painting order."""
    bend: Bend | None = None
    window: Window = Window()
    solve: Solve = Solve()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if all(shape.halfspace is not None for shape in self.shapes):
            raise InputError("needs a polygon or a rectangle: half-spaces alone are no channel.")
        return self

    def materials(self) -> list[Material]:
        """The background's material, then that of each shape."""
        return [self.background.material, *(shape.material for shape in self.shapes)]


def load_waveguide(path: str | Path) -> Waveguide:
    """Read a waveguide file.

    Args:
        path: A TOML file as `examples/strip.toml` shows it.

    Returns:
        The checked waveguide.

    Raises:
        InputError: If the file cannot be read or anything in it is wrong; one line.
    """
    path = Path(path)
    try:
        return Waveguide.model_validate(read_toml(path), context={"folder": path.parent})
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None


@dataclass(frozen=True)
class ChannelMode:
    """One mode of a channel waveguide, extrapolated to zero grid spacing."""

    n_eff: complex
    """Effective index; a positive imaginary part is a loss. Of a bend, at y = 0."""
    n_eff_error: float
    """Estimated numerical error of n_eff."""
    n_group: float
    """Group index, with material dispersion."""
    te_fraction: float
    """Share of |E_y|² in the transverse |E|²."""
    effective_area: float
    """(∫|E|²)² / ∫|E|⁴ [µm²]."""
    confinement: NDArray[np.float64]
    """Modal over material gain of each shape, shape (shape,).

    The exact derivative d(n_eff)/d(n) on the finest grid; it can exceed 1.
    """
    loss: float
    """Power loss, negative for gain [1/µm]."""
    loss_error: float
    """Estimated numerical error of the loss: one smaller than it is not resolved [1/µm]."""
    field: Field
    """Electric and magnetic field on the finest grid."""

    @property
    def polarization(self) -> Literal["TE", "TM"]:
        """The polarisation it is closer to."""
        return "TE" if self.te_fraction >= 0.5 else "TM"


@dataclass(frozen=True)
class ChannelModes:
    """Modes of a channel waveguide at one wavelength."""

    waveguide: Waveguide
    wavelength: float
    """Vacuum wavelength [µm]."""
    modes: tuple[ChannelMode, ...]
    """Largest n_eff first."""

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


def ridge(waveguide: Waveguide, wavelength: float | None = None) -> ChannelModes:
    """Modes of a channel waveguide.

    Args:
        waveguide: The waveguide.
        wavelength: Vacuum wavelength; the waveguide's target if left out [µm].

    Returns:
        Guided modes; with an absorber in the window leaky ones too; of a bend those that the guided
        modes of the straight waveguide turn into.

    Raises:
        NoGuidedMode: If none of the wanted polarisation is guided.
        InputError: If a material has no data there, or the stated window is too small.
        NotConverged: If the eigensolver fails or a mode is lost between two grids.
    """
    wavelength = waveguide.target.wavelength if wavelength is None else wavelength
    positive("wavelength (in um)", wavelength)
    wanted, polarization = waveguide.solve.modes, waveguide.solve.polarization
    section = cross_section(waveguide, wavelength)
    found = extrapolated(section, wanted if polarization == "any" else 2 * wanted)
    modes = [_mode(one) for one in found]
    kept = [mode for mode in modes if polarization in ("any", mode.polarization)]
    if not kept:
        raise NoGuidedMode(
            f"no guided {polarization} mode at {wavelength / nm:g} nm among the first {len(modes)}."
            ' Make the core larger, or set polarization = "any".'
        )
    return ChannelModes(waveguide, wavelength, tuple(kept[:wanted]))


def chromatic_dispersion(waveguide: Waveguide, wavelength: float | None = None) -> list[float]:
    """Slope of the group delay against wavelength of each guided mode, with material dispersion.

    From the exact group indices of one grid, a thousandth of the wavelength to either side.

    Args:
        waveguide: The waveguide, straight.
        wavelength: Vacuum wavelength; the waveguide's target if left out [µm].

    Returns:
        d(n_group)/d(wavelength) over the speed of light of each mode that `ridge` returns, in its
        order [ps/µm²].

    Raises:
        NoGuidedMode: If none is guided.
        InputError: If the waveguide is bent, a material has no data there, or the window is too
            small.
        NotConverged: If a mode is lost between the two wavelengths.
    """
    if waveguide.bend is not None:
        raise InputError("dispersion is that of a straight waveguide. Leave out [bend].")
    found = ridge(waveguide, wavelength)
    middle, step = found.wavelength, found.wavelength / 1000
    section = cross_section(waveguide, middle)  # one grid for both: its error cancels
    series = [solver.modes(section, len(found.modes) + 2)]
    for beside in (middle - step, middle + step):
        other = _section(waveguide, beside, 0.0)
        there = replace(
            section,
            wavelength=beside,
            ordinary=other.ordinary,
            extraordinary=other.extraordinary,
            ordinary_slope=other.ordinary_slope,
            extraordinary_slope=other.extraordinary_slope,
        )
        series.append(solver.modes(there, len(found.modes) + 4))
    wanted = solver.track(found.modes, series[0])
    below, above = (solver.track(wanted, other) for other in series[1:])
    return [
        float((high.n_group - low.n_group).real / (2 * step) / SPEED_OF_LIGHT)
        for low, high in zip(below, above, strict=True)
    ]


def _mode(found: Extrapolated) -> ChannelMode:
    mode = found.mode
    return ChannelMode(
        n_eff=found.n_eff,
        n_eff_error=found.error,
        n_group=found.n_group.real,
        te_fraction=mode.te_fraction,
        effective_area=mode.effective_area,
        confinement=mode.sensitivity.real[1:],
        loss=4 * np.pi * found.n_eff.imag / mode.operator.section.wavelength,
        loss_error=4 * np.pi * found.loss_error / mode.operator.section.wavelength,
        field=mode.field,
    )


def cross_section(waveguide: Waveguide, wavelength: float) -> CrossSection:
    """The waveguide as plain numbers; a window of no stated size is made large enough.

    Args:
        waveguide: The waveguide.
        wavelength: Vacuum wavelength [µm].

    Returns:
        What the solver takes; each shape counts as a material of its own.

    Raises:
        InputError: If a material has no data at this wavelength.
    """
    margin = 0.75 * wavelength
    section = _section(waveguide, wavelength, margin)
    if waveguide.window.size is not None:
        return section
    for _ in range(GROWTHS):
        straight = _section(waveguide, wavelength, margin, bend=False)
        floor, coarsest = cut_off(straight), DENSITIES[-1]
        modes = solver.modes(straight, waveguide.solve.modes, coarsest)
        edges = [mode.edge for mode in modes if mode.n_eff.real > floor]
        if edges and max(edges) < FADED:
            break
        margin *= 2
        section = _section(waveguide, wavelength, margin)
    return section


def _section(
    waveguide: Waveguide, wavelength: float, margin: float, bend: bool = True
) -> CrossSection:
    materials, window = waveguide.materials(), waveguide.window
    finite = np.concatenate([one.corners(0.0) for one in waveguide.shapes if one.halfspace is None])
    low, high = finite.min(axis=0), finite.max(axis=0)
    center = np.array(window.center or (low + high) / 2)
    curved = bend and waveguide.bend is not None
    absorber = window.absorber
    if absorber is None or not bend:
        absorber = wavelength / 2 if curved else 0.0
    half = (high - low) / 2 + margin + absorber
    if window.size is not None:
        half = np.array(window.size) / 2
    ends = center - half, center + half
    reach = 10 * float(np.abs(ends).max())
    axes = get_args(Axis)
    along = [[one.permittivity(wavelength, axis) for one in materials] for axis in axes]
    slopes = [[one.permittivity_slope(wavelength, axis) for one in materials] for axis in axes]
    ordinary, extraordinary = np.array(along, dtype=complex)
    densest = float(np.sqrt(max(ordinary.real.max(), extraordinary.real.max())))
    return CrossSection(
        wavelength=wavelength,
        shapes=tuple(
            solver.Shape(shape.corners(reach), number)
            for number, shape in enumerate(waveguide.shapes, start=1)
        ),
        ordinary=ordinary,
        extraordinary=extraordinary,
        window_y=(float(ends[0][0]), float(ends[1][0])),
        window_z=(float(ends[0][1]), float(ends[1][1])),
        cell=window.cell or wavelength / densest / CELLS_PER_WAVELENGTH,
        ordinary_slope=np.array(slopes[0], dtype=complex),
        extraordinary_slope=np.array(slopes[1], dtype=complex),
        curvature=1 / waveguide.bend.radius if curved and waveguide.bend else 0.0,
        absorber=absorber,
    )
