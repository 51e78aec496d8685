"""Electrons and dots: how a pumped film of quantum dots turns pump light into optical gain.

| module | from | to |
|---|---|---|
| `dots` | mean excitons per dot, doping | level occupations, inversion, transparency |
| `pump` | pump fluence, layer stack | excitons per dot, absorbed fraction of each layer |
| `film` | a published film, by name | its numbers with their sources; gain against fluence |
| `light` | layers, lines, angle, polarisation | where the power of plane light goes |
| `rates` | lifetimes | how fast excitons recombine |
| `kinetics` | pump pulse or continuous light | exciton numbers in time; how long gain lasts |
| `cascade` | donors and emitters | excitons handed on, thresholds against pump wavelength |
| `spectrum` | line widths, doping, pump | gain and index spectra; effective media |
| `stripe` | gain spectrum, stripe length | amplified spontaneous emission and its width |
| `measure` | measured or simulated curves | gain, loss, thresholds, lifetimes with intervals |
| `fitting` | a law, measured points | best numbers, intervals |
| `table`, `analysis` | a CSV file | its columns; its fit |
| `published` | the films of two papers | what follows from their models |

Fluences are in pJ/µm², gains and absorptions are power coefficients in 1/µm. `dots`, `pump`
and `film` describe the state right after a pulse much shorter than every recombination; what
follows is in `kinetics` and `cascade`.

.. include:: theory.md
"""
