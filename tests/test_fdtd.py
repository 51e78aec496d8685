"""What the time-domain witness does without MEEP: jobs, averages, frequencies, processes, cache."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbdesign.device import Device, Grating, Layer, Lines, changed
from dfbdesign.errors import InputError, MeepMissing, NoGuidedMode, NotConverged, PhysicsError
from dfbdesign.fdtd import UnitCellJob, find_meep, launch, run, unit_cell_job
from dfbdesign.fdtd.edges import extrapolated
from dfbdesign.fdtd.ringdown import ringdown
from dfbdesign.fdtd.worker import averaged_permittivity, line_share, probe_height, tent_integral
from dfbdesign.units import deg, nm

SAPPHIRE, FILM, TIO2 = 1.744, 2.53, 2.2762


def device(duty: float = 0.35, sidewall: float = 90 * deg, order: int = 2) -> Device:
    return Device(
        substrate=SAPPHIRE,
        superstrate=1.0,
        layers=[
            Layer(
                thickness=50 * nm,
                material=FILM,
                lines=Lines(material=TIO2, duty=duty, sidewall=sidewall),
            ),
            Layer(thickness=160 * nm, material=FILM),
        ],
        grating=Grating(period=435 * nm * order, order=order),
    )


def job(resolution: int = 16, **options: float) -> UnitCellJob:
    return unit_cell_job(device(**options), 1670 * nm, resolution)


# The job


def test_a_period_holds_a_whole_number_of_pixels_whatever_it_is():
    odd = changed(device(), {"grating.period": 867.31 * nm})
    assert unit_cell_job(odd, 1670 * nm, 24).pixels == 48


def test_the_same_job_has_the_same_text_and_another_job_another():
    assert job().text() == job().text()
    assert len({job().text(), job(duty=0.36).text(), job(resolution=20).text()}) == 3


def test_oblique_walls_keep_the_duty_at_half_height():
    bottom, top = job(sidewall=45 * deg).layers[0].line_width
    assert bottom == pytest.approx(304.5 * nm + 50 * nm)
    assert top == pytest.approx(304.5 * nm - 50 * nm)


def test_an_absorber_holds_one_period_of_the_most_oblique_radiated_wave():
    pixel = 870 * nm / 32
    wave = 1670 * nm / np.array([SAPPHIRE, 1.0])
    np.testing.assert_allclose(np.array(job().absorber) * pixel, wave, atol=pixel)
    # Order 4 also radiates at sin θ = wavelength / (period n).
    cosine = np.sqrt(1 - (wave / 1.74) ** 2)
    oblique = unit_cell_job(device(order=4), 1670 * nm, 16)
    np.testing.assert_allclose(np.array(oblique.absorber) * pixel, wave / cosine, atol=pixel)
    np.testing.assert_allclose(np.log10(oblique.absorber_reflection), -15 / cosine)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"polarization": "TM"}, InputError, "TE devices only"),
        ({"layers.1.material": 2.53 + 1e-4j}, InputError, "layer 2 has a complex index"),
        ({"layers.0.lines.material": 2.3 - 1e-4j}, InputError, "the lines of layer 1 has a compl"),
        ({"layers.0.lines": None}, InputError, "needs a layer with lines"),
        ({"layers.0.lines.sidewall": 20 * deg, "layers.0.thickness": 0.3}, InputError, "both must"),
        ({"layers.1.thickness": 900.0}, InputError, "too thick"),
        ({"grating": None, "layers.0.lines": None}, InputError, r"\[grating\]"),
        ({"grating.period": 960 * nm}, NoGuidedMode, "guides no wave"),
    ],
)
def test_a_device_the_check_cannot_handle_is_refused_in_one_line(changes, error, message):
    items = sorted(changes.items(), reverse=True)  # the lines go before the grating
    with pytest.raises(error, match=message) as caught:
        unit_cell_job(changed(device(), dict(items)), 1670 * nm, 16)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("resolution", [0, 2, 18])
def test_a_resolution_without_a_node_for_the_source_is_refused(resolution):
    with pytest.raises(InputError, match="multiple of 4"):
        job(resolution)


# The permittivity of a node


def brute_force_share(x, z, face, top, half, period):
    """The same mean by sampling the sharp structure 400 times per pixel."""
    u = (np.arange(800) + 0.5) / 400 - 1
    tent = (1 - np.abs(u)) / 400
    heights, places = z + u[:, None], x + u[None, :]
    width = half[0] + (half[1] - half[0]) * (heights - face) / (top - face)
    from_centre = np.abs((places + period / 2) % period - period / 2)
    inside = (heights > face) & (heights < top) & (from_centre < width)
    return tent @ inside @ tent


@given(
    st.floats(-8, 8),
    st.floats(-2, 5),
    st.floats(0.05, 3.5),
    st.floats(0, 8),
    st.floats(0, 8),
)
def test_the_share_of_lines_is_the_tent_weighted_mean(x, z, height, bottom, top):
    exact = line_share(x, z, 0.0, height, (bottom, top), 16.0)
    sampled = brute_force_share(x, z, 0.0, height, (bottom, top), 16.0)
    assert exact == pytest.approx(sampled, abs=4e-3)


@given(st.floats(0.02, 0.98), st.floats(30, 150), st.floats(0.3, 4.2))
def test_averaging_conserves_the_cross_section_of_the_lines(duty, sidewall, height):
    middle, slant = duty * 8, height / np.tan(sidewall * deg) / 2
    half = [np.clip(middle + slant, 0, 8), np.clip(middle - slant, 0, 8)]
    nodes = [
        line_share(x, z, 0.3, 0.3 + height, half, 16.0) for x in range(16) for z in range(-2, 8)
    ]
    assert sum(nodes) == pytest.approx((half[0] + half[1]) * height, rel=1e-12)


def test_permittivities_are_mirrored_exactly_and_uniform_far_from_walls():
    numbers = json.loads(job(sidewall=70 * deg).text())
    permittivity = averaged_permittivity(numbers)
    for z in range(-3, 12):
        for x in range(1, 16):
            assert permittivity(x, z) == pytest.approx(permittivity(-x, z), rel=1e-14)
            assert permittivity(x, z) == pytest.approx(permittivity(x - 32, z), rel=1e-14)
    assert permittivity(0, -2) == SAPPHIRE**2
    beyond = (2 - 50 / 27.1875) ** 2 / 2  # part of the node's tent above the lines
    assert permittivity(0, 1) == pytest.approx(TIO2**2 * (1 - beyond) + FILM**2 * beyond)
    assert permittivity(0, 4) == pytest.approx(FILM**2)
    assert permittivity(0, 9) == pytest.approx(1.0)


def test_an_interface_on_a_node_counts_half_of_either_side():
    numbers = json.loads(job().text())
    assert averaged_permittivity(numbers)(16, 0) == pytest.approx((SAPPHIRE**2 + FILM**2) / 2)


def test_the_tent_has_unit_area_and_even_symmetry():
    u = np.linspace(-2, 2, 41)
    values = np.array([tent_integral(float(v)) for v in u])
    np.testing.assert_allclose(values + values[::-1], 1.0)
    assert (values[0], values[-1]) == (0.0, 1.0)


def test_the_field_is_watched_inside_the_layer_of_highest_index():
    numbers = json.loads(job().text())  # 50 nm and 160 nm of film, pixels of 27.2 nm
    assert probe_height(numbers) == round((50 + 80) / 27.1875)
    covered = changed(device(), {"layers": (*device().layers, Layer(thickness=0.9, material=1.45))})
    assert probe_height(json.loads(unit_cell_job(covered, 1670 * nm, 16).text())) == 5


# Frequencies of a recorded field


TIME = np.arange(0, 280, 0.124)


def oscillation(frequency: float, quality_factor: float, amplitude: float = 1.0) -> np.ndarray:
    decay = np.pi * frequency / quality_factor
    return amplitude * np.exp(-decay * TIME) * np.cos(2 * np.pi * frequency * TIME + 0.4)


@pytest.mark.parametrize("quality_factor", [200.0, 6000.0, 1e6])
@pytest.mark.parametrize("frequency", [0.985, 1.0, 1.0123])
def test_one_damped_oscillation_is_found_with_its_decay(frequency, quality_factor):
    found = ringdown(oscillation(frequency, quality_factor), 0.124, 1.0).nearest(1.0)
    assert found.real == pytest.approx(frequency, rel=1e-9)
    assert -found.real / (2 * found.imag) == pytest.approx(quality_factor, rel=1e-4)


def test_two_oscillations_closer_than_their_fourier_limit_are_told_apart():
    signals = oscillation(1.0, 5000) + oscillation(1.002, 3000, 0.3)
    parts = ringdown(signals, 0.124, 1.0)
    for frequency, quality_factor in ((1.0, 5000), (1.002, 3000)):
        found = parts.nearest(frequency)
        assert found.real == pytest.approx(frequency, rel=1e-7)
        assert -found.real / (2 * found.imag) == pytest.approx(quality_factor, rel=1e-2)


def test_what_lies_outside_the_band_does_not_disturb():
    alone = ringdown(oscillation(1.0, 6000), 0.124, 1.0).nearest(1.0)
    disturbed = oscillation(1.0, 6000) + oscillation(1.12, 900, 0.2) + oscillation(0.05, 50)
    found = ringdown(disturbed, 0.124, 1.0).nearest(1.0)
    assert abs(found - alone) < 1e-9


@pytest.mark.parametrize(
    ("signals", "message"),
    [
        (np.random.default_rng(1).normal(size=TIME.size), "no sum of"),
        (oscillation(1.0, -6000), "grows"),
        (oscillation(1.045, 6000), "nearer to the mode"),
        (np.zeros(TIME.size), "zero or too short"),
        (oscillation(1.0, 6000)[:500], "zero or too short"),
    ],
)
def test_a_field_that_shows_no_mode_is_an_error(signals, message):
    with pytest.raises(NotConverged, match=message):
        ringdown(signals, 0.124, 1.0).nearest(1.0)


# Extrapolation


def test_an_error_of_second_order_is_removed_exactly():
    n = np.array([16, 24, 32])
    assert extrapolated(list(1.67 + 0.3 / n**2), [16, 24, 32]).value == pytest.approx(
        1.67, abs=1e-14
    )


@pytest.mark.parametrize("third", [-4.0, -0.5, 0.5, 4.0])
def test_the_uncertainty_covers_an_error_of_third_order(third):
    n = np.array([16.0, 24.0, 32.0])
    found = extrapolated(list(1.67 + 0.3 / n**2 + third / n**3), [16, 24, 32])
    assert abs(found.value - 1.67) < found.uncertainty < 0.3 / 32**2 + abs(third) / 32**2


# Processes: a stand-in for MEEP's interpreter that answers the probe and then misbehaves

STAND_IN = """#!{python}
import json, os, subprocess, sys, time
import numpy as np
if "-c" in sys.argv:
    json.dump({{"version": "{version}", "mpi": False}}, open(sys.argv[-1], "w"))
    sys.exit()
