"""Tables in a process of its own, so that the one that starts programs stays small.

Speaks as `worker` does. ``load`` says what it runs on; ``digest`` what a table holds.
"""

import hashlib

import worker


class Tables:
    """Reads them."""

    def load(self):
        """Return what the programs run on."""
        versions = worker.versions(("desinn", "numpy", "fitsio"))
        return {"versions": versions, "blas": worker.blas()}

    def digest(self, path):
        """Return what the HDUs of a file hold, without the headers.

        Returns
        -------
        dict
            rows: HDU -> their number; columns: HDU and column -> place, type and a digest.
        """
        import fitsio

        rows, columns = {}, {}
        with fitsio.FITS(path) as hdus:
            for number, hdu in enumerate(hdus):
                name = hdu.get_extname() or str(number)
                if hdu.get_exttype() == "IMAGE_HDU":
                    columns[f"{number} {name}"] = _digest(hdu.read()) if hdu.has_data() else ""
                    continue
                table = hdu.read()
                rows[name] = len(table)
                for place, column in enumerate(table.dtype.names):
                    text = f"{place} {_digest(table[column])}"
                    columns[f"{number} {name} {column}"] = text
        return {"rows": rows, "columns": columns}


def _digest(array):
    return f"{array.dtype.str} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


if __name__ == "__main__":
    worker.serve(Tables)
