"""Results as plain numbers: what all of them share.

The unit stands at the end of each key. What a subject tells is in the module that bears its name,
such as `dfbdesign.reports.cell_numbers`.
"""

from math import isinf
from pathlib import Path
from typing import Any

from dfbdesign.units import cm

Numbers = dict[str, Any]


def plain(value: Any) -> Any:
    """What JSON can hold: complex numbers as [re, im], infinity as null, paths as text.

    Args:
        value: Numbers, texts, and lists and dictionaries of them.

    Returns:
        The same without anything JSON does not know.

    Examples:
        >>> plain({"kappa_per_cm": 188 - 3.3j, "quality_factor": float("inf")})
        {'kappa_per_cm': [188.0, -3.3], 'quality_factor': None}
    """
    match value:
        case dict():
            return {key: plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case complex():
            return [value.real, value.imag]
        case float():
            return None if isinf(value) else float(value)
        case Path():
            return str(value)
    return value


def per_cm(value: complex | None) -> complex | None:
    """A coefficient as papers state it.

    Args:
        value: The coefficient [1/µm].

    Returns:
        The same [1/cm]; `None` stays.
    """
    return None if value is None else value * cm
