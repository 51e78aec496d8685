"""The beam of a finite laser: the rigorous solver, complex amplitudes, and closed forms."""

import json
from dataclasses import replace
from math import asin, erf, inf, log, pi, sqrt

import numpy as np
import pytest
from beam_witness import radiated
from beams import DEVICES, REFERENCE, grating, solved, without_width
from finite_gratings import PERIOD

from dfbdesign import (
    InputError,
    Lines,
    PhysicsError,
    Pump,
    Spot,
    beam,
    far_field,
    laser,
    lobes,
    save_device,
)
from dfbdesign.device import PhaseShift, changed
from dfbdesign.lasers.across import Across, across
from dfbdesign.lasers.beam import near_field
from dfbdesign.lasers.emitters import Emitters
from dfbdesign.lasers.lobes import polarization_ratio
from dfbdesign.lasers.output import output
from dfbdesign.units import deg, nm, um

# --- against the rigorous solver -----------------------------------------------------------------


def gaps_to_rigorous(made):
    """Relative distance of our spectra to the rigorous ones, and of the share sent up and down."""
    found = beam(laser(made))
    kx = np.linspace(-1, 1, 301) * 24 * pi / (made.grating.periods * PERIOD)
    exact = radiated(made, kx)
    ours = [found.emitters.spectrum(side, kx) for side in (found.emitters.up, found.emitters.down)]
    turn = np.vdot(ours[0], exact.up)  # a mode has no phase of its own: one for both sides
    gaps, shares = [], []
    for one, other, index in zip(ours, (exact.up, exact.down), (1.0, 1.746), strict=True):
        other = other * np.conj(turn) / abs(turn)
        gaps.append(np.linalg.norm(one - other) / np.linalg.norm(other))
        weight = np.sqrt(index**2 - (kx / exact.wavenumber) ** 2)
        shares.append(weight @ np.abs(one) ** 2 / (weight @ np.abs(other) ** 2) - 1)
    return np.array([*gaps, *np.abs(shares)])


@pytest.mark.parametrize(
    ("duty", "shifted", "largest"),
    [(0.3, False, [0.02, 0.045, 0.015, 0.07]), (0.7, False, [0.045, 0.04, 0.01, 0.05]),
     (0.3, True, [0.02, 0.02, 0.02, 0.025])],
    ids=["dark", "bright", "quarter-wave"],
)  # fmt: skip
def test_complex_far_field_closes_in_on_the_rigorous_one_with_the_coupling(duty, shifted, largest):
    shifts = (PhaseShift(position=0.5, shift=PERIOD / 4),) if shifted else ()
    gaps = [
        gaps_to_rigorous(grating(contrast, periods, duty, phase_shifts=shifts))
        for contrast, periods in ((2, 80), (1, 160))
    ]
    assert (gaps[0] < largest).all()
    assert gaps[0][:2] / gaps[1][:2] == pytest.approx(2, abs=0.25)
    assert (gaps[1] < 0.6 * gaps[0]).all()


# --- closed forms --------------------------------------------------------------------------------


def aperture(amplitudes, length, width=None):
    """A beam of pieces of equal amplitude and length, in air, 1 µm of wavelength."""
    count, lines = len(amplitudes), np.zeros((1, len(amplitudes)))
    one = np.ones((1, 2, count), dtype=complex) / 2
    pieces = Emitters(
        start=np.linspace(-length / 2, length / 2, count, endpoint=False),
        length=np.full(count, length / count),
        kappa=np.zeros(count, dtype=complex),
        delta=np.zeros(count, dtype=complex),
        waves=np.stack([amplitudes, amplitudes]) + 0j,
        lateral=lines,
        up=one,
        down=one,
    )
    return replace(
        beam(solved("the reference")), wavelength=1.0, index_above=1.0, emitters=pieces,
        across=None if width is None else Across(width),
    )  # fmt: skip


