"""Settings of simulated CCD exposures."""

from dataclasses import dataclass, field, fields

KINDS = ("science", "twilight", "arc", "flat", "dark", "bias")
"""Kinds of exposures."""

ARMS = ("b", "r", "z")


@dataclass(frozen=True)
class CcdSettings:
    """Which exposures are drawn; the defaults are those of training.

    Pairs of numbers are ranges that are drawn from evenly, those of which the text says so in
    the logarithm.

    Parameters
    ----------
    kinds : dict
        Kind of exposure (`KINDS`) -> its share.
    arms : dict
        Arm (`ARMS`) -> its share.
    devices : dict
        Arm -> {name of a device of `desinn.simulate.cosmic_rays` -> its share}.
    shape : tuple of int or None
        (Y, X) of the image, cut out of the CCD anywhere; None for whole CCDs.
    seconds : dict
        Kind -> range of exposure times in seconds (in the logarithm).
    along : tuple of float
        Range of the share of muons along the traces.
    read_noise : tuple of float
        Of each amplifier, electrons.
    gain_error, offset : float
        Deviation of each amplifier's gain (relative) and zero (electrons).
    flat, dark : float
        Deviation, from pixel to pixel, of what is left of flat field (relative) and dark
        (electrons in 900 s).
    hot, dead : float
        Pixels in a million.
    columns : float
        Bad columns in a whole CCD's width, on average; as many hot ones.
    cte : tuple of float
        Share of the charge that an amplifier of bad transfer leaves behind (in the logarithm).
    bad_cte : float
        Probability of that, for each amplifier.
    trail : float
        Deviation of the amplitude of dark trails after their correction.
    saturation : tuple of float
        Electrons that a pixel holds.
    scattered : tuple of float
        Share of the light that is scattered (in the logarithm).
    sky, objects, lines, lamp, screen : tuple of float
        Factor on the dark sky; median brightness of an exposure's objects, electrons per second
        and A, and of their emission lines, electrons per second; electrons in the brightest
        lines of an arc and per row of a flat. All in the logarithm.
    sky_fibers, standards : tuple of float
        Share of the fibres on sky, and on bright standard stars.
    perturbation : float or tuple of float
        How much optics differ from one exposure to the next, 1 for as much as is usual; a range
        (in the logarithm) is drawn from for each exposure.

    Raises
    ------
    ValueError
        If a kind or an arm is unknown; all are named at once.
    """

    kinds: dict = field(
        default_factory=lambda: {
            **{"science": 0.62, "twilight": 0.04, "arc": 0.1, "flat": 0.08},
            **{"dark": 0.1, "bias": 0.06},
        }
    )
    arms: dict = field(default_factory=lambda: {"b": 1.0, "r": 1.0, "z": 1.0})
    devices: dict = field(
        default_factory=lambda: {
            "b": {"thin": 1.0},
            "r": {"thick": 0.8, "thin": 0.2},
            "z": {"thick": 0.85, "thickest": 0.15},
        }
    )
    shape: tuple | None = (256, 256)
    seconds: dict = field(
        default_factory=lambda: {
            **{"science": (60.0, 1800.0), "twilight": (5.0, 120.0), "arc": (5.0, 120.0)},
            **{"flat": (5.0, 300.0), "dark": (60.0, 1800.0), "bias": (0.0, 0.0)},
        }
    )
    along: tuple = (0.0, 0.05)
    read_noise: tuple = (2.0, 6.0)
    gain_error: float = 0.01
    offset: float = 0.3
    flat: float = 0.005
    dark: float = 0.3
    hot: float = 60.0
    dead: float = 20.0
    columns: float = 4.0
    cte: tuple = (1e-4, 1e-2)
    bad_cte: float = 0.2
    trail: float = 2e-4
    saturation: tuple = (55_000.0, 90_000.0)
    scattered: tuple = (1e-3, 1e-2)
    sky: tuple = (0.6, 8.0)
    objects: tuple = (0.03, 0.6)
    lines: tuple = (0.3, 10.0)
    lamp: tuple = (1e4, 1e6)
    screen: tuple = (500.0, 3e4)
    sky_fibers: tuple = (0.05, 0.1)
    standards: tuple = (0.01, 0.04)
    perturbation: float | tuple = 1.0

    def __post_init__(self):
        problems = [f"kinds: {name}" for name in self.kinds if name not in KINDS]
        problems += [f"seconds: {name}" for name in self.seconds if name not in KINDS]
        problems += [f"arms: {name}" for name in self.arms if name not in ARMS]
        problems += [f"devices: {name}" for name in self.devices if name not in ARMS]
        _refuse(problems)

    @classmethod
    def from_recipe(cls, recipe):
        """Return the settings that a recipe's mapping states; the defaults for the rest.

        Parameters
        ----------
        recipe : dict
            Names as above; ``seconds`` and ``devices`` may leave kinds and arms out.

        Returns
        -------
        CcdSettings

        Raises
        ------
        ValueError
            If a name is unknown; all are named at once.
        """
        names = {part.name for part in fields(cls)}
        _refuse([name for name in recipe if name not in names])
        values = {name: _frozen(value) for name, value in recipe.items()}
        for name in ("seconds", "devices"):
            values[name] = getattr(cls(), name) | values.get(name, {})
        return cls(**values)


def _refuse(problems):
    if problems:
        raise ValueError("CCD simulation: unknown: " + "; ".join(problems))


def _frozen(value):
    if isinstance(value, dict):
        return {key: _frozen(part) for key, part in value.items()}
    return tuple(value) if isinstance(value, list) else value
