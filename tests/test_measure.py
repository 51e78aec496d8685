import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad, solve_ivp
from scipy.stats import norm
from scipy.stats import t as student

from dfbdesign.errors import InputError, NotConverged, PhysicsError
from dfbdesign.gain.dots import Dots, bleach
from dfbdesign.gain.measure import (
    blurred_decay,
    fit_decay,
    fit_gain,
    fit_loss,
    fit_threshold,
    fit_transparency,
)
from dfbdesign.gain.stripe import full_width, stripe_emission
from dfbdesign.table import read_table

TRIALS = 200


def trials(fit, name, truth):
    """How many of 200 fits hold the truth in their interval; a trial's number is its seed."""
    return sum(fit(np.random.default_rng(seed))[name].holds(truth) for seed in range(TRIALS))


def test_gain_is_recovered_within_its_confidence():
    length = np.linspace(2, 18, 12)

    def measured(random):
        noise = 1 + 0.05 * random.standard_normal(12)
        return fit_gain(length, 3 * np.expm1(0.2 * length) * noise)

    assert trials(measured, "gain", 0.2) >= 0.95 * TRIALS


def test_loss_is_recovered_within_its_confidence():
    distance = np.linspace(0, 600, 9)

    def measured(random):
        noise = 1 + 0.04 * random.standard_normal(9)
        return fit_loss(distance, 5 * np.exp(-0.0034 * distance) * noise)

    assert trials(measured, "loss", 0.0034) >= 0.95 * TRIALS


def test_the_ase_threshold_is_recovered_within_its_confidence():
    fluence = np.linspace(40, 320, 25)
    light = 1 + 0.01 * fluence + 0.3 * np.maximum(fluence - 160, 0)

    def measured(random):
        return fit_threshold(fluence, light * (1 + 0.03 * random.standard_normal(25)))

    assert trials(measured, "threshold", 160) >= 0.95 * TRIALS


def test_transparency_is_recovered_within_its_confidence():
    excitons = np.linspace(3, 5, 11)

    def measured(random):
        return fit_transparency(excitons, bleach(excitons, Dots()) + random.normal(0, 0.01, 11))

    assert trials(measured, "threshold", 4.03548) >= 0.95 * TRIALS


@pytest.mark.parametrize("name", ["lifetime_1", "lifetime_2", "fraction_1"])
def test_transient_absorption_lifetimes_are_recovered_within_their_confidence(name):
    # the layered film: 1.6 and 1900 ps
    time = np.concatenate([np.linspace(-1, 8, 60), np.geomspace(9, 4000, 40)])
    truth = {"lifetime_1": 1.6, "lifetime_2": 1900.0, "fraction_1": 0.4}
    clean = 0.4 * blurred_decay(time, 1.6, 0.15) + 0.6 * blurred_decay(time, 1900.0, 0.15)

    def measured(random):
        return fit_decay(time, clean + random.normal(0, 0.01, 100), (1.0, 1000.0), 0.15)

    assert trials(measured, name, truth[name]) >= 0.95 * TRIALS


def test_uneven_scatter_does_not_narrow_the_intervals():
    # both ends, which decide the slope, scatter most: who takes all to scatter alike is too sure
    distance = np.linspace(0, 600, 25)
    spread = 0.01 + 0.07 * (distance / 300 - 1) ** 4
    ours = plain = 0
    for seed in range(TRIALS):
        noise = spread * np.random.default_rng(seed).standard_normal(25)
        light = np.log(5) - 0.0034 * distance + noise
        ours += fit_loss(distance, np.exp(light))["loss"].holds(0.0034)
        (slope, _), covariance = np.polyfit(distance, light, 1, cov=True)
        plain += abs(slope + 0.0034) <= student.ppf(0.975, 23) * np.sqrt(covariance[0, 0])
    assert plain < 0.93 * TRIALS
    assert ours > 0.93 * TRIALS
    assert ours > plain


def test_with_even_scatter_intervals_are_little_wider_than_the_usual_ones():
    distance = np.linspace(0, 600, 40)
    widths = []
    for seed in range(50):
        light = np.log(5) - 0.0034 * distance
        light += 0.04 * np.random.default_rng(seed).standard_normal(40)
        ours = fit_loss(distance, np.exp(light))["loss"].half_width
        covariance = np.polyfit(distance, light, 1, cov=True)[1]
        widths.append(ours / (student.ppf(0.975, 38) * np.sqrt(covariance[0, 0])))
    assert min(widths) > 1 - 1e-6  # never narrower
    assert np.mean(widths) < 1.15


def test_blurred_decay_is_the_convolution_of_response_and_exponential():
    response, lifetime = 0.4, 1.6
    sigma = response / np.sqrt(8 * np.log(2))
    times = np.array([-0.5, 0.0, 0.3, 2.0, 20.0])
    expected = [
        quad(
            lambda s, t=t: np.exp(-s / lifetime) * norm.pdf(t - s, scale=sigma),
            0,
            40,
            points=[max(t, 0)],
            epsabs=1e-13,
            limit=500,
        )[0]
        for t in times
    ]
    assert_allclose(blurred_decay(times, lifetime, response), expected, rtol=1e-7, atol=1e-12)
    assert np.all(np.isfinite(blurred_decay([-1e3, 1e5], [1e-3, 1e-3], 5.0)))


