"""How a page writes a number: so many decimals or figures, with its uncertainty."""


def fixed(value: float, decimals: int, sign: bool = False) -> str:
    """A number with so many decimals; thousands set apart from five digits on.

    Args:
        value: The number.
        decimals: Digits after the point.
        sign: Whether a positive number gets its sign.

    Returns:
        The text.

    Examples:
        >>> fixed(1675.409, 2), fixed(5.409, 1, sign=True)
        ('1675.41', '+5.4')
    """
    text = f"{value:+,.{decimals}f}" if sign else f"{value:,.{decimals}f}"
    return text.replace(",", "\u202f" if abs(value) >= 9999.5 else "")


def figures(value: float, digits: int = 4) -> str:
    """A number with at least so many figures, never with an exponent.

    Args:
        value: The number.
        digits: Figures, trailing zeros included.

    Returns:
        The text.

    Examples:
        >>> figures(118.04), figures(0.00012, 2), figures(2183.6, 2)
        ('118.0', '0.00012', '2184')
    """
    return fixed(value, max(0, digits - 1 - decade(value))) if value else "0"


def exact(value: float) -> str:
    """An input as it was given: no trailing zeros, none of the noise of converted units.

    Args:
        value: The number.

    Returns:
        The text.

    Examples:
        >>> exact(1.67 / 0.001)
        '1670'
    """
    return f"{value:.10g}"


def uncertain(value: float | None, uncertainty: float | None) -> str:
    """A value and its uncertainty, both to the second figure of the uncertainty.

    Args:
        value: The value, `None` for infinity.
        uncertainty: What it is known to, 0 or `None` if exactly.

    Returns:
        The text.

    Examples:
        >>> uncertain(1668.15207, 0.0112)
        '1668.152 ± 0.011'
    """
    if value is None:
        return "infinite"
    if not uncertainty:
        return figures(value, 7)
    decimals = max(0, 1 - decade(uncertainty))
    return f"{fixed(value, decimals)} ± {fixed(uncertainty, decimals)}"


def decade(value: float) -> int:
    """Power of ten of the first figure of a number.

    Args:
        value: The number.

    Returns:
        0 for 1 to 9.9, -1 for 0.1 to 0.99, ...
    """
    return int(f"{value:e}".partition("e")[2])
