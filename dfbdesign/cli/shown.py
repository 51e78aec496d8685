"""How a verb prints: tables or one JSON object, and its progress."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isinf
from typing import TYPE_CHECKING, Any

from dfbdesign.reports.headings import name_and_unit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def show(result: dict[str, Any], as_json: bool) -> None:
    """Print the result of a verb: tables, or one JSON object."""
    if as_json:
        from dfbdesign.reports.numbers import plain

        print(json.dumps(plain(result), indent=2, allow_nan=False))
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160)
    for key, value in result.items():
        rows = [value] if isinstance(value, dict) else value
        if not (isinstance(rows, list) and rows and isinstance(rows[0], dict)):
            console.print(f"{_heading(key)}: {_cell(key, value)}", soft_wrap=True)
            continue
        for table in _tables(key, rows, console):
            console.print(table)


def _tables(key: str, rows: list[dict[str, Any]], console: "Console") -> Iterator["Table"]:
    """The rows as one table; turned, and in parts, where the terminal would cut words off."""

    def fits(table: "Table") -> bool:
        return not any("…" in segment.text for segment in console.render(table))

    whole = _table(key, rows, turned=False)
    if fits(whole):
        yield whole
        return
    while rows:
        count = len(rows)
        while count > 1 and not fits(_table(key, rows[:count], turned=True)):
            count -= 1
        yield _table(key, rows[:count], turned=True)
        rows = rows[count:]


def _table(key: str, rows: list[dict[str, Any]], turned: bool) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(_heading(key)), title_justify="left", show_header=not turned)
    if turned:
        for _ in range(len(rows) + 1):
            table.add_column()
        for column in rows[0]:
            cells = (_cell(column, row[column]) for row in rows)
            table.add_row(Text(_heading(column)), *map(Text, cells))
        return table
    for column, first in rows[0].items():
        table.add_column(
            Text(_heading(column)), justify="left" if isinstance(first, str) else "right"
        )
    for row in rows:
        table.add_row(*(Text(_cell(column, entry)) for column, entry in row.items()))
    return table


@contextmanager
def progress() -> Iterator[Callable[[str, float | None], None]]:
    """A bar on stderr while that is a terminal; told the step and its done fraction, if known."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        number = bar.add_task("")
        yield lambda step, done: bar.update(
            number, description=step, completed=done or 0.0, total=None if done is None else 1.0
        )


def _heading(key: str) -> str:
    name, unit = name_and_unit(key)
    return f"{name} [{unit}]" if unit else name


def _cell(key: str, value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            cells = [_cell(key, entry) for entry in value]
            if key in ("references", "warnings") and cells:
                return "".join(f"\n  {cell}" for cell in cells)
            return (" to " if "range" in key else ", ").join(cells) or "none"
        case complex():
            return f"{value.real:.6g} {value.imag:+.3g}i"
        case float() if isinf(value):
            return "infinite"
        case float():
            return f"{value:.3f}" if key in ("wavelength_nm", "period_nm") else f"{value:.5g}"
    return str(value)
