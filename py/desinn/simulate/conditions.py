"""What goes wrong in a spectrograph, and how often: the parameters of an instrument."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Conditions:
    """How noisy, ill-calibrated and incomplete spectra are; the defaults are for training.

    Parameters
    ----------
    noise_curve : tuple of (float, float)
        Knots (wavelength in A, ln of a factor on sigma) that change the instrument's noise curve.
    noise_variation, blue_variation : float
        Scatter in ln of the variance from spectrum to spectrum: smooth over all wavelengths;
        below 4200 A besides.
    sky_brightness : (float, float)
        Range of the factor on the sky lines' share of the variance.
    source_noise : float
        The source's own photon noise: its variance over the sky's, per unit of S/N per 0.8 A.
    error_scale : (float, float)
        Range of true scatter over stated sigma.
    sky_common, sky_group : float
        Residuals at sky lines: of one sign in the whole spectrum; different in each few lines.
    offset, blue_offset : float
        Smooth light left over from the sky, in sigmas of a pixel of 0.8 A (the median one);
        below 3813 A and at an arm's weak spots besides (in those of its own wavelength).
    blue_residue : float
        Scatter of a constant that is left over all of the first arm, in sigmas of a pixel of
        0.8 A: what a deep coadd keeps of its exposures' errors.
    sky_residue : (float, float)
        Range, from spectrum to spectrum, of what is left at sky lines besides, in sigmas of the
        pixel where these make all of the noise; different in each pixel, with the tails of
        Student's t of three degrees of freedom.
    tilt, ripple, step : float
        Calibration, in ln of the flux: over the whole range, over some 200 A, between arms.
    resolution : float
        Factor on the resolving power.
    bad_pixels : float
        Fraction of single pixels that are masked.
    stretch, stretch_length : float and (float, float)
        Probability, per arm, of a masked stretch; range of its length in A.
    cut_blue, cut_red : (float, float)
        Probability that an end of the spectrum is dead; longest dead end, in dex.
    missing : float
        Probability that one of the arms is missing.
    spikes, spike_sigmas : float and (float, float)
        Probability of an unmasked cosmic ray; range of its height in sigmas of a pixel.
    neighbour, neighbour_fraction, neighbour_brightness : float and two (float, float)
        Probability that light of another spectrum of the batch leaks in; range of the fraction
        that does; range of how many times brighter than the target that one is.

    Examples
    --------
    >>> Conditions.clean(spikes=1.0).spikes
    1.0
    >>> Conditions.clean().missing
    0.0
    """

    noise_curve: tuple = ()
    noise_variation: float = 0.18
    blue_variation: float = 0.35
    sky_brightness: tuple = (0.6, 1.6)
    source_noise: float = 0.06
    error_scale: tuple = (0.9, 1.15)
    sky_common: float = 0.15
    sky_group: float = 0.15
    offset: float = 0.12
    blue_offset: float = 0.4
    blue_residue: float = 0.0
    sky_residue: tuple = (0.0, 0.0)
    tilt: float = 0.12
    ripple: float = 0.02
    step: float = 0.05
    resolution: float = 1.0
    bad_pixels: float = 0.001
    stretch: float = 0.05
    stretch_length: tuple = (1.0, 60.0)
    cut_blue: tuple = (0.05, 0.02)
    cut_red: tuple = (0.05, 0.012)
    missing: float = 0.025
    spikes: float = 0.15
    spike_sigmas: tuple = (3.0, 100.0)
    neighbour: float = 0.07
    neighbour_fraction: tuple = (0.005, 0.08)
    neighbour_brightness: tuple = (2.0, 10.0)

    @classmethod
    def clean(cls, **changes):
        """Return conditions under which only the stated noise is left, apart from `changes`.

        Parameters
        ----------
        **changes
            Parameters that are not to be off.

        Returns
        -------
        Conditions
        """
        off = dict.fromkeys(_SWITCHES, 0.0)
        ranges = {"sky_brightness": (1.0, 1.0), "error_scale": (1.0, 1.0)}
        ends = {"cut_blue": (0.0, 0.02), "cut_red": (0.0, 0.012)}
        return replace(cls(), **off | ranges | ends | changes)


_SWITCHES = (
    *("noise_variation", "blue_variation", "source_noise", "sky_common", "sky_group"),
    *("offset", "blue_offset", "tilt", "ripple", "step", "bad_pixels", "stretch", "missing"),
    *("spikes", "neighbour"),
)

SHIFTED = Conditions(
    noise_curve=((3600.0, 0.2), (4500.0, -0.1), (6000.0, 0.12), (7600.0, -0.12), (9800.0, 0.15)),
    noise_variation=0.22,
    sky_brightness=(1.0, 2.2),
    source_noise=0.08,
    error_scale=(0.95, 1.2),
    sky_common=0.22,
    sky_group=0.2,
    offset=0.15,
    tilt=0.17,
    ripple=0.03,
    step=0.08,
    resolution=0.85,
    spikes=0.2,
    neighbour=0.12,
    neighbour_fraction=(0.01, 0.1),
)
"""Another instrument than the one that training saw, for a test of what a network owes to it."""

DEEP = Conditions(blue_residue=0.25, sky_residue=(0.1, 1.2))
"""With what is left of the sky in deep coadds, which is more than in a single exposure."""

CONDITIONS = {
    "training": Conditions(),
    "deep": DEEP,
    "shifted": SHIFTED,
    "clean": Conditions.clean(),
}
"""Conditions by the names that recipes call them."""
