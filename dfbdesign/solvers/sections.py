r"""Sections of a grating as coupled waves see them, and how waves pass through one.

In section j the waves R (towards +x) and S (towards -x), time as $e^{-i\omega t}$, obey

$$ R' = i\Delta_j R - i\kappa_j S, \qquad S' = -i\Delta_j S + i\kappa_j R, \qquad
\Delta_j = \nu_j \delta - \delta_j - \tfrac{i}{2}(g_j + p_j g), $$

with $\delta = n_g(k - k_c)$ the common detuning, $\delta_j$ the section's own line centre, $g_j$
its fixed power gain (a loss is negative), $p_j$ its share of the pump, and $\nu_j$ its group index
over the common $n_g$. A section turns waves to

$$ \begin{pmatrix} R \\ S \end{pmatrix}_{x+l} = \left[\cosh sl + \frac{\sinh sl}{s}
\begin{pmatrix} i\Delta & -i\kappa \\ i\kappa & -i\Delta \end{pmatrix}\right]
\begin{pmatrix} R \\ S \end{pmatrix}_x, \qquad s^2 = \kappa^2 - \Delta^2 . $$

A section without end that absorbs keeps only the wave that fades, $R' = -sR$ with Re s > 0, and so
reflects $S/R = \kappa / (\Delta + i s)$.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import positive, within
from dfbdesign.errors import InputError

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Section:
    """A uniform stretch of a grating."""

    length: float
    """Length [µm]."""
    kappa: complex
    """Coupling coefficient; 0 where there are no lines [1/µm]."""
    detuning: float = 0.0
    """How far this section's line centre lies above the common one, as n_g k [1/µm]."""
    gain: float = 0.0
    """Fixed power gain of the running waves; losses are negative [1/µm]."""
    pump: float = 1.0
    """Share of the sought modal gain that this section has."""
    phase: float = 0.0
    """One-way phase of a line-free stretch in front of this section [rad]."""
    group: float = 1.0
    """Its group index over the one the common detuning is counted with."""

    def __post_init__(self) -> None:
        positive("length of a section (in um)", self.length)
        within("pump of a section", self.pump, 0, inf)
        positive("group of a section", self.group)


@dataclass(frozen=True)
class Endless:
    """A grating that goes on without end and absorbs: an end of a cavity."""

    kappa: complex
    """Coupling coefficient [1/µm]."""
    gain: float
    """Power gain of the running waves; below zero, as it absorbs [1/µm]."""
    detuning: float = 0.0
    """How far its line centre lies above the common one, as n_g k [1/µm]."""
    group: float = 1.0
    """Its group index over the one the common detuning is counted with."""

    def __post_init__(self) -> None:
        if not self.gain < 0:
            raise InputError(
                f"gain of an endless grating must be below zero, got {self.gain:g}: it must absorb."
            )
        positive("group of an endless grating", self.group)


End = complex | Endless


@dataclass(frozen=True)
class Cavity:
    """Grating sections from left to right between two ends."""

    sections: tuple[Section, ...]
    left: End = 0.0
    """Amplitude reflection of the left facet, seen from inside at its place, or what goes on."""
    right: End = 0.0
    """The same on the right."""

    def __post_init__(self) -> None:
        if not self.sections:
            raise InputError("sections must hold at least one section, got none.")
        for name, value in (("left", self.left), ("right", self.right)):
            if not isinstance(value, Endless):
                within(f"the modulus of the {name} reflection", abs(value), 0, 1)

    @property
    def length(self) -> float:
        """Sum of the sections' lengths [µm]."""
        return sum(section.length for section in self.sections)

    @property
    def pumped_length(self) -> float:
        """Length that would have the sought gain [µm]."""
        return sum(section.length * section.pump for section in self.sections)


def local(section: Section, detuning: complex | Real | Complex, gain: float | Real) -> Complex:
    """The section's own Δ.

    Args:
        section: The section.
        detuning: Common detuning, any shape [1/µm].
        gain: Power gain of a fully pumped section [1/µm]; broadcasts against it.

    Returns:
        Δ of the broadcast shape [1/µm].
    """
    return np.asarray(
        section.group * detuning - section.detuning - 0.5j * (section.gain + section.pump * gain)
    )


