"""Design and calibration: what is designed must lase there, what is planted must be found."""

from importlib import import_module

import numpy as np
import pytest

from dfbdesign.designs.design import calibration, design, film_period, load_target
from dfbdesign.device import (
    Device,
    Grating,
    Layer,
    Lines,
    Measured,
    PhaseShift,
    Target,
    changed,
    load_device,
    save_device,
)
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.lasers.laser import laser
from dfbdesign.units import nm, pm

REFERENCE = "examples/reference.toml"
design_module = import_module("dfbdesign.designs.design")


def wanted(duty=0.3, order=2, film=2.53, length=500.0, wavelength=1670 * nm, period=None):
    """A target of the published stack with constant indices."""
    lines = Lines(material=2.30, duty=duty)
    return Device(
        substrate=1.746,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=film, lines=lines, gain=True),
            Layer(thickness=160 * nm, material=film, gain=True),
        ],
        grating=Grating(period=period or 430 * nm * order, order=order, length=length),
        target=Target(wavelength=wavelength),
    )


@pytest.mark.parametrize(
    ("duty", "order", "length", "origin"),
    [
        (0.3, 2, 500, "dark"),
        (0.7, 2, 500, "dark"),
        (0.5, 1, 300, "guided"),
        (0.3, 2, 40, "dark"),
    ],
)
def test_the_designed_device_lases_at_the_target(duty, order, length, origin):
    target = wanted(duty, order, length=length)
    made = design(target)
    again = laser(made.device).modes
    assert again[0].wavelength == pytest.approx(1670 * nm, abs=0.5 * pm)
    assert again[0].origin == made.lasing_mode.origin == origin
    assert again[0].wavelength == pytest.approx(made.lasing_mode.wavelength, abs=1e-3 * pm)
    period = made.device.grating.period
    assert made.device.layers == target.layers
    other, below, above = made.alternatives
    assert other.mode.wavelength == pytest.approx(1670 * nm, abs=0.5 * pm)
    assert other.mode.mode.edge != made.lasing_mode.mode.edge
    assert (other.period > period) == (again[0].wavelength > _edge(again, other).wavelength)
    assert below.period <= period < above.period
    for rounded in (below, above):
        assert rounded.period / nm == pytest.approx(round(rounded.period / nm), abs=1e-9)
        there = laser(changed(target, {"grating.period": rounded.period})).modes[0]
        assert rounded.mode.wavelength == pytest.approx(there.wavelength, abs=1e-3 * pm)


def _edge(modes, alternative):
    return next(mode for mode in modes if mode.mode.edge == alternative.mode.mode.edge)


def test_the_period_is_that_of_a_scan():
    target = wanted()
    made = design(target)
    periods = made.device.grating.period + np.linspace(-2, 2, 5) * nm
    found = [laser(changed(target, {"grating.period": float(p)})).modes[0] for p in periods]
    assert {mode.origin for mode in found} == {"dark"}
    # a parabola through them; one grating period more or less moves the mode by about 1 pm
    fit = np.polynomial.Polynomial.fit([mode.wavelength for mode in found], periods, 2)
    assert made.device.grating.period == pytest.approx(float(fit(1670 * nm)), abs=2 * pm)


def test_a_short_grating_meets_the_target_although_its_number_of_periods_jumps():
    # 40 um hold 46 or 47 periods: a jump by one moves the wavelength by some 10 pm.
    for wavelength in np.linspace(1650, 1690, 9) * nm:
        made = design(wanted(length=40.0, wavelength=float(wavelength)))
        assert made.lasing_mode.wavelength == pytest.approx(wavelength, abs=0.5 * pm)
        assert laser(made.device).modes[0].wavelength == pytest.approx(wavelength, abs=0.5 * pm)
        length = made.device.grating.length
        assert abs(length - 40) < made.device.grating.period


