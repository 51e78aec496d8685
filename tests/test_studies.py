"""Studies: what a function gives at every point, whoever runs it and however it is interrupted."""

import importlib.util
import itertools
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import study_functions
from numpy.testing import assert_allclose, assert_array_equal
from study_functions import inverse, sums, trivial

from dfbdesign import slab
from dfbdesign.designs.coupled import Gains
from dfbdesign.designs.overlooked import overlooked
from dfbdesign.designs.spread import steady
from dfbdesign.designs.swept import waves_of_edges
from dfbdesign.device import PhaseShift, Spot, changed, load_device
from dfbdesign.errors import InputError, MeepMissing, PhysicsError
from dfbdesign.lasers.laser import laser
from dfbdesign.solvers.coupled_mode import reflection
from dfbdesign.solvers.unit_cell import band_edges, modes
from dfbdesign.studies import Run, normal, open_study, random, runners, sobol, study, zipped
from dfbdesign.studies.described import arguments, attributes, described
from dfbdesign.studies.keys import PHYSICS_VERSION
from dfbdesign.units import cm, nm, um

REFERENCE = Path(__file__).parents[1] / "examples" / "reference.toml"
HERE = Run(scheduler="here")


@pytest.fixture(scope="module")
def device():
    return steady(load_device(REFERENCE))


# What comes out


def test_complex_amplitudes_are_those_of_the_closed_form_on_the_whole_grid():
    kappa, length = np.array([10, 50, 90]) / cm, np.array([100.0, 500.0])
    found = study(
        reflection, {"kappa": kappa, "length": length}, fixed={"detuning": 0.003},
        vectorised=True,
    )  # fmt: skip
    said = found.reflection_real + 1j * found.reflection_imag
    assert said.dims == ("kappa", "length")
    assert_array_equal(said, reflection(kappa[:, None], length, detuning=0.003))
    one_by_one = study(reflection, {"kappa": kappa, "length": length}, fixed={"detuning": 3e-3})
    assert_allclose(one_by_one.reflection_real, said.real, rtol=1e-14)


def test_band_edges_are_those_of_modes_one_by_one_whatever_varies(device):
    device = changed(device, {"layers.1.thickness": 260 * nm})
    axes = {
        "polarization": zipped(["TE", "TE", "TM"]),
        "wavelength": zipped(["1830 nm", "1820 nm", "1690 nm"]),
        "duty": [0.3, 0.6],
    }
    found = study("modes", axes, device, run=HERE)
    assert (found.error == "").all()
    for row, duty in np.ndindex(3, 2):
        one = found.isel(zip=row, duty=duty)
        changes = {
            "polarization": str(one.polarization.values),
            "layers.0.lines.duty": float(one.duty),
            "target.wavelength": float(one.wavelength),
        }
        alone = modes(changed(device, changes))
        assert_allclose(one.wavelength_found, [e.wavelength for e in alone.band_edges], rtol=2e-6)
        assert float(one.kappa_real) == pytest.approx(alone.kappa.real, rel=1e-3)
        assert float(one.kappa_imag) == pytest.approx(alone.kappa.imag, rel=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pump.spot": Spot(shape="stripe", length=200 * um)},
        {"grating.phase_shifts": (PhaseShift(position=0.5, shift=217.5 * nm),)},
        {"grating.facets.left": "cleaved"},
    ],
    ids=["uniform", "stripe", "phase shift", "cleaved"],
)
def test_thresholds_are_those_of_the_laser_solved_alone(device, changes):
    device = changed(device, {"pump.spot": Spot()} | changes)
    axes = {
        "duty": zipped([0.25, 0.35, 0.49, 0.5, 0.55, 0.7]),  # no coupling to speak of near 0.5
        "period": zipped(["865 nm", "870 nm", "873.3 nm", "862 nm", "869 nm", "871 nm"]),
        "length": ["300 um", "500 um"],
    }
    found = study("laser", axes, device, run=HERE)
    for row, length in [(0, 0), (1, 1), (2, 1), (3, 0), (4, 1), (5, 1)]:
        one = found.isel(zip=row, length=length)
        values = {"grating.length": float(one.length), "grating.period": float(one.period)}
        alone = laser(changed(device, values | {"layers.0.lines.duty": float(one.duty)})).modes[0]
        assert float(one.lasing_wavelength) == pytest.approx(alone.wavelength, rel=2e-6)
        for name in ("threshold_material_gain", "threshold_modal_gain", "threshold_fluence",
                     "excitons_per_dot"):  # fmt: skip
            assert float(one[name]) == pytest.approx(getattr(alone, name), rel=1e-3), name


