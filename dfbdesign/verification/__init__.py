"""Independent witnesses: MEEP beside our solvers, the written pattern beside the drawn."""
