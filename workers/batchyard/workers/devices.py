"""Which devices a supervisor starts workers on, found without touching CUDA."""

from __future__ import annotations

import os
import subprocess

from batchyard.workers.errors import DeviceError

__all__ = ["parse_devices"]

FORMS = "auto, cpu, cpu:2 (two workers on the CPU), cuda (all GPUs), or cuda:0,1"


def parse_devices(text: str, threads: int) -> list[str]:
    """Return one device name per worker.

    Args:
        text: `auto` (all GPUs, else as many CPU workers as cores allow), `cpu:2`, `cuda:0,1` …
        threads: threads of a CPU worker.

    Raises:
        DeviceError: The text is none of these, or names a GPU that is not there.

    Example:
        >>> parse_devices("cpu:2", threads=1)
        ['cpu:0', 'cpu:1']
    """
    kind, _, rest = text.strip().partition(":")
    if kind == "auto" and not rest:
        gpus = _gpus()
        if gpus:
            return [f"cuda:{gpu}" for gpu in gpus]
        return [f"cpu:{i}" for i in range(max(1, len(os.sched_getaffinity(0)) // threads))]
    if kind == "cpu" and (not rest or (rest.isdecimal() and int(rest) > 0)):
        return [f"cpu:{i}" for i in range(int(rest or 1))]
    if kind == "cuda":
        gpus = _gpus()
        wanted = rest.split(",") if rest else gpus
        if not gpus:
            raise DeviceError(f"--devices {text}: this machine has no NVIDIA GPU (nvidia-smi lists none)")
        if missing := [gpu for gpu in wanted if gpu not in gpus]:
            raise DeviceError(f"--devices {text}: there is no GPU {missing[0]}; there are: {', '.join(gpus)}")
        if len(set(wanted)) == len(wanted):
            return [f"cuda:{gpu}" for gpu in wanted]
    raise DeviceError(f"--devices: expected {FORMS}; received {text!r}")


def _gpus() -> list[str]:
    """Return the numbers of the GPUs that may be used, as CUDA_VISIBLE_DEVICES or nvidia-smi count them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu.strip() for gpu in visible.split(",") if gpu.strip()]
    try:
        listing = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return listing.stdout.split()
