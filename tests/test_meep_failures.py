"""Runs of MEEP that fail, hang or are stopped: one clear error, no orphan, nothing kept."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from meep_stand_in import (
    HANG,
    SUCCEED,
    Numbers,
    all_end,
    grating_job,
    linux,
    processes,
    stored,
    wait_for,
)

from dfbdesign.errors import InputError, NotConverged, PhysicsError
from dfbdesign.fdtd import estimate, find_meep, launch, process, run, run_all, store
from dfbdesign.fdtd.process import last_words

# What goes wrong


@pytest.mark.parametrize(
    ("behaviour", "error", "message"),
    [
        ("sys.exit('the grid is on fire')", PhysicsError, "exit code 1: the grid is on fire$"),
        ("{}['lost']", PhysicsError, "exit code 1: KeyError: 'lost'$"),
        ("os.kill(os.getpid(), 9)", PhysicsError, "exit code -9: no message$"),
        ("print('\\x00\\xff garbage ' * 9999)", PhysicsError, "no readable result"),
        ("print('\\x00 garbage ' * 9999); sys.exit(3)", PhysicsError, r"exit code 3: .*\? garbage"),
        ("open(folder + '/result.npz', 'w').write('x')", PhysicsError, "no readable result"),
        ("leave(signals=np.ones((2, 5)))", PhysicsError, "no readable result"),
        ("leave(signals=np.ones(5), interval=1)", PhysicsError, r"shape \(5,\)"),
        ("leave(signals=np.ones((2, 5)), interval=0)", PhysicsError, "time step 0"),
        ("leave(signals=np.ones((2, 5)), interval=1, fields=np.array([np.nan]))", PhysicsError,
         "no numbers"),
        ("leave(signals=np.full((2, 5), np.nan), interval=1)", NotConverged, "too much gain"),
        ("open('/dev/full', 'w').write('x' * 99999)", InputError, "the disk is full"),
    ],
)  # fmt: skip
def test_a_run_that_fails_is_one_clear_error_and_leaves_nothing(
    behaviour, error, message, stand_in, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stand_in(behaviour)
    with pytest.raises(error, match=message) as caught:
        run(Numbers())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert stored(tmp_path) == []
    assert not list(tmp_path.glob("dfbdesign-*"))
    stand_in(SUCCEED)
    assert run(Numbers()).interval == 0.5


def test_without_room_for_the_job_the_remedy_is_named(stand_in, tmp_path, monkeypatch):
    stand_in(SUCCEED)
    find_meep()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(InputError, match="Set TMPDIR to a folder on a disk with room"):
        run(Numbers())


def test_meep_with_mpi_but_without_mpirun_runs_alone(stand_in, monkeypatch):
    runs = stand_in("assert sys.argv[4] == '1'\n" + SUCCEED, mpi=True)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    run(Numbers(size=10**6))
    assert runs.read_text() == "a"


def test_an_mpirun_that_fails_is_one_clear_error(stand_in, tmp_path, monkeypatch):
    stand_in(SUCCEED, mpi=True)
    broken = tmp_path / "mpirun"
    broken.write_text("#!/bin/sh\necho 'There are not enough slots available.' >&2\nexit 7\n")
    broken.chmod(0o755)
    monkeypatch.setattr(estimate, "cores", lambda: 2)
    with pytest.raises(PhysicsError, match="exit code 7: There are not enough slots"):
        run(Numbers(size=10**6))
    assert stored(tmp_path) == []


@pytest.fixture
def late(monkeypatch):
    """Function that lets an hour pass as soon as a run has written into its diary."""

    def install(runs: Path) -> None:
        def monotonic() -> float:
            return time.monotonic() + 3600 * bool(runs.exists() and runs.read_text())

        monkeypatch.setattr(process, "time", SimpleNamespace(monotonic=monotonic))

    return install


@linux
def test_a_time_out_ends_the_run_and_its_children(stand_in, late, tmp_path):
    runs = stand_in(HANG)
    late(runs)
    with pytest.raises(NotConverged, match="not finished after 600 s"):
        run(Numbers(), timeout=600.0)
    assert all_end(runs)
    assert stored(tmp_path) == []


@linux
def test_an_interrupt_ends_all_runs_and_their_children(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "cores", lambda: 2)
    runs = stand_in(HANG)
    seen = []

    def interrupt(fraction: float, left: float) -> None:
        seen.append(fraction)
        if fraction == 0.25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all([Numbers("a"), Numbers("b")], progress=interrupt)
    assert len(runs.read_text().split()) == 4
    assert all_end(runs)
    assert stored(tmp_path) == []
    assert seen == sorted(seen)


@linux
def test_a_run_that_ignores_the_request_to_end_is_ended(stand_in, late):
    runs = stand_in("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + HANG)
    late(runs)
    with pytest.raises(NotConverged, match="not finished"):
        run(Numbers(), timeout=600.0)
    assert all_end(runs)


@linux
def test_a_run_that_fails_ends_the_others_and_keeps_what_is_done(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "cores", lambda: 2)
    fail = """
