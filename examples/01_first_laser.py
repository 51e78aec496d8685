# %% [markdown]
# # The reference laser: from a device file to the mode that lases
#
# The device is the published PbS/PbSSe quantum-dot laser: 50 nm TiO2 lines on c-plane sapphire
# under 160 nm of film, second order. We ask three questions: where are its two band edges, which
# of the modes of the 500 µm device lases, and at which pump fluence?

# %%
from pathlib import Path

import numpy as np

from dfbdesign import laser, load_device, modes, plots
from dfbdesign.units import cm, nm, uJ

HERE = Path(__file__).parent
device = load_device(HERE / "reference.toml")

# %% [markdown]
# The infinite grating has two band edges. The bright one radiates through the surface and so has a
# finite Q. The dark one cannot radiate: in an infinite grating it would lase at no gain at all,
# which is why the finite device must be solved.

# %%
cell = modes(device)
for mode in cell.modes:
    print(f"{mode.label}: {mode.wavelength / nm:.2f} nm, Q {mode.quality_factor:.0f}")
print(f"kappa {cell.kappa * cm:.0f} 1/cm, group index {cell.n_group:.3f}")

# %% [markdown]
# In the finite device the dark mode leaks at the ends, and still lases first.

# %%
result = laser(device)
first = result.modes[0]
fluence = first.threshold_fluence / (uJ / cm**2)
print(
    f"{first.origin} mode at {first.wavelength / nm:.1f} nm: {first.excitons_per_dot:.2f} excitons "
    f"per dot, {fluence:.0f} µJ/cm²"
)
assert first.origin == "dark"

# %%
wavevectors = np.linspace(0.001, 0.008, 8)
bands = [cell, *(modes(device, q) for q in wavevectors)]
pictures = {
    "stack": plots.picture(lambda axes: plots.stack(axes, cell.band_edges[1]), height=2.4),
    "bands": plots.picture(lambda axes: plots.bands(axes, bands, device.target.wavelength)),
    "thresholds": plots.picture(lambda axes: plots.threshold_modes(axes, result.modes)),
}
if __name__ == "__main__":
    for name, content in pictures.items():
        (HERE / f"01_{name}.png").write_bytes(content)
