"""HDF5 files that hold more than plain arrays are refused before anything of it is followed."""

import pytest

from desinn.io.keras import read_keras
from desinn.io.keras_layers import KerasError
from helpers import hostile_keras

REFUSED = {
    "soft-loop": "'kernel:0' is a soft or external link: not followed",
    "external-link": "'kernel:0' is a soft or external link: not followed",
    "hard-loop": "kernel:0: is linked twice, or in a circle",
    "external-storage": "kernel:0: lies in another file: not followed",
    "virtual": "kernel:0: lies in another file: not followed",
    "huge-filled": r"kernel:0: arrays of more than the \d+ bytes there are",
    "large-chunk": r"kernel:0: arrays of more than the \d+ bytes there are",
    "variable-text": "kernel:0: expected an array of numbers",
    "gzip-bomb": r"kernel:0: is compressed or filtered \(h5repack -f NONE undoes it\)",
    "long-names": "conv_1: attribute weight_names has 4000 values",
    "lists-as-names": "conv_1: attribute weight_names: expected text",
    "heap-without-end": r"the heap at byte \d+ is damaged",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_is_refused(name, tmp_path, monkeypatch):
    path = tmp_path / "bad.h5"
    monkeypatch.chdir(tmp_path)
    hostile_keras.write(path, hostile_keras.keras()[name])
    with pytest.raises(KerasError, match=rf"bad\.h5: .*{REFUSED[name]}"):
        read_keras(path)
