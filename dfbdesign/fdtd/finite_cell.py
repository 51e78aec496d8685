r"""A whole finite device on one grid: what lies where, and the guided wave of that grid.

Everything stands in one cell: whole periods with their own gain, phase shifts, and beyond them the
film without lines ("open") or air ("cleaved"). Indices are frozen, a material gain g adds
$-\tfrac{i}{2} g/k$ to them.

A grid slows the guided wave down. Its own slab mode, of permittivities $\epsilon$ at the nodes,

$$ \Bigl[\delta_z^2 + \bigl(\tfrac{2}{\Delta t} \sin\tfrac{\omega\Delta t}{2}\bigr)^2
   \epsilon\Bigr]\varphi = \bigl(\tfrac{2}{h}\sin\tfrac{\beta h}{2}\bigr)^2\varphi , $$

says by how much: the frequency at which the grid has the wanted β is where things happen on it. The
same mode splits the field on a column into waves of either direction, exactly on that grid.
"""

from dataclasses import dataclass
from functools import cache
from math import asin, ceil, pi, sin, sqrt, tan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive
from dfbdesign.device import Device, Layer, Lines, without_dispersion
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.fdtd import finite_worker
from dfbdesign.materials import Material
from dfbdesign.units import nm, um

Real = NDArray[np.float64]

STAIRS = 16
"""Thin layers that stand for one with oblique walls; nodes take means over them."""
DECAY = 6.0
"""Decay lengths of the guided wave before an absorbing layer starts."""
SMALLEST_BUFFER = (1.5 * um, 1.0 * um)
"""Least distance of the layers from an absorbing layer, below and above."""
BEYOND = 1.0 * um
"""Of what follows the grating, before the absorbing layers at its sides."""
SIDE = 1.5 * um
"""Of the absorbing layers at the sides."""
LEAST_ABSORBER = 0.4 * um
"""Of those below and above, on top of half a wave."""
FINE = 8
"""How much finer the grid is that stands for none in the slab mode."""


@dataclass(frozen=True)
class Stretch:
    """Whole periods with one gain."""

    periods: int
    gain: float = 0.0
    """Material gain of the gain layers, negative if they absorb [1/µm]."""
    shift: float = 0.0
    """Length without lines in front of it [µm]."""


@dataclass(frozen=True)
class Region:
    """A layer or a half-space, cut by walls."""

    walls: tuple[float, ...]
    """From the middle of the grating, ascending [pixels]."""
    permittivity: tuple[tuple[float, float], ...]
    """Real and imaginary part, one more than walls."""


def slab_mode(values: Real, frequency: float, fine: int = 1) -> tuple[float, Real]:
    """Wavenumber [1/pixel] and field of the guided mode on a grid, at a frequency [1/pixel].

    With `fine`, the values lie on a grid that is finer by that factor.
    """
    from scipy.linalg import eigh_tridiagonal

    step, size = finite_worker.COURANT / fine, len(values)
    omega = 2 * sin(pi * frequency * step) / step
    found, shape = eigh_tridiagonal(
        omega**2 * values - 2.0 * fine**2,
        np.full(size - 1, float(fine**2)),
        select="i",
        select_range=(size - 1, size - 1),
    )
    outside = omega**2 * max(values[0], values[-1])
    if not found[0] > outside:
        raise NoGuidedMode("the film beyond the grating guides no wave: make it thicker.")
    beta = 2 * fine * asin(sqrt(found[0]) / 2 / fine)
    profile = shape[:, 0] * np.sign(shape[:, 0].sum())
    return beta, np.asarray(profile / profile.max())


