r"""A whole finite grating as a chain of scattering blocks, and the condition for a mode.

Sections of whole periods, each with its own gain, stand between two ends. Cut next to the middle
of the pump, the chain reflects with $\rho_l$ and $\rho_r$ to the left and to the right, and a mode
is an amplitude a towards +x with $a = \rho_l \rho_r a$. With all ports but that of the guided wave
g eliminated exactly, this is one analytic function of the frequency and of the gain,

$$ f = 1 / \left[(1 - \rho_l \rho_r)^{-1}\right]_{gg} = 0 , $$

one minus the round trip of the guided wave.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, FacetReflection
from dfbdesign.errors import InputError
from dfbdesign.materials import Material
from dfbdesign.solvers.finite_blocks import (
    Block,
    Step,
    behind,
    endless,
    repeated,
    seen_through,
    symmetric_block,
)
from dfbdesign.solvers.finite_slices import Heights, Modes, slice_modes

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Side = Literal["left", "right"]

BOUND = 1e-6
"""Least square of the effective index above the outer ones' of a bound mode; the radiated modes
leave that point along a line in the complex plane."""


@dataclass(frozen=True)
class GratingSection:
    """A stretch of whole periods under one pump."""

    periods: int
    pump: float = 1.0
    """Share of the sought material gain that the gain layers have here."""
    gain: float = 0.0
    """Fixed material gain of the gain layers here; an absorption is negative [1/µm]."""
    shift: float = 0.0
    """Length without lines in front of this section [µm]."""

    def __post_init__(self) -> None:
        if self.periods < 1:
            raise InputError(f"periods of a section must be at least 1, got {self.periods}.")
        within("pump of a section", self.pump, 0, float("inf"))
        within("shift of a section (in um)", self.shift, 0, float("inf"))


@dataclass(frozen=True)
class Chain:
    """A finite device in one basis."""

    device: Device
    sections: tuple[GratingSection, ...]
    """From left to right; the first half of the cut ends with section `cut` - 1."""
    cut: int
    absorption: float
    """Of the gain layers in what follows the grating [1/µm]."""
    heights: Heights

    @property
    def length(self) -> float:
        """Length from end to end [µm]."""
        period = 2 * self.walls[-1]
        return sum(section.shift + section.periods * period for section in self.sections)

    @property
    def ends_by_itself(self) -> bool:
        """Whether the device has modes of its own without gain and absorption."""
        facets = self.device.need_grating().facets
        return "unpumped" not in (facets.left, facets.right)

    @property
    def pumped_length(self) -> float:
        """Length that has the pump's peak share on average [µm]."""
        shares = [section.pump for section in self.sections]
        pumped = sum(section.periods * section.pump for section in self.sections)
        return 2 * self.walls[-1] * pumped / max(shares)

    @cached_property
    def walls(self) -> tuple[float, ...]:
        """Half widths of the slices' faces, from the centre of a line to the end of the period."""
        period = self.device.need_grating().period
        lines = [layer.lines for layer in self.device.layers if layer.lines is not None]
        inner = {line.duty * period / 2 for line in lines if 0 < line.duty < 1}
        return (0.0, *sorted(inner), period / 2)

    def permittivities(self, x: float, wavenumber: complex, about: float, gain: complex) -> Complex:
        """Permittivity of every region in a slice.

        Args:
            x: Distance of the slice's inner face from the centre of a line [µm].
            wavenumber: Complex k = ω/c [1/µm].
            about: Real wavenumber from which dispersion is continued, to first order [1/µm].
            gain: Material gain of the gain layers [1/µm].

        Returns:
            Shape (region,).
        """
        period = self.device.need_grating().period

        def value(material: Material, amplified: bool) -> complex:
            return _permittivity(material, wavenumber, about, gain if amplified else 0.0)

        values = [value(self.device.substrate.material, False)]
        for layer in self.device.layers:
            lines = layer.lines
            if lines is not None and x < lines.duty * period / 2:
                values.append(value(lines.material, lines.gain))
            else:
                values.append(value(layer.material, layer.gain))
        return np.array([*values, value(self.device.superstrate.material, False)])

    def at(
        self, wavenumber: complex, about: float, gain: float = 0.0, film: float = 1.0
    ) -> "ChainAt":
        """The chain at one frequency and one gain.

        Args:
            wavenumber: Complex k = ω/c [1/µm].
            about: Real wavenumber from which dispersion is continued [1/µm].
            gain: The sought material gain [1/µm].
            film: Factor on the fixed gains and absorptions, 0 to leave them out.

        Returns:
            The scattering of the chain.
        """
        return ChainAt(self, complex(wavenumber), about, complex(gain), film)


