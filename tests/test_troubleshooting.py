"""The list of errors holds every message in the source, and finds those that come up."""

import json
import re
from pathlib import Path

import pytest

import dfbdesign
from dfbdesign import Device, Grating, Layer, Lines, Target, errors, material, modes
from dfbdesign.checks import positive
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.dots import Dots
from dfbdesign.reports.troubleshooting import KINDS, page
from dfbdesign.reports.troubleshooting import errors as listed
from dfbdesign.solvers.slab import slab
from dfbdesign.units import nm

PACKAGE = Path(dfbdesign.__file__).parent
MADE = re.compile(rf"\b({'|'.join(KINDS)})\(\s*[^)\s]")  # with an argument; no class, no except
FILLED = re.compile(r"‹[^›]*›|\{[^}]*\}")


def pattern(message):
    """A regular expression for what a message looks like once it is filled in."""
    return ".*".join(re.escape(part.strip()) for part in FILLED.split(message))


def test_the_kinds_are_all_the_errors_there_are():
    kinds = {name for name, one in vars(errors).items() if isinstance(one, type)}
    assert kinds == set(KINDS)


def test_every_error_in_the_source_is_listed():
    told = {}
    for one in listed():
        told[one.module] = told.get(one.module, 0) + 1
    for path in PACKAGE.rglob("*.py"):
        text = re.sub(r"^class .*$", "", path.read_text(encoding="utf-8"), flags=re.M)
        if path.name == "errors.py":
            continue
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        assert told.get(module, 0) >= len(MADE.findall(text)), module


def test_every_literal_of_a_raised_message_is_on_the_page():
    written = page().replace("\\", "")
    for path in PACKAGE.rglob("*.py"):
        for literal in re.findall(
            rf'raise (?:{"|".join(KINDS)})\(\s*f?"([^"{{]{{12,}})', path.read_text(encoding="utf-8")
        ):
            assert literal in written, (path.name, literal)


def wrong_material():
    material("sapphir")


def wrong_number():
    positive("period", -1)


def too_thin():
    slab(
        Device(
            substrate=1.746, superstrate=1.0, layers=[Layer(thickness=20 * nm, material=1.9)],
            target=Target(wavelength=1670 * nm),
        )
    )  # fmt: skip


def wrong_period():
    lines = Lines(material=2.3, duty=0.3)
    modes(
        Device(
            substrate=1.746, superstrate=1.0,
            layers=[Layer(thickness=50 * nm, material=2.53, lines=lines),
                    Layer(thickness=160 * nm, material=2.53)],
            grating=Grating(period=600 * nm), target=Target(wavelength=1670 * nm),
        )
    )  # fmt: skip


def handed_on():
    Dots(doping=9.5)


@pytest.mark.parametrize("fail", [wrong_material, wrong_number, too_thin, wrong_period, handed_on])
def test_a_message_that_comes_up_is_found(fail):
    with pytest.raises((InputError, PhysicsError)) as raised:
        fail()
    kind, message = type(raised.value).__name__, str(raised.value)
    found = [
        one
        for one in listed()
        if one.kind == kind
        and len(FILLED.sub("", one.message)) > 20
        and re.fullmatch(pattern(one.message), message)
    ]
    assert found, message
    assert all(one.doing for one in found)


def test_the_verb_finds_messages_by_their_words(dfb):
    found = json.loads(dfb("errors", "edges", "holds", "pair", "--json").out)["errors"]
    assert {row["kind"] for row in found} == {"NoGuidedMode"}
    assert found[0]["exit_code"] == 3
    assert "the window holds no pair" in dfb("errors", "holds no pair").out
    assert json.loads(dfb("errors", "no such words", "--json").out)["errors"] == []