folder = sys.argv[3]
def leave(**arrays):
    np.savez(os.path.join(folder, "result.npz"), **arrays)
def count():
    open({runs!r}, "a").write("x")
{behaviour}
"""
SUCCEED = "count(); leave(signals=np.ones((2, 5)), interval=0.5)"
HANG = """
child = subprocess.Popen(["sleep", "600"])
open({runs!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
open(os.path.join(folder, "progress"), "w").write("0.25")
time.sleep(600)
"""


@pytest.fixture
def interpreter(tmp_path, monkeypatch):
    """Function that puts a stand-in in the place of MEEP's interpreter."""
    monkeypatch.setenv("DFBDESIGN_CACHE", str(tmp_path / "cache"))

    def install(behaviour: str, version: str = "1.25.0") -> Path:
        runs = str(tmp_path / "runs")
        behaviour = behaviour.replace("{runs!r}", repr(runs)).replace("{{", "{").replace("}}", "}")
        script = tmp_path / f"python-{abs(hash((behaviour, version)))}"
        script.write_text(
            STAND_IN.format(python=sys.executable, version=version, runs=runs, behaviour=behaviour)
        )
        script.chmod(0o755)
        monkeypatch.setenv(launch.INTERPRETER, str(script))
        return tmp_path / "runs"

    return install


def stored(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache").rglob("*.npz"))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_end(pids: list[int]) -> bool:
    for _ in range(100):
        if not any(map(alive, pids)):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("named", [sys.executable, "/nowhere/python"])
def test_a_named_interpreter_without_meep_is_said_to_be_so(named, monkeypatch):
    monkeypatch.setenv(launch.INTERPRETER, named)
    with pytest.raises(MeepMissing, match=f'{launch.INTERPRETER} is "{named}"') as caught:
        find_meep()
    assert "\n" not in str(caught.value)


def test_without_any_interpreter_the_message_says_what_to_install(monkeypatch):
    monkeypatch.delenv(launch.INTERPRETER, raising=False)
    monkeypatch.setattr(launch, "_probed", lambda interpreter: (None, "no meep"))
    with pytest.raises(MeepMissing, match=r"python3-meep-openmpi.*pymeep.*DFBDESIGN_MEEP_PYTHON"):
        find_meep()


def test_a_result_is_kept_for_the_same_job_and_the_same_meep_only(interpreter):
    runs = interpreter(SUCCEED)
    for _ in range(2):
        np.testing.assert_array_equal(run(job()).signals, np.ones((2, 5)))
    assert runs.read_text() == "x"
    run(job(duty=0.36))
    assert runs.read_text() == "xx"
    interpreter(SUCCEED, version="1.34.0")
    run(job())
    assert runs.read_text() == "xxx"


def test_a_damaged_entry_of_the_cache_is_made_again(interpreter, tmp_path):
    runs = interpreter(SUCCEED)
    run(job())
    (entry,) = stored(tmp_path)
    sound = entry.read_bytes()
    for damage in (b"", sound[: len(sound) // 2], b"garbage"):
        entry.write_bytes(damage)
        np.testing.assert_array_equal(run(job()).signals, np.ones((2, 5)))
    assert runs.read_text() == "xxxx"
    assert entry.read_bytes() == sound


def test_a_run_needs_no_cache_folder(interpreter, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DFBDESIGN_CACHE", str(tmp_path / "file"))
    runs = interpreter(SUCCEED)
    run(job()), run(job())
    assert runs.read_text() == "xx"


@pytest.mark.parametrize(
    ("behaviour", "error", "message"),
    [
        ("sys.exit('the grid is on fire')", PhysicsError, "exit code 1: the grid is on fire"),
        ("os.kill(os.getpid(), 9)", PhysicsError, "exit code -9"),
        ("print('\\x00\\xff garbage ' * 9999)", PhysicsError, "no readable result"),
        ("open(folder + '/result.npz', 'w').write('x')", PhysicsError, "no readable result"),
        ("leave(signals=np.ones((2, 5)))", PhysicsError, "no readable result"),
        ("leave(signals=np.ones((3, 5)), interval=1)", PhysicsError, r"shape \(3, 5\)"),
        ("leave(signals=np.ones((2, 5)), interval=0)", PhysicsError, "time step 0"),
        ("leave(signals=np.full((2, 5), np.nan), interval=1)", NotConverged, "diverged"),
    ],
)
def test_a_run_that_fails_is_one_clear_error_and_leaves_nothing(
    behaviour, error, message, interpreter, tmp_path
):
    interpreter(behaviour)
    with pytest.raises(error, match=message):
        run(job())
    assert stored(tmp_path) == []


def test_a_time_out_ends_the_run_and_its_children(interpreter, tmp_path):
    runs = interpreter(HANG)
    with pytest.raises(NotConverged, match="not finished after 2 s"):
        run(job(), timeout=2.0)
    assert all_end([int(pid) for pid in runs.read_text().split()])
    assert stored(tmp_path) == []


def test_an_interrupt_ends_the_run_and_its_children(interpreter, tmp_path):
    runs = interpreter(HANG)
    seen = []

    def interrupt(fraction: float) -> None:
        seen.append(fraction)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(job(), progress=interrupt)
    assert seen == [0.25]
    assert all_end([int(pid) for pid in runs.read_text().split()])
    assert stored(tmp_path) == []


def test_a_run_that_ignores_the_request_to_end_is_ended(interpreter):
    runs = interpreter("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + HANG)
    with pytest.raises(NotConverged, match="not finished"):
        run(job(), timeout=2.0)
    assert all_end([int(pid) for pid in runs.read_text().split()])
