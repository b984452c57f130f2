"""Job specifications: reading, checking and resolving them."""

from batchyard.scheduler.jobs.job_file import check_spec, load_job_file
from batchyard.scheduler.jobs.records import new_job_id, new_record, write_spec
from batchyard.scheduler.jobs.spec import (
    Callback,
    CheckpointPolicy,
    Compile,
    DataSource,
    JobSpec,
    ModelOfJob,
    NamedObject,
    Timeouts,
    Validation,
    Workers,
    is_reference,
)

__all__ = [
    "Callback",
    "CheckpointPolicy",
    "Compile",
    "DataSource",
    "JobSpec",
    "ModelOfJob",
    "NamedObject",
    "Timeouts",
    "Validation",
    "Workers",
    "check_spec",
    "is_reference",
    "load_job_file",
    "new_job_id",
    "new_record",
    "write_spec",
]
