"""Polarisation of the beam behind a lens, against vector diffraction summed over the surface."""

from dataclasses import replace
from functools import cache
from math import inf, pi
from pathlib import Path

import numpy as np
import pytest

from dfbdesign import beam, laser, load_device
from dfbdesign.errors import InputError
from dfbdesign.lasers.across import Across
from dfbdesign.lasers.beam import near_field
from dfbdesign.lasers.lobes import polarization_ratio
from dfbdesign.units import um

REFERENCE = load_device(Path(__file__).parents[1] / "examples" / "reference.toml")


@cache
def line():
    """A beam without a profile along y."""
    return replace(beam(laser(REFERENCE)), across=None)


def collected(found, aperture):
    """Light along and across the lines behind a lens, by Smythe's integral over the surface.

    E ~ r × ∫ z × E_t exp(-i k r · r') dA (Jackson, Classical Electrodynamics, 10.113), with E_t at
    every point of the surface; the lens turns what lies in the plane of a ray about the axis. A
    wave of the film that runs at an angle to x has its E at right angles to where it goes.
    """
    k, beta, profile = found.wavenumber, found.propagation, found.across
    extent = found.emitters.extent
    x = (np.arange(1500) + 0.5) / 1500 * extent - extent / 2
    flipped = found.emitters.up * np.array([[1], [-1]])
    main, other = near_field(found, "up", x)[0], found.emitters.field(flipped, x)[0]
    reach = min(profile.width, 6 * profile.waist)
    y = (np.arange(1500) + 0.5) / 1500 * reach - reach / 2
    kx = np.linspace(-1, 1, 901) * 150 * pi / extent
    ky = np.linspace(-1, 1, 1600) * k * aperture
    along_x, along_y = np.exp(-1j * np.outer(kx, x)), np.exp(-1j * np.outer(ky, y))
    running = along_y @ np.exp(-((y / profile.waist) ** 2))
    straight, tilted = np.sqrt(1 - (ky / beta) ** 2), ky / beta
    e_y = np.outer(along_x @ main, running * straight)
    e_x = np.outer(along_x @ other, -running * tilted)
    kx, ky = kx[:, None], ky[None, :]
    lateral = np.hypot(kx, ky)
    inside = lateral < k * aperture * (1 - 1e-9)
    sine = np.where(inside, lateral / k, 0)
    cosine, phi = np.sqrt(1 - sine**2), np.arctan2(ky, kx)
    # z × E_t = (-E_y, E_x, 0); its cross product with the ray, in the plane of the ray and beside.
    radial = -e_y * np.cos(phi) + e_x * np.sin(phi)
    beside = e_y * np.sin(phi) + e_x * np.cos(phi)
    in_plane, across = beside, cosine * radial
    behind_x = in_plane * np.cos(phi) + across * np.sin(phi)
    behind_y = in_plane * np.sin(phi) - across * np.cos(phi)
    solid = inside / cosine
    return [float((np.abs(one) ** 2 * solid).sum()) for one in (behind_y, behind_x)]


@pytest.mark.parametrize(
    ("profile", "aperture", "within"),
    [
        (Across(width=60 * um), 0.05, 0.02),
        (Across(width=60 * um), 0.3, 0.005),
        (Across(width=60 * um), 0.6, 0.005),
        (Across(width=60 * um), 0.95, 0.01),
        (Across(width=inf, waist=20 * um), 0.9, 0.005),
        (Across(width=inf, waist=2 * um), 0.9, 0.012),
        (Across(width=40 * um, waist=30 * um), 0.3, 0.005),
    ],
)
def test_what_lies_across_the_lines_is_that_of_the_summed_surface(profile, aperture, within):
    # The tilt of waves along y is to first order in k_y / β, half at most: hence the last per cent.
    # The narrowest aperture cuts into the tails of the lobes along x, which the ratio knows not.
    found = replace(line(), across=profile)
    along, across = collected(found, aperture)
    ratio = polarization_ratio(found, "up", aperture)
    assert (1 - ratio) / (1 + ratio) == pytest.approx(across / along, rel=within)


def test_only_rays_far_off_the_axis_carry_light_across_the_lines():
    found = replace(line(), across=Across(width=500 * um))
    missing = np.array([1 - polarization_ratio(found, "up", one) for one in (0.01, 0.1, 0.4, 1.0)])
    assert (np.diff(missing) > 0).all()
    # Edges hold as much power above any wavenumber as that is small: their tilts weigh alike.
    assert missing[2] / missing[1] == pytest.approx(4, rel=0.1)
    # The measured 0.94 (1 - 0.06) of a laser this wide is not the mode's.
    assert missing[-1] < 0.01
    smooth = replace(line(), across=Across(width=inf, waist=150 * um))
    assert 1 - polarization_ratio(smooth, "up") < 1e-4


def test_a_lens_without_an_aperture_is_refused():
    with pytest.raises(InputError, match="aperture"):
        polarization_ratio(line(), "up", 0.0)
