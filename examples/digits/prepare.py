"""Write the 1,797 handwritten digits of UCI, which ship inside scikit-learn, to HDF5: train and test."""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np

FOLDER = Path(__file__).resolve().parent / "data"
SEED = 20180717
TEST_SHARE = 0.2


def split(labels: np.ndarray, seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the train and the test part, each with every digit in the same proportion."""
    random = np.random.Generator(np.random.Philox(seed))
    test: list[int] = []
    for digit in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == digit))
        test.extend(rows[: round(TEST_SHARE * len(rows))])
    order = random.permutation(len(labels))
    in_test = np.isin(order, test)
    return order[~in_test], order[in_test]


def write(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write one part: `x` (rows, 8, 8, 1) in 0 … 1, `y` one-hot (rows, 10), `labels` (rows)."""
    temporary = path.with_suffix(".tmp")
    with h5py.File(temporary, "w") as file:
        file["x"] = (images / 16.0).astype("float32")[..., np.newaxis]
        file["y"] = np.eye(10, dtype="float32")[labels]
        file["labels"] = labels
    temporary.replace(path)


def main() -> None:
    """Write both parts, unless they are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where to write (default {FOLDER})")
    folder = parser.parse_args().folder
    train, test = folder / "digits-train.h5", folder / "digits-test.h5"
    if train.exists() and test.exists():
        print(f"{folder} is prepared")
        return
    from sklearn.datasets import load_digits

    digits = load_digits()
    train_rows, test_rows = split(digits.target)
    folder.mkdir(parents=True, exist_ok=True)
    write(train, digits.images[train_rows], digits.target[train_rows])
    write(test, digits.images[test_rows], digits.target[test_rows])
    print(f"{len(train_rows)} digits to train on and {len(test_rows)} to test with in {folder}")


if __name__ == "__main__":
    main()
