"""`dfb study`: the file, the JSON, and what is wrong with a file in one line."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray

from dfbdesign.device import changed, load_device
from dfbdesign.solvers.unit_cell import modes

DFB = Path(sys.executable).with_name("dfb")
EXAMPLES = Path(__file__).parents[1] / "examples"
STUDY = """
function = "modes"
device = "reference.toml"
[axes]
duty = { linspace = [0.3, 0.6, 3] }
layer.1.thickness = ["155 nm", "160 nm"]
"""


@pytest.fixture
def file(tmp_path):
    def written(text):
        shutil.copy(EXAMPLES / "reference.toml", tmp_path)
        path = tmp_path / "study.toml"
        path.write_text(text)
        return path

    return written


def test_a_study_file_gives_a_data_set_and_says_how_many_points(dfb, file, tmp_path):
    output = tmp_path / "study.nc"
    ran = dfb("study", file(STUDY), "-o", output, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == {"points": 6, "done": 6, "failed": 0, "file": str(output)}
    with xarray.open_dataset(output) as found:
        assert dict(found.sizes) == {"duty": 3, "layer.1.thickness": 2, "edge": 2}
        one = found.isel(duty=1).sel({"layer.1.thickness": 0.155, "edge": "even"})
        device = changed(
            load_device(EXAMPLES / "reference.toml"),
            {"layers.0.lines.duty": 0.45, "layers.1.thickness": 0.155},
        )
        assert float(one.wavelength) == pytest.approx(
            modes(device).band_edges[0].wavelength, rel=2e-6
        )


def test_every_kind_of_axis_can_be_written(dfb, file, tmp_path):
    text = """
function = "study_functions:trivial"
vectorised = true
seed = 3
fixed = { b = 2.0 }
[axes]
a = AXIS
[run]
scheduler = "here"
chunk = 3
"""
    shutil.copy(Path(__file__).with_name("study_functions.py"), tmp_path)
    for axis, expected in {
        "[1, 2.5]": [1, 2.5],
        "{ list = [1, 2.5] }": [1, 2.5],
        "{ linspace = [0, 1, 5] }": [0, 0.25, 0.5, 0.75, 1],
        "{ geomspace = [1, 100, 3] }": [1, 10, 100],
        "{ zip = [3, 4] }": [3, 4],
        "{ random = [2, 3, 4] }": None,
        "{ normal = [2, 0.1, 4] }": None,
        "{ sobol = [2, 3, 4] }": None,
    }.items():
        ran = dfb("study", file(text.replace("AXIS", axis)), "-o", tmp_path / "a.nc", "--replace")
        assert ran.code == 0, ran.err
        with xarray.open_dataset(tmp_path / "a.nc") as found:
            assert (found.product == 2 * found.a).all()
            if expected is not None:
                np.testing.assert_allclose(found.a, expected, rtol=1e-14)
            else:
                assert found.a.size == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"modes"', '"mods"', 'Did you mean "modes"'),
        ("duty =", "dutty =", 'Did you mean "duty"'),
        ("layer.1.thickness", "layer.1.thicknes", 'Did you mean "layers.1.thickness"'),
        ('"155 nm"', "0.155", "layer.1.thickness needs a unit"),
        ('"155 nm"', '"155 ps"', "layer.1.thickness must be a length"),
        ("linspace", "linspce", "Did you mean"),
        ("[0.3, 0.6, 3]", "[0.3, 0.6]", "two values and a number of points"),
        ("[0.3, 0.6, 3]", '["a", "b", 3]', "from a number to a number"),
        ("[axes]", "[run]\nworker = 2\n[axes]", 'no key "worker". Did you mean "workers"'),
        ("[axes]", "[run]\nworkers = 0\n[axes]", "workers"),
        ("function", "functio", 'Did you mean "function"'),
        ('"reference.toml"', '"nowhere.toml"', "cannot read"),
        ("device =", "#", "needs a device"),
    ],
)
def test_what_is_wrong_in_a_study_file_is_one_line(dfb, file, tmp_path, old, new, message):
    assert old in STUDY
    ran = dfb("study", file(STUDY.replace(old, new, 1)), "-o", tmp_path / "study.nc")
    assert ran.code == 2, ran
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert message in ran.err
    assert not list(tmp_path.glob("study.nc*"))


def test_points_that_fail_are_counted_with_their_errors_and_none_left_is_exit_3(
    dfb, file, tmp_path
):
    ran = dfb(
        "study", file(STUDY.replace('"155 nm"', '"-5 nm"')), "-o", tmp_path / "a.nc", "--json"
    )
    found = json.loads(ran.out)
    assert (ran.code, found["points"], found["done"], found["failed"]) == (0, 6, 3, 3)
    assert found["errors"][0]["points"] == 3
    assert "thickness must be positive" in found["errors"][0]["error"]
    text = STUDY.replace('["155 nm", "160 nm"]', '["-5 nm"]')
    ran = dfb("study", file(text), "-o", tmp_path / "b.nc")
    assert ran.code == 3
    assert "every point failed" in ran.err


def test_another_study_in_the_file_is_kept_unless_told(dfb, file, tmp_path):
    output = tmp_path / "a.nc"
    assert dfb("study", file(STUDY), "-o", output).code == 0
    before = output.read_bytes()
    other = STUDY.replace("0.6, 3]", "0.5, 3]")
    ran = dfb("study", file(other), "-o", output)
    assert ran.code == 2
    assert "holds another study" in ran.err
    assert output.read_bytes() == before
    assert dfb("study", file(other), "-o", output, "--replace").code == 0
    assert output.read_bytes() != before


def test_damaged_partial_results_and_a_full_disk_are_exit_2(dfb, file, tmp_path):
    partial = tmp_path / "a.nc.partial"
    partial.write_bytes(b"dfbstudy1\n" + bytes(20) + b"rubbish" * 20)
    ran = dfb("study", file(STUDY), "-o", tmp_path / "a.nc")
    assert ran.code == 2
    assert "is damaged" in ran.err
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500));"
        "from dfbdesign.cli import main; main(sys.argv[1:])"
    )
    words = ["study", str(file(STUDY)), "-o", str(tmp_path / "b.nc")]
    full = subprocess.run(
        [sys.executable, "-c", limited, *words], capture_output=True, text=True, check=False
    )
    assert full.returncode == 2
    assert full.stderr.startswith("error: cannot write")
    assert full.stderr.count("\n") == 1


def test_control_c_ends_a_study_that_can_be_continued(file, tmp_path):
    shutil.copy(Path(__file__).with_name("study_functions.py"), tmp_path)
    text = """
function = "study_functions:slow_sums"
vectorised = true
[axes]
a = { linspace = ["0 um", "0.5 um", 100] }
b = { linspace = ["1 um", "1.9 um", 16] }
[run]
scheduler = "processes"
chunk = 30
"""
    words = [str(DFB), "study", str(file(text)), "-o", str(tmp_path / "a.nc"), "--workers", "2"]
    run = subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True,
        # A shell that starts tests in the background lets them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    partial = tmp_path / "a.nc.partial"
    while not partial.exists() or partial.stat().st_size < 3000:
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate()
    assert run.returncode == 130
    assert "Traceback" not in said
    kept = partial.stat().st_size
    assert kept >= 3000
    assert subprocess.run(words, check=False).returncode == 0
    assert not partial.exists()