def test_a_mode_below_the_lowest_one_found_is_noticed(device):
    duties = np.array([0.25, 0.4, 0.49, 0.51, 0.7])
    waves = waves_of_edges(band_edges(device, {"layers.0.lines.duty": duties}))
    solved = [laser(changed(device, {"layers.0.lines.duty": float(duty)})) for duty in duties]
    core = solved[0].modes[0].pumped.core
    for skipped, expected in ((0, False), (1, True), (2, True)):
        kept = [one.modes[skipped] for one in solved]
        k = 2 * np.pi / np.array([mode.wavelength for mode in kept])
        detuning = (waves.n_group * (k - waves.centre.real))[:, None]
        gain = np.array([mode.threshold_material_gain for mode in kept])[:, None]
        found = overlooked(core, Gains.of([core]), waves, detuning, gain)
        assert_array_equal(found, expected)


def test_any_result_is_taken_apart_and_named_by_its_docstrings(device):
    found = study("slab", {"thickness": ["100 nm", "160 nm"]}, device, run=HERE)
    for number, thickness in enumerate((0.1, 0.16)):
        alone = slab(changed(device, {"layers.1.thickness": thickness})).modes
        n_eff = found.mode_n_eff_real.isel(thickness=number).values
        assert_array_equal(n_eff[: len(alone)], [mode.n_eff.real for mode in alone])
        assert np.isnan(n_eff[len(alone) :]).all()
        words = found.mode_polarization.isel(thickness=number).values
        assert list(words[: len(alone)]) == [mode.polarization for mode in alone]
    assert found.wavelength.attrs["units"] == "µm"
    assert found.thickness.attrs == {"long_name": "thickness of layer 2", "units": "µm"}


def test_inputs_units_versions_and_references_are_in_the_data_set(device):
    found = study("modes", {"duty": [0.3]}, device, fixed={"accuracy": 1e-5}, run=HERE)
    assert found.kappa_real.attrs["units"] == "1/µm"
    assert "coupling" in found.kappa_real.attrs["long_name"].lower()
    assert found.duty.attrs["units"] == "1"
    assert json.loads(found.attrs["fixed"]) == {"accuracy": 1e-5}
    assert 'material = "sapphire-c"' in found.attrs["device"]
    assert "Malitson" in found.attrs["references"]
    assert "Taghipour" in found.attrs["references"]
    assert found.attrs["dfbdesign_version"]
    assert found.attrs["physics_version"] == PHYSICS_VERSION


def test_band_edges_that_are_followed_are_those_that_are_counted(device):
    axes = {"duty": [0.3, 0.5], "thickness": ["140 nm", "170 nm"]}
    counted = study("laser", axes, device, run=HERE)
    followed = study("laser", axes, device, fixed={"counted": False}, run=HERE)
    assert_allclose(followed.wavelength, counted.wavelength, rtol=2e-6)
    assert_allclose(followed.threshold_fluence, counted.threshold_fluence, rtol=1e-4)
    with pytest.raises(InputError, match='"counted" cannot be set together with "wavevector"'):
        study("modes", {"wavevector": [0.0]}, device, fixed={"counted": False})
    away = study("modes", {"duty": [0.3]}, device, fixed={"wavevector": 0.01}, run=HERE)
    alone = modes(changed(device, {"layers.0.lines.duty": 0.3}), 0.01).modes
    assert_array_equal(away.mode_wavelength[0], [mode.wavelength for mode in alone])


def test_docstrings_give_texts_and_units():
    assert described("Pump fluence, shape (point,) [pJ/µm²].") == (
        "Pump fluence, shape (point,)",
        "pJ/µm²",
    )
    assert arguments(reflection)["length"].unit == "µm"
    assert attributes(Spot)["length"].unit == "µm"
    assert arguments(lambda x: x) == {}


