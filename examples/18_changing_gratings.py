# %% [markdown]
# # Gratings that change along the cavity
#
# The first mode of a uniform grating piles up its light in the middle, where it uses up the gain.
# Chirp, weaker lines towards the ends and a quarter-wave shift change where light is, and which
# wavelengths come out. Below threshold the spectra show the stop band, and what leaves the surface.

# %%
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from dfbdesign import laser, laser_spectra, load_device, plots
from dfbdesign.device import Apodisation, PhaseShift, changed
from dfbdesign.units import cm, nm

HERE = Path(__file__).parent
device = load_device(HERE / "reference.toml")
period = device.grating.period
gratings = {
    "uniform": {},
    "quarter-wave shift": {
        "grating.phase_shifts": (PhaseShift(position=0.5, shift=period / 4),),
    },
    "chirped by 2 nm": {"grating.chirp": 2 * nm},
    "weaker at the ends": {"grating.apodisation": Apodisation(duty=(0.1, 0.35, 0.1))},
}

# %%
solved = {name: laser(changed(device, changes)) for name, changes in gratings.items()}
for name, found in solved.items():
    first, margin = found.modes[0], found.gain_margin
    print(
        f"{name:20} {first.origin:6} {first.wavelength / nm:.2f} nm, "
        f"{first.threshold_material_gain * cm:5.1f} 1/cm, next {margin * cm:4.1f} 1/cm of the mode "
        f"above, unevenness {first.hole_burning:.2f}"
    )

uniform, shifted, chirped, weaker = (found.modes[0] for found in solved.values())
edges = [edge.wavelength for edge in solved["uniform"].cell.band_edges]
assert uniform.origin == "dark"
assert shifted.origin == "gap"
assert edges[0] < shifted.wavelength < edges[1]
assert chirped.threshold_material_gain > 3 * uniform.threshold_material_gain
assert weaker.threshold_material_gain < 0.3 * uniform.threshold_material_gain

# %% [markdown]
# At 90 % of threshold: the grey band is where the endless uniform grating lets nothing pass. From
# the bright edge (left) light leaves the surface; the dark edge (right) lases, and shows less from
# above. The mode of the quarter-wave shift sits in the middle of the band and leaves upwards.

# %%
with mpl.rc_context(plots.STYLE):
    figure = Figure(figsize=(6.8, 5.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True).flat
    for axes, (name, found) in zip(panels, solved.items(), strict=True):
        plots.spectra(axes, laser_spectra(found, points=801))
        axes.get_legend().remove()
        axes.set_title(name, loc="left")
        axes.set(xlim=(1664, 1680), xticks=range(1664, 1681, 4), ylim=(1e-4, 1e3), ylabel="")
        axes.label_outer()
    figure.supylabel("photons per second and hertz, or share", fontsize=9)
    entries = axes.get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper center", ncols=4, columnspacing=1.2)
    figure.savefig(HERE / "18_spectra.png", dpi=160, metadata={"Software": None})
