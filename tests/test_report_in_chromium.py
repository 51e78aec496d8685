"""The page of a report in a real browser: on a phone, on a desktop, in the dark and printed."""

import json
import re

import pages
import pytest
from chromium import chromium, find_chromium

from dfbdesign.device import Measured, changed
from dfbdesign.reports.report import report
from dfbdesign.units import nm

pytestmark = pytest.mark.browser

NASTY = (
    '<script>document.title = "run"; alert(1)</script><img src=x onerror=alert(2)> & {{ 7 * 7 }}'
)
DEVICE = changed(
    pages.DEVICE,
    {
        "name": NASTY,
        "measured": (
            Measured(period=860 * nm, wavelength=1661 * nm, note="<b onclick=alert(3)>first</b>"),
        ),
    },
)
WINDOWS = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 900},
    "dark": {"width": 1280, "height": 900, "scheme": "dark"},
    "phone in the dark": {"width": 390, "height": 844, "scheme": "dark"},
    "print": {"width": 680, "height": 1000, "media": "print"},  # A4 within its margins
}
STICKS_OUT = """
    [...document.body.querySelectorAll("*")]
        .filter((one) => !one.closest("pre, thead") && one.getClientRects().length)
        .filter((one) => one.getBoundingClientRect().right > document.body.parentNode.clientWidth)
        .map((one) => one.outerHTML.slice(0, 80))
"""
FAINT = """
    (() => {
        const luminance = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
            .map((c) => c / 255)
            .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (one) => {
            const colour = getComputedStyle(one).backgroundColor;
            const clear = colour === "rgba(0, 0, 0, 0)" && one.parentElement;
            return clear ? behind(one.parentElement) : colour;
        };
        const says = (one) => [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        return [...document.body.querySelectorAll("*:not(script)")].filter(says).filter((one) => {
            const [a, b] = [luminance(getComputedStyle(one).color), luminance(behind(one))];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
        }).map((one) => one.outerHTML.slice(0, 80));
    })()
"""
TABLE = """
    [...[...document.querySelectorAll("table")]
        .find((one) => one.caption.innerText.startsWith(%s)).tBodies[0].rows]
        .map((row) => [...row.cells].map((cell) => cell.innerText))
"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    if find_chromium() is None:
        pytest.skip("no Chromium found; .ci/setup installs it")
    with chromium(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    report(changed(DEVICE, {"grating.period": 860 * nm}), path / "before.html", verification=False)
    report(DEVICE, path / "page.html", verification=False, against=path / "before.html")
    return path


def rows(tab, caption):
    return tab.value(TABLE % json.dumps(caption))


def number(text):
    return float(re.sub(r"\s", "", text))


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_the_page_opens_whole_and_quiet(tab, folder, window):
    tab.open(folder / "page.html", **window)
    assert tab.complaints() == []
    assert tab.requests() == [(folder / "page.html").as_uri()]
    pictures = tab.value("[...document.images].map((one) => [one.naturalWidth, one.offsetWidth])")
    assert len(pictures) == 12  # all but the comparison that was left out
    assert all(pixels > 1000 and 200 < shown < 700 for pixels, shown in pictures)
    assert tab.value(STICKS_OUT) == []


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_every_text_stands_out_from_what_is_behind_it(tab, folder, window):
    tab.open(folder / "page.html", **window)
    assert tab.value(FAINT) == []
    dark = tab.value("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == ("scheme" in window)


def test_the_browser_tells_of_errors_lost_pictures_and_faint_text(tab, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        '<meta charset="utf-8"><title>bad</title><img src="data:image/png;base64,AAAA">'
        '<img src="https://example.org/lost.png"><p style="color: #aaa">faint</p>'
        '<div style="width: 3000px">wide</div><script>missing()</script>'
    )
    tab.open(page)
    kinds = {one["method"] for one in tab.complaints()}
    assert {"Runtime.exceptionThrown", "Network.loadingFailed"} <= kinds
    assert len(tab.requests()) == 2
    assert tab.value("[...document.images].map((one) => one.naturalWidth)") == [0, 0]
    assert len(tab.value(STICKS_OUT)) == 1
    assert len(tab.value(FAINT)) == 1


def test_what_the_user_wrote_is_shown_and_never_run(tab, folder):
    tab.open(folder / "page.html")
    assert tab.value("document.title") == NASTY
    assert tab.value("document.querySelector('h1').innerText") == NASTY
    assert tab.value("document.scripts.length") == 1
    assert tab.value("document.querySelectorAll('b, [onclick], [onerror]').length") == 0
    assert "<b onclick=alert(3)>first</b>" in tab.value(
        "document.getElementById('calibration').innerText"
    )


def test_the_numbers_shown_are_those_of_the_file(tab, folder):
    numbers = json.loads((folder / "page.json").read_text(encoding="utf-8"))
    tab.open(folder / "page.html")
    assert tab.value("JSON.parse(document.getElementById('numbers').textContent)") == numbers
    for row, mode in zip(rows(tab, "Threshold modes"), numbers["laser"]["modes"], strict=True):
        wanted = [value for key, value in mode.items() if key != "origin"]
        assert row[0] == mode["origin"]
        assert [number(text) for text in row[1:]] == pytest.approx(wanted, rel=2e-3)
    for row, mode in zip(rows(tab, "Cold modes"), numbers["cell"]["modes"], strict=True):
        assert number(row[1]) == pytest.approx(mode["wavelength_nm"], abs=1e-3)
    for row, one in zip(
        rows(tab, "As designed, and"), numbers["tolerance"]["quantities"], strict=True
    ):
        keys = ("nominal", "low_5_percent", "median", "high_95_percent")
        assert [number(text) for text in row[1:]] == pytest.approx(
            [one[key] for key in keys], rel=2e-3
        )
    first = numbers["laser"]["modes"][0]
    shown = tab.value("document.querySelector('.cards dd').innerText")
    assert number(shown.removesuffix("nm")) == pytest.approx(first["wavelength_nm"], abs=0.005)


def test_changes_open_on_demand_and_show_what_the_file_tells(tab, folder):
    numbers = json.loads((folder / "page.json").read_text(encoding="utf-8"))["changes"]
    tab.open(folder / "page.html")
    assert rows(tab, "Inputs that are not") == [["grating: period", "860 nm", "865 nm"]]
    assert "before.html" in tab.value("document.querySelector('#changes h2').innerText")
    details = "document.querySelector('#changes details')"
    assert not tab.value(f"{details}.querySelector('table').checkVisibility()")
    tab.value(f"{details}.querySelector('summary').click()")
    assert tab.value(f"{details}.querySelector('table').checkVisibility()")
    shown = rows(tab, "Each to the second")
    assert [row[0] for row in shown] == [one["name"] for one in numbers["results"]]


def test_contents_lead_to_sections_that_exist(tab, folder):
    tab.open(folder / "page.html")
    links = tab.value("[...document.querySelectorAll('nav a')].map((a) => a.hash.slice(1))")
    assert len(links) > 8
    assert all(tab.value(f"document.getElementById('{name}') !== null") for name in links)


def test_the_page_prints_on_a_few_sheets_without_what_only_a_screen_can_do(tab, folder):
    tab.open(folder / "page.html", **WINDOWS["print"])
    for hidden in ("nav", "details"):
        assert not tab.value(f"document.querySelector('{hidden}').checkVisibility()")
    tab.open(folder / "page.html")
    printed = tab.pdf()
    assert printed.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type /Page\b", printed)) <= 10
