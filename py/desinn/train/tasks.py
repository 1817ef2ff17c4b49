"""What is particular to each kind of network that is trained: one small contract.

The trainer (`desinn.train.fit`) knows nothing of a network but what its task says:

- ``finder``: what the network will be run by;
- ``stack(keras, model)``: all outputs of a model in one tensor, which is trained on;
- ``targets(sample)``: what that tensor shall be, an array (N, ...) or something that has its
  ``shape`` and returns rows as an array when indexed with an array of their numbers;
- ``loss(target, predicted)``, a number, in NumPy, and ``keras_loss()``, the same for Keras;
- ``metrics(predicted, target, truth)``: the figures of a validation by name, NaN for none;
- ``line(shown)``: words for the log on these figures, which it gets as texts;
- ``sample(part, templates, processes)``, simulated; ``labelled(paths)``, read from files.
"""

from ..finders.dla import OUTPUTS
from ..finders.dla_windows import OUTPUTS as WINDOW_OUTPUTS
from . import losses, pixels, sightline, windows
from .data import make_sample, part_of, read_labelled
from .metrics import quasar_metrics
from .recipe import finder_for
from .targets import qso_targets


def task_for(recipe):
    """Return the task that a recipe sets.

    Parameters
    ----------
    recipe : dict
        As `desinn.train.recipe.read_recipe` returns it.

    Returns
    -------
    QSOTask, SightlineTask, WindowTask or PixelTask

    Raises
    ------
    ValueError
        If the graph is no network, or none of this kind.
    """
    tasks = {"sightline": SightlineTask, "windows": WindowTask, "pixels": PixelTask}
    return tasks.get(recipe["loss"]["name"], QSOTask)(recipe, finder_for(recipe))


class _Task:
    """What all tasks share: the loss is that of the module `_losses`, by the recipe's settings."""

    def __init__(self, recipe, finder):
        self._recipe, self.finder = recipe, finder
        self._settings = {key: value for key, value in recipe["loss"].items() if key != "name"}

    def loss(self, target, predicted):
        """Return the loss, in NumPy."""
        return self._losses.loss_value(target, predicted, **self._settings)

    def keras_loss(self):
        """Return the loss for Keras."""
        return self._losses.keras_loss(**self._settings)


class QSOTask(_Task):
    """Quasars: boxes and offsets of each line.

    Parameters
    ----------
    recipe : dict
    finder : desinn.finders.qso.QSOFinder
    """

    _losses = losses

    def __init__(self, recipe, finder):
        super().__init__(recipe, finder)
        self._heads = [*finder.lines, *finder.bal_lines]
        bal = self._settings.pop("bal_weight")
        weights = [1.0] * len(finder.lines) + [bal] * len(finder.bal_lines)
        self._settings |= {"name": recipe["loss"]["name"], "weights": weights}

    def stack(self, keras, model):
        """Return the outputs of a Keras model as one tensor, (B, outputs, 2 * boxes)."""
        return keras.ops.stack([model.output[name] for name in self._heads], axis=1)

    def targets(self, sample):
        """Return what the network shall say, (N, outputs, 2 * boxes + 1)."""
        return qso_targets(self.finder, sample.truth)

    def metrics(self, predicted, target, truth):
        """Return the figures of a validation."""
        outputs = {name: predicted[:, head] for head, name in enumerate(self._heads)}
        return quasar_metrics(self.finder, outputs, truth, self._recipe["validation"]["snr"])

    def line(self, shown):
        """Return what the log for people says of the figures."""
        return (
            f"completeness {shown['completeness']}, purity {shown['purity']}, "
            f"catastrophic {shown['catastrophic']}, "
            f"dv {shown['dv_median']} +- {shown['dv_spread']} km/s"
        )

    def sample(self, part, templates=None, processes=1):
        """Return the simulated sample of one part, as `desinn.train.data.make_sample` does."""
        return make_sample(self._recipe, part, self.finder.grid, templates, processes)

    def labelled(self, paths):
        """Return labelled spectra, as `desinn.train.data.read_labelled` does."""
        return read_labelled(paths, self.finder)


class DLATask(_Task):
    """Absorbers: what all networks for them share.

    Parameters
    ----------
    recipe : dict
    finder : desinn.finders.dla.DLAFinder
        Or another finder of absorbers.
    """

    heads = ()

    def stack(self, keras, model):
        """Return the outputs of a Keras model side by side, (B, ..., heads)."""
        return keras.ops.concatenate([model.output[name] for name in self.heads], axis=-1)

    def _simulation(self):
        from ..simulate.sightlines import SightlineSettings

        return SightlineSettings.from_recipe(self._recipe["simulation"])

    def labelled(self, paths):
        """Raise: there is no list of labels for absorbers yet."""
        raise ValueError("data: networks of kind dla are trained on simulated sightlines only")


