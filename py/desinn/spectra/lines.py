"""Rest wavelengths of the quasar emission lines that the networks know."""

from types import MappingProxyType

#: Rest wavelength in Angstrom of each line, in the order of QuasarNET's outputs.
#:
#: The values are those the published QuasarNET was trained with (Busca & Balland 2018,
#: arXiv:1808.09955, and the public QuasarNET repository), not the best laboratory ones: a network
#: learns the redshift that its lines define, so other values would shift every redshift.
LINES = MappingProxyType(
    {
        "LYA": 1215.67,
        "CIV": 1548.2049,
        "CIII": 1908.734,
        "MgII": 2796.3511,
        "Hbeta": 4862.68,
        "Halpha": 6562.8,
    }
)

C_KMS = 299792.458
"""Speed of light, km/s."""
