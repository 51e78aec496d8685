"""Chips: what stands where, what the files say, and what is refused."""

import csv
import hashlib
import json
import struct
import xml.etree.ElementTree as ET
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import gdstk
import klayout.db as kdb
import numpy as np
import pytest

from dfbdesign.device import Device, changed, load_device, save_device
from dfbdesign.errors import InputError
from dfbdesign.layout import chip as chip_module
from dfbdesign.layout import device_layout, layout, load_chip
from dfbdesign.units import nm, pm, um

ROOT = Path(__file__).parent.parent
LINES, LABEL, MARKS = 1, 2, 3

CHIP = """
[[array]]
device = "device.toml"
period = ["860 nm", "867.3 nm", "870 nm"]
duty = [0.3, 0.6]
length = ["100 um", "150 um"]
spacing = ["400 um", "500 um"]
"""


@pytest.fixture
def reference() -> Device:
    device = load_device(ROOT / "examples" / "reference.toml")
    return changed(device, {"grating.length": 100 * um, "grating.width": 100 * um})


@pytest.fixture
def folder(tmp_path, reference) -> Path:
    save_device(reference, tmp_path / "device.toml")
    return tmp_path


def write_chip(folder: Path, text: str = CHIP):
    (folder / "chip.toml").write_text(text)
    return layout(folder / "chip.toml", folder / "chip.gds")


def read(path: Path) -> kdb.Layout:
    found = kdb.Layout()
    found.read(str(path))
    return found


def region(found: kdb.Layout, cell: str, layer: int) -> kdb.Region:
    return kdb.Region(found.cell(cell).begin_shapes_rec(found.layer(layer, 0))).merged()


def test_columns_run_over_the_period_and_rows_over_duty_and_length(folder):
    devices = write_chip(folder).devices
    assert [one.name for one in devices] == [f"A{n:02d}" for n in range(1, 13)]
    gratings = [one.device.need_grating() for one in devices]
    duties = [one.device.layers[0].lines.duty for one in devices]
    assert [g.period for g in gratings] == [0.86, 0.8673, 0.87] * 4
    assert duties == [0.3] * 6 + [0.6] * 6
    assert [g.length for g in gratings] == ([100.0] * 3 + [150.0] * 3) * 2


def test_devices_stand_at_the_spacing_and_where_the_manifest_says(folder):
    written = write_chip(folder)
    found = read(folder / "chip.gds")
    for one in written.devices:
        (instance,) = [i for i in found.cell("chip").each_inst() if i.cell.name == one.name]
        centre = (
            region(found, f"{one.name}_grating", LINES).bbox().moved(instance.trans.disp).center()
        )
        assert (centre.x * nm, centre.y * nm) == pytest.approx(one.position, abs=1 * nm)
    corners = {
        i.cell.name: (i.trans.disp.x, i.trans.disp.y) for i in found.cell("chip").each_inst()
    }
    assert np.subtract(corners["A02"], corners["A01"]).tolist() == [400_000, 0]
    assert np.subtract(corners["A04"], corners["A01"]).tolist() == [0, -500_000]


def test_the_lower_left_chip_mark_is_the_origin(folder):
    write_chip(folder)
    found = read(folder / "chip.gds")
    marks = [polygon.bbox() for polygon in found.cell("chip").shapes(found.layer(MARKS, 0)).each()]
    assert len(marks) == 4
    lowest = min(marks, key=lambda box: (box.left, box.bottom))
    assert lowest.center() == kdb.Point(0, 0)
    assert lowest.width() == 100_000


@pytest.mark.parametrize("length", [10 * um, 100 * um, 500 * um])
def test_label_and_marks_stay_clear_of_the_lines_and_of_each_other(tmp_path, reference, length):
    device = changed(reference, {"grating.length": length, "grating.period": 867.25 * nm})
    device_layout(device, tmp_path / "a.gds")
    found = read(tmp_path / "a.gds")
    lines, label, marks = (region(found, "chip", layer) for layer in (LINES, LABEL, MARKS))
    clear = 20_000  # database units of 1 nm
    assert lines.count() == round(length / 0.86725)
    assert (kdb.Region(lines.bbox()).sized(clear) & (label + marks)).is_empty()
    assert (label & marks).is_empty()
    assert marks.count() == 8
    middle = region(found, "A01", LINES).bbox().center()
    centres = [mark.bbox().center() for mark in region(found, "A01", MARKS).each()]
    assert len({(centre.x > middle.x, centre.y > middle.y) for centre in centres}) == 4


