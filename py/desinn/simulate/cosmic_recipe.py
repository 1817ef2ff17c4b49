"""Recipes of simulated CCD exposures: which arms and kinds come in turn, and their settings."""

from dataclasses import dataclass, field, fields, replace

from ..files import read_yaml
from .ccd.frames import exposure_generator, simulate_exposure
from .ccd.settings import ARMS, KINDS, CcdSettings
from .cosmic_rays import DEVICES, Device, cosmic_rays
from .recipe import entry_problems, too_small


@dataclass(frozen=True)
class CosmicsRecipe:
    """A set of simulated exposures.

    Parameters
    ----------
    settings : desinn.simulate.ccd.settings.CcdSettings
    seed : int
        From 0.
    frames : int
        How many exposures.
    arms : tuple of str
        Arms that take turns from one exposure to the next. Without any, they are drawn as the
        settings say.
    exposures : tuple of str
        Kinds of exposures that take turns, too: the next one after each of the arms had its
        turn. Without any, they are drawn.
    rays : dict
        Name of a device -> what is other than in `desinn.simulate.cosmic_rays.DEVICES`.

    Raises
    ------
    ValueError
        If a number is out of range, or an arm, kind, device or number of one is unknown or not
        possible; all are named at once.
    """

    settings: CcdSettings = field(default_factory=lambda: CcdSettings(shape=None))
    seed: int = 1
    frames: int = 1
    arms: tuple = ()
    exposures: tuple = ()
    rays: dict = field(default_factory=dict)

    def __post_init__(self):
        problems = too_small(self, seed=0, frames=1)
        problems += [f"arms: {arm} is unknown" for arm in self.arms if arm not in ARMS]
        problems += [f"exposures: {kind} is unknown" for kind in self.exposures
                     if kind not in KINDS]  # fmt: skip
        known = {part.name for part in fields(Device)} - {"name"}
        for name, changes in self.rays.items():
            problems += [] if name in DEVICES else [f"rays: {name} is unknown"]
            problems += [f"rays: {name}: {key} is unknown" for key in changes if key not in known]
        if problems:
            raise ValueError("; ".join(problems))
        self.devices()

    def devices(self):
        """Return the devices by name, with what is other in them.

        Returns
        -------
        dict
            Name -> `desinn.simulate.cosmic_rays.Device`.
        """
        return {name: replace(d, **self.rays.get(name, {})) for name, d in DEVICES.items()}

    def settings_of(self, number):
        """Return the settings of one exposure, with the arm and the kind whose turn it is.

        Parameters
        ----------
        number : int

        Returns
        -------
        desinn.simulate.ccd.settings.CcdSettings
        """
        changes = {}
        if self.arms:
            changes["arms"] = {self.arms[number % len(self.arms)]: 1.0}
        if self.exposures:
            turn = number // max(len(self.arms), 1)
            changes["kinds"] = {self.exposures[turn % len(self.exposures)]: 1.0}
        return replace(self.settings, **changes)

    def expose(self, number, psfs=None):
        """Simulate one exposure, which does not depend on the others.

        Parameters
        ----------
        number : int
        psfs : dict, optional
            Arm -> a psf as `desinn.io.psf.read_psf` returns it.

        Returns
        -------
        desinn.simulate.ccd.frames.Exposure
        """
        devices = self.devices()

        def rays(rng, shape, seconds, device, along):
            return cosmic_rays(rng, shape, seconds, devices[device], along=along)

        rng = exposure_generator(self.seed, number)
        return simulate_exposure(rng, self.settings_of(number), rays, psfs)


def read_cosmics_recipe(path):
    """Read a recipe.

    Parameters
    ----------
    path : str or os.PathLike
        A YAML file, or the name of one that comes with desinn (``cosmics-test``). With ``kind``
        cosmics, ``seed``, ``frames``, ``arms``, ``exposures``, ``rays``, and ``simulation``: what
        `desinn.simulate.ccd.settings.CcdSettings` takes, but that without ``shape`` CCDs are
        whole.

    Returns
    -------
    CosmicsRecipe

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no YAML or has entries that are not known or of the wrong type.
    ImportError
        If pyyaml is not installed.
    """
    path, content = read_yaml(path, "yaml")
    try:
        return _recipe(content)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


_TYPES = {
    **{"kind": str, "seed": int, "frames": int, "arms": list, "exposures": list},
    **{"rays": dict, "simulation": dict},
}


def _recipe(content):
    problems = entry_problems(content, _TYPES)
    if content.get("kind") != "cosmics":
        problems.insert(0, f"kind: expected cosmics, found {content.get('kind', 'none')}")
    if problems:
        raise ValueError("; ".join(problems))
    content = {key: value for key, value in content.items() if key != "kind"}
    settings = CcdSettings.from_recipe({"shape": None, **content.pop("simulation", {})})
    for name in ("arms", "exposures"):
        content[name] = tuple(content.get(name, ()))
    return CosmicsRecipe(settings, **content)
