r"""What follows from the modes of channel waveguides: couplers, fibres, facets, widths, bends.

Two equal waveguides side by side exchange their light completely over
$L = \lambda / 2(n_\mathrm{even} - n_\mathrm{odd})$, with $\kappa = \pi / 2L$ (A. Yariv, IEEE J.
Quantum Electron. 9, 919 (1973)).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import positive
from dfbdesign.device import Polarization
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.solvers.ridge import cut_off, modes
from dfbdesign.solvers.ridge_mode import Field, overlap
from dfbdesign.units import nm
from dfbdesign.waveguides.waveguide import Bend, ChannelMode, Waveguide, cross_section, ridge


@dataclass(frozen=True)
class Coupler:
    """Two supermodes of a pair of waveguides and what they exchange."""

    even: ChannelMode
    odd: ChannelMode
    kappa: float
    """Coupling coefficient [1/µm]."""
    length: float
    """Length over which the light changes sides completely [µm]."""


def coupler(waveguide: Waveguide, polarization: Polarization = "TE") -> Coupler:
    """Coupling of two waveguides from the splitting of their supermodes.

    Args:
        waveguide: A mirror-symmetric pair, both cores among the shapes.
        polarization: Which modes.

    Returns:
        The two supermodes of largest n_eff, and the coupling.

    Raises:
        NoGuidedMode: If fewer than two modes of this polarisation are guided.
        InputError: If the two modes do not share both cores, so that the pair is no coupler.
    """
    solve = waveguide.solve.model_copy(update={"modes": 2, "polarization": polarization})
    found = ridge(waveguide.model_copy(update={"solve": solve})).modes
    if len(found) < 2:
        raise NoGuidedMode(
            f"only one guided {polarization} mode: two waveguides side by side have two. "
            "Draw both cores."
        )
    first, second = found
    split = (first.n_eff - second.n_eff).real
    likeness = _common(first.field, second.field)
    if likeness < 0.8:
        raise InputError(
            f"the two {polarization} modes share only {likeness:.0%} of their intensity: "
            "a coupler needs two equal cores."
        )
    wavelength = waveguide.target.wavelength
    return Coupler(first, second, pi * split / wavelength, wavelength / (2 * split))


def _common(first: Field, second: Field) -> float:
    """Overlap of two intensities, 1 where they are alike up to signs."""
    parts = [np.sum(np.abs(field.electric[1:]) ** 2, axis=0) for field in (first, second)]
    a, b = (part / np.sqrt(np.sum(part**2 * first.weight)) for part in parts)
    return float(np.sum(a * b * first.weight))


def coupling_efficiency(incoming: Field, mode: Field) -> float:
    """Share of the incoming power that a mode takes over; reflection is not counted.

    Args:
        incoming: A mode of another waveguide, or the beam of a fibre.
        mode: The mode to excite.

    Returns:
        The power share; one minus it is the mode-mismatch loss.
    """
    return abs(overlap(incoming, mode)) ** 2


def fibre_beam(
    mode: Field,
    diameter: float,
    index: float,
    polarization: Polarization = "TE",
    center: tuple[float, float] | None = None,
) -> Field:
    """The Gaussian beam of a fibre at its waist, on the points of a mode.

    Args:
        mode: The mode on whose points the beam is given; its window must hold the beam.
        diameter: Mode-field diameter, where the intensity is 1/e² of the peak [µm].
        index: Index of the medium the beam comes from.
        polarization: E along y for "TE", along z for "TM".
        center: Where its axis hits (y, z); the mode's centre of intensity if left out [µm].

    Returns:
        The field.

    Raises:
        InputError: If diameter or index are not positive, or the window cuts off the beam.
    """
    positive("diameter (in um)", diameter)
    positive("index", index)
    y, z = center or _centre(mode)
    squares = (mode.y[:, None] - y) ** 2 + (mode.z - z) ** 2
    profile = np.exp(-squares / (diameter / 2) ** 2)
    power = np.sum(profile**2 * mode.weight)
    if power < 0.999 * pi * diameter**2 / 8:
        raise InputError(
            f"the window cuts off a beam of {diameter:g} um. Give the waveguide a window of at "
            f"least {2 * diameter:g} um each way."
        )
    electric, magnetic = np.zeros((2, 3, *profile.shape), dtype=complex)
    across = polarization == "TE"
    electric[1 if across else 2] = profile
    magnetic[2 if across else 1] = index * profile if across else -index * profile
    return Field(mode.y, mode.z, mode.weight, electric, magnetic)


def _centre(field: Field) -> tuple[float, float]:
    intensity = np.sum(np.abs(field.electric) ** 2, axis=0) * field.weight
    intensity = intensity / intensity.sum()
    return float(np.sum(intensity.sum(1) * field.y)), float(np.sum(intensity.sum(0) * field.z))


def facet_reflectance(mode: ChannelMode, outside: float = 1.0) -> float:
    """Reflectance of a cleaved facet, as of a plane wave at n_eff.

    The approximation holds for modes wide against the wavelength; tightly confined TE modes
    reflect more (T. Ikegami, IEEE J. Quantum Electron. 8, 470 (1972)).

    Args:
        mode: The mode.
        outside: Index outside.

    Returns:
        The reflectance.

    Raises:
        InputError: If the outside index is not positive.
    """
    positive("outside", outside)
    return float(abs((mode.n_eff - outside) / (mode.n_eff + outside)) ** 2)


def modal_gain(mode: ChannelMode, material_gain: NDArray[np.float64]) -> float:
    """Gain of a mode from the gain of each shape, such as a film of dots above the core.

    Args:
        mode: The mode.
        material_gain: Material gain of each shape, negative where it absorbs, shape (shape,)
            [1/µm].

    Returns:
        Modal power gain, to first order [1/µm].

    Raises:
        InputError: If there is not one number for each shape.
    """
    gain = np.asarray(material_gain, dtype=float)
    if gain.shape != mode.confinement.shape:
        raise InputError(
            f"material_gain needs one number for each of the {mode.confinement.size} shapes, "
            f"got {gain.size}."
        )
    return float(mode.confinement @ gain)


def single_mode_width(
    of_width: Callable[[float], Waveguide],
    narrow: float,
    wide: float,
    polarization: Polarization = "TE",
    tolerance: float = 1 * nm,
) -> float:
    """Largest width at which only one mode of a polarisation is guided.

    A mode about to begin spreads far: the window must be wide for a sharp answer.

    Args:
        of_width: The waveguide of each width [µm].
        narrow: A width with at most one mode [µm].
        wide: A width with two or more [µm].
        polarization: Which modes are counted.
        tolerance: Of the result [µm].

    Returns:
        The width [µm].

    Raises:
        InputError: If the two widths do not bracket the change.
    """
    positive("tolerance (in um)", tolerance)
    few, many = (_count(of_width(width), polarization) for width in (narrow, wide))
    if not few <= 1 < many:
        raise InputError(
            f"between {narrow / nm:g} and {wide / nm:g} nm the number of {polarization} modes "
            f"goes from {few} to {many}: give a width with one and a width with two."
        )
    while wide - narrow > tolerance:
        middle = (narrow + wide) / 2
        if _count(of_width(middle), polarization) <= 1:
            narrow = middle
        else:
            wide = middle
    return (narrow + wide) / 2


def _count(waveguide: Waveguide, polarization: Polarization) -> int:
    """Number of guided modes; one that just begins may reach the window's ends."""
    section = cross_section(waveguide, waveguide.target.wavelength)
    floor = cut_off(section)
    found = [mode for mode in modes(section, waveguide.solve.modes) if mode.n_eff.real > floor]
    return sum((mode.te_fraction >= 0.5) == (polarization == "TE") for mode in found)


