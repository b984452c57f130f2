"""What a worker process must have set before torch computes anything, so that equal work gives equal bits.

The variables are read by MKL, OpenMP, CUDA and the allocator when these are loaded. The supervisor puts them
into the environment of its children; nothing of it can be set reliably later.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = [
    "ALLOW_CODE",
    "HEARTBEAT_TTL",
    "REDIS_URL",
    "code_allowed",
    "configure_torch",
    "heartbeat_ttl",
    "worker_environment",
]

#: Redis's URL travels in the environment: it can hold a password, and argv is readable by everyone.
REDIS_URL = "BATCHYARD_REDIS_URL"
#: Seconds after which a silent worker's leases end.
HEARTBEAT_TTL = "BATCHYARD_HEARTBEAT_TTL"
#: Set to 1 on workers that run users' Python.
ALLOW_CODE = "BATCHYARD_ALLOW_CODE"

DEFAULT_TTL = 5.0

CPU_INFO = Path("/proc/cpuinfo")
#: What MKL's AVX-512 kernels need.
WIDE_FLAGS = ("avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl")

#: Largest value that glibc accepts, in bytes. Activations then come from the heap and are not mapped and
#: unmapped, with a page fault for each page, at every step: 1.1 to 1.9 times the speed.
MMAP_THRESHOLD = 32 << 20


def worker_environment(device: str, threads: int, redis_url: str, allow_code: bool) -> dict[str, str]:
    """Return the environment variables of a worker process, to be added to the supervisor's own.

    Args:
        device: `cpu:0`, `cuda:1`, …
        threads: intra-op threads.
        redis_url: where the store is.
        allow_code: whether `module:factory` may run.
    """
    kind, _, index = device.partition(":")
    variables = {
        "MKL_CBWR": _mkl_branch(),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_DYNAMIC": "FALSE",
        "MKL_DYNAMIC": "FALSE",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "MALLOC_MMAP_THRESHOLD_": str(MMAP_THRESHOLD),
        "MALLOC_TRIM_THRESHOLD_": str(8 * MMAP_THRESHOLD),
        "PYTHONHASHSEED": "0",
        REDIS_URL: redis_url,
        ALLOW_CODE: "1" if allow_code else "0",
    }
    # The process sees its own device only, as cuda:0; a CPU worker never creates a CUDA context.
    variables["CUDA_VISIBLE_DEVICES"] = index if kind == "cuda" else ""
    return variables


def _mkl_branch() -> str:
    """Return which of its kernels MKL takes; it is part of the fingerprint.

    Without STRICT the last bit of a matrix product depends on the addresses of its operands. AVX-512 is for
    Intel's processors only, where it multiplies matrices 1.5 to 1.7 times as fast as AVX2 does.
    """
    processor = CPU_INFO.read_text() if CPU_INFO.exists() else ""
    wide = "GenuineIntel" in processor and all(f" {flag} " in processor for flag in WIDE_FLAGS)
    return "AVX512,STRICT" if wide else "AVX2,STRICT"


def configure_torch(device: str, threads: int) -> torch.device:
    """Set torch up for reproducible work; call it before the first operator.

    Args:
        device: `cpu:0`, `cuda:1`, … as the supervisor counts them.
        threads: intra-op threads.

    Returns:
        The device as this process sees it.
    """
    import torch

    torch.set_num_threads(threads)
    if not device.startswith("cuda"):
        return torch.device("cpu")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda:0")


def heartbeat_ttl() -> float:
    """Return the seconds after which a silent worker counts as dead."""
    return float(os.environ.get(HEARTBEAT_TTL, DEFAULT_TTL))


def code_allowed() -> bool:
    """Return whether this process may run users' Python."""
    return os.environ.get(ALLOW_CODE) == "1"
