"""What goes wrong at the command line: one clear line, the right exit code, no half file."""

import os
import sys
from pathlib import Path

import pytest

GOOD = """\
polarization = "TE"

[substrate]
material = "sapphire-c"

[[layer]]
thickness = "50 nm"
material = { index = 2.53 }
lines = { material = "tio2-ald", duty = 0.3 }
gain = true

[[layer]]
thickness = "160 nm"
material = { index = 2.53 }
gain = true

[superstrate]
material = "air"

[grating]
period = "865 nm"
order = 2
length = "300 um"

[target]
wavelength = "1670 nm"
"""
READERS = ["slab", "modes", "laser", "verify", "report", "design", "cite"]


@pytest.fixture
def refused(dfb, tmp_path):
    """Run a verb that must fail; returns its one line after checking everything else about it."""

    def run(code, *words):
        before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
        ran = dfb(*words)
        after = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
        assert ran.code == code, ran
        assert ran.out == ""
        assert ran.err.startswith("error: ")
        assert ran.err.count("\n") == 1, ran.err
        assert "Traceback" not in ran.err
        assert after == before
        return ran.err

    return run


@pytest.fixture
def device(tmp_path):
    """Write the good device with one text replaced, and return its path."""

    def write(old="", new=""):
        assert old in GOOD
        path = tmp_path / "device.toml"
        path.write_text(GOOD.replace(old, new, 1) if old else GOOD, encoding="utf-8")
        return path

    return write


def words_for(verb, path):
    output = ["-o", path.with_name("out.html")] if verb in ("report", "design") else []
    return [verb, path, *output]


def test_the_device_of_these_tests_is_good(dfb, device):
    ran = dfb("modes", device(), "--json")
    assert (ran.code, ran.err) == (0, "")


# --- the device file ----------------------------------------------------------------------------

WRONG = {
    "a time for a length": (
        ('"865 nm"', '"860 ps"'),
        'grating period must be a length such as "860 nm", got "860 ps" (time)',
    ),
    "a number without its unit": (('"865 nm"', "865"), "grating period needs a unit"),
    "a unit that does not exist": (('"865 nm"', '"865 nn"'), 'got "865 nn"'),
    "a period of nothing": (('"865 nm"', '"0 nm"'), "period must lie between 0 and 100 um, got 0"),
    "a duty in per cent": (
        ("duty = 0.3", "duty = 50"),
        "duty must lie in [0, 1], got 50. Write 0.5 for half line, half gap.",
    ),
    "a negative thickness": (
        ('"160 nm"', '"-160 nm"'),
        "layer 2 thickness must be positive, got -160 nm",
    ),
    "an unknown material": (
        ('"sapphire-c"', '"saphire-c"'),
        'material "saphire-c" is unknown. Did you mean "sapphire-c"?',
    ),
    "an unknown material in the lines": (('"tio2-ald"', '"tio2-adl"'), 'Did you mean "tio2-ald"?'),
    "a name of two lines": (('"sapphire-c"', '"sapphire\\n-c"'), 'Did you mean "sapphire-c"?'),
    "a misspelt key": (("period =", "perod ="), 'has no key "perod". Did you mean "period"?'),
    "a misspelt section": (("[grating]", "[gratting]"), 'Did you mean "grating"?'),
    "an index that is none": (("2.53", '"dense"'), "index must be a number"),
    "an order beyond four": (("order = 2", "order = 9"), "order"),
    "a polarization that is none": (('"TE"', '"TEM"'), "'TE' or 'TM'"),
    "a missing thickness": (('thickness = "160 nm"\n', ""), "layer 2 thickness is missing"),
    "no layer at all": (("[[layer]]", "[[measured]]"), "device.toml"),
    "a table that is not there": (("{ index = 2.53 }", '{ file = "none.csv" }'), "none.csv"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_refused_with_field_value_and_remedy(refused, device, case):
    (old, new), told = WRONG[case]
    line = refused(2, "modes", device(old, new), "--json")
    assert told in line
    assert "device.toml" in line


@pytest.mark.parametrize("verb", READERS)
def test_every_verb_refuses_a_wrong_device_alike(refused, device, verb):
    line = refused(2, *words_for(verb, device("duty = 0.3", "duty = 50")))
    assert "lines duty must lie in [0, 1], got 50" in line


PUMP = """
[film]
preset = "taghipour2023-doped"

[pump]
wavelength = "1030 nm"
"""
FINITE = {
    "a pump longer than the device": (
        'spot = { shape = "stripe", length = "400 um" }',
        "",
        "pump spot length (400 um) must not exceed the grating's (300.155 um)",
    ),
    "a profile with a gap": (
        'spot = { shape = "profile", file = "spot.csv" }',
        "-100,0\n-90,1\n-80,2\n80,2\n90,1\n100,0",
        "the profile has a gap from -80 to 80 um",
    ),
    "a profile with an empty cell": (
        'spot = { shape = "profile", file = "spot.csv" }',
        "-100,0\n-90,\n-80,2",
        'fluence must be a number, got ""',
    ),
    "a profile that breaks off": (
        'spot = { shape = "profile", file = "spot.csv" }',
        "-10,1\n0,1\n10,1",
        "breaks off at -10 um with 100% of its largest fluence",
    ),
    "a profile that is not there": (
        'spot = { shape = "profile", file = "spots.csv" }',
        "0,1\n1,1",
        "cannot read",
    ),
}


@pytest.mark.parametrize("case", FINITE)
def test_a_pump_that_does_not_fit_is_refused(refused, device, tmp_path, case):
    spot, rows, told = FINITE[case]
    (tmp_path / "spot.csv").write_text(f"position_um,fluence\n{rows}\n", encoding="utf-8")
    path = device("[target]", f"{PUMP}{spot}\n\n[target]")
    assert told in refused(2, "laser", path, "--json")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"300 um"', '"0 um"', "length (in um) must be a positive number, got 0"),
        (
            "order = 2",
            "facets = { left = { reflection = [0.9, 0.6] } }",
            "the modulus of reflection must lie in [0, 1], got 1.08",
        ),
        ("order = 2", 'chirp = "500 nm"', "chirp must be less than half the period"),
        ("order = 2", "apodisation = { duty = [0.3] }", "two points or more"),
        ("order = 2", 'slips = [{ position = 2, slip = "9 nm" }]', "position must lie in [0, 1]"),
    ],
)
def test_a_finite_grating_that_cannot_be_is_refused(refused, device, old, new, told):
    assert told in refused(2, "laser", device(old, new), "--json")


