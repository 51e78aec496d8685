"""MEEP itself, against published modes, against our solver, and as a process that must end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed
from dfbdesign.errors import NotConverged
from dfbdesign.fdtd import band_edges, find_meep, launch, run, unit_cell_job
from dfbdesign.fdtd.ringdown import ringdown
from dfbdesign.solvers import unit_cell
from dfbdesign.units import deg, nm

pytestmark = [pytest.mark.meep, pytest.mark.usefixtures("fresh_meep")]


def device(
    duty: float,
    period: float = 870 * nm,
    substrate: float = 1.744,
    line: float = 2.2762,
    sidewall: float = 90 * deg,
    order: int = 2,
) -> Device:
    lines = Lines(material=line, duty=duty, sidewall=sidewall)
    return Device(
        substrate=substrate,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, lines=lines),
            Layer(thickness=160 * nm, material=2.53),
        ],
        grating=Grating(period=period, order=order),
        target=Target(wavelength=1670 * nm),
    )


# A Fourier-modal code with Muller's root search and Inkstone 0.3.15 (extrapolated over its orders)
# agree on these to 3 pm: sapphire 1.746, lines 2.30, film 2.53, air, 865 nm.
PUBLISHED = {
    0.3: (1666.253 * nm, 9042.0, 1674.173 * nm),
    0.5: (1664.957 * nm, 5855.5, 1665.06 * nm),
}


@pytest.mark.parametrize("duty", sorted(PUBLISHED))
def test_band_edges_agree_with_published_ones(duty):
    bright, dark = band_edges(device(duty, period=865 * nm, substrate=1.746, line=2.30), 1670 * nm)
    bright_wavelength, quality_factor, dark_wavelength = PUBLISHED[duty]
    assert bright.wavelength.value == pytest.approx(bright_wavelength, rel=2e-5)
    assert dark.wavelength.value == pytest.approx(dark_wavelength, rel=2e-5)
    assert bright.quality_factor.value == pytest.approx(quality_factor, rel=5e-3)
    assert dark.quality_factor is None
    split = dark.wavelength.value - bright.wavelength.value
    assert split == pytest.approx(dark_wavelength - bright_wavelength, abs=0.01 * nm)


@pytest.mark.parametrize("duty", [0.35, 0.65])
def test_our_solver_lies_within_the_stated_uncertainty(duty):
    cell = device(duty)
    for mode, edge in zip(
        unit_cell.modes(cell, accuracy=1e-7).band_edges, band_edges(cell, 1670 * nm), strict=True
    ):
        assert edge.wavelength.uncertainty < 2e-5 * edge.wavelength.value
        assert edge.wavelength.value == pytest.approx(
            mode.wavelength, abs=edge.wavelength.uncertainty
        )
        if mode.label == "bright":
            assert edge.quality_factor.uncertainty < 5e-3 * edge.quality_factor.value
            assert edge.quality_factor.value == pytest.approx(
                mode.quality_factor, abs=edge.quality_factor.uncertainty
            )


def test_the_error_of_one_run_falls_as_the_square_of_the_pixel():
    cell, resolutions = device(0.35), np.array([12, 16, 24, 32])
    bright, dark = unit_cell.modes(cell, accuracy=1e-7).band_edges
    exact = np.array([bright.wavelength, bright.quality_factor, dark.wavelength])
    values = []
    for resolution in resolutions:
        recording = run(unit_cell_job(cell, 1670 * nm, int(resolution)))
        even, odd = (
            ringdown(signal, recording.interval, 1 / 1.67).nearest(1 / 1.67)
            for signal in recording.signals
        )
        values.append([1 / even.real, -even.real / (2 * even.imag), 1 / odd.real])
    errors = np.abs(np.array(values) - exact)
    orders = -np.polyfit(np.log(resolutions), np.log(errors), 1)[0]
    np.testing.assert_allclose(orders[[0, 2]], 2.0, atol=0.1)
    assert orders[1] == pytest.approx(2.0, abs=0.3)


def test_oblique_walls_agree_with_a_staircase_of_our_solver():
    cell, steps = device(0.35, sidewall=45 * deg), 16
    upper = changed(
        cell, {"layers.0.thickness": 50 * nm / steps, "layers.0.lines.sidewall": 90 * deg}
    )
    heights = (np.arange(steps) + 0.5) / steps
    stairs = [
        changed(upper, {"layers.0.lines.duty": 0.35 + (1 - 2 * h) * 50 * nm / (870 * nm)}).layers[0]
        for h in heights
    ]
    staircase = changed(cell, {"layers": (*stairs, cell.layers[1])})
    vertical, _ = unit_cell.modes(device(0.35)).band_edges
    bright, dark = unit_cell.modes(staircase).band_edges
    even, odd = band_edges(cell, 1670 * nm)
    assert even.wavelength.value == pytest.approx(bright.wavelength, rel=2e-5)
    assert odd.wavelength.value == pytest.approx(dark.wavelength, rel=2e-5)
    assert even.quality_factor.value == pytest.approx(bright.quality_factor, rel=2e-3)
    assert abs(vertical.quality_factor / bright.quality_factor - 1) > 5e-3  # the walls matter


def test_obliquely_radiated_waves_are_absorbed():
    cell = device(0.35, period=1740 * nm, order=4)  # order 1 leaves at 74 degrees into air
    _, dark = unit_cell.modes(cell, accuracy=1e-7).band_edges
    losses = []
    for resolution in (8, 12, 16):
        recording = run(unit_cell_job(cell, 1674 * nm, resolution))
        odd = ringdown(recording.signals[1], recording.interval, 1 / 1.674).nearest(1 / 1.674)
        losses.append(-2 * odd.imag / odd.real)
    limit = losses[2] + (losses[2] - losses[1]) * 12**2 / (16**2 - 12**2)
    assert 1 / limit == pytest.approx(dark.quality_factor, rel=5e-3)


def test_two_ranks_record_what_one_records(monkeypatch):
    one = run(unit_cell_job(device(0.35), 1670 * nm, 16))
    monkeypatch.setattr(launch, "PIXELS_PER_RANK", 3000)
    monkeypatch.setattr(launch, "_stored", lambda job, meep: None)
    job = unit_cell_job(device(0.35), 1670 * nm, 16)
    command = launch._command(Path(), job, find_meep())
    if command[1:3] != ["-n", "2"]:
        pytest.skip("no MPI, or one core")
    two = run(job)
    assert two.interval == one.interval
    scale = np.abs(one.signals).max()
    np.testing.assert_allclose(two.signals, one.signals, atol=1e-9 * scale)


def test_diverging_fields_are_an_error_and_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DFBDESIGN_CACHE", str(tmp_path))
    light = changed(device(0.35), {"superstrate.material": 0.3})
    with pytest.raises(NotConverged, match="diverged"):
        run(unit_cell_job(light, 1670 * nm, 16))
    assert not list(tmp_path.rglob("*.npz"))


def test_a_target_far_from_any_mode_is_an_error():
    with pytest.raises(NotConverged):
        band_edges(device(0.35), 1800 * nm)


def test_progress_runs_from_nothing_to_everything_with_the_time_left(tmp_path, monkeypatch):
    monkeypatch.setenv("DFBDESIGN_CACHE", str(tmp_path))
    monkeypatch.setattr("dfbdesign.fdtd.edges.RESOLUTIONS", (8, 12, 16))
    seen = []
    band_edges(device(0.35), 1670 * nm, lambda done, left: seen.append((done, left)))
    done = [fraction for fraction, _ in seen]
    assert done == sorted(done)
    assert len(done) >= 4
    assert done[-1] == pytest.approx(1.0)
    assert seen[-1][1] == pytest.approx(0.0, abs=1e-6)
    assert all(left >= 0 for _, left in seen)


# Nothing may be left running

START = """
from dfbdesign.fdtd import launch
from dfbdesign.fdtd.job import Strip, UnitCellJob
import json, sys
launch.PIXELS_PER_RANK = {pixels_per_rank}
numbers = json.loads(sys.argv[1])
numbers["layers"] = tuple(Strip(**layer) for layer in numbers["layers"])
launch.run(UnitCellJob(**numbers))
"""


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


def wait_for(condition) -> bool:
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("pixels_per_rank", [3000, 10**9], ids=["ranks", "alone"])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_no_process_outlives_the_one_that_started_it(end, pixels_per_rank, tmp_path):
    job = unit_cell_job(device(0.35), 1670 * nm, 48)
    mark = str(tmp_path)  # stands in the name of the run's folder
    starter = subprocess.Popen(
        [sys.executable, "-c", START.format(pixels_per_rank=pixels_per_rank), job.text()],
        env=os.environ | {"TMPDIR": mark, "DFBDESIGN_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_for(lambda: list(tmp_path.glob("dfbdesign-*/progress")))
        assert processes(mark)
    finally:
        starter.send_signal(end)
        starter.wait()
    assert wait_for(lambda: not processes(mark))
    assert not list((tmp_path / "cache").rglob("*.npz"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_rank_ends_the_run_with_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "PIXELS_PER_RANK", 3000)
    monkeypatch.setenv("DFBDESIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    job = unit_cell_job(device(0.35), 1670 * nm, 48)

    def kill_one(fraction: float) -> None:
        for rank in processes(str(tmp_path))[-1:]:
            os.kill(rank, signal.SIGKILL)

    with pytest.raises(launch.PhysicsError, match="exit code"):
        run(job, progress=kill_one)
    assert wait_for(lambda: not processes(str(tmp_path)))
