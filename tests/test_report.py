"""The page says what was computed, escapes what the user wrote, and needs nothing but itself."""

import json
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from math import inf
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from dfbdesign import plots
from dfbdesign.device import (
    Device,
    GainFilm,
    Grating,
    Layer,
    Lines,
    Measured,
    PhaseShift,
    Pump,
    Spot,
    Target,
    changed,
    load_device,
)
from dfbdesign.errors import InputError, MeepMissing, NotConverged
from dfbdesign.fdtd import Extrapolated
from dfbdesign.lasers.laser import laser
from dfbdesign.materials import as_material
from dfbdesign.reports import findings
from dfbdesign.reports import report as module
from dfbdesign.reports.findings import references
from dfbdesign.reports.report import report
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import cm, nm, uJ, um
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.verify import Verification

NASTY = '<script>alert("1")</script> & "quoted" {{ 7 * 7 }} Λ = 865 nm'
REFERENCE = Path(__file__).parent.parent / "examples" / "reference.toml"
VOID = {"br", "hr", "img", "input", "link", "meta"}

DEVICE = Device(
    name=NASTY,
    substrate=1.746,
    superstrate=1.0,
    layers=[
        Layer(thickness=50 * nm, material=2.53, gain=True, lines=Lines(material=2.30, duty=0.3)),
        Layer(thickness=160 * nm, material=2.53, gain=True),
    ],
    grating=Grating(period=865 * nm, length=400 * um, width=300 * um),
    target=Target(wavelength=1670 * nm),
    film=GainFilm(preset="taghipour2023-doped"),
    pump=Pump(wavelength=1030 * nm),
)


