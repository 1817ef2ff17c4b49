"""Parametric spectra of stars, for where no templates are: black bodies behind named features."""

from typing import NamedTuple

import numpy as np

from .profiles import bands, edge, lines

_RYDBERG = 1.0967758e-3  # of hydrogen, 1 / A
_LIMIT = 4 / _RYDBERG  # of the Balmer series, A
_JUMP = _LIMIT + 60, 45  # where it is seen, as the highest lines run together, and how wide, A
_HC_K = 1.43877688e8  # A K
_PIVOT = 5500.0  # A

BALMER = 1 / (_RYDBERG * (0.25 - 1 / np.arange(3.0, 16) ** 2))
"""(13,) float64 Balmer lines from H-alpha on, A (vacuum)."""

HELIUM = (3889.7, 4027.3, 4472.7, 4923.3, 5017.1, 5877.2, 6680.0, 7067.1)
"""Lines of neutral helium, A (vacuum)."""

CALCIUM = (3934.8, 3969.6, 8500.4, 8544.4, 8664.5)
"""Lines of ionised calcium: K, H and the infrared triplet, A (vacuum)."""

METALS = (4227.9, 4384.8, 5168.8, 5174.1, 5185.0, 5271.0, 5329.5, 5891.6, 5897.6)
"""Lines of cool atmospheres: CaI, FeI, MgI b, FeI, NaI D, A (vacuum)."""

TITANIUM_OXIDE = (4761, 4954, 5167, 5448, 5847, 6158, 6651, 7053, 7589, 8432, 8859)
VANADIUM_OXIDE = (7334, 7851, 8521)
C2 = (4382, 4737, 5165, 5635, 6122)
CN = (6925, 7876, 9140)
HYDRIDES = (8611, 9300, 9896)
"""Heads of CrH, H2O and FeH, A."""


class Kind(NamedTuple):
    """What makes a kind of star.

    Parameters
    ----------
    temperature : tuple of float
        Coolest and hottest, K; drawn evenly in the logarithm.
    depths : dict
        Feature -> central optical depths of the coolest and of the hottest star.
    glow : tuple of float
        Height of emission lines over the continuum: least and greatest (drawn evenly in the
        logarithm); zeros for none.
    """

    temperature: tuple
    depths: dict
    glow: tuple = (0, 0)


KINDS = {
    "B": Kind((10500, 25000), {"balmer": (1.1, 0.5), "jump": (0.7, 0.15), "helium": (0.02, 0.2)}),
    "A": Kind((7500, 10500), {"balmer": (0.9, 1.3), "jump": (0.55, 0.8), "calcium": (0.7, 0.1)}),
    "F": Kind(
        (6000, 7500),
        {"balmer": (0.4, 0.8), "jump": (0.3, 0.5), "calcium": (1.5, 0.7), "metals": (0.4, 0.15),
         "g band": (0.4, 0.1)},
    ),
    "G": Kind(
        (5200, 6000),
        {"balmer": (0.2, 0.4), "jump": (0.3, 0.3), "calcium": (2.2, 1.5), "metals": (0.8, 0.4),
         "g band": (0.6, 0.4)},
    ),
    "K": Kind(
        (3900, 5200),
        {"balmer": (0.05, 0.2), "calcium": (2.5, 2.2), "metals": (1.5, 0.8),
         "g band": (0.4, 0.6), "tio": (0.3, 0)},
    ),
    "M": Kind(
        (2500, 3900),
        {"tio": (1.8, 0.5), "vo": (0.8, 0), "metals": (2, 1.3), "hydrides": (0.4, 0)},
    ),
    "BHB": Kind((8000, 12500), {"balmer": (0.9, 1), "jump": (0.7, 0.5), "calcium": (0.1, 0)}),
    "DA": Kind((6000, 50000), {"stark": (0.7, 0.5), "jump": (0.25, 0.05)}),
    "DB": Kind((12000, 30000), {"broad helium": (0.3, 0.5)}),
    "DC": Kind((4000, 11000), {}),
    "CV": Kind((9000, 30000), {"stark": (0.15, 0.05)}, glow=(0.2, 3)),
    "CARBON": Kind((2900, 4500), {"c2": (1.5, 0.7), "cn": (0.7, 0.3), "metals": (1, 0.5)}),
    "LDWARF": Kind(
        (1500, 2400),
        {"hydrides": (1.2, 0.6), "potassium": (3, 1.5), "vo": (0.2, 0.8), "tio": (0.1, 0.6)},
    ),
}  # fmt: skip
"""Kind of star -> what makes it; values chosen to look like the types' means."""

WHITE_DWARFS = {"DA": 0.76, "DB": 0.12, "DC": 0.12}
"""What the white dwarfs are, by number."""

SCATTER = 0.25
"""Scatter of all depths about the run with temperature, in the natural logarithm."""


