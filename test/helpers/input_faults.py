"""Files of which one thing is wrong: name -> what makes them, and what has to be said."""

import numpy as np

from . import boss_file, damage
from .input_files import coadd_hdus, frame_hdus, write_coadd, write_frame, write_hdus


def _coadd(**changes):
    """Return what writes a coadd with some HDUs changed; None drops one."""

    def write(path):
        hdus = coadd_hdus()
        for name, change in changes.items():
            hdus[name] = change(hdus[name]) if callable(change) else change
        write_hdus(path, {name: array for name, array in hdus.items() if array is not None})

    return write


def _frame(cards=None, **changes):
    """Return what writes an exposure with some HDUs changed; None drops one."""

    def write(path):
        hdus = frame_hdus()
        for name, change in changes.items():
            hdus[name] = change(hdus[name]) if callable(change) else change
        hdus = {name: array for name, array in hdus.items() if array is not None}
        cards_of_image = {"CAMERA": "r0", "EXPID": 7} if cards is None else cards
        write_hdus(path, hdus, **cards_of_image)

    return write


def _bytes(write, change):
    """Return what writes a file and then changes its bytes."""

    def write_changed(path):
        write(path)
        path.write_bytes(change(path.read_bytes()))

    return write_changed


def _named(write, **names):
    return _bytes(write, lambda content: damage.renamed(content, names))


def _column(name, kind):
    """Return what gives a column of a table another dtype."""

    def change(table):
        dtype = [(n, kind if n == name else table.dtype[n]) for n in table.dtype.names]
        return table.astype(dtype)

    return change


def _longer(array):
    return np.append(array, array[-1:] + 10, axis=0)


def _bomb(name, **cards):
    """Return what writes 1.5 MB of gzip that hold an image of 1.6 GB, of zeros."""
    cards = {"SIMPLE": "T", "BITPIX": -32, "NAXIS": 2, "NAXIS1": 20000, "NAXIS2": 20000,
             "EXTNAME": f"'{name:<8}'", **cards}  # fmt: skip
    header = "".join(f"{key:<8}= {value:>20}".ljust(80) for key, value in cards.items())
    content = (header + "END").ljust(2880).encode()
    return lambda path: path.write_bytes(damage.inflating(content, 1526))


