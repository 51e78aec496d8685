"""Choosing dimensions: targets, tolerances, ladders, calibration.

.. include:: theory.md
"""
