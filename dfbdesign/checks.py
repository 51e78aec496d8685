"""Argument checks, and the one wording of "must be ... got ..."."""

import math
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def not_negative(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` if all of them are finite and none is below zero.

    Args:
        name: What the user calls the argument.
        values: The numbers to check, any shape.

    Returns:
        The values as an array of the same shape.

    Raises:
        InputError: If a value is not finite or below zero; with the first such value.

    Examples:
        >>> not_negative("excitons per dot", [0, 1.5])
        array([0. , 1.5])
    """
    array = np.asarray(values, dtype=float)
    wrong = ~((array >= 0) & np.isfinite(array))
    if wrong.any():
        raise InputError(f"{name} must be zero or a positive number, got {array[wrong].flat[0]:g}.")
    return array


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