def test_an_even_aperture_diffracts_as_sinc_squared():
    found = aperture([1.0], 300 * um)
    angle = np.linspace(-0.05, 0.05, 201)
    far = far_field(found, "up", angle)
    # sinc² with the obliquity of a field along the lines, k cos²(angle) / 2π.
    expected = 300**2 * np.sinc(300 * np.sin(angle)) ** 2 * np.cos(angle) ** 2
    assert far.intensity == pytest.approx(expected, rel=1e-9, abs=1e-9)
    (lobe,) = lobes(found, "up")
    assert lobe.angle == pytest.approx(0, abs=1e-9)
    assert lobe.width == pytest.approx(0.885893 / 300, rel=1e-5)
    assert lobe.width_y is None


def test_an_antisymmetric_aperture_has_two_lobes_and_a_null_between():
    found = aperture([1.0, -1.0], 300 * um)
    low, high = lobes(found, "up")
    # sin²(v)/v is largest where tan v = 2v, v = kx L / 4.
    assert high.angle == pytest.approx(asin(4 * 1.165561 / (2 * pi * 300)), rel=1e-5)
    assert low.angle == pytest.approx(-high.angle, rel=1e-6)
    assert far_field(found, "up", 0.0).intensity < 1e-20 * high.intensity


def test_a_gaussian_profile_diverges_by_wavelength_over_pi_waist():
    waist = 20 * um
    found = replace(aperture([1.0], 300 * um), across=Across(inf, waist))
    (lobe,) = lobes(found, "up")
    angle = 1.0 / (pi * waist)
    assert lobe.width_y == pytest.approx(sqrt(2 * log(2)) * angle, rel=1e-3)
    edge, top = (far_field(found, "up", 0.0, one).intensity for one in (angle, 0.0))
    assert edge / top == pytest.approx(np.exp(-2), rel=1e-3)


def test_a_cut_gaussian_has_the_spectrum_of_its_integral():
    y = (np.arange(20000) + 0.5) / 20000 * 90 - 45
    field = np.exp(-((y / 30) ** 2))
    field /= np.sqrt((field**2).sum() * (y[1] - y[0]))
    profile, k = Across(90 * um, 30 * um), np.array([0, 0.03, -0.2, 1.0])
    direct = (field * np.exp(-1j * np.outer(k, y))).sum(axis=1) * (y[1] - y[0])
    assert profile.spectrum(k) == pytest.approx(direct.real, abs=1e-6)
    assert Across(900, 30).spectrum(k) == pytest.approx(Across(inf, 30).spectrum(k), abs=1e-12)
    wide = Across(90, 3000).spectrum(k)
    assert wide == pytest.approx(Across(90).spectrum(k), rel=1e-3)
    # ∫ f'² dy of a Gaussian is 1/w².
    wavenumber, power = Across(inf, 30).inside(5.0)
    assert power.sum() == pytest.approx(1, rel=1e-6)
    assert power @ wavenumber**2 == pytest.approx(1 / 30**2, rel=1e-6)
    assert erf(1.5) < 1  # the cut profile above is cut


@pytest.mark.parametrize("name", ["the reference", "a quarter-wave shift", "chirp in third order"])
def test_spectra_are_fourier_integrals_of_the_near_field(name):
    found = beam(solved(name))
    half = found.emitters.extent / 2
    x = (np.arange(200001) + 0.5) / 200001 * 2 * half - half
    field = near_field(found, "up", x).sum(axis=0)
    k = np.array([0.002, 0.01, -0.03])
    k = np.concatenate([k, k + found.emitters.lateral[-1, 0]])
    direct = np.exp(-1j * np.outer(k, x)) @ field * (x[1] - x[0])
    assert found.emitters.spectrum(found.emitters.up, k) == pytest.approx(direct, rel=1e-3)


def test_the_near_field_of_second_order_is_the_sum_of_both_waves():
    found = solved("the reference")
    one = beam(found)
    x = np.linspace(1, 499, 50)
    waves = sum(found.modes[0].waves(x))
    ratio = near_field(one, "up", x - found.modes[0].cavity.length / 2)[0] / waves
    assert ratio == pytest.approx(np.full(50, ratio[0]), rel=1e-9)


