r"""Coupled-mode theory of any sequence of grating sections, with 2 x 2 matrices.

In each section the waves R (towards +x) and S (towards -x), time as $e^{-i\omega t}$, obey

$$ R' = i\Delta_j R - i\kappa_j S, \qquad S' = -i\Delta_j S + i\kappa_j R, \qquad
\Delta_j = \delta - \delta_j - \tfrac{i}{2}(g_j + p_j g), $$

with $\delta = n_g(k - k_c)$ the common detuning, $\delta_j$ the section's own line centre, $g_j$
its fixed power gain (a loss is negative) and $p_j$ its share of the pump. A section turns waves to

$$ \begin{pmatrix} R \\ S \end{pmatrix}_{x+l} = \left[\cosh sl + \frac{\sinh sl}{s}
\begin{pmatrix} i\Delta & -i\kappa \\ i\kappa & -i\Delta \end{pmatrix}\right]
\begin{pmatrix} R \\ S \end{pmatrix}_x, \qquad s^2 = \kappa^2 - \Delta^2 . $$

$\kappa$ is referred to the middle of a line. A stretch d without lines, put in front of a section,
turns R by $\varphi = \beta_0 d$ and S by $-\varphi$; a quarter-wave shift has $\varphi = \pi/2$.
At its edges R = S (even about the lines, *bright*) has $\Delta = \kappa$, and R = -S (*dark*) has
$\Delta = -\kappa$. Radiation of a second-order grating enters as $\mathrm{Im}\,\kappa = -h_1$
together with $g_j = -2h_1$.

A mode is an outgoing wave without input: two real unknowns, the detuning and the gain (or the
imaginary part of the detuning), make one complex mismatch vanish. `plane_zeros` finds all of them.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive, within
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.solvers.plane_zeros import zero_near, zeros_in_window

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Edge = Literal["bright", "dark", "gap"]


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

    def __post_init__(self) -> None:
        positive("length of a section (in um)", self.length)
        within("pump of a section", self.pump, 0, inf)


@dataclass(frozen=True)
class Cavity:
    """Grating sections from left to right between two facets."""

    sections: tuple[Section, ...]
    left: complex = 0.0
    """Amplitude reflection of the left facet, seen from inside at its place."""
    right: complex = 0.0
    """Amplitude reflection of the right facet."""

    def __post_init__(self) -> None:
        if not self.sections:
            raise InputError("sections must hold at least one section, got none.")
        for name, value in (("left", self.left), ("right", self.right)):
            within(f"the modulus of the {name} reflection", abs(value), 0, 1)

    @property
    def length(self) -> float:
        """Sum of the sections' lengths [µm]."""
        return sum(section.length for section in self.sections)


@dataclass(frozen=True)
class CavityMode:
    """A mode of a cavity: at threshold (real detuning), or cold (no gain, complex detuning)."""

    detuning: complex
    """n_g (k - k_c), with a negative imaginary part if the mode decays [1/µm]."""
    gain: float
    """Power gain of a fully pumped section, `pump` = 1 [1/µm]."""
    edge: Edge
    """The band edge it derives from; "gap" if it lies inside the stop band, as at a phase shift."""


def scattering(
    cavity: Cavity, detuning: ArrayLike, gain: ArrayLike = 0.0
) -> tuple[Complex, Complex, Complex]:
    """Amplitude reflection and transmission of the sections, without the facets.

    Args:
        cavity: The sections.
        detuning: Common detuning, may be complex, any shape [1/µm].
        gain: Power gain of a fully pumped section [1/µm]; broadcasts against `detuning`.

    Returns:
        Reflection from the left (S/R at the left end), transmission (the same both ways), and
        reflection from the right (R/S at the right end), each of the broadcast shape.

    Examples:
        >>> cavity = Cavity((Section(length=200 * um, kappa=50 / cm),))
        >>> r, t, _ = scattering(cavity, 0.0)
        >>> print(f"{abs(r) ** 2:.4f} {abs(t) ** 2:.4f}")  # tanh² and 1/cosh² of κL
        0.5800 0.4200
    """
    delta, gains = np.broadcast_arrays(np.asarray(detuning, dtype=complex), np.asarray(gain))
    ends = []
    for start in ((1, 0), (0, 1)):
        waves = np.multiply.outer(np.array(start, dtype=complex), np.ones(delta.shape))
        growth = np.zeros(delta.shape)
        for section in cavity.sections:
            waves, more = _through(section, _local(section, delta, gains), waves)
            growth = growth + more
        ends.append((waves, growth))
    (first, first_growth), (second, second_growth) = ends
    return (
        np.asarray(-np.exp(first_growth - second_growth) * first[1] / second[1]),
        np.asarray(np.exp(-second_growth) / second[1]),
        np.asarray(second[0] / second[1]),
    )


