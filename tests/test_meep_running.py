"""Runs of MEEP as processes: queue, cache, limits, folders for a cluster, and all that goes wrong.

Most of it needs no MEEP: a stand-in for its interpreter answers the probe and then misbehaves.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.errors import InputError, MeepMissing, NotConverged, PhysicsError
from dfbdesign.fdtd import estimate, find_meep, interpreter, launch, run, run_all, store
from dfbdesign.fdtd.export import export_jobs, import_results
from dfbdesign.fdtd.finite_cell import Stretch
from dfbdesign.fdtd.finite_job import FiniteJob, mode_job
from dfbdesign.fdtd.process import last_words
from dfbdesign.units import nm

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@dataclass(frozen=True)
class Numbers:
    """A job for the stand-in."""

    name: str = "a"
    size: int = 5000
    steps: int = 1000

    def text(self) -> str:
        return json.dumps({"name": self.name, "size": self.size, "steps": self.steps})


STAND_IN = """#!{python}
import json, os, subprocess, sys, time
import numpy as np
if "-c" in sys.argv:
    probe = "import meep" in sys.argv[sys.argv.index("-c") + 1]
    answer = {{"version": "{version}", "mpi": {mpi}}} if probe else ["{version}"]
    json.dump(answer, open(sys.argv[-1], "w"))
    sys.exit()
folder = sys.argv[3]
job = json.load(open(folder + "/job.json"))
def leave(**arrays):
    np.savez(os.path.join(folder, "result.npz"), **arrays)
def count():
    open({runs!r}, "a").write(job["name"])
{behaviour}
"""
SUCCEED = "count(); leave(signals=np.ones((2, 5)), interval=0.5)"
HANG = """
child = subprocess.Popen(["sleep", "600"])
open({runs!r}, "a").write(f"{os.getpid()} {child.pid} ")
open(os.path.join(folder, "progress"), "w").write("0.25")
time.sleep(600)
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Function that puts a stand-in in the place of MEEP's interpreter; gives its diary."""
    monkeypatch.setenv(store.CACHE, str(tmp_path / "cache"))
    interpreter.probed.cache_clear()
    runs = str(tmp_path / "runs")

    def install(behaviour: str, version: str = "1.25.0", mpi: bool = False) -> Path:
        behaviour = behaviour.replace("{runs!r}", repr(runs))
        script = tmp_path / f"python-{abs(hash((behaviour, version, mpi)))}"
        words = {"python": sys.executable, "version": version, "mpi": mpi, "runs": runs}
        script.write_text(STAND_IN.format(behaviour=behaviour, **words))
        script.chmod(0o755)
        monkeypatch.setenv(interpreter.INTERPRETER, str(script))
        return Path(runs)

    return install


def stored(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache").rglob("*.npz"))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition) -> bool:
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.1)
    return False


def all_end(runs: Path) -> bool:
    pids = [int(pid) for pid in runs.read_text().split()]
    return bool(pids) and wait_for(lambda: not any(map(alive, pids)))


# Finding MEEP


@pytest.mark.parametrize(
    ("named", "why"),
    [(sys.executable, "no module named meep"), ("/nowhere/python", "No such file")],
)
def test_a_named_interpreter_without_meep_is_said_to_be_so(named, why, monkeypatch):
    monkeypatch.setenv(interpreter.INTERPRETER, named)
    with pytest.raises(MeepMissing, match=f'{interpreter.INTERPRETER} is "{named}"') as caught:
        find_meep()
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_any_interpreter_the_message_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv(interpreter.INTERPRETER, raising=False)
    monkeypatch.setenv(store.CACHE, str(tmp_path))
    monkeypatch.setattr(interpreter, "probed", lambda named: (None, "no meep"))
    said = r"python3-meep-openmpi.*pymeep.*DFBDESIGN_MEEP_PYTHON.*--export"
    with pytest.raises(MeepMissing, match=said):
        run(Numbers())


