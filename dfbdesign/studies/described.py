"""What docstrings say of values: the text, and the unit in square brackets at its end.

The docstrings of this package (Google style, attribute docstrings in dataclasses) name the unit of
every argument and result; a study labels its axes and variables with them.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple


class Described(NamedTuple):
    """A value as its docstring describes it."""

    text: str
    unit: str
    """As in the square brackets, empty for a pure number."""


def described(text: str) -> Described:
    """Text and unit of a docstring.

    Args:
        text: Such as "Vacuum wavelength [µm]."

    Returns:
        Its first sentence, and the last unit in brackets.

    Examples:
        >>> described("Grating length [µm].")
        Described(text='Grating length', unit='µm')
    """
    plain = " ".join(text.split())
    found = re.search(r"\[([^\[\]]+)\]\.?$", plain)
    unit = "" if found is None else found[1]
    sentence = re.split(r"[.;](?: |$)", plain)[0]
    return Described(re.sub(r"\s*\[[^\[\]]*\]$", "", sentence).strip(), unit)


@cache
def arguments(function: Callable[..., Any]) -> dict[str, Described]:
    """What the docstring of a function says of its arguments.

    Args:
        function: Any; one without a docstring gives nothing.

    Returns:
        By name.
    """
    return {
        name: described(text)
        for name, text in re.findall(
            r"^ {4}\*{0,2}(\w+)(?: \([^)]*\))?: (.*(?:\n {8,}.*)*)",
            _section(function, "Args"),
            re.M,
        )
    }


@cache
def returned(function: Callable[..., Any]) -> Described:
    """What the docstring of a function says of its result.

    Args:
        function: Any; one without a docstring gives its name.

    Returns:
        Text and unit.
    """
    text = _section(function, "Returns").strip()
    return described(text) if text else Described(getattr(function, "__name__", "value"), "")


def _section(function: Callable[..., Any], name: str) -> str:
    doc = inspect.getdoc(function) or ""
    found = re.search(rf"^{name}:\n((?: .*\n?|\n)*)", doc, re.M)
    return "" if found is None else found[1]


@cache
def attributes(kind: type[Any]) -> dict[str, Described]:
    """What a class says of its fields and properties.

    Args:
        kind: A class; one whose source is not at hand gives nothing.

    Returns:
        By name, those of base classes included.
    """
    found: dict[str, Described] = {}
    for one in reversed(kind.__mro__):
        found |= _own_attributes(one)
    return found


def _own_attributes(kind: type) -> dict[str, Described]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return {}
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    found = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[node.target.id] = described(text)
        elif isinstance(node, ast.FunctionDef) and (doc := ast.get_docstring(node)):
            found[node.name] = described(doc.split("\n\n")[0])
    return found