def test_no_whole_number_of_periods_may_fit_the_length_and_the_target(monkeypatch):
    # The numbers of periods before and after a solve never agree: the length gives way.
    target = wanted(length=100.0)
    plain = design_module._at
    flips = iter([0.4, -0.4] * 20)

    def restless(device, period):
        grating = plain(device, period).grating
        length = (round(100.0 / period) + next(flips)) * period
        return changed(device, {"grating": grating.model_copy(update={"length": length})})

    monkeypatch.setattr(design_module, "_at", restless)
    made = design(target)
    assert laser(made.device).modes[0].wavelength == pytest.approx(1670 * nm, abs=0.5 * pm)


def test_a_phase_shift_mode_is_put_at_the_target():
    target = changed(wanted(), {"grating.length": 300})
    period = film_period(target)
    shift = PhaseShift(position=0.5, shift=period / 4)
    made = design(changed(target, {"grating.phase_shifts": (shift,)}))
    assert made.lasing_mode.origin == "gap"
    assert made.lasing_mode.wavelength == pytest.approx(1670 * nm, abs=0.5 * pm)
    assert made.alternatives[0].mode.origin in ("bright", "dark")


def test_the_edge_that_lases_at_the_target_counts_not_the_one_at_the_start(monkeypatch):
    # The first solve, far from the target, is told that the bright edge lases.
    target = wanted()
    solve, solved = design_module.laser, []

    def misled(device):
        found = solve(device)
        if not solved:
            modes = sorted(found.modes, key=lambda mode: mode.origin != "bright")
            object.__setattr__(found, "modes", tuple(modes))
        solved.append(found)
        return found

    monkeypatch.setattr(design_module, "laser", misled)
    made = design(target)
    assert made.lasing_mode.origin == "dark"
    assert made.lasing_mode.wavelength == pytest.approx(1670 * nm, abs=0.5 * pm)
    assert design_module.laser is misled
    monkeypatch.undo()
    assert made.device.grating.period == pytest.approx(
        design(target).device.grating.period, abs=0.5 * pm
    )


def test_edges_that_take_turns_are_an_error(monkeypatch):
    solve, turn = design_module.laser, [0]

    def fickle(device):
        found = solve(device)
        turn[0] += 1
        order = ("bright", "dark") if turn[0] % 2 else ("dark", "bright")
        modes = sorted(found.modes, key=lambda mode: order.index(mode.mode.edge))
        object.__setattr__(found, "modes", tuple(modes))
        return found

    monkeypatch.setattr(design_module, "laser", fickle)
    monkeypatch.setattr(design_module, "_meeting", lambda t, e, d, s: (d, fickle(d)))
    with pytest.raises(NotConverged, match="change places"):
        design(wanted())


# Target files


def test_a_target_file_may_lack_its_period(tmp_path):
    path = tmp_path / "target.toml"
    save_device(wanted(), path)
    assert load_target(path).grating.period == pytest.approx(860 * nm)
    lines = [line for line in path.read_text().splitlines() if not line.startswith("period")]
    path.write_text("\n".join(lines))
    target = load_target(path)
    assert target.grating.period == pytest.approx(film_period(wanted()), abs=1e-12)
    made = design(target)
    assert made.device.grating.period == pytest.approx(design(wanted()).device.grating.period)
    with pytest.raises(InputError, match="period"):
        load_device(path)


def test_film_period_is_the_bragg_condition_of_a_plain_film():
    plain = wanted(film=2.53)
    bare = changed(plain, {"layers.0.lines": None})
    # n_eff of a 210 nm film of 2.53 between 1.746 and 1, TE0, from its own dispersion relation
    k, low, high = 2 * np.pi / 1.67, 1.746, 2.53
    for _ in range(60):
        n = (low + high) / 2
        inner = k * np.sqrt(2.53**2 - n**2)
        phases = [np.arctan(k * np.sqrt(n**2 - out**2) / inner) for out in (1.746, 1.0)]
        low, high = (n, high) if inner * 0.21 > sum(phases) else (low, n)
    assert film_period(bare) == pytest.approx(1.67 / n, rel=1e-9)
    order1 = changed(bare, {"grating.order": 1})
    assert film_period(order1) == pytest.approx(film_period(bare) / 2, rel=1e-12)


