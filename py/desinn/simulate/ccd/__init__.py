"""Exposures of fibre spectrographs as their CCDs record them, and the truth on cosmic rays."""
