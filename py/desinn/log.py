"""The logger that every room of the house shares: DESI's where there is one."""


def get_logger():
    """Return desiutil's logger (it obeys ``DESI_LOGLEVEL``), else a standard one named desinn.

    Returns
    -------
    logging.Logger
        With the standard library's interface either way.
    """
    try:
        from desiutil.log import get_logger as desi_logger
    except ImportError:
        return _standard_logger()
    return desi_logger()


def _standard_logger():
    import logging
    import os

    log = logging.getLogger("desinn")
    level = getattr(logging, os.environ.get("DESI_LOGLEVEL", "").upper(), None)
    log.setLevel(level if isinstance(level, int) else logging.INFO)
    return log


def show_log():
    """Send the log to standard error, where nobody has taken care of it: for programs.

    A library leaves that to whoever imports it; desiutil's logger comes with it.
    """
    import logging

    log = get_logger()
    if not log.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        log.addHandler(handler)
