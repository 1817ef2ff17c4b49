"""desinn calibrate for networks that find absorbers: honest errors, and the best threshold."""

import dataclasses
import math
import os

from ..log import get_logger


def calibrate_dla(options, header, arrays):
    """Calibrate a network by a catalogue that it made of simulated sightlines, and write it.

    Parameters
    ----------
    options : argparse.Namespace
        Of ``desinn calibrate``: ``data`` are catalogues, ``truth`` the files with DLA_META.
    header : dict
    arrays : dict of ndarray

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    OSError, ValueError
        If a file cannot be used, is of another network, or there are too few absorbers.
    """
    from ..evaluate.dla_calibration import bake, calibrate
    from ..finders.dla_input import SightlineInput
    from ..io.absorbers import read_absorbers, read_dla_catalog, read_known_targets
    from ..nn import write_weights

    if len(options.data) != 1 or not options.truth:
        raise ValueError(
            "absorbers: expected --data with one catalogue of desi_find_dla, made with these "
            "weights, and --truth with the files that hold its DLA_META"
        )
    catalogue = options.data[0]
    _check_maker(catalogue, header)
    found, sightlines = read_dla_catalog(catalogue)
    truth, known = read_absorbers(options.truth), read_known_targets(options.truth)
    limits = {"min_purity": options.min_purity, "min_snr": options.min_snr}
    cell = SightlineInput.from_header(header).width * math.log(10)
    said = calibrate(found, truth, sightlines, cell, known=known, **limits)
    new, new_arrays = bake(header, arrays, said)
    earlier = header["provenance"].get("calibration")
    new["provenance"]["calibration"] = {
        "set": [os.path.basename(path) for path in options.truth],
        "sightlines": len(sightlines),
        **limits,
        **dataclasses.asdict(said),
        **({"earlier": earlier} if earlier else {}),
    }
    write_weights(options.outfile, new, new_arrays, options.overwrite)
    get_logger().info(
        "%s: log N %+.3f, place %+.3f cells, slopes of their errors' logarithms %.2f and %.2f, "
        "threshold %.2f, from %d absorbers",
        options.outfile, said.nhi.shift, said.place.shift, said.nhi.slope, said.place.slope,
        said.threshold, said.pairs,
    )  # fmt: skip
    return 0


def _check_maker(path, header):
    """Raise unless a catalogue was made with these weights: others need other numbers."""
    from ..io.absorbers import catalog_header

    made_by = catalog_header(path).get("MODELSHA")
    if made_by not in (None, header["sha256"]):
        expected = f"a catalogue made with {header['name']} of sha256 {header['sha256'][:12]}..."
        raise ValueError(f"{path}: expected {expected}, found {made_by[:12]}...")
