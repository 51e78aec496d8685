"""What channel modes lose to a dense substrate and in bends: radial equations, published values."""

from dataclasses import replace
from math import pi

import numpy as np
import pytest
from ridges import FAR, box, section
from scipy.integrate import solve_ivp
from scipy.optimize import newton

from dfbdesign.solvers.multilayer import Stack
from dfbdesign.solvers.multilayer import leaky as slab_leaky
from dfbdesign.solvers.ridge import bent, modes
from dfbdesign.solvers.ridge_extrapolation import extrapolated
from dfbdesign.units import nm


def test_leakage_into_a_dense_substrate_is_the_slabs():
    indices, thicknesses = [3.5, 1.45, 2.2, 1.0], [0.5, 0.4]
    exact = max(slab_leaky(Stack.of(1.55, thicknesses, indices), "TE"), key=lambda n: n.real)
    shapes = [(box(-FAR, FAR, -FAR, -0.5), 1), (box(-FAR, FAR, -0.5, 0), 2),
              (box(-FAR, FAR, 0, 0.4), 3)]  # fmt: skip
    errors = []
    for cell in (0.04, 0.02):
        film = section(1.55, shapes, [1.0, 3.5, 1.45, 2.2], (-0.08, 0.08), (-2.0, 2.0), cell,
                       absorber=0.8)  # fmt: skip
        # An absorber at the sides as well: nothing varies along y.
        found = modes(film, 1, near=exact)[0].n_eff
        errors.append(abs(found - exact))
    assert exact.imag > 1e-5
    assert errors[1] < errors[0] / 3
    assert errors[1] < 2e-3 * abs(exact - 1)
    fine = modes(film, 1, near=exact)[0].n_eff
    assert fine.imag == pytest.approx(exact.imag, rel=0.03)


def ring(core, cladding, width, radius, wavelength, guess):
    """n_eff of a bent slab, E along its axis, from the radial equation on a complex path."""
    k, inner, outer = 2 * pi / wavelength, radius - width / 2, radius + width / 2

    def slope(start, end, index, nu, log_slope):
        """E'/E at `end`, from that at `start`, by the Riccati equation of the radial equation."""
        path = complex(end - start)

        def change(t, g):
            r = start + path * t
            return path * (nu**2 / r**2 - (k * index) ** 2 - g / r - g**2)

        found = solve_ivp(change, (0, 1), np.array([log_slope], complex), rtol=1e-11, atol=1e-13)
        return found.y[0, -1]

    def wave(start, end, index, nu, state):
        path = complex(end - start)

        def change(t, u):
            r = start + path * t
            return [path * u[1], path * ((nu**2 / r**2 - (k * index) ** 2) * u[0] - u[1] / r)]

        return solve_ivp(change, (0, 1), state, rtol=1e-11, atol=1e-13).y[:, -1]

    def mismatch(n):
        nu = n * k * radius
        start = inner - 2.5
        inside = slope(start, inner, cladding, nu, np.sqrt(nu**2 / start**2 - (k * cladding) ** 2))
        field = wave(inner, outer, core, nu, [1 + 0j, inside])
        far = outer + 12 * np.exp(0.35j)  # the outgoing wave decays along this path
        decay = 1j * np.sqrt((k * cladding) ** 2 - nu**2 / far**2)
        outside = slope(far, outer, cladding, nu, decay)
        return field[1] - outside * field[0]

    return newton(mismatch, guess, x1=guess + 1e-4 + 1e-6j, tol=1e-13)


def bent_slab(core, cladding, width, radius, cell):
    shape = [(box(-width / 2, width / 2, -1, 1), 1)]
    window = (-2.0, 4.6), (-0.04, 0.04)
    bend = section(1.55, shape, [cladding, core], *window, cell, curvature=1 / radius, absorber=1.2)
    straight = modes(replace(bend, curvature=0.0, absorber=0.0), 1)[0]
    return straight.n_eff.real, bent(bend, straight).n_eff


def test_bend_loss_and_shift_are_those_of_the_radial_equation():
    core, cladding, width, radius = 1.9, 1.444, 0.8, 5.0
    straight, found = bent_slab(core, cladding, width, radius, 0.04)
    exact = ring(core, cladding, width, radius, 1.55, straight)
    assert exact.imag > 1e-5
    _, finer = bent_slab(core, cladding, width, radius, 0.02)
    assert finer.imag == pytest.approx(exact.imag, rel=0.02)
    assert abs(finer - exact) < abs(found - exact) / 3.2
    assert abs(finer - exact) < 1e-3


