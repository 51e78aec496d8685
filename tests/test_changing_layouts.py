"""Layouts of gratings that change along the cavity, read by KLayout, against sums of periods."""

import csv
import json
import re
from dataclasses import replace

import gdstk
import klayout.db as kdb
import numpy as np
import pytest

from dfbdesign.designs.readings import load_readings
from dfbdesign.device import (
    Apodisation,
    Device,
    Grating,
    Layer,
    Lines,
    PhaseShift,
    Slip,
    Target,
    changed,
    save_device,
)
from dfbdesign.errors import InputError
from dfbdesign.lasers.laser import laser
from dfbdesign.layout import Chip, load_chip
from dfbdesign.layout.cells import grating_cell, line_pattern
from dfbdesign.layout.check import check_written
from dfbdesign.layout.chip import write_layout
from dfbdesign.layout.chip_file import Array, chip_of_manifest
from dfbdesign.layout.process import Process
from dfbdesign.units import nm, pm, um
from dfbdesign.verification.written import as_written, displaced, written_chip

TAPER = Apodisation(duty=(0.1, 0.4, 0.2), position=(0, 0.3, 1))
CHANGES = {
    "chirped": {"chirp": 2 * nm},
    "chirped the other way, by much": {"chirp": -40 * nm},
    "apodised": {"apodisation": Apodisation(duty=(0.1, 0.4, 0.1))},
    "all of it": {
        "chirp": -3 * nm,
        "apodisation": TAPER,
        "phase_shifts": (PhaseShift(position=0.5, shift=217.3 * nm),),
        "slips": (Slip(position=0.3, slip=-30.4 * nm), Slip(position=0.8, slip=20 * nm)),
    },
    "slipped alone": {"slips": (Slip(position=0.3, slip=-30.4 * nm),)},
}


def made(period=867.3 * nm, duty=0.35, length=500 * um, width=20 * um, **grating):
    return Device(
        substrate=1.746,
        superstrate=1.0,
        layers=[
            Layer(
                thickness=50 * nm, material=2.53, lines=Lines(material=2.3, duty=duty), gain=True
            ),
            Layer(thickness=160 * nm, material=2.53, gain=True),
        ],
        grating=Grating(period=period, length=length, width=width, **grating),
        target=Target(wavelength=1670 * nm),
    )


def exact_lines(device):
    """Centre and width of every line: one period after the other, as the device file says."""
    grating, centres, widths, begin = device.grating, [], [], 0.0
    lines = round(grating.length / grating.period)
    jumps = [(one.position, one.shift) for one in grating.phase_shifts]
    jumps += [(one.position, one.slip) for one in grating.slips]
    for line in range(lines):
        share = (line + 0.5) / lines
        period = grating.period + grating.chirp * (share - 0.5)
        duty = device.layers[0].lines.duty
        if grating.apodisation is not None:
            points = grating.apodisation.position or (0, 0.5, 1)
            duty = np.interp(share, points, grating.apodisation.duty)
        begin += sum(extra for place, extra in jumps if round(place * lines) == line)
        centres.append(begin + period / 2)
        widths.append(duty * period)
        begin += period
    return np.array(centres), np.array(widths)


def line_by_line(left, right):
    """A cell of single polygons, in steps of 1 nm."""
    edges = zip(left.tolist(), right.tolist(), strict=True)
    lines = (gdstk.rectangle((a * nm, 0), (b * nm, 20), layer=1) for a, b in edges)
    return gdstk.Cell("grating").add(*lines)


def save(cell, path, grid):
    library = gdstk.Library(unit=1e-6, precision=grid * 1e-6)
    library.add(cell, *cell.dependencies(True))
    library.write_gds(path)
    return path


def read(path, cell="grating", layer=1):
    """Left and right edges of all boxes, in grid steps, by KLayout's own flattening."""
    layout = kdb.Layout()
    layout.read(str(path))
    shapes = layout.cell(cell).begin_shapes_rec(layout.find_layer(layer, 0))
    boxes = [one.shape().bbox().transformed(one.trans()) for one in shapes.each()]
    edges = sorted((box.left, box.right) for box in boxes)
    return np.array(edges).T


def nearest(lengths):
    return np.floor(np.round(lengths, 6) + 0.5).astype(int)