# Axes


def test_sobol_axes_are_one_net_with_one_point_in_every_box():
    found = study(trivial, {"a": sobol(0, 1, 64), "b": sobol(0, 1, 64)}, vectorised=True, seed=5)
    assert dict(found.sizes) == {"sample": 64}
    for across in (1, 2, 4, 8, 16, 32, 64):  # a (0, 6, 2)-net in base 2, Sobol 1967
        boxes = np.floor(found.a * across) * 64 + np.floor(found.b * 64 / across)
        assert len(np.unique(boxes)) == 64


def test_drawn_axes_have_their_distribution_and_follow_the_seed():
    axes = {"a": normal(2.0, 0.5, 4000), "b": random(-1.0, 3.0, 4000)}
    found = study(trivial, axes, vectorised=True)
    assert float(found.a.mean()) == pytest.approx(2, abs=5 * 0.5 / 4000**0.5)
    assert float(found.a.std()) == pytest.approx(0.5, abs=5 * 0.5 / 8000**0.5)
    assert -1 <= float(found.b.min()) < -0.99
    assert 2.99 < float(found.b.max()) <= 3
    assert abs(np.corrcoef(found.a, found.b)[0, 1]) < 5 / 4000**0.5
    assert found.identical(study(trivial, axes, vectorised=True))
    assert not found.a.identical(study(trivial, axes, vectorised=True, seed=1).a)


def test_zipped_axes_run_together_and_grids_across_them(device):
    axes = {
        "period": zipped(["860 nm", 0.87]),
        "duty": [0.3, 0.4, 0.5],
        "height": zipped([0.05, 0.06]),
    }
    found = study("modes", axes, device, run=HERE)
    assert dict(found.sizes) == {"zip": 2, "duty": 3, "edge": 2}
    assert_array_equal(found.period, [0.86, 0.87])
    assert_array_equal(found.height, [0.05, 0.06])


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"dutty": [0.3]}, 'no "dutty" to run over. Did you mean "duty"'),
        ({"layers.0.thicknes": [0.3]}, 'Did you mean "layers.0.thickness"'),
        ({"period": ["860 ps"]}, r'period must be a length such as "860 nm", got "860 ps"'),
        ({"period": ["860"]}, "no unit"),
        ({"period": [0.86, float("nan")]}, "finite"),
        ({"period": []}, "one value or more"),
        ({"period": "860 nm"}, "list of values"),
        ({"period": [0.86], "grating.period": [0.87]}, "are the same value"),
        ({"period": zipped([0.86]), "duty": zipped([0.3, 0.4])}, "as many values: got 1 and 2"),
        ({"duty": sobol(0.5, 0.2, 8)}, "low and a high"),
        ({"duty": random(0.2, 0.5, 0)}, "positive"),
        ({}, "needs an axis"),
    ],
)
def test_axes_that_make_no_sense_are_refused_in_one_line(device, axes, message):
    with pytest.raises(InputError, match=message) as refused:
        study("modes", axes, device)
    assert "\n" not in str(refused.value)


def test_functions_and_arguments_that_do_not_exist_are_refused(device):
    with pytest.raises(InputError, match='Did you mean "modes"'):
        study("mode", {"duty": [0.3]}, device)
    with pytest.raises(InputError, match="cannot find"):
        study("nowhere:f", {"a": [0.3]})
    with pytest.raises(InputError, match='Did you mean "accuracy"'):
        study("modes", {"duty": [0.3]}, device, fixed={"acuracy": 1e-6})
    with pytest.raises(InputError, match="needs a device"):
        study("modes", {"duty": [0.3]})
    with pytest.raises(InputError, match="takes no device"):
        study(trivial, {"a": [1.0]}, device, fixed={"b": 1.0})
    with pytest.raises(InputError, match=r"study.nc"):
        study(trivial, {"a": [1.0]}, fixed={"b": 1.0}, path="study.csv")


# Points that fail


