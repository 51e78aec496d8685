"""Where MEEP is found, and what is kept of its runs."""

import json
import sys

import numpy as np
import pytest
from meep_stand_in import SUCCEED, Numbers, stored

from dfbdesign.errors import InputError, MeepMissing
from dfbdesign.fdtd import find_meep, interpreter, launch, run, store

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
