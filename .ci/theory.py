"""The theory pages of the documentation: one per method, from what its modules say themselves."""

from dataclasses import dataclass
from importlib import import_module
from inspect import getdoc
from pathlib import Path

import dfbdesign

PACKAGE = Path(dfbdesign.__file__).parent


@dataclass(frozen=True)
class Method:
    """A method: what it is for, where its equations stand, and whom to read."""

    title: str
    words: str
    modules: str
    references: tuple[str, ...]
    overview: str = ""
    """Folder whose `theory.md` opens the page."""


KOGELNIK = "H. Kogelnik and C. V. Shank, J. Appl. Phys. 43, 2327 (1972)"
KAZARINOV = "R. F. Kazarinov and C. H. Henry, IEEE J. Quantum Electron. 21, 144 (1985)"
LI = "L. Li, J. Opt. Soc. Am. A 13, 1870 (1996): factorisation rules of Fourier methods"
CHEW = "W. C. Chew and W. H. Weedon, Microw. Opt. Technol. Lett. 7, 599 (1994)"

METHODS = {
    "one_period": Method(
        "One period: the Fourier modal method",
        "Complex Bloch modes of the infinite grating: wavelength, Q, confinement and gain of both "
        "band edges, and the bands around them.",
        "solvers.unit_cell solvers.modal solvers.lateral solvers.mode_search solvers.bands",
        (
            LI,
            "W.-J. Beyn, Linear Algebra Appl. 436, 3839 (2012): all zeros within a contour",
            "I. Babuška, B. A. Szabó and I. N. Katz, SIAM J. Numer. Anal. 18, 515 (1981)",
        ),
    ),
    "plane_layers": Method(
        "Plane layers: guided and leaky modes of slabs",
        "What the film guides where there are no lines, or once they are averaged away.",
        "solvers.slab solvers.multilayer solvers.multilayer_field",
        (
            "J. Chilwell and I. Hodgkinson, J. Opt. Soc. Am. A 1, 742 (1984)",
            "E. Anemogiannis and E. N. Glytsis, J. Lightwave Technol. 10, 1344 (1992)",
            "J. Haes et al., Opt. Quantum Electron. 29, 263 (1997): confinement in TM",
        ),
    ),
    "channels": Method(
        "Channel waveguides: ridges, strips and bends",
        "Modes of a cross-section, straight or bent, without the error of the grid.",
        "solvers.ridge_operator solvers.ridge_grid solvers.ridge_corner "
        "solvers.ridge_extrapolation",
        (
            "T. Weiland, AEU 31, 116 (1977)",
            "C. Kottke, A. Farjadpour and S. G. Johnson, Phys. Rev. E 77, 036611 (2008)",
            "J. B. Andersen and V. V. Solodukhov, IEEE Trans. Antennas Propag. 26, 598 (1978)",
            "M. Heiblum and J. H. Harris, IEEE J. Quantum Electron. 11, 75 (1975): bends",
            "L. F. Richardson, Philos. Trans. R. Soc. A 210, 307 (1911)",
            CHEW,
        ),
    ),
    "coupled_waves": Method(
        "Coupled waves: the finite grating, its thresholds and spectra",
        "From the two band edges of a period to the modes of a pumped device of any length, with "
        "chirp, shifts and facets.",
        "solvers.cell_coupling solvers.coupled_mode solvers.sections solvers.transfer_matrix "
        "lasers.waves lasers.cavity lasers.laser solvers.spectra solvers.facet",
        (
            KOGELNIK,
            KAZARINOV,
            "C. H. Henry, J. Lightwave Technol. 4, 288 (1986): noise of amplifying media",
            "T. Ikegami, IEEE J. Quantum Electron. 8, 470 (1972): facets",
        ),
    ),
    "finite_grating": Method(
        "The whole grating from Maxwell's equations",
        "The witness of the coupled waves: every line of the finite device, no coupling assumed.",
        "solvers.finite solvers.finite_slices solvers.finite_blocks solvers.finite_chain "
        "solvers.finite_search",
        (
            "A. T. Patera, J. Comput. Phys. 54, 468 (1984): spectral elements",
            CHEW,
            "R. Redheffer, J. Math. Phys. 41, 1 (1962): cascades of scattering matrices",
            "Y. Nakatsukasa, O. Sète and L. N. Trefethen, SIAM J. Sci. Comput. 40, A1494 (2018)",
        ),
    ),
    "plane_light": Method(
        "Plane light on a grating: reflected, transmitted, absorbed",
        "Dips and peaks seen from outside, and where the pump light goes.",
        "solvers.scattering gain.light",
        (LI,),
    ),
    "gain": Method(
        "Gain: from pump light to excitons to inversion, and how long it lasts",
        "Filling of the levels of quantum dots, with permanent electrons; spectra; recombination.",
        "gain.dots gain.pump gain.film gain.spectrum gain.rates gain.kinetics gain.stripe",
        (
            "D. E. McCumber, Phys. Rev. 136, A954 (1964): absorption and emission",
            "V. I. Klimov et al., Science 287, 1011 (2000): Auger recombination in dots",
            "K. L. Shaklee and R. F. Leheny, Appl. Phys. Lett. 18, 475 (1971): variable stripe",
            "J. C. Maxwell Garnett, Phil. Trans. R. Soc. A 203, 385 (1904)",
            "D. A. G. Bruggeman, Ann. Phys. 416, 636 (1935)",
            "L. Petzold, SIAM J. Sci. Stat. Comput. 4, 136 (1983): stiff equations",
        ),
    ),
    "cascade": Method(
        "Cascade: donors that hand their excitons on",
        "Films in which one kind of dot absorbs the pump and another emits.",
        "gain.cascade gain.published",
        (
            "The film that is modelled: `dfb reproduce` names the paper of every number",
            "V. I. Klimov et al., Science 287, 1011 (2000): Auger recombination in dots",
            "I. Moreels et al., ACS Nano 3, 3023 (2009): size and absorption of the dots",
        ),
    ),
    "light": Method(
        "Light in, light out: rate equations",
        "Pulses, thresholds, slopes and linewidths as an experiment would read them.",
        "lasers.rate_equations lasers.rate_steps lasers.overlap lasers.light_reading",
        (
            "C. H. Henry, IEEE J. Quantum Electron. 18, 259 (1982): spontaneous emission",
            "K. Petermann, IEEE J. Quantum Electron. 15, 566 (1979): its excess factor",
            "A. L. Schawlow and C. H. Townes, Phys. Rev. 112, 1940 (1958): linewidth",
            "A. Sandu et al., Atmos. Environ. 31, 3459 (1997): RODAS3",
        ),
    ),
    "beam": Method(
        "The beam: where the photons of a mode go",
        "Power balance, light through the surface, near field, far field, polarisation.",
        "solvers.cell_radiation lasers.output lasers.beam lasers.across",
        (KAZARINOV, KOGELNIK),
    ),
    "chip": Method(
        "Tolerance, ladders, calibration",
        "How far off a device will be, which devices to put on a chip, and what they tell.",
        "designs.spread designs.tolerance designs.response designs.ladder designs.calibration "
        "designs.sampling",
        (
            "O. Cappé et al., J. Comput. Graph. Stat. 13, 907 (2004): population Monte Carlo",
            "I. M. Sobol', USSR Comput. Math. Math. Phys. 7, 86 (1967): sequences for studies",
        ),
        overview="designs",
    ),
    "exposure": Method(
        "From design to dose: rounding, write fields, proximity",
        "What the electron beam makes of a drawing, and the laser of what was written.",
        "layout.gratings layout.fields layout.proximity layout.exposure verification.written",
        ("T. H. P. Chang, J. Vac. Sci. Technol. 12, 1271 (1975): proximity",),
        overview="layout",
    ),
    "time_domain": Method(
        "Time domain: MEEP as an independent witness",
        "How runs are set up, what is read off them, how sure that is, and the verdict.",
        "fdtd.nodes fdtd.cell fdtd.ringdown fdtd.extrapolation fdtd.edges verification.certificate",
        (
            "A. F. Oskooi et al., Comput. Phys. Commun. 181, 687 (2010): MEEP",
            "A. J. Ward and J. B. Pendry, J. Mod. Opt. 43, 773 (1996): stretched grids",
            "S. Y. Kung, K. S. Arun and D. V. Bhaskar Rao, J. Opt. Soc. Am. 73, 1799 (1983)",
            "P. J. Roache, J. Fluids Eng. 116, 405 (1994): uncertainty of grids",
        ),
        overview="fdtd",
    ),
}


def page(method: Method) -> str:
    """The page of a method: what it is for, equations module by module, references."""
    parts = [f"# {method.title}", method.words]
    if method.overview:
        text = (PACKAGE / method.overview / "theory.md").read_text(encoding="utf-8")
        parts.append(text.removeprefix("## Theory").partition("\n| ")[0].strip())
    for name in method.modules.split():
        title, _, rest = getdoc(import_module(f"dfbdesign.{name}")).partition("\n\n")
        own = rest.partition("\nExamples:")[0].strip()
        parts += [f"## {' '.join(title.split()).rstrip('.')}", f"`dfbdesign.{name}`", own]
    parts += ["## References", "\n".join(f"- {one}" for one in method.references)]
    return "\n\n".join(parts)


def pages() -> dict[str, str]:
    """The pages by name, the first of them leading to the others."""
    parts = ["# Theory", "One page per method, with its equations, symbols and references."]
    parts += [f"- [{one.title}](theory/{name}.html). {one.words}" for name, one in METHODS.items()]
    first = "\n\n".join(parts[:2]) + "\n\n" + "\n".join(parts[2:])
    return {"theory": first} | {f"theory.{name}": page(one) for name, one in METHODS.items()}