def test_devices_of_an_array_do_not_touch(folder):
    write_chip(folder)
    found = read(folder / "chip.gds")
    boxes = [i.bbox() for i in found.cell("chip").each_inst()]
    assert len(boxes) == 12
    area = sum(box.area() for box in boxes)
    assert kdb.Region(boxes).merged().area() == area


def test_the_label_says_name_period_and_duty(folder):
    write_chip(folder)
    found = read(folder / "chip.gds")
    label = region(found, "A02", LABEL)
    expected = kdb.Region()
    for polygon in gdstk.text("A02\n867.3 nm\nduty 0.3", 40, (0, 0)):
        expected.insert(
            kdb.Polygon([kdb.Point(*np.rint(p / nm).astype(int).tolist()) for p in polygon.points])
        )
    expected.merge()
    expected.move(label.bbox().p1 - expected.bbox().p1)
    assert (label ^ expected).sized(-2).is_empty()  # both rounded to 1 nm
    assert label.area() > 0


def test_all_lines_of_a_chip_are_written_as_designed(folder):
    written = write_chip(folder).written
    assert 0 < written.largest_edge_error <= 0.5 * nm
    assert abs(written.mean_period_error) < 1 * pm
    assert written.worst_period.device.need_grating().period == 0.8673


def test_layers_and_grid_follow_the_process(folder):
    process = '[process]\ngrid = "0.5 nm"\nlayers = { lines = 11, label = 12, marks = 13 }\n'
    write_chip(folder, process + CHIP)
    found = read(folder / "chip.gds")
    assert found.dbu == 0.5 * nm
    numbers = {found.get_info(index).layer for index in found.layer_indexes()}
    assert numbers == {11, 12, 13}


def test_the_same_chip_is_the_same_file_byte_for_byte(folder):
    first = write_chip(folder)
    before = [path.read_bytes() for path in first.files]
    again = write_chip(folder)
    assert [path.read_bytes() for path in again.files] == before
    # Every date in the file is the same fixed one: a GDS record is length, type, content.
    content, place, years = before[0], 0, set()
    while place < len(content) and struct.unpack_from(">H", content, place)[0]:
        size, kind = struct.unpack_from(">HB", content, place)
        if kind in (0x01, 0x05):  # BGNLIB, BGNSTR
            years |= {struct.unpack_from(">H", content, place + 4)[0]}
        place += size
    assert years == {100}  # since 1900


def test_the_manifest_lists_every_device_and_the_file_it_belongs_to(folder):
    written = write_chip(folder)
    gds, table, full, preview = written.files
    assert preview.suffix == ".svg"
    content = json.loads(full.read_text())
    assert content["gds_sha256"] == hashlib.sha256(gds.read_bytes()).hexdigest()
    assert content["version"] == version("dfbdesign")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["device"] for row in rows] == [one.name for one in written.devices]
    assert [float(row["period_nm"]) for row in rows[:3]] == [860, 867.3, 870]
    assert [int(row["lines"]) for row in rows[:3]] == [116, 115, 115]
    assert [float(row["line_width_nm"]) for row in rows[:3]] == [258, 260, 261]
    assert [{k: str(v) for k, v in row.items()} for row in content["devices"]] == rows


def test_the_preview_is_an_svg_with_every_grating_and_a_scale_bar_to_scale(folder):
    svg = write_chip(folder).files[3]
    root = ET.parse(svg).getroot()
    ns = "{http://www.w3.org/2000/svg}"
    polygons = [
        np.array([p.split(",") for p in e.get("points").split()], dtype=float)
        for e in root.iter(f"{ns}polygon")
        if e.get("fill") == "#1f4e8c"
    ]
    assert len(polygons) == 12 + 6
    texts = [e.text for e in root.iter(f"{ns}text")]
    assert texts[0] == "200 µm"
    assert texts[1] == "1 µm; first lines: period 860 nm, line width 258 nm"
    bars = [float(e.get("width")) for e in root.iter(f"{ns}rect") if "%" not in e.get("width")]
    chip_scale, line_scale = bars[0] / 200, bars[1] / 1
    assert np.ptp(polygons[0][:, 1]) / chip_scale == pytest.approx(100, rel=1e-3)
    assert np.ptp(polygons[12][:, 0]) / line_scale == pytest.approx(0.258, rel=1e-3)
    starts = [p[:, 0].min() for p in polygons[12:]]
    assert [(b - a) / line_scale for a, b in pairwise(starts)] == pytest.approx(
        [0.86] * 5, rel=1e-3
    )


