# %% [markdown]
# # How small may the pump spot be?
#
# Film beside the spot absorbs. A long spot does not care; below a critical length the light leaves
# the pumped stretch before it is amplified, and the threshold rises ever more steeply.

# %%
from pathlib import Path

import numpy as np

from dfbdesign import laser, load_device, plots
from dfbdesign.device import changed
from dfbdesign.units import cm, uJ, um

HERE = Path(__file__).parent
device = changed(load_device(HERE / "reference.toml"), {"grating.length": 1000 * um})

# %%
spots = np.array([800, 500, 300, 200, 140, 100, 70, 50]) * um
fluences = np.array(
    [
        laser(changed(device, {"pump.spot.length": spot})).modes[0].threshold_fluence
        for spot in spots.tolist()
    ]
)
for spot, fluence in zip(spots, fluences / (uJ / cm**2), strict=True):
    print(f"{spot:4.0f} µm: {fluence:.0f} µJ/cm²")

# %% [markdown]
# The steepness is the slope on double-logarithmic axes: next to nothing for long spots.

# %%
steepness = -np.diff(np.log(fluences)) / np.diff(np.log(spots))
print(f"steepness {steepness[0]:.3f} for long spots, {steepness[-1]:.2f} for short ones")
assert steepness[-1] > 5 * steepness[0]


# %%
def draw(axes):
    """Threshold fluence against the length of the spot."""
    axes.loglog(spots, fluences / (uJ / cm**2), "o-")
    axes.set(xlabel="length of the pump spot (µm)", ylabel="threshold fluence (µJ/cm²)")
    axes.set_xticks([50, 100, 200, 400, 800], ["50", "100", "200", "400", "800"])
    axes.set_yticks([100, 150, 200], ["100", "150", "200"])
    axes.minorticks_off()
    return axes


content = plots.picture(draw)
if __name__ == "__main__":
    (HERE / "07_pump_spot.png").write_bytes(content)
