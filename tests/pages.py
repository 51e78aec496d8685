"""A device whose report is made, and a reader of its page."""

from html.parser import HTMLParser

import pytest

from dfbdesign import plots
from dfbdesign.device import Device, GainFilm, Grating, Layer, Lines, Pump, Target
from dfbdesign.errors import InputError
from dfbdesign.reports import findings
from dfbdesign.reports.report import report
from dfbdesign.units import nm, um

NASTY = '<script>alert("1")</script> & "quoted" {{ 7 * 7 }} Λ = 865 nm'
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