@pytest.mark.parametrize("name", ["third order", "fourth order"])
def test_a_symmetric_device_has_a_symmetric_beam_fringes_included(name):
    """The orders interfere on the surface; the fringes stand on the lines, not beside them."""
    found = beam(solved(name))
    x = np.linspace(0.01, found.emitters.extent / 2 - 0.01, 2001)
    right, left = (near_field(found, "up", side * x).sum(axis=0) for side in (1, -1))
    assert np.abs(right).max() > 0
    parity = np.vdot(left, right) / np.vdot(left, left)
    assert abs(parity) == pytest.approx(1, rel=1e-6)
    assert right == pytest.approx(round(parity.real) * left, abs=1e-6 * np.abs(right).max())


@pytest.mark.parametrize("name", ["third order", "fourth order"])
def test_amid_a_long_bright_mode_the_orders_interfere_as_in_the_unit_cell(name):
    """High above a period only the plane waves are left of the field of its bright mode."""
    laser_ = solved(name)
    number = [mode.origin for mode in laser_.modes].index("bright")
    found = beam(laser_, number)
    bright = laser_.cell.band_edges[0]
    period = bright.device.grating.period
    assert laser_.periods % 2 == 1  # a line stands in the middle
    x, height = np.linspace(-0.5, 0.5, 41) * period, 1.5
    rise = np.sqrt(bright.wavenumber**2 - (found.emitters.lateral[:, :1] + 0j) ** 2)
    ours = (near_field(found, "up", x) * np.exp(1j * rise * height)).sum(axis=0)
    cell = bright.profile(x, np.array([0.21 + height]))[0]
    ratio = np.vdot(cell, ours) / np.vdot(cell, cell)
    assert np.linalg.norm(ours - ratio * cell) < 0.02 * np.linalg.norm(ours)


def test_a_phase_shift_moves_what_follows_and_radiates_nothing_itself():
    found = beam(solved("a quarter-wave shift"))
    plain = beam(solved("the reference"))
    shift = 217.5 * nm
    assert found.emitters.extent == pytest.approx(plain.emitters.extent + shift, rel=1e-12)
    gap = found.emitters.start[found.emitters.start > -0.3][0] - shift / 2
    field = near_field(found, "up", gap + np.array([-0.6, 0.0, 0.6]) * shift)
    assert (field[0] != 0).tolist() == [True, False, True]


def test_the_far_field_holds_the_near_field_less_what_sharp_ends_keep():
    """Parseval: the ends are steps E₀ with spectrum |E₀|²/k_x², of which E₀²/2k does not leave."""
    for name in ("the reference", "a short stripe", "a Gaussian spot"):
        found = without_width(name)
        ends = near_field(found, "up", np.array([-1, 1]) * found.emitters.extent / 2 * (1 - 1e-12))
        sine = (np.arange(6000) + 0.5) / 3000 - 1
        angle = np.arcsin(sine)
        # d(angle) = d(sine) / cos
        sent = (far_field(found, "up", angle).intensity / np.cos(angle)).sum() / 3000
        kept = (np.abs(ends) ** 2).sum() / (2 * found.wavenumber)
        assert found.output.up - sent == pytest.approx(kept, rel=0.03, abs=2e-6)
        assert sent == pytest.approx(found.output.up, rel=5e-3)


def test_a_beam_with_a_width_holds_the_same_power():
    line = without_width("the reference")
    wide = replace(line, across=Across(inf, 400 * um))  # so wide that next to nothing is tilted
    y = np.linspace(-0.008, 0.008, 401)
    x = np.linspace(-0.01, 0.01, 21)
    over_y = far_field(wide, "up", x, y[:, None]).intensity.sum(axis=0) * (y[1] - y[0])
    alone = far_field(line, "up", x).intensity
    assert over_y == pytest.approx(alone, rel=1e-4, abs=1e-4 * alone.max())


# --- lobes ---------------------------------------------------------------------------------------


def test_the_dark_mode_has_two_lobes_and_no_light_along_the_normal():
    found = solved("the reference")
    assert found.modes[0].origin == "dark"
    one = beam(found)
    low, high = lobes(one, "up")
    assert low.angle == pytest.approx(-high.angle, rel=1e-6)
    assert low.width == pytest.approx(high.width, rel=1e-6)
    assert far_field(one, "up", 0.0).intensity < 1e-16 * high.intensity
    # As two lobes of an aperture as long as the grating would be, and a little wider for its taper.
    assert 0.8 < high.angle / (1.165561 * 4 / (one.wavenumber * 500)) < 1.5