def threshold_modes(
    cavity: Cavity, detuning: tuple[float, float], gain: tuple[float, float]
) -> tuple[CavityMode, ...]:
    """All modes at threshold in a window of detuning and gain.

    Args:
        cavity: Sections, of which `pump` says how the gain is spread, and facets.
        detuning: Lowest and highest detuning [1/µm].
        gain: Lowest and highest power gain of a fully pumped section [1/µm].

    Returns:
        The modes, lowest threshold first.

    Raises:
        InputError: If the window has no area or no section is pumped.
        NotConverged: If the modes do not match the turns of the mismatch around the window, which
            happens when a mode sits on its edge.

    Examples:
        A quarter-wave shift makes the mode in the middle of the stop band the first to lase.

        >>> half = Section(length=500, kappa=0.002)
        >>> shifted = Section(length=500, kappa=0.002, phase=np.pi / 2)
        >>> mode, *_ = threshold_modes(Cavity((half, shifted)), (-0.01, 0.01), (0, 0.01))
        >>> print(f"{abs(mode.detuning):.6f} {mode.gain:.6f} {mode.edge}")
        0.000000 0.001394 gap
    """
    if not any(section.pump for section in cavity.sections):
        raise InputError("pump must be above zero in some section, or nothing can lase.")
    roots = zeros_in_window(lambda x, y: _at_threshold(cavity, x, y), detuning, gain, cavity.length)
    modes = [CavityMode(complex(d), float(g), _edge(cavity, d, g)) for d, g in roots]
    return tuple(sorted(modes, key=lambda m: (round(m.gain * cavity.length, 9), m.detuning.real)))


def cold_modes(
    cavity: Cavity, detuning: tuple[float, float], decay: float
) -> tuple[CavityMode, ...]:
    """All modes without pump, in a window of detuning and decay.

    Args:
        cavity: Sections (their fixed `gain` counts, `pump` does not) and facets.
        detuning: Lowest and highest real part of the detuning [1/µm].
        decay: Largest amplitude decay, minus the imaginary part of the detuning [1/µm]. Modes that
            would grow, from a fixed gain, are searched as far.

    Returns:
        The modes, slowest decay first.

    Raises:
        InputError: If the window has no area.
        NotConverged: If the modes do not match the turns of the mismatch around the window.

    Examples:
        >>> cavity = Cavity((Section(length=1000, kappa=0.002),))
        >>> for mode in cold_modes(cavity, detuning=(-0.005, 0.005), decay=0.002):
        ...     print(f"{mode.detuning * 1000:.4f} {mode.edge}")
        -3.3797-0.9847j dark
        3.3797-0.9847j bright
    """
    roots = zeros_in_window(
        lambda x, y: _cold(cavity, x, y), detuning, (-decay, decay), cavity.length
    )
    modes = [CavityMode(complex(x, y), 0.0, _edge(cavity, complex(x, y), 0.0)) for x, y in roots]
    length = cavity.length
    return tuple(
        sorted(modes, key=lambda m: (-round(m.detuning.imag * length, 9), m.detuning.real))
    )


def threshold_mode_near(cavity: Cavity, mode: CavityMode) -> CavityMode:
    """A mode at threshold, followed from one of a cavity that differs a little.

    Args:
        cavity: Sections and facets.
        mode: Mode at threshold of a similar cavity.

    Returns:
        The mode of this cavity.

    Raises:
        NotConverged: If it cannot be followed.

    Examples:
        >>> cavity = Cavity((Section(length=1000, kappa=0.002),))
        >>> mode, *_ = threshold_modes(cavity, (-0.005, 0.005), (0, 0.005))
        >>> longer = Cavity((Section(length=1010, kappa=0.002),))
        >>> threshold_mode_near(longer, mode).gain < mode.gain
        True
    """
    x, y = zero_near(
        lambda x, y: _at_threshold(cavity, x, y), mode.detuning.real, mode.gain, cavity.length
    )
    return CavityMode(complex(x), y, _edge(cavity, x, y))


