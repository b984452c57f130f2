"""What does the crew's exchange of gradients cost, beside gloo's all-reduce? Writes results/exchange.md.

Both bring the sum of one vector per process to all. Gloo adds in an order of its own, which depends on
how many processes there are; the crew adds along one tree, so that nobody can tell from the bits who
computed what. Every process runs both by turns on the same vector; a time is that of the slowest process.
Freed memory is kept in both cases, as it is in training.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median

import torch
from machine import machine

HERE = Path(__file__).parent

#: Elements of a vector of float32.
LENGTHS = (10_000, 100_000, 1_000_000, 10_000_000)

#: Seconds that the runs of one way take in a round, roughly.
SECONDS = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--members", default="2,4", help="numbers of processes")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    parser.add_argument("--member", nargs=3, metavar=("URL", "SIZE", "RANK"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.member:
        url, size, rank = given.member
        member(url, int(size), int(rank), given.rounds)
        return
    lines = [
        "# The crew's exchange of gradients, beside gloo's all-reduce",
        "",
        f"Milliseconds of the slowest of all processes on one machine: medians of {given.rounds} rounds, in",
        "which both ways take their turn. The crew's sum has the same bits for any number of members.",
        "",
        "| processes | float32 numbers | gloo, all_reduce | crew | ratio |",
        "|---|---|---|---|---|",
    ]
    for size in (int(text) for text in given.members.split(",")):
        for length, (gloo, crew) in zip(LENGTHS, measure(size, given.rounds), strict=True):
            ratio = median(a / b for a, b in zip(crew, gloo, strict=True))
            lines.append(
                f"| {size} | {length:,} | {median(gloo) * 1e3:.2f} | {median(crew) * 1e3:.2f} | {ratio:.2f} |"
            )
            print(lines[-1], flush=True)
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    command = " ".join(["exchange.py", *sys.argv[1:]])
    lines += ["", f"torch {torch.__version__}, `{command}` on {machine()}, {date}."]
    given.output.mkdir(exist_ok=True)
    (given.output / "exchange.md").write_text("\n".join(lines) + "\n")


def measure(size: int, rounds: int) -> list[tuple[list[float], list[float]]]:
    """Returns, per length, the seconds of each round of gloo and of the crew."""
    from batchyard.scheduler.embedded import ParentPipe, PrivateRedis

    with tempfile.TemporaryDirectory() as folder:
        redis = PrivateRedis(Path(folder) / "redis", ParentPipe())
        redis.start()
        try:
            command = [sys.executable, __file__, f"--rounds={rounds}", "--member", redis.url, str(size)]
            members = [
                subprocess.Popen([*command, str(rank)], stdout=subprocess.PIPE) for rank in range(size)
            ]
            answers = [json.loads(process.communicate()[0]) for process in members]
        finally:
            redis.stop()
    slowest = [[[max(times) for times in zip(*way, strict=True)] for way in zip(*lengths, strict=True)]
               for lengths in zip(*answers, strict=True)]  # fmt: skip
    return [(gloo, crew) for gloo, crew in slowest]


def member(url: str, size: int, rank: int, rounds: int) -> None:
    """One process: prints, per length and way, the seconds of each round."""
    from torch._C._distributed_c10d import AllreduceOptions, PrefixStore, ProcessGroupGloo

    from batchyard.models.training.allocator import prepare_memory
    from batchyard.scheduler.store import Store
    from batchyard.workers.crew import Exchange, Group, MeetingPoint, Subtrees

    torch.set_num_threads(1)
    prepare_memory()
    store = Store.connect(url)
    meeting = MeetingPoint(store.rendezvous("benchmark", 0), lambda: None, 60.0)
    group = Group(rank, size, meeting, lambda: None, lambda reason: None, 60.0)
    group.connect("127.0.0.1", torch.device("cpu"))
    options = ProcessGroupGloo._Options()  # type: ignore[attr-defined]
    options._devices = [ProcessGroupGloo.create_device(hostname="127.0.0.1")]
    options._timeout = timedelta(seconds=60)
    gloo = ProcessGroupGloo(PrefixStore("gloo", meeting), rank, size, options)  # type: ignore[arg-type]
    owners = [range(one, one + 1) for one in range(size)]
    found = []
    for length in LENGTHS:
        vector = torch.randn(length)
        exchange = Exchange(group, owners, size, length, torch.float32, torch.device("cpu"))

        def all_reduce(vector: torch.Tensor = vector) -> None:
            vector.mul_(1 / size)  # else it grows without end
            gloo.allreduce([vector], AllreduceOptions()).wait()

        def crew(vector: torch.Tensor = vector, exchange: Exchange = exchange) -> None:
            vector.mul_(1 / size)
            subtrees = Subtrees(owners[rank], size)
            subtrees.add(rank, vector)
            exchange.sum(subtrees.sums)

        ways = [all_reduce, crew]
        count = _agreed(gloo, [SECONDS / _seconds(way, 3) for way in ways])
        times: list[list[float]] = [[], []]
        for number in range(rounds):
            for place in (0, 1) if number % 2 else (1, 0):
                gloo.barrier().wait()
                times[place].append(_seconds(ways[place], count))
        found.append(times)
    print(json.dumps(found))


def _agreed(gloo: object, counts: list[float]) -> int:
    """Returns how often each way runs in a round; the same number in all processes."""
    from torch._C._distributed_c10d import AllreduceOptions

    wanted = torch.tensor(counts)
    gloo.allreduce([wanted], AllreduceOptions()).wait()  # type: ignore[attr-defined]
    return int(min(500.0, max(3.0, float(wanted.mean()) / 2)))


def _seconds(way: Callable[[], None], count: int) -> float:
    way()
    start = time.perf_counter()
    for _ in range(count):
        way()
    return (time.perf_counter() - start) / count


if __name__ == "__main__":
    main()
