"""What one reads off a beam: the angles and widths of its lobes, and its polarisation."""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import positive
from dfbdesign.errors import NotConverged
from dfbdesign.lasers.beam import Beam, Side, far_field

Real = NDArray[np.float64]

POINTS = 17
"""Samples of one step of a search, which narrows it down eightfold."""
STEPS = 9
"""Steps: to 1e-8 of a lobe."""


@dataclass(frozen=True)
class Lobe:
    """A maximum of the far field, and how wide it is."""

    angle: float
    """Angle along x from the normal [rad]."""
    width: float
    """Full width at half maximum along x [rad]."""
    width_y: float | None
    """The same along y; `None` for a beam without width."""
    intensity: float
    """At the maximum, per photon generated [1/sr], or [1/rad] for a line."""


def lobes(beam: Beam, side: Side) -> tuple[Lobe, ...]:
    """The lobes of a beam: of every diffraction order those at least half as high as its highest.

    Args:
        beam: The beam.
        side: As for `dfbdesign.lasers.beam.far_field`.

    Returns:
        By angle.

    Raises:
        NotConverged: If a lobe is too wide to have half its height on both sides.

    Examples:
        >>> from dfbdesign import beam, laser, load_device
        >>> for lobe in lobes(beam(laser(load_device("examples/reference.toml"))), "up"):
        ...     print(f"{np.degrees(lobe.angle):+.3f}° ± {np.degrees(lobe.width) / 2:.3f}°")
        -0.131° ± 0.068°
        +0.131° ± 0.068°
    """
    largest = beam.index(side) * beam.wavenumber

    def along_x(wavenumber: Real) -> Real:
        return far_field(beam, side, np.arcsin(wavenumber / largest)).intensity

    found = []
    for centre in _orders(beam):
        if abs(centre) >= largest:
            continue
        grid = _grid(beam, centre, largest)
        height = along_x(grid)
        inner = (height[1:-1] > height[:-2]) & (height[1:-1] >= height[2:])
        for place in np.flatnonzero(inner & (height[1:-1] >= height.max() / 2)) + 1:
            found.append(_lobe(beam, side, along_x, grid, height, int(place)))
    return tuple(sorted(found, key=lambda lobe: lobe.angle))


def polarization_ratio(beam: Beam, side: Side, aperture: float = 1.0) -> float:
    r"""(I∥ - I⊥) / (I∥ + I⊥) of the light that a lens collects, parallel meaning along the lines.

    Behind a lens that makes all rays parallel, light of k_y is polarised along the lines as far as
    its E lies in the plane of its ray, and across them by its tilt (`dfbdesign.lasers.beam`),

    $$ I_\parallel : I_\perp = P \int \frac{|f(k_y)|^2}{\cos\theta} dk_y :
       P_\times \int \frac{k_y^2}{\beta^2} |f(k_y)|^2 \cos\theta\, dk_y, \qquad
       k_y = n k \sin\theta , $$

    with the powers P of u_R R + u_S S and P_x of u_R R - u_S S (of a dark mode many times P). So
    the profile along y decides: a smooth one a hundred µm wide leaves 1e-4 or less; sharp edges up
    to a per cent at 500 µm, more in narrower beams, much of it in rays far off the axis.
    Unpolarised spontaneous emission, light scattered by roughness, several modes at once and the
    polariser make measured ratios lower: those are not predicted.

    Args:
        beam: The beam.
        side: As for `dfbdesign.lasers.beam.far_field`.
        aperture: Numerical aperture, n times the sine of the largest angle along y collected.

    Returns:
        Next to 1 in TE, next to -1 in TM.

    Raises:
        InputError: If the aperture is not positive.

    Examples:
        >>> from dfbdesign import beam, laser, load_device
        >>> found = beam(laser(load_device("examples/reference.toml")))
        >>> [f"{polarization_ratio(found, 'up', aperture):.5f}" for aperture in (0.1, 0.5, 1.0)]
        ['0.99928', '0.99657', '0.99437']
    """
    positive("aperture", aperture)
    upwards = side == "up"
    main, crossed = beam.output.up if upwards else beam.output.down, 0.0
    if beam.across is not None:
        whole = beam.wavenumber * beam.index(side)
        along_y, power = beam.across.inside(min(beam.wavenumber * aperture, whole))
        cosine = np.sqrt(1 - (along_y / whole) ** 2)
        tilt = (along_y / beam.propagation) ** 2
        crossed = float(power @ (tilt * cosine)) * beam.crossed[0 if upwards else 1]
        main *= float(power @ (1 / cosine))
    ratio = (main - crossed) / (main + crossed)
    return ratio if beam.polarization == "TE" else -ratio


