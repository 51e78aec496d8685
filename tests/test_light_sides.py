"""Where the light that is measured leaves, and how many modes share it."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from dfbdesign.device import changed
from dfbdesign.errors import InputError
from dfbdesign.gain.published import SHELL
from dfbdesign.lasers.light_curve import continuous_light, light
from dfbdesign.lasers.light_model import light_model
from dfbdesign.lasers.published_lasers import published_laser
from dfbdesign.plots import light_pulse
from dfbdesign.reports.light_numbers import light_numbers
from dfbdesign.units import cm, ns, uJ


@pytest.fixture(scope="module")
def sides():
    second = published_laser("doped")
    first = changed(second, {"grating.order": 1, "grating.period": second.grating.period / 2})
    return [light(one, SHELL, np.array([0.5, 1.5]) * 160 * uJ / cm**2) for one in (first, second)]


def test_a_first_order_laser_is_measured_sideways_and_says_so(sides):
    first, second = sides
    assert (first.side, second.side) == ("sideways", "upwards")
    assert first.light[:, :2].max() == 0
    assert_allclose(first.output, first.light[:, 2])
    assert_allclose(second.output, second.light[:, 0])
    for found in sides:
        assert light_numbers(found)["measured_light"] == found.side
        assert found.side in light_pulse(Figure().subplots(), found, [1]).get_ylabel()


def test_modes_share_the_light_by_what_each_sends_there(sides):
    for found in sides:
        model, lost = found.model, found.simulation.lost
        each = [
            lost[:, number] * energy * overlap.shares[0 if found.side == "upwards" else 2]
            for number, (energy, overlap) in enumerate(
                zip(model.energies, model.overlaps, strict=True)
            )
        ]
        assert_allclose(np.sum(each, axis=0), found.output)
        assert_allclose(np.max(each, axis=0), found.strongest_share * found.output)
        rows = light_numbers(found)["light"]
        assert rows[1]["strongest_mode_share"] == pytest.approx(found.strongest_share[1])


def test_an_enhancement_that_is_no_number_is_refused():
    device = published_laser("doped")
    with pytest.raises(InputError, match="linewidth_enhancement"):
        light(device, SHELL, [1.0], linewidth_enhancement=float("nan"))


def test_continuous_light_is_the_mean_power_that_the_books_hold():
    device = published_laser("doped")
    model = light_model(device, SHELL, 34 / cm)
    level = 1.2 * model.static_threshold(continuous=True) * model.fluence
    whole, half = (
        continuous_light(device, SHELL, [level], loss=34 / cm, settled=t * ns) for t in (8, 4)
    )
    photons = (whole.simulation.lost - half.simulation.lost)[0] / (4 * ns)
    expected = (photons * whole.model.energies) @ whole.model.shares
    assert_allclose(whole.light[0], expected, rtol=0.01)
    # not what leaves at the end: this laser pulsates by itself so near to threshold
    last = (whole.simulation.leaving[-1, 0] * whole.model.energies) @ whole.model.shares
    assert abs(last[0] / expected[0] - 1) > 0.1
