"""How good a finder is: completeness, purity and redshift errors, with intervals."""

from .intervals import bootstrap, spread, wilson
from .reliability import Reliability, reliability
from .scoring import Score, score

__all__ = ["Reliability", "Score", "bootstrap", "reliability", "score", "spread", "wilson"]
