"""Chirp, apodisation, slips and measured pump profiles, against layers, limits and each other."""

import json
from dataclasses import replace
from itertools import pairwise
from math import pi

import numpy as np
import pytest
from finite_gratings import PERIOD
from finite_gratings import device as finite_device
from finite_witness import FiniteGrating
from lasers import DOPED, cavity_of, detunings, gains, made, one_cell_per_stack

from dfbdesign.device import (
    Apodisation,
    Grating,
    Layer,
    Lines,
    PhaseShift,
    Slip,
    changed,
    load_device,
    save_device,
)
from dfbdesign.errors import InputError
from dfbdesign.lasers import laser as laser_module
from dfbdesign.lasers.cavity import film_cavity
from dfbdesign.lasers.laser_spectra import laser_spectra
from dfbdesign.lasers.stretches import stretches_of
from dfbdesign.lasers.waves import waves_of
from dfbdesign.pump import FluenceProfile, Spot, read_profile
from dfbdesign.solvers import coupled_mode
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.solvers.transfer_matrix import (
    Cavity,
    Endless,
    Section,
    cold_modes,
    scattering,
    threshold_modes,
)
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import cm, nm, um

__all__ = ["one_cell_per_stack"]
solve = laser_module.laser


# Coupled waves of changing sections against layers


def layer_by_layer(step, wavenumber, periods, share):
    """Exact amplitudes of a stack of gap/2, line, gap/2; design wavelength 1, mean index 1.5.

    `share` says how each period differs: its length over the middle one, and its duty.
    """
    low, high = 1.5 - step / 2, 1.5 + step / 2
    total = np.eye(2, dtype=complex)  # on (E, dE/dx / k)
    length = 0.0
    for number in range(periods):
        stretch, duty = share((number + 0.5) / periods)
        period = stretch / 3.0
        for n, width in ((low, (1 - duty) / 2), (high, duty), (low, (1 - duty) / 2)):
            phase = n * wavenumber * width * period
            c, s = np.cos(phase), np.sin(phase)
            total = np.array([[c, s / n], [-n * s, c]]) @ total
        length += period
    (a, b), (c, d) = total
    # E = 1 + r, E' = i n (1 - r) before and E = t, E' = i n t behind.
    matrix = np.array([[a - 1j * low * b, -1], [c - 1j * low * d, -1j * low]])
    r, t = np.linalg.solve(matrix, [-(a + 1j * low * b), -(c + 1j * low * d)])
    return r, t, length


def coupled(step, offset, periods, share, pieces):
    """The same by sections, to first order of the step."""
    low, n_group = 1.5 - step / 2, 1.5
    sections = []
    for number in range(pieces):
        stretch, duty = share((number + 0.5) / pieces)
        index = low + duty * step  # the mean index sets the line centre
        bragg = pi / (stretch / 3.0)
        kappa = -bragg / (index * pi) * step * np.sin(pi * duty)
        sections.append(
            Section(
                stretch / 3.0 * periods / pieces,
                kappa,
                detuning=n_group * (bragg / index - 2 * pi),
                group=index / n_group,
            )
        )
    return scattering(Cavity(tuple(sections)), offset)


