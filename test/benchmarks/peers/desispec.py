"""desispec's own finder of cosmic rays, the method of SDSS, as its preproc calls it."""

PACKAGES = ("desispec", "numba", "numpy")
CHOICES = [{}]
TUNING = {"nsig": 6, "cfudge": 3.0, "c2fudge": 0.5, "niter": 100, "dilate": True}


def load(header, arrays, threads):
    """Return a callable: exposure -> mask. The network is of no use to it."""
    from desispec.cosmics import reject_cosmic_rays
    from desispec.image import Image

    def run(frame):
        # It leaves alone what is masked: what it marks must not be there the next time.
        mask = frame.mask.copy()
        image = Image(frame.pix, frame.ivar, mask, camera=frame.camera, meta=dict(frame.meta))
        reject_cosmic_rays(image, **TUNING)
        return image.mask

    return run
