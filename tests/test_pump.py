from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import simpson, solve_ivp

from dfbdesign.device import Device, Grating, Layer, Lines, Pump
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.light import Beam, Slice, stack_light
from dfbdesign.gain.pump import (
    absorbed_fraction,
    beer_lambert_extinction,
    dots_per_area,
    excitons_per_dot,
    fluence_for_excitons,
    resonant_excitons,
    unsaturated_excitons,
)
from dfbdesign.units import cm, nm, uJ

PUMP = 1030 * nm
EXTINCTION = 0.108  # reproduces 19 % in 160 nm by Beer-Lambert


def seed_excitons(fluence: float, diameter: float) -> float:
    density = dots_per_area(160 * nm, diameter * nm, packing_fraction=0.74)
    return float(excitons_per_dot(fluence * uJ / cm**2, PUMP, 0.19, density))


def film_device(**changes) -> Device:
    lines = Lines(material="tio2-ald", duty=0.35)
    values = {
        "substrate": "sapphire-c",
        "layers": [
            Layer(thickness=50 * nm, material="cqd-film", lines=lines, gain=True),
            Layer(thickness=160 * nm, material="cqd-film", gain=True),
        ],
        "superstrate": "air",
        "grating": Grating(period=870 * nm),
    }
    return Device(**(values | changes))


def integrated_maxwell(index, thickness, wavelength):
    """Amplitude reflection and absorbed powers by stepping E'' = -k0² n² E up from the last face.

    Independent of the recursion under test: no layer solutions, no interfaces, an adaptive
    Runge-Kutta method and the power density k0 Im(n²) |E|² / n1 as a third unknown.
    """
    k0 = 2 * pi / wavelength
    state = np.array([1, 1j * k0 * index[-1], 0], dtype=complex)
    absorbed = []
    for n, length in zip(index[-2:0:-1], thickness[::-1], strict=True):

        def slope(_, y, n=n):
            return np.array([-y[1], (k0 * n) ** 2 * y[0], k0 * (n**2).imag * abs(y[0]) ** 2])

        state[2] = 0
        run = solve_ivp(slope, (0, length), state, method="DOP853", rtol=1e-12, atol=1e-14)
        state = run.y[:, -1]
        absorbed.insert(0, state[2].real)
    incident = (state[0] + state[1] / (1j * k0 * index[0])) / 2
    reflection = (state[0] - incident) / incident
    return reflection, np.array(absorbed) / abs(incident) ** 2 / index[0].real


STACK = np.array([1.0, 2.69 + 0.108j, 2.5 + 0.3j, 1.45 + 0j, 1.755 + 0.01j])
THICKNESS = np.array([0.160, 0.050, 0.7])


def test_the_published_fluence_leaves_the_published_excitons():
    assert seed_excitons(160, 5.0) == pytest.approx(0.871, abs=5e-4)


def test_excitons_agree_with_a_calculation_by_hand_in_si_units():
    photons = 160e-6 * 1e4 / (6.62607015e-34 * 299792458 / 1030e-9)  # per m²
    dots = 0.74 * 160e-9 / (np.pi * 5.0e-9**3 / 6)
    assert photons == pytest.approx(8.296e18, rel=1e-4)
    assert seed_excitons(160, 5.0) == pytest.approx(0.19 * photons / dots, rel=1e-12)


@pytest.mark.parametrize(
    ("fluence", "excitons", "diameter"),
    [(160, 0.87, 5.00), (90, 0.70, 5.63), (300, 3.80, 6.62), (430, 5.07, 6.47)],
)
def test_the_published_pairs_need_the_tabulated_diameters(fluence, excitons, diameter):
    assert seed_excitons(fluence, diameter) == pytest.approx(excitons, rel=3e-3)


@pytest.mark.parametrize(
    ("fluence", "excitons"), [(160, 1.47), (300, 2.75), (430, 3.95), (90, 0.83)]
)
def test_the_measured_dot_diameter_gives_the_tabulated_excitons(fluence, excitons):
    assert seed_excitons(fluence, 5.95) == pytest.approx(excitons, abs=5e-3)


def test_fluence_for_excitons_undoes_excitons_per_dot():
    fluence = np.array([0.0, 0.1, 22.0])
    arguments = PUMP, 0.19, 1.8e6
    back = fluence_for_excitons(excitons_per_dot(fluence, *arguments), *arguments)
    assert_allclose(back, fluence, rtol=1e-14)


