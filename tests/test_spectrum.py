import numpy as np
import pytest
from numpy.testing import assert_allclose

from dfbdesign.errors import InputError
from dfbdesign.gain.dots import Dots, detailed_balance, inversion
from dfbdesign.gain.spectrum import Line, bruggeman, gain_spectrum, index_change, maxwell_garnett
from dfbdesign.units import PLANCK, SPEED_OF_LIGHT, cm, meV, nm

HC = PLANCK * SPEED_OF_LIGHT
PEAK = 1592 * nm
LINE = Line(PEAK, 6000 / cm, 40 * meV, 60 * meV, 10 * meV)

# Bulk PbS (Palik), interpolated at 1030 and 1660 nm; the table leaves Im(permittivity) out at 1660
SHORT, LONG = 4.4085 + 0.553j, np.sqrt(np.real((4.2366 + 0.347j) ** 2))

# Effective media computed apart from this code: fraction, host, index at 1030 and at 1660 nm
MAXWELL_GARNETT = [
    (0.40, 1.5, 2.238 + 0.068j, 2.205),
    (0.50, 1.6, 2.577 + 0.107j, 2.528),
    (0.55, 1.7, 2.804 + 0.139j, 2.742),
    (0.74, 1.6, 3.259 + 0.226j, 3.164),
]
BRUGGEMAN = [(0.40, 2.588 + 0.177j, 2.526), (0.50, 2.906 + 0.251j, 2.822), (0.74, 3.663, 3.526)]


@pytest.mark.parametrize(("fraction", "host", "short", "long"), MAXWELL_GARNETT)
def test_maxwell_garnett_is_that_of_an_independent_table(fraction, host, short, long):
    assert_allclose(maxwell_garnett(SHORT, host, fraction), short, atol=2e-3)
    assert_allclose(maxwell_garnett(LONG, host, fraction).real, long, atol=2e-3)


@pytest.mark.parametrize(("fraction", "short", "long"), BRUGGEMAN)
def test_bruggeman_is_that_of_an_independent_table(fraction, short, long):
    assert_allclose(bruggeman(SHORT, 1.6, fraction).real, np.real(short), atol=3e-3)
    if np.iscomplexobj(short):
        assert_allclose(bruggeman(SHORT, 1.6, fraction).imag, np.imag(short), atol=2e-3)
    assert_allclose(bruggeman(LONG, 1.6, fraction).real, long, atol=3e-3)


@pytest.mark.parametrize("rule", [maxwell_garnett, bruggeman])
def test_effective_media_end_in_their_constituents_and_agree_to_first_order_when_dilute(rule):
    fractions = np.array([0.0, 1.0])
    assert_allclose(rule(SHORT, 1.6, fractions), [1.6, SHORT], rtol=1e-12)
    assert_allclose(rule(1.6, 1.6, 0.3), 1.6, rtol=1e-12)
    polarisability = (SHORT**2 - 1.6**2) / (SHORT**2 + 2 * 1.6**2)
    gaps = [rule(SHORT, 1.6, f) ** 2 - 1.6**2 * (1 + 3 * f * polarisability) for f in (2e-3, 1e-3)]
    assert abs(gaps[0] / gaps[1]) == pytest.approx(4, rel=0.02)


def test_exchanging_the_media_leaves_bruggeman_alone_and_not_maxwell_garnett():
    assert_allclose(bruggeman(SHORT, 1.6, 0.3), bruggeman(1.6, SHORT, 0.7), rtol=1e-12)
    assert abs(maxwell_garnett(SHORT, 1.6, 0.3) - maxwell_garnett(1.6, SHORT, 0.7)) > 0.1


def test_at_every_wavelength_gain_is_the_inversion_of_dots_with_that_spectral_weight():
    # the same law by another way: rho = V(E - E0) / V(E - E0 + shift) at this photon energy
    wavelength = [1592 * nm, 1660 * nm]
    empty, full = Dots(), np.array([0.0, 1e3])
    absorption, emission = gain_spectrum(LINE, empty, wavelength, full) * [[-1], [1]]
    for number in range(2):
        weight = float(absorption[number] / emission[number])
        for doping, excitons in ((0, 3.0), (7, 0.4)):
            found = gain_spectrum(LINE, Dots(doping=doping), wavelength, excitons)[number]
            law = inversion(excitons, Dots(doping=doping, absorption_over_emission=weight))
            assert_allclose(found, absorption[number] * law, rtol=1e-12)