@pytest.mark.parametrize("verb", ["slab", "modes", "laser", "verify", "design"])
def test_a_target_beyond_the_index_data_names_material_range_and_remedy(refused, device, verb):
    line = refused(2, *words_for(verb, device('"1670 nm"', '"3 um"')))
    assert "3000 nm is outside" in line
    assert "the range of" in line


def test_a_target_just_beyond_the_data_of_the_lines_is_not_extrapolated(refused, device):
    line = refused(2, "modes", device('"1670 nm"', '"2001 nm"'))
    assert 'wavelength 2001 nm is outside 600-2000 nm, the range of "tio2-ald"' in line


@pytest.mark.parametrize("section", ["target", "grating"])
def test_a_missing_section_is_asked_for(refused, device, section):
    text = GOOD[GOOD.index(f"[{section}]") :].split("\n\n")[0]
    path = device(text, "")
    if section == "grating":  # lines would ask first
        path.write_text(path.read_text().replace(GOOD[GOOD.index("lines =") :].split("\n")[0], ""))
    assert f"[{section}]" in refused(2, "modes", path)


def test_a_laser_without_a_length_asks_for_one(refused, device):
    assert "length" in refused(2, "laser", device('length = "300 um"\n', ""))


# --- the file itself ----------------------------------------------------------------------------


def test_a_missing_file_is_named(refused, tmp_path):
    line = refused(2, "modes", tmp_path / "none.toml")
    assert line == f"error: cannot read {tmp_path}/none.toml: No such file or directory.\n"


