r"""Modes of a whole finite grating from Maxwell's equations, without coupled modes: TE fields.

An aperiodic mode expansion: the modes of every vertical slice between absorbing layers
(`finite_slices`), scattering matrices of slices, periods and rows of periods by doubling
(`finite_blocks`), and the condition that a wave repeats itself in a round trip (`finite_chain`).
Radiation, all diffraction at the ends, every higher mode and any gain are exact up to the basis in
z, which converges exponentially; x is not discretised at all.

Thresholds are real pairs of wavelength and material gain, all found at once (`finite_search`); the
cold mode that belongs to one is followed from it as gain and absorption fade. Both are then solved
again in larger bases until they stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from math import inf, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import positive, within
from dfbdesign.device import Device
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.solvers.finite_chain import Chain, ChainAt, GratingSection
from dfbdesign.solvers.finite_field import mode_field
from dfbdesign.solvers.finite_search import STEP, Solver, Threshold, band_edges, edges_near
from dfbdesign.solvers.finite_slices import heights
from dfbdesign.units import deg, nm

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

DEGREES = (4, 6, 9, 13, 18)
"""Polynomials per element: the first for the search, the others until nothing moves."""

CUT = 0.382
"""Share of the pump left of the cut. No mode of low order has a node of its envelope there, where
it would leave next to no trace in the round trip."""

LARGEST_STRENGTH = 50.0
"""Of coupling times length: beyond it, rounding hides modes that crowd at a band edge."""


@dataclass(frozen=True)
class FiniteMode:
    """One mode of the finite device."""

    cold_wavenumber: complex | None
    """k = ω/c without gain and without absorption of the film [1/µm]; `None` with an "unpumped"
    end, which has no modes of its own without absorption."""
    threshold: Threshold | None
    """`None` if nothing carries gain."""
    confinement: float
    """Modal over material gain of a running wave between and under the lines."""
    error: float
    """Change of k, and of the gain as a change of k, from one basis to a larger one, relative."""
    solved: ChainAt = field(repr=False, compare=False)
    """The chain at threshold, or else at the cold wavenumber."""

    @property
    def wavelength(self) -> float:
        """Vacuum wavelength, at threshold if there is one [µm]."""
        return 2 * pi / self.solved.wavenumber.real

    @property
    def quality_factor(self) -> float | None:
        """Q of the cold mode; `None` with an "unpumped" end."""
        k = self.cold_wavenumber
        return None if k is None else -k.real / (2 * k.imag)

    def field(self, x: ArrayLike, z: ArrayLike) -> Complex:
        """Field E_y, scaled to a largest modulus of 1.

        Args:
            x: Positions from the left end of the grating, shape (column,) [µm].
            z: Heights above the substrate, shape (row,) [µm].

        Returns:
            Complex field, shape (row, column).

        Raises:
            InputError: If a position lies outside the grating or in an absorbing layer.
        """
        found = mode_field(self.solved, np.asarray(x, dtype=float), np.asarray(z, dtype=float))
        return np.asarray(found / found.flat[np.abs(found).argmax()])


def finite_modes(
    device: Device,
    sections: Sequence[GratingSection] | None = None,
    absorption: float = 0.0,
    count: int = 4,
    accuracy: float = 1e-6,
) -> tuple[FiniteMode, ...]:
    """Modes of the finite device around its stop band, rigorously.

    Args:
        device: Needs a grating with a length, and a target; TE. Its gain layers carry the gain.
        sections: Whole periods and their gain from left to right, instead of the device's length,
            phase shifts and pump spot; `None` for these.
        absorption: Of the gain layers where there is no pump, beyond the grating too [1/µm].
        count: Largest number of modes to return: the lowest thresholds, or, if nothing can lase,
            the highest quality factors.
        accuracy: Largest relative change of the wavenumber in a larger basis.

    Returns:
        The modes, lowest threshold first.

    Raises:
        InputError: If something needed is missing or not solved here.
        NoGuidedMode: If the grating guides no wave, or has no mode around the target.
        NotConverged: If the accuracy is not reached or a mode is lost; with the last residual.

    Examples:
        >>> lines = Lines(material=2.42, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines),
        ...             Layer(thickness=160 * nm, material=2.53)],
        ...     grating=Grating(period=865 * nm, length=160 * 865 * nm),
        ...     target=Target(wavelength=1674 * nm),
        ... )
        >>> mode, = finite_modes(device, count=1)
        >>> print(f"{mode.wavelength / nm:.2f} nm, Q = {mode.quality_factor:.1f}")
        1678.24 nm, Q = 450.8
    """
    check_finite(device)
    positive("count", count)
    within("accuracy", accuracy, 1e-10, 1e-3)
    within("absorption (in 1/um)", absorption, 0, inf)
    parts, cut = _cut(sections or sections_of(device, absorption))
    chain = Chain(device, parts, cut, absorption, heights(device, DEGREES[0]))
    edges = band_edges(chain, 2 * pi / device.need_target().wavelength)
    starts = _starts(chain, edges, count)[:count]
    if not starts:
        raise NoGuidedMode("the finite grating has no mode around its stop band.")
    return _refined(chain, edges, starts, accuracy)


def check_finite(device: Device) -> None:
    """Refuse what the rigorous solver does not handle.

    Args:
        device: The device.

    Raises:
        InputError: If it has TM fields, no lines, lines that are slanted, not in the middle of the
            period or not the same everywhere, or index data that do not reach the target.
    """
    if device.polarization != "TE":
        raise InputError(
            f"polarization: the rigorous solver handles TE only, got {device.polarization}. "
            "Use the coupled-mode solver."
        )
    device.need_plain_lines("the rigorous solver")
    device.need_grating().need_same_lines("the rigorous solver")
    if not any(layer.lines for layer in device.layers):
        raise InputError("the rigorous solver needs a layer with lines: add lines to a layer.")
    for number, layer in enumerate(device.layers, start=1):
        if layer.lines is not None and abs(layer.lines.sidewall - pi / 2) > STEP:
            raise InputError(
                f"layer {number} lines sidewall must be 90 deg here, got "
                f"{layer.lines.sidewall / deg:g} deg. Use a few thin layers of changing duty."
            )
    for material in device.materials():
        material.check_range(device.need_target().wavelength)


def sections_of(device: Device, absorption: float = 0.0) -> tuple[GratingSection, ...]:
    """The grating of a device cut at its phase shifts and at the ends of its pump, whole periods.

    Args:
        device: Needs a grating with a length; its pump spot is "uniform" or a "stripe".
        absorption: Of the gain layers without pump [1/µm].

    Returns:
        Sections from left to right.

    Raises:
        InputError: If the pump spot is smooth, or there is a phase shift at an end.

    Examples:
        >>> from dfbdesign.device import Pump, Spot
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0, layers=[Layer(thickness=0.2, material=2.5)],
        ...     grating=Grating(period=1.0, length=100 * um),
        ...     pump=Pump(wavelength=1.03, spot=Spot(shape="stripe", length=40 * um)),
        ... )
        >>> [(section.periods, section.pump) for section in sections_of(device)]
        [(30, 0.0), (40, 1.0), (30, 0.0)]
    """
    grating = device.need_grating()
    count, low, high = grating.periods, 0, grating.periods
    spot = device.pump.spot if device.pump is not None else None
    if spot is not None and spot.length is not None and spot.shape != "uniform":
        if spot.shape != "stripe":
            raise InputError(
                f'pump.spot.shape "{spot.shape}" is not solved rigorously from a file. Use '
                '"uniform" or "stripe", or give finite_modes sections that step through the spot.'
            )
        pumped = min(max(1, round(spot.length / grating.period)), count)
        low, high = (count - pumped) // 2, (count - pumped) // 2 + pumped
    shifts: dict[int, float] = {}
    for shift in grating.phase_shifts:
        place = round(shift.position * count)
        shifts[place] = shifts.get(place, 0.0) + shift.shift
    if {0, count} & shifts.keys():
        raise InputError("phase_shifts: a shift at an end of the grating shifts nothing here.")
    return tuple(
        GratingSection(end - start, 1.0, 0.0, shifts.get(start, 0.0))
        if low <= start < high
        else GratingSection(end - start, 0.0, -absorption, shifts.get(start, 0.0))
        for start, end in pairwise(sorted({0, low, high, count, *shifts}))
    )


def _cut(sections: Sequence[GratingSection]) -> tuple[tuple[GratingSection, ...], int]:
    """The sections, one of them split where the pump is cut in two, and its place."""
    if not any(section.pump > 0 for section in sections):
        raise InputError("pump must be above 0 in some section: nothing is pumped.")
    pumped = np.cumsum([section.periods * section.pump for section in sections])
    number = int(np.searchsorted(pumped, CUT * pumped[-1]))
    section = sections[number]
    before = pumped[number - 1] if number else 0.0
    first = round((CUT * pumped[-1] - before) / section.pump)
    if not 0 < first < section.periods:
        return tuple(sections), number + (first > 0)
    halves = (
        replace(section, periods=first),
        replace(section, periods=section.periods - first, shift=0.0),
    )
    return (*sections[:number], *halves, *sections[number + 1 :]), number + 1


@dataclass(frozen=True)
class _Start:
    """A mode in one basis."""

    cold: complex | None
    threshold: Threshold | None


def _starts(chain: Chain, edges: tuple[complex, complex], count: int) -> list[_Start]:
    """The modes around the stop band, in the smallest basis, best first."""
    solver = Solver(chain, (edges[0] + edges[1]).real / 2)
    strength = abs(edges[0] - edges[1]) / 2 * solver.n_group * solver.coherent_length
    if strength > LARGEST_STRENGTH:
        raise NotConverged(
            f"the feedback is too strong (kappa L = {strength:.0f}) to tell the modes at a band "
            f"edge apart; {LARGEST_STRENGTH:.0f} is the limit. Make the grating shorter."
        )
    points = solver.samples(edges)
    if solver.gain_slope > STEP:
        # The end loss of the first mode: that of all modes, or, at strong feedback, far less.
        ratio = 2 * solver.spacing / abs(edges[0] - edges[1]) if edges[0] != edges[1] else inf
        loss = solver.spacing / pi * min(1.0, ratio**2)
        loss += max(0.0, min(-edge.imag for edge in edges))
        return _thresholds(solver, points, 1.5 * loss / solver.gain_slope, count)
    poles = [solver.pole(guess) for guess in solver.poles(points, 0.0)]
    _all_different(solver, poles)
    return [_Start(k, None) for k in sorted(poles, key=lambda k: -k.imag)]


def _thresholds(solver: Solver, points: Real, gain: float, count: int) -> list[_Start]:
    """Thresholds of all modes that grow at a gain high enough for the wanted number of them.

    A mode that is held by unpumped parts grows long before those that the pumped part holds alone;
    gain rises in steps so small that none outgrows the poles that are looked for.
    """
    known: list[Threshold] = []
    step = solver.gain_step
    gain = min(gain, step)
    while gain < 2 * points[0] and len(known) < count:  # at most an index of n - i
        growing = [k for k in solver.poles(points, gain) if k.imag > 0]
        found = [solver.threshold(k, gain) for k in growing]
        _all_different(solver, [mode.wavenumber + 1j * mode.gain for mode in found])
        known += [mode for mode in found if not any(_same(solver, mode, old) for old in known)]
        gain = min(1.6 * gain, gain + step)
    return [_Start(None, mode) for mode in sorted(known, key=lambda mode: mode.gain)]


def _same(solver: Solver, one: Threshold, other: Threshold) -> bool:
    apart = abs(one.wavenumber - other.wavenumber) + abs(one.gain - other.gain)
    return apart < STEP * solver.spacing


def _all_different(solver: Solver, found: list[complex]) -> None:
    """Two poles that lead to one mode mean that another was lost."""
    for one, other in combinations(found, 2):
        if abs(one - other) < STEP * solver.spacing:
            raise NotConverged(
                f"a mode near {2 * pi / one.real / nm:.5g} nm was lost on the way to its "
                "threshold. Change the gain of the sections a little."
            )


def _refined(
    chain: Chain, edges: tuple[complex, complex], starts: list[_Start], accuracy: float
) -> tuple[FiniteMode, ...]:
    """Modes in larger and larger bases until they stay."""
    starts = [
        replace(one, cold=Solver(chain, one.threshold.wavenumber).faded(one.threshold))
        if one.threshold is not None and chain.ends_by_itself
        else one
        for one in starts
    ]
    done: dict[int, FiniteMode] = {}
    for degree in DEGREES[1:]:
        finer = replace(chain, heights=heights(chain.device, degree))
        moved = edges_near(finer, edges)
        for number, start in enumerate(starts):
            if number not in done:
                mode = _solved(finer, start, _shift(edges, moved))
                starts[number] = _Start(mode.cold_wavenumber, mode.threshold)
                if mode.error <= accuracy:
                    done[number] = mode
        if len(done) == len(starts):
            return tuple(done[number] for number in range(len(starts)))
        edges = moved
    raise NotConverged(
        f"a mode still moves by {mode.error:.1e} (relative) at degree {DEGREES[-1]}, "
        f"{accuracy:.1e} is wanted. Ask for a lower accuracy."
    )


def _shift(
    edges: tuple[complex, complex], moved: tuple[complex, complex]
) -> Callable[[complex], complex]:
    """How far a larger basis moves a mode, as it moves the band edges on either side of it.

    The modes of a long grating lie closer together than that.
    """
    (one, other), (first, second) = edges, moved

    def shift(k: complex) -> complex:
        share = np.clip((k - one).real / (other - one).real, 0, 1) if other != one else 0.0
        return complex((1 - share) * (first - one) + share * (second - other))

    return shift


def _solved(chain: Chain, start: _Start, shift: Callable[[complex], complex]) -> FiniteMode:
    """A mode in a larger basis; its error is how far it moved there."""
    moves, cold, old, new = [], start.cold, start.threshold, None
    if cold is not None:
        guess, about = cold, cold.real
        cold = Solver(chain, about).pole(guess + shift(guess), film=0.0)
        moves.append(abs(cold - guess) / about)
        solved = chain.at(cold, about, film=0.0)
    if old is not None:
        k = old.wavenumber
        move = shift(k)
        gain_move = -move.imag / old.gain_slope.imag
        near = k + (move + old.gain_slope * gain_move).real
        new = Solver(chain, k).settled(near, old.gain + gain_move)
        if new is None:
            raise NotConverged(f"the threshold at {2 * pi / k / nm:.5g} nm was lost.")
        moves.append(abs(new.wavenumber - k) / k)
        moves.append(abs(new.gain_slope * (new.gain - old.gain)) / k)
        solved = chain.at(new.wavenumber, k, new.gain)
    solver = Solver(chain, solved.wavenumber.real)
    confinement = 2 * solver.n_group * solver.gain_slope
    return FiniteMode(cold, new, confinement, max(moves), solved)
