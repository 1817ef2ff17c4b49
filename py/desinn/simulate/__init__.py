"""Simulation: what the networks train on. Spectra and their truth, from a seed."""
