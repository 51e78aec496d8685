# %% [markdown]
# # What two published lasers say about their film, and the chip to make next
#
# Taghipour et al. 2023 report second-order lasers of one film: 860 nm period lases at 1660 nm, with
# neutral dots; 870 nm at 1670 nm, doped. They give neither the duty, nor which band edge lases, nor
# whether the 160 nm of film stand above the lines or were spun over them and fill the grooves too.
# Every choice implies another index.

# %%
from pathlib import Path

import numpy as np

from dfbdesign import load_device, plots
from dfbdesign.designs.ladder import Goal, ladder
from dfbdesign.designs.spread import Spread
from dfbdesign.device import changed, without_dispersion
from dfbdesign.materials import constant
from dfbdesign.solvers.unit_cell import band_edges
from dfbdesign.units import nm

HERE = Path(__file__).parent
device = load_device(HERE / "reference.toml")
duties = np.linspace(0.2, 0.8, 13)
lines = device.layers[0].thickness
above = {
    "160 nm above the lines": np.full(len(duties), 160 * nm),
    "160 nm with the grooves": 160 * nm - lines * (1 - duties),
}


def implied_index(period, wavelength, thickness):
    """Film index at the measured wavelength, for every duty and both edges."""
    target = without_dispersion(changed(device, {"target.wavelength": wavelength}), wavelength)
    shared = {
        "grating.period": period,
        "layers.0.lines.duty": duties,
        "layers.1.thickness": thickness,
    }

    def missed(index):
        film = {f"layers.{number}.material": index + 0j for number in (0, 1)}
        edges = [
            band_edges(target, {**shared, **{path: one[:, edge] for path, one in film.items()}})
            for edge in (0, 1)
        ]
        return np.stack([one.wavelength[:, i] for i, one in enumerate(edges)], axis=1) - wavelength

    one, two = np.full((len(duties), 2), 2.60), np.full((len(duties), 2), 2.62)
    before = missed(one)
    for _ in range(5):
        here = missed(two)
        slope = np.where(here == before, np.inf, (here - before) / (two - one))
        one, two, before = two, two - here / slope, here
    assert np.abs(missed(two)).max() < 1e-3 * nm
    return two.T


neutral = {name: implied_index(860 * nm, 1660 * nm, top) for name, top in above.items()}
doped = {name: implied_index(870 * nm, 1670 * nm, top) for name, top in above.items()}
all_neutral, all_doped = (np.array(list(one.values())) for one in (neutral, doped))
change = all_doped - all_neutral
print(f"neutral film: {all_neutral.min():.3f} to {all_neutral.max():.3f}")
print(f"doping: {change.min():+.4f} to {change.max():+.4f}, if the same edge lases in both")
assert 2.45 < all_neutral.min() < all_neutral.max() < 2.9
assert -0.02 < change.min() < change.max() < -0.005  # bleached dots take index away

# %% [markdown]
# The index is open to a tenth, the change by doping to a few thousandths. So the next chip is a
# ladder for the doped film, centred on the middle of what is possible and as wide as it: on a chip
# of known duty, it will also tell the index.

# %%
middle = (all_doped.max() + all_doped.min()) / 2
wide = (all_doped.max() - all_doped.min()) / np.sqrt(12)  # of an even spread
film = {f"layers.{number}.material": constant(middle) for number in (0, 1)}
meant = changed(device, {**film, "target.wavelength": 1665 * nm, "grating.period": 850 * nm})
goal = Goal((1660 * nm, 1670 * nm))
planned = ladder(meant, Spread(film_index=wide), 8, goal, wafers=1500)
periods = ", ".join(f"{rung.period / nm:.0f}" for rung in planned.rungs)
print(f"film index {middle:.3f} ± {wide:.3f}; periods {periods} nm")
print(f"one of 8 within 1660-1670 nm: {planned.probability:.0%}")
assert planned.probability > 0.6
assert planned.probability >= planned.even_probability - 0.02


# %%
def implied(axes):
    colours = dict(zip(above, (plots.BLUE, plots.VERMILLION), strict=True))
    for name, colour in colours.items():
        for edge, style in enumerate(("--", "-")):
            label = f"{name}, {('bright', 'dark')[edge]} edge"
            axes.plot(duties, neutral[name][edge], style, color=colour, label=label)
            axes.plot(duties, doped[name][edge], style, color=colour, alpha=0.4)
    axes.set(xlabel="duty", ylabel="film index (pale: doped)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1)


def next_chip(axes):
    plots.ladder_plan(axes, planned)


for draw in (implied, next_chip):
    content = plots.picture(draw)
    if __name__ == "__main__":
        (HERE / f"08_{draw.__name__}.png").write_bytes(content)