def test_a_device_of_575_lines_is_below_10_kilobytes(tmp_path, reference):
    for period in (870 * nm, 869.0137 * nm):
        device = changed(reference, {"grating.length": 500 * um, "grating.period": period})
        assert device_layout(device, tmp_path / "a.gds").devices[0].written.lines == 575
        assert (tmp_path / "a.gds").stat().st_size < 10_000


def test_devices_without_a_spacing_stand_a_margin_apart(folder):
    write_chip(folder, '[[array]]\ndevice = "device.toml"\nperiod = ["860 nm", "870 nm"]\n')
    found = read(folder / "chip.gds")
    first, second = (i.bbox() for i in found.cell("chip").each_inst())
    assert second.left - first.right == pytest.approx(100_000, abs=1000)


def test_arrays_stand_below_each_other_with_letters_of_their_own(folder):
    written = write_chip(folder, CHIP + '[[array]]\ndevice = "device.toml"\n')
    assert written.devices[-1].name == "B01"
    assert written.devices[-1].position[1] < min(one.position[1] for one in written.devices[:-1])


def test_the_chip_in_the_repository_is_what_its_chip_file_gives(tmp_path):
    chip = ROOT / "layouts" / "reference.toml"
    written = layout(chip, tmp_path / "reference.gds")
    for path in written.files[:2]:
        assert path.read_bytes() == (ROOT / "layouts" / path.name).read_bytes()
    assert len(written.devices) == 39


def test_an_interrupted_export_leaves_the_old_file_as_it_was(folder, monkeypatch):
    write_chip(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(chip_module, "check_written", interrupt)
    with pytest.raises(KeyboardInterrupt):
        layout(folder / "chip.toml", folder / "chip.gds")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_that_cannot_be_written_is_bad_input(folder):
    (folder / "chip.toml").write_text(CHIP)
    with pytest.raises(InputError, match="existing, writable folder"):
        layout(folder / "chip.toml", folder / "missing" / "chip.gds")
    with pytest.raises(InputError, match=r'ends in ".gds", got "chip.oas"'):
        layout(folder / "chip.toml", folder / "chip.oas")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "spacing",
            "spacings",
            r'chip.toml: array 1 has no key "spacings". Did you mean "spacing"',
        ),
        ("[[array]]", "[[arrays]]", r'has no key "arrays". Did you mean "array"'),
        ("device.toml", "other.toml", r"array 1 device cannot read .*other.toml"),
        ("400 um", "200 um", r'devices overlap.* spacing is 200 um .*Write spacing = \["2\d\d um"'),
        ("500 um", "200 um", "devices overlap.* 200 um"),
        ('"860 nm"', "860", "array 1 period 1 needs a unit"),
        ('"860 nm"', '"860 fs"', "array 1 period 1 must be a length"),
        ("0.3,", "1.3,", "array A: .*duty must lie in"),
        ("0.3,", "0.0001,", "device A01: the line, 0.086 nm .* narrower than the grid"),
        ('"100 um"', '"1 nm"', "array A: .*length must hold at least one period"),
        ("[[array]]", '[process]\ngrid = "1 pm"\n[[array]]', "grid .in nm. must lie in"),
        ("[[array]]", '[process]\ntone = "negative"\n[[array]]', 'process has no key "tone"'),
        ("[[array]]", '[frame]\nmargin = "1 um"\n[[array]]', "margin .in um. must lie in"),
        ("[[array]]", "[process.layers]\nlines = -1\n[[array]]", "process layers lines"),
        ("400 um", "2200 m", "more than GDS can count"),
    ],
)
def test_what_is_wrong_in_a_chip_file_is_said_in_one_line(folder, old, new, message):
    with pytest.raises(InputError, match=message) as caught:
        write_chip(folder, CHIP.replace(old, new, 1))
    assert "\n" not in str(caught.value)


def test_a_device_without_lines_or_size_is_refused_by_name(folder, reference):
    device = changed(reference, {"grating.width": None})
    with pytest.raises(InputError, match="device A01: grating has no width"):
        device_layout(device, folder / "a.gds")
    device = changed(reference, {"grating.length": None})
    with pytest.raises(InputError, match="device A01: grating has no length"):
        device_layout(device, folder / "a.gds")
    device = changed(reference, {"layers.0.lines": None})
    with pytest.raises(InputError, match="has no lines to write"):
        device_layout(device, folder / "a.gds")
    assert not list(folder.glob("a.*"))


def test_a_chip_file_reads_back_with_its_devices(folder):
    (folder / "chip.toml").write_text(CHIP)
    chip = load_chip(folder / "chip.toml")
    assert chip.array[0].device == load_device(folder / "device.toml")
    assert chip.array[0].spacing == (400, 500)
