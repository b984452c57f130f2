"""The scheduler's loop: compares wanted with actual state and acts."""

from batchyard.scheduler.loop.serve import serve

__all__ = ["serve"]
