"""Reconciles a running fit job: a seat for each worker it holds, a generation for each make-up of them."""

from __future__ import annotations

import logging
import uuid

from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.loop.actions import Actions
from batchyard.scheduler.loop.staffing import staff
from batchyard.scheduler.protocol import (
    Crew,
    JobRecord,
    JobState,
    Member,
    TaskKind,
    TaskRecord,
    TaskState,
    Want,
    WorkerOrder,
)
from batchyard.scheduler.splitting import assign_lanes

__all__ = ["reconcile_fit"]

log = logging.getLogger(__name__)

#: Seconds that a generation waits for members who have been called and are on their way.
JOIN_PATIENCE = 2.0

#: Seconds that a broken generation is given to show which member has died, before the same ones try again.
BROKEN_PATIENCE = 0.25

#: After so many generations in a row that broke with the same members, one of them has to leave.
MOST_BREAKS = 3

#: A job that lost more workers than this since its last epoch or checkpoint is what kills them (memory, say).
MOST_LOSSES = 100


def reconcile_fit(actions: Actions, job: JobRecord, spec: JobSpec) -> None:
    """Take the next steps of a running fit job."""
    if job.outcome:
        actions.end(job, JobState.SUCCEEDED, str(job.outcome.get("reason", "")), outcome=job.outcome)
        return
    if job.want == Want.CANCEL:
        actions.end(job, JobState.CANCELLED, "cancelled on request")
        return
    seats = actions.store.tasks(job.id)
    for seat in seats:
        if seat.failures and (seat.fatal or seat.failures > spec.retries):
            actions.end(job, JobState.FAILED, seat.last_error, detail=seat.last_detail)
            return
    job, held = staff(actions, job, spec)
    seats = _mend(actions, job, seats)
    called = {seat.worker for seat in seats}
    for worker in held:
        if worker.name not in called:
            seat = TaskRecord(id=f"seat-{uuid.uuid4().hex[:8]}", kind=TaskKind.SEAT)
            created = actions.create(job, seat, worker)
            if created is not None:
                seats.append(created)
    _regroup(actions, job, spec, seats)


def _mend(actions: Actions, job: JobRecord, seats: list[TaskRecord]) -> list[TaskRecord]:
    """Drop seats whose worker is gone; call again those who did not hear; return what is left."""
    left = []
    for seat in seats:
        if seat.state == TaskState.WAITING or actions.fleet.lost_task(seat):
            actions.store.drop_task(actions.token, job.id, seat)
        elif seat.state == TaskState.RUNNING or actions.send_again(job, seat) is not None:
            left.append(seat)
    return left


def _regroup(actions: Actions, job: JobRecord, spec: JobSpec, seats: list[TaskRecord]) -> None:
    """Write the next generation when the claimed seats are others than the crew's, or the crew broke."""
    crew = actions.store.crew(job.id)
    staying = [seat for seat in seats if seat.state == TaskState.RUNNING and not _draining(actions, seat)]
    staying = staying[: spec.lanes]
    before = {(member.seat, member.incarnation) for member in crew.members}
    after = {(seat.id, seat.incarnation) for seat in staying}
    if before == after and not crew.broken:
        return
    if len(staying) < max(1, spec.workers.min):
        return
    on_their_way = any(
        seat.state == TaskState.DISPATCHED and actions.now - seat.dispatched_at < JOIN_PATIENCE
        for seat in seats
    )
    breaks = 0
    milestone = actions.store.milestone(job.id)
    losses = len(before - after) + (crew.losses if milestone == crew.milestone else 0)
    if losses > MOST_LOSSES:
        reason = (
            f"{losses} workers were lost without a new checkpoint (after {milestone}); see the workers' logs"
        )
        actions.end(job, JobState.FAILED, reason)
        return
    if before - after:
        reason = f"{len(before - after)} left"
    elif crew.broken and not after - before:
        breaks = crew.breaks + 1
        if actions.now - crew.broken_at < BROKEN_PATIENCE * 2 ** min(crew.breaks, 4):
            return
        if breaks > MOST_BREAKS and len(staying) > max(1, spec.workers.min):
            breaks = 0
            _expel(actions, job, staying.pop())
        reason = f"broken ({crew.broken})"
    elif on_their_way and not crew.broken:
        return
    else:
        reason = f"{len(after - before)} joined"
    shares = assign_lanes(len(staying), spec.lanes)
    members = tuple(
        Member(rank=rank, worker=seat.worker, incarnation=seat.incarnation, seat=seat.id, lanes=lanes)
        for rank, (seat, lanes) in enumerate(zip(staying, shares, strict=True))
    )
    following = Crew(
        generation=crew.generation + 1,
        members=members,
        breaks=breaks,
        milestone=milestone,
        losses=losses,
    )
    actions.store.regroup(actions.token, job.id, crew.generation, following, reason)
    log.info("new generation", extra={"action": "regroup", "job": job.id, "generation": following.generation})


def _draining(actions: Actions, seat: TaskRecord) -> bool:
    worker = actions.fleet.get(seat.worker)
    return worker is None or worker.draining


def _expel(actions: Actions, job: JobRecord, seat: TaskRecord) -> None:
    """Take a seat from a worker that the others cannot reach, and let its supervisor start it afresh."""
    actions.store.drop_task(actions.token, job.id, seat)
    actions.store.order(seat.worker, seat.incarnation, WorkerOrder.RESTART)
