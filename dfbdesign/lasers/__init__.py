"""Lasers: finite devices, their pump, thresholds and spectra.

.. include:: theory.md
"""
