"""Runs of MEEP side by side: who runs when, and what is too much."""

from time import monotonic
from types import SimpleNamespace

import numpy as np
import pytest
from meep_stand_in import SUCCEED, Numbers, alive, grating_job, stored, wait_for

from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.fdtd import estimate, find_meep, launch, run, run_all, store

# The queue


def test_runs_share_the_cores_and_equal_ones_are_run_once(stand_in, monkeypatch):
    monkeypatch.setattr(launch, "cores", lambda: 2)
    watch = """
import glob
others = os.path.dirname({runs!r})
open(others + f"/on-{os.getpid()}", "w").close()
def on():
    return len(glob.glob(others + "/on-*"))
late = time.monotonic() + 60
while not os.path.exists(others + "/met") and time.monotonic() < late:  # the first two meet
    if on() > 1: open(others + "/met", "w").close()
    time.sleep(0.05)
open({runs!r}, "a").write(str(on()))
time.sleep(0.2)
os.remove(others + f"/on-{os.getpid()}")
leave(signals=np.full((1, 2), job["steps"] / 1), interval=0.5)
"""
    runs = stand_in(watch)
    jobs = [Numbers("a"), Numbers("b", steps=50), Numbers("a"), Numbers("c", steps=9)]
    found = run_all(jobs)
    assert [one.signals[0, 0] for one in found] == [1000, 50, 1000, 9]
    assert len(runs.read_text()) == 3
    assert set(runs.read_text()) <= {"1", "2"}
    assert (runs.parent / "met").exists()


def test_progress_runs_from_nothing_to_everything_with_the_time_left(stand_in, monkeypatch):
    for module in (launch, estimate):
        monkeypatch.setattr(module, "cores", lambda: 1)
    runs = stand_in("""
def told():
    return os.path.getsize({runs!r}) if os.path.exists({runs!r}) else 0
for share in (0.2, 0.5, 0.9):
    before = told()
    open(folder + "/next", "w").write(str(share))
    os.replace(folder + "/next", folder + "/progress")
    while told() < before + 2: time.sleep(0.02)  # the one under way may be of the share before
leave(signals=np.ones((1, 2)), interval=0.5)
""")
    seen = []
    jobs = [Numbers("a"), Numbers("b")]

    def tell(done: float, left: float) -> None:
        seen.append((done, left))
        with runs.open("a") as diary:
            diary.write(".")

    run_all(jobs, tell)
    done = [fraction for fraction, _ in seen]
    assert done == sorted(done)
    assert len(set(done)) >= 6
    assert done[0] == 0
    assert done[-1] == pytest.approx(1)
    assert seen[-1][1] == pytest.approx(0, abs=1e-9)
    # Before anything is known, the time left is what was estimated.
    assert seen[0][1] == pytest.approx(estimate.estimate(jobs, find_meep()).seconds, abs=1)


def test_a_result_is_kept_though_a_run_beside_it_failed_in_the_same_moment(
    stand_in, monkeypatch, tmp_path
):
    monkeypatch.setattr(launch, "cores", lambda: 2)
    runs = stand_in("""
open({runs!r}, "a").write(f"{os.getpid()} ")
if job["name"] == "fails": sys.exit("no such luck")
leave(signals=np.ones((1, 2)), interval=0.5)
""")

    def both_ended(_: float) -> None:
        assert wait_for(lambda: runs.exists() and len(runs.read_text().split()) == 2)
        assert wait_for(lambda: not any(alive(int(one)) for one in runs.read_text().split()))

    monkeypatch.setattr(launch, "time", SimpleNamespace(monotonic=monotonic, sleep=both_ended))
    with pytest.raises(PhysicsError, match="no such luck"):
        run_all([Numbers("fails", steps=2000), Numbers("works")])
    assert len(stored(tmp_path)) == 1


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
