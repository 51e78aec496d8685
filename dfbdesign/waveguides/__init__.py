"""Waveguides without gratings: channels, bends, couplers, plain films."""