def test_a_folder_is_no_file(refused, tmp_path):
    assert "Is a directory" in refused(2, "modes", tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[substrate\nmaterial = 1\n", "is not a valid TOML file"),
        (b"period = 865 nm\n", "is not a valid TOML file"),
        (b"a = 1\na = 2\n", "is not a valid TOML file"),
        ('name = "860 nm, 45°"\n'.encode("latin-1"), "is not a valid TOML file"),
        ('name = "x"\n'.encode("utf-16"), "is not a valid TOML file"),
        (bytes(range(256)), "is not a valid TOML file"),
        (b"", "substrate is missing"),
    ],
    ids=["broken", "unquoted", "twice", "latin-1", "utf-16", "binary", "empty"],
)
def test_a_corrupt_file_is_refused(refused, tmp_path, content, told):
    (tmp_path / "device.toml").write_bytes(content)
    line = refused(2, "modes", tmp_path / "device.toml")
    assert told in line
    assert "device.toml" in line


# --- where to write -----------------------------------------------------------------------------


def test_a_folder_that_does_not_exist_cannot_be_written_to(refused, device, tmp_path):
    line = refused(2, "design", device(), "-o", tmp_path / "none" / "out.toml")
    assert f"cannot write {tmp_path}/none/out.toml: No such file or directory" in line


def test_a_file_is_no_folder_to_write_to(refused, device, tmp_path):
    (tmp_path / "file").write_text("kept")
    line = refused(2, "design", device(), "-o", tmp_path / "file" / "out.toml")
    assert "cannot write" in line


def test_a_folder_is_no_file_to_write(refused, device, tmp_path):
    (tmp_path / "folder").mkdir()
    assert "cannot write" in refused(2, "design", device(), "-o", tmp_path / "folder")


@pytest.mark.skipif(not Path("/proc").exists(), reason="/proc is the folder root cannot write to")
def test_a_folder_that_takes_no_files_is_refused_even_for_root(refused, device):
    assert "cannot write /proc/out.toml" in refused(2, "design", device(), "-o", "/proc/out.toml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; /proc stands in above")
def test_a_read_only_folder_is_refused(refused, device, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "Permission denied" in refused(2, "design", device(), "-o", tmp_path / "locked" / "out")


def test_a_failed_design_leaves_an_older_file_alone(refused, device, tmp_path):
    older = tmp_path / "out.toml"
    older.write_text("kept")
    refused(3, "design", device('"160 nm"', '"1 nm"'), "-o", older)
    assert older.read_text() == "kept"


# --- physics and MEEP ---------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["slab", "modes", "laser", "verify", "design"])
def test_a_film_too_thin_to_guide_is_an_answer_of_physics(refused, device, verb):
    path = device('"160 nm"', '"1 nm"')
    path.write_text(path.read_text().replace('"50 nm"', '"5 nm"'))
    line = refused(3, *words_for(verb, path))
    assert "no guided TE mode" in line or "no TE mode" in line


@pytest.mark.parametrize("interpreter", ["/bin/false", "/nowhere/python"])
def test_verify_without_meep_says_how_to_get_it(refused, device, monkeypatch, interpreter):
    monkeypatch.setenv("DFBDESIGN_MEEP_PYTHON", interpreter)
    line = refused(4, "verify", device(), "--json")
    assert interpreter in line


def test_a_python_without_meep_is_told_apart(refused, device, monkeypatch, tmp_path):
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # no site-packages, no meep
    bare.chmod(0o755)
    monkeypatch.setenv("DFBDESIGN_MEEP_PYTHON", str(bare))
    assert "it has no module named meep" in refused(4, "verify", device())


# --- the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Missing command"),
        (["mode"], "No such command 'mode'"),
        (["modes"], "Missing argument 'DEVICE.toml'"),
        (["modes", "a.toml", "b.toml"], "unexpected extra argument"),
        (["modes", "a.toml", "--jason"], "No such option: --jason"),
        (["modes", "a.toml", "--wavevector", "far"], "--wavevector"),
        (["design", "a.toml"], "Missing option '--output'"),
        (["--jason"], "No such option: --jason"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_line_too(refused, words, told):
    line = refused(2, *words)
    assert told in line
    assert 'See "dfb --help".' in line


@pytest.mark.parametrize("wavevector", ["0.7", "nan", "-inf"])
def test_a_wavevector_outside_the_brillouin_zone_is_refused(refused, device, wavevector):
    line = refused(2, "modes", device(), "--wavevector", wavevector)
    assert "wavevector must lie in [-0.5, 0.5]" in line


def test_an_unknown_level_of_verification_is_refused(refused, device):
    line = refused(2, "verify", device(), "--level", "atoms")
    assert "'atoms' is not one of 'unit-cell', 'finite'" in line
