"""Runs of MEEP in a folder for another computer, and the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from meep_stand_in import SUCCEED, Numbers, grating_job

from dfbdesign.errors import InputError, MeepMissing
from dfbdesign.fdtd import find_meep, interpreter, run, store
from dfbdesign.fdtd.export import export_jobs, import_results

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


def test_a_task_of_a_cluster_does_its_own_job(stand_in, tmp_path):
    stand_in(SUCCEED)
    folder = tmp_path / "jobs for the cluster"
    export_jobs([Numbers("b"), Numbers("a")], folder, "a test", "back")
    fake_worker(folder)
    (tmp_path / "srun").write_text(
        '#!/bin/sh\n[ "$1" = --kill-on-bad-exit=1 ] && shift\nexec "$@"\n'
    )
    (tmp_path / "srun").chmod(0o755)
    words = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHON": sys.executable}
    task = os.environ | words | {"SLURM_NTASKS": "1", "SLURM_ARRAY_TASK_ID": "2"}

    def submitted(place: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
        environment = task | {"SLURM_SUBMIT_DIR": str(place)} | more
        script = ["bash", str(folder / "slurm.sh")]
        return subprocess.run(script, env=environment, cwd=tmp_path, capture_output=True)

    elsewhere = submitted(tmp_path)
    assert elsewhere.returncode == 1
    assert b"submit slurm.sh in its folder" in elsewhere.stderr
    assert submitted(folder, SLURM_ARRAY_TASK_ID="1").returncode == 1
    assert submitted(folder, START="env").returncode == 0
    assert submitted(folder).returncode == 0  # has its result
    (folder / "jobs" / "02" / "result.npz").unlink()
    assert submitted(folder).returncode == 0
    found = import_results(folder)
    assert (found.kept, len(found.missing)) == (1, 1)
    assert (folder / "jobs" / "01" / "log.txt").read_text().strip() == "no luck"


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
    np.savez(folder / "jobs" / "01" / "result.npz", signals=np.ones((1, 3)), interval=2.0)
    partly = dfb(*finite, "--import", folder)
    assert partly.code == 2
    assert "lacks 3 of 4 results" in partly.err
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
