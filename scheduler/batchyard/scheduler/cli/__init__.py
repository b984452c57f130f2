"""The command line: `batchyard`."""

from batchyard.scheduler.cli.app import app, main

__all__ = ["app", "main"]
