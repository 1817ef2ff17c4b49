"""The learning rate over a training, by epochs or by the clock, whichever is further on."""

import math


def progress(step, steps, seconds=0.0, minutes=None):
    """Return how far a training has come.

    Parameters
    ----------
    step, steps : int
        Batches done and to do.
    seconds : float
        Time used so far.
    minutes : float, optional
        Time that there is.

    Returns
    -------
    float
        0 to 1: the larger one of the fractions of batches and time, so that a schedule ends
        properly whichever runs out first.
    """
    by_time = seconds / (60 * minutes) if minutes else 0.0
    return min(max(step / steps, by_time), 1.0)


def learning_rate(schedule, peak, done, epochs_done):
    """Return the learning rate at some point of a training.

    Parameters
    ----------
    schedule : dict
        A recipe's: name (``cosine`` or ``constant``), warmup (epochs), final (fraction of the
        peak at the end).
    peak : float
        The optimizer's learning rate.
    done : float
        What `progress` says.
    epochs_done : float
        Epochs done, for the warmup, which rises in proportion.

    Returns
    -------
    float
    """
    rate = peak
    if schedule["name"] == "cosine":
        fall = (1 + math.cos(math.pi * done)) / 2
        rate *= schedule["final"] + (1 - schedule["final"]) * fall
    if epochs_done < schedule["warmup"]:
        rate *= epochs_done / schedule["warmup"]
    return rate
