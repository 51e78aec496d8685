"""The page says what was computed, escapes what the user wrote, and needs nothing but itself."""

import json
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from pages import DEVICE, NASTY, Page, plain_text, quick, written

from dfbdesign import plots
from dfbdesign.device import changed, load_device
from dfbdesign.lasers.laser import laser
from dfbdesign.reports.findings import references
from dfbdesign.reports.report import report
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import cm, nm, uJ

__all__ = ["plain_text", "quick"]
REFERENCE = Path(__file__).parent.parent / "examples" / "reference.toml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    report(DEVICE, path / "page.html", verification=False)
    return path


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "page.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def numbers(folder):
    return json.loads((folder / "page.json").read_text(encoding="utf-8"))


def test_the_page_asks_for_nothing_from_elsewhere(page):
    for tag, attributes, _ in page.elements:
        assert tag not in ("link", "iframe", "object", "base")
        for name in ("src", "srcset", "poster", "data"):
            assert attributes.get(name, "data:").startswith("data:")
        assert not any(name.startswith("on") for name in attributes)
    for _, style in page.all("style"):
        assert "@import" not in style
        assert "url(" not in style


def test_the_users_text_is_shown_as_it_is_and_never_run(page):
    assert [text for _, text in page.all("h1")] == [NASTY]
    assert [text for _, text in page.all("title")] == [NASTY]
    assert [attributes["type"] for attributes, _ in page.all("script")] == ["application/json"]


@pytest.mark.usefixtures("quick")
def test_the_users_text_cannot_end_the_numbers_early(tmp_path):
    evil = changed(DEVICE, {"name": "</script><script>alert(1)</script>"})
    page = written(evil, tmp_path, verification=False)
    ((_, text),) = page.all("script")
    assert json.loads(text)["name"] == evil.name


def test_every_picture_is_there_with_its_description_and_not_empty(page):
    described = dict(page.images())
    assert len(described) == 12  # all but the comparison that was left out
    for alt, source in described.items():
        assert len(alt) > 20
        pixels = imread(BytesIO(b64decode(source.removeprefix("data:image/png;base64,"))))[..., :3]
        assert min(pixels.shape[:2]) > 500
        inked = (pixels < 0.98).any(axis=2)
        assert inked.mean() > 0.01
        assert np.ptp(np.nonzero(inked.any(axis=0))) > 0.6 * pixels.shape[1]


def test_the_page_holds_the_same_numbers_as_the_file_beside_it(page, numbers):
    ((_, text),) = page.all("script")
    assert json.loads(text) == numbers


def test_the_numbers_are_those_of_the_solvers_in_their_units(numbers):
    cell, finite = modes(DEVICE), laser(DEVICE)
    for told, mode in zip(numbers["cell"]["modes"], cell.modes, strict=True):
        assert told["wavelength_nm"] == pytest.approx(mode.wavelength * 1000, rel=1e-12)
        assert told["threshold_gain_per_cm"] == pytest.approx(mode.threshold_gain * 10000)
        assert told["label"] == mode.label
    assert numbers["cell"]["modes"][1]["quality_factor"] is None  # dark: infinite
    assert numbers["cell"]["kappa_per_cm"] == pytest.approx(
        [cell.kappa.real * 10000, cell.kappa.imag * 10000]
    )
    first, mode = numbers["laser"]["modes"][0], finite.modes[0]
    assert first["threshold_material_gain_per_cm"] == pytest.approx(
        mode.threshold_material_gain * cm
    )
    assert first["threshold_fluence_uj_per_cm2"] == pytest.approx(
        mode.threshold_fluence / (uJ / cm**2)
    )


def test_tables_and_answer_show_the_numbers(page, numbers):
    first = numbers["laser"]["modes"][0]
    answer = page.section("answer")
    assert f"{first['wavelength_nm']:.2f} nm" in answer
    miss = abs(first["wavelength_nm"] - 1670)
    assert f"{miss:.2f} nm above the target of 1670 nm" in answer
    for row, mode in zip(page.rows("Threshold modes"), numbers["laser"]["modes"], strict=True):
        told = [float(text.replace(" ", "")) for text in row[1:]]
        wanted = [value for key, value in mode.items() if key != "origin"]
        assert row[0] == mode["origin"]
        assert told == pytest.approx(wanted, rel=2e-3)
    bright, dark = page.rows("Cold modes")
    assert bright[0] == "bright"
    assert float(bright[1]) == pytest.approx(numbers["cell"]["modes"][0]["wavelength_nm"], abs=1e-3)
    assert dark[3] == "infinite"


def test_every_assumption_is_marked_with_how_it_is_known(page):
    rows = page.rows("How each is known")
    kinds = {row[0]: row[2] for row in rows}
    assert kinds["doping distribution"] == "assumed"
    assert kinds["band edge absorption"] == "fitted"
    assert kinds["absorbed fraction"] == "measured"
    assert kinds["threshold fluence"] == "predicted"
    assert all(row[3] for row in rows)


