"""What the numbers were measured on."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["machine"]


def machine() -> str:
    """The GPU, or the processor with its cores."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "CPU")
    return f"{model}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}"
