"""The command `dfb`: reads files, calls the library, prints tables or one JSON object.

Each verb hands one dictionary to `show`, which shows it as tables or, with `--json`, as the only
thing on stdout; the unit of a number ends its key. Progress and errors go to stderr. Exit codes:
0 done, 2 bad input, 3 physics or numerics said no, 4 MEEP is missing, 130 interrupted. The library
is imported by the verbs, not here, so that `dfb --help` is quick.
"""

import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from dfbdesign.cli import (
    cells,
    chips,
    designs,
    guides,
    lasers,
    papers,
    reports,
    studies,
    verifying,
)
from dfbdesign.errors import InputError, MeepMissing, PhysicsError

app = typer.Typer(
    name="dfb",
    help="Design, verify and lay out distributed-feedback lasers in solution-processed films.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Args:
        arguments: Words after `dfb`; those of the shell if left out.

    Raises:
        SystemExit: Always, with the exit code.
    """
    # before numpy is there: threads of its own slow the small matrices here down, above all beside
    # other work, and sweeps share the cores by themselves
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()  # a full disk is met here, not at the interpreter's end
        sys.exit(code)
    except typer.TyperException as error:
        _fail(f'{error.format_message()} See "dfb --help".', 2)
    except InputError as error:
        _fail(str(error), 2)
    except OSError as error:
        with suppress(OSError):  # what stdout still holds is lost; do not try again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail(f"cannot write {error.filename or 'the output'}: {error.strerror}.", 2)
    except PhysicsError as error:
        _fail(str(error), 3)
    except MeepMissing as error:
        _fail(str(error), 4)


def _fail(message: str, code: int) -> None:
    print("error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("dfbdesign"))
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


for _verb in (
    guides.materials, guides.slab, guides.ridge, guides.film, cells.modes, cells.bands,
    cells.scatter, lasers.laser,
    lasers.beam, designs.design, designs.tolerance, designs.ladder, designs.calibrate,
    verifying.verify, chips.layout, reports.report, papers.reproduce, papers.measure,
    lasers.gain, lasers.pump, lasers.light,
    reports.cite, reports.errors, studies.study,
):  # fmt: skip
    app.command()(_verb)
