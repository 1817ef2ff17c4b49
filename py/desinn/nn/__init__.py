"""The engine: networks in NumPy. Arrays in, arrays out; it knows no astronomy."""

from .network import Network, evaluate
from .weights import WeightsError, read_weights, write_weights

__all__ = ["Network", "WeightsError", "evaluate", "read_weights", "write_weights"]
