# %% [markdown]
# # A silicon nitride circuit: coupler, bends, fibre, and light amplified by a film on top
#
# A strip of 1000 x 800 nm in silica at 1550 nm. What does its mode look like, how long must a
# directional coupler be, how tight may a bend be, and how much of a film's gain does the mode see?
# The answers go straight into the cells of the layout.

# %%
from pathlib import Path

import numpy as np

from dfbdesign import plots
from dfbdesign.device import Target
from dfbdesign.layout import couplers
from dfbdesign.units import cm, nm, um
from dfbdesign.waveguides.waveguide import (
    Background,
    Rectangle,
    Shape,
    Solve,
    Waveguide,
    Window,
    ridge,
)
from dfbdesign.waveguides.waveguide_design import (
    coupler,
    coupling_efficiency,
    facet_reflectance,
    fibre_beam,
    minimum_bend_radius,
    modal_gain,
)

HERE = Path(__file__).parent
WIDTH, HEIGHT, GAP = 1000 * nm, 800 * nm, 500 * nm


def guide(*cores, size=(6 * um, 5 * um), modes=1, cell=70 * nm):
    return Waveguide(
        target=Target(wavelength=1550 * nm),
        background=Background(material=1.444),
        shapes=cores,
        window=Window(size=size, cell=cell),
        solve=Solve(modes=modes),
    )


def core(y=0.0, index=1.9963, width=WIDTH, height=HEIGHT):
    return Shape(material=index, rectangle=Rectangle(y=y, width=width, height=height))


# %%
alone = ridge(guide(core(), modes=2))
mode = alone.modes[0]
print(f"n_eff {mode.n_eff.real:.4f} +- {mode.n_eff_error:.0e}, n_group {mode.n_group:.3f}")
assert abs(mode.n_eff.real - 1.774399) < mode.n_eff_error  # by finite elements

# %% [markdown]
# Two such strips exchange their light completely over the length of the coupler; a quarter turn of
# the smallest radius may cost 1 % of the power.

# %%
pair = coupler(guide(core(-(WIDTH + GAP) / 2), core((WIDTH + GAP) / 2), size=(8 * um, 5 * um)))
bend = guide(core(), size=(6 * um, 4 * um), cell=110 * nm)
radius = minimum_bend_radius(bend, 0.01, 5 * um, 12 * um, tolerance=0.05)
print(f"coupler {pair.length:.1f} um long, bend radius at least {radius:.1f} um")
cell = couplers.coupler(
    couplers.Coupler(width=WIDTH, gap=GAP, length=pair.length / 2, radius=np.ceil(radius))
)  # half the length: 3 dB
print(f"3 dB coupler for the mask: {np.ptp(cell.bounding_box(), axis=0).round()} um")

# %% [markdown]
# A lensed fibre, a cleaved facet, and a film of quantum dots all around the strip with 100/cm gain.

# %%
lensed = fibre_beam(mode.field, 2.0 * um, index=1.0)
print(f"lensed fibre {coupling_efficiency(lensed, mode.field):.0%}, ", end="")
print(f"facet reflects {facet_reflectance(mode):.1%}")
loaded = guide(core(index=1.7, width=1400 * nm, height=1200 * nm), core())
gain = modal_gain(ridge(loaded).modes[0], np.array([100 / cm, 0.0]))
print(f"film gain of 100 1/cm: {gain * cm:.0f} 1/cm for the mode")
assert 5 < gain * cm < 40

# %%
if __name__ == "__main__":
    image = plots.picture(lambda axes: plots.channel_modes(axes, alone), width=6.4, height=2.8)
    (HERE / "03_modes.png").write_bytes(image)
