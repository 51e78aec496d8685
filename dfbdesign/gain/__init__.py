"""Electrons and dots: how a pumped film of quantum dots turns pump light into optical gain.

| module | from | to |
|---|---|---|
| `dots` | mean excitons per dot, doping | level occupations, inversion, transparency |
| `pump` | pump fluence, layer stack | excitons per dot, absorbed fraction of each layer |
| `film` | a published film, by name | its numbers with their sources; gain against fluence |

Fluences are in pJ/µm², gains and absorptions are power coefficients in 1/µm. Only the state right
after a pump pulse much shorter than every recombination is described here: nothing decays.
"""
