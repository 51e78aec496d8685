"""Every error the package can raise, read from its own source.

So the list is never out of date. What a message is filled with stands in angle brackets.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

KINDS = {
    "InputError": (2, "Something in the input is wrong; the message says what to write instead."),
    "NoGuidedMode": (3, "The structure guides nothing where a mode was looked for."),
    "NotConverged": (3, "A solve did not reach its accuracy; the message holds what is left."),
    "PhysicsError": (3, "The input is sound, but physics or numerics say no."),
    "MeepMissing": (4, "MEEP is needed and no interpreter was found that can import it."),
}
"""Kinds of errors: the exit code of `dfb`, and what they mean."""


@dataclass(frozen=True)
class Entry:
    """One place that raises an error."""

    kind: str
    """Name of the error."""
    message: str
    """What it says; in angle brackets what is filled in."""
    module: str
    """Where it is raised."""
    doing: str
    """What was being done, in the words of the function."""


def errors(words: str = "") -> tuple[Entry, ...]:
    """All errors whose message holds some words.

    Args:
        words: In any order; empty for all errors.

    Returns:
        One entry for each place in the source, sorted by kind and module.

    Examples:
        >>> (found,) = errors("holds no pair of band edges")
        >>> found.kind, found.message
        ('NoGuidedMode', 'the window holds no pair of band edges. Move the target wavelength.')
    """
    wanted = words.lower().split()
    return tuple(
        one for one in _all_errors() if all(word in one.message.lower() for word in wanted)
    )


@cache
def _all_errors() -> tuple[Entry, ...]:
    package = Path(str(files("dfbdesign")))
    found = [
        entry
        for path in sorted(package.rglob("*.py"))
        for entry in _entries(
            path, ".".join(path.relative_to(package.parent).with_suffix("").parts)
        )
    ]
    return tuple(sorted(found, key=lambda one: (list(KINDS).index(one.kind), one.module)))


def page() -> str:
    """The list as a page.

    Returns:
        Markdown.
    """
    parts = [
        "Every message of the package, by kind. Angle brackets hold what is filled in. "
        "`dfb errors WORDS` finds a message on the command line."
    ]
    all_entries = errors()
    for kind, (code, meaning) in KINDS.items():
        parts += [f"## {kind}", f"{meaning} `dfb` leaves with exit code {code}."]
        chosen = [one for one in all_entries if one.kind == kind]
        for module in dict.fromkeys(one.module for one in chosen):
            parts.append(f"### `{module}`")
            parts += [
                f"- **{_escaped(one.message)}**  \n  {_escaped(one.doing)}"
                for one in chosen
                if one.module == module
            ]
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    return "".join("\\" + sign if sign in "\\`*_[]<>#$" else sign for sign in text)


def _entries(path: Path, module: str) -> Iterator[Entry]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {one.name: one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
    about = (ast.get_docstring(tree) or "").partition("\n")[0]
    for call, doing in _errors_below(tree, about):
        for message in _messages(call.args[0], tree, functions):
            yield Entry(_name(call), message, module, doing)


def _errors_below(node: ast.AST, doing: str) -> Iterator[tuple[ast.Call, str]]:
    """Errors made under a node, with the summary of the innermost function that has one."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        doing = (ast.get_docstring(node) or doing).partition("\n")[0]
    if isinstance(node, ast.Call) and _name(node) in KINDS and node.args:
        yield node, doing
    for child in ast.iter_child_nodes(node):
        yield from _errors_below(child, doing)


def _messages(
    node: ast.expr, tree: ast.Module, functions: dict[str, ast.FunctionDef]
) -> Iterator[str]:
    """What an argument of an error says: itself, what makes it, or what it is handed."""
    match node:
        case ast.Call(func=ast.Attribute(value=text)):  # "...".format(...), "...".rstrip()
            yield from _messages(text, tree, functions)
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            for made in ast.walk(functions[name]):
                if isinstance(made, ast.Return) and made.value is not None:
                    yield from _messages(made.value, tree, functions)
        case ast.Name(id=name) if handed := [*_handed(name, tree, functions)]:
            for one in handed:
                yield from _messages(one, tree, functions)
        case _:
            yield _text(node)


def _handed(
    name: str, tree: ast.Module, functions: dict[str, ast.FunctionDef]
) -> Iterator[ast.expr]:
    """What callers hand to functions of the module as the parameter of this name."""
    for function in functions.values():
        places = [one.arg for one in function.args.args]
        if name in places:
            place = places.index(name)
            for call in ast.walk(tree):
                if isinstance(call, ast.Call) and _name(call) == function.name:
                    yield from call.args[place : place + 1]


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _text(node: ast.expr) -> str:
    """What an expression says, with what is filled in by name."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.FormattedValue(value=value):
            return f"‹{ast.unparse(value)}›"
    return f"‹{ast.unparse(node)}›"
