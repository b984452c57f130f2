"""Events as lines that a user reads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from batchyard.scheduler.protocol import Event, EventKind

__all__ = ["log_lines", "metric_text"]


def log_lines(event: Event) -> list[str]:
    """Return an event as lines of a log; the first one begins with the time of day."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    first, *more = _text(event)
    return [f"{clock} {first}", *more]


def metric_text(logs: Mapping[str, Any]) -> str:
    """Return `loss 0.1234  acc 0.98  val_loss 0.2` for logs: losses first, training before validation."""
    names = sorted(logs, key=lambda name: (name.startswith("val_"), name.removeprefix("val_") != "loss"))
    return "  ".join(
        f"{name} {logs[name]:.4g}" if isinstance(logs[name], float) else f"{name} {logs[name]}"
        for name in names
    )


def _text(event: Event) -> list[str]:
    data = event.data
    match event.kind:
        case EventKind.SUBMITTED:
            return ["submitted"]
        case EventKind.WAITING:
            return [f"waiting: {data.get('reason', '')}"]
        case EventKind.STARTED:
            return [f"started on {_names(data.get('workers'))}"]
        case EventKind.CREW:
            why = f" ({data['reason']})" if data.get("reason") else ""
            return [f"crew {data.get('generation')}: {_names(data.get('workers'))}{why}"]
        case EventKind.EPOCH:
            speed = f"  {data['samples_per_second']:.0f} samples/s" if data.get("samples_per_second") else ""
            return [f"epoch {int(data.get('epoch', 0)) + 1}: {metric_text(data.get('logs', {}))}{speed}"]
        case EventKind.CHECKPOINT:
            best = "best so far, " if data.get("best") else ""
            return [f"checkpoint: {best}{data.get('path', '')}"]
        case EventKind.RANGE:
            rows = f"batches {data.get('start')} to {data.get('stop')}"
            return [f"{rows} on {data.get('worker') or 'no worker'}: {data.get('error', '')}"]
        case EventKind.WARNING:
            return [f"warning: {data.get('message', '')}"]
        case EventKind.LOG:
            return [f"{data.get('level', 'INFO')} {data.get('worker', '')} {data.get('message', '')}"]
        case EventKind.WANT:
            return [f"asked to {data.get('want', '')}"]
        case EventKind.ENDED:
            reason = f": {data['reason']}" if data.get("reason") else ""
            return [f"{data.get('state', 'ended')}{reason}", *str(data.get("detail") or "").splitlines()]
    return [f"{event.kind} {data}"]  # of a newer version


def _names(workers: Any) -> str:
    return ", ".join(map(str, workers)) if isinstance(workers, list) and workers else "no worker"
