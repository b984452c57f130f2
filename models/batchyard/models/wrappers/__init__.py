"""Models as estimators of other libraries."""

from batchyard.models.wrappers import scikit_learn

__all__ = ["scikit_learn"]