def test_saturated_stripes_are_left_out_and_told():
    # planted gain 2000/cm; the light saturates: dI/dl = (g I + s) / (1 + I/I_s)
    gain, length = 0.2, np.linspace(2, 60, 30)
    grown = solve_ivp(
        lambda _, i: (gain * i + 1) / (1 + i / 4000), (0, 60), [0], t_eval=length, rtol=1e-9
    ).y[0]
    fit = fit_gain(length, grown)
    assert fit.used < 12
    assert "left out" in fit.warnings[0]
    assert abs(fit["gain"].value / gain - 1) < 0.02
    whole = fit_gain(length, grown, largest_growth=100)
    assert abs(whole["gain"].value / gain - 1) > 0.1


def test_growth_outside_the_valid_range_warns():
    length = np.array([30.0, 40.0, 50.0, 60.0])
    assert "measure shorter stripes" in fit_gain(length, np.expm1(0.2 * length)).warnings[-1]
    assert "hardly seen" in fit_gain(length, np.expm1(0.001 * length)).warnings[0]


def test_absorption_is_a_negative_gain():
    length = np.linspace(10, 200, 8)
    assert_allclose(fit_gain(length, -np.expm1(-0.02 * length))["gain"].value, -0.02, rtol=1e-6)


def test_stripe_light_solves_its_growth_equation():
    wavelength = np.linspace(1.55, 1.75, 41)
    line = np.exp(-(((wavelength - 1.65) / 0.04) ** 2))
    gain, source = 0.06 * line - 0.004, 1e-3 * line
    saturation, length = 0.5, 300.0
    width = np.full(41, 0.005)
    width[[0, -1]] /= 2

    def growth(_, light):
        return (gain * light + source) / (1 + light @ width / saturation)

    expected = solve_ivp(growth, (0, length), np.zeros(41), "LSODA", rtol=1e-9, atol=1e-14).y[:, -1]
    found = stripe_emission(wavelength, gain, source, length, saturation)
    assert_allclose(found, expected, rtol=1e-5)


def test_without_saturation_stripe_light_is_the_variable_stripe_law():
    gain = np.array([[0.02, -0.01, 0.0]])
    found = stripe_emission([1.6, 1.65, 1.7], gain, np.ones(3), 100.0, 1e30)
    assert_allclose(found[0], [np.expm1(2) / 0.02, -np.expm1(-1) / 0.01, 100], rtol=1e-9)


def test_strong_growth_narrows_a_gaussian_line_as_its_inverse_root():
    # e^(G exp(-x^2)) about its peak: width / line width -> 1 / sqrt(G)
    x = np.linspace(-0.2, 0.2, 4001)
    line = np.exp(-4 * np.log(2) * (x / 0.085) ** 2)
    ratios = []
    for growth in (50.0, 200.0):
        light = stripe_emission(x, growth / 100 * line, line, 100.0, 1e300)
        ratios.append(float(full_width(x, light)) / 0.085 * np.sqrt(growth) - 1)
    assert abs(ratios[1]) < abs(ratios[0]) / 3
    assert abs(ratios[1]) < 0.01