class Page(HTMLParser):
    """Elements of a page with their attributes and text; elements must nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag):
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data):
        for number in self._open:
            self.elements[number][2] += data

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]

    def section(self, name):
        """Text of a section, with single spaces."""
        (text,) = (text for attributes, text in self.all("section") if attributes["id"] == name)
        return " ".join(text.split())

    def rows(self, caption):
        """Texts of the cells of the table whose caption starts like this."""
        rows, wanted = [], False
        for tag, _, text in self.elements:
            if tag == "caption":
                wanted = text.startswith(caption)
            elif tag == "tr" and wanted:
                rows.append([])
            elif tag == "td" and wanted:
                rows[-1].append(" ".join(text.split()))
        return [row for row in rows if row]

    def images(self):
        return [(a["alt"], a["src"]) for a, _ in self.all("img")]


def written(device, folder, **options):
    path = report(device, folder / "page.html", **options)
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def plain_text(monkeypatch):
    """Leave the pictures, half the time of a page, to the tests that look at them."""
    monkeypatch.setattr(plots, "picture", lambda *_: b"")


@pytest.fixture
def quick(plain_text, monkeypatch):
    """No pictures, few devices in the tolerance, and no light curve."""

    def refuse(device):
        raise InputError("not wanted here.")

    monkeypatch.setattr(findings, "_SAMPLES", 20)
    monkeypatch.setattr(findings, "_light", refuse)


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


def film(offset):
    return as_material({"name": "cqd-film", "index_offset": offset})


@pytest.mark.usefixtures("quick")
def test_the_calibration_predicts_a_laser_made_with_the_same_model(tmp_path):
    made = changed(
        DEVICE,
        {f"layers.{number}.material": film(-0.08) for number in range(2)},
    )
    measured = [
        Measured(
            period=period,
            wavelength=laser(changed(made, {"grating.period": period})).modes[0].wavelength,
            note=note,
        )
        for period, note in ((860 * nm, "the <b>first</b>"), (864 * nm, ""))
    ]
    started = changed(
        made,
        {f"layers.{number}.material": film(0.02) for number in range(2)}
        | {"measured": tuple(measured), "grating.period": 855 * nm},
    )
    page = written(started, tmp_path, verification=False)
    text = page.section("calibration")
    assert "-0.0800 on the film's index data" in " ".join(text.split())
    assert "the <b>first</b>" in text
    fitted, predicted = page.rows("Lasers of the same stack")
    assert fitted[-1] == "fitted"
    assert predicted[0] == "864"
    assert float(predicted[3]) == pytest.approx(0, abs=0.011)
    assert predicted[-1] == "predicted"


def test_parts_without_their_input_are_left_out_and_say_what_is_missing(tmp_path):
    infinite = changed(
        DEVICE, {"grating.length": None, "film": None, "pump": None, "grating.width": None}
    )
    page = written(infinite, tmp_path, verification=False)
    assert "Left out: grating has no length" in page.section("laser")
    assert "grating has no" in page.section("layout")
    assert "bright mode" in page.section("answer")
    assert len(page.images()) == 2  # cross-section and bands
    assert not (tmp_path / "page.gds").exists()


@pytest.mark.usefixtures("quick")
def test_a_laser_without_film_shows_gains_and_no_fluence(tmp_path):
    bare = changed(DEVICE, {"film": None, "pump": None})
    page = written(bare, tmp_path, verification=False)
    assert all(row[-1] == row[-2] == "–" for row in page.rows("Threshold modes"))
    assert "µJ/cm²" not in page.section("answer")


@pytest.mark.parametrize(
    "changes",
    [
        {"grating.order": 1, "grating.period": 432.5 * nm, "layers.0.lines.duty": 0.4},
        {"layers.0.lines.duty": 0.5},
        {"grating.facets.left": "cleaved"},
        {"grating.phase_shifts": (PhaseShift(position=0.5, shift=865 * nm / 4),)},
        {"pump.spot": Spot(shape="gaussian", length=200 * um)},
    ],
    ids=["first order", "duty 0.5", "cleaved", "phase shift", "spot"],
)
def test_other_gratings_have_a_page_too(tmp_path, changes):
    page = written(changed(DEVICE, changes), tmp_path, verification=False)
    assert len(page.images()) == (12 if "gives a threshold" in page.section("light") else 9)
    assert page.rows("Threshold modes")


def test_a_disagreement_is_told_as_one(tmp_path, monkeypatch):
    comparisons = (
        Comparison("bright", "wavelength", 1.6663, 1e-7, Extrapolated(1.6673, 1e-6), 3e-5),
        Comparison("bright", "quality factor", 9000.0, 1.0, Extrapolated(9001.0, 20.0), 45.0),
        Comparison("dark", "quality factor", float("inf"), 0.0, Extrapolated(1e6, 1e3), inf),
    )
    monkeypatch.setattr(module, "find_meep", lambda: None)
    monkeypatch.setattr(
        findings, "verify", lambda device, progress: Verification(1.67, comparisons)
    )
    page = written(DEVICE, tmp_path)
    assert "not passed" in page.section("answer")
    assert "They agree" not in page.section("verification")
    rows = page.rows("Value ± uncertainty")
    assert [row[-1] for row in rows] == ["disagrees", "agrees", "disagrees"]
    assert rows[0][1:4] == ["1666.30000 ± 0.00010", "1667.3000 ± 0.0010", "-0.0600"]
    assert rows[2][1:4] == ["infinite", "1 000 000 ± 1000", "infinite"]


@pytest.mark.usefixtures("quick")
def test_a_device_the_time_domain_cannot_check_says_why(tmp_path, monkeypatch):
    def refuse(device, progress):
        raise InputError("the time-domain check handles TE devices only.")

    monkeypatch.setattr(module, "find_meep", lambda: None)
    monkeypatch.setattr(findings, "verify", refuse)
    text = written(DEVICE, tmp_path).section("verification")
    assert "Left out: the time-domain check handles TE devices only." in text


def test_without_meep_nothing_is_computed_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.setenv("DFBDESIGN_MEEP_PYTHON", str(tmp_path / "no-such-python"))
    steps = []
    with pytest.raises(MeepMissing):
        report(DEVICE, tmp_path / "page.html", progress=lambda step, _: steps.append(step))
    assert steps == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["page.json", "page", "page.gds", "missing/page.html"])
def test_a_page_that_cannot_be_written_is_refused_before_any_work(tmp_path, name):
    steps = []
    with pytest.raises(InputError, match=r"\.html|no folder"):
        report(DEVICE, tmp_path / name, progress=lambda step, _: steps.append(step))
    assert steps == []
    assert list(tmp_path.iterdir()) == []


def test_a_solve_that_fails_leaves_the_old_page_and_writes_nothing(tmp_path, monkeypatch):
    def fail(device):
        raise NotConverged("the gain profile of a mode did not settle.")

    (tmp_path / "page.html").write_text("old", encoding="utf-8")
    monkeypatch.setattr(findings, "laser", fail)
    with pytest.raises(NotConverged):
        report(DEVICE, tmp_path / "page.html", verification=False)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "old"


@pytest.mark.usefixtures("quick")
def test_progress_names_each_step_in_turn(tmp_path):
    steps = []
    written(DEVICE, tmp_path, verification=False, progress=lambda *told: steps.append(told))
    assert steps == [
        ("band structure", None),
        ("finite laser", None),
        ("tolerance", None),
        ("light against pump", None),
        ("thresholds of the published laser", None),
        ("layout", None),
        ("pictures and page", None),
    ]


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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lost.html", None),
        ("other.html", "<p>no report</p>"),
        ("other.json", '{"modes": []}'),
        ("broken.json", "{"),
    ],
)
def test_what_is_no_report_is_refused_before_any_work(tmp_path, name, content):
    steps, previous = [], tmp_path / name
    if content is not None:
        previous.write_text(content)
    with pytest.raises(InputError, match=name):
        report(
            DEVICE, tmp_path / "page.html", against=previous, progress=lambda *_: steps.append(_)
        )
    assert steps == []


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
