"""What the sky adds: emission lines, absorption bands of the air, and what is left of them."""

import numpy as np

# Vacuum wavelength in A and strength of each line: its variance over that of the continuum, in
# the pixel of 0.8 A at its peak. [OI] 5577, NaI 5890 and 5897, [OI] 6300 and 6364, O2 at 8650,
# the rest OH. Wavelengths and strengths follow the stated ivar of dark DESI fibres, beyond
# 9824 A that of the 35 BOSS spectra that are for development. They lie 24 to 35 km/s
# below the laboratory's, probably because the spectra are in the sun's frame.
_LINES = """
5578.4 25  5890.9 4  5897.0 3  6301.5 16  6365.0 5  6499.9 2  6534.3 2  6554.9 2  6830.5 4
6835.6 3  6865.1 5  6950.4 4  6979.8 2  7242.0 10  7246.5 7  7254.6 2  7277.6 11  7285.9 4
7305.1 3  7317.7 8  7330.6 4  7342.3 9  7360.1 3  7370.8 7  7393.6 2  7403.3 5  7439.9 3
7474.9 2  7481.0 2  7484.9 2  7525.4 9  7532.0 3  7573.2 4  7714.0 7  7718.3 11  7727.1 2
7752.0 13  7761.4 4  7774.9 2  7781.9 3  7795.5 9  7809.9 4  7823.0 11  7842.7 3  7854.7 11
7862.0 5  7872.0 6  7880.4 3  7882.9 2  7891.3 6  7915.0 19  7922.5 7  7932.8 5  7950.6 4
7966.2 13  7980.9 5  7994.9 14  8015.7 4  8027.3 10  8053.4 3  8063.7 5  8104.1 2  8280.4 4
8283.1 8  8290.1 14  8300.1 14  8312.2 4  8346.0 41  8354.4 11  8366.3 4  8383.9 8  8400.8 27
8416.8 10  8431.8 33  8453.8 8  8467.0 20  8495.1 6  8506.4 11  8540.3 3  8550.4 5  8598.6 2
8626.5 3  8629.6 3  8633.6 3  8637.4 3  8652.1 3  8656.8 3  8661.6 4  8666.6 3  8671.8 3
8677.0 2  8762.9 17  8769.3 25  8779.6 26  8792.8 8  8828.6 66  8838.1 18  8851.4 5  8869.3 11
8887.5 47  8904.8 15  8921.4 52  8945.1 11  8959.8 32  8989.9 11  9003.0 22  9039.8 4  9051.3 9
9094.4 3  9104.6 4  9153.9 3  9162.6 3  9226.6 2  9309.5 47  9315.1 53  9318.3 7  9325.5 77
9339.9 12  9345.3 3  9377.8 137  9383.5 4  9388.7 7  9403.9 10  9421.6 17  9429.4 3  9441.9 133
9460.7 30  9478.5 76  9483.0 3  9504.2 25  9521.1 36  9538.3 2  9554.6 15  9569.0 39  9609.6 6
9622.7 13  9670.7 7  9683.2 14  9692.4 3  9701.1 17  9713.6 6  9721.7 25  9739.8 10  9747.7 3
9792.9 104  9801.6 19  9809.6 2  9813.8 6  9819.2 2  9850.5 8  9874.0 99  9898.0 12  9916.5 40
9943.5 23  9949.0 37  9959.5 31  9964.0 27  9972.0 7  9978.0 6  10004.5 3  10013.5 50
10018.0 41  10026.5 11  10046.0 4  10064.0 7  10073.0 2  10085.0 21  10106.0 8  10125.5 26
10156.0 7  10174.5 20  10190.5 7  10213.0 13  10229.5 5  10274.0 2  10289.0 65  10299.0 14
"""

LINES = np.array(_LINES.split(), np.float64).reshape(-1, 2)
"""(N, 2) wavelength in A and strength of the sky's lines."""

# An area that makes a strength the height in a DESI pixel, A.
_AREA = 2.0

# Lines whose residuals go together: neighbours, often of one OH band.
_GROUP = 3

# Where a line outshines the continuum so far, its ivar hides what is left of it.
_HIGHEST = 30.0

# Wavelength in A and transmission of the air: the B band, water, the A band, water.
_AIR = (
    *((6862.0, 1.0), (6870.0, 0.8), (6885.0, 0.87), (6925.0, 0.95), (6960.0, 1.0)),
    *((7165.0, 1.0), (7190.0, 0.95), (7300.0, 0.95), (7340.0, 1.0)),
    *((7590.0, 1.0), (7604.0, 0.4), (7622.0, 0.38), (7632.0, 0.6), (7655.0, 0.75), (7700.0, 1.0)),
    *((8130.0, 1.0), (8170.0, 0.94), (8280.0, 0.95), (8350.0, 1.0)),
)


def transmission(wave):
    """Return which part of the light the air's absorption bands let through.

    Those of the water beyond 9300 A are in the instruments' noise curves.

    Parameters
    ----------
    wave : array_like
        Wavelengths in A.

    Returns
    -------
    numpy.ndarray
        float64, in the shape of `wave`.
    """
    return np.interp(wave, *np.transpose(_AIR))


def glow(edges, sigma, strength=1.0):
    """Return the sky lines' variance over that of the continuum, by groups of lines.

    Parameters
    ----------
    edges : array_like
        (P + 1,) edges of the pixels in A.
    sigma : array_like
        (P,) resolution at each, A.
    strength : float, optional
        Factor on the strengths.

    Returns
    -------
    numpy.ndarray
        (G, P) float64; the sum over the groups is the whole.
    """
    from scipy.special import ndtr

    edges = np.asarray(edges)
    wave = LINES[:, :1]  # (N, 1)
    light = ndtr((edges[1:] - wave) / sigma) - ndtr((edges[:-1] - wave) / sigma)  # (N, P)
    lines = strength * _AREA * LINES[:, 1:] * light / np.diff(edges)
    return np.add.reduceat(lines, np.arange(0, len(lines), _GROUP))


def residual_shape(groups):
    """Return how the residuals of a sky subtraction look, in sigmas of the sky's continuum.

    Parameters
    ----------
    groups : numpy.ndarray
        (G, P) from `glow`.

    Returns
    -------
    numpy.ndarray
        (G, P), in proportion to the lines, but for the very brightest.
    """
    total = groups.sum(axis=0)
    return groups * np.minimum(1, _HIGHEST / np.maximum(total, 1e-30))