@pytest.mark.usefixtures("quick")
def test_a_number_of_the_device_file_is_marked_as_given(tmp_path):
    device = changed(DEVICE, {"film.doping": 6.0})
    rows = written(device, tmp_path, verification=False).rows("How each is known")
    assert ["doping", "6.0", "given", "the device"] in rows


def test_the_same_device_gives_the_same_page(folder, tmp_path):
    report(DEVICE, tmp_path / "page.html", verification=False)
    for name in ("page.html", "page.json", "page.gds", "page.manifest.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_device_file_on_the_page_makes_the_same_device(page, tmp_path):
    ((_, text),) = page.all("pre")
    file = tmp_path / "device.toml"
    file.write_text(text, encoding="utf-8")
    assert load_device(file) == DEVICE


def test_a_page_without_comparison_says_so(page, numbers):
    assert numbers["verification"] is None
    assert "not done" in page.section("answer")
    assert "Nothing on this page was compared" in page.section("verification")
    assert not any("MEEP" in text for text in references(DEVICE))


def leaves(value, place=()):
    """Every number of nested lists and dictionaries, with its place."""
    if isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(entry, (*place, key))
    elif isinstance(value, float | int):
        yield place, value


@pytest.fixture(scope="module")
def compared(folder, tmp_path_factory):
    """Numbers before and after the film became 1 nm thicker, and the page that tells."""
    path = tmp_path_factory.mktemp("compared") / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "picture", lambda *_: b"")
        thicker = changed(DEVICE, {"layers.1.thickness": 161 * nm})
        report(thicker, path, verification=False, against=folder / "page.html")
    numbers = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return numbers, Page(path.read_text(encoding="utf-8"))


def test_a_comparison_tells_the_input_that_changed_and_no_other(compared):
    ((change,), page) = compared[0]["changes"]["inputs"], compared[1]
    assert change["name"] == "layer 2: thickness"
    assert (change["before"], change["after"]) == ("160 nm", "161 nm")
    assert page.rows("Inputs that are not") == [["layer 2: thickness", "160 nm", "161 nm"]]


def test_a_comparison_tells_every_number_that_changed(compared, numbers):
    after, page = compared
    parts = ("cell", "laser", "tolerance", "light", "layout")
    old = {place: value for part in parts for place, value in leaves(numbers[part], (part,))}
    new = {place: value for part in parts for place, value in leaves(after[part], (part,))}
    assert old.keys() == new.keys()
    moved = [place for place in new if new[place] != old[place]]
    told = [one for one in after["changes"]["results"] if one["difference"]]
    assert len(told) == len(moved) > 50
    for place, one in zip(moved, told, strict=True):
        step = new[place] - old[place]
        difference = float(one["difference"].split(" (")[0].replace("\u202f", ""))
        assert difference == pytest.approx(step, rel=0.06)  # two figures
        shown = float(one["after"].replace("\u202f", "")) - float(
            one["before"].replace("\u202f", "")
        )
        assert shown == pytest.approx(step, rel=0.11)  # both rounded like the difference
    assert len(page.rows("Each to the second")) == len(after["changes"]["results"])


def test_the_wavelength_moves_with_the_film_as_the_exact_derivative_says(compared):
    (told,) = (
        one
        for one in compared[0]["changes"]["results"]
        if one["name"] == "cell, modes, dark: wavelength (nm)"
    )
    dark = modes(DEVICE).modes[1]
    step = dark.wavelength_sensitivity("layers.1.thickness")  # nm per nm
    assert float(told["difference"].split()[0]) == pytest.approx(step, rel=0.05)


@pytest.mark.usefixtures("plain_text")
@pytest.mark.parametrize("ending", ["html", "json"])
def test_a_comparison_with_itself_finds_nothing(folder, tmp_path, ending):
    page = written(DEVICE, tmp_path, verification=False, against=folder / f"page.{ending}")
    text = page.section("changes")
    assert f"What changed since page.{ending}" in text
    assert "Every input is the same." in text
    assert "results are the same to the last digit" in text
    assert page.rows("Each to the second") == []


def test_references_name_each_source_once():
    sources = references(load_device(REFERENCE))
    assert len(set(sources)) == len(sources)
    text = "\n".join(sources)
    for needed in ("Malitson", "Siefke", "Ciddor", "Taghipour", "Kogelnik"):
        assert needed in text


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_the_reference_device_has_a_whole_page_and_passes(tmp_path, monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (1, 2, 3))  # seconds, not minutes
    fractions = []
    page = written(
        load_device(REFERENCE),
        tmp_path,
        progress=lambda step, done: fractions.append(done) if done is not None else None,
    )
    assert "passed" in page.section("answer")
    assert "not passed" not in page.section("answer")
    rows = page.rows("Value ± uncertainty")
    assert {row[-1] for row in rows} == {"agrees"}
    assert len(page.images()) == 13
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
