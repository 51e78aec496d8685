"""Random devices of many sections: what holds for each of them, whatever it is made of."""

from dataclasses import replace
from math import exp, log, pi

import numpy as np
import pytest
from lasers import made

from dfbdesign.device import (
    FacetReflection,
    Facets,
    PhaseShift,
    Slip,
    changed,
)
from dfbdesign.errors import InputError
from dfbdesign.lasers.laser import laser
from dfbdesign.lasers.laser_spectra import laser_spectra
from dfbdesign.lasers.output import output
from dfbdesign.solvers.transfer_matrix import Cavity, scattering, threshold_modes
from dfbdesign.units import nm


def random_device(seed):
    rng = np.random.default_rng(seed)
    length = exp(rng.uniform(log(60), log(1500)))
    film = str(rng.choice(["", "taghipour2023-doped", "taghipour2023-neutral"])) or None
    spot = None
    if film is not None:
        shape = str(rng.choice(["uniform", "stripe", "gaussian", "disk"]))
        size = {} if shape == "uniform" else {"length": length * rng.uniform(0.2, 0.99)}
        spot = {"shape": shape, **size}

    def facet():
        amplitude = rng.uniform() * np.exp(2j * pi * rng.uniform())
        given = FacetReflection(reflection=(amplitude.real, amplitude.imag))
        kinds = ["open", "cleaved", "fresnel", given, "open" if film is None else "unpumped"]
        return kinds[rng.integers(5)]

    shifts = rng.uniform([0, 1], [1, 430], (rng.integers(3), 2)).tolist()
    slips = rng.uniform([0, -80], [1, 80], (rng.integers(3), 2)).tolist()
    return made(
        film=film,
        spot=spot,
        order=int(rng.integers(1, 3)),
        duty=float(rng.uniform(0.1, 0.8)),
        length=length,
        width=length,
        facets=Facets(left=facet(), right=facet()),
        phase_shifts=tuple(PhaseShift(position=one, shift=shift * nm) for one, shift in shifts),
        slips=tuple(Slip(position=one, slip=slip * nm) for one, slip in slips),
        chirp=float(rng.normal() * nm) if seed % 4 == 0 else 0.0,
    )


def mirrored(device):
    grating = device.grating
    facets, lines = grating.facets, grating.periods

    def behind(one):
        return {"position": (lines - round(one.position * lines)) / lines}

    return changed(
        device,
        {
            "grating.facets": Facets(left=facets.right, right=facets.left),
            "grating.phase_shifts": tuple(
                PhaseShift(shift=one.shift, **behind(one)) for one in grating.phase_shifts
            ),
            "grating.slips": tuple(Slip(slip=one.slip, **behind(one)) for one in grating.slips),
            "grating.chirp": -grating.chirp,
        },
    )


def values(found):
    """Threshold modal gain times length, and wavelength, of each mode, by wavelength."""
    pairs = [
        (mode.wavelength / nm, mode.threshold_modal_gain * mode.pumped.length)
        for mode in found.modes
    ]
    return np.array(sorted(pairs))


def cut(cavity, rng):
    """The same cavity with every section cut in two at some place."""
    pieces = []
    for section in cavity.sections:
        first = section.length * rng.uniform(0.1, 0.9)
        rest = replace(section, length=section.length - first, phase=0.0)
        pieces += [replace(section, length=first), rest]
    return Cavity(tuple(pieces), cavity.left, cavity.right)


