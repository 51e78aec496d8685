"""Reflection and transmission of the guided wave by a whole finite grating, rigorously: TE fields.

The chain of blocks of `finite_chain` with the guided wave of the film without lines coming from the
left. Everything that leaves otherwise (radiation, other modes) is lost to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.solvers.finite import DEGREES, check_finite, sections_of
from dfbdesign.solvers.finite_blocks import behind
from dfbdesign.solvers.finite_chain import Chain, ChainAt, GratingSection
from dfbdesign.solvers.finite_slices import heights
from dfbdesign.units import nm

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class FiniteSpectrum:
    """Amplitudes of the guided wave, shape (point,) each."""

    wavelength: NDArray[np.float64]
    """In vacuum [µm]."""
    reflection: Complex
    """Referred to the left end of the grating."""
    transmission: Complex
    """From the left end to the right end."""
    error: NDArray[np.float64]
    """Change of either amplitude from one basis to the next larger one."""


def finite_spectrum(
    device: Device,
    wavelengths: ArrayLike,
    sections: Sequence[GratingSection] | None = None,
    gain: float = 0.0,
) -> FiniteSpectrum:
    """Reflection and transmission spectrum of a finite grating between films without lines.

    Args:
        device: Needs a grating with a length and "open" facets, and a target; TE.
        wavelengths: In vacuum, shape (point,) [µm].
        sections: As for `finite_modes`; `None` for the device's length, phase shifts and pump.
        gain: Material gain of the gain layers where the pump is [1/µm].

    Returns:
        The spectrum, in the order of the wavelengths.

    Raises:
        InputError: If something needed is missing or not solved here.
        NoGuidedMode: If the film guides no wave.

    Examples:
        >>> from dfbdesign.device import Grating, Layer, Lines, Target
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0, target=Target(wavelength=1.6),
        ...     layers=[Layer(thickness=0.3, material=2.53,
        ...                   lines=Lines(material=2.28, duty=0.5))],
        ...     grating=Grating(period=0.4, order=1, length=20 * 0.4),
        ... )
        >>> found = finite_spectrum(device, [1.605])
        >>> print((abs(found.reflection) ** 2).round(3), (abs(found.transmission) ** 2).round(3))
        [0.922] [0.063]
    """
    check_finite(device)
    facets = device.need_grating().facets
    if (facets.left, facets.right) != ("open", "open"):
        raise InputError('facets must be "open" for a spectrum of the guided wave.')
    asked = np.atleast_1d(np.asarray(wavelengths, dtype=float))
    parts = tuple(sections or sections_of(device))
    coarse, fine = (
        np.array([_scattered(chain.at(2 * pi / one, 2 * pi / one, gain)) for one in asked])
        for chain in (Chain(device, parts, 1, 0.0, heights(device, n)) for n in DEGREES[2:4])
    )
    return FiniteSpectrum(asked, fine[:, 0], fine[:, 1], np.abs(fine - coarse).max(axis=1))


def _scattered(solved: ChainAt) -> tuple[complex, complex]:
    """Reflection and transmission of the guided port mode."""
    if not solved.bound.any():
        raise NoGuidedMode(
            f"the film between the lines guides no wave at {2 * pi / solved.about / nm:g} nm that "
            "could be sent in: make the layers thicker or the wavelength shorter."
        )
    pieces = [
        blocks[count]
        for section in solved.chain.sections
        for blocks, _, _, count in solved.pieces(section)
    ]
    size, guided = len(solved.port.constants), solved.guided
    beyond = [np.zeros((size, size), dtype=complex)]
    for block in reversed(pieces):
        beyond.append(behind(block, beyond[-1]))
    wave = np.eye(size, dtype=complex)[:, guided]
    for block, reflection in zip(pieces, beyond[-2::-1], strict=True):
        inside = np.eye(size) - block.reflection @ reflection
        wave = np.linalg.solve(inside, block.transmission @ wave)
    return complex(beyond[-1][guided, guided]), complex(wave[guided])
