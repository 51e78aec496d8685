"""A bar with the time left, in a terminal or a notebook, and nothing where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

Tell = Callable[[int, int], None]
"""Told how many points are done, and how many of them failed."""


@contextmanager
def progress(total: int, done: int, wanted: bool | None) -> Iterator[Tell]:
    """Show how far a study is.

    Args:
        total: Number of points.
        done: How many were done before.
        wanted: Whether to show anything; `None` where somebody watches.

    Yields:
        What to tell the progress.
    """
    if wanted is False:
        yield lambda done, failed: None
    elif _in_notebook():
        yield _notebook(total, done)
    else:
        with _terminal(total, done, wanted) as tell:
            yield tell


@contextmanager
def _terminal(total: int, done: int, wanted: bool | None) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("points{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    hidden = wanted is None and not console.is_terminal
    with Progress(*columns, console=console, transient=wanted is None, disable=hidden) as bar:
        number = bar.add_task("", total=total, completed=done)

        def tell(done: int, failed: int) -> None:
            text = f", {failed} failed" if failed else ""
            bar.update(number, completed=done, description=text)

        yield tell


def _in_notebook() -> bool:
    """Whether a notebook's kernel runs this; others may have imported its modules, too."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _notebook(total: int, before: int) -> Tell:
    """One line below the cell, written over."""
    from IPython.display import display

    start = monotonic()
    shown: list[Any] = [display(_Line(before, total, 0, None), display_id=True), start]  # type: ignore[no-untyped-call]

    def tell(done: int, failed: int) -> None:
        now = monotonic()
        if now - shown[1] < 0.5 and done < total:
            return
        shown[1] = now
        left = (now - start) * (total - done) / max(done - before, 1)
        shown[0].update(_Line(done, total, failed, left))

    return tell


class _Line:
    """A line of text, as IPython shows objects."""

    def __init__(self, done: int, total: int, failed: int, left: float | None) -> None:
        parts = [f"{done:,} of {total:,} points"]
        parts += [f"{failed:,} failed"] if failed else []
        if left is not None and done < total:
            parts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
        self.text = ", ".join(parts)

    def __repr__(self) -> str:
        return self.text
