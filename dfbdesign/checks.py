"""Argument checks, and the one wording of "must be ... got ..."."""

import math
from difflib import get_close_matches

from dfbdesign.errors import InputError


def positive(name: str, value: float, remedy: str = "") -> float:
    """Return `value` if it is a finite number above zero.

    Args:
        name: What the user calls the argument.
        value: The number to check.
        remedy: A sentence that says what to write instead.

    Returns:
        The value, unchanged.

    Raises:
        InputError: If the value is not finite or not above zero.

    Examples:
        >>> positive("period", 0.86)
        0.86
    """
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} must be a positive number, got {value:g}. {remedy}".rstrip())
    return value


def within(name: str, value: float, low: float, high: float, remedy: str = "") -> float:
    """Return `value` if it lies in the closed interval from `low` to `high`.

    Args:
        name: What the user calls the argument.
        value: The number to check.
        low: Smallest allowed value.
        high: Largest allowed value.
        remedy: A sentence that says what to write instead.

    Returns:
        The value, unchanged.

    Raises:
        InputError: If the value lies outside, or is not a number.

    Examples:
        >>> within("duty", 0.35, 0, 1)
        0.35
    """
    if not low <= value <= high:
        raise InputError(
            f"{name} must lie in [{low:g}, {high:g}], got {value:g}. {remedy}".rstrip()
        )
    return value


def nearest(name: str, known: list[str]) -> str:
    """Say which known name a misspelt one was probably meant to be.

    Args:
        name: The name as the user wrote it.
        known: All names there are.

    Returns:
        A sentence: the nearest name, or the list of all when none is near.

    Examples:
        >>> nearest("saphire-c", ["sapphire-c", "air"])
        'Did you mean "sapphire-c"?'
    """
    found = get_close_matches(name, known, n=1, cutoff=0.5)
    if found:
        return f'Did you mean "{found[0]}"?'
    return "Known: " + ", ".join(sorted(known)) + "."
