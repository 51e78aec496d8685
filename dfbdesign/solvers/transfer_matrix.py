r"""Coupled-mode theory of any sequence of grating sections, with 2 x 2 matrices.

The waves R (towards +x) and S (towards -x) pass through `dfbdesign.solvers.sections` one after the
other.

$\kappa$ is referred to the middle of a line. A stretch d without lines, put in front of a section,
turns R by $\varphi = \beta_0 d$ and S by $-\varphi$; a quarter-wave shift has $\varphi = \pi/2$.
At its edges R = S (even about the lines, *bright*) has $\Delta = \kappa$, and R = -S (*dark*) has
$\Delta = -\kappa$. Radiation of a second-order grating enters as $\mathrm{Im}\,\kappa = -h_1$
together with $g_j = -2h_1$.

A mode is an outgoing wave without input: two real unknowns, the detuning and the gain (or the
imaginary part of the detuning), make one complex mismatch vanish. `plane_zeros` finds all of them.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.errors import InputError, NotConverged
from dfbdesign.solvers.mismatch import at_threshold, cold
from dfbdesign.solvers.plane_zeros import zero_near, zeros_in_window
from dfbdesign.solvers.sections import Cavity as Cavity
from dfbdesign.solvers.sections import Endless as Endless
from dfbdesign.solvers.sections import Section as Section
from dfbdesign.solvers.sections import end_reflection, hyperbolic, local, through, turn

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Edge = Literal["bright", "dark", "gap"]


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
            waves, more = through(section, local(section, delta, gains), waves)
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
    lengths = cavity.length, min(cavity.length, max(cavity.pumped_length, 0.02 * cavity.length))
    roots = zeros_in_window(lambda x, y: at_threshold(cavity, x, y), detuning, gain, lengths)
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
        lambda x, y: cold(cavity, x, y), detuning, (-decay, decay), (cavity.length,) * 2
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
        lambda x, y: at_threshold(cavity, x, y),
        mode.detuning.real,
        mode.gain,
        (cavity.length,) * 2,
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
    x, y = zero_near(
        lambda x, y: cold(cavity, x, y), detuning.real, detuning.imag, (cavity.length,) * 2
    )
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
    pieces = [(piece, local(piece, mode.detuning, mode.gain)) for piece in _cut(cavity, mode)]
    left, right = (
        complex(end_reflection(end, mode.detuning)[0]) for end in (cavity.left, cavity.right)
    )
    rightward, growth = _walk(np.array([left, 1]), pieces, forward=True)
    leftward, decline = _walk(np.array([1, right]), pieces[::-1], forward=False)
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
        delta = local(section, mode.detuning, mode.gain)
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
    cosh, sinh, _, _, growth = hyperbolic(kappa, inside, delta)
    return np.asarray(np.exp(growth) * (cosh * start + sinh * turn(kappa, delta, start)))


def _walk(
    start: Complex, pieces: list[tuple[Section, Complex]], forward: bool
) -> tuple[Complex, Real]:
    """Unit waves between the pieces, shape (piece + 1, 2), and the logarithms of their lengths."""
    waves: list[Complex] = [start / np.linalg.norm(start)]
    logs = [0.0]
    for piece, delta in pieces:
        there, growth = through(piece, delta, waves[-1], forward)
        waves.append(there)
        logs.append(logs[-1] + float(growth))
    return np.array(waves), np.array(logs)


def _edge(cavity: Cavity, detuning: complex, gain: float) -> Edge:
    """Nearer to Δ = κ, to Δ = -κ, or to neither, in the mean over the sections."""
    near = total = 0.0
    for section in cavity.sections:
        delta = complex(local(section, detuning, gain))
        near += section.length * (delta * np.conj(section.kappa)).real
        total += section.length * abs(section.kappa) ** 2
    if abs(near) <= total / 2:
        return "gap"
    return "bright" if near > 0 else "dark"
