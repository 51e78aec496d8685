"""Lasers: finite devices, their pump, thresholds and spectra."""