def end_reflection(end: End, detuning: complex | Real | Complex) -> tuple[Complex, Complex]:
    """Amplitude reflection of an end.

    Args:
        end: The end.
        detuning: Common detuning, any shape [1/µm].

    Returns:
        Reflection and its derivative against the detuning, both of the detuning's shape.

    Examples:
        Far inside its stop band an endless grating reflects nearly all.

        >>> reflection, _ = end_reflection(Endless(kappa=0.01, gain=-0.001), 0.0)
        >>> round(float(abs(reflection) ** 2), 3)
        0.905
    """
    delta = np.asarray(detuning, dtype=complex)
    if not isinstance(end, Endless):
        return np.full_like(delta, end), np.zeros_like(delta)
    delta = end.group * delta - end.detuning - 0.5j * end.gain
    s = np.sqrt(end.kappa**2 - delta**2)  # Re s > 0
    reflection = end.kappa / (delta + 1j * s)
    return np.asarray(reflection), np.asarray(1j * end.group * reflection / s)


def hyperbolic(
    kappa: complex | Complex, length: float | Real, delta: Complex
) -> tuple[Complex, Complex, Complex, Complex, Real]:
    """Cosh sl, sinh(sl)/s and their slopes against Δ, all times exp(-growth), and growth.

    Args:
        kappa: Coupling coefficient [1/µm].
        length: Length [µm]; all three broadcast.
        delta: Δ [1/µm].

    Returns:
        The four, and the logarithm they are scaled by.
    """
    s = np.sqrt(kappa**2 - delta**2)
    growth = np.abs((s * length).real)
    up = np.asarray(np.exp(s * length - growth) / 2, dtype=complex)
    down = np.asarray(np.exp(-s * length - growth) / 2, dtype=complex)
    # At a band edge s = 0: the series in (sl)², and its derivative, to rounding.
    small = np.abs(s * length) < 0.1
    square, divisor = np.where(small, s * length, 0) ** 2, np.where(small, 1, s)
    factor = length * np.exp(-growth)
    series = factor * (1 + square / 6 * (1 + square / 20 * (1 + square / 42)))
    sinh = np.where(small, series, (up - down) / divisor)
    series = factor * length**2 / 3 * (1 + square / 10 * (1 + square / 28 * (1 + square / 54)))
    third = np.where(small, series, (length * (up + down) - sinh) / divisor**2)
    return up + down, sinh, -delta * length * sinh, -delta * third, growth


def turn(kappa: complex | Complex, delta: Complex, waves: Complex) -> Complex:
    """Right-hand side of the coupled equations.

    Args:
        kappa: Coupling coefficient [1/µm].
        delta: Δ [1/µm].
        waves: R and S along the first axis.

    Returns:
        R' and S', as `waves`.
    """
    right, left = waves
    return 1j * np.stack([delta * right - kappa * left, kappa * right - delta * left])


def through(
    section: Section, delta: Complex, waves: Complex, forward: bool = True
) -> tuple[Complex, Real]:
    """Unit waves behind a section, or in front of it.

    Args:
        section: The section.
        delta: Its Δ, any shape [1/µm].
        waves: R and S along the first axis, then the shape of `delta`.
        forward: Whether the waves are given in front of it and wanted behind.

    Returns:
        The waves, scaled to length 1, and the logarithm of how much they have grown.
    """
    cosh, sinh, _, _, growth = hyperbolic(section.kappa, section.length, delta)
    jump = np.exp(1j * section.phase)
    if forward:
        waves = np.stack([waves[0] * jump, waves[1] / jump])
        waves = cosh * waves + sinh * turn(section.kappa, delta, waves)
    else:
        waves = cosh * waves - sinh * turn(section.kappa, delta, waves)
        waves = np.stack([waves[0] / jump, waves[1] * jump])
    size = np.linalg.norm(waves, axis=0)
    return waves / size, np.asarray(growth + np.log(size))