class SightlineTask(DLATask):
    """Absorbers in whole sightlines: class, offset and column density in each cell, with errors.

    Parameters
    ----------
    recipe : dict
    finder : desinn.finders.dla.DLAFinder
    """

    heads = OUTPUTS
    _losses = sightline

    def __init__(self, recipe, finder):
        super().__init__(recipe, finder)
        self._near = self._settings.pop("near")

    def targets(self, sample):
        """Return what the network shall say, (N, K, 4), made when it is asked for."""
        return sightline.SightlineTargets(sample, self._near)

    def metrics(self, predicted, target, truth):
        """Return the figures of a validation."""
        return sightline.sightline_metrics(
            predicted, target, truth, self._recipe["validation"]["snr"]
        )

    def line(self, shown):
        """Return what the log for people says of the figures."""
        return (
            f"cells: completeness {shown['completeness']}, purity {shown['purity']}, "
            f"log N {shown['nhi_bias']} +- {shown['nhi_error']}, offset +- "
            f"{shown['offset_error']}, pulls {shown['nhi_pull']} and {shown['offset_pull']}"
        )

    def sample(self, part, templates=None, processes=1):
        """Return the simulated sightlines of one part."""
        from .sightline_sample import SightlineSample

        seed, size = part_of(self._recipe, part)
        return SightlineSample(self._simulation(), seed, size, self.finder, templates, processes)


class WindowTask(DLATask):
    """Absorbers in windows, as published: class, offset and column density of each.

    Parameters
    ----------
    recipe : dict
    finder : desinn.finders.dla_windows.WindowDLAFinder
    """

    heads = WINDOW_OUTPUTS
    _losses = windows

    def targets(self, sample):
        """Return what the network shall say, (N, 3)."""
        return sample.targets

    def metrics(self, predicted, target, truth):
        """Return the figures of a validation."""
        return windows.window_metrics(predicted, target, truth, self._recipe["validation"]["snr"])

    def line(self, shown):
        """Return what the log for people says of the figures."""
        return (
            f"windows: completeness {shown['completeness']}, purity {shown['purity']}, "
            f"log N {shown['nhi_bias']} +- {shown['nhi_error']}, "
            f"offset +- {shown['offset_error']}"
        )

    def sample(self, part, templates=None, processes=1):
        """Return windows of simulated sightlines of one part."""
        from .sightline_sample import SeenSightlines
        from .window_sample import PER_SIGHTLINE, WindowSample

        (seed, size), given = part_of(self._recipe, part), self.finder.input
        number = -(-size // PER_SIGHTLINE)
        simulation = self._simulation()
        lines = SeenSightlines(
            simulation, seed, number, given.grid, templates, processes, native=True
        )
        return WindowSample(lines, seed, size, given)


class PixelTask(_Task):
    """Cosmic rays: the probability of one in each pixel of an image.

    Parameters
    ----------
    recipe : dict
    finder : desinn.finders.cosmics.CosmicRayFinder
    """

    _losses = pixels

    def stack(self, keras, model):
        """Return the output of a Keras model, (B, Y, X, 1)."""
        return model.output["probability"]

    def targets(self, sample):
        """Return what the network shall say, (N, Y, X, 2), made when it is asked for."""
        return pixels.PixelTargets(sample)

    def metrics(self, predicted, target, truth):
        """Return the figures of a validation."""
        return pixels.pixel_metrics(predicted, target)

    def line(self, shown):
        """Return what the log for people says of the figures."""
        return (
            f"pixels: completeness {shown['completeness']}, purity {shown['purity']}, true "
            f"positives {shown['rate_0005']}, {shown['rate_001']}, {shown['rate_01']} "
            "at 0.005, 0.01, 0.1 % false ones"
        )

    def sample(self, part, templates=None, processes=1):
        """Return patches of simulated exposures of one part."""
        from ..simulate.ccd.settings import CcdSettings
        from .frame_sample import FrameSample

        seed, size = part_of(self._recipe, part)
        settings = CcdSettings.from_recipe(self._recipe["simulation"])
        return FrameSample(settings, seed, size, self.finder, processes)

    def labelled(self, paths):
        """Raise: there are no labelled exposures."""
        raise ValueError("data: networks of kind cosmics are trained on simulated exposures only")