def minimum_bend_radius(
    waveguide: Waveguide, loss: float, smallest: float, largest: float, tolerance: float = 0.02
) -> float:
    """Smallest radius whose quarter turn costs no more than a loss budget.

    Args:
        waveguide: The waveguide; its fundamental mode of the wanted polarisation counts, its own
            bend does not.
        loss: Power exponent of a quarter turn: 0.01 loses 1 %.
        smallest: A radius that loses more [µm].
        largest: A radius that loses less [µm].
        tolerance: Relative, of the result.

    Returns:
        The radius [µm].

    Raises:
        InputError: If the two radii do not bracket the budget.
        NotConverged: If the bend's mode cannot be told from radiation.
    """
    from scipy.optimize import brentq

    positive("loss", loss)
    solve = waveguide.solve.model_copy(update={"modes": 1})

    @cache
    def excess(radius: float) -> float:
        """Logarithm of the exponent over the budget: almost a straight line."""
        bend = waveguide.model_copy(update={"bend": Bend(radius=radius), "solve": solve})
        mode = ridge(bend).modes[0]
        return log(max(mode.loss, mode.loss_error) * radius * pi / 2 / loss)

    if not excess(smallest) > 0 > excess(largest):
        raise InputError(
            f"a loss of {loss:g} per quarter turn is not met between the radii {smallest:g} and "
            f"{largest:g} um. Give one that loses more and one that loses less."
        )
    return float(brentq(excess, smallest, largest, rtol=tolerance))
