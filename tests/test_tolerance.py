"""Spread of a device: two methods that must agree, and each against what it is made of."""

import numpy as np
import pytest

from dfbdesign.designs.spread import Spread, at, causes, load_spread, scaled, shifted, steady
from dfbdesign.designs.swept import many_modes, solved_edges, surface_shares, waves_of_edges
from dfbdesign.designs.tolerance import tolerance
from dfbdesign.device import (
    Device,
    Grating,
    Layer,
    Lines,
    Pump,
    Spot,
    Target,
    changed,
    load_device,
)
from dfbdesign.errors import InputError
from dfbdesign.lasers.laser import laser
from dfbdesign.materials import material
from dfbdesign.solvers.media import medium
from dfbdesign.solvers.period import Filling
from dfbdesign.solvers.unit_cell import band_edges, modes
from dfbdesign.units import deg, nm

REFERENCE = "examples/reference.toml"


def wanted(duty=0.3, order=2, length=500.0):
    return Device(
        substrate=1.746,
        superstrate=1.0,
        layers=[
            Layer(
                thickness=50 * nm, material=2.53, lines=Lines(material=2.30, duty=duty), gain=True
            ),
            Layer(thickness=160 * nm, material=2.53, gain=True),
        ],
        grating=Grating(period=432.5 * nm * order, order=order, length=length),
        target=Target(wavelength=1670 * nm),
    )


def film_volume(device):
    groove, top = device.layers
    return groove.thickness * (1 - groove.lines.duty) + top.thickness


# What moves together


def test_film_keeps_its_volume_when_lines_grow():
    device = wanted()
    for name in ("line width", "line height", "dose"):
        (one,) = [cause for cause in causes(device, Spread()) if cause.name == name]
        small = 1e-3
        moved = at(device, [one], np.array([small]))
        # height times width is of second order
        assert film_volume(moved) == pytest.approx(film_volume(device), abs=1e-9)
        assert moved.layers[1].thickness != device.layers[1].thickness


def test_denser_film_keeps_its_mass_by_lorentz_and_lorenz():
    device = wanted()
    (denser,) = causes(
        device,
        Spread(film_index=0, film_thickness=0, line_height=0, line_width=0, line_index=0, dose=0,
               film_density=1e-5),
    )  # fmt: skip
    moved = at(device, [denser], np.array([1.0]))
    polarizability = [
        (n**2 - 1) / (n**2 + 2) * one.layers[1].thickness
        for one in (device, moved)
        for n in [complex(one.layers[1].material.index(1.67)).real]
    ]
    assert polarizability[1] == pytest.approx(polarizability[0], rel=1e-9)


def test_one_dose_widens_all_lines():
    two = changed(
        wanted(),
        {"layers.1.lines": Lines(material=2.3, duty=0.4), "layers.1.thickness": 100 * nm},
    )
    (dose,) = [one for one in causes(two, Spread(film_keeps_volume=False)) if one.name == "dose"]
    assert set(dose.moves) == {"layers.0.lines.duty", "layers.1.lines.duty"}
    assert len(set(dose.moves.values())) == 1


def test_values_move_alike_in_a_sweep_and_in_one_device():
    device = load_device(REFERENCE)
    found = causes(device, Spread(film_index=0.02, sidewall=2 * deg, substrate_index=0.001))
    amounts = np.random.default_rng(3).standard_normal((3, len(found)))
    edges = solved_edges(steady(device), shifted(device, found, amounts))
    for row in range(3):
        pair = modes(at(device, found, amounts[row])).band_edges
        assert [edge.wavelength for edge in pair] == pytest.approx(
            edges.wavelength[row].tolist(), abs=2e-6 * nm * 1000
        )


def test_dispersive_films_swept_together_are_those_solved_alone():
    device = steady(load_device(REFERENCE))
    assert not device.layers[1].material.is_constant
    found = causes(device, Spread(film_index=0.05))
    amounts = np.random.default_rng(3).standard_normal((3, len(found)))
    edges = band_edges(device, shifted(device, found, amounts))
    for row in range(3):
        cell = modes(at(device, found, amounts[row]))
        pair = np.array([edge.wavenumber for edge in cell.band_edges])
        assert edges.wavenumber[row] == pytest.approx(pair, rel=1e-11)
        assert edges.n_group[row] == pytest.approx(cell.n_group, rel=1e-10)


def test_offsets_of_a_swept_index_are_those_of_each_material():
    base = load_device(REFERENCE).layers[1].material
    both = (*(base.with_index_offset(one) for one in (-0.05, 0.0, 0.08)), material("sapphire-c"))
    k = 2 * np.pi / np.array([1.63, 1.66, 1.70, 1.66]) - 1e-4j
    found = medium(Filling(both), k, np.arange(4), None)
    wavelength = 2 * np.pi / k.real
    for row, one in enumerate(both):
        value, slope = one.permittivity(wavelength[row]), one.permittivity_slope(wavelength[row])
        slope = -slope * wavelength[row] / k[row].real
        assert found.ordinary_slope[row] == pytest.approx(slope, rel=1e-8)
        assert found.ordinary[row] == pytest.approx(value - 1e-4j * slope, rel=1e-12)