@pytest.mark.parametrize("grid", [1 * nm, 0.5 * nm, 4 * nm])
@pytest.mark.parametrize("kind", CHANGES)
def test_every_wall_stands_where_the_sum_of_periods_puts_it_but_for_rounding(kind, grid, tmp_path):
    device = made(**CHANGES[kind])
    save(grating_cell("grating", line_pattern(device, grid)), tmp_path / "a.gds", grid)
    left, right = read(tmp_path / "a.gds")
    centres, widths = exact_lines(device)
    assert len(left) == len(centres) == 577
    assert (right - left == nearest(widths / grid)).all()
    # Centres, but for one common offset, are off by what rounding of left edges leaves.
    errors = left + (right - left) / 2 - centres / grid
    assert np.ptp(errors) < 1
    assert abs(errors.mean()) <= 1
    assert abs(np.polyfit(np.arange(577), errors * grid, 1)[0]) < 1 * pm


@pytest.mark.parametrize("kind", CHANGES)
def test_the_model_has_its_lines_where_the_layout_draws_them(kind):
    # Centres of stretches against centres of the lines in them.
    device = made(**CHANGES[kind])
    centres, _ = exact_lines(device)
    grating = device.grating
    np.testing.assert_allclose(grating.line_centres, centres, rtol=0, atol=0.01 * nm)
    jumps = grating.line_centres - grating.place((np.arange(577) + 0.5) / 577)
    inside = np.searchsorted(grating.place(np.arange(1, 578) / 577), centres - jumps)
    assert (inside == np.arange(577)).all()


def test_a_bias_narrows_every_line_about_its_centre():
    device = made(**CHANGES["all of it"])
    plain, biased = (line_pattern(device, 1 * nm, bias) for bias in (0.0, 20 * nm))
    assert (plain.widths - biased.widths == 20).all()
    middles = [one.left + one.widths / 2 for one in (plain, biased)]
    assert np.abs(middles[1] - middles[0]).max() <= 1


def test_sigma_delta_dithering_pushes_the_errors_of_neighbours_apart():
    device = made(**CHANGES["all of it"])
    centres, _ = exact_lines(device)
    slow = []
    for dither in ("rounding", "sigma-delta"):
        pattern = line_pattern(device, 1 * nm, dither=dither)
        errors = pattern.left + pattern.widths / 2 - centres / nm
        means = np.convolve(errors - errors.mean(), np.ones(32) / 32, "valid")
        slow.append(np.sqrt(np.mean(means**2)))
    assert slow[1] < slow[0] / 2


def test_lines_of_few_widths_are_arrays_and_all_others_single_polygons(tmp_path):
    sizes = {}
    for kind in ("chirped", "apodised"):
        pattern = line_pattern(made(**CHANGES[kind]))
        cell = grating_cell("grating", pattern)
        sizes[kind] = save(cell, tmp_path / "a.gds", 1 * nm).stat().st_size
        sizes["polygons"] = (
            save(line_by_line(pattern.left, pattern.right), tmp_path / "b.gds", 1 * nm)
            .stat()
            .st_size
        )
        assert len(read(tmp_path / "a.gds")[0]) == 577
    assert sizes["chirped"] < 0.5 * sizes["polygons"]
    assert sizes["apodised"] <= sizes["polygons"]


# The check


@pytest.mark.parametrize(
    ("other", "seen"),
    [
        ({"chirp": 2.2 * nm}, "largest_edge_error"),
        ({"chirp": -2 * nm}, "largest_edge_error"),
        ({"apodisation": Apodisation(duty=(0.35, 0.36))}, "width_error"),
        ({"slips": (Slip(position=0.5, slip=5 * nm),)}, "largest_edge_error"),
    ],
)
def test_the_check_sees_a_grating_that_changes_otherwise(tmp_path, other, seen):
    grid, device = 0.5 * nm, made(chirp=2 * nm)
    path = save(grating_cell("grating", line_pattern(device, grid)), tmp_path / "a.gds", grid)
    right = check_written(path, 1, grid, {"grating": device})["grating"]
    assert right.largest_edge_error <= grid  # of a left edge and of a width
    assert abs(right.width_error) <= grid / 2 + 1e-9
    wrong = changed(device, {f"grating.{key}": value for key, value in other.items()})
    found = check_written(path, 1, grid, {"grating": wrong})["grating"]
    assert abs(getattr(found, seen)) > 2 * nm