def _permittivity(material: Material, wavenumber: complex, about: float, gain: complex) -> complex:
    wavelength = 2 * pi / about
    slope = -complex(material.permittivity_slope(wavelength)) * wavelength / about
    value = complex(material.permittivity(wavelength)) + slope * (wavenumber - about)
    return complex((np.sqrt(value) - 0.5j * gain / wavenumber) ** 2) if gain else value


@dataclass(frozen=True)
class ChainAt:
    """A chain at one frequency and one gain: scattering, mode condition, fields."""

    chain: Chain
    wavenumber: complex
    about: float
    gain: complex
    film: float

    @cached_property
    def _slices(self) -> dict[tuple[float, complex], Modes]:
        return {}

    def modes(self, x: float, gain: complex) -> Modes:
        """Modes of the slice beyond a distance from the centre of a line, with a material gain."""
        chain, key = self.chain, (x, complex(gain))
        if key not in self._slices:  # the port is often one of the slices
            permittivities = chain.permittivities(x, self.wavenumber, self.about, gain)
            self._slices[key] = slice_modes(chain.heights, self.wavenumber, permittivities)
        return self._slices[key]

    @cached_property
    def port(self) -> Modes:
        """The reference slice: between the lines, without gain."""
        return self.modes(self.chain.walls[-2], 0.0)

    @cached_property
    def guided(self) -> int:
        """The port mode that the grating feeds back.

        Of the bound ones, or of all where the film between the lines guides none, the nearest to
        the target's Bragg index.
        """
        device = self.chain.device
        n_eff = device.need_grating().order * device.need_target().wavelength
        n_eff /= 2 * device.need_grating().period
        away = np.abs(self.port.constants - n_eff * self.wavenumber)
        bound = self.bound
        return int(np.where(bound, away, np.inf).argmin() if bound.any() else away.argmin())

    @property
    def bound(self) -> NDArray[np.bool_]:
        """Which modes of the port are bound to the film, shape (mode,)."""
        outer = self.chain.permittivities(self.chain.walls[-2], self.wavenumber, self.about, 0.0)[
            [0, -1]
        ]
        above = (self.port.constants / self.wavenumber) ** 2 - outer[outer.real.argmax()]
        return np.asarray(above.real > np.maximum(abs(above.imag), BOUND))

    def section_gain(self, section: GratingSection) -> complex:
        """Material gain in a section [1/µm]."""
        return section.pump * self.gain + self.film * section.gain

    @cached_property
    def periods(self) -> dict[complex, tuple[Block, tuple[Step, ...]]]:
        """One period by its material gain."""
        gains = {self.section_gain(section) for section in self.chain.sections}
        return {gain: self.period(gain) for gain in gains}

    def period(self, gain: complex) -> tuple[Block, tuple[Step, ...]]:
        """One period with a material gain."""
        slices = [
            (self.modes(inner, gain), outer - inner) for inner, outer in pairwise(self.chain.walls)
        ]
        return symmetric_block(slices, self.port)

    @cached_property
    def rows(self) -> dict[complex, dict[int, Block]]:
        """Rows of periods, by material gain and number."""
        counts: dict[complex, set[int]] = {}
        for section in self.chain.sections:
            counts.setdefault(self.section_gain(section), set()).add(section.periods)
        return {gain: repeated(self.periods[gain][0], counts[gain]) for gain in counts}

    @cached_property
    def gaps(self) -> dict[tuple[complex, float], tuple[Block, tuple[Step, ...]]]:
        """Stretches without lines, by material gain and length."""
        found = {}
        for section in self.chain.sections:
            if section.shift > 0:
                gain = self.section_gain(section)
                modes = self.modes(self.chain.walls[-2], gain)
                slices = [(modes, section.shift / 2)]
                found[gain, section.shift] = symmetric_block(slices, self.port)
        return found

    def pieces(
        self, section: GratingSection
    ) -> list[tuple[dict[int, Block], float, tuple[Step, ...], int]]:
        """What a section is made of, from left to right.

        Args:
            section: One of the chain.

        Returns:
            Blocks by number, width of one [µm], its steps from the centre out, and their number.
        """
        gain, out = self.section_gain(section), []
        if section.shift > 0:
            block, steps = self.gaps[gain, section.shift]
            out.append(({1: block}, section.shift, steps, 1))
        period = 2 * self.chain.walls[-1]
        out.append((self.rows[gain], period, self.periods[gain][1], section.periods))
        return out

    @cached_property
    def _ends(self) -> dict[str, Complex]:
        return {}

    def end(self, side: Side) -> Complex:
        """Reflection of what follows the grating on the left or the right, in port modes."""
        facet = getattr(self.chain.device.need_grating().facets, side)
        if isinstance(facet, FacetReflection) or facet == "fresnel":
            raise InputError(
                f"facets.{side}: a given or Fresnel reflection belongs to one wave; the rigorous "
                'solver needs a structure: "open", "unpumped" or "cleaved".'
            )
        if facet not in self._ends:  # often the same on both sides
            self._ends[facet] = self._end(facet)
        return self._ends[facet]

    def _end(self, facet: str) -> Complex:
        absorbing = -self.film * self.chain.absorption
        none = np.zeros((len(self.port.constants),) * 2, dtype=complex)
        if facet == "unpumped":  # its absorption is what ends the light: it stays
            return endless(self.period(-self.chain.absorption)[0])
        if facet == "cleaved":
            air = np.ones(len(self.chain.device.layers) + 2, dtype=complex)
            outside = slice_modes(self.chain.heights, self.wavenumber, air)
        elif absorbing == 0:
            return none
        else:
            outside = self.modes(self.chain.walls[-2], absorbing)
        return seen_through(self.port, outside, none)[0]

    @cached_property
    def left(self) -> Complex:
        """Reflection of everything left of the cut."""
        reflection = self.end("left")
        for section in self.chain.sections[: self.chain.cut]:
            for blocks, _, _, count in self.pieces(section):
                reflection = behind(blocks[count], reflection)
        return reflection

    @cached_property
    def right(self) -> Complex:
        """Reflection of everything right of the cut."""
        reflection = self.end("right")
        for section in reversed(self.chain.sections[self.chain.cut :]):
            for blocks, _, _, count in reversed(self.pieces(section)):
                reflection = behind(blocks[count], reflection)
        return reflection

    def mismatch(self) -> complex:
        """One minus the round trip of the guided wave: zero for a mode."""
        size, guided = len(self.left), self.guided
        answer = np.linalg.solve(np.eye(size) - self.left @ self.right, np.eye(size)[:, guided])
        return complex(1 / answer[guided])

    def at_cut(self) -> tuple[Complex, Complex]:
        """Amplitudes of the mode at the cut, towards +x and -x, shape (mode,) each.

        They are exact where the mismatch is zero.
        """
        one = np.eye(len(self.left))
        solved = np.linalg.solve(one - self.left @ self.right, one[:, self.guided])
        forward: Complex = np.asarray(solved / np.abs(solved).max())
        return forward, np.asarray(self.right @ forward)