CHANGES = {
    "chirp": lambda strength: lambda u: (1 + strength * (u - 0.5), 0.5),
    "apodised": lambda strength: lambda u: (1.0, 0.5 - 0.35 * (2 * u - 1) ** 2),
    "both": lambda strength: lambda u: (1 + strength * (u - 0.5), 0.3 + 0.2 * u),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_changing_stack_is_approached_with_the_index_step(kind):
    errors = []
    for step, periods in ((0.04, 60), (0.02, 120), (0.01, 240)):
        share = CHANGES[kind](0.6 * step)  # sweeps the line centre over one stop band
        offset = np.array([-0.01, 0.0, 0.013]) * step / 0.04 * 3
        exact = [layer_by_layer(step, 2 * pi + one / 1.5, periods, share) for one in offset]
        r, t, _ = coupled(step, offset, periods, share, periods)
        # At the edge of a first-order cell, half a period before the line, exp(-2iβx) = -1.
        gaps = [
            (abs(a + c), abs(b - (-1) ** periods * d))
            for (a, b, _), c, d in zip(exact, r, t, strict=True)
        ]
        errors.append(np.max(gaps))
        assert max(abs(one[0]) for one in exact) > 0.3
    assert errors[0] < 0.02
    orders = -np.diff(np.log2(errors))

    assert (orders > 0.9).all(), errors


def test_a_chirp_cut_finer_and_finer_converges_at_second_order():
    share = CHANGES["chirp"](0.04)
    found = [coupled(0.04, np.array([0.02]), 120, share, 25 * 2**n) for n in range(5)]
    steps = np.array([abs(b[0] - a[0]) for a, b in pairwise(found)]).ravel()
    assert steps[:-1] / steps[1:] == pytest.approx(4, rel=0.05)


def test_an_endless_end_is_a_very_long_absorbing_section():
    kappa, gain = 0.004 - 0.0005j, -0.01
    own = {"kappa": kappa, "gain": gain, "detuning": 0.002, "group": 1.1}
    middle = Section(400, kappa, phase=0.7)
    long = Section(2000, pump=0, **own)
    ended = Cavity((middle,), Endless(**own), Endless(**own))
    window = (-0.03, 0.0302), (0, 0.04)
    closed = threshold_modes(ended, *window)
    known = threshold_modes(Cavity((long, middle, long)), *window)
    assert len(closed) == len(known) >= 4
    for one, other in zip(closed, known, strict=True):
        assert one.gain == pytest.approx(other.gain, rel=1e-8)
        assert one.detuning == pytest.approx(other.detuning, abs=1e-11)


def test_an_endless_grating_that_does_not_absorb_is_refused():
    with pytest.raises(InputError, match="it must absorb"):
        Endless(kappa=0.01, gain=0.0)


# Devices


def test_lines_that_do_not_change_are_a_plain_grating(monkeypatch):
    plain = solve(made(0.3))
    for given in ({"duty": (0.3, 0.3)}, {"height": (50 * nm, 50 * nm, 50 * nm)}):
        same = solve(made(0.3, apodisation=Apodisation(**given)))
        assert gains(same) == pytest.approx(gains(plain), rel=1e-7)
        assert detunings(same) == pytest.approx(detunings(plain), abs=1e-9)


def test_a_slip_is_a_phase_shift_of_either_sign():
    period = made().grating.period
    slipped = solve(made(0.3, slips=(Slip(position=0.4, slip=120 * nm),)))
    shifted = solve(made(0.3, phase_shifts=(PhaseShift(position=0.4, shift=120 * nm),)))
    back = solve(made(0.3, slips=(Slip(position=0.4, slip=120 * nm - period / 2),)))
    assert gains(slipped) == pytest.approx(gains(shifted), rel=1e-12)
    assert gains(back) == pytest.approx(gains(shifted), rel=1e-9)  # half a period is none
    assert gains(slipped)[0] != pytest.approx(gains(solve(made(0.3)))[0], rel=0.1)


def test_a_slip_and_its_opposite_at_one_place_are_none():
    both = (Slip(position=0.4, slip=50 * nm), Slip(position=0.4, slip=-50 * nm))
    assert gains(solve(made(0.3, slips=both))) == pytest.approx(gains(solve(made(0.3))), rel=1e-9)


def test_what_opposite_slips_do_cancels_but_for_second_order():
    def first(slip):
        found = solve(made(0.5, order=1, slips=(Slip(position=0.5, slip=slip),)))
        mode = next(mode for mode in found.modes if mode.mode.edge == "dark")
        return np.array([mode.threshold_modal_gain, 1e-3 * mode.wavelength])

    plain = first(0.0)
    sums = [first(slip) + first(-slip) - 2 * plain for slip in (0.5 * nm, 1 * nm)]
    assert abs(first(2 * nm)[0] / plain[0] - 1) > 0.01
    assert sums[1] / sums[0] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize(
    ("change", "path", "low", "high"),
    [
        ({"chirp": 10 * nm}, "grating.period", 0.86, 0.87),
        ({"apodisation": Apodisation(duty=(0.05, 0.6))}, "layers.0.lines.duty", 0.05, 0.6),
        ({"apodisation": Apodisation(duty=(0.3, 0.2, 0.4, 0.1))}, "layers.0.lines.duty", 0.3, 0.2),
    ],
)
def test_each_part_has_the_coupled_waves_of_its_own_unit_cell(change, path, low, high):
    device = made(0.3, **change)
    parts = cavity_of(device).stretches
    length = device.grating.periods * device.grating.period
    assert sum(part.length for part in parts) == pytest.approx(length, rel=1e-12)
    middles = np.cumsum([part.length for part in parts]) - parts[0].length / 2
    for number in (0, 11, 20):
        share = device.grating.share(middles[number]) * (3 if len(change) and high < low else 1)
        own = waves_of(modes(changed(made(0.3), {path: low + (high - low) * float(share)})))
        part = parts[number].waves
        # Either is within the 1e-6 that unit cells are solved to.
        assert part.centre == pytest.approx(own.centre, rel=2e-7)
        assert part.half_split == pytest.approx(own.half_split, abs=2e-4 * abs(waves_of(modes(
            made(0.3))).half_split))  # fmt: skip
        assert part.half_split_slope == pytest.approx(own.half_split_slope, abs=2e-5)
        assert part.n_group == pytest.approx(own.n_group, rel=2e-5)
        assert part.confinement == pytest.approx(own.confinement, rel=2e-5)


def cold_wavenumber(made):
    """Cold mode of highest Q by coupled waves."""
    waves = waves_of(modes(made))
    cavity = film_cavity(made, None, waves)
    mode = cold_modes(cavity.frozen(np.zeros(len(cavity.stretches))), (-0.5, 0.51), 0.3)[0]
    return waves.centre.real + mode.detuning / waves.n_group


@pytest.mark.parametrize(
    ("kind", "largest"), [("chirp", 0.065), ("duty", 0.08)], ids=["chirped", "apodised"]
)
def test_what_a_change_does_is_what_it_does_in_two_dimensions(kind, largest):
    # Complex shift of a whole strong grating against the same in a sparse eigenproblem; the same
    # kappa L and share of the stop band at a weaker line.
    gaps = []
    for line, periods, chirp in ((1.7, 16, 80 * nm), (2.05, 26, 30 * nm)):
        if kind == "chirp":
            given, known = {"chirp": chirp}, {"chirp": chirp}
        else:
            given, known = {"apodisation": Apodisation(duty=(0.35, 0.15))}, {"last_duty": 0.15}
        exact = []
        ours = [
            cold_wavenumber(finite_device(periods, line=line, duty=0.35, **more))
            for more in ({}, given)
        ]
        for k, more in zip(ours, ({}, known), strict=True):
            grating = FiniteGrating(
                (0.05, 0.16), (2.53, 2.53), (line, None), 0.35, PERIOD, periods, 1.746, 1.0,
                degree=5, **more,
            )  # fmt: skip
            found = grating.modes(k + 0.002, 2)
            exact.append(found[np.abs(found - k).argmin()])
        gaps.append(abs((ours[1] - ours[0]) / (exact[1] - exact[0]) - 1))
    assert gaps[0] < largest
    assert gaps[1] < gaps[0] / 1.5  # as the coupling, 1.6 times weaker


def test_a_mirrored_chirp_lases_the_same():
    one, other = (solve(made(0.3, chirp=sign * 3 * nm)) for sign in (-1, 1))
    assert gains(one) == pytest.approx(gains(other), rel=1e-7)
    assert detunings(one) == pytest.approx(detunings(other), abs=1e-9)


def test_chirp_raises_the_first_threshold():
    plain, chirped = (gains(solve(made(0.3, chirp=chirp)))[0] for chirp in (0.0, 6 * nm))
    assert chirped > 2 * plain


def test_pieces_of_an_apodised_grating_err_in_second_order(monkeypatch):
    from dfbdesign.lasers import stretches

    device, found = made(0.3, apodisation=Apodisation(height=(20 * nm, 50 * nm))), []
    for steps in (16, 32, 64):
        monkeypatch.setattr(stretches, "LINE_STEPS", steps)
        found.append(solve(device).modes[0].wavelength)
    assert (found[0] - found[1]) / (found[1] - found[2]) == pytest.approx(4, rel=0.1)


def test_lower_lines_leave_the_surface_where_it_was():
    device = made(0.3, apodisation=Apodisation(height=(20 * nm, 20 * nm)))
    part = cavity_of(device).stretches[0]
    low = changed(made(0.3), {"layers.0.thickness": 20 * nm, "layers.1.thickness": 190 * nm})
    cell = waves_of(modes(low))
    assert part.waves.half_split == pytest.approx(cell.half_split, rel=1e-6)
    assert part.waves.centre == pytest.approx(cell.centre, rel=1e-8)


def test_places_and_shares_of_a_chirped_grating_are_inverse():
    grating = Grating(period=0.87, length=500 * um, chirp=30 * nm)
    share = np.linspace(0, 1, 11)
    np.testing.assert_allclose(grating.share(grating.place(share)), share, atol=1e-14)
    pitches = np.diff(grating.place(np.arange(grating.periods + 1) / grating.periods))
    assert np.ptp(pitches) == pytest.approx(30 * nm, rel=2 / grating.periods)
    assert pitches.sum() == pytest.approx(grating.periods * 0.87)


def test_a_file_holds_what_changes_along_a_grating(tmp_path):
    device = made(
        chirp=2 * nm,
        slips=(Slip(position=0.3, slip=-20 * nm),),
        apodisation=Apodisation(duty=(0.1, 0.3, 0.1), position=(0, 0.4, 1)),
    )
    save_device(device, tmp_path / "device.toml")
    assert load_device(tmp_path / "device.toml") == device


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"duty": (0.3,)}, "two points or more"),
        ({}, "two points or more"),
        ({"duty": (0.3, 0.2), "height": (0.1, 0.1, 0.1)}, "as many of each"),
        ({"duty": (0.3, 1.2)}, "duty must lie in"),
        ({"height": (0.05, -0.05)}, "height .* must be a positive"),
        ({"duty": (0.3, 0.2), "position": (0, 0.5)}, "ascending numbers from 0 to 1"),
        ({"duty": (0.3, 0.2, 0.1), "position": (0, 0.6, 0.5)}, "ascending numbers from 0 to 1"),
    ],
)
def test_an_apodisation_that_says_nothing_is_refused(given, told):
    with pytest.raises(InputError, match=told):
        Apodisation(**given)


