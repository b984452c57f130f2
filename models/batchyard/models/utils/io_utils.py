"""Keras's module of that name: HDF5 files, and a question."""

from batchyard.models.utils.h5_dictionary import H5Dict, h5dict
from batchyard.models.utils.hdf5_matrix import HDF5Matrix

__all__ = ["H5Dict", "HDF5Matrix", "ask_to_proceed_with_overwrite", "h5dict"]


def ask_to_proceed_with_overwrite(filepath: str) -> bool:
    """Asks on the console whether a file may be overwritten.

    Args:
        filepath: its path.
    """
    question = f"[WARNING] {filepath} already exists - overwrite? [y/n] "
    while (answer := input(question).strip().lower()) not in ("y", "n"):
        question = "Enter 'y' (overwrite) or 'n' (cancel). "
    return answer == "y"