def test_points_that_fail_keep_their_error_and_their_neighbours_their_results():
    a = np.array([0.25, 0.0, 2.0, 0.5])
    alone = study(inverse, {"a": a}, run=HERE)
    assert_array_equal(alone.inverse, [4, np.nan, 0.5, 2])
    assert list(alone.error.values) == ["", "ZeroDivisionError: float division by zero", "", ""]
    axes = {"a": np.linspace(0, 1, 20), "b": np.linspace(1, 2, 40)}
    together = study(sums, axes, vectorised=True, run=Run(scheduler="here", chunk=50))
    lost = (together.a > 0.5) & (together.b > 1.97)
    assert_array_equal(together.error != "", lost)
    assert_array_equal(np.isnan(together.total), lost)
    assert_array_equal(together.larger == "", lost)
    assert str(together.error[-1, -1].values) == "ValueError: nothing at a = 1.000"


def test_devices_that_guide_nothing_or_leave_their_data_fail_alone(device):
    found = study("modes", {"thickness": ["160 nm", "-1 nm", "165 nm"]}, device, run=HERE)
    assert [bool(error) for error in found.error.values] == [False, True, False]
    assert "thickness must be positive" in str(found.error[1].values)
    found = study("laser", {"film.doping": [0.0, 1.0], "duty": [0.3, 0.35]}, device, run=HERE)
    assert (found.error == "").all() or "gain" in str(found.error.values)


def test_a_missing_meep_ends_the_study_instead_of_filling_it_with_errors(monkeypatch):
    def missing(a):
        raise MeepMissing("no Python that can import MEEP was found.")

    with pytest.raises(MeepMissing):
        study(missing, {"a": [1.0, 2.0]}, run=HERE)


# Who runs it


def test_processes_and_a_dask_cluster_write_the_same_file_as_one_process(device, tmp_path):
    pytest.importorskip("distributed")
    axes = {"duty": np.linspace(0.3, 0.6, 4), "thickness": ["140 nm", "-1 nm", "170 nm"]}
    files = []
    for where in ("here", "processes", "cluster"):
        files.append(tmp_path / f"{where}.nc")
        study("laser", axes, device, path=files[-1],
              run=Run(scheduler=where, chunk=5, workers=2))  # fmt: skip
    first, *others = (file.read_bytes() for file in files)
    assert all(other == first for other in others)


def test_a_client_that_is_passed_runs_any_function():
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as client:
        found = study(lambda a: {"b": 2 * a}, {"a": [1.0, 2.0]}, run=Run(scheduler=client))
    assert_array_equal(found.b, [2, 4])


@pytest.fixture
def long_points(monkeypatch):
    """Function that makes every block seem to take so many seconds; the command is `dfb`."""

    def install(seconds):
        calls = itertools.count()
        monkeypatch.setattr(runners, "perf_counter", lambda: seconds * next(calls))
        monkeypatch.setattr(sys, "argv", ["/somewhere/dfb", "study"])

    return install


def places(**run):
    found = study(study_functions.place, {"a": [1, 2, 3, 4]}, run=Run(chunk=1, **run))
    assert found.place[0] == "here"  # the first one tells how long it takes
    return set(found.place[1:].values.tolist())


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.1, "here"), (10.0, "process"), (1000.0, "cluster")]
)
def test_processes_and_a_local_cluster_are_used_when_they_pay(long_points, seconds, place):
    if place == "cluster":
        pytest.importorskip("distributed")
    long_points(seconds)
    assert places(workers=2) == {place}


