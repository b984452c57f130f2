"""The digits again, from Python: build a model, train it over two workers, look at what it got wrong."""

from __future__ import annotations

from pathlib import Path

import h5py

from batchyard.models import Sequential
from batchyard.models.callbacks import EarlyStopping
from batchyard.models.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from batchyard.scheduler import Client

FOLDER = Path(__file__).resolve().parent


def make_model() -> Sequential:
    """Return a small convolutional network for 8 x 8 images."""
    model = Sequential(
        [
            Conv2D(32, (3, 3), padding="same", activation="relu", input_shape=(8, 8, 1)),
            BatchNormalization(momentum=0.9),  # follows within an epoch of 21 steps
            MaxPooling2D(),
            Conv2D(64, (3, 3), padding="same", activation="relu"),
            BatchNormalization(momentum=0.9),  # follows within an epoch of 21 steps
            Flatten(),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    """Train, evaluate and predict."""
    train = h5py.File(FOLDER / "data" / "digits-train.h5", "r")
    test = h5py.File(FOLDER / "data" / "digits-test.h5", "r")
    # Client("redis://host:6379/0") does the same on a cluster.
    with Client.local(workers=2, output=FOLDER / "runs") as client, train, test:
        job = client.fit(
            make_model(),
            train["x"],  # an open HDF5 dataset is read where it lies; an array would be sent along
            train["y"],
            validation_split=0.1,
            epochs=30,
            batch_size=64,
            callbacks=[EarlyStopping(patience=5, restore_best_weights=True)],
            name="digits-from-python",
        )
        for event in job.events(follow=True):
            if event.kind == "epoch":
                print(f"epoch {event.data['epoch'] + 1}: val_acc {event.data['logs']['val_acc']:.4f}")
        evaluation = client.evaluate(job, test["x"], test["y"])
        prediction = client.predict(job, test["x"])
        print("test:", evaluation.result().metrics)
        digits = prediction.result().predictions[:].argmax(axis=1)
        wrong = (digits != test["labels"][:]).sum()
        print(f"{wrong} of {len(digits)} digits were misread; the model is {job.result().paths.model}")


if __name__ == "__main__":
    main()
