"""The command line: one JSON object with its units in its keys, readable tables, exit codes."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from math import inf, pi
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dfbdesign.cli import app
from dfbdesign.device import load_device
from dfbdesign.gain.film import resolve_film
from dfbdesign.lasers.laser import laser
from dfbdesign.materials import material, names
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.verification.verify import SHARPNESS

REFERENCE = Path(__file__).parents[1] / "examples" / "reference.toml"
DFB = Path(sys.executable).with_name("dfb")
VERBS = ["materials", "slab", "modes", "laser", "design", "verify", "report", "cite"]


def parsed(ran):
    """The one JSON object of a run that succeeded in silence."""

    def refuse(token):
        raise AssertionError(f"{token} is no JSON")

    assert ran.code == 0, ran.err
    assert ran.err == ""
    found = json.loads(ran.out, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


# --- the command itself -------------------------------------------------------------------------


def test_help_names_every_verb(dfb):
    ran = dfb("--help")
    assert ran.code == 0
    assert all(f" {verb} " in ran.out for verb in VERBS)


def test_every_verb_explains_itself_and_offers_json(dfb):
    for command in app.registered_commands:
        ran = dfb(command.callback.__name__, "--help")
        assert ran.code == 0
        assert "--json" in ran.out
        assert command.callback.__doc__.split(".")[0].split(";")[0][:20] in ran.out


def test_version_is_the_packages(dfb):
    ran = dfb("--version")
    assert (ran.code, ran.out) == (0, version("dfbdesign") + "\n")


def test_help_loads_none_of_the_slow_libraries():
    code = (
        "import sys, dfbdesign.cli\n"
        "try: dfbdesign.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'scipy', 'pint', 'matplotlib', 'klayout', 'gdstk'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.endswith("set()\n")


def test_the_shell_completes_verbs():
    words = {"_DFB_COMPLETE": "complete_bash", "COMP_WORDS": "dfb mo", "COMP_CWORD": "1"}
    ran = subprocess.run([DFB], env=os.environ | words, capture_output=True, text=True, check=True)
    assert "modes" in ran.stdout.split()


def test_ctrl_c_ends_with_130_and_no_traceback(tmp_path):
    pipe = tmp_path / "device.toml"
    os.mkfifo(pipe)
    run = subprocess.Popen(
        [DFB, "modes", pipe], stderr=subprocess.PIPE, text=True,
        # A shell that starts tests in the background lets them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    with pipe.open("w"):  # opens once the command reads, which then waits for us
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to offer")
@pytest.mark.parametrize("words", [["--version"], ["materials", "--json"]], ids=["short", "long"])
def test_a_full_disk_under_stdout_is_one_line_and_exit_code_2(words):
    buffered = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [DFB, *words],
            env=buffered,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 2
    assert ran.stderr == "error: cannot write the output: No space left on device.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="opens a terminal")
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_terminal_is_too_narrow_for_whole_words_and_numbers(columns):
    ours, theirs = os.openpty()
    run = subprocess.Popen(
        [DFB, "modes", REFERENCE], stdout=theirs, env=os.environ | {"COLUMNS": str(columns)}
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # how a terminal says that the other side is gone
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    assert run.wait() == 0
    text = said.decode("utf-8")
    assert "…" not in text
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines())) <= columns
    for mode in modes(load_device(REFERENCE)).band_edges:
        assert f"{mode.wavelength * 1e3:.3f}" in text


# --- the verbs ----------------------------------------------------------------------------------


def test_materials_lists_every_data_set_with_range_and_source(dfb):
    rows = parsed(dfb("materials", "--json"))["materials"]
    assert [row["name"] for row in rows] == names()
    for row in rows:
        low, high = material(row["name"]).wavelength_range
        expected = [low * 1e3, None if high == inf else high * 1e3]
        assert row["wavelength_range_nm"] == pytest.approx(expected)
        assert row["source"]
    table = dfb("materials")
    assert table.code == 0
    assert all(name in table.out for name in names())
    assert "10.1002/adom.201600250" in table.out


def test_slab_gives_the_reference_index_of_a_planar_film(dfb, tmp_path):
    """Film of 2.6, 160 nm, c-plane sapphire: TE0 at 1.87643834, its index derivative 0.55168."""
    (tmp_path / "film.toml").write_text(
        "[substrate]\nmaterial = { ordinary = 1.744233, extraordinary = 1.736444 }\n"
        '[[layer]]\nthickness = "160 nm"\nmaterial = { index = 2.6 }\n'
        "[superstrate]\nmaterial = { index = 1.0 }\n"
        '[target]\nwavelength = "1660 nm"\n'
    )
    found = parsed(dfb("slab", tmp_path / "film.toml", "--json"))
    first = found["modes"][0]
    assert (first["polarization"], first["order"], first["kind"]) == ("TE", 0, "guided")
    assert_allclose(first["n_eff"], [1.87643834, 0], atol=5e-8)
    assert_allclose(first["confinement"], [0.55168], atol=5e-5)
    assert found["averaged_layers"] == []
    assert found["wavelength_nm"] == pytest.approx(1660)
    assert "1.87644" in dfb("slab", tmp_path / "film.toml").out


def test_modes_gives_what_the_library_gives_in_the_units_of_the_keys(dfb):
    found = parsed(dfb("modes", REFERENCE, "--json"))
    expected = modes(load_device(REFERENCE))
    assert found["polarization"] == "TE"
    assert {row["label"] for row in found["modes"]} == {"bright", "dark"}
    for row, mode in zip(found["modes"], expected.modes, strict=True):
        assert row["label"] == mode.label
        assert row["wavelength_nm"] == pytest.approx(mode.wavelength * 1e3, rel=1e-12)
        assert row["wavelength_error_nm"] == pytest.approx(mode.wavelength_error * 1e3)
        assert row["threshold_gain_per_cm"] == pytest.approx(mode.threshold_gain * 1e4)
        assert row["confinement"] == pytest.approx(mode.confinement)
        infinite = mode.quality_factor == inf
        assert row["quality_factor"] == (None if infinite else pytest.approx(mode.quality_factor))
        assert infinite == (mode.label == "dark")
    kappa = expected.kappa * 1e4
    assert found["kappa_per_cm"] == pytest.approx([kappa.real, kappa.imag])
    assert found["group_index"] == pytest.approx(expected.n_group)
    assert found["radiation_loss_per_cm"] == pytest.approx(expected.radiation_loss * 1e4)


def test_the_table_of_modes_shows_wavelengths_and_the_infinite_quality_factor(dfb):
    rows = parsed(dfb("modes", REFERENCE, "--json"))["modes"]
    table = dfb("modes", REFERENCE)
    assert table.code == 0
    assert "wavelength [nm]" in table.out
    assert "infinite" in table.out
    assert all(f"{row['wavelength_nm']:.3f}" in table.out for row in rows)


def test_modes_away_from_gamma_lie_on_the_hyperbola_that_kappa_and_group_index_predict(dfb):
    """(k - k_c)² = (κ² + q²) / n_g², from the numbers printed at Gamma alone."""
    at_gamma = parsed(dfb("modes", REFERENCE, "--json"))
    away = parsed(dfb("modes", REFERENCE, "--wavevector", 0.002, "--json"))
    assert away["wavevector"] == 0.002
    k_gamma = [2 * pi / (row["wavelength_nm"] * 1e-3) for row in at_gamma["modes"]]
    k_away = [2 * pi / (row["wavelength_nm"] * 1e-3) for row in away["modes"]]
    kappa, q = at_gamma["kappa_per_cm"][0] * 1e-4, 2 * pi * 0.002 / 0.87
    expected = 2 * (kappa**2 + q**2) ** 0.5 / at_gamma["group_index"]
    assert_allclose(k_away[0] - k_away[1], expected, rtol=1e-3)
    assert_allclose(sum(k_away), sum(k_gamma), rtol=1e-5)


def test_laser_gives_what_the_library_gives_lowest_threshold_first(dfb):
    found = parsed(dfb("laser", REFERENCE, "--json"))
    expected = laser(load_device(REFERENCE))
    assert found["periods"] == round(500 / 0.87)
    assert found["length_um"] == pytest.approx(found["periods"] * 0.87)
    thresholds = [row["threshold_material_gain_per_cm"] for row in found["modes"]]
    assert thresholds == sorted(thresholds)
    for row, mode in zip(found["modes"], expected.modes, strict=True):
        assert row["origin"] == mode.origin
        assert row["wavelength_nm"] == pytest.approx(mode.wavelength * 1e3, rel=1e-12)
        assert row["cold_quality_factor"] == pytest.approx(mode.cold_quality_factor)
        assert row["threshold_material_gain_per_cm"] == pytest.approx(
            mode.threshold_material_gain * 1e4
        )
        assert row["threshold_modal_gain_per_cm"] == pytest.approx(mode.threshold_modal_gain * 1e4)
        assert row["excitons_per_dot"] == pytest.approx(mode.excitons_per_dot)
        # 1 pJ/µm² is 1e-6 µJ on 1e-8 cm².
        assert row["threshold_fluence_uj_per_cm2"] == pytest.approx(mode.threshold_fluence * 100)
        assert row["hole_burning"] == pytest.approx(mode.hole_burning)
    assert found["gain_margin_per_cm"] == pytest.approx(
        found["modes"][1]["threshold_modal_gain_per_cm"]
        - found["modes"][0]["threshold_modal_gain_per_cm"]
    )
    assert f"{found['modes'][0]['wavelength_nm']:.3f}" in dfb("laser", REFERENCE).out


def test_laser_spectra_peak_at_the_mode_that_lases_first(dfb, tmp_path):
    path = tmp_path / "spectra.csv"
    found = parsed(dfb("laser", REFERENCE, "--spectra", path, "--share", 0.98, "--json"))
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    table = np.array([[float(cell) for cell in row.split(",")] for row in rows])
    columns = dict(zip(header.split(","), table.T, strict=True))
    peak = columns["wavelength_nm"][columns["left_photons_per_s_Hz"].argmax()]
    step = abs(np.diff(columns["wavelength_nm"])).max()
    assert peak == pytest.approx(found["modes"][0]["wavelength_nm"], abs=2 * step)
    assert columns["left_photons_per_s_Hz"] == pytest.approx(columns["right_photons_per_s_Hz"])
    for solver, share, complaint in (("rigorous", 0.9, "--spectra"), ("coupled-mode", 1, "share")):
        refused = dfb("laser", REFERENCE, "--spectra", path, "--share", share, "--solver", solver)
        assert refused.code == 2
        assert complaint in refused.err


def test_without_film_and_pump_excitons_and_fluence_are_null(dfb, tmp_path):
    text = REFERENCE.read_text(encoding="utf-8")
    (tmp_path / "bare.toml").write_text(text.partition("[film]")[0], encoding="utf-8")
    for row in parsed(dfb("laser", tmp_path / "bare.toml", "--json"))["modes"]:
        assert row["excitons_per_dot"] is None
        assert row["threshold_fluence_uj_per_cm2"] is None


def test_a_designed_device_lases_at_its_target_when_read_back(dfb, tmp_path):
    target = tmp_path / "target.toml"
    text = REFERENCE.read_text(encoding="utf-8").replace('period = "870 nm"\n', "", 1)
    target.write_text(text, encoding="utf-8")
    made = tmp_path / "made.toml"
    found = parsed(dfb("design", target, "-o", made, "--json"))
    assert found["device"] == str(made)
    assert load_device(made).grating.period * 1e3 == pytest.approx(found["period_nm"])
    assert found["lasing_mode"]["wavelength_nm"] == pytest.approx(1670, abs=1e-3)
    first = parsed(dfb("laser", made, "--json"))["modes"][0]
    assert first["wavelength_nm"] == pytest.approx(1670, abs=1e-3)
    assert first["origin"] == found["lasing_mode"]["origin"]
    assert found["alternatives"]
    for other in found["alternatives"]:
        assert other["reason"]
        assert other["period_nm"] == pytest.approx(found["period_nm"], abs=20)


def test_cite_names_the_source_of_every_named_material_of_the_film_and_of_the_methods(dfb):
    device = load_device(REFERENCE)
    cited = parsed(dfb("cite", REFERENCE, "--json"))["references"]
    sources = {one.source for one in device.materials()} | {resolve_film(device.film).source}
    for source in sources | {"10.1063/1.1661499"}:  # Kogelnik and Shank
        assert sum(source in line for line in cited) == 1, source
    assert dfb("cite", REFERENCE).out.splitlines()[1:] == [f"  {line}" for line in cited]


@pytest.mark.meep
def test_verify_passes_on_the_reference_cell_and_shows_both_witnesses(dfb, monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (1, 2, 3))  # seconds, not minutes
    found = parsed(dfb("verify", REFERENCE, "--level", "unit-cell", "--json"))
    assert found["passed"] is True
    assert {row["verdict"] for row in found["agreement"]} == {"agrees"}
    for ours, theirs in zip(found["solver"], found["fdtd"], strict=True):
        assert ours["label"] == theirs["label"]
        assert ours["wavelength_nm"] == pytest.approx(theirs["wavelength_nm"], rel=5e-5)
        assert theirs["wavelength_uncertainty_nm"] > 0
    bright = {row["label"]: row for row in found["fdtd"]}["bright"]
    dark = {row["label"]: row for row in found["solver"]}["dark"]
    assert bright["quality_factor"] > 0
    assert dark["quality_factor"] is None


@pytest.mark.meep
def test_a_verification_that_does_not_pass_shows_its_numbers_and_ends_with_3(dfb, monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (1, 2))  # seconds, not minutes
    monkeypatch.setattr("dfbdesign.fdtd.edges.FINER", 3)
    monkeypatch.setitem(SHARPNESS, "wavelength", 1e-9)  # finer than any grid resolves
    ran = dfb("verify", REFERENCE, "--json")
    assert ran.code == 3
    assert ran.err.startswith("error: the solver and MEEP do not agree")
    found = json.loads(ran.out)
    assert found["passed"] is False
    assert {row["verdict"] for row in found["agreement"] if row["quantity"] == "wavelength"} <= {
        "disagrees",
        "undecided",
    }


@pytest.mark.meep
def test_report_writes_one_page_and_says_where(dfb, tmp_path, monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (1, 2, 3))  # seconds, not minutes
    page = tmp_path / "report.html"
    printed = parsed(dfb("report", REFERENCE, "-o", page, "--json"))
    assert printed.pop("file") == str(page)
    assert printed == json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    assert "<html" in text
    assert "1670" in text