def _orders(beam: Beam) -> list[float]:
    """Middle of the wavenumbers along x of every diffraction order [1/µm]."""
    return [float(row) for row in np.median(beam.emitters.lateral, axis=1)]


def _grid(beam: Beam, centre: float, largest: float) -> Real:
    """Wavenumbers around an order, dense and wide enough to see each of its lobes."""
    found = beam.emitters
    chirp = float(np.ptp(found.lateral, axis=1).max())
    reach = (
        20 * pi / found.extent
        + chirp
        + 2 * float((np.abs(found.kappa) + np.abs(found.delta)).max())
    )
    count = 1 + 2 * int(8 * reach * found.extent / (2 * pi))
    return np.clip(centre + np.linspace(-reach, reach, count), -largest, largest)


def _lobe(
    beam: Beam, side: Side, along_x: Callable[[Real], Real], grid: Real, height: Real, place: int
) -> Lobe:
    largest = beam.index(side) * beam.wavenumber
    top = _maximum(along_x, float(grid[place - 1]), float(grid[place + 1]))
    half = float(along_x(np.array([top]))[0]) / 2
    ends = []
    for way in (-1, 1):
        below = np.flatnonzero(height[place::way] < half)
        if not below.size:
            raise NotConverged(
                f"a lobe at {np.degrees(np.arcsin(top / largest)):.3g} deg does not fall to half "
                "its height: the device is too short for a beam. Make the grating longer."
            )
        ends.append(_crossing(along_x, top, float(grid[place + way * below[0]]), half))
    angle = float(np.arcsin(top / largest))
    low, high = np.arcsin(np.array(ends) / largest)
    return Lobe(angle, float(high - low), _width_y(beam, side, angle), 2 * half)


def _width_y(beam: Beam, side: Side, angle: float) -> float | None:
    """Full width at half maximum along y, in the plane of a lobe [rad]."""
    if beam.across is None:
        return None
    largest = beam.index(side) * beam.wavenumber

    def along_y(wavenumber: Real) -> Real:
        return far_field(beam, side, angle, np.arcsin(wavenumber / largest)).intensity

    half = float(along_y(np.zeros(1))[0]) / 2
    outside = 1 / beam.across.scale  # an even profile has its half height at 2.8 over its width
    while along_y(np.array([min(outside, largest)]))[0] > half:
        outside *= 1.5
    return 2 * float(np.arcsin(_crossing(along_y, 0.0, min(outside, largest), half) / largest))


def _maximum(function: Callable[[Real], Real], low: float, high: float) -> float:
    for _ in range(STEPS):
        x = np.linspace(low, high, POINTS)
        place = int(np.clip(function(x).argmax(), 1, POINTS - 2))
        low, high = float(x[place - 1]), float(x[place + 1])
    return (low + high) / 2


def _crossing(
    function: Callable[[Real], Real], inside: float, outside: float, level: float
) -> float:
    """Where a function falls below a level, on the way from a place above it to one below it."""
    for _ in range(STEPS):
        x = np.linspace(inside, outside, POINTS)
        place = max(1, int((function(x) < level).argmax()))
        inside, outside = float(x[place - 1]), float(x[place])
    return (inside + outside) / 2
