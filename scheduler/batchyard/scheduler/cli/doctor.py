"""`batchyard doctor`: what is wrong with the set-up, and how to mend it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from batchyard.scheduler.cli.options import Json, Redis, connect
from batchyard.scheduler.client import Client
from batchyard.scheduler.embedded import find_redis_server
from batchyard.scheduler.errors import (
    EXIT_JOB_FAILED,
    EXIT_UNAVAILABLE,
    EmbeddedError,
    InputError,
    StoreUnavailable,
)

__all__ = ["Finding", "doctor"]

_PACKAGES = ("batchyard", "celery", "kombu", "redis", "h5py", "numpy", "pydantic", "torch", "matplotlib")
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}

#: Below so many bytes free the output's disk counts as nearly full.
_LITTLE_SPACE = 1 << 30
#: Clocks that differ by more seconds than this make ages and logs misleading.
_CLOCK_SKEW = 2.0
#: Redis uses more than this part of its memory: time to give it more.
_MEMORY_SHARE = 0.8

_DEVICES_PROGRAM = """
import json, torch
cuda = torch.cuda.is_available()
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else []
print(json.dumps({"threads": torch.get_num_threads(), "gpus": names}))
"""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    level: Literal["ok", "warn", "fail"]
    subject: str
    text: str
    remedy: str = ""


def doctor(
    redis: Redis = None,
    output: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where jobs will write: its disk is looked at.")
    ] = Path("runs"),
    as_json: Json = False,
) -> None:
    """Check Redis, scheduler, workers, versions, devices, disk and clock, and say what to mend.

    Example: `batchyard doctor --redis redis://host:6379/0`. Exit code 0: all well, or warnings only; 1: a
    check failed; 3: Redis cannot be reached.
    """
    findings: list[Finding] = []
    console = Console(highlight=False, soft_wrap=True)
    reachable = True
    for finding in _all_findings(redis, output):
        findings.append(finding)
        reachable &= not (finding.subject == "redis" and finding.level == "fail")
        if not as_json:
            console.print(
                f"[{_STYLES[finding.level]}]{finding.level:<5}[/]{finding.subject:<12}{escape(finding.text)}"
            )
            if finding.remedy:
                console.print(f"{'':<17}[dim]→ {escape(finding.remedy)}[/]")
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    if not reachable:
        raise typer.Exit(EXIT_UNAVAILABLE)
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(EXIT_JOB_FAILED)


def _all_findings(redis: str | None, output: Path) -> Iterator[Finding]:
    yield from _cluster(redis)
    yield from _versions()
    yield _disk(output)
    yield _embedded_redis()
    yield _devices()  # the last one, as it takes seconds


def _cluster(redis: str | None) -> Iterator[Finding]:
    try:
        client = connect(redis)
    except InputError as error:
        yield Finding("warn", "redis", error.what, error.remedy)
        return
    except StoreUnavailable as error:
        yield Finding("fail", "redis", error.what, error.remedy)
        return
    with client:
        try:
            yield from _server(client)
            yield _scheduler(client)
            yield _workers(client)
        except StoreUnavailable as error:
            yield Finding("fail", "redis", error.what, error.remedy)


def _versions() -> Iterator[Finding]:
    found: list[str] = []
    missing: list[str] = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok", "versions", f"python {python}, {', '.join(found)}")
    if missing:
        yield Finding(
            "warn",
            "versions",
            f"{', '.join(missing)} not installed: no worker can run here",
            "For a worker: pip install 'batchyard[worker]'. A machine that only submits does without.",
        )


def _devices() -> Finding:
    """Ask torch in a process of its own: it is slow to load and may take hold of a GPU."""
    cores = os.cpu_count() or 1
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _DEVICES_PROGRAM], capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding(
            "warn", "devices", f"{cores} cores; torch does not load within 120 s", "Try: import torch"
        )
    if answer.returncode != 0:
        reason = (answer.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding("warn", "devices", f"{cores} cores; torch does not load: {reason}")
    gpus = json.loads(answer.stdout.strip().splitlines()[-1])["gpus"]
    if not gpus and any(Path("/dev").glob("nvidia[0-9]*")):
        return Finding(
            "warn",
            "devices",
            f"{cores} cores; this machine has an NVIDIA GPU that torch does not see",
            "Install torch for CUDA: https://pytorch.org/get-started",
        )
    return Finding("ok", "devices", f"{cores} cores, {', '.join(gpus) if gpus else 'no GPU'}")


def _disk(output: Path) -> Finding:
    folder = output.absolute()
    while not folder.is_dir():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Finding(
            "fail", "disk", f"{folder} cannot be written", "Give another --output, or change its mode."
        )
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):.1f} GiB free in {folder}"
    if free < _LITTLE_SPACE:
        return Finding("warn", "disk", text, "Make room, or write elsewhere: `output` in the job file.")
    return Finding("ok", "disk", text)


def _embedded_redis() -> Finding:
    try:
        return Finding("ok", "embedded", f"`run` and `up` would start {find_redis_server()}")
    except EmbeddedError as error:
        return Finding("warn", "embedded", error.what, error.remedy)


def _server(client: Client) -> Iterator[Finding]:
    server = client.store.server()
    version = tuple(int(part) for part in server.version.split(".")[:2])
    if version < (6, 2):
        yield Finding(
            "fail", "redis", f"version {server.version} is too old", "Use Redis or Valkey 6.2 or newer."
        )
    else:
        yield Finding(
            "ok", "redis", f"version {server.version}, answers in {1000 * server.round_trip:.1f} ms"
        )
    if server.aof_enabled:
        yield Finding("ok", "durability", "append-only file is on: jobs survive a restart of Redis")
    else:
        yield Finding(
            "warn",
            "durability",
            "append-only file is off: a restart of Redis loses all jobs",
            "Set `appendonly yes` in redis.conf, or: redis-cli config set appendonly yes",
        )
    if server.evicts:
        yield Finding(
            "fail",
            "memory",
            "Redis drops keys when its memory is full, which loses jobs",
            "Set `maxmemory-policy noeviction`.",
        )
    elif server.max_memory and server.used_memory > _MEMORY_SHARE * server.max_memory:
        share = 100 * server.used_memory / server.max_memory
        yield Finding("warn", "memory", f"Redis uses {share:.0f} % of its memory", "Raise `maxmemory`.")
    else:
        yield Finding("ok", "memory", f"Redis uses {server.used_memory / (1 << 20):.0f} MiB")
    if abs(server.clock_offset) > _CLOCK_SKEW:
        yield Finding(
            "warn",
            "clock",
            f"this machine's clock and Redis's differ by {abs(server.clock_offset):.1f} s",
            "Synchronise both (chrony, systemd-timesyncd). Results do not depend on it, shown ages do.",
        )
    else:
        yield Finding("ok", "clock", f"differs from Redis's by {abs(server.clock_offset):.3f} s")


def _scheduler(client: Client) -> Finding:
    leader = client.store.leader()
    if leader is None:
        return Finding("fail", "scheduler", "none leads: no job will start", "Start one: batchyard scheduler")
    return Finding("ok", "scheduler", f"{leader} leads")


def _workers(client: Client) -> Finding:
    workers = client.workers()
    beating = [worker for worker in workers if worker.beating and not worker.dead]
    silent = [worker.name for worker in workers if worker not in beating]
    if not beating:
        return Finding("fail", "workers", "none beats: no job will start", "Start some: batchyard worker")
    kinds = len({worker.fingerprint for worker in beating})
    text = f"{len(beating)} beating" + (f", of {kinds} fingerprints" if kinds > 1 else "")
    if silent:
        return Finding(
            "warn", "workers", f"{text}; silent: {', '.join(silent)}", "Look at their machines and logs."
        )
    if kinds > 1:
        return Finding(
            "warn", "workers", text, "A job uses workers of one fingerprint: see `batchyard status --json`."
        )
    return Finding("ok", "workers", text)
