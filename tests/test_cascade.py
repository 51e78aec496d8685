import numpy as np
import pytest
from numpy.testing import assert_allclose

from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.cascade import Cascade, emitter_excitons, threshold_photons, transfer
from dfbdesign.gain.dots import Dots
from dfbdesign.gain.kinetics import Pulse, evolve
from dfbdesign.gain.rates import Rates

TIMES = np.concatenate([[0], np.geomspace(0.1, 5000, 40)])
LAYERS = {"transfer_time": 1.6, "donor_lifetime": 5400.0, "emitter_lifetime": 3200.0}
BLEND = LAYERS | {"transfer_time": 9.0}


@pytest.mark.parametrize("film", [LAYERS, BLEND])
@pytest.mark.parametrize("fast", [1.0, 0.4])
def test_at_low_excitation_the_emitter_follows_the_analytic_two_exponentials(film, fast):
    cascade = Cascade(**film, fast_fraction=fast, donors_per_emitter=1.25, biexciton_lifetime=485)
    n_donor, n_emitter = 1e-7, 0.7e-7  # <N> far below one: Auger is out of play
    found = transfer(cascade, [n_donor], [n_emitter], TIMES)
    k_transfer, k_donor, k_emitter = 1 / film["transfer_time"], 1 / 5400, 1 / 3200
    k = k_transfer + k_donor
    a = 1.25 * fast * n_donor * k_transfer / (k - k_emitter)
    emitter = (n_emitter + a) * np.exp(-k_emitter * TIMES) - a * np.exp(-k * TIMES)
    donor = fast * n_donor * np.exp(-k * TIMES) + (1 - fast) * n_donor * np.exp(-k_donor * TIMES)
    assert_allclose(found.emitter[0], emitter, rtol=1e-5)
    assert_allclose(found.donor[0], donor, rtol=1e-5, atol=1e-13)


def test_the_auger_term_departs_from_two_exponentials_in_proportion_to_the_excitation():
    film = Cascade(**LAYERS, biexciton_lifetime=485)
    bare = Cascade(**LAYERS)
    gaps = [
        transfer(film, n, n, [500.0]).emitter / transfer(bare, n, n, [500.0]).emitter - 1
        for n in (0.04, 0.02, 0.01)
    ]
    assert_allclose(np.divide(gaps[:-1], gaps[1:]), 2, rtol=0.02)
    assert gaps[0] < 0


def test_no_exciton_is_lost_without_recombination():
    film = Cascade(transfer_time=9.0, fast_fraction=0.7, donors_per_emitter=1.25, blocking=True)
    found = transfer(film, [0.5, 3.0], [0.1, 2.0], TIMES)
    total = 1.25 * found.donor + found.emitter
    assert_allclose(total, total[:, :1] * np.ones_like(TIMES), rtol=1e-8)


def test_the_efficiencies_are_those_of_the_published_times():
    layers, blend = Cascade(**LAYERS), Cascade(**BLEND)
    assert_allclose([layers.efficiency, blend.efficiency], [0.99970, 0.99834], atol=5e-6)
    bare = Cascade(transfer_time=9.0, donor_lifetime=5400.0)
    delivered = transfer(bare, 1.0, 0.0, [40.0, 1e5]).emitter
    within = 1 - np.exp(-40 / 9 - 40 / 5400)
    assert_allclose(delivered, np.array([within, 1]) * blend.efficiency, rtol=1e-6)


def test_blocking_stops_the_transfer_into_full_emitters_and_slows_it_into_half_full_ones():
    film = Cascade(transfer_time=2.0, blocking=True)
    early = transfer(film, 1e-4, [0.0, 4.0, 8.0], [1.0]).donor[:, 0]
    rates = -np.log(early / 1e-4)
    assert_allclose(rates, [0.5, 0.25, 0], atol=2e-5)


def test_the_mean_field_auger_term_is_that_of_the_master_equation_for_many_excitons():
    film, rates = Cascade(transfer_time=1.0, biexciton_lifetime=485), Rates(485)
    gaps = []
    for n in (8.0, 16.0, 32.0):  # to the same fraction of the start
        mean = transfer(film, 0.0, n, [640 / n]).emitter[0]
        gaps.append(float(evolve(Dots(), rates, Pulse(n), [640 / n]).excitons[0] / mean - 1))
    assert_allclose(np.divide(gaps[:-1], gaps[1:]), 2, rtol=0.1)
    assert abs(gaps[-1]) < 0.01


def test_donors_lower_the_threshold_by_what_they_absorb_and_hand_on():
    film = Cascade(**LAYERS, donors_per_emitter=1.25)
    alone = threshold_photons(film, 4.0355, 2e-7, 0.0)
    helped = threshold_photons(film, 4.0355, 2e-7, 1e-7)
    assert_allclose(alone / helped, 1 + 1.25 * film.efficiency / 2)
    assert_allclose(emitter_excitons(film, helped, 2e-7, 1e-7), 4.0355)


def test_a_resonant_pump_needs_what_bleaching_takes_and_never_reaches_neutral_transparency():
    film = Cascade(**LAYERS)
    direct = threshold_photons(film, 3.8, 1e-7, 0.0)
    ratio = threshold_photons(film, 3.8, 1e-7, 0.0, resonant=True) / direct
    assert ratio == pytest.approx(-4 * np.log(1 - 3.8 / 4) / 3.8)
    with pytest.raises(PhysicsError, match="band-edge pump"):
        threshold_photons(film, 4.0355, 1e-7, 0.0, resonant=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Cascade(transfer_time=0), "transfer_time"),
        (lambda: Cascade(1.6, fast_fraction=1.1), "fast_fraction"),
        (lambda: Cascade(1.6, donors_per_emitter=-1), "donors_per_emitter"),
        (lambda: Cascade(1.6, donor_lifetime=-5), "donor_lifetime"),
        (lambda: transfer(Cascade(1.6), -1, 0, [0]), "excitons per dot"),
        (lambda: transfer(Cascade(1.6), 1, 0, [-1, 0]), "ascending list from zero"),
        (lambda: threshold_photons(Cascade(1.6), 1, 0, 0), "nothing absorbs"),
        (lambda: threshold_photons(Cascade(1.6), 1, -1, 0), "emitter_cross_section"),
        (lambda: threshold_photons(Cascade(1.6), 1, 1, 1, resonant=True), "band edge"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