def test_a_quarter_wave_shift_makes_one_lobe_along_the_normal():
    found = solved("a quarter-wave shift")
    assert found.modes[0].origin == "gap"
    (lobe,) = lobes(beam(found), "up")
    assert abs(lobe.angle) < 1e-4 * lobe.width
    assert output(found).up > 5 * output(solved("the reference")).up


def test_the_bright_mode_has_one_lobe():
    found = solved("a short stripe")
    assert found.modes[1].origin == "bright"
    assert len(lobes(beam(found, 1), "up")) == 1
    assert output(found, 1).up > 5 * output(found, 0).up


@pytest.mark.parametrize(("order", "numbers"), [(3, [-0.5, 0.5]), (4, [-1, 0, 1])])
def test_higher_orders_send_beams_at_the_angles_of_the_grating_equation(order, numbers):
    found = beam(solved({3: "third order", 4: "fourth order"}[order]))
    period = order * 435 * nm
    for side, index in (("up", found.index_above), ("down", found.index_below), ("below", 1.0)):
        angles = np.array([lobe.angle for lobe in lobes(found, side)])
        expected = np.arcsin(np.array(numbers) * found.wavelength / (period * index))
        near = np.abs(angles[:, None] - expected)
        assert near.min(axis=1).max() < 0.8 * deg  # lobes next to the order
        assert near.min(axis=0).max() < 0.8 * deg  # and each order has some


def test_a_wave_to_the_right_goes_on_to_the_right_by_the_stronger_first_harmonic():
    """Harmonic m of lines of duty D is as sin(πmD)/m; the first takes R to +1/2, the second S."""
    found = beam(solved("third order")).emitters
    assert found.lateral[:, 0] == pytest.approx(np.array([-1, 1]) * pi / (1305 * nm))
    for side in (found.up, found.down):
        right, left = np.abs(side[1, :, 0])
        assert right / left == pytest.approx(2 * np.sin(0.35 * pi) / np.sin(0.7 * pi), rel=0.1)


def test_first_order_leaves_through_the_ends_alone():
    found = solved("first order")
    shares = output(found)
    assert shares.up == shares.down == 0
    assert shares.left + shares.right > 0.9
    with pytest.raises(PhysicsError, match=r"order 1 .* radiates nothing"):
        beam(found)


# --- refraction and polarisation -----------------------------------------------------------------


def test_the_substrates_lower_face_refracts_and_reflects_as_fresnel_says():
    found = beam(solved("the reference"))
    n = found.index_below
    inside, outside = (lobes(found, side)[-1] for side in ("down", "below"))
    assert np.sin(outside.angle) == pytest.approx(n * np.sin(inside.angle), rel=1e-4)
    through = 4 * n / (1 + n) ** 2
    assert outside.intensity / inside.intensity == pytest.approx(through / n**2, rel=1e-4)


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_oblique_beams_pass_the_lower_face_by_their_polarisation(polarization):
    found = replace(without_width("third order"), polarization=polarization)
    n, k = found.index_below, found.wavenumber
    kx = np.linspace(-0.03, 0.03, 601) + found.emitters.lateral[-1, 0]
    power = []
    for side in ("down", "below"):
        angle = np.arcsin(kx / (found.index(side) * k))
        step = np.gradient(angle)
        power.append(far_field(found, side, angle).intensity @ step)
    a, b = (asin(found.emitters.lateral[-1, 0] / (index * k)) for index in (n, 1.0))
    reflected = (np.sin(a - b) / np.sin(a + b)) ** 2
    if polarization == "TM":
        reflected = (np.tan(a - b) / np.tan(a + b)) ** 2
    assert power[1] / power[0] == pytest.approx(1 - reflected, rel=1e-3)


