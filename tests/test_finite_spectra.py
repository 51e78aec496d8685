"""Reflection and transmission of a finite grating, rigorously, against closed forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dfbdesign import slab
from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.errors import NoGuidedMode
from dfbdesign.solvers.finite_spectra import finite_spectrum
from dfbdesign.units import nm

WAVELENGTHS = np.array([1550, 1605, 1650]) * nm


def device(lines: float = 2.28, target: float = 1600, thickness: float = 300) -> Device:
    return Device(
        substrate=1.746, superstrate=1.0, target=Target(wavelength=target * nm),
        layers=[Layer(thickness=thickness * nm, material=2.53,
                      lines=Lines(material=lines, duty=0.5))],
        grating=Grating(period=400 * nm, order=1, length=20 * 400 * nm),
    )  # fmt: skip


def test_lines_of_the_index_around_them_pass_the_wave_with_the_phase_of_the_film() -> None:
    found = finite_spectrum(device(lines=2.53), WAVELENGTHS)
    film = [slab(device(lines=2.53), one).fundamental("TE").n_eff for one in WAVELENGTHS]
    phase = 2 * np.pi / WAVELENGTHS * np.array(film) * 20 * 400 * nm
    assert_allclose(found.transmission, np.exp(1j * phase), atol=3e-6)
    assert_allclose(found.reflection, 0, atol=1e-9)


@pytest.mark.parametrize("target", [1450, 1500, 1800])
def test_the_wave_sent_in_is_the_guided_one_wherever_the_target_is(target: float) -> None:
    near, far = (
        finite_spectrum(device(), WAVELENGTHS),
        finite_spectrum(device(target=target), WAVELENGTHS),
    )
    assert_allclose(far.reflection, near.reflection, atol=3e-6)
    assert_allclose(far.transmission, near.transmission, atol=3e-6)
    assert (abs(far.reflection) ** 2 + abs(far.transmission) ** 2 < 1).all()


def test_without_a_guided_wave_to_send_in_the_error_says_so() -> None:
    with pytest.raises(NoGuidedMode, match="no wave at 5500 nm"):
        finite_spectrum(device(), [5500 * nm])
