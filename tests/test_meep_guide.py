"""MEEP's modes of a channel guide, against finite elements and against our solver."""

from dataclasses import replace
from math import hypot

import numpy as np
import pytest

from dfbdesign.device import Target
from dfbdesign.errors import InputError
from dfbdesign.fdtd.guide import mean_permittivities
from dfbdesign.fdtd.guide_job import GuideRectangle, guide_index, guide_job
from dfbdesign.materials import constant, uniaxial
from dfbdesign.solvers.ridge import CrossSection, Shape
from dfbdesign.solvers.ridge_extrapolation import extrapolated
from dfbdesign.solvers.ridge_geometry import as_polygon
from dfbdesign.units import cm, nm
from dfbdesign.waveguides.waveguide import (
    Background,
    Bend,
    HalfSpace,
    Rectangle,
    Solve,
    Waveguide,
    ridge,
)
from dfbdesign.waveguides.waveguide import Shape as PaintedShape
from dfbdesign.waveguides.waveguide_verify import _rectangles, _step, verify_ridge

CORE, CLADDING, WAVELENGTH = 1.9963, 1.444, 1550 * nm
NITRIDE = GuideRectangle((-0.5, 0.5), (-0.4, 0.4), CORE**2)
GLASS = Background(material=constant(CLADDING))


def ours():
    y, z = 0.5, 0.4
    core = Shape(as_polygon([[-y, -z], [y, -z], [y, z], [-y, z]]), 1)
    permittivity = np.array([CLADDING, CORE], dtype=complex) ** 2
    window = (-2.7, 2.7), (-2.6, 2.6)
    none = 0 * permittivity
    section = CrossSection(
        WAVELENGTH, (core,), permittivity, permittivity, *window, 50 * nm, none, none
    )
    return extrapolated(section, 2)


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
@pytest.mark.parametrize(
    ("number", "polarization", "finite_elements"), [(0, "TE", 1.774399), (1, "TM", 1.759786)]
)
def test_meep_and_the_ridge_solver_agree_within_their_uncertainties(
    number, polarization, finite_elements
):
    solver = ours()[number]
    # MEEP is told an index that is off, and must find its way.
    found, loss = guide_index(
        (NITRIDE,),
        CLADDING**2,
        WAVELENGTH,
        expected=solver.n_eff.real + 1e-3,
        n_group=solver.n_group.real,
        pixels=(100 * nm, 200 / 3 * nm, 50 * nm),
        margin=1.5,
        polarization=polarization,
    )
    difference = abs(found.value - solver.n_eff.real)
    assert difference < hypot(found.uncertainty, solver.error)
    assert difference < 5e-5
    assert found.uncertainty < 2e-4
    assert abs(found.value - finite_elements) < found.uncertainty
    errors = np.abs(np.array(found.by_resolution) - finite_elements)
    orders = np.diff(np.log(errors)) / np.diff(np.log([100, 200 / 3, 50]))
    assert orders == pytest.approx([2, 2], abs=0.15)
    assert abs(loss.value) < 1e-2 / cm


def test_permittivities_are_means_over_the_square_around_a_node():
    left, right = [-2, 2, -1, 1, 6.0, 0.5, 7.0, 0.0], [0, 2, -1, 1, 10.0, 0.0, 7.0, 0.0]
    below = [-99, 99, -99, -8, 4.0, 0.0, 4.0, 0.0]
    job = {"cells": [20, 18], "background": [2.0, 0.0, 3.0, 0.0]}
    means = mean_permittivities(job | {"rectangles": [left, right, below]})

    def at(y, z):
        return means[round(2 * y) + 21, round(2 * z) + 19]

    nodes = {(-1.5, 0): 6, (-2, 0): 4, (-2, 1): 3, (0, 0): 8, (0.5, 1): 6, (9, 8): 2, (2, -1): 4}
    for node, value in nodes.items():
        assert at(*node)[0].real == value
    assert list(at(0, 0)) == [8 + 0.25j, 7]
    assert list(at(-2, 0)) == [4 + 0.25j, 5]
    assert [at(y, z)[0].real for y, z in ((-10, -9), (3, -8), (3, -7.5))] == [4, 3, 2]


