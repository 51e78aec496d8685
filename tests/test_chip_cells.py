"""Chips with cells, frame, doses, wafer and process sheet: what the files hold and say."""

import csv
import json
from math import hypot
from pathlib import Path

import gdstk
import klayout.db as kdb
import numpy as np
import pytest

from dfbdesign.device import changed, load_device, save_device
from dfbdesign.errors import InputError
from dfbdesign.layout import check_rules, chip_of_manifest, layout, load_chip, save_chip
from dfbdesign.layout.exposure import Dose, WriteTime, doses_of, write_time
from dfbdesign.layout.marks import VERNIER_STEP, frame_lines, vernier, verniers
from dfbdesign.layout.process import Beam, Process
from dfbdesign.layout.proximity import developed_widths, point_spread
from dfbdesign.layout.wafer import Wafer, packed, wafer_outline
from dfbdesign.units import cm, mm, nA, nm, s, uC, um

ROOT = Path(__file__).parent.parent
LINES, LABEL, MARKS = 1, 2, 3

ARRAY = """
[[array]]
device = "device.toml"
period = ["860 nm", "870 nm"]
duty = [0.4]
"""
FRAME = '[frame]\nborder = "400 um"\nlabel_height = "20 um"\n'
CELLS = """
[[cell]]
kind = "spiral"
length = ["2 mm", "3 mm"]
width = ["600 nm", "800 nm"]

[[cell]]
kind = "coupler"
gap = "300 nm"
length = "50 um"
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    device = load_device(ROOT / "examples" / "reference.toml")
    save_device(
        changed(device, {"grating.length": 100 * um, "grating.width": 60 * um}),
        tmp_path / "device.toml",
    )
    return tmp_path


def write_chip(folder: Path, text: str, name: str = "chip.gds"):
    (folder / "chip.toml").write_text(text)
    return layout(folder / "chip.toml", folder / name)


def flat(path: Path, layer: int, cell: str = "chip", datatype: int = 0):
    found = kdb.Layout()
    found.read(str(path))
    region = kdb.Region()
    region.insert(found.cell(cell).begin_shapes_rec(found.layer(layer, datatype)))
    return region


def test_a_list_in_a_cell_is_an_axis_and_the_last_one_runs_fastest(folder):
    cells = write_chip(folder, FRAME + ARRAY + CELLS).cells
    assert [one.name for one in cells] == ["c01", "c02", "c03", "c04", "c05"]
    assert [(one.record.get("length"), one.record["width"]) for one in cells[:4]] == [
        ("2000 um", "600 nm"), ("2000 um", "800 nm"), ("3000 um", "600 nm"), ("3000 um", "800 nm"),
    ]  # fmt: skip
    assert cells[4].record["kind"] == "coupler"
    assert [one.record["length_um"] for one in cells[:4]] == [2000, 2000, 3000, 3000]


def test_cells_are_labelled_with_kind_and_size_where_the_manifest_says(folder):
    written = write_chip(folder, FRAME + CELLS)
    assert written.devices == ()
    assert written.written is None
    found = kdb.Layout()
    found.read(str(folder / "chip.gds"))
    for one in written.cells:
        (instance,) = [i for i in found.cell("chip").each_inst() if i.cell.name == one.name]
        assert (instance.trans.disp.x * nm, instance.trans.disp.y * nm) == pytest.approx(
            one.position
        )
    assert written.cells[1].caption == "spiral\nwidth 800 nm\nlength 2000 um"
    label = flat(folder / "chip.gds", LABEL, "c02").merged()
    expected = gdstk.text("c02\nspiral\nwidth 800 nm\nlength 2000 um", 20, (0, 0))
    width, height = np.ptp(np.concatenate([one.points for one in expected]), axis=0)
    # Letters are a hundred nanometres bolder on each side.
    assert (label.bbox().width(), label.bbox().height()) == pytest.approx(
        (1000 * width + 200, 1000 * height + 200), abs=3
    )


def test_a_chip_with_everything_on_it_keeps_all_rules_and_goes_round_through_its_manifest(folder):
    text = (
        'process = "process.toml"\n'
        + FRAME
        + 'verniers = true\ncleave = ["500 um"]\n'
        + ARRAY
        + "dose = [0.9, 1]\n"
        + CELLS
    )
    (folder / "process.toml").write_text((ROOT / "layouts/parts/sapphire-50kv.toml").read_text())
    write_chip(folder, text)
    chip = load_chip(folder / "chip.toml")
    assert check_rules(folder / "chip.gds", chip.process) == ()
    again = chip_of_manifest(folder / "chip.manifest.json")
    assert again == chip
    save_chip(again, folder / "again.toml")
    assert load_chip(folder / "again.toml") == chip
    layout(folder / "again.toml", folder / "again.gds")
    assert (folder / "again.gds").read_bytes() == (folder / "chip.gds").read_bytes()
    save_chip(chip_of_manifest(folder / "again.manifest.json"), folder / "third.toml")
    assert (folder / "third.toml").read_bytes() == (folder / "again.toml").read_bytes()


def test_the_manifest_lists_cells_with_their_whole_design(folder):
    write_chip(folder, FRAME + ARRAY + CELLS)
    content = json.loads((folder / "chip.manifest.json").read_text())
    rows = {row["device"]: row for row in content["devices"]}
    design = json.loads(rows["c03"]["design"])
    assert design["length"] == "3000 um"
    assert design["half_circles"] >= 2
    assert rows["A01"]["kind"] == "grating"
    with (folder / "chip.manifest.csv").open(newline="") as file:
        table = {row["device"]: row for row in csv.DictReader(file)}
    assert set(table) == set(rows)
    assert json.loads(table["c03"]["design"]) == design


def test_the_checksum_of_a_cell_is_that_of_its_lines(folder):
    both = write_chip(folder, ARRAY).devices
    other = write_chip(folder, ARRAY.replace('"870 nm"', '"875 nm"')).devices
    sums = [one.written.checksum for one in (*both, *other)]
    assert sums[0] == sums[2]
    assert len(set(sums)) == 3
    assert all(len(one) == 16 for one in sums)


# Marks.


def test_a_vernier_meets_at_the_tick_of_the_displacement():
    cell = vernier("v", (1, 0), (3, 0))
    centres = {
        layer: np.sort([np.mean(one.points[:, 0]) for one in cell.polygons if one.layer == layer])
        for layer in (1, 3)
    }
    for tick in (-7, 0, 4):
        moved = centres[3] - tick * VERNIER_STEP
        nearest = int(np.abs(moved - centres[1]).argmin())
        assert nearest - len(moved) // 2 == tick
        assert moved[nearest] == pytest.approx(centres[1][nearest], abs=1e-9)


def test_verniers_stand_for_both_axes_clear_of_each_other():
    cell = verniers("v", (1, 0), (3, 0))
    (left, bottom), (right, top) = cell.bounding_box()
    assert (left, bottom) == pytest.approx((0, 0), abs=1e-9)
    parts = [one.bounding_box() for one in cell.references]
    sizes = [(high[0] - low[0], high[1] - low[1]) for low, high in parts]
    assert sizes[0] == pytest.approx(sizes[1][::-1])
    assert parts[1][0][0] - parts[0][1][0] == pytest.approx(20)
    assert (right, top) == pytest.approx((sizes[0][0] + 20 + sizes[1][0], sizes[1][1]))


def test_the_frame_is_a_closed_ring_without_overlap():
    bars = frame_lines((-5, -7), (400, 300), MARKS)
    area = sum(one.area() for one in bars)
    merged = gdstk.boolean(bars, [], "or")
    assert area == pytest.approx(405 * 307 - 385 * 287)
    assert sum(one.area() for one in merged) == pytest.approx(area)


def test_frame_and_cleave_marks_leave_the_border_free(folder):
    frame = FRAME + 'cleave = ["100 um", "250 um"]\n'
    write_chip(folder, frame + ARRAY)
    marks = flat(folder / "chip.gds", MARKS).merged()
    outline = marks.bbox()
    inside = kdb.Region(outline.enlarged(-10_000, -10_000))
    content = flat(folder / "chip.gds", LINES) + flat(folder / "chip.gds", LABEL)
    border = inside - kdb.Region(outline.enlarged(-410_000, -410_000))
    assert (content & border).is_empty()
    bars = [one.bbox() for one in (marks & border).each() if one.bbox().width() == 5_000]
    assert {bar.center().x for bar in bars} == {100_000, 250_000}
    assert len(bars) == 2 * 2 * 3


def test_a_chip_takes_the_size_it_is_given_and_refuses_one_too_small(folder):
    text = FRAME + 'size = ["3 mm", "2 mm"]\n' + ARRAY
    write_chip(folder, text)
    box = flat(folder / "chip.gds", MARKS).bbox()
    assert (box.width(), box.height()) == (3_000_000, 2_000_000)
    corners = [one.bbox() for one in flat(folder / "chip.gds", MARKS).merged().each()]
    crosses = [one for one in corners if one.width() == one.height() == 100_000]
    assert len(crosses) == 4
    with pytest.raises(InputError, match=r"frame size must be at least .* got 900 um x 2000 um"):
        write_chip(folder, text.replace("3 mm", "900 um"))


# Wafer.


SIZES = [(10 * mm, 10 * mm), (10 * mm, 6 * mm), (3 * mm, 4 * mm), (1 * mm, 1 * mm)]


@pytest.mark.parametrize("size", SIZES)
def test_no_chip_crosses_the_rim_the_flat_or_another_chip(size):
    wafer = Wafer()
    corners = packed(wafer, size)
    limit = wafer.diameter / 2 - wafer.edge_exclusion
    for x, y in corners:
        for dx in (0, size[0]):
            for dy in (0, size[1]):
                assert hypot(x + dx, y + dy) <= limit + 1e-6
                assert y + dy >= wafer.flat_height + wafer.edge_exclusion - 1e-6
    whole = np.round(corners).astype(int).tolist()
    boxes = kdb.Region([kdb.Box(x, y, x + size[0], y + size[1]) for x, y in whole])
    assert boxes.merged().area() == pytest.approx(len(corners) * size[0] * size[1], rel=1e-3)
    assert boxes.space_check(195).count() == 0  # streets


def test_small_chips_cover_nearly_the_area_that_is_left():
    wafer = Wafer(street=0)
    side = 0.5 * mm
    usable = np.pi * (wafer.diameter / 2 - wafer.edge_exclusion) ** 2
    # A row of chips is lost around the rim: its length times half a diagonal, or so.
    lost = 2 * np.pi * wafer.diameter / 2 * side
    count = len(packed(wafer, (side, side)))
    assert usable - 1.5 * lost < count * side**2 < usable


def test_a_single_chip_of_the_largest_square_fits_and_a_larger_one_does_not():
    wafer = Wafer(flat=0, edge_exclusion=0)
    side = wafer.diameter / 2**0.5
    with pytest.raises(InputError, match="Choose a smaller chip"):
        packed(wafer, (side * 1.001, side * 1.001))
    near = packed(Wafer(flat=0, edge_exclusion=0, street=0), (side * 0.9, side * 0.9))
    assert len(near) == 1


def test_the_flat_of_two_inch_sapphire_lies_where_its_chord_says():
    # 50.8 mm with a flat of 16 mm: 24.107 mm from the centre.
    assert Wafer().flat_height == pytest.approx(-24.1074 * mm, abs=1 * um)
    points = np.array(wafer_outline(Wafer(), 5).points)
    assert points[:, 1].min() == pytest.approx(Wafer().flat_height)
    assert np.hypot(*points.T) == pytest.approx(np.full(len(points), 25.4 * mm))


def test_a_wafer_holds_the_chip_as_often_as_the_manifest_says(folder):
    text = FRAME + '[wafer]\nedge_exclusion = "3 mm"\n' + ARRAY
    written = write_chip(folder, text)
    found = kdb.Layout()
    found.read(str(folder / "chip.gds"))
    assert [cell.name for cell in found.top_cells()] == ["wafer"]
    places = [(i.trans.disp.x * nm, i.trans.disp.y * nm) for i in found.cell("wafer").each_inst()]
    assert np.array(sorted(places)) == pytest.approx(np.array(sorted(written.dies)))
    content = json.loads((folder / "chip.manifest.json").read_text())
    assert len(content["dies"]) == len(written.dies) > 500
    box = flat(folder / "chip.gds", MARKS).bbox()
    for _, y in written.dies:
        assert y + box.bottom * nm >= Wafer().flat_height + 3 * mm - 1 * nm


# The beam.


def test_a_square_millimetre_takes_twenty_minutes_at_a_nanoampere():
    # 1 mm², duty 0.5, 250 uC/cm², 1 nA: 1250 s.
    beam = Beam(base_dose=250 * uC / cm**2, current=1 * nA, settling=0.01 * s, stage_move=2 * s)
    found = write_time((Dose(1.0, 1, 0, 10, 0.5 * mm**2),), 4, beam)
    assert found == WriteTime(pytest.approx(1250 * s), pytest.approx(0.1 * s), pytest.approx(8 * s))
    assert found.total == pytest.approx(1258.1 * s)
    double = write_time((Dose(2.0, 1, 0, 10, 0.5 * mm**2),), 4, beam)
    assert double.exposure == pytest.approx(2500 * s)


def test_areas_by_dose_are_those_that_klayout_finds(folder):
    text = FRAME + ARRAY.replace("duty", "dose = [0.9, 1]\nduty") + CELLS
    written = write_chip(folder, text)
    for one in written.doses:
        region = flat(folder / "chip.gds", one.layer, datatype=one.datatype)
        region.merged_semantics = False
        assert region.area() * nm**2 == pytest.approx(one.area, rel=1e-6)
        assert region.count() == one.shapes
    with (folder / "chip.doses.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["dose"]) for row in table] == [0.9, 1, 1, 1]
    assert [int(row["layer"]) for row in table] == [1, 1, 2, 3]


def test_insulating_substrates_are_told_to_charge_and_silicon_is_not(folder):
    assert Process(substrate="silicon").charging_note == ""
    assert "no conductive_layer is named" in Process().charging_note
    named = Process(conductive_layer="AR-PC 5090.02").charging_note
    assert "through AR-PC 5090.02" in named
    for substrate in ("sapphire", "silicon"):
        write_chip(folder, f'[process]\nsubstrate = "{substrate}"\n' + ARRAY)
        sheet = (folder / "chip.process.md").read_text()
        assert ("Charging" in sheet) == (substrate == "sapphire")


def test_the_process_sheet_holds_the_numbers_of_the_paper_and_of_the_chip(folder):
    beam = '[process.beam]\nbase_dose = "238 uC/cm^2"\ncurrent = "2 nA"\n'
    field = '[process.field]\nsize = "50 um"\nstitching = "10 nm"\n'
    written = write_chip(folder, beam + field + FRAME + ARRAY + CELLS)
    sheet = (folder / "chip.process.md").read_text()
    for number in ("AR-P 662.04, 4000 rpm, 60 s", "150 °C, 2 min", "AR-PC 5090.02, 2000 rpm, 60 s",
                   "90 °C", "water, 60 s", "develop | 1 min", "TiO2, 50 nm",
                   "quantum dots, 160 nm", "30 cycles of TMA and water, 60 °C",
                   "2 nA, base dose 238 µC/cm²", "Write field 50 µm, stitching 10 nm"):  # fmt: skip
        assert number in sheet
    assert f"{written.write_time.total / (60 * s):.1f} min" in sheet
    assert "| A02 | 870.0 | 348.0 | 115 |" in sheet
    assert "spiral, width 800 nm, length 3000 um" in sheet
    # Fields of 50 um hold 58 periods of 860 nm, half of the grating, and 57 of 870 nm, which
    # leave a rest of one; the lines are 60 um long.
    assert [one.fields for one in written.devices] == [4, 6]
    assert "undefined" not in sheet.lower()


# Doses against the proximity effect.

PROXIMITY = "[process]\nvoltage_kv = 50\n[process.proximity]\nstep = 0.01\n"


def read_doses(path, written):
    """Rectangles of the first device with the dose of their datatype, as KLayout reads them."""
    factor = {(one.layer, one.datatype): one.factor for one in written.doses}
    boxes, doses = [], []
    found = kdb.Layout()
    found.read(str(path))
    cell = found.cell(written.devices[0].cell)
    for number, dose in factor.items():
        if number[0] == LINES:
            for shape in kdb.Region(cell.begin_shapes_rec(found.layer(*number))).each():
                box = shape.bbox()
                boxes.append([box.left, box.bottom, box.right, box.top])
                doses.append(dose)
    return np.array(boxes) * nm, np.array(doses)


@pytest.mark.parametrize("duty", [0.25, 0.4, 0.75])
def test_lines_as_written_develop_within_a_nanometre_of_their_width(folder, duty):
    text = PROXIMITY + ARRAY.replace("0.4", f"{duty}")
    written = write_chip(folder, text)
    boxes, doses = read_doses(folder / "chip.gds", written)
    assert len(boxes) == 116
    assert len(set(doses)) > 5
    widths = boxes[:, 2] - boxes[:, 0]
    spread = point_spread("sapphire", 50)
    developed = developed_widths(boxes, doses, spread)
    assert np.abs(developed - widths).max() < 1 * nm
    plain = developed_widths(boxes, np.ones(len(boxes)), spread)
    assert np.abs(plain - widths).max() > 5 * nm
    assert 0 < written.devices[0].dose_residual < 0.03


def test_a_dose_ladder_multiplies_the_correction(folder):
    written = write_chip(folder, PROXIMITY + ARRAY + "dose = [0.8, 1]\n")
    weak, plain = written.devices[:2]
    assert weak.doses == pytest.approx(np.multiply(plain.doses, 0.8), abs=1e-6)
    assert weak.written.lines == plain.written.lines == 116
    assert weak.cell != plain.cell


def test_waveguides_get_the_dose_of_a_line_by_itself(folder):
    cell = '[[cell]]\nkind = "straight"\nwidth = "600 nm"\nlength = "200 um"\n'
    written = write_chip(folder, PROXIMITY + cell)
    (dose,) = {one.dose for one in written.cells}
    line = np.array([[0.0, 0.0, 0.6, 200.0]])
    found = developed_widths(line, np.array([dose]), point_spread("sapphire", 50))
    assert found[0] == pytest.approx(0.6, abs=1 * nm)
    assert abs(developed_widths(line, np.ones(1), point_spread("sapphire", 50))[0] - 0.6) > 5 * nm


def test_a_users_point_spread_is_found_beside_the_process_file(folder):
    (folder / "tool").mkdir()
    (folder / "tool" / "mine.toml").write_text(
        'forward = "15 nm"\n[[backscattering]]\nsubstrate = "glass"\nvoltage_kv = 80\n'
        'range = "20 um"\nratio = 0.5\n'
    )
    (folder / "tool" / "process.toml").write_text(
        'substrate = "glass"\nvoltage_kv = 80\n[proximity]\nfile = "mine.toml"\n'
    )
    written = write_chip(folder, 'process = "tool/process.toml"\n' + ARRAY)
    assert written.devices[0].doses[1] > 1.1


# Dithering.


def test_sigma_delta_pushes_the_phase_error_to_where_light_does_not_see_it(folder):
    slow, fast = [], []
    for dither in ("rounding", "sigma-delta"):
        device = '[[array]]\ndevice = "device.toml"\nperiod = ["860.01 nm"]\nlength = ["500 um"]\n'
        (one,) = write_chip(folder, f'[process]\ndither = "{dither}"\n' + device).devices
        slow.append(one.written.slow_phase_error)
        fast.append(one.written.phase_error)
        assert abs(one.written.mean_period_error) < 1e-6
        assert one.written.widths[0] == one.written.widths[1]
    # Rounding of 860.01 nm is a sawtooth of 100 lines and one step: 1 / sqrt(12) nm.
    assert fast[0] == pytest.approx(4 * np.pi * 0.289 / 860, rel=0.1)
    assert slow[1] < slow[0] / 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ARRAY + CELLS.replace("spiral", "spirl"),
         r'cell 1 has no kind "spirl". Did you mean "spiral"'),
        (ARRAY + CELLS.replace('gap = "300 nm"', ""), "cell 5 coupler gap is missing"),
        (ARRAY + CELLS.replace("gap", "gaps"), r'has no key "gaps". Did you mean "gap"'),
        (ARRAY + CELLS.replace('"2 mm"', '"1 mm"'), r"cell 1 \(spiral\): a spiral of radius 50 um"),
        ("[frame]\n", r"needs at least one \[\[array\]\] or \[\[cell\]\]"),
        ('[frame]\ncleave = ["1 mm"]\n' + ARRAY, 'need frame lines: add border = "400 um"'),
        ('[frame]\nborder = "10 um"\ncleave = ["1 mm"]\n' + ARRAY, "Cleave marks stand in it"),
        (FRAME + 'cleave = ["90 mm"]\n' + ARRAY, "cleave line at 90000 um is not on the chip"),
        ("[wafer]\n" + ARRAY, "a wafer needs chips with a frame"),
        (FRAME + '[wafer]\ndiameter = "1 mm"\n' + ARRAY, "must lie between 0 and the radius"),
        (FRAME + '[wafer]\ndiameter = "4 mm"\nflat = "0 mm"\nedge_exclusion = "1.9 mm"\n' + ARRAY,
         "no chip of"),
        ('process = "missing.toml"\n' + ARRAY, "process cannot read .*missing.toml"),
        ('[process]\nsubstrate = "glass"\n[process.proximity]\n' + ARRAY,
         "no point spread for glass at 50 kV"),
        ('[process.beam]\nbase_dose = "0 uC/cm^2"\ncurrent = "1 nA"\n' + ARRAY,
         "base_dose must be a positive"),
        ('[process.beam]\nbase_dose = "1 uJ/cm^2"\ncurrent = "1 nA"\n' + ARRAY,
         "must be an exposure"),
        ('[process]\ndither = "on"\n' + ARRAY, "process dither"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_chip_is_said_in_one_line(folder, text, message):
    with pytest.raises(InputError, match=message) as caught:
        write_chip(folder, text)
    assert "\n" not in str(caught.value)


def test_doses_of_counts_what_array_references_repeat():
    line = gdstk.Cell("line").add(gdstk.rectangle((0, 0), (0.3, 10), layer=1))
    top = gdstk.Cell("top").add(
        gdstk.Reference(line, (0, 0), columns=7, rows=3, spacing=(1, 20)),
        gdstk.Reference(line, (50, 0)),
    )
    (found,) = doses_of(top, {1.0: (1, 0)}, Process())
    assert (found.shapes, found.area) == (22, pytest.approx(66))
