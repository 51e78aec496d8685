"""Layers of common stacks: a film that coats the lines, and one that levels them partly.

Both keep the volume of film that was deposited: `thickness` is what the same deposition gives on
flat ground.
"""

from itertools import pairwise
from math import pi
from typing import Any

from dfbdesign.checks import positive, within
from dfbdesign.device import Layer, Lines
from dfbdesign.errors import InputError
from dfbdesign.units import nm


def conformal_film(
    lines: Lines,
    height: float,
    period: float,
    *,
    film: Any,
    thickness: float,
    above: Any = "air",
    gain: bool = True,
) -> tuple[Layer, ...]:
    """Lines under a film equally thick on their tops, their walls and the ground between.

    The coat is thinner than the same film on flat ground, because the walls take their share: its
    thickness c solves c Λ + 2 c h = t Λ. A gap that the coat fills is levelled.

    Args:
        lines: Material and duty of the lines, with upright walls.
        height: Height of the lines [µm].
        period: Grating period [µm].
        film: Material of the film.
        thickness: Thickness of the film on flat ground, of the same volume [µm].
        above: Material above the film.
        gain: Whether the film carries the gain.

    Returns:
        The patterned layers from the ground up.

    Raises:
        InputError: If a length is not positive, or the walls are slanted.

    Examples:
        >>> lines = Lines(material="tio2-ald", duty=0.35)
        >>> stack = conformal_film(
        ...     lines, 50 * nm, 870 * nm, film="cqd-film", thickness=40 * nm
        ... )
        >>> [round(layer.thickness / nm, 1) for layer in stack]
        [35.9, 14.1, 35.9]
    """
    _checked(lines, height, period, thickness)
    coat = thickness * period / (period + 2 * height)
    wide = lines.duty + 2 * coat / period
    if wide >= 1:
        return planarised_film(
            lines, height, period, film=film, thickness=thickness, above=above, gain=gain
        )
    bump = Lines(material=film, duty=wide, gain=gain)
    steps = sorted({0.0, height, coat, coat + height})
    return tuple(
        _layer(low, high, lines, height, film, gain, above, bump, coat)
        for low, high in pairwise(steps)
    )


def _layer(
    low: float, high: float, lines: Lines, height: float, film: Any, gain: bool, above: Any,
    bump: Lines, ground: float,
) -> Layer:  # fmt: skip
    """One slab of the coat: film up to the ground's coat, beside and over the lines above it."""
    filled = high <= ground * (1 + 1e-12)
    inside = high <= height * (1 + 1e-12)
    fill: dict[str, Any] = {"material": film, "gain": gain} if filled else {"material": above}
    painted = [*([] if filled else [bump]), *([lines] if inside else [])]
    return Layer(
        thickness=high - low,
        lines=painted[-1] if painted else None,
        further_lines=tuple(painted[:-1]),
        **fill,
    )


def planarised_film(
    lines: Lines,
    height: float,
    period: float,
    *,
    film: Any,
    thickness: float,
    planarisation: float = 1.0,
    above: Any = "air",
    gain: bool = True,
) -> tuple[Layer, ...]:
    """Lines buried in a film whose surface is level, or still steps up over them.

    Over each line a step remains, as wide as the line and (1 - planarisation) times as high.

    Args:
        lines: Material and duty of the lines, with upright walls.
        height: Height of the lines [µm].
        period: Grating period [µm].
        film: Material of the film.
        thickness: Thickness of the film on flat ground, of the same volume [µm].
        planarisation: 1 for a level surface, 0 for a step as high as the lines.
        above: Material above the film.
        gain: Whether the film carries the gain.

    Returns:
        The layers from the ground up; the first and, with a step, the last are patterned.

    Raises:
        InputError: If a length is not positive, the walls are slanted, or the film does not cover
            the lines.

    Examples:
        >>> lines = Lines(material="tio2-ald", duty=0.35)
        >>> stack = planarised_film(
        ...     lines, 50 * nm, 870 * nm, film="cqd-film", thickness=160 * nm, planarisation=0.8
        ... )
        >>> [round(layer.thickness / nm, 1) for layer in stack]
        [50.0, 124.0, 10.0]
    """
    _checked(lines, height, period, thickness)
    step = (1 - within("planarisation", planarisation, 0, 1)) * height
    level = thickness + lines.duty * (height - step)  # of the surface between the lines
    if level <= height:
        raise InputError(
            f"thickness {thickness / nm:g} nm is not enough film to cover lines of "
            f"{height / nm:g} nm. Use conformal_film, or a thicker film."
        )
    buried = Layer(thickness=height, material=film, gain=gain, lines=lines)
    over = Layer(thickness=level - height, material=film, gain=gain)
    if step == 0:
        return buried, over
    top = Lines(material=film, duty=lines.duty, gain=gain)
    return buried, over, Layer(thickness=step, material=above, lines=top)


def _checked(lines: Lines, height: float, period: float, thickness: float) -> None:
    for name, value in {"height": height, "period": period, "thickness": thickness}.items():
        positive(f"{name} (in um)", value)
    if abs(lines.sidewall - pi / 2) > 1e-9:
        raise InputError("lines must have upright walls (90 deg) under a conformal or level film.")