def test_walls_must_lie_between_pixels():
    job = guide_job((NITRIDE,), 2.0, WAVELENGTH, 1.77, 100 * nm, 1.0)
    assert job.cells == (30, 28)
    assert job.rectangles == ((-5, 5, -4, 4, CORE**2, 0.0, CORE**2, 0.0),)
    with pytest.raises(InputError, match="whole number of times"):
        guide_job((NITRIDE,), 2.0, WAVELENGTH, 1.77, 70 * nm, 1.0)


def guide(*shapes, background=GLASS, **other):
    return Waveguide(
        target=Target(wavelength=WAVELENGTH), background=background, shapes=shapes, **other
    )


def box(index, width=1.0, height=0.8, z=0.0):
    rectangle = Rectangle(width=width, height=height, z=z)
    return PaintedShape(material=constant(index), rectangle=rectangle)


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_the_check_of_a_waveguide_finds_an_index_that_agrees_and_one_that_does_not():
    (found,) = verify_ridge(guide(box(CORE)))
    assert (found.label, found.quantity) == ("TE", "n_eff")
    assert found.fdtd == pytest.approx(1.774399, abs=1e-4)  # finite elements, as above
    assert found.verdict == "agrees"
    assert set(found.time_domain.causes) == {"pixels", "neighbours", "run length"}
    assert replace(found, solver=found.solver + 1e-3).verdict == "disagrees"
    assert replace(found, solver_uncertainty=3e-4).verdict == "undecided"


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_meep_finds_the_loss_of_a_guide():
    index = CORE + 1e-3j
    mode = ridge(guide(box(index), solve=Solve(modes=1))).modes[0]
    _, loss = guide_index(
        (replace(NITRIDE, permittivity=index**2),),
        CLADDING**2,
        WAVELENGTH,
        expected=mode.n_eff.real,
        n_group=mode.n_group,
        pixels=(200 * nm, 100 * nm, 200 / 3 * nm),
        margin=1.0,
    )
    difference = abs(loss.value - mode.loss)
    assert difference < hypot(loss.uncertainty, mode.loss_error)
    assert difference < 2e-3 * mode.loss
    assert loss.uncertainty < 1e-2 * mode.loss
    bulk = 4 * np.pi * index.imag / WAVELENGTH
    assert abs(mode.loss / bulk - 1) > 10 * difference / mode.loss  # the mode's, not the film's


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_both_see_the_axis_of_a_uniaxial_guide():
    """Fields upwards see the extraordinary index; both materials are uniaxial."""
    core = box(CORE).model_copy(update={"material": uniaxial(CORE, CORE - 0.05)})
    around = Background(material=uniaxial(CLADDING, CLADDING + 0.02))
    upright = guide(core, background=around, solve=Solve(modes=1, polarization="TM"))
    (found,) = verify_ridge(upright)
    assert (found.label, found.verdict) == ("TM", "agrees")
    assert found.fdtd == pytest.approx(1.759786 - 0.03, abs=0.015)  # of isotropic ones, as above


def test_the_check_of_a_waveguide_takes_half_spaces_and_the_largest_step_between_walls():
    below = PaintedShape(material=constant(1.4), halfspace=HalfSpace(below=-0.4))
    waveguide = guide(below, box(CORE, width=0.6, height=0.8))
    assert _step(waveguide) == pytest.approx(200 * nm)
    substrate, core = _rectangles(waveguide, [(1.4**2, 1.4**2), (CORE**2, CORE**2)], 2.0)
    assert substrate.z == pytest.approx((-2.4, -0.4))
    assert substrate.y == pytest.approx((-2.3, 1.7))
    assert (*core.y, *core.z) == pytest.approx((-0.3, 0.3, -0.4, 0.4))


@pytest.mark.parametrize(
    ("waveguide", "message"),
    [
        (guide(box(CORE), bend=Bend(radius=50)), "straight waveguides"),
        (guide(box(0.1 + 3j)), "no metals"),
        (guide(box(3.48, width=0.50, height=0.22)), "common step of 27 nm"),
        (guide(box(CORE), box(CORE, width=0.5003)), "whole nanometres apart"),
        (
            guide(PaintedShape(material=constant(2), polygon=((0, 0), (1, 0), (0, 1)))),
            "Write polygon as rectangle",
        ),
    ],
)
def test_what_the_check_of_a_waveguide_does_not_handle_is_said_in_one_line(waveguide, message):
    with pytest.raises(InputError, match=message):
        verify_ridge(waveguide)
