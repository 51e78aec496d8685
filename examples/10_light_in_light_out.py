# %% [markdown]
# # Light in, light out: the two published lasers
#
# A pulse of 300 fs fills the dots; the light has to grow out of spontaneous emission before Auger
# recombination takes the gain away. The rate equations follow both. Lifetimes, losses and films are
# those measured on films; nothing here was fitted to a laser but the film index, to a wavelength.

# %%
from pathlib import Path

import numpy as np

from dfbdesign import plots
from dfbdesign.lasers.published_lasers import published_curve, threshold_range
from dfbdesign.units import cm, nJ, nm, uJ

HERE = Path(__file__).parent
UNIT = uJ / cm**2
MEASURED = {"neutral": 430, "doped": 160}

# %% [markdown]
# Duty and length of the grating are not printed. At a duty of 0.35 and a length of 500 µm:

# %%
curves = {kind: published_curve(kind) for kind in MEASURED}
for kind, curve in curves.items():
    just = int(np.searchsorted(curve.pump, 1.1 * curve.threshold))
    spectrum = curve.spectrum(just)
    print(
        f"{kind}: threshold {curve.threshold / UNIT:.0f} µJ/cm² (measured {MEASURED[kind]}), "
        f"without waiting for light {curve.static_threshold / UNIT:.0f}; just above it a pulse "
        f"{curve.width[just]:.1f} ps long after {curve.build_up[just]:.0f} ps, "
        f"{curve.output[just] / nJ:.3f} nJ upwards, {spectrum.peak / nm:.1f} nm, "
        f"{spectrum.width / nm:.2f} nm wide"
    )
    books = curve.simulation
    assert max(abs(books.exciton_gap).max(), abs(books.photon_gap).max()) < 1e-9

# %% [markdown]
# The ratio of the two thresholds needs neither duty nor length, as long as both have the same:

# %%
ratio = curves["neutral"].threshold / curves["doped"].threshold
print(f"ratio {ratio:.2f}, measured {430 / 160:.2f}")
assert 1 / 1.5 < ratio / (430 / 160) < 1.5

# %% [markdown]
# Which duty and length are consistent with the measured thresholds? The feedback vanishes near a
# duty of 0.5, where the threshold of a short grating rises.

# %%
found = {kind: threshold_range(kind) for kind in MEASURED}
for kind, one in found.items():
    low, high = one.threshold.min() / UNIT, one.threshold.max() / UNIT
    print(f"{kind}: {low:.0f} to {high:.0f} µJ/cm², measured {MEASURED[kind]}")
    for length, row in zip(one.length, one.threshold, strict=True):
        near = one.duty[abs(row / one.measured - 1) < 0.05].tolist()
        print(f"  {length:5.0f} µm: within 5 % of it at duty {near or 'none of these'}")
    assert low < MEASURED[kind] < high


# %%
doped = curves["doped"]
lit = int(np.searchsorted(doped.pump, 1.2 * doped.threshold))
pictures = {
    "10_light.png": lambda axes: plots.light_curve(axes, list(curves.values())),
    "10_pulses.png": lambda axes: plots.light_pulse(axes, doped, [lit, lit + 4, 33]),
    "10_spectrum.png": lambda axes: plots.light_spectrum(axes, doped, lit),
    "10_neutral_threshold.png": lambda axes: plots.threshold_ranges(axes, found["neutral"]),
    "10_doped_threshold.png": lambda axes: plots.threshold_ranges(axes, found["doped"]),
}
drawn = {name: plots.picture(draw) for name, draw in pictures.items()}
if __name__ == "__main__":
    for name, content in drawn.items():
        (HERE / name).write_bytes(content)