def test_a_band_edge_pump_obeys_its_rate_equation():
    run = solve_ivp(lambda _, n: 1 - 2 * n / 8, (0, 12), [0], rtol=1e-11, atol=1e-12)
    assert_allclose(resonant_excitons(run.t), run.y[0], atol=1e-9)


def test_a_band_edge_pump_needs_three_times_the_light_for_the_measured_threshold():
    assert float(unsaturated_excitons(3.80)) == pytest.approx(11.98, abs=5e-3)
    assert float(unsaturated_excitons(3.80)) / 3.80 == pytest.approx(3.15, abs=5e-3)


def test_a_band_edge_pump_cannot_reach_neutral_transparency():
    with pytest.raises(
        PhysicsError, match=r"4\.0355 excitons .* bleached at 4\. Pump at a shorter"
    ):
        unsaturated_excitons(4.0355)


def test_a_weak_band_edge_pump_is_not_saturated():
    assert_allclose(resonant_excitons(1e-9), 1e-9, rtol=1e-9)
    assert_allclose(unsaturated_excitons(resonant_excitons([0.5, 5.0]), 8), [0.5, 5.0], rtol=1e-12)


def test_beer_lambert_gives_the_published_absorption():
    extinction = beer_lambert_extinction(0.19, 160 * nm, PUMP)
    assert extinction == pytest.approx(0.108, abs=5e-4)
    assert 1 - np.exp(-4 * pi * extinction * 0.160 / 1.03) == pytest.approx(0.19, rel=1e-12)


def light_of(index, thickness, wavelength, **options):
    beam = {name: options.pop(name) for name in ("angle", "polarization") if name in options}
    slices = tuple(Slice(length, n) for length, n in zip(thickness, index[1:-1], strict=True))
    return stack_light(index[0], slices, index[-1], Beam(wavelength, **beam), **options)


def test_a_single_interface_reflects_as_fresnel_says():
    n = 2.7 + 0.5j  # a layer of the last medium's index is no layer
    light = light_of([1.5, n, n], [0.1], 1.03)
    assert_allclose(light.reflection, (1.5 - n) / (1.5 + n), rtol=1e-14)


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_at_an_angle_a_single_interface_reflects_as_fresnel_says(polarization):
    one, two, angle = 1.0, 1.755, 0.7
    refracted = np.arcsin(np.sin(angle) / two)
    a, b = one * np.cos(angle), two * np.cos(refracted)
    if polarization == "TM":  # of H: n2 cos1 and n1 cos2
        a, b = two * np.cos(angle), one * np.cos(refracted)
    light = light_of([one, two, two], [0.3], 1.03, angle=angle, polarization=polarization)
    assert_allclose(light.reflection, (a - b) / (a + b), rtol=1e-12)
    assert_allclose(light.transmitted + light.reflected, 1, rtol=1e-12)


def test_nothing_is_reflected_at_brewsters_angle_and_all_beyond_the_critical_one():
    brewster = light_of([1.0, 1.755, 1.755], [0.3], 1.03, angle=np.arctan(1.755), polarization="TM")
    assert brewster.reflected[0] < 1e-25
    beyond = light_of([1.755, 1.0, 1.0], [0.3], 1.03, angle=0.7)
    assert_allclose(beyond.reflected, 1, rtol=1e-12)


def test_a_quarter_wave_layer_reflects_as_its_closed_form():
    n0, n1, ns = 1.0, 2.1, 1.755
    light = light_of([n0, n1, ns], [1.03 / n1 / 4], 1.03)
    assert_allclose(light.reflection, (n0 * ns - n1**2) / (n0 * ns + n1**2), rtol=1e-13)
    assert_allclose(light.transmitted, 4 * n0 * ns * n1**2 / (n0 * ns + n1**2) ** 2, rtol=1e-13)


def test_one_absorbing_layer_follows_the_airy_formulas():
    n0, n1, n2, length, wavelength = 1.2, 2.69 + 0.108j, 1.755 + 0.02j, 0.21, 1.03
    first, second = (n0 - n1) / (n0 + n1), (n1 - n2) / (n1 + n2)
    once = np.exp(2j * pi / wavelength * n1 * length)
    reflection = (first + second * once**2) / (1 + first * second * once**2)
    transmission = 4 * n0 * n1 / (n0 + n1) / (n1 + n2) * once / (1 + first * second * once**2)
    light = light_of([n0, n1, n2], [length], wavelength)
    assert_allclose(light.reflection, reflection, rtol=1e-13)
    assert_allclose(light.transmitted, n2.real / n0 * abs(transmission) ** 2, rtol=1e-13)