def test_what_a_probe_found_is_kept_until_meep_changes(stand_in, tmp_path):
    stand_in(SUCCEED, version="1.25.0")
    assert find_meep().version == "1.25.0"
    known = json.loads((tmp_path / "cache" / "fdtd" / "interpreters.json").read_text())
    assert [one["version"] for one in known.values()] == ["1.25.0"]
    marked = tmp_path / "cache" / "fdtd" / "interpreters.json"
    marked.write_text(json.dumps({mark: one | {"version": "kept"} for mark, one in known.items()}))
    interpreter.probed.cache_clear()
    assert find_meep().version == "kept"  # the slow probe was not asked again
    stand_in(SUCCEED, version="1.34.0")
    assert find_meep().version == "1.34.0"


# The cache


def test_a_result_is_kept_for_the_same_job_and_the_same_meep_only(stand_in):
    runs = stand_in(SUCCEED)
    for _ in range(2):
        np.testing.assert_array_equal(run(Numbers()).signals, np.ones((2, 5)))
    assert runs.read_text() == "a"
    run(Numbers("b"))
    assert runs.read_text() == "ab"
    stand_in(SUCCEED, version="1.34.0")
    run(Numbers())
    assert runs.read_text() == "aba"


def test_a_damaged_entry_of_the_cache_is_made_again(stand_in, tmp_path):
    runs = stand_in(SUCCEED)
    run(Numbers())
    (entry,) = stored(tmp_path)
    sound = entry.read_bytes()
    flipped = bytearray(sound)
    flipped[sound.index(np.float64(1).tobytes()) + 6] ^= 1  # one bit of one sample
    for damage in (b"", sound[: len(sound) // 2], b"garbage", bytes(flipped)):
        entry.write_bytes(damage)
        np.testing.assert_array_equal(run(Numbers()).signals, np.ones((2, 5)))
    assert runs.read_text() == "aaaaa"
    assert entry.read_bytes() == sound


def test_a_run_needs_no_cache_folder(stand_in, tmp_path, monkeypatch):
    runs = stand_in(SUCCEED)
    (tmp_path / "file").touch()
    monkeypatch.setenv(store.CACHE, str(tmp_path / "file"))
    run(Numbers()), run(Numbers())
    assert runs.read_text() == "aa"


def test_a_result_that_cannot_be_kept_is_still_a_result(stand_in, monkeypatch):
    def full(*_):
        raise InputError("cannot write: No space left on device.")

    monkeypatch.setattr(launch, "keep", full)
    stand_in(SUCCEED)
    assert run(Numbers()).interval == 0.5


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


@linux
def test_a_time_out_ends_the_run_and_its_children(stand_in, tmp_path):
    runs = stand_in(HANG)
    with pytest.raises(NotConverged, match="not finished after 2 s"):
        run(Numbers(), timeout=2.0)
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
def test_a_run_that_ignores_the_request_to_end_is_ended(stand_in):
    runs = stand_in("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + HANG)
    with pytest.raises(NotConverged, match="not finished"):
        run(Numbers(), timeout=2.0)
    assert all_end(runs)


@linux
def test_a_run_that_fails_ends_the_others_and_keeps_what_is_done(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "cores", lambda: 2)
    fail = """
if job["name"] == "a":
    count(); leave(signals=np.ones((2, 5)), interval=0.5); sys.exit()
if job["name"] == "b":
    while not os.path.exists({runs!r}): time.sleep(0.05)
    time.sleep(1); sys.exit("broken")
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


# The queue


def test_runs_share_the_cores_and_equal_ones_are_run_once(stand_in, monkeypatch):
    monkeypatch.setattr(launch, "cores", lambda: 2)
    watch = """
import glob
others = os.path.dirname({runs!r})
open(others + f"/on-{os.getpid()}", "w").close()
time.sleep(0.7)
open({runs!r}, "a").write(str(len(glob.glob(others + "/on-*"))))
os.remove(others + f"/on-{os.getpid()}")
leave(signals=np.full((1, 2), job["steps"] / 1), interval=0.5)
"""
    runs = stand_in(watch)
    jobs = [Numbers("a"), Numbers("b", steps=50), Numbers("a"), Numbers("c", steps=9)]
    found = run_all(jobs)
    assert [one.signals[0, 0] for one in found] == [1000, 50, 1000, 9]
    assert len(runs.read_text()) == 3
    assert set(runs.read_text()) <= {"1", "2"}
    assert "2" in runs.read_text()


def test_progress_runs_from_nothing_to_everything_with_the_time_left(stand_in, monkeypatch):
    for module in (launch, estimate):
        monkeypatch.setattr(module, "cores", lambda: 1)
    stand_in("""
for share in (0.2, 0.5, 0.9):
    open(folder + "/progress", "w").write(str(share)); time.sleep(0.3)
leave(signals=np.ones((1, 2)), interval=0.5)
""")
    seen = []
    jobs = [Numbers("a"), Numbers("b")]
    run_all(jobs, lambda done, left: seen.append((done, left)))
    done = [fraction for fraction, _ in seen]
    assert done == sorted(done)
    assert len(set(done)) >= 6
    assert done[0] == 0
    assert done[-1] == pytest.approx(1)
    assert seen[-1][1] == pytest.approx(0, abs=1e-9)
    # Before anything is known, the time left is what was estimated.
    assert seen[0][1] == pytest.approx(estimate.estimate(jobs, find_meep()).seconds, abs=1)


# Limits


def test_time_and_memory_go_as_pixels_and_steps(stand_in, monkeypatch):
    monkeypatch.setattr(estimate, "cores", lambda: 4)
    stand_in(SUCCEED, mpi=True)
    meep = find_meep()
    small, large = (estimate.estimate([Numbers(size=n)], meep) for n in (10**6, 4 * 10**6))
    ratio = (large.seconds - estimate.START) / (small.seconds - estimate.START)
    assert ratio == pytest.approx(4)
    assert large.memory - small.memory == pytest.approx(3e6 * estimate.BYTES_PER_PIXEL)
    assert str(small).startswith("1 run, about ")


def test_too_long_and_too_large_runs_are_refused_unless_forced(stand_in, monkeypatch):
    runs = stand_in(SUCCEED)
    with pytest.raises(InputError, match=r"longer than 60 min.*--export.*--force"):
        run(Numbers(size=10**6, steps=10**6))
    monkeypatch.setattr(estimate, "_free_memory", lambda: 2e8)
    with pytest.raises(InputError, match=r"more memory than the 0\.2 GB that are free"):
        run(Numbers(size=10**6))
    assert not runs.exists()
    run_all([Numbers(size=10**6)], force=True)
    assert runs.read_text() == "a"
    run(Numbers(size=10**6))  # what is kept needs no leave


def test_the_speed_of_a_long_run_is_remembered(stand_in, monkeypatch):
    stand_in(SUCCEED)
    job, slower = Numbers(), 10 * estimate.PER_PIXEL_STEP
    estimate.remember(job, 1, 1.0)  # too short to say anything
    assert estimate.seconds(job, 1) < estimate.START + 0.1
    estimate.remember(job, 1, 100.0)
    assert estimate.seconds(job, 1) == pytest.approx(100.0)
    assert slower * job.size * job.steps < 98.5


# A folder for another computer


def fake_worker(folder: Path) -> None:
    """In the place of the exported worker: what it must do without dfbdesign."""
    (folder / "worker" / "worker.py").write_text(
        "import sys, json, numpy as np\n"
        "assert sys.argv[2:] == ['1'], sys.argv\n"
        "job = json.load(open(sys.argv[1] + '/job.json'))\n"
        "if job['name'] == 'b': sys.exit('no luck')\n"
        "np.savez(sys.argv[1] + '/result.npz', signals=np.ones((1, 3)), interval=2.0, meep='1.33')"
    )


def test_exported_runs_come_back_as_if_they_had_been_made_here(stand_in, tmp_path, monkeypatch):
    runs = stand_in(SUCCEED)
    folder = tmp_path / "jobs for the cluster"
    jobs = [Numbers("a"), Numbers("b")]
    export_jobs(jobs, folder, "a test", "dfb verify x.toml --import y")
    assert "dfb verify x.toml --import y" in (folder / "README.txt").read_text()
    fake_worker(folder)
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(["sh", str(folder / "run.sh")], env=environment, capture_output=True)
    assert done.returncode == 1
    assert b"no luck" in done.stdout
    found = import_results(folder)
    assert found.kept == 1
    assert [reason[:3] for reason in found.missing] == ["02:"]
    monkeypatch.setattr(interpreter, "probed", lambda named: (None, "no meep"))
    monkeypatch.delenv(interpreter.INTERPRETER)
    assert run(jobs[0]).interval == 2.0  # without any MEEP here
    with pytest.raises(MeepMissing):
        run(jobs[1])
    assert not runs.exists()


def test_results_of_this_computer_go_before_imported_ones(stand_in, tmp_path):
    stand_in(SUCCEED)
    export_jobs([Numbers("a")], tmp_path / "out", "a test", "back")
    fake_worker(tmp_path / "out")
    subprocess.run(["sh", str(tmp_path / "out" / "run.sh")], env=os.environ, check=False)
    run(Numbers("a"))
    np.savez(tmp_path / "out" / "jobs" / "01" / "result.npz", signals=np.ones((1, 3)), interval=2.0)
    import_results(tmp_path / "out")
    assert run(Numbers("a")).interval == 0.5


def test_folders_that_cannot_be_used_are_said_to_be_so(stand_in, tmp_path):
    stand_in(SUCCEED)
    with pytest.raises(InputError, match="no folder of exported runs"):
        import_results(tmp_path)
    with pytest.raises(InputError, match="nothing to run"):
        export_jobs([], tmp_path / "out", "a test", "back")
    export_jobs([Numbers()], tmp_path / "out", "a test", "back")
    with pytest.raises(InputError, match="is not empty"):
        export_jobs([Numbers()], tmp_path / "out", "a test", "back")
    (tmp_path / "out" / "manifest.json").write_text('{"worker": "0"}')
    with pytest.raises(InputError, match="version 0 of the worker"):
        import_results(tmp_path / "out")


def test_the_scripts_are_sound_shell(stand_in, tmp_path):
    stand_in(SUCCEED)
    export_jobs([Numbers(size=10**6)], tmp_path / "out", "a test", "back")
    for name, shell in (("run.sh", "sh"), ("slurm.sh", "bash")):
        subprocess.run([shell, "-n", str(tmp_path / "out" / name)], check=True)
    slurm = (tmp_path / "out" / "slurm.sh").read_text()
    assert "#SBATCH --array=1-1" in slurm
    assert "#SBATCH --ntasks=32" in slurm


# The command line

SHORT = """
[substrate]
material = { index = 1.444 }
[[layer]]
thickness = "300 nm"
material = { index = 2.53 }
lines = { material = { index = 2.0 }, duty = 0.35 }
gain = true
[superstrate]
material = "air"
[grating]
period = "400 nm"
order = 1
length = "8 um"
[target]
wavelength = "1550 nm"
"""


def test_the_verb_estimates_exports_and_imports(stand_in, dfb, tmp_path):
    runs = stand_in(SUCCEED)
    file, folder = tmp_path / "short.toml", tmp_path / "out"
    file.write_text(SHORT)
    finite = ("verify", file, "--level", "finite")
    said = json.loads(dfb(*finite, "--estimate", "--json").out)
    assert said["runs"] == 4
    assert said["seconds"] > 5
    said = json.loads(dfb(*finite, "--export", folder, "--json").out)
    assert said["then"].endswith(f"--level finite --what modes --count 1 --import {folder}")
    assert len(list(folder.glob("jobs/*/job.json"))) == 4
    came_back = dfb(*finite, "--import", folder)
    assert came_back.code == 2
    assert "holds no result" in came_back.err
    assert came_back.err.count("no readable result") == 4
    assert dfb(*finite, "--export", folder).code == 2
    assert not runs.exists()


def test_without_meep_the_verb_ends_with_code_4(dfb, tmp_path, monkeypatch):
    monkeypatch.setenv(interpreter.INTERPRETER, "/nowhere/python")
    monkeypatch.setenv(store.CACHE, str(tmp_path))
    file = tmp_path / "short.toml"
    file.write_text(SHORT)
    ended = dfb("verify", file, "--level", "finite")
    assert ended.code == 4
    assert "/nowhere/python" in ended.err


# MEEP itself


def grating_job(resolution: int = 8, gain: float = 0.0, cycles: int = 20) -> FiniteJob:
    lines = Lines(material=2.0, duty=0.35)
    device = Device(
        substrate=1.444,
        superstrate=1.0,
        layers=[Layer(thickness=300 * nm, material=2.53, gain=True, lines=lines)],
        grating=Grating(period=400 * nm, order=1, length=6 * 400 * nm),
        target=Target(wavelength=1550 * nm),
    )
    return mode_job(device, [Stretch(6, gain)], 1600 * nm, resolution, cycles=cycles)


def processes(mark: str) -> list[int]:
    """Living processes with a text in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if mark in command and state != "Z":
            found.append(int(entry.name))
    return found


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
    [(signal.SIGINT, 3000), (signal.SIGKILL, 3000), (signal.SIGKILL, 10**9)],
    ids=["ctrl-c", "killed", "killed-alone"],
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
    assert not stored(tmp_path)


@linux
@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_killed_rank_ends_the_run_with_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(estimate, "PIXELS_PER_RANK", 3000)
    monkeypatch.setenv(store.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def kill_one(fraction: float) -> None:
        for rank in processes(str(tmp_path))[-1:] if fraction > 0 else []:
            os.kill(rank, signal.SIGKILL)

    with pytest.raises(PhysicsError, match=r"exit code .*"):
        run(grating_job(16, cycles=2000), progress=kill_one)
    assert wait_for(lambda: not processes(str(tmp_path)))
    assert not stored(tmp_path)


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_two_ranks_record_what_one_records(tmp_path, monkeypatch):
    monkeypatch.setenv(store.CACHE, str(tmp_path / "one"))
    one = run(grating_job())
    monkeypatch.setenv(store.CACHE, str(tmp_path / "two"))
    monkeypatch.setattr(estimate, "PIXELS_PER_RANK", 3000)
    monkeypatch.setattr(estimate, "cores", lambda: 2)
    if estimate.ranks(grating_job(), find_meep()) != 2:
        pytest.skip("no MPI")
    two = run(grating_job())
    assert two.interval == one.interval
    scale = np.abs(one.signals).max()
    np.testing.assert_allclose(two.signals, one.signals, atol=1e-9 * scale)
    fields = np.abs(one.fields).max()
    np.testing.assert_allclose(two.fields, one.fields, atol=1e-9 * fields)


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_field_that_grows_without_end_is_an_error_and_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv(store.CACHE, str(tmp_path / "cache"))
    with pytest.raises(NotConverged, match=r"diverged after .* far too much gain"):
        run(grating_job(gain=60.0, cycles=300))  # 600 000 1/cm
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
            run(grating_job())
        assert not list(small.iterdir())
    finally:
        unmount = ["umount", str(small)]  # not before all of the run's processes are gone
        gone = wait_for(lambda: subprocess.run(unmount, capture_output=True).returncode == 0)
    assert gone
    assert not stored(tmp_path)


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_an_exported_folder_runs_by_itself(tmp_path):
    job, folder = grating_job(cycles=5), tmp_path / "out"
    export_jobs([job], folder, "a test", "back")
    environment = os.environ | {"PYTHON": find_meep().interpreter}
    subprocess.run(["sh", str(folder / "run.sh")], env=environment, check=True)
    assert import_results(folder).kept == 1
    with np.load(folder / "jobs" / "01" / "result.npz") as result:
        np.testing.assert_allclose(run(job).signals, result["signals"])
