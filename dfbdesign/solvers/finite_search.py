r"""Where a finite grating has modes: poles on and off the real axis, thresholds, paths in gain.

Sampled at real frequencies, the mode condition is a rational function to many digits. Its zeros
(AAA; Nakatsukasa, Sète and Trefethen, SIAM J. Sci. Comput. 40, A1494 (2018)) are the modes at that
gain, all of them in one go, and none has to be guessed. At a gain near threshold, they lie next to
the real axis, and Newton steps in real frequency and real gain finish.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from math import inf, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NoGuidedMode, NotConverged
from dfbdesign.solvers.finite_chain import Chain
from dfbdesign.units import nm

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

REACH = 3.0
"""How far beyond the band edges modes are searched, in mode distances of the pumped length."""
WINDOW = 0.06
"""Half-width of the window in which band edges are searched, relative to the target."""
FITTED = 1e-9
"""Accuracy of rational functions at the samples, relative."""
LOWEST_QUALITY = 20.0
"""Of modes that are followed."""
DENSITY = 8
"""Samples per mode."""
ROUND_TRIP = 8.0
"""Absorption, there and back, after which an amplitude leaves no trace in samples: exp(-8)."""
STEP = 1e-6
"""Relative step of numerical derivatives; their error only slows iterations down."""
FINE = 1e-2
"""Step of derivatives of the mismatch over the square of the mode distance."""
SETTLED = 1e-9
"""Last relative step of an iteration; what remains is far less."""


@dataclass(frozen=True)
class Threshold:
    """Where a mode neither grows nor decays."""

    wavenumber: float
    """Real k = ω/c [1/µm]."""
    gain: float
    """Material gain where the pump's share is 1 [1/µm]."""
    gain_slope: complex
    """dk/dg there."""


