"""The fingerprint: all that the bits of a result depend on besides the job itself."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import numpy as np
import torch

__all__ = ["fingerprint"]

CACHE = Path("/sys/devices/system/cpu/cpu0/cache")


def fingerprint(device: torch.device) -> str:
    """Describe this process's arithmetic as one canonical line.

    Two workers with equal fingerprints give equal bits; between different ones nothing is promised.

    Args:
        device: the device that the worker computes on.

    Returns:
        `key=value` pairs joined by `;`, always in the same order; `device=…;threads=…` come first.
    """
    facts = {
        "device": device.type,
        "threads": str(torch.get_num_threads()),
        "batchyard": importlib.metadata.version("batchyard"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cache": _caches(),
        "mkl": os.environ.get("MKL_CBWR", "unset"),
    }
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
        facts["cuda"] = str(torch.version.cuda)
        facts["cudnn"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
        facts["cublas"] = os.environ.get("CUBLAS_WORKSPACE_CONFIG", "unset")
    return ";".join(f"{key}={value.replace(';', ',')}" for key, value in facts.items())


def _caches() -> str:
    """Return the sizes of a core's own caches: oneDNN and MKL cut their blocks, thus their sums, by them."""
    sizes = {}
    for index in sorted(CACHE.glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction" and level in ("1", "2"):
            sizes[level] = size
    return "/".join(sizes[level] for level in sorted(sizes)) or "unknown"
