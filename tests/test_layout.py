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
from dfbdesign.layout import chip_of_manifest, device_layout, layout, load_chip, save_chip
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
    assert (label ^ expected).sized(-205).is_empty()  # letters are 200 nm bolder on each side
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
    gds, table, full, preview, doses, sheet = written.files
    assert [doses.name, sheet.name] == ["chip.doses.csv", "chip.process.md"]
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
    texts = [{k: "" if v is None else str(v) for k, v in row.items()} for row in content["devices"]]
    assert texts == rows


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


def test_oasis_holds_the_same_chip_and_the_same_bytes_every_time(folder):
    write_chip(folder)
    gds = read(folder / "chip.gds")
    contents = []
    for _ in range(2):
        written = layout(folder / "chip.toml", folder / "chip.oas")
        contents.append((folder / "chip.oas").read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(b"%SEMI-OASIS")
    oasis = read(folder / "chip.oas")
    for layer in (LINES, LABEL, MARKS):
        assert (region(gds, "chip", layer) ^ region(oasis, "chip", layer)).is_empty()
    assert len(written.devices) == 12


def test_devices_with_the_same_lines_share_their_cell(folder):
    chip = CHIP + CHIP.replace('"870 nm"]', '"880 nm"]')
    devices = write_chip(folder, chip).devices
    cells = [one.cell for one in devices]
    assert cells[12:14] == ["A01_grating", "A02_grating"]
    assert cells[14] == "B03_grating"
    found = read(folder / "chip.gds")
    names = {cell.name for cell in found.each_cell() if cell.name.endswith("_grating")}
    assert names == set(cells)
    assert region(found, "B01", LINES).area() == region(found, "A01", LINES).area() > 0


def test_devices_without_a_spacing_stand_a_margin_apart(folder):
    write_chip(folder, '[[array]]\ndevice = "device.toml"\nperiod = ["860 nm", "870 nm"]\n')
    found = read(folder / "chip.gds")
    first, second = (i.bbox() for i in found.cell("chip").each_inst())
    assert second.left - first.right == pytest.approx(100_000, abs=1000)


def test_arrays_stand_below_each_other_with_letters_of_their_own(folder):
    written = write_chip(folder, CHIP + '[[array]]\ndevice = "device.toml"\n')
    assert written.devices[-1].name == "B01"
    assert written.devices[-1].position[1] < min(one.position[1] for one in written.devices[:-1])


def test_an_interrupted_export_leaves_the_old_file_as_it_was(folder, monkeypatch):
    write_chip(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(chip_module, "check_open", interrupt)
    with pytest.raises(KeyboardInterrupt):
        layout(folder / "chip.toml", folder / "chip.gds")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_that_cannot_be_written_is_bad_input(folder):
    (folder / "chip.toml").write_text(CHIP)
    with pytest.raises(InputError, match="existing, writable folder"):
        layout(folder / "chip.toml", folder / "missing" / "chip.gds")
    with pytest.raises(InputError, match=r'ends in ".gds" or ".oas", got "chip.dxf"'):
        layout(folder / "chip.toml", folder / "chip.dxf")


PROCESS = '[process]\ndose_by = "{}"\nlayers = {{ lines = 10 }}\n'


@pytest.mark.parametrize("kind", ["datatype", "layer"])
def test_doses_are_rows_of_their_own_told_apart_in_the_file(folder, kind):
    chip = CHIP.replace("spacing", "dose = [0.9, 1, 1.2]\nspacing").replace("500 um", "700 um")
    devices = write_chip(folder, PROCESS.format(kind) + chip).devices
    assert len(devices) == 36
    assert [one.dose for one in devices] == [0.9, 1, 1.2] * 12
    periods = [one.device.need_grating().period for one in devices]
    assert periods[:9] == [0.86] * 3 + [0.8673] * 3 + [0.87] * 3
    found = read(folder / "chip.gds")
    place = {0.9: 0, 1: 1, 1.2: 2}
    for one in devices:
        step = place[one.dose]
        number = (10 + step, 0) if kind == "layer" else (10, step)
        shapes = found.cell(one.name).begin_shapes_rec(found.layer(*number))
        assert kdb.Region(shapes).merged().count() == one.written.lines
    content = json.loads((folder / "chip.manifest.json").read_text())
    assert [(row["dose"], row["layer"], row["datatype"]) for row in content["doses"][:3]] == [
        (dose, *((10 + step, 0) if kind == "layer" else (10, step))) for dose, step in place.items()
    ]
    assert [row["layer"] for row in content["doses"][3:]] == [2, 3]
    assert [row["dose"] for row in content["devices"]] == [one.dose for one in devices]


def test_doses_by_layer_do_not_run_into_other_layers(folder):
    process = '[process]\ndose_by = "layer"\n'
    chip = CHIP.replace("spacing", "dose = [0.9, 1]\nspacing").replace("500 um", "700 um")
    with pytest.raises(InputError, match=r"reach layer 2, which is taken. Write layers = . lines"):
        write_chip(folder, process + chip)


def test_lines_are_drawn_narrower_by_the_bias_and_stay_where_they_are(folder):
    plain = write_chip(folder).devices
    before = read(folder / "chip.gds")
    biased = write_chip(folder, '[process]\nbias = "20 nm"\n' + CHIP).devices
    found = read(folder / "chip.gds")
    for old, new in zip(plain, biased, strict=True):
        assert old.written.widths[0] - new.written.widths[0] == pytest.approx(20 * nm)
        assert new.written.width_error == pytest.approx(old.written.width_error, abs=1e-6 * nm)
        centres = [
            [one.bbox().center().x for one in region(file, f"{name.name}_grating", LINES).each()]
            for file, name in ((before, old), (found, new))
        ]
        assert centres[0] == centres[1]


def test_fields_are_outlined_hold_whole_periods_and_cut_no_line(folder):
    process = '[process.field]\nsize = "60 um"\nstitching = "10 nm"\n'
    devices = write_chip(folder, process + CHIP).devices
    found = read(folder / "chip.gds")
    for one in devices:
        outlines = region(found, one.name, 4)
        raw = kdb.Region(found.cell(one.name).begin_shapes_rec(found.layer(4, 0)))
        boxes = [shape.bbox() for shape in raw.each()]
        assert len(boxes) == one.fields
        assert max(max(box.width(), box.height()) for box in boxes) <= 60_000
        lines = region(found, one.name, LINES)
        assert (lines - outlines).is_empty()
        edges = sorted({box.left for box in boxes})[1:]
        for edge in edges:
            cut = kdb.Region(kdb.Box(edge - 50, 0, edge + 50, 1000))
            assert (lines & cut).is_empty()  # 50 nm clear on both sides: it lies in a groove
        counts = [
            (lines & kdb.Region(box)).count() for box in boxes if box.bottom == boxes[0].bottom
        ]
        full = int(60 / one.device.need_grating().period)
        assert sorted(counts)[1:] == [full] * (len(counts) - 1)
        assert one.stitching_error > 0


def test_a_period_off_the_grid_needs_dithering(folder):
    process = '[process]\ndither = "off"\n'
    with pytest.raises(InputError, match=r"867.3 nm is no whole number .* or period = \"867 nm\""):
        write_chip(folder, process + CHIP)
    write_chip(folder, process + CHIP.replace("867.3", "867"))


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
        ("500 um", "200 um", "the label does not fit.*label_height below 40 um, or spacing"),
        ("500 um", "190 um", "devices overlap.* 190 um"),
        ('"860 nm"', "860", "array 1 period 1 needs a unit"),
        ('"860 nm"', '"860 fs"', "array 1 period 1 must be a length"),
        ("0.3,", "1.3,", "array A: .*duty must lie in"),
        ("0.3,", "0.0001,", "device A01: the line, 0.086 nm .* narrower than the grid"),
        ('"100 um"', '"1 nm"', "array A: .*length must hold at least one period"),
        ("[[array]]", '[process]\ngrid = "1 pm"\n[[array]]', "grid .in nm. must lie in"),
        ("[[array]]", '[process]\ntone = "negative"\n[[array]]', 'process has no key "tone"'),
        ("[[array]]", '[frame]\nmargin = "1 um"\n[[array]]', "margin .in um. must lie in"),
        ("[[array]]", "[process.layers]\nlines = -1\n[[array]]", "process layers lines"),
        ("[[array]]", '[process.field]\nsize = "500 nm"\n[[array]]', "does not hold one period"),
        ("[[array]]", '[process.field]\nstitching = "2 um"\n[[array]]', "between 0 and 1000 nm"),
        ("spacing", "dose = [0]\nspacing", "array 1 dose 1"),
        ("spacing", 'width = "-1 um"\nspacing', "array 1 width"),
        ("[[array]]", '[process]\nbias = "260 nm"\n[[array]]', "bias 260 nm.*narrower than the"),
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


def test_a_chip_goes_through_its_manifest_and_back_to_the_same_file_and_the_same_gds(folder):
    process = (
        '[process]\ngrid = "0.5 nm"\nbias = "-3 nm"\ndose_by = "layer"\n'
        'layers = { lines = 20 }\nfield = { size = "200 um", stitching = "5 nm" }\n'
        '[frame]\nlabel_height = "21 um"\n'
    )
    chip = process + CHIP.replace("spacing", 'width = "90 um"\ndose = [0.9, 1.1]\nspacing')
    write_chip(folder, chip)
    first = (folder / "chip.gds").read_bytes()
    read_back = chip_of_manifest(folder / "chip.manifest.json")
    assert read_back == load_chip(folder / "chip.toml")
    save_chip(read_back, folder / "again.toml")
    assert load_chip(folder / "again.toml") == read_back
    layout(folder / "again.toml", folder / "again.gds")
    assert (folder / "again.gds").read_bytes() == first
    save_chip(chip_of_manifest(folder / "again.manifest.json"), folder / "third.toml")
    assert (folder / "third.toml").read_bytes() == (folder / "again.toml").read_bytes()


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"chip": {"array": []}}'])
def test_what_is_no_manifest_is_bad_input(tmp_path, text):
    (tmp_path / "a.manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"cannot read a chip from .*a.manifest.json"):
        chip_of_manifest(tmp_path / "a.manifest.json")
    with pytest.raises(InputError, match="cannot read a chip from"):
        chip_of_manifest(tmp_path / "missing.json")


def test_a_chip_file_reads_back_with_its_devices(folder):
    (folder / "chip.toml").write_text(CHIP)
    chip = load_chip(folder / "chip.toml")
    assert chip.array[0].device == load_device(folder / "device.toml")
    assert chip.array[0].spacing == (400, 500)