def test_the_check_sees_one_displaced_and_one_wider_line_of_an_apodised_grating(tmp_path):
    device = made(**CHANGES["apodised"])
    pattern = line_pattern(device)
    for change, name, size in (((30, 30), "largest_edge_error", 15), ((-8, 8), "width_error", 16)):
        left, right = pattern.left.copy(), pattern.right.copy()
        left[200], right[200] = left[200] + change[0], right[200] + change[1]
        path = save(line_by_line(left, right), tmp_path / "a.gds", 1 * nm)
        found = check_written(path, 1, 1 * nm, {"grating": device})["grating"]
        assert getattr(found, name) == pytest.approx(size * nm, abs=1 * nm)


# Written lasers


def test_a_chirped_and_an_apodised_device_lase_as_designed_when_written(tmp_path):
    devices = (made(length=120 * um, **CHANGES[kind]) for kind in ("chirped", "apodised"))
    arrays = tuple(Array(device=device) for device in devices)
    found = written_chip(Chip(process=Process(), array=arrays), tmp_path / "chip.gds")
    assert not found.left_out
    for one in found.lasers:
        assert abs(one.wavelength_error) < 5 * pm
        assert one.written.threshold_material_gain == pytest.approx(
            one.design.threshold_material_gain, rel=2e-3
        )


def test_lines_of_a_chirped_grating_displaced_from_one_on_are_a_slip():
    device = made(length=200 * um, chirp=4 * nm)
    plain, lines = laser(device).modes[0], device.grating.periods
    line = lines // 2 // 16 * 16  # where a stretch of the followed cavity begins
    moved = np.where(np.arange(lines) < line, 0.0, 20 * nm)
    followed = displaced(device, plain, moved).wavelength
    slipped = changed(device, {"grating.slips": (Slip(position=line / lines, slip=20 * nm),)})
    gap = min(abs(one.wavelength - followed) for one in laser(slipped).modes)
    assert gap < 0.02 * pm
    assert abs(followed - plain.wavelength) > 50 * pm


def test_an_apodised_grating_of_wider_lines_is_solved_with_larger_duties(tmp_path):
    device = made(length=120 * um, apodisation=TAPER)
    placed = write_layout(Chip(array=(Array(device=device),)), tmp_path / "chip.gds").devices[0]
    none = np.zeros_like(placed.written.displacements)
    wider = replace(
        placed.written, mean_width_error=6 * nm, mean_period_error=0.0,
        mean_period=device.grating.period, displacements=none,
    )  # fmt: skip
    duties = tuple(duty + 6 / 867.3 for duty in TAPER.duty)
    larger = made(length=120 * um, apodisation=Apodisation(duty=duties, position=TAPER.position))
    found, known = as_written(device, laser(device).modes[0], wider), laser(larger).modes[0]
    assert found.wavelength == pytest.approx(known.wavelength, abs=0.01 * pm)
    assert found.threshold_modal_gain == pytest.approx(known.threshold_modal_gain, rel=1e-5)


# Files and the command line


def chip_of(folder, **devices):
    lines = []
    for name, device in devices.items():
        save_device(device, folder / f"{name}.toml")
        lines += ["[[array]]", f'device = "{name}.toml"', 'period = ["867.3 nm"]', ""]
    (folder / "chip.toml").write_text("\n".join(lines))
    return folder / "chip.toml"