def _hole(path):
    """Write a whole file with an image of 1.6 GB, for which the disk has no block."""
    write_frame(path)
    content = path.read_bytes()
    _, start, end = damage.ends_of(content)[0]
    header = damage.with_cards(content, "IMAGE", {"NAXIS1": 20000, "NAXIS2": 20000})[:start]
    with open(path, "wb") as file:
        file.write(header)
        file.seek(-(-4 * 20000**2 // 2880) * 2880, 1)
        file.write(content[end:])


def _cut(write, part):
    return _bytes(write, lambda content: content[: int(part * len(content))])


def _spec(change):
    """Return what writes an SDSS spec file with the bytes changed."""
    return _bytes(boss_file.write_spec, change)


def _spplate(**header):
    return lambda path: boss_file.write_spplate(path, header=header)


SPECTRA = {
    "no-flux": (_coadd(R_FLUX=None), "camera r: missing HDU R_FLUX"),
    "no-wavelength": (_coadd(B_WAVELENGTH=None), "camera b: missing HDU B_WAVELENGTH"),
    "renamed": (_named(write_coadd, Z_IVAR="Z_INVVAR"), "camera z: missing HDU Z_IVAR"),
    "swapped": (
        _named(write_coadd, B_FLUX="B_WAVELENGTH", B_WAVELENGTH="B_FLUX"),
        "camera b: wave: expected shape (W,) with W > 0, found (6, 221)",
    ),
    "cameras-swapped": (
        _named(write_coadd, B_FLUX="R_FLUX", R_FLUX="B_FLUX"),
        "camera b: flux: expected shape (B, 221), found (6, 187)",
    ),
    "twice": (_named(write_coadd, R_MASK="B_MASK"), "expected one HDU B_MASK, found two"),
    "fibermap-flux": (
        _named(write_coadd, FIBERMAP="B_FLUX", B_FLUX="FIBERMAP"),
        "expected an image in HDU B_FLUX, found none",
    ),
    "wave-longer": (_coadd(B_WAVELENGTH=_longer), "camera b: flux: expected shape (B, 222)"),
    "wave-shorter": (
        _coadd(R_WAVELENGTH=lambda wave: wave[:-1]),
        "camera r: flux: expected shape (B, 186), found (6, 187)",
    ),
    "wave-backwards": (
        _coadd(Z_WAVELENGTH=lambda wave: wave[::-1].copy()),
        "camera z: wave: expected strictly increasing wavelengths",
    ),
    "wave-nan": (_coadd(B_WAVELENGTH=lambda wave: wave * np.nan), "wave: expected positive"),
    "one-row-less": (_coadd(R_IVAR=lambda ivar: ivar[:-1]), "camera r: ivar: expected the shape"),
    "cameras-differ": (
        _coadd(**{f"R_{part}": (lambda a: a[:4]) for part in ("FLUX", "IVAR", "MASK")}),
        "camera r: expected 6 rows, one per targetid, found 4",
    ),
    "fibermap-shorter": (
        _coadd(FIBERMAP=lambda table: table[:5]),
        "camera b: expected 5 rows, one per targetid, found 6",
    ),
    "mask-of-floats": (
        _coadd(B_MASK=lambda mask: mask.astype("f4")),
        "camera b: mask: expected integers, found dtype float32",
    ),
    "cube": (_coadd(B_FLUX=lambda flux: flux[None]), "flux: expected shape (B, 221), found (1,"),
    "targetid-of-floats": (
        _coadd(FIBERMAP=_column("TARGETID", "f8")),
        "targetid: expected integers of shape (B,), found float64",
    ),
    "targetid-of-text": (
        _coadd(FIBERMAP=_column("TARGETID", "S12")),
        "targetid: expected integers of shape (B,), found <U12",
    ),
    "fiberstatus-of-text": (
        _coadd(FIBERMAP=_column("FIBERSTATUS", "S4")),
        "column FIBERSTATUS: expected integers, found dtype <U4",
    ),
    "no-targetid": (
        _coadd(FIBERMAP=lambda table: np.zeros(6, [("FIBER", "i4"), ("Z", "f8")])),
        "fibermap: expected a column TARGETID, found FIBER, Z",
    ),
    "a-million-rows": (
        _bytes(write_coadd, lambda c: damage.with_cards(c, "B_FLUX", {"NAXIS2": 10**6})),
        "truncated or damaged: expected ",
    ),
    "nothing-but-headers": (
        lambda path: write_hdus(path, {"EMPTY": np.zeros(1, [("A", "i4")])}),
        "expected a DESI coadd or spectra file (HDUs like B_FLUX)",
    ),
    "half": (_cut(write_coadd, 0.5), "truncated or damaged: expected "),
    "no-end": (_cut(write_coadd, 0.999), "truncated or damaged: expected "),
    "empty": (lambda path: path.write_bytes(b""), "not a readable FITS file"),
    "text": (lambda path: path.write_bytes(b"B_FLUX\n" * 999), "not a readable FITS file"),
    "folder": (lambda path: path.mkdir(), "is a folder, expected a file"),
    "not-there": (lambda path: None, "there is no such file"),
    "bomb": (_bomb("B_FLUX"), "expected at most 1073741824 bytes unpacked, found 16001"),
    "spec-no-fibre": (
        lambda path: boss_file.write_spec(path, row={"PLATE": "a"}),
        "plate: expected integers, found dtype ",
    ),
    "spec-wave": (
        _spec(lambda c: damage.with_cards(c, "COADD", {"TTYPE2": "'LAMBDA  '"})),
        "expected a DESI coadd or spectra file",
    ),
    "plate-start": (
        _spplate(COEFF0="blue"),
        "expected keyword COEFF0 with a number, found 'blue'",
    ),
    "plate-step": (
        _spplate(COEFF1=1e300),
        "camera boss: wave: expected positive numbers, found inf at pixel 1",
    ),
    "plate-mjd": (_spplate(MJD="today"), "mjd: expected integers, found dtype "),
}

FRAMES = {
    "no-ivar": (_frame(IVAR=None), "missing HDU IVAR; found IMAGE, MASK, READNOISE"),
    "renamed": (_named(write_frame, MASK="MASKS"), "missing HDU MASK; found IMAGE, IVAR, MASKS"),
    "what-a-terminal-obeys": (
        _bytes(write_frame, lambda content: content.replace(b"'MASK  ", b"'M\x1b[2J ")),
        "missing HDU MASK; found IMAGE, IVAR, M\\x1b[2J, READNOISE",
    ),
    "swapped": (
        _named(write_frame, MASK="IVAR", IVAR="MASK"),
        "mask: expected integers of 32 bits, found float32",
    ),
    "twice": (_named(write_frame, READNOISE="IVAR"), "expected one HDU IVAR, found two"),
    "shapes": (
        _frame(IVAR=lambda ivar: ivar[:-1]),
        "ivar: expected shape (24, 30) as the image's, found (23, 30)",
    ),
    "turned": (_frame(MASK=lambda mask: mask.T.copy()), "mask: expected shape (24, 30) as the im"),
    "cube": (_frame(IMAGE=lambda image: image[None]), "image: expected shape (Y, X), found (1, 2"),
    "line": (_frame(IMAGE=lambda image: image[0]), "image: expected shape (Y, X), found (30,)"),
    "no-pixels": (
        _bytes(write_frame, lambda c: damage.with_cards(c, "IMAGE", {"NAXIS": 0})),
        ": ",
    ),
    "table": (
        _frame(READNOISE=lambda noise: np.zeros(24, [("NOISE", "f4")])),
        "expected an image in HDU READNOISE, found none",
    ),
    "no-camera": (_frame(cards={"EXPID": 7}), "header: expected a keyword CAMERA like 'b0'"),
    "no-readnoise": (
        _frame(READNOISE=None),
        "expected an HDU READNOISE or a number RDNOISE in the header, found none",
    ),
    "readnoise-of-text": (
        _frame(READNOISE=None, cards={"CAMERA": "r0", "RDNOISE": "low"}),
        "expected an HDU READNOISE or a number RDNOISE in the header, found none",
    ),
    "a-million-rows": (
        _bytes(write_frame, lambda c: damage.with_cards(c, "IMAGE", {"NAXIS2": 10**6})),
        "truncated or damaged: expected ",
    ),
    "half": (_cut(write_frame, 0.6), "truncated or damaged: expected "),
    "no-end": (_cut(write_frame, 0.999), "truncated or damaged: expected "),
    "empty": (lambda path: path.write_bytes(b""), "not a readable FITS file"),
    "text": (lambda path: path.write_bytes(b"IMAGE\n" * 999), "not a readable FITS file"),
    "folder": (lambda path: path.mkdir(), "is a folder, expected a file"),
    "not-there": (lambda path: None, "there is no such file"),
    "bomb": (
        _bomb("IMAGE", CAMERA="'r0'"),
        "expected at most 1073741824 bytes unpacked, found 16001",
    ),
    "hole": (_hole, "HDU IMAGE: expected at most 268435456 pixels, found (20000, 20000)"),
    "a-coadd": (write_coadd, "missing HDU IMAGE, IVAR, MASK; found FIBERMAP, B_WAVELENGTH"),
}

FAULTS = {"qso": SPECTRA, "dla": SPECTRA, "cosmics": FRAMES}
"""Program -> what may be wrong with what it reads."""