if job["name"] == "a":
    count(); leave(signals=np.ones((2, 5)), interval=0.5); sys.exit()
if job["name"] == "b":
    import glob
    kept = os.path.dirname({runs!r}) + "/cache/**/*.npz"
    while not glob.glob(kept, recursive=True): time.sleep(0.05)
    sys.exit("broken")
time.sleep(600)
"""
    stand_in(fail)
    jobs = [Numbers("a", steps=3000), Numbers("b", steps=2000), Numbers("c", steps=1000)]
    with pytest.raises(PhysicsError, match="broken"):
        run_all(jobs)
    assert len(stored(tmp_path)) == 1
    runs = stand_in(SUCCEED)
    run_all(jobs)
    assert sorted(runs.read_text()) == ["a", "b", "c"]  # a was not run again


def test_the_last_words_of_a_worker_are_its_error(tmp_path):
    log = tmp_path / "log.txt"
    said = (
        "working\nTraceback (most recent call last):\n  File x\nmeep.Error: no\n-----\nmpirun: bye"
    )
    log.write_text(said)
    assert last_words(log) == "meep.Error: no"
    log.write_text("one\ntwo\n-----\n")
    assert last_words(log) == "two"


# MEEP itself


START = """
from dfbdesign.fdtd import estimate, launch
import sys
estimate.PIXELS_PER_RANK = {pixels_per_rank}
class Job:
    size, steps = 30000, 10000
    def text(self):
        return sys.argv[1]
launch.run(Job())
"""


@linux
@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
@pytest.mark.parametrize(
    ("end", "pixels_per_rank"),
    [
        (signal.SIGINT, 3000),
        (signal.SIGTERM, 3000),
        (signal.SIGKILL, 3000),
        (signal.SIGKILL, 10**9),
    ],
    ids=["ctrl-c", "terminated", "killed", "killed-alone"],
)
def test_no_process_outlives_the_one_that_started_it(end, pixels_per_rank, tmp_path):
    mark = str(tmp_path)  # stands in the name of the run's folder
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            START.format(pixels_per_rank=pixels_per_rank),
            grating_job(16, cycles=2000).text(),
        ],
        env=os.environ | {"TMPDIR": mark, store.CACHE: str(tmp_path / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell that starts tests in the background lets them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert wait_for(lambda: list(tmp_path.glob("dfbdesign-*/progress")))
        assert processes(mark)
    finally:
        starter.send_signal(end)
        starter.wait(60)
    assert wait_for(lambda: not processes(mark))
    assert wait_for(lambda: not list(tmp_path.glob("dfbdesign-*")))
    assert not stored(tmp_path)


def kill_mpirun(folder: Path) -> None:
    os.kill(min(processes(str(folder))), signal.SIGKILL)


def kill_a_rank(folder: Path) -> None:
    os.kill(max(processes(str(folder))), signal.SIGKILL)


def take_the_folder(folder: Path) -> None:
    """The one rank that writes fails, while the other waits for it."""
    for run_folder in folder.glob("dfbdesign-*"):
        shutil.rmtree(run_folder, ignore_errors=True)


@linux
@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
@pytest.mark.parametrize("hurt", [kill_mpirun, kill_a_rank, take_the_folder])
def test_what_hits_one_of_the_processes_ends_the_run_with_an_error(hurt, tmp_path, monkeypatch):
    monkeypatch.setattr(estimate, "PIXELS_PER_RANK", 3000)
    monkeypatch.setattr(estimate, "cores", lambda: 2)
    monkeypatch.setenv(store.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    hits = []

    def hit_once(fraction: float) -> None:
        if fraction > 0 and not hits:
            hits.append(fraction)
            hurt(tmp_path)

    with pytest.raises(PhysicsError, match=r"exit code .*"):
        run(grating_job(16, cycles=2000), progress=hit_once)
    assert hits
    assert wait_for(lambda: not processes(str(tmp_path)))
    assert not stored(tmp_path)


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_field_that_grows_without_end_is_an_error_and_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv(store.CACHE, str(tmp_path / "cache"))
    with pytest.raises(NotConverged, match=r"diverged after .* far too much gain"):
        run(grating_job(gain=15.0, cycles=300))  # 150 000 1/cm
    assert not stored(tmp_path)


@linux
@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can make a disk that is full")
    try:
        monkeypatch.setenv(store.CACHE, str(tmp_path / "cache"))
        monkeypatch.setattr("tempfile.tempdir", str(small))
        with pytest.raises(InputError, match="the disk is full"):
            run(grating_job(cycles=300))
        assert not list(small.iterdir())
    finally:
        unmount = ["umount", str(small)]  # not before all of the run's processes are gone
        gone = wait_for(lambda: subprocess.run(unmount, capture_output=True).returncode == 0)
    assert gone
    assert not stored(tmp_path)
