"""Maxwell's equations, several independent ways.

The solvers share no code, so they can confirm each other.

| module | solves |
|---|---|
| `slab` | modes of a device's layers (with `multilayer` and `multilayer_field`) |
| `unit_cell` | one period: complex Bloch modes, coupling, radiation |
| `coupled_mode` | uniform gratings in closed form |
| `transfer_matrix` | any sequence of grating sections |
| `finite` | a whole finite grating from Maxwell's equations (with `finite_slices` and others) |

.. include:: theory.md
"""
