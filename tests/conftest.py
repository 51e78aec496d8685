"""What several test files need: the command line, run in this process."""

from dataclasses import dataclass

import pytest

from dfbdesign.cli import main


@dataclass(frozen=True)
class Ran:
    """What a run of the command line left."""

    code: int
    out: str
    err: str


@pytest.fixture
def dfb(capfd):
    """Run `dfb` with some words and return exit code, stdout and stderr."""

    def run(*words):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        return Ran(end.value.code or 0, out, err)

    return run
