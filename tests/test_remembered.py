"""Finished comparisons that are kept: what is found again, what is not, and what is damaged."""

import json
from dataclasses import replace
from importlib import import_module
from math import inf
from pathlib import Path

import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed, load_device
from dfbdesign.errors import InputError, MeepMissing, NotConverged
from dfbdesign.fdtd import BandEdge, Extrapolated, Meep
from dfbdesign.fdtd.store import CACHE, cache_folder, keep
from dfbdesign.materials import constant
from dfbdesign.units import nm, um
from dfbdesign.verification import finite, remembered, slab
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.finite import verify_finite
from dfbdesign.verification.ladders import Plan
from dfbdesign.verification.slab import verify_slab
from dfbdesign.verification.verify import Verification, verify
from dfbdesign.waveguides import waveguide_verify
from dfbdesign.waveguides.waveguide import Background, Rectangle, Shape, Solve, Waveguide

cells = import_module("dfbdesign.verification.verify")  # its name is the function's, too
REFERENCE = Path(__file__).parents[1] / "examples" / "reference.toml"
TIME_DOMAIN = Extrapolated(
    1.67, 1e-6, (1.7, 1.68, 0.1 + 0.2), (16.0, 24.0, 32.0), None, {"pixels": 5e-324}
)
FOUND = Verification(
    wavelength=1 / 3,
    comparisons=(
        Comparison("bright", "wavelength", 1.67, 1e-9, TIME_DOMAIN, 2e-5),
        Comparison("dark", "quality factor", inf, 0.0, Extrapolated(inf, 0.0), inf),
    ),
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Comparisons are kept, in a folder of this test; MEEP is of version 1.25.0."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "cache_folder", cache_folder)
    install(monkeypatch, "1.25.0")


def install(monkeypatch, version: str | None) -> None:
    def find() -> Meep:
        if version is None:
            raise MeepMissing("no Python that can import MEEP was found.")
        return Meep("python", version, False)

    monkeypatch.setattr(remembered, "find_meep", find)


class Ask:
    """A comparison that counts how often it is made."""

    def __init__(self, answer: Verification | Exception = FOUND) -> None:
        self.made, self.answer = 0, answer

        @remembered.remembered
        def compare(
            device: Device, what: str = "modes", progress: object = None, force: bool = False
        ) -> Verification:
            self.made += 1
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        self.compare = compare

    def __call__(self, *words: object, **more: object) -> Verification:
        return self.compare(*words, **more)


@pytest.fixture
def ask() -> Ask:
    return Ask()


def kept() -> list[Path]:
    return sorted(cache_folder("comparisons").iterdir())


def test_the_second_time_the_same_answer_is_read(ask):
    device = load_device(REFERENCE)
    assert ask(device) == ask(device) == FOUND
    assert ask.made == 1
    assert len(kept()) == 1
    ask(device, "modes", lambda done, left: None, force=True)  # how, not what
    assert ask.made == 1
    ask(device, "spectrum")
    assert ask.made == 2


def test_what_a_device_is_called_does_not_matter_but_what_it_is_does(ask, tmp_path):
    device = load_device(REFERENCE)
    ask(device)
    ask(changed(device, {"name": "another", "measured": ()}))
    assert ask.made == 1
    table = tmp_path / "film.csv"
    table.write_text("wavelength_nm,n\n1500,2.5\n1700,2.4\n1900,2.35\n")
    text = REFERENCE.read_text().replace('{ name = "cqd-film", index_offset = -0.1143 }', "{}")
    (tmp_path / "device.toml").write_text(text.replace("{}", '{ file = "film.csv" }'))
    others = [
        changed(device, {"grating.period": 0.87 * (1 + 1e-15)}),
        changed(device, {"layers.0.lines.duty": 0.5}),
        changed(device, {"substrate.material": constant(1.744 + 1e-9j)}),
        changed(device, {"pump": None}),
        load_device(tmp_path / "device.toml"),
    ]
    table.write_text("wavelength_nm,n\n1500,2.5\n1700,2.4\n1900,2.36\n")
    for number, other in enumerate([*others, load_device(tmp_path / "device.toml")], start=2):
        ask(other)
        assert ask.made == number


def test_another_meep_a_result_from_elsewhere_or_other_code_compare_anew(
    ask, tmp_path, monkeypatch
):
    device = load_device(REFERENCE)
    ask(device)
    install(monkeypatch, "1.34.0")
    ask(device)
    assert ask.made == 2
    install(monkeypatch, None)
    ask(device)
    assert ask.made == 3
    (tmp_path / "result.npz").touch()
    keep("a job", "imported-1.33.0", tmp_path / "result.npz")
    ask(device)
    assert ask.made == 4
    monkeypatch.setattr(remembered, "_package", lambda: "changed")
    ask(device)
    assert ask.made == 5
    ask(device)
    assert ask.made == 5


def test_every_file_of_the_package_counts(tmp_path, monkeypatch):
    for name in ("verification/remembered.py", "solvers/slab.py", "materials/data/air.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(remembered, "__file__", str(tmp_path / "verification" / "remembered.py"))
    fingerprint = remembered._package.__wrapped__
    before = fingerprint()
    assert fingerprint() == before
    for name in ("solvers/slab.py", "materials/data/air.toml"):
        (tmp_path / name).write_text("changed")
        assert fingerprint() != before
        before = fingerprint()


def test_a_kept_answer_that_is_damaged_is_made_again(ask):
    device = load_device(REFERENCE)
    ask(device)
    (file,) = kept()
    sound = file.read_bytes()
    other_digit = sound.replace(b"1.67,", b"1.68,")
    assert other_digit != sound
    damages = [b"", sound[: len(sound) // 2], b"\x00\xff garbage", other_digit, sound + b" "]
    for number, damage in enumerate(damages, start=2):
        file.write_bytes(damage)
        assert ask(device) == FOUND
        assert ask.made == number
        assert file.read_bytes() == sound


@pytest.mark.parametrize("content", [{"wavelength": 1.0}, [], None, {"comparisons": "none"}])
def test_a_whole_file_of_another_form_is_made_again(content, ask):
    device = load_device(REFERENCE)
    ask(device)
    (file,) = kept()
    remembered._write(file, content)
    assert ask(device) == FOUND
    assert ask.made == 2


def test_an_error_is_not_kept():
    ask, device = Ask(NotConverged("the fields diverged.")), load_device(REFERENCE)
    for _ in range(2):
        with pytest.raises(NotConverged):
            ask(device)
    assert ask.made == 2
    assert kept() == []


def test_without_room_or_a_place_the_answer_is_still_given(ask, tmp_path, monkeypatch):
    def full(path):
        raise InputError(f"cannot write {path}: No space left on device.")

    device = load_device(REFERENCE)
    monkeypatch.setattr(remembered, "writing", full)
    assert ask(device) == FOUND
    assert kept() == []
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE, str(tmp_path / "file"))
    assert ask(device) == FOUND
    assert ask.made == 2


def test_arguments_that_make_no_sense_are_left_to_the_comparison(ask):
    with pytest.raises(InputError, match="must be one of modes"):
        verify_finite(load_device(REFERENCE), what={"modes"})
    ask(object())
    assert kept() == []


# Every comparison


def grating() -> Device:
    lines = Lines(material=2.2762, duty=0.35)
    return Device(
        substrate=1.744,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, lines=lines),
            Layer(thickness=160 * nm, material=2.53),
        ],
        grating=Grating(period=870 * nm, length=100 * um),
        target=Target(wavelength=1670 * nm),
    )


def channel() -> Waveguide:
    core = Rectangle(width=1000 * nm, height=800 * nm)
    return Waveguide(
        target=Target(wavelength=1550 * nm),
        background=Background(material=constant(1.444)),
        shapes=(Shape(material=constant(1.9963), rectangle=core),),
        solve=Solve(modes=1),
    )


def uniform() -> Device:
    return changed(grating(), {"layers.0.lines": None, "layers.0.material": constant(2.5 + 1e-3j)})


QUESTIONS = {
    "cell": lambda: verify(grating()),
    "cell at a wavevector": lambda: verify(grating(), wavevector=0.01),
    "finite": lambda: verify_finite(grating(), "far-field"),
    "slab": lambda: verify_slab(uniform(), "TE"),
    "channel": lambda: waveguide_verify.verify_ridge(channel()),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_comparison_is_made_once(question, monkeypatch):
    """Instead of the time domain, something that answers at once and counts."""
    asked = []

    def bloch_modes(device, wavelength, expected, *_, **__):
        asked.append("cell")
        return [
            BandEdge(sector, replace(TIME_DOMAIN, value=length), Extrapolated(1e-3, 1e-6))
            for sector, length in expected
        ]

    def plan(*_):
        return Plan((), lambda recordings: asked.append("finite") or FOUND.comparisons)

    def guide_index(*_):
        asked.append("channel")
        return TIME_DOMAIN, Extrapolated(0.0, 0.0)

    monkeypatch.setattr(cells, "bloch_modes", bloch_modes)
    monkeypatch.setattr(slab, "bloch_modes", bloch_modes)
    monkeypatch.setattr(finite, "_plan", plan)
    monkeypatch.setattr(finite, "run_all", lambda *_: [])
    monkeypatch.setattr(waveguide_verify, "guide_index", guide_index)
    first = QUESTIONS[question]()
    assert len(asked) == 1
    assert QUESTIONS[question]() == first
    assert len(asked) == 1
    (file,) = kept()
    assert json.loads(file.read_text().partition("\n")[2])