def test_a_line_broadened_inhomogeneously_alone_shifts_as_detailed_balance_demands():
    # a Gaussian of variance s^2 displaced by s^2/kT is its own detailed balance
    kt = 1.380649e-11 * 300
    sigma = 60 * meV / np.sqrt(8 * np.log(2))
    line = Line(PEAK, 1.0, 1e-6 * meV, 60 * meV, sigma**2 / kt)
    energy = np.array([-20, 0, 15]) * meV + HC / PEAK
    absorption, emission = gain_spectrum(line, Dots(), HC / energy, [0.0, 1e3]) * [[-1], [1]]
    middle = HC / PEAK - line.stokes_shift / 2
    expected = [detailed_balance(e - middle, 300) for e in energy]
    assert_allclose(absorption / emission, expected, rtol=1e-6)


def test_widths_are_those_of_the_single_broadening_alone():
    for narrow, wide in ((1e-7, 80), (80, 1e-4)):
        line = Line(PEAK, 1.0, narrow * meV, wide * meV)
        energy = HC / PEAK + np.array([-40, 0, 40]) * meV
        absorption = -gain_spectrum(line, Dots(), HC / energy, 0.0) / energy * (HC / PEAK)
        assert_allclose(absorption, [0.5, 1, 0.5], rtol=2e-3)


def test_a_lorentzian_line_has_the_textbook_index():
    # far from its mirror image: k x / (1 + x^2) with x = 2 * distance / width, red side positive
    line = Line(PEAK, 4 * np.pi * 0.1 / PEAK, 90 * meV, 1e-3 * meV)
    shift = np.array([-200, -32, 0, 32, 200]) * meV
    found = index_change(line, Dots(), HC / (HC / PEAK + shift), 0.0)
    x = -2 * shift / (90 * meV)
    mirror = 0.1 * 45 * meV / (2 * HC / PEAK + shift) * (2 * HC / PEAK + shift) ** 2
    mirror /= (2 * HC / PEAK + shift) ** 2 + (45 * meV) ** 2
    assert_allclose(found, 0.1 * x / (1 + x**2) + mirror, atol=2e-7)


def test_gain_and_index_obey_kramers_and_kronig():
    # principal value on half-shifted midpoints: the error falls exponentially
    wavelength, dots, excitons = 1660 * nm, Dots(doping=7), 1.2
    line = Line(PEAK, 6000 / cm, 2 * meV, 60 * meV, 10 * meV)  # narrow wings: the integral ends

    at = HC / wavelength
    gaps = []
    for step in (48 * meV, 24 * meV, 12 * meV):
        energy = at + (np.arange(-int(at / step), 4000) + 0.5) * step
        energy = energy[energy > 0]
        extinction = -gain_spectrum(line, dots, HC / energy, excitons) * HC / energy / (4 * np.pi)
        kernel = energy * extinction / (energy**2 - at**2)
        index = index_change(line, dots, [wavelength], excitons)[0]
        gaps.append(2 / np.pi * np.sum(kernel) * step - index)
    assert abs(gaps[-1]) < 1e-6 * abs(index)
    assert abs(gaps[1]) < abs(gaps[0]) / 10


@pytest.mark.parametrize(
    ("width", "extinction", "expected"), [(100, 0.05, -0.021), (85, 0.13, -0.058)]
)
def test_doping_takes_index_away_on_the_red_side_as_an_independent_estimate_has_it(
    width, extinction, expected
):
    # one Lorentzian 32 meV above the laser line, bleached by 7.4 of 8 electrons
    line = Line(PEAK, 4 * np.pi * extinction / PEAK, width * meV, 1e-3 * meV)
    doped = Dots(doping=7.4, distribution="binomial")
    at = [HC / (HC / PEAK - 32 * meV)]
    change = index_change(line, doped, at, 0.0) - index_change(line, Dots(), at, 0.0)
    mirror = -0.925 * extinction * width * meV / 2 / (2 * HC / PEAK - 32 * meV)  # left out there
    assert_allclose(change - mirror, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Line(-1.0, 1.0, 1.0, 1.0), "wavelength must be a positive"),
        (lambda: Line(1.6, 1.0, 1.0, 1.0, -0.1), "stokes_shift"),
        (lambda: gain_spectrum(LINE, Dots(), [0.0], 1.0), "wavelength"),
        (lambda: maxwell_garnett(4.0, 1.6, 1.2), "fraction must lie"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