@given(
    index=st.lists(st.complex_numbers(min_magnitude=1, max_magnitude=5), min_size=2, max_size=5),
    thickness=st.lists(st.floats(0.001, 3), min_size=5, max_size=5),
    duty=st.floats(0.05, 0.95),
    angle=st.floats(-1.2, 1.2),
    polarization=st.sampled_from(["TE", "TM"]),
    orders=st.integers(0, 4),
)
@settings(deadline=None)
def test_no_power_is_lost(index, thickness, duty, angle, polarization, orders):
    passive = [abs(n.real) + 0.2 + 1j * abs(n.imag) for n in index]
    slices = tuple(
        Slice(length, n, 2.3 + 0.1j, duty)
        for length, n in zip(thickness, passive[:-1], strict=False)
    )
    beam = Beam(1.03, angle, polarization)
    light = stack_light(1.5, slices, passive[-1], beam, period=0.86, orders=orders)
    inside = light.transmitted.sum() + light.absorbed.sum()
    assert np.all(light.absorbed > -1e-10)
    assert_allclose(light.reflected.sum() + inside, 1, atol=1e-8)


def test_reflection_and_absorption_agree_with_maxwell_integrated_step_by_step():
    reflection, absorbed = integrated_maxwell(STACK, THICKNESS, 1.03)
    light = light_of(STACK, THICKNESS, 1.03)
    assert_allclose(light.reflection, reflection, atol=1e-10)
    assert_allclose(light.absorbed, absorbed, atol=1e-10)


@pytest.mark.parametrize(("polarization", "orders"), [("TE", 0), ("TM", 0), ("TE", 2), ("TM", 2)])
def test_the_density_integrates_to_the_absorbed_power_at_the_order_of_the_quadrature(
    polarization, orders
):
    steps, gaps = np.array([16, 32, 64, 128]), []
    slices = tuple(
        Slice(length, n, 2.3 + 0.2j, 0.35) for length, n in zip(THICKNESS, STACK[1:-1], strict=True)
    )
    beam = Beam(1.03, 0.3, polarization)
    for step in steps:
        light = stack_light(1.0, slices, STACK[-1], beam, 0.86, orders, points=step + 1)
        depth = light.depth[:, None]
        found = simpson(light.density, x=depth, axis=-1).sum(axis=-1)
        gaps.append(np.abs(found - light.absorbed).max())
    assert gaps[-1] < 1e-5
    assert np.polyfit(np.log(steps), np.log(gaps), 1)[0] == pytest.approx(-4, abs=0.2)


def test_an_index_matched_film_approaches_beer_lambert_in_proportion_to_its_extinction():
    extinctions, gaps = np.array([0.08, 0.04, 0.02, 0.01]), []
    for extinction in extinctions:
        length = 1.03 / (4 * pi * extinction)  # one absorption length
        light = light_of([2.7, 2.7 + 1j * extinction, 2.7], [length], 1.03)
        gaps.append(abs(light.absorbed[0] - (1 - np.exp(-1))))
    assert gaps[-1] < 1e-5
    assert np.polyfit(np.log(extinctions), np.log(gaps), 1)[0] > 0.95


def test_a_thick_absorber_takes_all_that_its_face_lets_in():
    n = 2.69 + 0.108j
    light = light_of([1, n, 1.755], [1e5], 1.03)
    assert light.transmitted[0] == 0
    assert_allclose(light.absorbed[0], 1 - abs((1 - n) / (1 + n)) ** 2, rtol=1e-13)


FILM = 2.69 + 0.108j
LINES = (Slice(0.050, FILM, 2.311, 0.35), Slice(0.160, FILM))


