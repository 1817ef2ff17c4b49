"""Small results with a known truth, for tests of what is said of them."""

import numpy as np

from desinn.spectra import LINES

KNOWN = [
    ("TARGETID", "i8"),
    ("TRUESPECTYPE", "U8"),
    ("TRUESUBTYPE", "U12"),
    ("TRUEZ", "f8"),
    ("SNR", "f4"),
    ("BI", "f4"),
    ("AI", "f4"),
]
NAMES = [*LINES, "CIV_BAL"]
FOUND = (
    [("TARGETID", "i8"), ("IS_QSO_QN", "i2"), ("Z_QN", "f8"), ("Z_QN_CONF", "f4")]
    + [(f"C_{name}", "f4") for name in NAMES]
    + [(f"Z_{name}", "f8") for name in NAMES]
    + [("QN_FLAG", "i4")]
)


def truth_of(rows):
    """Return a truth table from (class, subtype, z, S/N, BI)."""
    table = np.zeros(len(rows), KNOWN)
    for i, row in enumerate(rows):
        table[i] = (100 + i, *row, row[-1])
    return table


def found_of(rows):
    """Return a catalogue from (z, confidence, confidence of CIV_BAL); z None is not run."""
    table = np.zeros(len(rows), FOUND)
    table["TARGETID"] = 100 + np.arange(len(rows))
    for entry, (z, confidence, bal) in zip(table, rows, strict=True):
        run = z is not None
        z, confidence, bal = (z, confidence, bal) if run else (np.nan,) * 3
        entry["IS_QSO_QN"] = (confidence > 0.5) if run else -1
        entry["Z_QN"], entry["Z_QN_CONF"] = z, confidence
        entry["QN_FLAG"] = 0 if run else 1
        for name in NAMES:
            entry[f"Z_{name}"], entry[f"C_{name}"] = z, 0.25 * confidence
        entry["C_MgII"], entry["C_CIV_BAL"] = confidence, bal
    return table


TRUTH = truth_of(
    [
        ("QSO", "", 1.0, 3.0, 0),
        ("QSO", "BAL", 2.0, 1.5, 500),
        ("QSO", "BAL", 2.0, 0.7, 900),
        ("QSO", "", 2.2, 0.3, 0),
        ("QSO", "", 0.5, 3.0, 0),
        ("STAR", "M", 0.0, 3.0, 0),
        ("STAR", "A", 0.0, 1.5, 0),
        ("GALAXY", "", 0.4, 0.7, 0),
        ("SKY", "", 0.0, 0.0, 0),
        ("SKY", "", 0.0, 0.0, 0),
    ]
)
Z_OFF = 0.001
FOUND_ROWS = found_of(
    [
        (1.0 + 2 * Z_OFF, 0.999, 0.1),  # dv = 300 km/s
        (2.0 + 3 * Z_OFF, 0.97, 0.93),  # the same
        (0.9, 0.6, 0.3),  # catastrophic
        (2.2, 0.3, 0.6),  # missed
        (None, 0, 0),  # not run: missed
        (1.1, 0.7, 0.0),  # false
        (0.1, 0.2, 0.0),
        (0.4, 0.1, 0.0),
        (3.0, 0.96, 0.0),  # false, in a sky fibre
        (3.0, 0.01, 0.0),
    ]
)