# M. Hubálek, "Properties of a strongly bent dielectric waveguide", NAIS project, work package 3
# (www.ufe.cz/~ctyroky/nais/milan_bend.html): slab of index 1.7 in 1.6, 1 µm wide, E along its axis,
# wavelength 1.3 µm, after C. Vassallo, Optical waveguide concepts (Elsevier, 1991). Radius to the
# middle of the core [µm], Re and Im n_eff.
STRONGLY_BENT_SLAB = {
    10: (1.690717, 2.5163e-2),
    20: (1.672873, 6.802e-3),
    50: (1.663037, 3.32e-4),
    100: (1.660963, 1.98e-6),
    140: (1.660654, 2.93e-8),
    200: (1.660494, 5.29e-11),
}


@pytest.mark.parametrize("radius", STRONGLY_BENT_SLAB)
def test_bend_loss_of_a_slab_has_its_published_values_over_nine_orders_of_magnitude(radius):
    core = [(box(-0.5, 0.5, -1, 1), 1)]
    reach = 6 + 0.12 * radius  # beyond the caustic, where light leaves
    bend = section(1.3, core, [1.6, 1.7], (-5.0, reach), (-0.1, 0.1), 25 * nm,
                   curvature=1 / radius, absorber=2.0)  # fmt: skip
    straight = modes(replace(bend, curvature=0.0, absorber=0.0), 1)[0]
    index, loss = STRONGLY_BENT_SLAB[radius]
    found = bent(bend, straight).n_eff
    assert found.imag == pytest.approx(loss, rel=0.02)
    assert found.real == pytest.approx(index, abs=5e-5)


# Silicon wire, 500 x 220 nm, index 3.48 on 1.46, air above, 1550 nm, radius to its middle [µm]:
# J. Xiao and X. Sun, Opt. Express 20, 21583 (2012), by film mode matching (their own finite
# differences differ by 12 and 17 % in the loss), as read in femwell, docs/julia/waveguide_bent.jl.
BENT_WIRE = {1.0: (2.40791, -3.63721), 2.0: (2.39433, -6.48982)}


@pytest.mark.parametrize("radius", BENT_WIRE)
def test_bend_loss_of_a_silicon_wire_is_the_published_one_within_a_tenth(radius):
    shapes = [(box(-9, 9, -9, 0), 1), (box(-0.25, 0.25, 0, 0.22), 2)]
    left = 0.9 if radius < 2 else 1.2
    wire = section(1.55, shapes, [1.0, 1.46, 3.48], (-left, 2.2), (-1.8, 1.4), 30 * nm,
                   curvature=1 / radius, absorber=left / 2)  # fmt: skip
    found = extrapolated(wire, 1)[0]
    index, logarithm = BENT_WIRE[radius]
    assert found.n_eff.imag == pytest.approx(10**logarithm, rel=0.1)
    assert found.loss_error < 0.1 * found.n_eff.imag
    assert abs(found.n_eff.real - index) < found.error


def test_a_loss_below_what_the_grid_resolves_is_stated_as_uncertain():
    shapes = [(box(-9, 9, -9, 0), 1), (box(-0.25, 0.25, 0, 0.22), 2)]
    wire = section(1.55, shapes, [1.0, 1.46, 3.48], (-1.4, 2.2), (-1.6, 1.4), 40 * nm,
                   curvature=1 / 5.0, absorber=0.8)  # fmt: skip
    found = extrapolated(wire, 1)[0]  # published: 4e-11
    assert abs(found.n_eff.imag) < 3 * found.loss_error


def test_the_index_of_a_bend_counts_from_the_radius_it_is_stated_at():
    # n_eff times the stated radius is the angular wavenumber, wherever y = 0 is put.
    def moved(shift):
        shape = [(box(shift - 0.4, shift + 0.4, 0, 0.3), 1)]
        bend = section(1.55, shape, [1.444, 2.2], (shift - 1.4, shift + 2.4), (-1.2, 1.5), 0.06,
                       curvature=1 / (6.0 - shift), absorber=0.8)  # fmt: skip
        straight = modes(replace(bend, curvature=0.0, absorber=0.0), 1)[0]
        return bent(bend, straight).n_eff * (6.0 - shift)

    assert moved(0.5) == pytest.approx(moved(0.0), rel=1e-8)


def test_the_shift_of_a_weak_bend_goes_with_the_square_of_the_curvature():
    guide = section(1.55, [(box(-0.4, 0.4, 0, 0.3), 1)], [1.444, 2.2], (-2.2, 2.2), (-1.2, 1.5),
                    0.09, absorber=0.6)  # fmt: skip
    straight = modes(replace(guide, absorber=0.0), 1)[0]
    unbent = modes(guide, 1, near=straight.n_eff)[0].n_eff
    shifts = [
        bent(replace(guide, curvature=1 / radius), straight).n_eff.real - unbent.real
        for radius in (20.0, 40.0)
    ]
    assert shifts[0] / shifts[1] == pytest.approx(4, rel=0.02)