def test_an_apodisation_needs_one_layer_of_lines():
    lined = Layer(thickness=0.1, material=2.5, lines=Lines(material=2.3, duty=0.3), gain=True)
    device = made(apodisation=Apodisation(duty=(0.1, 0.3)))
    with pytest.raises(InputError, match="needs one layer with lines"):
        stretches_of(changed(device, {"layers": (lined, lined)}), None, waves_of(modes(made())))
    with pytest.raises(InputError, match="must stay below the film"):
        solve(made(apodisation=Apodisation(height=(0.05, 0.3))))


def test_a_chirp_beyond_the_period_is_refused():
    with pytest.raises(InputError, match="chirp must be less than half the period"):
        Grating(period=0.87, length=100, chirp=0.5)


# Measured pump


def write(path, rows, header="position_um,fluence"):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def test_a_measured_gaussian_is_the_gaussian(tmp_path):
    x = np.linspace(-450, 450, 361)
    rows = zip(x, 37 * np.exp(-8 * (x / 300) ** 2), strict=True)
    spot = Spot(shape="profile", file=write(tmp_path / "spot.csv", rows))
    device = changed(made(film=DOPED, spot={"shape": "gaussian", "length": 300}), {})
    known = solve(device)
    found = solve(changed(device, {"pump.spot": spot}))
    assert gains(found) == pytest.approx(gains(known), rel=6e-3)  # of the pieces of either
    assert found.modes[0].threshold_fluence == pytest.approx(
        known.modes[0].threshold_fluence, rel=3e-3
    )