@dataclass(frozen=True)
class Solver:
    """A chain with the wavenumber that dispersion is continued from."""

    chain: Chain
    about: float

    @cached_property
    def n_group(self) -> float:
        """Group index of the guided wave between the lines."""
        h = STEP * self.about
        at = [self.chain.at(self.about + side * h, self.about) for side in (-1, 1)]
        low, high = (solved.port.constants[solved.guided].real for solved in at)
        return float((high - low) / (2 * h))

    @cached_property
    def gain_slope(self) -> float:
        """How much material gain changes Im k of a running wave, Im dk/dg, without coupling."""
        walls, h = self.chain.walls, STEP * self.about
        at, moves = self.chain.at(self.about, self.about), []
        for wall in walls[:-1]:
            before, after = (at.modes(wall, gain).constants for gain in (0.0, h))
            guided = before[np.abs(before - at.port.constants[at.guided]).argmin()]
            moves.append((after[np.abs(after - guided).argmin()] - guided).imag / h)
        return float(-np.average(moves, weights=np.diff(walls)) / self.n_group)

    @property
    def gain_step(self) -> float:
        """Rise of the gain in which no pole crosses all of the strip that `zeros_of` searches.

        A standing wave may sit on the gain with twice the share of a running one.
        """
        return _depth(self.about) / (2 * self.gain_slope)

    @property
    def spacing(self) -> float:
        """Distance between modes of the pumped length far from the stop band, in k [1/µm]."""
        return pi / (self.n_group * self.chain.pumped_length)

    def mismatch(self, k: complex, gain: float = 0.0, film: float = 1.0) -> complex:
        """The mode condition at a wavenumber, a gain and a share of the film's own absorption."""
        return self.chain.at(k, self.about, gain, film).mismatch()

    def pole(self, k: complex, gain: float = 0.0, film: float = 1.0) -> complex:
        """Wavenumber of the mode at a fixed gain, from a guess."""
        return root(lambda k: self.mismatch(k, gain, film), k, self.spacing)

    def slopes(self, k: complex, gain: float) -> tuple[complex, complex]:
        """Derivatives of the mismatch against wavenumber and gain."""
        h = FINE * self.spacing**2 / self.about  # modes crowd together at the band edges
        by_k = (self.mismatch(k + h, gain) - self.mismatch(k - h, gain)) / (2 * h)
        by_gain = (self.mismatch(k, gain + h) - self.mismatch(k, gain - h)) / (2 * h)
        return by_k, by_gain

    @property
    def coherent_length(self) -> float:
        """Length that light crosses and comes back from [µm]."""
        period, total = 2 * self.chain.walls[-1], 0.0
        for section in self.chain.sections:
            loss = -2 * self.n_group * self.gain_slope * section.gain
            depth = ROUND_TRIP / loss if loss > 0 else inf
            total += section.shift + min(section.periods * period, depth)
        return total

    def samples(self, edges: tuple[complex, complex]) -> Real:
        """Real wavenumbers at which the response shows every mode around the stop band.

        They lie as the modes do: at equal distances of the wavevector q, with
        k = k_c ± (C² + q²/n_g²)^½ between band edges k_c ± C, and so densely at the edges.
        """
        low, high = sorted(edge.real for edge in edges)
        centre, half = (high + low) / 2, (high - low) / 2
        step = pi / (DENSITY * self.n_group * self.coherent_length)
        count = 20 + int(REACH * self.spacing / step)
        outside = np.hypot(half, step * (np.arange(count) + 0.5))
        gap = 20 + int(2 * half / step)
        inside = half * np.cos(pi * (np.arange(gap) + 0.5) / gap)
        return np.sort(centre + np.concatenate([-outside, inside, outside]))

    def poles(self, points: Real, gain: float) -> list[complex]:
        """Wavenumbers of all modes next to real ones, at a fixed gain."""
        return zeros_of(points, np.array([self.mismatch(complex(k), gain) for k in points]))

    def settled(self, k: float, gain: float) -> Threshold | None:
        """Threshold of a mode by Newton steps from a guess.

        `None` if the steps lead too far away or do not end: the guess was not near enough.
        """
        start, far = k, True
        for number in range(12):
            value = self.mismatch(k, gain)
            if far or number % 4 == 0:  # near the end, the old slopes do
                by_k, by_gain = self.slopes(k, gain)
            matrix = [[by_k.real, by_gain.real], [by_k.imag, by_gain.imag]]
            move, gain_move = -np.linalg.solve(matrix, [value.real, value.imag])
            k, gain = k + float(move), gain + float(gain_move)
            size = max(abs(move), abs(gain_move * by_gain / by_k))
            far = size > 1e-3 * self.spacing
            if size < SETTLED * k:
                return Threshold(k, gain, -by_gain / by_k)
            if abs(k - start) > 0.2 * self.spacing:
                return None
        return None

    def threshold(self, k: complex, gain: float) -> Threshold:
        """Threshold of a mode that grows at some gain.

        Args:
            k: Wavenumber of the mode, Im k > 0 [1/µm].
            gain: Its material gain [1/µm].

        Returns:
            Its threshold.

        Raises:
            NotConverged: If the mode is lost on the way down.
        """
        for _ in range(20):
            by_k, by_gain = self.slopes(k, gain)
            slope = -by_gain / by_k
            lower = -k.imag / slope.imag
            found = self.settled((k + lower * slope).real, gain + lower)
            if found is not None:
                return found
            share = 0.5  # too far for one step: come nearer at complex wavenumbers
            guess = k + share * lower * slope
            moved = self.pole(guess, gain + share * lower)
            while abs(moved - guess) > 0.1 * self.spacing and share > 1e-2:
                share /= 2
                guess = k + share * lower * slope
                moved = self.pole(guess, gain + share * lower)
            k, gain = moved, gain + share * lower
        raise NotConverged(f"the threshold of the mode at {2 * pi / k.real / nm:.5g} nm was lost.")

    def faded(self, threshold: Threshold) -> complex:
        """Wavenumber that is left of a mode when gain and absorption are faded out together.

        Args:
            threshold: Where it lases.

        Returns:
            Complex wavenumber without gain and absorption [1/µm].

        Raises:
            NotConverged: If the mode is lost on the way.
        """
        k, gain = complex(threshold.wavenumber), threshold.gain
        left, step, rate = 1.0, 0.5, threshold.gain_slope * gain
        while left > 0:
            share = max(left - step, 0.0)
            guess = k + rate * (share - left)
            try:
                moved = self.pole(guess, share * gain, share)
            except NotConverged:
                moved = complex(inf)  # too long a step; take shorter ones
            if abs(moved - guess) < 0.2 * self.spacing:
                rate = (moved - k) / (share - left)
                left, k, step = share, moved, 2 * step
            elif step < 1e-2:
                raise NotConverged(f"the cold mode of {2 * pi / k.real / nm:.5g} nm was lost.")
            else:
                step /= 4
        return k


