# %% [markdown]
# # Which band edge lases, and how a quarter-wave shift moves the mode between them
#
# Lines narrower than half the period put the dark edge at the longer wavelength, wider ones at the
# shorter: the laser, which takes the dark edge, switches sides. A stretch of a quarter of the
# period without lines, in the middle, puts the first mode into the stop band instead.

# %%
from pathlib import Path

import numpy as np

from dfbdesign import laser, load_device, plots
from dfbdesign.device import PhaseShift, changed
from dfbdesign.units import nm

HERE = Path(__file__).parent
device = load_device(HERE / "reference.toml")
shift = PhaseShift(position=0.5, shift=device.grating.period / 4)

# %%
duties = np.array([0.25, 0.3, 0.35, 0.4, 0.6, 0.65, 0.7, 0.75])
plain = [laser(changed(device, {"layers.0.lines.duty": duty})) for duty in duties.tolist()]
shifted = [
    laser(changed(device, {"layers.0.lines.duty": duty, "grating.phase_shifts": (shift,)}))
    for duty in duties.tolist()
]
edges = np.array([[edge.wavelength for edge in found.cell.band_edges] for found in plain])
first = np.array([found.modes[0].wavelength for found in plain])
moved = np.array([found.modes[0].wavelength for found in shifted])

# %% [markdown]
# A mode's place in the stop band, from -1 at its short to 1 at its long edge.

# %%
middle, half = edges.mean(axis=1), np.ptp(edges, axis=1) / 2
places = [(first - middle) / half, (moved - middle) / half]
for duty, without, with_shift in zip(duties, *places, strict=True):
    print(f"duty {duty:.2f}: {without:+.2f} without, {with_shift:+.2f} with the shift")
assert (np.sign(places[0]) == np.sign(0.5 - duties)).all()
assert np.abs(places[1]).max() < 0.2


# %%
def draw(axes):
    """Both band edges and the first mode, with and without the shift, against the duty."""
    for side in (duties < 0.5, duties > 0.5):
        axes.fill_between(duties[side], *edges[side].T / nm, color="0.88", lw=0)
    axes.plot(duties, first / nm, "o", label="no shift")
    axes.plot(duties, moved / nm, "s", label="quarter-wave shift")
    axes.set(xlabel="duty of the lines", ylabel="wavelength of the first mode (nm)")
    axes.legend(frameon=False)
    return axes


content = plots.picture(draw)
if __name__ == "__main__":
    (HERE / "06_which_edge_lases.png").write_bytes(content)
