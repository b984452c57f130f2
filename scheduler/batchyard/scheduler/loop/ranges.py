"""Reconciles a running predict or evaluate job: a bounded window of ranges, then one join."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter

from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.loop.actions import Actions
from batchyard.scheduler.loop.staffing import staff
from batchyard.scheduler.protocol import (
    JobRecord,
    JobState,
    LedgerEntry,
    Progress,
    TaskKind,
    TaskRecord,
    TaskState,
    Want,
    WorkerRecord,
)
from batchyard.scheduler.splitting import range_length

__all__ = ["reconcile_ranges"]

log = logging.getLogger(__name__)

#: Ranges that each worker has in hand: one that it computes, one that waits, which hides the round trip.
WINDOW = 2

#: A range counts as straggling after this many times its expected duration, but not before so many seconds.
STRAGGLER_FACTOR = 4.0
STRAGGLER_SECONDS = 5.0

#: A task whose workers died more often than that is what kills them (memory, say), and fails the job.
MOST_DEATHS = 10

JOIN = "join"


def reconcile_ranges(actions: Actions, job: JobRecord, spec: JobSpec) -> None:
    """Take the next steps of a running predict or evaluate job."""
    if job.outcome:
        actions.end(job, JobState.SUCCEEDED, str(job.outcome.get("reason", "")), outcome=job.outcome)
        return
    if job.want == Want.CANCEL:
        actions.end(job, JobState.CANCELLED, "cancelled on request")
        return
    tasks = _mend(actions, job, actions.store.tasks(job.id))
    for task in tasks:
        raised = task.state == TaskState.WAITING and task.failures > 0
        if raised and not _give_another_chance(actions, job, spec, task, tasks):
            return
    deadly = next((task for task in tasks if task.deaths > MOST_DEATHS), None)
    if deadly is not None:
        what = f"batches {deadly.start} to {deadly.stop - 1}" if deadly.kind == TaskKind.RANGE else "the join"
        reason = f"{deadly.deaths} workers died while they computed {what}; see the workers' logs"
        actions.end(job, JobState.FAILED, reason)
        return
    if job.want == Want.STOP and not any(task.state == TaskState.RUNNING for task in tasks):
        done = (
            f"{job.batches_done} of {job.batches} batches are done; their parts stay in {job.directory}/parts"
        )
        actions.end(job, JobState.CANCELLED, f"stopped on request: {done}")
        return
    job, held = staff(actions, job, spec)
    if job.want != Want.STOP:
        _hand_out(actions, job, tasks=actions.store.tasks(job.id), held=held)
    _report(actions, job, len(held))


def _mend(actions: Actions, job: JobRecord, tasks: list[TaskRecord]) -> list[TaskRecord]:
    """Take tasks back from workers that are gone or deaf; drop those that another attempt has finished."""
    computing = {task.worker for task in tasks if task.state == TaskState.RUNNING}
    done = actions.store.done_already(job.id, tasks)
    for task in tasks:
        if task in done:
            actions.store.drop_task(actions.token, job.id, task)
        elif task.state == TaskState.WAITING:
            continue
        elif actions.fleet.lost_task(task):
            actions.take_back(job, task)
        elif task.state == TaskState.DISPATCHED and task.worker not in computing:
            actions.send_again(job, task)
    return actions.store.tasks(job.id)


def _give_another_chance(
    actions: Actions, job: JobRecord, spec: JobSpec, task: TaskRecord, tasks: list[TaskRecord]
) -> bool:
    """Decide about a task that has raised; False when the job has ended by it.

    A range is first cut around the batch that raised, so that one bad batch costs no other. What cannot be
    cut is tried again, on another worker where there is one, up to the job's retries.
    """
    if task.twin:
        actions.store.drop_task(actions.token, job.id, task)
        return True
    for twin in (other for other in tasks if other.twin == task.id):
        # Once the twin is dropped it cannot commit the whole range any more, and the range may be cut.
        if not actions.store.drop_task(actions.token, job.id, twin):
            return True
    bad = task.failed_batch
    if bad >= 0 and task.stop - task.start > 1 and not task.fatal:
        # New tasks first, then the old one goes: interrupted in between, the cut is simply made again.
        for start, stop in ((task.start, bad), (bad, bad + 1), (bad + 1, task.stop)):
            if start < stop:
                piece = TaskRecord(id=_range_id(start, stop), kind=TaskKind.RANGE, start=start, stop=stop)
                if start == bad:
                    piece = dataclasses.replace(
                        piece,
                        worker=task.worker,
                        failures=1,
                        failed_batch=bad,
                        last_error=task.last_error,
                        last_detail=task.last_detail,
                    )
                actions.store.create_task(actions.token, job.id, piece)
        actions.store.drop_task(actions.token, job.id, task)
        return True
    if task.failures <= spec.retries and not task.fatal:
        return True
    if task.kind == TaskKind.RANGE and bad >= 0 and spec.on_error == "continue":
        entry = LedgerEntry(
            start=task.start,
            stop=task.stop,
            part="",
            rows=0,
            seconds=0.0,
            worker=task.worker,
            error=task.last_error,
        )
        actions.store.quarantine(actions.token, job.id, task, entry)
        return True
    actions.end(job, JobState.FAILED, task.last_error, detail=task.last_detail)
    return False


def _hand_out(actions: Actions, job: JobRecord, tasks: list[TaskRecord], held: list[WorkerRecord]) -> None:
    """Fill the window: waiting tasks first, then new ranges, then stragglers a second time, then the join."""
    load = Counter(task.worker for task in tasks if task.state != TaskState.WAITING)
    waiting = [task for task in tasks if task.state == TaskState.WAITING]
    next_batch = job.next_batch
    while held:
        worker = min(held, key=lambda w: (load[w.name], w.name))
        if load[worker.name] >= WINDOW:
            break
        if waiting:
            task = min(waiting, key=lambda t: t.start)
            waiting.remove(task)
            chosen = _other_than(task, worker, held, load)
            actions.dispatch(job, task, chosen)
            load[chosen.name] += 1
        elif next_batch < job.batches:
            stop = next_batch + range_length(job.batches - next_batch, job.batch_seconds, len(held))
            piece = TaskRecord(
                id=_range_id(next_batch, stop), kind=TaskKind.RANGE, start=next_batch, stop=stop
            )
            actions.create(job, piece, worker, {"next_batch": stop})
            next_batch = stop
            load[worker.name] += 1
        elif load[worker.name] == 0 and (late := _straggler(actions, job, tasks)) is not None:
            twin = dataclasses.replace(
                late, id=f"{late.id}-again", twin=late.id, incarnation="", claimed_at=0.0
            )
            actions.create(job, twin, worker)
            return
        else:
            break
    if held and not tasks and job.batches_done >= job.batches:
        actions.create(job, TaskRecord(id=JOIN, kind=TaskKind.JOIN), held[0])


def _other_than(
    task: TaskRecord, worker: WorkerRecord, held: list[WorkerRecord], load: Counter[str]
) -> WorkerRecord:
    """Return a worker for a task that failed: rather not the one it failed on."""
    if not task.failures or worker.name != task.worker:
        return worker
    others = [w for w in held if w.name != task.worker and load[w.name] < WINDOW]
    return min(others, key=lambda w: (load[w.name], w.name)) if others else worker


def _straggler(actions: Actions, job: JobRecord, tasks: list[TaskRecord]) -> TaskRecord | None:
    """Return the range that has run longest beyond its expected time and was not handed out twice yet."""
    repeated = {task.twin for task in tasks}
    late = [
        task
        for task in tasks
        if task.kind == TaskKind.RANGE
        and task.state == TaskState.RUNNING
        and not task.twin
        and task.id not in repeated
        and actions.now - task.claimed_at
        > max(STRAGGLER_SECONDS, STRAGGLER_FACTOR * job.batch_seconds * (task.stop - task.start))
    ]
    return min(late, key=lambda task: task.claimed_at, default=None)


def _range_id(start: int, stop: int) -> str:
    return f"range-{start}-{stop}"


def _report(actions: Actions, job: JobRecord, workers: int) -> None:
    elapsed = max(actions.now - job.started_at, 1e-9)
    progress = Progress(
        step=job.batches_done,
        steps=job.batches,
        samples_per_second=job.rows_done / elapsed,
        workers=workers,
        at=actions.now,
    )
    actions.store.report_progress(job.id, progress)
