"""Run spoiled inputs in child processes, and tell what else than an error of ours came of them.

    python -m tests.fuzz --inputs 100000 --seed 0
    python -m tests.fuzz --only 4711        # one input again, in this process, with its traceback

A child has a limit of memory and a clock, so that a crash of the HDF5 library, a hang or a growing memory is
seen and told; the next child goes on behind the input.
"""

import argparse
import json
import os
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter

import torch

from batchyard.models.errors import BatchyardModelsError
from tests.fuzz.targets import Targets

#: Seconds of computing after which an input counts as hanging.
PATIENCE = 10
#: Bytes of memory that one input may add to what the process has ever had.
GROWTH = 256 * 2**20
#: Bytes that each number in a model from text alone may add: an orthogonal matrix is computed in float64,
#: in several copies.
GROWTH_PER_NUMBER = 40
#: Bytes of address space that a child may have above what it begins with.
ROOM = 4 * 2**30


def main():
    """Parse the options and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", help="a folder for inputs that failed")
    options = parser.parse_args()
    if options.only is not None:
        return run_one(options.seed, options.only)
    failures, counts = fuzz(options.inputs, options.seed, options.first, options.keep)
    print(f"{sum(counts.values())} inputs with seed {options.seed}: {dict(counts)}; {len(failures)} failures")
    return bool(failures)


def run_one(seed, number):
    """Run one input here."""
    with tempfile.TemporaryDirectory() as folder:
        targets = Targets(os.path.join(folder, "input"), seed)
        targets.run(*targets.make(number))
    return 0


def fuzz(inputs, seed="0", first=0, keep=None, progress=True):
    """Run inputs; return the failures as pairs of number and text, and how many inputs of each kind ran."""
    torch.set_num_threads(1)
    failures, counts = [], Counter()
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=place) as folder:
        targets = Targets(os.path.join(folder, "input"), seed)
        at, end, told = first, first + inputs, 0
        while at < end:
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reader)
                work(targets, range(at, min(end, at + 2000)), writer)
            os.close(writer)
            at = listen(reader, at, failures, counts)
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status):
                name = signal.Signals(os.WTERMSIG(status)).name
                kind = targets.make(at)[0]
                counts[f"{kind} killed"] += 1
                failures.append((at, f"{kind}: the process died of {name}"))
                at += 1
            elif os.WEXITSTATUS(status):
                kind = targets.make(at)[0]
                counts[f"{kind} failed"] += 1
                failures.append((at, f"{kind}: the process left with {os.WEXITSTATUS(status)}"))
                at += 1
            told = tell(failures, told) if progress else 0
            if progress and at % 10_000 < 2000:
                rate = (at - first) / (time.monotonic() - begun)
                print(
                    f"{at - first} of {inputs}, {rate:.0f}/s, {len(failures)} failures",
                    file=sys.stderr,
                    flush=True,
                )
        if keep and failures:
            os.makedirs(keep, exist_ok=True)
            for number, _ in failures:
                kind, _, content = targets.make(number)
                with open(os.path.join(keep, f"{seed}-{number}.{kind}"), "wb") as file:
                    file.write(
                        content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
                    )
    return failures, counts


def tell(failures, told):
    """Print the failures that were not told yet."""
    for number, failure in failures[told:]:
        print(f"{number}: {failure}", file=sys.stderr, flush=True)
    return len(failures)


def listen(reader, at, failures, counts):
    """Take a child's messages until it ends; return the number of the input that it did not finish."""
    with os.fdopen(reader, "rb") as stream:
        while len(head := stream.read(4)) == 4:
            message = json.loads(stream.read(struct.unpack("<I", head)[0]))
            at = message["number"] + 1
            counts[f"{message['kind']} {message['end']}"] += 1
            if message.get("failure"):
                failures.append((message["number"], f"{message['kind']}: {message['failure']}"))
    return at


def work(targets, numbers, writer):
    """Run inputs in a child, and leave; never returns."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with open("/proc/self/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, size + ROOM))
    code = 0
    try:
        for number in numbers:
            kind, place, content = targets.make(number)
            # What making the input took is the fuzzer's own: some are of a hundred megabytes.
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            signal.setitimer(signal.ITIMER_PROF, PATIENCE)  # of its own time: others may hold the machine
            numbers, ended = attempt(targets, kind, place, content)
            message = {"number": number, "kind": kind, **ended}
            signal.setitimer(signal.ITIMER_PROF, 0)
            now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if (now - peak) * 1024 > GROWTH + GROWTH_PER_NUMBER * numbers:
                message["failure"] = f"took {(now - peak) // 1024} MiB of memory"
            text = json.dumps(message).encode()
            os.write(writer, struct.pack("<I", len(text)) + text)
    except BaseException:
        traceback.print_exc()
        code = 3
    os._exit(code)


def attempt(targets, kind, place, content):
    """Run an input; return how many numbers a model made from its text has, and how it ended."""
    numbers = 0
    try:
        numbers = targets.run(kind, place, content)
    except BatchyardModelsError as error:
        if isinstance(error, ValueError):
            return 0, {"end": "refused"}
        return 0, {"end": "failed", "failure": f"{type(error).__name__} is no ValueError: {error}"}
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in where if "batchyard" in frame.filename] or where
        return 0, {
            "end": "failed",
            "failure": f"{type(error).__name__}: {str(error)[:200]} at "
            f"{os.path.basename(ours[-1].filename)}:{ours[-1].lineno}",
        }
    return numbers, {"end": "read"}


if __name__ == "__main__":
    sys.exit(main())