def test_a_measured_flat_top_is_a_stripe_and_one_beside_the_middle_pumps_there(tmp_path):
    def flat(middle):
        x = np.arange(-240, 241, 1.0)
        rows = zip(x, np.where(abs(x - middle) <= 100, 5.0, 0.0), strict=True)
        return Spot(shape="profile", file=write(tmp_path / f"spot{middle}.csv", rows))

    stripe = made(film=DOPED, spot={"shape": "stripe", "length": 201})
    known = gains(solve(stripe))[0]
    assert gains(solve(changed(stripe, {"pump.spot": flat(0)})))[0] == pytest.approx(
        known, rel=0.02
    )
    beside = [solve(changed(stripe, {"pump.spot": flat(middle)})).modes[0] for middle in (-80, 80)]
    assert beside[0].threshold_modal_gain == pytest.approx(beside[1].threshold_modal_gain, rel=1e-9)
    x = np.linspace(0, beside[0].cavity.length, 400)
    light = [sum(abs(wave) ** 2 for wave in mode.waves(x)) for mode in beside]
    assert x[light[0].argmax()] < 0.45 * x[-1] < 0.55 * x[-1] < x[light[1].argmax()]


def test_pieces_of_a_profile_hold_its_light():
    x = np.array([-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0])
    profile = FluenceProfile("", tuple(x), (0.0, 0.2, 1.0, 0.1, 0.7, 0.3, 0.0))
    edges = np.sort(np.r_[-50.0, 40.0, np.random.default_rng(0).uniform(-50, 40, 23)])
    pieces = profile.mean(edges[:-1], edges[1:])
    assert pieces @ np.diff(edges) == pytest.approx(profile.area, rel=1e-12)
    fine = np.linspace(edges[4], edges[5], 20001)
    assert pieces[4] == pytest.approx(profile(fine).mean(), rel=1e-4)