def cold_mode_near(cavity: Cavity, detuning: complex) -> CavityMode:
    """The mode without pump that is reached from a complex detuning.

    Args:
        cavity: Sections (their fixed `gain` counts, `pump` does not) and facets.
        detuning: Start, close to the mode [1/µm].

    Returns:
        The mode.

    Raises:
        NotConverged: If Newton's method does not settle.
    """
    x, y = zero_near(lambda x, y: _cold(cavity, x, y), detuning.real, detuning.imag, cavity.length)
    return CavityMode(complex(x, y), 0.0, _edge(cavity, complex(x, y), 0.0))


def fields(cavity: Cavity, mode: CavityMode, x: ArrayLike) -> tuple[Complex, Complex]:
    """Amplitudes of both waves along the cavity.

    Args:
        cavity: The cavity.
        mode: One of its modes.
        x: Positions from the left end, shape (point,) [µm].

    Returns:
        R and S, each of shape (point,), scaled so that |R|² + |S|² is at most 1 at the points.

    Raises:
        InputError: If a position lies outside the cavity.
        NotConverged: If the waves from both ends do not meet: this is no mode of the cavity.

    Examples:
        >>> cavity = Cavity((Section(length=1000, kappa=0.002),))
        >>> mode = cold_modes(cavity, detuning=(-0.005, 0), decay=0.002)[0]
        >>> R, S = fields(cavity, mode, [0, 500, 1000])
        >>> np.abs(R).round(2), np.abs(S).round(2)
        (array([0.  , 0.71, 0.92]), array([0.92, 0.71, 0.  ]))
    """
    points = np.atleast_1d(np.asarray(x, dtype=float))
    if points.min() < 0 or points.max() > cavity.length * (1 + 1e-12):
        raise InputError(f"x must lie in the cavity, 0 to {cavity.length:g} um.")
    pieces = [(piece, _local(piece, mode.detuning, mode.gain)) for piece in _cut(cavity, mode)]
    rightward, growth = _walk(np.array([cavity.left, 1]), pieces, forward=True)
    leftward, decline = _walk(np.array([1, cavity.right]), pieces[::-1], forward=False)
    leftward, decline = leftward[::-1], decline[::-1]
    # Either walk is trusted where it grows; they are joined where both have grown most.
    meet = int(np.argmax(growth + decline))
    factor = np.vdot(leftward[meet], rightward[meet])
    if np.abs(rightward[meet] - factor * leftward[meet]).max() > 1e-5:
        raise NotConverged(f"there is no mode at detuning {mode.detuning:.6g}, gain {mode.gain:g}.")
    between = np.where(
        (np.arange(growth.size) <= meet)[:, None],
        rightward * np.exp(growth - growth[meet])[:, None],
        factor * leftward * np.exp(decline - decline[meet])[:, None],
    )
    waves = _within(pieces, between, points)
    waves = waves / np.linalg.norm(waves, axis=0).max()
    return waves[0], waves[1]


def _cut(cavity: Cavity, mode: CavityMode) -> list[Section]:
    """Sections cut so that no wave grows much within a piece."""
    pieces: list[Section] = []
    for section in cavity.sections:
        delta = _local(section, mode.detuning, mode.gain)
        number = 1 + int(abs(np.sqrt(section.kappa**2 - delta**2).real) * section.length / 3)
        piece = replace(section, length=section.length / number)
        pieces += [piece, *[replace(piece, phase=0.0)] * (number - 1)]
    return pieces


def _within(pieces: list[tuple[Section, Complex]], between: Complex, points: Real) -> Complex:
    """Waves at any points, from those between the pieces; shape (2, point)."""
    ends = np.cumsum([piece.length for piece, _ in pieces])
    own = np.minimum(np.searchsorted(ends, points), ends.size - 1)
    kappa = np.array([piece.kappa for piece, _ in pieces])[own]
    phase = np.array([piece.phase for piece, _ in pieces])[own]
    delta = np.array([delta for _, delta in pieces])[own]
    inside = points - np.r_[0.0, ends][own]
    jump = np.exp(1j * np.where(inside > 0, phase, 0))  # x = 0 lies in front of everything
    start = between[own].T * np.stack([jump, 1 / jump])
    cosh, sinh, _, _, growth = _hyperbolic(kappa, inside, delta)
    return np.asarray(np.exp(growth) * (cosh * start + sinh * _turn(kappa, delta, start)))


def _walk(
    start: Complex, pieces: list[tuple[Section, Complex]], forward: bool
) -> tuple[Complex, Real]:
    """Unit waves between the pieces, shape (piece + 1, 2), and the logarithms of their lengths."""
    waves: list[Complex] = [start / np.linalg.norm(start)]
    logs = [0.0]
    for piece, delta in pieces:
        there, growth = _through(piece, delta, waves[-1], forward)
        waves.append(there)
        logs.append(logs[-1] + float(growth))
    return np.array(waves), np.array(logs)