def test_a_table_is_read_and_blank_lines_do_not_count(tmp_path):
    file = tmp_path / "stripe.csv"
    file.write_text("length_um, intensity\n1,2\n\n2,5\n3,9.5\n")
    found = read_table(file, ("length_um", "intensity"))
    assert_allclose(found["intensity"], [2, 5, 9.5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("length_um,light\n1,2\n", 'line 1: no column "intensity"'),
        ("", "line 1: .* The file is empty"),
        ("length_um,intensity\n1,2\n2,-5\n3,4\n", r"line 3: intensity must be positive, got -5\."),
        ("length_um,intensity\n1,2\n2,5\n", "line 3: the file ends after 2 points"),
        ("length_um,intensity\n1,2\n2,5\n3,x\n", 'line 4: intensity must be a number, got "x"'),
        ("length_um,intensity\n1,2\n2\n3,4\n", 'line 3: intensity must be a number, got ""'),
        ("length_um,intensity\n1,2\nnan,4\n3,4\n", "line 3: length_um must be a finite number"),
        ("length_um,intensity\n1,2\n3,4\n2,4\n", "line 4: length_um must ascend, got 2 after 3"),
        ("length_um,intensity\n0,2\n3,4\n4,4\n", r"line 2: length_um must be positive, got 0\."),
    ],
)
def test_a_bad_data_file_gives_one_error_that_names_the_line(tmp_path, text, message):
    file = tmp_path / "stripe.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_table(file, ("length_um", "intensity"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: fit_gain([1, 2, 3], [1, 2, 3]), "at least 4 points"),
        (lambda: fit_gain([0, 1, 2, 3], [1, 2, 3, 4]), "start above zero"),
        (lambda: fit_loss([1, 2, 2], [1, 2, 3]), "ascend, but point 3"),
        (lambda: fit_loss([1, 2, 3], [1, -2, 3]), "got -2 at point 2"),
        (lambda: fit_loss([1, 2, 3], [1, 2]), "one list as long"),
        (lambda: fit_loss([1, 2, 3], [1, 2, np.inf]), "finite"),
        (lambda: fit_transparency([1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.4, 0.5]), "pass one"),
        (lambda: fit_decay([0, 1], [0, 1], (), 0.1), "at least one lifetime"),
        (lambda: stripe_emission([1, 2], [0, 0], [-1, 1], 1.0, 1.0), "source"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()


def test_a_straight_line_has_no_threshold_and_a_flat_spectrum_no_width():
    fluence = np.linspace(50, 400, 15)
    bent = 5000 - 10 * np.maximum(fluence - 200, 0)
    with pytest.raises(NotConverged, match="no onset"):
        fit_threshold(fluence, bent)
    with pytest.raises(PhysicsError, match="widen"):
        full_width([1, 2, 3], [1, 1, 1])


PLANTED = {
    "vsl": ("length_um,intensity", np.linspace(2, 18, 12), 3, lambda x: 3 * np.expm1(0.2 * x)),
    "loss": ("distance_um,intensity", np.linspace(0, 600, 9), 3, lambda x: np.exp(-0.0034 * x)),
    "ase": (
        "fluence_uj_per_cm2,intensity",
        np.linspace(40, 320, 25),
        3,
        lambda x: 1 + 0.01 * x + 0.3 * np.maximum(x - 110, 0),
    ),
    "bleach": ("excitons_per_dot,bleach", np.linspace(3, 5, 11), 1, lambda x: bleach(x, Dots())),
    "ta": (
        "time_ps,signal",
        np.concatenate([np.linspace(-1, 8, 60), np.geomspace(9, 4000, 40)]),
        1,
        lambda x: 0.3 * blurred_decay(x, 1.6, 0.15) + 0.7 * blurred_decay(x, 1900.0, 0.15),
    ),
}


@pytest.mark.parametrize(
    ("kind", "quantity", "truth", "options"),
    [
        ("vsl", "net_modal_gain_per_cm", 2000, ()),
        ("loss", "loss_per_cm", 34, ()),
        ("ase", "threshold_uj_per_cm2", 110, ()),
        ("bleach", "threshold_excitons_per_dot", 4.0355, ()),
        ("ta", "lifetime_2_ps", 1900, ("--lifetimes", "1000,1", "--response", "0.15")),
    ],
)
def test_the_command_finds_what_was_planted_in_a_file(
    dfb, tmp_path, kind, quantity, truth, options
):
    header, x, percent, law = PLANTED[kind]
    y = law(x) * (1 + percent / 100 * np.random.default_rng(7).standard_normal(len(x)))
    file, picture = tmp_path / "points.csv", tmp_path / "points.png"
    np.savetxt(file, np.column_stack([x, y]), delimiter=",", header=header, comments="")
    ran = dfb("measure", kind, file, *options, "--plot", picture, "--json")
    assert ran.code == 0, ran.err
    content = json.loads(ran.out)
    [found] = [row for row in content["numbers"] if row["quantity"] == quantity]
    assert abs(found["value"] - truth) < found["half_width_95"] < 0.2 * truth
    assert content["used"] <= content["points"] == len(x)
    assert picture.read_bytes()[1:4] == b"PNG"
    assert f"{found['value']:.5g}" in dfb("measure", kind, file, *options).out


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (("vsl",), "length_um,light\n1,2\n", 'line 1: no column "intensity"'),
        (("loss",), "distance_um,intensity\n0,3\n1,-2\n", "line 3: intensity must be positive"),
        (("loss",), "distance_um,intensity\n0,3\n1,2\n", "line 3: the file ends after 2 points"),
        (("ase",), "fluence_uj_per_cm2,intensity\n2,3\n1,2\n", "line 3: fluence_uj_per_cm2 must"),
        (("vls",), "", '"vls" is no kind of measurement'),
        (("ta",), "", "a ta measurement needs"),
        (("loss", "--response", "1"), "", "belong to a ta measurement"),
        (("ta", "--lifetimes", "1;2", "--response", "1"), "", "--lifetimes must be numbers"),
    ],
)
def test_the_command_answers_a_mistake_with_one_line_and_code_two(
    dfb, tmp_path, words, text, message
):
    file = tmp_path / "points.csv"
    file.write_text(text)
    ran = dfb("measure", words[0], file, *words[1:])
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_a_file_without_an_onset_ends_with_code_three(dfb, tmp_path):
    fluence = np.linspace(50, 400, 15)
    file = tmp_path / "points.csv"
    table = np.column_stack([fluence, 5000 - 10 * np.maximum(fluence - 200, 0)])
    header = "fluence_uj_per_cm2,intensity"
    np.savetxt(file, table, delimiter=",", header=header, comments="")
    assert dfb("measure", "ase", file).code == 3
