"""Studies that are killed, interrupted, run twice, or written to a damaged or full disk."""

import os
import random as chance
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from study_functions import trivial

from dfbdesign.errors import InputError
from dfbdesign.studies import Run, study
from dfbdesign.studies.journal import Journal

SLOW = """
import sys
import numpy as np
from study_functions import slow_sums
from dfbdesign.studies import Run, study
axes = {"a": np.linspace(0, 1, 40), "b": np.linspace(1, 2, 30)}
run = Run(chunk=7, workers=2, scheduler="processes")
study(slow_sums, axes, path=sys.argv[1], vectorised=True, run=run)
"""


def started(path):
    return subprocess.Popen([sys.executable, "-c", SLOW, str(path)], cwd=Path(__file__).parent)


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def children_of(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_ten_kills_at_random_moments_leave_the_file_of_an_undisturbed_run(tmp_path):
    assert started(tmp_path / "whole.nc").wait() == 0
    path, partial = tmp_path / "killed.nc", tmp_path / "killed.nc.partial"
    luck, kept, orphans = chance.Random(8), [], []
    for _ in range(10):
        run, before = started(path), size_of(partial)
        while size_of(partial) <= before:
            assert run.poll() is None, "finished before it could be killed ten times"
            time.sleep(0.005)
        time.sleep(luck.uniform(0, 0.04))
        orphans += children_of(run.pid)
        run.kill()
        run.wait()
        kept.append(size_of(partial))
    assert kept == sorted(set(kept)), "a run lost what an earlier one had finished"
    assert not path.exists()
    assert started(path).wait() == 0
    assert path.read_bytes() == (tmp_path / "whole.nc").read_bytes()
    assert not partial.exists()
    assert orphans
    patience = time.monotonic() + 60  # they look twice a second whether their parent is there
    while left := [pid for pid in orphans if Path(f"/proc/{pid}/stat").exists()]:
        assert time.monotonic() < patience, f"workers outlived their study: {left}"
        time.sleep(0.05)


HOLDS = """
import os, sys, time
from dfbdesign.studies import Run, study

def held(a):
    if os.fork() == 0:  # it outlives the study, as workers do for a moment
        print("ready", flush=True)
    time.sleep(60)

study(held, {"a": [1.0, 2.0]}, path=sys.argv[1], run=Run(scheduler="here"))
"""


def test_a_second_run_of_a_study_is_kept_out_until_the_first_has_ended(tmp_path):
    path = tmp_path / "held.nc"
    words = [sys.executable, "-c", HOLDS, str(path)]
    run = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
    try:
        run.stdout.readline()  # of the child: its copy of the file is closed
        with pytest.raises(InputError, match="being written by another run"):
            study(lambda a: a, {"a": [1.0, 2.0]}, path=path, run=Run(scheduler="here"))
        run.kill()
        run.wait()
        with pytest.raises(InputError, match="another study"):  # no longer the lock
            study(lambda a: a, {"a": [1.0, 2.0]}, path=path, run=Run(scheduler="here"))
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        run.stdout.close()


def interrupted(path, after, damage=lambda content: content):
    """Leave partial results of a study, cut after some bytes of the finished journal's start."""
    calls = []

    def one(a):
        calls.append(a)
        if len(calls) > after:
            raise KeyboardInterrupt
        return 2 * a

    with pytest.raises(KeyboardInterrupt):
        study(one, {"a": np.arange(8.0)}, path=path, run=Run(scheduler="here", chunk=1))
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(damage(partial.read_bytes()))
    return one, calls


def test_only_points_in_flight_are_run_again(tmp_path):
    path = tmp_path / "a.nc"
    one, calls = interrupted(path, after=5, damage=lambda content: content[:-3])  # a torn record
    calls[:] = []
    calls_before = [*calls]

    def again(a):
        calls_before.append(a)
        return 2 * a

    again.__qualname__, again.__module__, again.__name__ = one.__qualname__, one.__module__, "one"
    found = study(again, {"a": np.arange(8.0)}, path=path, run=Run(scheduler="here", chunk=1))
    assert calls_before == [4, 5, 6, 7]
    assert_array_equal(found.one, 2 * np.arange(8.0))


def test_damaged_or_foreign_partial_results_are_refused(tmp_path):
    def flipped(content):
        return content[:150] + bytes([content[150] ^ 1]) + content[151:]

    path = tmp_path / "a.nc"
    one, _ = interrupted(path, after=3, damage=flipped)
    with pytest.raises(InputError, match=r"a.nc.partial is damaged at byte"):
        study(one, {"a": np.arange(8.0)}, path=path)
    path = tmp_path / "b.nc"
    one, _ = interrupted(path, after=3)
    with pytest.raises(InputError, match="of another study"):
        study(one, {"a": np.arange(9.0)}, path=path)
    (tmp_path / "c.nc.partial").write_bytes(b"something else")
    with pytest.raises(InputError, match="no file of partial results"):
        study(one, {"a": np.arange(9.0)}, path=tmp_path / "c.nc")


def test_an_unfinished_record_is_cut_off_before_anything_is_appended(tmp_path):
    path = tmp_path / "a.nc.partial"
    Journal(path, "a key", 4).close()
    whole = path.read_bytes()
    record = whole[whole.index(b"\n") + 1 :]
    for cut in (1, 10, len(record) - 1):
        path.write_bytes(whole + record[:cut])
        journal = Journal(path, "a key", 4)
        assert journal.places == {}
        journal.close()
        assert path.read_bytes() == whole


def test_a_second_run_of_the_same_study_is_kept_out(tmp_path):
    first = Journal(tmp_path / "a.nc.partial", "key", 4)
    with pytest.raises(InputError, match="another run"):
        Journal(tmp_path / "a.nc.partial", "key", 4)
    first.close()


@pytest.mark.parametrize(("ending", "room"), [(".nc", 3000), (".nc", 64000), (".zarr", 3000)])
def test_a_full_disk_is_one_clear_error_and_nothing_is_lost(tmp_path, ending, room):
    if ending == ".zarr":
        pytest.importorskip("zarr")
    path = tmp_path / f"study{ending}"
    axes = {"a": np.linspace(1, 2, 60), "b": np.linspace(1, 2, 50)}
    run = Run(scheduler="here", chunk=100)
    whole = study(trivial, axes, vectorised=True, run=run)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(InputError, match="cannot write") as refused:
            study(trivial, axes, path=path, vectorised=True, run=run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert "\n" not in str(refused.value)
    assert not path.exists()
    assert study(trivial, axes, path=path, vectorised=True, run=run).equals(whole)
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name}
