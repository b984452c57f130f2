"""What a task may know of the worker that runs it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import torch

from batchyard.scheduler.store import Store
from batchyard.workers.metrics import WorkerMetrics

__all__ = ["WorkerContext"]


@dataclass(frozen=True)
class WorkerContext:
    """One worker process.

    Attributes:
        store: the shared state.
        name: of the worker.
        incarnation: of this process.
        device: to compute on.
        address: where other crew members reach this process.
        draining: set when the worker shall finish its step or batch, hand over and leave.
        metrics: what `/metrics` shows.
    """

    store: Store
    name: str
    incarnation: str
    device: torch.device
    address: str
    draining: threading.Event = field(default_factory=threading.Event)
    metrics: WorkerMetrics = field(default_factory=WorkerMetrics)