def test_light_is_polarised_along_the_lines_but_for_the_tilt_of_waves_along_y():
    line = without_width("the reference")
    assert polarization_ratio(line, "up") == 1
    wide = replace(line, across=Across(inf, 50 * um))
    y, x = np.linspace(-0.05, 0.05, 501), np.linspace(-0.15, 0.15, 2001)
    far = far_field(wide, "up", x, y[:, None])
    along, across = ((np.abs(one) ** 2).sum() for one in (far.along, far.across))
    assert polarization_ratio(wide, "up") == pytest.approx(
        1 - 2 * across / along, abs=0.05 * 2 * across / along
    )
    assert 0.998 < polarization_ratio(wide, "up") < 1 - 1e-5


def test_a_single_running_wave_stays_polarised_across_its_direction():
    """R alone, tilted: E is at right angles to (β, k_y), in the film and so in the beam."""
    found = aperture([1.0], 300 * um, width=50 * um)
    waves = found.emitters.waves * np.array([[1], [0]])
    found = replace(found, emitters=replace(found.emitters, waves=waves))
    far = far_field(found, "up", 0.0, 0.01)
    ky = found.wavenumber * np.sin(0.01)
    assert far.across * found.propagation + far.along * ky == pytest.approx(0, abs=1e-12)
    assert abs(far.across) > 0


def test_tm_light_is_polarised_across_the_lines():
    found = beam(solved("TM"))
    assert polarization_ratio(found, "up") < -0.99
    far = far_field(found, "up", 0.01)
    assert abs(far.along) < 1e-12 * abs(far.across)


# --- bad input and the command -------------------------------------------------------------------


def test_questions_without_an_answer_are_refused():
    with pytest.raises(InputError, match=r"number of the mode must lie in \[0, "):
        beam(solved("the reference"), 99)
    with pytest.raises(InputError, match=r'add width = "500 um" to \[grating\]'):
        far_field(without_width("the reference"), "up", 0.0, 0.01)
    with pytest.raises(InputError, match="must not both be infinite"):
        Across(inf)


def test_a_period_without_a_mirror_plane_is_refused():
    made = grating(1, 300)
    further = (Lines(material=2.1, duty=0.12, centre=0.27),)
    found = laser(changed(made, {"layers.0.further_lines": further}))
    for question in (beam, output):
        with pytest.raises(InputError, match="needs a period with a mirror plane"):
            question(found)


def test_the_profile_along_y_is_that_of_the_pump():
    spots = {
        "gaussian": Across(500 * um, 150 * um), "disk": Across(300 * um),
        "stripe": Across(500 * um),
    }  # fmt: skip
    for shape, expected in spots.items():
        pump = Pump(wavelength=1030 * nm, spot=Spot(shape=shape, length=300 * um))
        assert across(changed(REFERENCE, {"pump": pump})) == expected
    alone = Spot(shape="disk", length=300 * um, across="alone")
    assert across(changed(REFERENCE, {"pump.spot": alone})) is None
    assert across(changed(REFERENCE, {"grating.width": None})) is None
    assert beam(solved("a Gaussian spot")).across == spots["gaussian"]


def test_the_verb_prints_shares_lobes_and_polarisation(dfb, tmp_path):
    file, picture = tmp_path / "device.toml", tmp_path / "beam.png"
    save_device(REFERENCE, file)
    ran = dfb("beam", file, "--plot", picture, "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert sum(found["photons"].values()) == pytest.approx(2, abs=1e-9)  # and their total, 1
    up = [lobe for lobe in found["lobes"] if lobe["side"] == "up"]
    expected = lobes(beam(laser(REFERENCE)), "up")
    assert [lobe["angle_deg"] * deg for lobe in up] == pytest.approx([x.angle for x in expected])
    assert [lobe["fwhm_deg"] * deg for lobe in up] == pytest.approx([x.width for x in expected])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "polarization ratio" in dfb("beam", file).out


def test_the_verb_says_no_where_there_is_no_beam(dfb, tmp_path):
    file = tmp_path / "device.toml"
    save_device(changed(REFERENCE, DEVICES["first order"]), file)
    assert dfb("beam", file).code == 3
    save_device(REFERENCE, file)
    ran = dfb("beam", file, "--mode", "40")
    assert ran.code == 2
    assert "number of the mode" in ran.err