def fourier(between, inside, size, duty=0.35):
    """Toeplitz matrix of centred lines from samples of the profile: a sum, not the closed form."""
    x = (np.arange(200_000) + 0.5) / 200_000 - 0.5
    values = np.where(np.abs(x) < duty / 2, inside, between)
    m = np.arange(-size + 1, size)
    coefficients = [np.mean(values * np.exp(-2j * pi * k * x)) for k in m]
    return np.array([[coefficients[i - j + size - 1] for j in range(size)] for i in range(size)])


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_diffracted_amplitudes_agree_with_the_coupled_orders_integrated_step_by_step(polarization):
    # no eigenmodes, no admittances: from the far side up, for each outgoing order there
    orders, period, k0, angle, last = 2, 0.86, 2 * pi / 1.03, 0.2, 1.755
    size = 2 * orders + 1
    along = k0 * np.sin(angle) + 2 * pi * np.arange(-orders, orders + 1) / period
    te = polarization == "TE"

    def steep(n):
        value = np.sqrt(n**2 * k0**2 - along**2 + 0j) / k0
        return value if te else value / n**2

    def slope(one):
        line = one.line_index if one.duty else one.index
        mean = fourier(one.index**2, line**2, size)
        inverse = fourier(one.index**-2, line**-2, size)
        k = np.diag(along / k0)
        if te:
            first, second = np.eye(size), mean - k @ k
        else:
            first, second = np.linalg.inv(inverse), np.eye(size) - k @ np.linalg.inv(mean) @ k
        block = 1j * k0 * np.block([[np.zeros((size, size)), first], [second, 0 * first]])
        return lambda _, y: (-block @ y.reshape(2 * size, size)).ravel()

    state = np.vstack([np.eye(size), np.diag(steep(last))]).astype(complex).ravel()
    for one in LINES:  # met from the far side: the lines lie on the substrate
        run = solve_ivp(slope(one), (0, one.thickness), state, "DOP853", rtol=1e-11, atol=1e-13)
        state = run.y[:, -1]
    field, partner = state.reshape(2, size, size)
    entry = np.diag(steep(1.0))
    falling = (field + np.linalg.solve(entry, partner)) / 2
    rising = (field - np.linalg.solve(entry, partner)) / 2
    expected = rising @ np.linalg.solve(falling, np.eye(size)[orders])
    beam = Beam(1.03, angle, polarization)
    light = stack_light(1.0, LINES[::-1], last, beam, period, orders)
    assert_allclose(light.reflection, expected, atol=1e-6)  # the samples of the profile


@pytest.mark.parametrize(("polarization", "order"), [("TE", 2), ("TM", 1)])
def test_fine_lines_act_as_their_average_ever_more(polarization, order):
    # in TM the faces of the layer have near fields of their own, as thick as the period
    beam = Beam(1.03, 0.0, polarization)
    average = stack_light(1.0, LINES[::-1], 1.755, beam).reflection[0]
    periods, gaps = np.array([0.1, 0.05, 0.025]), []
    for period in periods:
        fine = stack_light(1.0, LINES[::-1], 1.755, beam, period, orders=20)
        gaps.append(abs(fine.reflection[20] - average))
    assert gaps[-1] < 1e-3
    assert np.polyfit(np.log(periods), np.log(gaps), 1)[0] == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_diffraction_converges_with_its_orders(polarization):
    beam = Beam(1.03, 0.0, polarization)
    absorbed = [
        stack_light(1.0, LINES[::-1], 1.755, beam, 0.87, n).absorbed.sum() for n in (5, 10, 20, 40)
    ]
    steps = np.abs(np.diff(absorbed))
    assert np.all(steps[1:] < steps[:-1] / 2)
    assert steps[-1] < 2e-5


def test_lines_of_the_films_own_index_do_not_diffract():
    slices = (Slice(0.050, FILM, FILM, 0.35), Slice(0.160, FILM))
    for polarization in ("TE", "TM"):
        beam = Beam(1.03, 0.3, polarization)
        light = stack_light(1.0, slices[::-1], 1.755, beam, 0.87, 4)
        assert np.sum(light.reflected) == pytest.approx(light.reflected[4], rel=1e-12)
        plain = stack_light(1.0, (Slice(0.210, FILM),), 1.755, beam)
        assert_allclose(light.reflection[4], plain.reflection[0], rtol=1e-10)


@pytest.mark.parametrize("side", ["top", "substrate"])
def test_a_device_loses_no_pump_light_and_its_profile_accounts_for_it(side):
    light = absorbed_fraction(film_device(), Pump(wavelength=PUMP, side=side), EXTINCTION)
    assert light.reflectance + light.transmittance + sum(light.layers) == pytest.approx(
        1, abs=1e-12
    )
    assert np.all(np.diff(light.height) > 0)
    assert_allclose(simpson(light.density, x=light.height, axis=-1), light.layers, rtol=1e-6)
    assert light.film == pytest.approx(sum(light.layers), rel=1e-12)  # nothing else absorbs
    assert light.film_thickness == pytest.approx(0.160 + 0.65 * 0.050)