class Cell:
    """The geometry of a finite device on one grid.

    Args:
        device: Needs a grating with lines and a target; TE.
        stretches: The grating from left to right.
        wavelength: Where the modes are, in vacuum [µm].
        resolution: Pixels per half wavelength in the guide.
        absorption: Of the gain layers in an "open" film beyond the grating [1/µm].
        beyond: Length of what follows the grating, before the absorbers [µm].
        room: Factor on all distances and absorbers, to see what they do.

    Raises:
        InputError: If the device is not one this handles.
        NoGuidedMode: If the wave would leak into a half-space.
    """

    def __init__(
        self,
        device: Device,
        stretches: tuple[Stretch, ...],
        wavelength: float,
        resolution: int,
        absorption: float,
        beyond: float = BEYOND,
        room: float = 1.0,
    ) -> None:
        _check(device, stretches, wavelength, resolution)
        grating = device.need_grating()
        self.stretches, self.absorption, self.grating = stretches, absorption, grating
        self.device = without_dispersion(device, device.need_target().wavelength)
        self.wavelength = wavelength
        self.pixels = resolution * grating.order
        self.pixel = grating.period / self.pixels
        total = sum(one.shift + one.periods * grating.period for one in stretches)
        self.length = total / self.pixel
        layers = [thin for layer in self.device.layers for thin in _stairs(layer, grating.period)]
        heights = np.cumsum([0.0, *(thin.thickness for thin in layers)])
        self.faces = tuple(float(height) for height in heights / self.pixel)
        self.regions = tuple(
            self._region(*parts)
            for parts in (
                (self.device.substrate.material, False, None),
                *((layer.material, layer.gain, layer.lines) for layer in layers),
                (self.device.superstrate.material, False, None),
            )
        )
        self._sizes(beyond * room, room)

    def _sizes(self, beyond: float, room: float) -> None:
        """Margins, absorbers and the number of rows and columns."""
        pixel, bragg = self.pixel, self.grating.order * pi / self.grating.period
        buffers, absorbers = [], [ceil(room * SIDE / pixel)]
        ends = (self.device.substrate, self.device.superstrate)
        for end, least in zip(ends, SMALLEST_BUFFER, strict=True):
            index = complex(end.material.index(self.wavelength)).real
            decay = bragg**2 - (2 * pi * index / self.wavelength) ** 2
            if decay <= 0 or DECAY / sqrt(decay) > 10 * self.wavelength:
                raise NoGuidedMode(
                    f"at {self.wavelength / nm:g} nm a period of {self.grating.period / nm:g} nm "
                    f"guides no wave against an index of {index:.4g}."
                )
            buffers.append(ceil(room * max(least, DECAY / sqrt(decay)) / pixel))
            absorber = self.wavelength / index / 2 + LEAST_ABSORBER
            absorbers.append(ceil(room * absorber / pixel))
        self.absorber = (absorbers[0], absorbers[1], absorbers[2])
        rows = sum(absorbers[1:]) + sum(buffers) + ceil(self.faces[-1])
        rows += rows % 2
        columns = 2 * ceil(self.length / 2 + beyond / pixel + absorbers[0])
        self.cells = columns, rows
        self.surface = absorbers[1] + buffers[0] - rows // 2

    @property
    def symmetric(self) -> bool:
        """Whether left and right mirror each other."""
        return all(
            np.allclose(region.walls, -np.array(region.walls[::-1]), atol=1e-6)
            and np.allclose(region.permittivity, region.permittivity[::-1], rtol=1e-12)
            for region in self.regions
        )

    def brightest_row(self) -> int:
        """Row in the middle of the layer of highest index, the thickest if several."""
        layers = self.device.layers
        best = max(layers, key=lambda one: (complex(one.material.index(1.0)).real, one.thickness))
        below = sum(one.thickness for one in layers[: layers.index(best)])
        return round((below + best.thickness / 2) / self.pixel)

    def guided(self, frequency: float, nodes: Real) -> tuple[float, Real]:
        """Guided mode of the film beyond the grating, on this grid; frequency in 1/µm."""
        return slab_mode(self._film(nodes), frequency * self.pixel)

    def on_grid(self, frequencies: ArrayLike) -> Real:
        """Where the grid has the wavenumbers that the film has at these frequencies [1/µm]."""
        nodes = np.arange(self.cells[1] + 1.0) - self.cells[1] // 2 - self.surface
        fine = np.linspace(nodes[0], nodes[-1], FINE * (len(nodes) - 1) + 1)
        coarse_values, fine_values = self._film(nodes), self._film(fine, FINE)

        @cache
        def beta(frequency: float, grid: int) -> float:
            values = coarse_values if grid == 1 else fine_values
            return slab_mode(values, frequency * self.pixel, grid)[0]

        found = []
        for frequency in np.asarray(frequencies, dtype=float).tolist():
            # What is left of the error at FINE is FINE² times smaller, and taken out as well.
            wanted = beta(frequency, FINE)
            wanted -= (beta(frequency, 1) - wanted) / (FINE**2 - 1)
            there, step = frequency, 1e-4 * frequency
            for _ in range(3):
                slope = (beta(there + step, 1) - beta(there - step, 1)) / (2 * step)
                there += (wanted - beta(there, 1)) / slope
            found.append(there)
        return np.array(found)

    def _film(self, nodes: Real, fine: int = 1) -> Real:
        """Permittivity of the film beyond the grating at nodes that lie 1/fine of a pixel apart."""
        values = [region.permittivity[0][0] for region in self.regions]
        numbers = {
            "faces": [face * fine for face in self.faces],
            "regions": [{"walls": [], "permittivity": [[value, 0.0]]} for value in values],
        }
        found = finite_worker.permittivity(numbers, np.zeros(1), nodes * fine)
        return np.asarray(found[:, 0].real)

    def _region(self, material: Material, gain: bool, lines: Lines | None) -> Region:
        """A layer from left to right, with what stands at both ends."""
        period, facets = self.grating.period, self.grating.facets
        absorbs = -self.absorption if gain else 0.0
        ends = {"cleaved": 1 + 0j, "open": self._permittivity(material, absorbs)}
        walls, values, here = [0.0], [ends[str(facets.left)]], 0.0
        for one in self.stretches:
            between = self._permittivity(material, one.gain if gain else 0.0)
            width = lines.duty * period if lines is not None else 0.0
            if lines is None or not width:
                here += one.shift + one.periods * period
                walls, values = [*walls, here], [*values, between]
                continue
            inside = self._permittivity(lines.material, one.gain if lines.gain else 0.0)
            starts = here + one.shift + (np.arange(one.periods) + 0.5) * period - width / 2
            here += one.shift + one.periods * period
            walls += [*np.stack([starts, starts + width], axis=1).ravel().tolist(), here]
            values += [*(one.periods * [between, inside]), between]
        values.append(ends[str(facets.right)])
        different = [i for i in range(len(walls)) if values[i] != values[i + 1]]
        return Region(
            tuple(walls[i] / self.pixel - self.length / 2 for i in different),
            tuple((v.real, v.imag) for v in [values[0], *(values[i + 1] for i in different)]),
        )

    def _permittivity(self, material: Material, gain: float) -> complex:
        index = complex(material.index(self.wavelength))
        if not gain:
            return index**2
        return (index - 0.25j * gain * self.wavelength / pi) ** 2