def test_spread_files_say_what_is_wrong(tmp_path):
    path = tmp_path / "spread.toml"
    path.write_text('film_index = 0.02\nfilm_thickness = "3 nm"\n')
    assert load_spread(path).film_thickness == pytest.approx(3 * nm)
    path.write_text("film_thickness = 3\n")
    with pytest.raises(InputError, match="needs a unit"):
        load_spread(path)
    path.write_text("film_indx = 0.02\n")
    with pytest.raises(InputError, match="film_index"):
        load_spread(path)
    with pytest.raises(InputError, match="nothing is uncertain"):
        causes(wanted(), scaled(Spread(), 0.0))
    with pytest.raises(InputError, match="gain = true"):
        causes(changed(wanted(), {"layers.0.gain": False, "layers.1.gain": False}), Spread())


# Many finite devices at once


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pump": Pump(wavelength=1.03, spot=Spot(shape="stripe", length=300.0))},
        {"grating.facets.left": "fresnel"},
        {"pump": Pump(wavelength=1.03, spot=Spot(shape="gaussian", length=400.0))},
    ],
    ids=["uniform", "stripe", "facet", "gaussian"],
)
def test_many_finite_devices_are_those_of_the_laser(changes):
    device = changed(wanted(), changes)
    found = causes(device, Spread(film_index=0.01))
    amounts = np.random.default_rng(1).standard_normal((4, len(found)))
    nominal = laser(device)
    # counted, as in `laser`: edges that are followed have as small errors, but others
    edges = band_edges(device, shifted(device, found, amounts))
    many = many_modes(nominal, waves_of_edges(edges))
    for row in range(4):
        first = laser(at(device, found, amounts[row])).modes[0]
        assert many.lasing("wavelength")[row] == pytest.approx(first.wavelength, abs=1e-9)
        assert many.lasing("gain")[row] == pytest.approx(first.threshold_material_gain, rel=1e-6)
        assert many.lasing("quality_factor")[row] == pytest.approx(
            first.cold_quality_factor, rel=1e-6
        )


def test_light_through_the_surface_balances_gain_and_ends():
    device = wanted()
    nominal = laser(device)
    edges = solved_edges(device, {"layers.0.lines.duty": np.array([0.3, 0.42])})
    waves = waves_of_edges(edges)
    share = surface_shares(nominal, waves, many_modes(nominal, waves, quality=False)).sum(axis=1)
    for duty, found in zip((0.3, 0.42), share, strict=True):
        first = laser(changed(device, {"layers.0.lines.duty": duty})).modes[0]
        pumped = first.pumped
        x = np.linspace(0, pumped.length, 3001)
        right, left = first.waves(x)
        power = np.abs(right) ** 2 + np.abs(left) ** 2
        waves_here, gain = pumped.waves, first.threshold_material_gain
        # gain of both waves and of their beat: what the film gives
        beat = 2 * (right * left.conj()).real
        slopes = waves_here.centre_slope.imag, waves_here.half_split_slope.imag
        given = (
            2 * waves_here.n_group * gain * np.trapezoid(slopes[0] * power + slopes[1] * beat, x)
        )
        ends = abs(left[0]) ** 2 + abs(right[-1]) ** 2
        assert found == pytest.approx(1 - ends / given, rel=2e-3)


# Tolerance


def test_both_methods_agree_for_small_spreads_and_say_so_when_not():
    small = tolerance(wanted(), scaled(Spread(), 0.02), samples=1500)
    for one in small.quantities:
        # 1500 samples know a standard deviation to 1.8 %
        assert one.is_linear, (one.name, one.linear, one.exact)
    assert small.unsolved == 0
    # threshold is largest near half a duty: first order sees no spread there
    wide = tolerance(
        wanted(duty=0.5), Spread(film_index=0, line_width=25 * nm, dose=0), samples=200
    )
    assert not wide.quantity("threshold gain").is_linear


def test_shares_of_causes_are_those_of_devices_with_one_cause():
    device = wanted()
    found = tolerance(device, scaled(Spread(), 0.1), samples=20)
    wavelength = found.quantity("wavelength")
    assert wavelength.shares.sum() == pytest.approx(1)
    for number in range(len(found.causes)):
        ends = []
        for amount in (-0.5, 0.5):
            amounts = np.zeros(len(found.causes))
            amounts[number] = amount
            ends.append(laser(at(device, found.causes, amounts)).modes[0].wavelength)
        assert wavelength.slopes[number] == pytest.approx(ends[1] - ends[0], rel=2e-2, abs=1e-7)


def test_shares_of_both_edges_near_half_duty():
    found = tolerance(wanted(duty=0.5), Spread(film_index=0, line_width=30 * nm), samples=100)
    assert sum(found.origins.values()) == pytest.approx(1)
    assert 0 < found.origins["dark"] <= 1


def test_two_processes_give_what_one_gives():
    device = wanted()
    found = causes(device, Spread(film_index=0.01))
    amounts = np.random.default_rng(1).standard_normal((240, len(found)))
    changes = shifted(device, found, amounts)
    one, two = (solved_edges(device, changes, workers) for workers in (1, 2))
    assert two.wavenumber == pytest.approx(one.wavenumber, rel=1e-8)