@pytest.mark.parametrize("side", ["top", "substrate"])
def test_a_device_agrees_with_maxwell_integrated_step_by_step(side):
    # indices at 1030 nm: film, TiO2 (Siefke), sapphire (Malitson, ordinary), air (Ciddor)
    film, lines, sapphire = 2.601 + 0.098 / 1.03**2 + 1j * EXTINCTION, 2.31080, 1.75511
    mixed = np.sqrt(0.35 * lines**2 + 0.65 * film**2)
    index, thickness = np.array([sapphire, mixed, film, 1.00027]), np.array([0.050, 0.160])
    face = ((sapphire - 1) / (sapphire + 1)) ** 2
    if side == "top":
        reflection, absorbed = integrated_maxwell(index[::-1], thickness[::-1], 1.03)
        expected, reflectance = absorbed[::-1], abs(reflection) ** 2
    else:
        reflection, absorbed = integrated_maxwell(index, thickness, 1.03)
        expected = (1 - face) * absorbed
        reflectance = face + (1 - face) * abs(reflection) ** 2
    light = absorbed_fraction(film_device(), Pump(wavelength=PUMP, side=side), EXTINCTION)
    assert_allclose(light.layers, expected, rtol=2e-5)  # indices above have five decimals
    assert light.reflectance == pytest.approx(reflectance, rel=2e-5)


def test_transmission_is_the_same_from_either_side_but_for_the_outer_face():
    top, substrate = (
        absorbed_fraction(film_device(), Pump(wavelength=PUMP, side=side), EXTINCTION)
        for side in ("top", "substrate")
    )
    face = ((1.75511 - 1) / (1.75511 + 1)) ** 2
    assert substrate.transmittance == pytest.approx((1 - face) * top.transmittance, rel=1e-5)


def test_absorbing_lines_without_gain_keep_their_share_from_the_film():
    lines = Lines(material={"index": "2.3+0.2i"}, duty=0.35)
    device = film_device(
        layers=[Layer(thickness=50 * nm, material="cqd-film", lines=lines, gain=True)]
    )
    light = absorbed_fraction(device, Pump(wavelength=PUMP), EXTINCTION)
    film = 0.65 * 2 * (2.601 + 0.098 / 1.03**2) * EXTINCTION  # area times Im of the permittivity
    rest = 0.35 * 2 * 2.3 * 0.2
    assert light.film == pytest.approx(light.layers[0] * film / (film + rest), rel=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: absorbed_fraction(film_device(), Pump(wavelength=PUMP), 0), "extinction must be"),
        (
            lambda: absorbed_fraction(
                film_device(layers=[Layer(thickness=50 * nm, material="cqd-film")]),
                Pump(wavelength=PUMP),
                EXTINCTION,
            ),
            "no layer carries gain",
        ),
        (
            lambda: absorbed_fraction(
                film_device(substrate={"material": {"index": "3.5+0.1i"}}),
                Pump(wavelength=PUMP, side="substrate"),
                EXTINCTION,
            ),
            "must be transparent at the pump",
        ),
        (lambda: absorbed_fraction(film_device(), Pump(wavelength=0.5), EXTINCTION), "500 nm"),
        (lambda: light_of([1, 2 - 0.1j, 1], [0.1], 1.0), "must be passive"),
        (lambda: light_of([1, 2, 1], [0.1], 1.0, angle=2.0), "angle"),
        (lambda: excitons_per_dot(-1, PUMP, 0.19, 1e6), "fluence"),
        (lambda: excitons_per_dot(1, PUMP, 0.0, 1e6), "absorbed_fraction"),
        (lambda: excitons_per_dot(1, PUMP, 19, 1e6), "absorbed_fraction"),
        (lambda: excitons_per_dot(1, -1, 0.19, 1e6), "pump_wavelength"),
        (lambda: dots_per_area(0.16, 0.005, 74), "packing_fraction"),
        (lambda: dots_per_area(0.16, 0.0, 0.74), "dot_diameter"),
        (lambda: fluence_for_excitons(np.nan, PUMP, 0.19, 1e6), "excitons per dot"),
        (lambda: beer_lambert_extinction(1.0, 0.16, 1.03), "absorbed_fraction"),
    ],
)
def test_wrong_input_is_named(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
