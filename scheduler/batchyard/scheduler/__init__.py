"""Batchyard's control plane: job specifications, state, scheduling, client and command line."""

from batchyard.scheduler.client import Client, JobHandle, JobResult, JobStatus, ResultPaths
from batchyard.scheduler.errors import BatchyardError, JobCancelled, JobFailed, JobFileError
from batchyard.scheduler.jobs import JobSpec, load_job_file

__all__ = [
    "BatchyardError",
    "Client",
    "JobCancelled",
    "JobFailed",
    "JobFileError",
    "JobHandle",
    "JobResult",
    "JobSpec",
    "JobStatus",
    "ResultPaths",
    "load_job_file",
]