@pytest.mark.parametrize("seed", [0, *range(2, 12)])  # the film of 1 has too little gain
def test_what_holds_for_every_device(seed):
    device, rng = random_device(seed), np.random.default_rng(seed)
    found = laser(device)
    for number, mode in enumerate(found.modes):
        assert mode.threshold_material_gain > 0
        shares = output(found, number)
        assert shares.total == pytest.approx(1, abs=1e-8)
        assert min(vars(shares).values()) > -1e-12
        # R and S pass from section to section but for the phase of what is inserted there.
        sections = mode.cavity.sections
        ends = np.cumsum([one.length for one in sections])[:-1]
        if not ends.size:
            continue
        before, behind = (np.array(mode.waves(ends + side)) for side in (-1e-7, 1e-7))
        turns = np.exp(1j * np.array([one.phase for one in sections[1:]]))
        assert np.abs(behind - before * np.array([turns, 1 / turns])).max() < 1e-6
    # Light that enters, cold and pumped.
    for share in (0.0, 0.6):
        light = laser_spectra(found, share, points=41)
        returned = abs(light.reflection) ** 2 + abs(light.transmission) ** 2
        total = returned + light.radiated_up + light.radiated_down + light.absorbed
        np.testing.assert_allclose(total, 1, atol=1e-9 * max(1, returned.max()))
    # A mirror, and cuts.
    np.testing.assert_allclose(values(laser(mirrored(device))), values(found), rtol=1e-6, atol=1e-9)
    first = found.modes[0]
    most = 1.3 * first.threshold_modal_gain + 1e-3
    window = first.pumped.detunings, (-1e-3, most)
    whole, halves = (
        threshold_modes(one, *window) for one in (first.cavity, cut(first.cavity, rng))
    )
    assert len(whole) == len(halves) >= 1
    for one, other in zip(whole, halves, strict=True):
        assert other.gain == pytest.approx(one.gain, rel=1e-7, abs=1e-12)
        assert other.detuning == pytest.approx(one.detuning, abs=1e-9)


@pytest.mark.parametrize("seed", [2, 4, 6])
def test_light_passes_as_well_from_the_right_as_from_the_left(seed):
    mode = laser(random_device(seed)).modes[0]
    detuning = np.linspace(*mode.pumped.detunings, 31)
    there = mode.pumped.frozen(0.5 * mode.pumped.gains(mode.threshold_material_gain)[0])
    back = mirror_of(there)
    (r, t, q), (r_back, t_back, q_back) = (scattering(one, detuning) for one in (there, back))
    # What is inserted before the first section stands behind the last of the mirror image.
    turn = np.exp(1j * there.sections[0].phase)
    np.testing.assert_allclose(t_back * turn, t, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(r_back, q, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(q_back * turn**2, r, rtol=1e-9, atol=1e-12)


def mirror_of(cavity):
    """Sections the other way round; each phase stands in front of what followed it."""
    phases = [0.0, *(one.phase for one in cavity.sections[:0:-1])]
    sections = zip(cavity.sections[::-1], phases, strict=True)
    return Cavity(tuple(replace(one, phase=phase) for one, phase in sections))


def test_a_very_strong_grating_lases_at_gains_that_fall_as_its_length_cubed():
    # First order, no loss: the light that leaves falls as 1 / (κL)², and the gain times L with it.
    lengths, modes = (2000, 8000, 20000), []
    for length in lengths:
        found = laser(made(order=1, length=float(length)))
        assert output(found).total == pytest.approx(1, abs=1e-6)
        modes.append(found.modes[0].threshold_modal_gain)
    slopes = np.diff(np.log(modes)) / np.diff(np.log(lengths))
    assert slopes == pytest.approx(-3, abs=0.05)


def test_a_grating_of_two_periods_lases_if_the_film_could_do_it():
    found = laser(made(length=2 * 0.865))
    gain, length = found.modes[0].threshold_modal_gain, found.length
    kappa = abs(found.modes[0].pumped.waves.kappa(found.modes[0].threshold_material_gain))
    # Weak coupling: exp(gL) = (2 |γ| / κ)², with γ near g / 2 (Kogelnik and Shank 1972).
    assert gain * length > 1
    assert gain * length == pytest.approx(2 * log(gain / kappa), rel=0.35)


def test_a_grating_of_a_kilometre_is_refused():
    with pytest.raises(InputError, match=r"coupling times length .* Shorten it, or take"):
        laser(made(length=1e9))