def _check(
    device: Device, stretches: tuple[Stretch, ...], wavelength: float, resolution: int
) -> None:
    positive("wavelength (in um)", wavelength)
    if resolution < 4 or resolution % 4:
        raise InputError(f"resolution must be a positive multiple of 4, got {resolution}.")
    if not stretches or any(one.periods < 1 for one in stretches):
        raise InputError("every stretch of the grating must hold at least one period.")
    if device.polarization != "TE":
        raise InputError(
            f"the time-domain check of a finite device handles TE only, got {device.polarization}."
        )
    device.need_plain_lines("the time-domain check of a finite device")
    device.need_grating().need_same_lines("the time-domain check of a finite device")
    facets = device.need_grating().facets
    for name, facet in (("left", facets.left), ("right", facets.right)):
        if facet not in ("open", "cleaved"):
            raise InputError(
                f'facets.{name} must be "open" or "cleaved" for the time-domain check of a finite '
                "device: it needs a structure that ends."
            )


def _stairs(layer: Layer, period: float) -> list[Layer]:
    """The layer, cut into thin ones if its lines have oblique walls."""
    lines = layer.lines
    if lines is None or abs(lines.sidewall - pi / 2) < 1e-9:
        return [layer]
    slant, thin = layer.thickness / tan(lines.sidewall), []
    for height in (np.arange(STAIRS) + 0.5) / STAIRS:
        duty = lines.duty + (1 - 2 * float(height)) * slant / period
        if not 0 <= duty <= 1:
            raise InputError("oblique walls of the lines meet: change duty or sidewall.")
        upright = Lines(material=lines.material, duty=duty, gain=lines.gain)
        part = layer.model_copy(update={"thickness": layer.thickness / STAIRS, "lines": upright})
        thin.append(part)
    return thin