def _local(section: Section, detuning: complex | Real | Complex, gain: float | Real) -> Complex:
    """The section's own Δ."""
    return np.asarray(detuning - section.detuning - 0.5j * (section.gain + section.pump * gain))


def _hyperbolic(
    kappa: complex | Complex, length: float | Real, delta: Complex
) -> tuple[Complex, Complex, Complex, Complex, Real]:
    """Return cosh sl, sinh(sl)/s, their slopes against Δ, all times exp(-growth), and growth."""
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


def _turn(kappa: complex | Complex, delta: Complex, waves: Complex) -> Complex:
    """Right-hand side of the coupled equations; the first axis holds R and S."""
    right, left = waves
    return 1j * np.stack([delta * right - kappa * left, kappa * right - delta * left])


def _through(
    section: Section, delta: Complex, waves: Complex, forward: bool = True
) -> tuple[Complex, Real]:
    """Unit waves behind a section (in front of it, if backward), and how much they have grown."""
    cosh, sinh, _, _, growth = _hyperbolic(section.kappa, section.length, delta)
    jump = np.exp(1j * section.phase)
    if forward:
        waves = np.stack([waves[0] * jump, waves[1] / jump])
        waves = cosh * waves + sinh * _turn(section.kappa, delta, waves)
    else:
        waves = cosh * waves - sinh * _turn(section.kappa, delta, waves)
        waves = np.stack([waves[0] / jump, waves[1] * jump])
    size = np.linalg.norm(waves, axis=0)
    return waves / size, np.asarray(growth + np.log(size))


def _mismatch(
    cavity: Cavity, deltas: list[Complex], rates: list[tuple[complex, complex]]
) -> tuple[Complex, Complex, Complex]:
    """What enters from the right when nothing enters from the left, and two derivatives.

    Args:
        cavity: The cavity.
        deltas: Δ of each section, shape (point,).
        rates: Derivatives of each Δ with respect to both unknowns.

    Returns:
        S - r R at the right facet and its derivatives, all times one positive number per point.
    """
    point = np.ones(deltas[0].shape, dtype=complex)
    waves = np.stack([cavity.left * point, point])
    slopes = [np.zeros_like(waves), np.zeros_like(waves)]
    for section, delta, rate in zip(cavity.sections, deltas, rates, strict=True):
        cosh, sinh, dcosh, dsinh, _ = _hyperbolic(section.kappa, section.length, delta)
        jump = np.exp(1j * section.phase * np.array([1, -1]))[:, None]
        waves, slopes = waves * jump, [slope * jump for slope in slopes]
        turn = _turn(section.kappa, delta, waves)
        own = dcosh * waves + dsinh * turn + 1j * sinh * np.stack([waves[0], -waves[1]])
        slopes = [
            cosh * slope + sinh * _turn(section.kappa, delta, slope) + factor * own
            for slope, factor in zip(slopes, rate, strict=True)
        ]
        waves = cosh * waves + sinh * turn
        size = np.linalg.norm(waves, axis=0)
        waves, slopes = waves / size, [slope / size for slope in slopes]
    value, dx, dy = (w[1] - cavity.right * w[0] for w in (waves, *slopes))
    return value, dx, dy


def _at_threshold(cavity: Cavity, detuning: Real, gain: Real) -> tuple[Complex, Complex, Complex]:
    deltas = [_local(section, detuning, gain) for section in cavity.sections]
    return _mismatch(cavity, deltas, [(1, -0.5j * section.pump) for section in cavity.sections])


def _cold(cavity: Cavity, real: Real, imaginary: Real) -> tuple[Complex, Complex, Complex]:
    deltas = [_local(section, real + 1j * imaginary, 0.0) for section in cavity.sections]
    return _mismatch(cavity, deltas, [(1, 1j)] * len(cavity.sections))


def _edge(cavity: Cavity, detuning: complex, gain: float) -> Edge:
    """Nearer to Δ = κ, to Δ = -κ, or to neither, in the mean over the sections."""
    near = total = 0.0
    for section in cavity.sections:
        delta = complex(_local(section, detuning, gain))
        near += section.length * (delta * np.conj(section.kappa)).real
        total += section.length * abs(section.kappa) ** 2
    if abs(near) <= total / 2:
        return "gap"
    return "bright" if near > 0 else "dark"