BAD = {
    "a gap": (([-20, 1], [-10, 3], [40, 2], [50, 1]), "gap from -10 to 40 um"),
    "a missing number": (([-20, 1], [-10, ""], [0, 2]), 'fluence must be a number, got ""'),
    "no number": (([-20, 1], [-10, "nan"], [0, 2]), "fluence must be a finite number, got nan"),
    "backwards": (([-20, 1], [0, 2], [-10, 3]), "position_um must ascend"),
    "negative light": (([-20, 1], [-10, -3], [0, 2]), "fluence must not be negative, got -3"),
    "no light": (([-20, 0], [-10, 0], [0, 0]), "fluence is zero everywhere"),
    "one row": (([-20, 1],), "at least 2 are needed"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_profile_that_is_none_is_refused(tmp_path, case):
    rows, told = BAD[case]
    with pytest.raises(InputError, match=told) as refused:
        read_profile(write(tmp_path / "spot.csv", rows))
    assert "spot.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_profile_without_its_columns_or_file_is_refused(tmp_path):
    with pytest.raises(InputError, match='no column "fluence"'):
        read_profile(write(tmp_path / "spot.csv", [[1, 2]], "position_um,fluenz"))
    with pytest.raises(InputError, match="cannot read"):
        Spot(shape="profile", file=tmp_path / "none.csv")


@pytest.mark.parametrize(
    "given",
    [
        {"shape": "profile"},
        {"shape": "stripe", "length": 100, "file": "spot.csv"},
        {"shape": "profile", "length": 100, "file": "spot.csv"},
        {"shape": "stripe", "length": 100, "across": "alone"},
    ],
)
def test_a_spot_that_contradicts_itself_is_refused(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "spot.csv", [[-1, 1], [0, 1], [1, 1]])
    with pytest.raises(InputError):
        Spot(**given)


def test_a_profile_that_breaks_off_in_the_grating_is_refused(tmp_path):
    spot = Spot(shape="profile", file=write(tmp_path / "s.csv", [[-60, 0], [0, 9], [60, 5]]))
    with pytest.raises(InputError, match="breaks off at 60 um with 56%"):
        solve(changed(made(film=DOPED, spot={"shape": "uniform"}), {"pump.spot": spot}))


def test_a_disk_line_by_line_is_first_pumped_along_its_diameter():
    disk = made(film=DOPED, spot={"shape": "disk", "length": 300, "across": "alone"}, width=300)
    stripe = made(film=DOPED, spot={"shape": "stripe", "length": 300})
    averaged = made(film=DOPED, spot={"shape": "disk", "length": 300}, width=300)
    assert gains(solve(disk)) == pytest.approx(gains(solve(stripe)), rel=1e-12)
    assert gains(solve(averaged))[0] > gains(solve(disk))[0] + 1 / cm


def test_uniform_sections_of_another_group_index_are_the_closed_form():
    # Δ = 1.3 δ: all modes at detunings over 1.3, at the same gain.
    closed = coupled_mode.threshold_modes(2.0, 1.0, (-12, 12.3))
    section = Section(1.0, 2.0, group=1.3)
    halves = replace(section, length=0.4), replace(section, length=0.6)
    found = threshold_modes(Cavity(halves), (-12 / 1.3, 12.3 / 1.3), (-3, 14))
    assert len(found) == len(closed) >= 4
    for one, other in zip(found, closed, strict=True):
        assert one.gain == pytest.approx(other.gain, rel=1e-9)
        assert one.detuning.real * 1.3 == pytest.approx(other.detuning, abs=1e-9)


def test_balance_of_light_from_the_left_holds_for_a_changing_pumped_absorbing_device():
    spot = {"shape": "gaussian", "length": 250}
    device = made(0.3, film=DOPED, spot=spot, chirp=2 * nm, slips=(Slip(position=0.4, slip=0.05),))
    found = laser_spectra(solve(device), share=0.8, points=201)
    returned = abs(found.reflection) ** 2 + abs(found.transmission) ** 2
    total = returned + found.radiated_up + found.radiated_down + found.absorbed
    np.testing.assert_allclose(total, 1, atol=1e-9 * returned.max())
    assert found.radiated_up.min() > 0
    assert found.radiated_up.max() > 0.01
    assert found.absorbed.max() > 0.1


def test_the_surface_takes_what_a_cold_endless_grating_radiates():
    # Next to the dark edge hardly anything, next to the bright edge what is not reflected.
    device = made(0.3, length=4000)
    found = laser_spectra(solve(device), share=0.0, points=801)
    bright, dark = found.edges
    surface = found.radiated_up + found.radiated_down
    inside = bright + 0.3 * nm, dark - 0.3 * nm  # beyond, dark modes of the ends' own loss radiate
    at = [abs(found.wavelength - place).argmin() for place in inside]
    assert surface[at[0]] > 20 * surface[at[1]]
    gap = (found.wavelength > bright + 1 * nm) & (found.wavelength < dark - 1 * nm)
    assert gap.sum() > 20, gap.sum()
    assert (abs(found.transmission[gap]) ** 2 < 1e-6).all()
    np.testing.assert_allclose(surface + abs(found.reflection) ** 2, 1 - found.absorbed
                               - abs(found.transmission) ** 2, atol=1e-9)  # fmt: skip
    closed = coupled_mode.reflection(*stop_band_of(device, found.wavelength[gap]))
    np.testing.assert_allclose(abs(found.reflection[gap]), abs(closed), rtol=1e-6)


def stop_band_of(device, wavelength):
    """Coupling, length and detuning of a uniform device, for the closed form."""
    waves, length = cavity_of(device).waves, device.grating.periods * device.grating.period
    delta = waves.n_group * (2 * pi / wavelength - waves.centre)
    return waves.kappa(0.0), length, delta


@pytest.mark.parametrize("part", [{"chirp": 1 * nm}, {"slips": (Slip(position=0.4, slip=0.05),)},
                                  {"apodisation": Apodisation(duty=(0.1, 0.3))}])  # fmt: skip
def test_what_takes_equal_periods_alone_says_so(part):
    device = made(0.3, width=100, **part)
    with pytest.raises(InputError, match=r"grating (chirp|slips|apodisation): .* equal periods"):
        finite_modes(device)


def test_the_command_line_solves_draws_and_tabulates_a_changing_device(dfb, tmp_path):
    x = np.linspace(-140, 140, 57)
    write(tmp_path / "spot.csv", zip(x, 1 - (x / 140) ** 2, strict=True))
    device = made(0.3, film=DOPED, spot={"shape": "uniform"}, length=300, chirp=2 * nm)
    spot = Spot(shape="profile", file=tmp_path / "spot.csv")
    save_device(changed(device, {"pump.spot": spot}), tmp_path / "device.toml")
    words = "--spectra", tmp_path / "s.csv", "--plot", tmp_path / "s.png", "--json"
    ran = dfb("laser", tmp_path / "device.toml", *words)
    assert (ran.code, ran.err) == (0, "")
    first = solve(load_device(tmp_path / "device.toml")).modes[0]
    shown = json.loads(ran.out)["modes"][0]
    assert shown["wavelength_nm"] == pytest.approx(first.wavelength / nm, rel=1e-9)
    assert (tmp_path / "s.png").read_bytes()[1:4] == b"PNG"
    table = np.genfromtxt(tmp_path / "s.csv", delimiter=",", names=True)
    power = sum(table[f"{name}_{part}"] ** 2 for name in ("reflection", "transmission")
                for part in ("re", "im"))  # fmt: skip
    total = power + table["radiated_up"] + table["radiated_down"] + table["absorbed"]
    np.testing.assert_allclose(total, 1, atol=1e-7 * max(1, power.max()))
    peaks = [
        table["wavelength_nm"][table[f"{port}_photons_per_s_Hz"].argmax()]
        for port in ("left", "up")
    ]
    bright = modes(made(0.3)).band_edges[0].wavelength
    assert peaks == pytest.approx([first.wavelength / nm, bright / nm], abs=1)


def test_the_picture_of_spectra_shows_the_stop_band():
    from matplotlib.figure import Figure

    from dfbdesign.plots import spectra

    found = laser_spectra(solve(made(0.3)), points=101)
    axes = spectra(Figure().add_subplot(), found)
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert sorted([band.x0, band.x1]) == pytest.approx(sorted(edge / nm for edge in found.edges))
    assert len(axes.lines) == 3
