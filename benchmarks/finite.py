"""The rigorous finite solver: time against the number of periods, beside coupled modes and MEEP.

The grating, in constant indices: 50 nm lines of n = 2.42 in a film of n = 2.53, 160 nm of film
above, period 865 nm, duty 0.3, on n = 1.746: kappa is 103 per cm. The last part runs MEEP on 160
periods at three resolutions (minutes) if it is installed; `--no-meep` leaves it out.

Last run, 21 November 2026, two cores shared with others at a load of eight (times are processor
times of one core). The last rows of MEEP are from a run of the same grating that day by itself on
two ranks, on a uniform grid with margins of its own. It is now run as `dfb verify --level finite`
does, on grids that fit the walls. Their error in Q is larger at this small contrast (the uneven
pixels are probably a weak grating themselves), so that the usual three grids decide the wavelength
alone.

     periods   condition   4 modes  per mode   wavelength          Q
          20     19.1 ms    3.57 s    0.89 s 1688.7150 nm       19.2
          80     25.8 ms    3.76 s    0.94 s 1680.5057 nm      139.7
         160     31.2 ms    3.48 s    0.87 s 1678.1815 nm      450.8
         580     40.0 ms    4.58 s    1.14 s 1676.4365 nm     7578.6
        2320     39.2 ms    5.96 s    1.49 s 1676.1512 nm   366087.1
        4640     42.5 ms    5.09 s    1.27 s 1676.1344 nm  2699809.5

    160 periods              wavelength        Q         gain
    rigorous               1678.1815 nm   450.83  299.49 1/cm
    coupled modes          1678.1871 nm   451.00  299.65 1/cm
    rigorous               1670.0545 nm   449.49  317.90 1/cm
    coupled modes          1670.0548 nm   449.36  318.99 1/cm

    cold mode                   rigorous          MEEP   uncertainty
    wavelength                 1678.2429     1678.2327        0.0846  agrees
        on each grid: 1680.2301, 1679.0892, 1678.7145
    quality factor              450.8342      471.9381      162.5398  undecided
        on each grid: 1004.7159, 663.1820, 563.3131

    cold mode, uniform grid
    MEEP, 16 per period    1683.0639 nm   435.94
    MEEP, 24 per period    1680.3626 nm   444.35     100 s
    MEEP, 32 per period    1679.4290 nm   447.01     118 s
    MEEP, 16 and 24        1678.2015 nm   451.32   apart -2.5e-05, +1.1e-03
    MEEP, 24 and 32        1678.2287 nm   450.48   apart -8.5e-06, -7.7e-04
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import sys
import time

from dfbdesign import Device, Grating, Layer, Lines, MeepMissing, Target, laser
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.units import cm, nm
from dfbdesign.verification.finite import verify_finite

PERIOD = 865 * nm


def grating(periods: int) -> Device:
    lines = Lines(material=2.42, duty=0.3)
    return Device(
        substrate=1.746,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, gain=True, lines=lines),
            Layer(thickness=160 * nm, material=2.53, gain=True),
        ],
        grating=Grating(period=PERIOD, length=periods * PERIOD),
        target=Target(wavelength=1670 * nm),
    )


def against_periods() -> None:
    """One condition for a mode (degree 9), and four converged modes with thresholds, to 1e-5."""
    print(
        f"{'periods':>8}{'condition':>12}{'4 modes':>10}{'per mode':>10}{'wavelength':>13}{'Q':>11}"
    )
    for periods in (20, 80, 160, 580, 2320, 4640):
        device = grating(periods)
        start = time.process_time()
        modes = finite_modes(device, count=4, accuracy=1e-5)
        seconds = time.process_time() - start
        solved, start = modes[0].solved, time.process_time()
        for _ in range(10):
            solved.chain.at(solved.wavenumber, solved.about, solved.gain).mismatch()
        condition = (time.process_time() - start) / 10
        print(
            f"{periods:8}{condition * 1e3:9.1f} ms{seconds:8.2f} s{seconds / len(modes):8.2f} s"
            f"{modes[0].wavelength / nm:10.4f} nm{modes[0].quality_factor:11.1f}"
        )


def beside_coupled_modes() -> None:
    """Wavelength, Q and threshold of the first modes of 160 periods."""
    modes = finite_modes(grating(160), count=4)
    coupled = sorted(laser(grating(160)).modes, key=lambda mode: mode.threshold_material_gain)
    print(f"\n{'160 periods':22}{'wavelength':>13}{'Q':>9}{'gain':>13}")
    for mode, other in zip(modes, coupled, strict=False):
        for name, wavelength, quality, gain in (
            ("rigorous", mode.wavelength, mode.quality_factor, mode.threshold.gain),
            (
                "coupled modes",
                other.wavelength,
                other.cold_quality_factor,
                other.threshold_material_gain,
            ),
        ):
            print(f"{name:22}{wavelength / nm:10.4f} nm{quality:9.2f}{gain * cm:8.2f} 1/cm")


def beside_meep() -> None:
    """The first cold mode of 160 periods by MEEP, on three grids."""
    try:
        found = verify_finite(grating(160), "modes", force=True)
    except MeepMissing as missing:
        print(missing)
        return
    print(f"\n{'cold mode':22}{'rigorous':>14}{'MEEP':>14}{'uncertainty':>14}")
    for one in found.comparisons:
        unit = nm if one.quantity == "wavelength" else 1.0
        grids = ", ".join(f"{value / unit:.4f}" for value in one.time_domain.by_resolution)
        numbers = one.solver, one.fdtd, one.fdtd_uncertainty
        row = "".join(f"{value / unit:14.4f}" for value in numbers)
        print(f"{one.quantity:22}{row}  {one.verdict}\n    on each grid: {grids}")


def main() -> None:
    against_periods()
    beside_coupled_modes()
    if "--no-meep" not in sys.argv:
        beside_meep()


if __name__ == "__main__":
    main()
