"""Which workers a running job holds: it loses the dead and the draining, and grows up to its maximum."""

from __future__ import annotations

from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.loop.actions import Actions
from batchyard.scheduler.loop.admission import eligible
from batchyard.scheduler.protocol import JobRecord, WorkerRecord

__all__ = ["staff"]


def staff(actions: Actions, job: JobRecord, spec: JobSpec) -> tuple[JobRecord, list[WorkerRecord]]:
    """Bring the workers that a job holds between its minimum and maximum, as far as there are any.

    Returns:
        The job as it is now, and the workers it holds that can be given something.
    """
    held = [
        worker
        for name in job.allotted
        if (worker := actions.fleet.get(name)) is not None and actions.fleet.staying(worker)
    ]
    most = min(spec.workers.max, spec.lanes) if spec.kind == "fit" else spec.workers.max
    wanted = most if actions.growing else min(spec.workers.min, most)
    while len(held) < wanted:
        new = next((worker for worker in actions.free if _fits(worker, job, spec)), None)
        if new is None:
            break
        actions.free.remove(new)
        held.append(new)
    if len(held) >= spec.workers.min:
        actions.explain(job, "")
    else:
        actions.explain(job, f"waits for workers: {len(held)} of at least {spec.workers.min} are there")
    job = actions.allot(job, [worker.name for worker in held])
    return job, [worker for worker in held if actions.fleet.usable(worker)]


def _fits(worker: WorkerRecord, job: JobRecord, spec: JobSpec) -> bool:
    alike = worker.fingerprint == job.fingerprint or spec.mixed_fingerprints == "warn"
    return alike and eligible(worker, spec)
