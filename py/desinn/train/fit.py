"""The training itself: Keras' own fit, and what we do around its batches and epochs."""

import json
import sys
import time

import numpy as np

from ..log import get_logger
from .backend import import_keras, keep_memory
from .checkpoint import load_checkpoint, save_checkpoint
from .data import batches
from .networks import freeze_nodes, keras_model
from .recipe import header_of, initial_arrays
from .schedule import learning_rate, progress
from .tasks import task_for

AT_ONCE = 1024
"""Rows that are run at once in a validation, at most."""
PIXELS_AT_ONCE = 2**19
"""So many pixels of input, too."""
AHEAD = 8
"""Batches that are drawn before they are needed."""


class Fit:
    """One training: made, run, and asked for what it found.

    Parameters
    ----------
    recipe : dict
        As `desinn.train.recipe.read_recipe` returns it.
    sample, held_out : sample
        To train with, and to judge by (see `desinn.train.data`).
    arrays : dict of ndarray, optional
        ``node/parameter`` -> array to begin with, in place of random ones.
    freeze : sequence of str
        Patterns of the names of nodes whose weights stay as they are, such as ``conv_*``.
    checkpoints : str, optional
        Folder for a checkpoint after each validation.
    log : str, optional
        File for a line of JSON for each validation.

    Attributes
    ----------
    model : keras.Model
        With the outputs of the header by name.
    history : list of dict
        One entry for each validation.
    epoch : int
        Epochs done.
    seconds : float
        Time used, in all runs together.

    Raises
    ------
    ImportError
        If TensorFlow is not installed.
    ValueError
        If a pattern of `freeze` fits no node with weights.
    """

    def __init__(self, recipe, sample, held_out, arrays=None, freeze=(), checkpoints=None,
                 log=None):  # fmt: skip
        self._keras = import_keras()
        self._recipe, self._sample, self._held_out = recipe, sample, held_out
        self._checkpoints, self._log, self._freeze = checkpoints, log, list(freeze)
        self._task = task_for(recipe)
        ((self._input, shape),) = self._task.finder.network.graph.inputs.items()
        self._shape = sample.shape if None in shape else shape
        self._batch = min(recipe["schedule"]["batch"], len(sample))
        self._steps = len(sample) // self._batch
        self.epoch, self.seconds, self.history = 0, 0.0, []
        self._best = {"value": None, "waited": 0}
        self._best_arrays = []
        self._norms_frozen = False
        header = header_of(recipe)
        self.model = keras_model(header, arrays or initial_arrays(header, recipe["seed"]))
        freeze_nodes(self.model, header, self._freeze)
        self._compile()

    def _compile(self):
        """Make the model that is trained: all outputs in one array."""
        keras, recipe = self._keras, self._recipe
        self._trained = keras.Model(self.model.input, self._task.stack(keras, self.model))
        optimizer = _optimizer(keras, recipe["optimizer"])
        loss = self._task.keras_loss()
        # XLA takes minutes to compile such a network for a CPU, and is no faster there.
        self._trained.compile(optimizer=optimizer, loss=loss, jit_compile=False)
        optimizer.build(self._trained.trainable_variables)
        rng = np.random.default_rng([recipe["seed"], 1])
        for variable in self._variables():
            if "seed" in variable.name:
                variable.assign(rng.integers(2**32, size=variable.shape, dtype=np.uint32))

    def _variables(self):
        """Return all that the layers keep: weights, moving averages, states of the dropouts."""
        return [variable for layer in self.model.layers for variable in layer.variables]

    def run(self, resume=False):
        """Train from the beginning, or from the last checkpoint on.

        Parameters
        ----------
        resume : bool
            Go on from the checkpoint, where there is one.

        Returns
        -------
        dict
            The figures of the last validation, or of the best one where the recipe has a stop.

        Raises
        ------
        ValueError
            If the checkpoint is damaged or of another recipe.
        """
        if resume:
            self._resume()
        self._write_log()
        if not self._over():
            self._fit()
        if self._best_arrays:
            _assign(self._variables(), self._best_arrays)
        return self._summary()

    def _fit(self):
        rows = np.arange(len(self._held_out))
        self._x = self._held_out.draw(np.random.default_rng([self._recipe["seed"], 2]), rows)
        self._target = self._task.targets(self._held_out)[rows]
        self._began = time.monotonic() - self.seconds
        callback = self._keras.callbacks.LambdaCallback(
            on_train_batch_begin=self._before_batch,
            on_train_batch_end=self._after_batch,
            on_epoch_end=self._after_epoch,
        )
        from threadpoolctl import threadpool_limits

        # BLAS threads that wait for each other would hold the cores that TensorFlow needs.
        with threadpool_limits(1, "blas"):
            while not self._over():
                if self._norms_are_due():
                    self._freeze_norms()
                self._run_epochs(callback)

    def _run_epochs(self, callback):
        self._trained.fit(
            self._dataset(),
            epochs=self._recipe["schedule"]["epochs"],
            initial_epoch=self.epoch,
            steps_per_epoch=self._steps,
            callbacks=[callback],
            shuffle=False,  # that is done
            verbose=1 if sys.stderr.isatty() and sys.stdout.isatty() else 0,
        )

    def _norms_are_due(self):
        """Return whether the batch norms shall learn no more, and still do."""
        since = self._recipe["schedule"]["freeze_norms"]
        if not since or self._norms_frozen:
            return False
        epochs, minutes = self._recipe["schedule"]["epochs"], self._recipe["minutes"]
        return progress(self.epoch, epochs, self.seconds, minutes) >= since

    def _freeze_norms(self):
        """Have the batch norms run as they will later; the optimizer begins anew."""
        for layer in self.model.layers:
            if isinstance(layer, self._keras.layers.BatchNormalization):
                layer.trainable = False
        self._norms_frozen = True
        self._compile()

    def _dataset(self):
        """Return the batches from this epoch on, drawn in the background."""
        import tensorflow as tf

        targets = self._task.targets(self._sample)
        name, shape = self._input, self._shape

        def generate():
            first = self.epoch
            for x, y in batches(self._sample, targets, self._recipe["seed"], self._batch, first):
                yield {name: x}, y

        signature = (
            {name: tf.TensorSpec((self._batch, *shape), tf.float32)},
            tf.TensorSpec((self._batch, *targets.shape[1:]), tf.float32),
        )
        return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(AHEAD)

    def _before_batch(self, batch, logs=None):
        if batch == 0:
            keep_memory()  # TensorFlow's generator sets it back when it starts
        schedule, minutes = self._recipe["schedule"], self._recipe["minutes"]
        step = self.epoch * self._steps + batch + 1
        total = schedule["epochs"] * self._steps
        done = progress(step - 1, total, time.monotonic() - self._began, minutes)
        peak = self._recipe["optimizer"]["learning_rate"]
        rate = learning_rate(schedule, peak, done, step / self._steps)
        self._trained.optimizer.learning_rate.assign(rate)

    def _after_batch(self, batch, logs=None):
        minutes = self._recipe["minutes"]
        if minutes and time.monotonic() - self._began >= 60 * minutes:
            self._trained.stop_training = True

    def _after_epoch(self, epoch, logs=None):
        self.epoch = epoch + 1
        self.seconds = time.monotonic() - self._began
        every = self._recipe["validation"]["every"]
        if self.epoch % every and not self._over():
            return
        figures = {
            "epoch": self.epoch,
            "seconds": round(self.seconds, 1),
            "loss": float(logs["loss"]),
            "learning_rate": float(self._trained.optimizer.learning_rate),
            **self._validate(),
        }
        self.history.append({key: _plain(value) for key, value in figures.items()})
        self._write_log()
        get_logger().info("%s", self._line(self.history[-1]))
        self._note_best(figures["val_loss"])
        if self._over() or self._norms_are_due():
            self._trained.stop_training = True
        if self._checkpoints is not None:
            self._save()

    def _line(self, entry):
        """Return the line of the log for people."""
        shown = {key: "-" if value is None else f"{value:.4g}" for key, value in entry.items()}
        return (
            f"epoch {entry['epoch']}/{self._recipe['schedule']['epochs']}, "
            f"{entry['seconds']:.0f} s: loss {shown['loss']}, validation {shown['val_loss']}, "
            f"{self._task.line(shown)}"
        )

    def _validate(self):
        """Return the figures of the held-out sample."""
        batch = max(min(AT_ONCE, PIXELS_AT_ONCE // self._x[0, ..., 0].size), 1)
        predicted = self._trained.predict({self._input: self._x}, batch, verbose=0)
        figures = self._task.metrics(predicted, self._target, self._held_out.truth)
        return {"val_loss": self._task.loss(self._target, predicted), **figures}

    def _note_best(self, value):
        """Keep the best weights, where the recipe asks for a stop."""
        if self._recipe["stop"]["patience"] is None:
            return
        if self._best["value"] is None or value < self._best["value"]:
            self._best = {"value": value, "waited": 0, "entry": len(self.history) - 1}
            self._best_arrays = _values(self._variables())
        else:
            self._best["waited"] += 1

    def _over(self):
        """Return whether there is nothing left to do."""
        minutes, patience = self._recipe["minutes"], self._recipe["stop"]["patience"]
        return (
            self.epoch >= self._recipe["schedule"]["epochs"]
            or bool(minutes and self.seconds >= 60 * minutes)
            or bool(patience and self._best["waited"] >= patience)
        )

    def _summary(self):
        return self.history[self._best.get("entry", -1)]

    def _write_log(self):
        """Write the whole log: of an interrupted run some lines may be to be forgotten."""
        if self._log is not None:
            with open(self._log, "w", encoding="ascii") as file:
                file.writelines(json.dumps(entry) + "\n" for entry in self.history)

    def _save(self):
        state = {
            "recipe": self._recipe,
            "freeze": self._freeze,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "history": self.history,
            "best": self._best,
            "norms_frozen": self._norms_frozen,
        }
        groups = {
            "variables": _values(self._variables()),
            "optimizer": _values(self._trained.optimizer.variables),
            "best": self._best_arrays,
        }
        save_checkpoint(self._checkpoints, state, groups)

    def _resume(self):
        state, groups = load_checkpoint(self._checkpoints)
        if state is None:
            get_logger().info("%s: no checkpoint, from the beginning", self._checkpoints)
            return
        own = json.loads(json.dumps({**self._recipe, "freeze": self._freeze}))
        found = {**state["recipe"], "freeze": state["freeze"]}
        differing = sorted(key for key in own.keys() | found.keys()
                           if own.get(key) != found.get(key))  # fmt: skip
        if differing:
            raise ValueError(
                f"{self._checkpoints}: the checkpoint is of a recipe with other "
                f"{', '.join(differing)}"
            )
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.history, self._best = state["history"], state["best"]
        self._best_arrays = groups.get("best", [])
        if state["norms_frozen"]:
            self._freeze_norms()
        _assign(self._variables(), groups["variables"])
        _assign(self._trained.optimizer.variables, groups["optimizer"])
        get_logger().info("%s: going on after epoch %d", self._checkpoints, self.epoch)

    def examples(self, count):
        """Return network input of the held-out sample.

        Parameters
        ----------
        count : int
            At most so many rows.

        Returns
        -------
        ndarray of float32, shape (B, W, C)
        """
        rows = np.arange(min(count, len(self._held_out)))
        return self._held_out.draw(np.random.default_rng([self._recipe["seed"], 3]), rows)


def _optimizer(keras, settings):
    classes = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW,
               "sgd": keras.optimizers.SGD}  # fmt: skip
    others = {key: value for key, value in settings.items() if key != "name" and value is not None}
    if not others["weight_decay"]:
        del others["weight_decay"]
    return classes[settings["name"]](**others)


def _values(variables):
    """Return copies: TensorFlow's own arrays change with the training."""
    return [np.array(variable.numpy()) for variable in variables]


def _assign(variables, arrays):
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _plain(value):
    """Return a number for JSON: null where there is none."""
    return value if np.isfinite(value) else None