def band_edges(chain: Chain, about: float) -> tuple[complex, complex]:
    """Band edges of the endless grating nearest to a wavenumber.

    Args:
        chain: Gives the period; its gain layers are taken without gain.
        about: Real wavenumber to look around [1/µm].

    Returns:
        Complex wavenumbers of the Bloch modes that are even and odd about the lines [1/µm].

    Raises:
        NoGuidedMode: If there is none in the window.
        NotConverged: If the secant steps do not settle.
    """
    points = np.linspace(about * (1 - WINDOW), about * (1 + WINDOW), 30)
    samples = np.array([_edge_conditions(chain, about, complex(k)) for k in points])
    guesses = []
    for parity in (0, 1):
        found = zeros_of(points, samples[:, parity])
        if not found:
            raise NoGuidedMode(
                f"no band edge of the grating within {WINDOW:.0%} of {2 * pi / about / nm:g} nm. "
                "Move the target wavelength."
            )
        guesses.append(min(found, key=lambda k: abs(k - about)))
    return edges_near(chain, (guesses[0], guesses[1]))


def edges_near(chain: Chain, guesses: tuple[complex, complex]) -> tuple[complex, complex]:
    """Band edges from guesses.

    Args:
        chain: Gives the period; its gain layers are taken without gain.
        guesses: Wavenumbers of the even and the odd edge [1/µm].

    Returns:
        The edges [1/µm].

    Raises:
        NotConverged: If the secant steps do not settle.
    """
    about = (guesses[0] + guesses[1]).real / 2

    def condition(parity: int, k: complex) -> complex:
        return _edge_conditions(chain, about, k)[parity]

    even, odd = (root(partial(condition, i), guesses[i], WINDOW * about) for i in (0, 1))
    return even, odd


def _edge_conditions(chain: Chain, about: float, k: complex) -> list[complex]:
    """One minus what a period does to the guided wave, for both parities: 0 at a band edge."""
    solved = chain.at(k, about)
    block, _ = solved.period(0.0)
    bloch = (-1) ** chain.device.need_grating().order
    even = bloch * (block.reflection + block.transmission)
    odd = -bloch * (block.reflection - block.transmission)
    one, guided = np.eye(block.size), solved.guided
    answers = np.linalg.solve(one - np.stack([even, odd]), one[:, [guided]])
    return [complex(1 / answer) for answer in answers[:, guided, 0]]


def zeros_of(points: Real, values: Complex) -> list[complex]:
    """Zeros next to a real interval of the rational function through samples on it.

    Args:
        points: Ascending, shape (point,).
        values: Shape (point,).

    Returns:
        Of the zeros that fit all samples, those that also fit every second one.

    Examples:
        >>> x = np.linspace(0.0, 1.0, 40)
        >>> found = zeros_of(x, (x - 0.3 + 0.01j) * np.exp(x))
        >>> [complex(round(zero.real, 6), round(zero.imag, 6)) for zero in found]
        [(0.3-0.01j)]
    """
    from scipy.interpolate import AAA

    low, high = points[0], points[-1]
    depth, margin = _depth((low + high) / 2), 0.02 * (high - low)

    def fitted(every: int) -> Complex:
        zeros = AAA(points[::every], values[::every], rtol=FITTED).roots()
        kept = (np.abs(zeros.imag) < depth) & (zeros.real > low - margin)
        return np.asarray(zeros[kept & (zeros.real < high + margin)])

    few, apart = fitted(2), np.gradient(points)
    return [
        complex(zero)
        for zero in fitted(1)
        if (
            np.abs(few - zero) < 0.05 * max(abs(zero.imag), np.interp(zero.real, points, apart))
        ).any()
    ]


def _depth(k: float) -> float:
    """How far from the real axis poles near a wavenumber are looked for."""
    return k / (2 * LOWEST_QUALITY)


def root(function: Callable[[complex], complex], guess: complex, scale: float) -> complex:
    """Zero of an analytic function by secant steps.

    Args:
        function: The function.
        guess: Where to start.
        scale: Longest step.

    Returns:
        The zero.

    Raises:
        NotConverged: If the steps do not settle.

    Examples:
        >>> zero = root(lambda k: k**2 + 1, 0.1 + 0.9j, 1.0)
        >>> abs(zero - 1j) < 1e-12
        True
    """
    old, new = guess, guess + 1e-3 * scale
    value = function(old)
    for _ in range(25):
        old_value, value = value, function(new)
        step = -value * (new - old) / (value - old_value)
        if abs(step) > scale:
            step *= scale / abs(step)
        old, new = new, new + step
        if abs(step) < SETTLED * abs(new):
            return new
    raise NotConverged(f"a mode: the last secant step was {abs(step / new):.1e} (relative).")