def test_what_is_missing_is_said_in_one_line():
    with pytest.raises(InputError, match="length"):
        design(changed(wanted(), {"grating.length": None}))
    no_gain = changed(wanted(), {"layers.0.gain": False, "layers.1.gain": False})
    with pytest.raises(InputError, match="gain = true"):
        design(no_gain)
    with pytest.raises(InputError, match="target"):
        design(changed(wanted(), {"target": None}))
    thin = changed(wanted(), {"layers.0.thickness": 5 * nm, "layers.1.thickness": 5 * nm})
    with pytest.raises(NoGuidedMode, match="guide"):
        design(thin)


# Calibration


@pytest.mark.parametrize("planted", [-0.08, 0.05])
def test_a_planted_index_is_found_again(planted):
    truth = wanted(film=2.53 + planted)
    lased = {
        period: laser(changed(truth, {"grating.period": period})).modes[0].wavelength
        for period in (0.86, 0.865, 0.875)
    }
    measured = tuple(Measured(period=period, wavelength=w) for period, w in lased.items())
    measured = (*measured[:2], measured[2].model_copy(update={"wavelength": 1.7}))
    found = calibration(changed(wanted(), {"measured": measured}))
    assert found.index_offset == pytest.approx(planted, abs=1e-6)
    assert found.film_index == pytest.approx(2.53 + planted, abs=1e-6)
    assert found.reference == measured[0]
    assert [other for other, _ in found.predictions] == list(measured[1:])
    predicted = [wavelength for _, wavelength in found.predictions]
    assert predicted == pytest.approx([lased[0.865], lased[0.875]], abs=1 * pm)  # not 1.7


def test_the_published_pair_of_lasers():
    # Taghipour et al. 2023: 860 nm lases at 1660 nm. The file holds the offset that follows.
    device = load_device(REFERENCE)
    found = calibration(device)
    assert found.index_offset == pytest.approx(-0.1143, abs=1e-4)
    lased = laser(changed(device, {"grating.period": 860 * nm})).modes[0]
    assert lased.wavelength == pytest.approx(1660 * nm, abs=0.01 * nm)
    # Measured at 870 nm: 1670 nm. Predicted, unadjusted, 5.5 nm more: an effective index of
    # 0.960 / nm of period at fixed geometry leaves 1.56 nm of wavelength per nm, not 1.
    ((other, predicted),) = found.predictions
    assert other.period == pytest.approx(870 * nm)
    assert predicted - other.wavelength == pytest.approx(5.5 * nm, abs=0.2 * nm)
    assert predicted == pytest.approx(laser(device).modes[0].wavelength, abs=0.01 * nm)


def test_an_offset_in_the_file_counts():
    device = load_device(REFERENCE)
    bare = changed(
        device,
        {
            f"layers.{number}.material": device.layers[number].material.with_index_offset(0.1143)
            for number in (0, 1)
        },
    )
    assert calibration(bare).index_offset == pytest.approx(
        calibration(device).index_offset, abs=1e-6
    )


def test_calibration_needs_a_measurement_and_a_gain_film():
    with pytest.raises(InputError, match="measured"):
        calibration(wanted())
    measured = (Measured(period=0.86, wavelength=1.66),)
    no_gain = {"layers.0.gain": False, "layers.1.gain": False, "measured": measured}
    with pytest.raises(InputError, match="gain = true"):
        calibration(changed(wanted(), no_gain))


def test_a_measurement_that_no_film_index_explains_is_an_error():
    measured = (Measured(period=1.2, wavelength=1.66),)
    with pytest.raises(NoGuidedMode):
        calibration(changed(wanted(), {"measured": measured}))