def test_the_command_line_writes_changing_devices_and_lists_what_changes(dfb, tmp_path):
    small = {"length": 60 * um, "width": 30 * um}
    path = chip_of(
        tmp_path,
        chirped=made(**small, chirp=2 * nm),
        tapered=made(**small, apodisation=TAPER, slips=CHANGES["all of it"]["slips"]),
        plain=made(**small),
    )
    ran = dfb("layout", path, "-o", tmp_path / "chip.gds", "--json")
    assert (ran.code, ran.err) == (0, "")
    shown = json.loads(ran.out)
    assert shown["violations"] == []
    assert shown["left_out"] == []
    assert shown["written"]["largest_edge_error_nm"] <= 1
    with (tmp_path / "chip.manifest.csv").open() as file:
        rows = {row["device"]: row for row in csv.DictReader(file)}
    assert [rows[name]["chirp_nm"] for name in ("A01", "B01", "C01")] == ["2.0", "", ""]
    assert rows["B01"]["duties"] == "0: 0.1, 0.3: 0.4, 1: 0.2"
    assert rows["B01"]["slips_nm"] == "0.3: -30.4, 0.8: 20"
    _, widths = exact_lines(made(**small, apodisation=TAPER))
    assert float(rows["B01"]["duty"]) == pytest.approx(widths.mean() / 0.8673, abs=1e-6)
    for name, text in (("line_width_nm", widths.min()), ("widest_line_nm", widths.max())):
        assert float(rows["B01"][name]) == pytest.approx(text / nm, abs=0.51)
    # In reading order, the file holds each device as designed.
    for name, device in (
        ("A01", made(**small, chirp=2 * nm)),
        ("B01", made(**small, apodisation=TAPER, slips=CHANGES["all of it"]["slips"])),
    ):
        left, right = read(tmp_path / "chip.gds", f"{name}_grating")
        centres, widths = exact_lines(device)
        assert np.ptp((left + right) / 2 - centres / nm) < 1
        assert (right - left == nearest(widths / nm)).all()
    assert chip_of_manifest(tmp_path / "chip.manifest.json") == load_chip(path)


def refused(dfb, folder, device, *more):
    """What the layout of a device says when it is refused; nothing is left behind."""
    path = chip_of(folder, device=device)
    path.write_text("\n".join([*more, path.read_text()]))
    ran = dfb("layout", path, "-o", folder / "chip.gds")
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert {one.name for one in folder.iterdir()} == {"chip.toml", "device.toml"}
    return ran.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"apodisation": Apodisation(height=(20 * nm, 50 * nm))},
            "apodisation height: a layout writes lines of one height.*duty = ",
        ),
        (
            {"apodisation": Apodisation(height=(0.02, 0.05), duty=(0.1, 0.3))},
            "apodisation height: a layout writes lines of one height",
        ),
        (
            {"apodisation": Apodisation(duty=(0.0, 0.3))},
            r"line 1 of \d+, .* narrower than the grid of 1 nm. Choose a larger duty there",
        ),
        (
            {"apodisation": Apodisation(duty=(0.3, 1.0, 1.0))},
            r"apodisation: the gap behind line \d+ of .* Choose a smaller duty there",
        ),
        (
            {"slips": (Slip(position=0.5, slip=-700 * nm),)},
            "slips: the gap .* a slip nearer to zero",
        ),
        ({"duty": 0.999, "chirp": -2 * nm}, "chirp: the gap behind line"),
    ],
)
def test_a_change_that_cannot_be_drawn_is_one_line_with_the_remedy(dfb, tmp_path, change, told):
    assert re.search(told, refused(dfb, tmp_path, made(**change)))


def test_chirp_without_dithering_is_refused(dfb, tmp_path):
    message = refused(
        dfb, tmp_path, made(length=60 * um, chirp=2 * nm), "[process]", 'dither = "off"'
    )
    assert 'dither is off. Write dither = "rounding"' in message


def test_a_ladder_of_duties_of_an_apodised_device_is_refused():
    array = Array(device=made(apodisation=TAPER), duty=(0.2, 0.3))
    with pytest.raises(InputError, match=r"apodisation gives the duty .* Leave duty out"):
        array.rows()


def test_an_axis_without_values_is_refused(tmp_path):
    path = tmp_path / "chip.toml"
    path.write_text('[[cell]]\nkind = "straight"\nwidth = []\nlength = "1 mm"\n')
    with pytest.raises(InputError, match="1 width is an empty list"):
        load_chip(path)


def test_a_calibration_takes_no_reading_of_a_chirped_device(tmp_path):
    (tmp_path / "m.csv").write_text("device,period_nm,duty,chirp_nm\nA01,870,0.3,\nA02,870,0.3,2\n")
    (tmp_path / "r.csv").write_text("device,wavelength_nm\nA01,1670\n")
    assert len(load_readings(tmp_path / "r.csv", made(), tmp_path / "m.csv")) == 1
    (tmp_path / "r.csv").write_text("device,wavelength_nm\nA01,1670\nA02,1671\n")
    with pytest.raises(InputError, match=r'"A02" change along it.* Leave this device out'):
        load_readings(tmp_path / "r.csv", made(), tmp_path / "m.csv")