def test_no_cluster_is_started_without_dask_or_by_a_script_that_it_would_run_again(
    long_points, monkeypatch
):
    long_points(1000.0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert places(workers=2) == {"process"}
    monkeypatch.undo()
    long_points(1000.0)
    script = types.SimpleNamespace(__file__="/somewhere/mine.py", __spec__=None)
    monkeypatch.setitem(sys.modules, "__main__", script)
    monkeypatch.setattr(sys, "argv", ["/somewhere/mine.py"])
    assert places(workers=2) == {"process"}


def test_one_worker_is_this_process(long_points):
    long_points(1000.0)
    assert places(workers=1) == {"here"}


def test_a_scheduler_that_is_none_is_refused():
    with pytest.raises(InputError, match='scheduler must be "here"'):
        study(trivial, {"a": [1.0]}, fixed={"b": 1.0}, run=Run(scheduler="nonsense"))


def test_each_meep_run_of_a_study_may_use_the_ranks_it_is_given():
    found = study(
        study_functions.asked_for_ranks, {"a": [1, 2]},
        run=Run(scheduler="processes", workers=2, ranks=3),
    )  # fmt: skip
    assert_array_equal(found.asked_for_ranks, 3)
    assert "DFBDESIGN_MEEP_RANKS" not in os.environ


def test_a_process_that_is_killed_ends_the_study_with_one_clear_error():
    def dies(a):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(PhysicsError, match="ended from outside"):
        study(dies, {"a": [1.0, 2.0]}, run=Run(scheduler="processes", workers=2))


# Kept


def test_a_finished_study_is_read_and_only_its_inputs_matter(tmp_path):
    path, calls = tmp_path / "a.nc", []

    def made(source):
        space = {"calls": calls}
        exec(source, space)
        return space["f"]

    axes = {"a": [1.0, 2.0]}
    first = made("def f(a):\n    calls.append(a)\n    return 3 * a")
    found = study(first, axes, path=path, run=HERE)
    edited = made("# a comment\ndef f(a):\n    calls.append(a)  # another\n    return a * 3")
    assert study(edited, axes, path=path, run=HERE).identical(found)
    assert len(calls) == 2
    for inputs in ({"axes": {"a": [1.0, 2.5]}}, {"version": "2"}):
        with pytest.raises(InputError, match="holds another study"):
            study(edited, inputs.get("axes", axes), path=path, version=inputs.get("version", ""))
    again = study(edited, {"a": [1.0, 2.5]}, path=path, replace=True, run=HERE)
    assert_array_equal(again.f, [3, 7.5])


def test_the_physics_version_is_raised_when_numbers_move(device):
    """These are our own numbers: a guard that the version is raised, not a test of the physics."""
    found = study("laser", {"duty": [0.35]}, device, run=HERE).isel(duty=0)
    kept = {
        1: (1.675543, 188.127, 6.864),
    }[PHYSICS_VERSION]
    now = (found.lasing_wavelength, found.kappa_real * cm, found.threshold_material_gain * cm)
    assert_allclose([float(one) for one in now], kept, rtol=1e-3)


def test_netcdf_and_zarr_hold_the_same_data_set(tmp_path, device):
    pytest.importorskip("zarr")
    axes = {"duty": sobol(0.3, 0.6, 4), "thickness": ["150 nm", "-1 nm"]}
    one = study("modes", axes, device, path=tmp_path / "a.nc", run=HERE)
    other = study("modes", axes, device, path=tmp_path / "a.zarr", run=HERE)
    assert one.identical(other)
    assert open_study(tmp_path / "a.zarr").identical(open_study(tmp_path / "a.nc"))
    (tmp_path / "a.nc").write_bytes(b"no more")
    with pytest.raises(InputError, match="cannot read the study"):
        open_study(tmp_path / "a.nc")


def test_modules_of_a_notebook_without_its_kernel_are_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))  # Dask imports it, too
    found = study(trivial, {"a": [1.0], "b": [1.0, 2.0]}, run=Run(scheduler="here"))
    assert found.sizes == {"a": 1, "b": 2}


MILLION = """
import sys
import numpy as np
from study_functions import trivial
from dfbdesign.studies import study
axes = {"a": np.linspace(0, 1, 1000), "b": np.linspace(1, 2, 1000)}
found = study(trivial, axes, path=sys.argv[1], vectorised=True)
assert found.total.shape == (1000, 1000)
assert (found.total == found.a + found.b).all() and (found.error == "").all()
memory = dict(line.split(":") for line in open("/proc/self/status"))
print(memory["VmHWM"].split()[0])  # ru_maxrss would hold that of the process this was forked from
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_million_points_take_less_than_a_gigabyte(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", MILLION, str(tmp_path / "a.nc")],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(run.stdout) * 1024 < 1e9
