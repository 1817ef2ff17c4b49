"""DESI's neural networks (quasars, DLAs, cosmic rays) in NumPy alone.

Examples
--------
>>> import desinn
>>> from desinn.io.desi import read_coadd
>>> finder = desinn.load_model("qso")  # doctest: +SKIP
>>> table = finder.find(read_coadd("coadd.fits"))  # doctest: +SKIP
"""

__version__ = "0.1.0.dev0"


def load_model(path):
    """Return the finder for what a weights file holds.

    Parameters
    ----------
    path : str or os.PathLike
        Name of a network that comes with desinn (``qso``), or a weights file (``.npz``).

    Returns
    -------
    desinn.finders.qso.QSOFinder, desinn.finders.cosmics.CosmicRayFinder or CosmicRayFiller
        As the file's header says.

    Raises
    ------
    FileNotFoundError
        If there is neither such a network nor such a file.
    desinn.nn.weights.WeightsError
        If it is not a valid weights file, with all that is wrong; or if its kind has no finder.
    """
    from .finders.base import load_model  # heavy imports wait until a model is wanted

    return load_model(path)