class Atmospheres:
    """Parametric stars on given wavelengths.

    Parameters
    ----------
    wave : numpy.ndarray
        (R,) float64 wavelengths, A.
    """

    def __init__(self, wave):
        self.wave = wave
        self._features = {name: tau.astype("f4") for name, tau in _features(wave).items()}
        self._glow = _glow(wave).astype("f4")

    def draw(self, rng, kind, n):
        """Draw stars of one kind.

        Parameters
        ----------
        rng : numpy.random.Generator
        kind : str
            One of `KINDS`, or "WD" for a mix of `WHITE_DWARFS`.
        n : int
            How many.

        Returns
        -------
        numpy.ndarray
            (n, R) float32 f_lambda, arbitrary units, positive.
        """
        if kind == "WD":
            names = rng.choice(list(WHITE_DWARFS), n, p=list(WHITE_DWARFS.values()))
            flux = np.empty((n, self.wave.size), "f4")
            for name in np.unique(names):
                flux[names == name] = self.draw(rng, str(name), int((names == name).sum()))
            return flux
        warmth = rng.random(n)  # 0 for the coolest, 1 for the hottest
        low, high = np.log(KINDS[kind].temperature)
        flux = black_body(self.wave, np.exp(low + (high - low) * warmth))
        flux *= np.exp(-self._depth(rng, KINDS[kind].depths, warmth))
        if any(KINDS[kind].glow):
            flux *= 1 + self._emission(rng, KINDS[kind].glow, n)
        return flux

    def _depth(self, rng, depths, warmth):
        """Return the optical depth (n, R) of all features of a kind."""
        depth = np.zeros((len(warmth), self.wave.size), "f4")
        for name, (cool, hot) in depths.items():
            strength = (cool + (hot - cool) * warmth) * rng.lognormal(0, SCATTER, len(warmth))
            depth += strength.astype("f4")[:, None] * self._features[name]
        return depth

    def _emission(self, rng, glow, n):
        """Return the emission (n, R) over the continuum: narrow and broad in any proportion."""
        height = np.exp(rng.uniform(*np.log(glow), n))
        share = rng.random(n)
        weights = height[:, None] * np.stack([share, 1 - share], axis=1)  # (n, 2)
        return weights.astype("f4") @ self._glow


def black_body(wave, temperature):
    """Return black bodies, 1 at 5500 A.

    Parameters
    ----------
    wave : numpy.ndarray
        (R,) wavelengths, A.
    temperature : numpy.ndarray
        (n,) K.

    Returns
    -------
    numpy.ndarray
        (n, R) float32 f_lambda.
    """
    exponent = _HC_K / np.asarray(temperature, "f8")[:, None]
    ratio = np.expm1(exponent / _PIVOT) / np.expm1(exponent / wave)
    return (ratio * (_PIVOT / wave) ** 5).astype("f4")


def _features(wave):
    """Return the optical depth (R,) of each feature, of strength 1."""
    return {
        "balmer": _series(wave, BALMER, 9, 2.2),
        "stark": _series(wave, BALMER[:7], 28, 2.5),  # the higher ones are dissolved
        "jump": edge(wave, *_JUMP),
        "helium": lines(wave, HELIUM, 4),
        "broad helium": lines(wave, HELIUM, 22, 2.5),
        "calcium": lines(wave, CALCIUM, 5) + lines(wave, CALCIUM[:2], 10),
        "metals": lines(wave, METALS, 5) + 0.6 * lines(wave, [5175], 40, 4),
        "g band": lines(wave, [4305], 14, 6),
        "tio": bands(wave, TITANIUM_OXIDE, 130),
        "vo": bands(wave, VANADIUM_OXIDE, 150),
        "c2": bands(wave, C2, -160),
        "cn": bands(wave, CN, 180),
        "hydrides": bands(wave, HYDRIDES, 220),
        "potassium": lines(wave, [7667, 7701], 120) + 0.8 * lines(wave, [5894], 300),
    }


def _series(wave, centres, width, power):
    """Return Balmer lines (R,): the higher the weaker; beyond the limit is the jump instead."""
    weights = np.minimum(1, (centres / 4300) ** 3)
    profiles = [lines(wave, [centre], width, power) for centre in centres]
    return (weights @ np.array(profiles)) * (1 - edge(wave, *_JUMP))


def _glow(wave):
    """Return emission (2, R) of hydrogen and helium, narrow and broad, 1 at H-alpha."""
    weights = np.concatenate([np.ones(3), np.full(BALMER.size - 3, 0.7), np.full(8, 0.25), [0.4]])
    centres = np.concatenate([BALMER, HELIUM, [4687.0]])[:, None]  # HeII as the last
    narrow, broad = (
        (weights[:, None] * np.exp(-0.5 * ((wave / centres - 1) / sigma) ** 2)).sum(axis=0)
        for sigma in (0.0015, 0.004)  # 450 and 1200 km/s
    )
    return np.stack([narrow, broad])
