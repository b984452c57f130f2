"""What does a job cost beside the work in it? Writes results/jobs.md.

An embedded system with warm workers runs each job several times. The same work in one process, with one
thread as a worker has, is measured by turns with it: reading the file, predicting, writing the predictions.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
import torch
from machine import machine

from batchyard.models import Sequential
from batchyard.models.layers import Dense
from batchyard.scheduler import Client, JobHandle

HERE = Path(__file__).parent

#: Rows of the large prediction, and of its batches.
ROWS, BATCH = 131_072, 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, default=HERE / "results")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.h5"
        with h5py.File(path, "w") as file:
            file["x"] = np.random.default_rng(0).standard_normal((ROWS, 784), dtype=np.float32)
            file["y"] = np.zeros((ROWS, 10), np.float32)
        model = small_model()
        with (
            Client.local(workers=given.workers, output=Path(folder) / "runs") as client,
            h5py.File(path) as file,
        ):
            for number in range(given.rounds + 1):
                times = one_round(client, model, file, Path(folder))
                if number:  # the first one warms up
                    for name, seconds in times.items():
                        found.setdefault(name, []).append(seconds)
    write(found, given)


def small_model() -> Sequential:
    model = Sequential(
        [Dense(512, activation="relu", input_shape=(784,)), Dense(512, activation="relu"), Dense(10)]
    )
    model.compile("sgd", "mse")
    return model


def one_round(client: Client, model: Sequential, file: h5py.File, folder: Path) -> dict[str, float]:
    """Seconds by what was done."""
    x, y = file["x"], file["y"]
    few = np.asarray(x[:BATCH])
    start = time.perf_counter()
    client.fit(model, few, np.asarray(y[:BATCH]), epochs=1, batch_size=BATCH, lanes=1)  # left to run
    times = {"submitting a fit": time.perf_counter() - start}
    wait(client)
    times["a fit of one step, from submitting to the first epoch's end"] = first_epoch(client, model, few, y)
    start = time.perf_counter()
    client.predict(model, few, batch_size=BATCH).result()
    times["a prediction of one batch"] = time.perf_counter() - start
    start = time.perf_counter()
    job = client.predict(model, x, batch_size=BATCH)
    job.result()
    times[JOB] = time.perf_counter() - start
    start = time.perf_counter()
    by_hand(model, x, folder / "by-hand.h5")
    times[ALONE] = time.perf_counter() - start
    return times


JOB = f"a prediction of {ROWS:,} rows as a job"
ALONE = "the same in one process"


def first_epoch(client: Client, model: Sequential, x: Any, y: Any) -> float:
    start = time.time()
    job: JobHandle = client.fit(model, x, np.asarray(y[: len(x)]), epochs=1, batch_size=len(x), lanes=1)
    done = next(event.at for event in job.events(follow=True) if event.kind == "epoch")
    job.result()
    return done - start


def wait(client: Client) -> None:
    """Returns when no job is left."""
    for record in client.jobs():
        client.job(record.id).result()


def by_hand(model: Sequential, x: h5py.Dataset, path: Path) -> None:
    with h5py.File(path, "w") as file:
        to = file.create_dataset("predictions", (len(x), 10), np.float32)
        for start in range(0, len(x), 8 * BATCH):
            to[start : start + 8 * BATCH] = model.predict(x[start : start + 8 * BATCH], batch_size=BATCH)


def write(found: dict[str, list[float]], given: argparse.Namespace) -> None:
    reached = median(a / b for a, b in zip(found[ALONE], found[JOB], strict=True))
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    command = " ".join(["jobs.py", *sys.argv[1:]])
    lines = [
        "# What a job costs",
        "",
        f"Seconds, medians of {given.rounds} rounds; embedded system with {given.workers} warm CPU workers",
        "of one thread each, private Redis and scheduler on the same machine.",
        "",
        "| what | seconds |",
        "|---|---|",
        *(f"| {name} | {median(seconds):.3f} |" for name, seconds in found.items()),
        "",
        f"So the job reaches {reached:.2f} of the rate of one process.",
        "",
        f"torch {torch.__version__}, `{command}` on {machine()}, {date}.",
    ]
    given.output.mkdir(exist_ok=True)
    (given.output / "jobs.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
