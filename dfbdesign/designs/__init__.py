"""Choosing dimensions: targets, tolerances, ladders, calibration."""
