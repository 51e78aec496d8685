"""What several test files need: the command line in this process, and MEEP with no old results."""

from dataclasses import dataclass

import pytest
from meep_stand_in import installed

from dfbdesign.cli import main
from dfbdesign.errors import MeepMissing
from dfbdesign.fdtd import find_meep


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


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Results kept for this run only: neither the user's nor those of a run beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFBDESIGN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def fresh_meep(tmp_path_factory):
    """MEEP with a cache of its own: no test may pass on what an earlier version left."""
    try:
        find_meep()
    except MeepMissing as missing:
        pytest.skip(str(missing))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFBDESIGN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def compared_anew(monkeypatch):
    """No comparison with MEEP is answered from an earlier test: tests change how it is made."""
    monkeypatch.setattr("dfbdesign.verification.remembered.cache_folder", lambda name: None)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Function that puts a stand-in in the place of MEEP's interpreter; gives its diary."""
    monkeypatch.setenv("DFBDESIGN_CACHE", str(tmp_path / "cache"))

    def install(behaviour: str, version: str = "1.25.0", mpi: bool = False):
        return installed(behaviour, version, mpi, tmp_path, monkeypatch)

    return install
