"""The Python client: submit jobs, watch them, fetch their results."""

from batchyard.scheduler.client.client import Client
from batchyard.scheduler.client.job_handle import JobHandle, JobStatus
from batchyard.scheduler.client.log_lines import log_lines, metric_text
from batchyard.scheduler.client.result import JobResult, ResultPaths, history_of

__all__ = [
    "Client",
    "JobHandle",
    "JobResult",
    "JobStatus",
    "ResultPaths",
    "history_of",
    "log_lines",
    "metric_text",
]
