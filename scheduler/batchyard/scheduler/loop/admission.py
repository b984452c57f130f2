"""Which queued jobs start, on which workers, and why the others wait. Pure functions of the state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.protocol import JobRecord, JobState, WorkerRecord

__all__ = ["Start", "Verdict", "Wait", "admit", "eligible", "one_fingerprint"]


@dataclass(frozen=True)
class Start:
    """The job starts."""

    job: JobRecord
    workers: tuple[WorkerRecord, ...]


@dataclass(frozen=True)
class Wait:
    """The job waits.

    Args:
        reason: Why, in one line.
        impossible: Whether it can never start.
        contends: Whether it could start if other jobs held fewer workers.
    """

    job: JobRecord
    reason: str
    impossible: bool = False
    contends: bool = False


Verdict = Start | Wait


def eligible(worker: WorkerRecord, spec: JobSpec) -> bool:
    """Tell whether a worker may compute for a job at all."""
    return worker.threads == spec.threads and (worker.allow_code or not spec.needs_code)


def one_fingerprint(workers: Sequence[WorkerRecord], spec: JobSpec) -> list[WorkerRecord]:
    """Return the largest group of workers that give equal bits (all of them, where the job allows mixing)."""
    if spec.mixed_fingerprints == "warn" or not workers:
        return list(workers)
    sizes = Counter(worker.fingerprint for worker in workers)
    best = max(sizes, key=lambda fingerprint: (sizes[fingerprint], fingerprint))
    return [worker for worker in workers if worker.fingerprint == best]


def admit(
    queued: Iterable[JobRecord],
    running: Sequence[JobRecord],
    others: Mapping[str, JobRecord],
    fleet: Sequence[WorkerRecord],
    free: Sequence[WorkerRecord],
) -> list[Verdict]:
    """Decide about every queued job: by priority, then fair share of owners, then age.

    A job starts with all of its minimum or not at all. A job that waits for workers others hold keeps later
    jobs from overtaking it, so a large one is not starved by small ones.

    Args:
        queued: Jobs that wait.
        running: Jobs that hold workers.
        others: Every job that a queued one may depend on, by id.
        fleet: All usable workers.
        free: Those of them that no job holds.
    """
    share = Counter({job.owner: 0 for job in running})
    for job in running:
        share[job.owner] += len(job.allotted)
    pool = list(free)
    verdicts: list[Verdict] = []
    ahead: JobRecord | None = None
    waiting = list(queued)
    while waiting:
        job = min(waiting, key=lambda j: (-j.priority, share[j.owner], j.submitted_at, j.id))
        waiting.remove(job)
        spec = JobSpec.model_validate(job.spec)
        blocked = _dependencies(job, spec, others)
        if blocked is not None:
            verdicts.append(blocked)
            continue
        candidates = one_fingerprint([w for w in pool if eligible(w, spec)], spec)
        reachable = one_fingerprint([w for w in fleet if eligible(w, spec)], spec)
        if len(reachable) < spec.workers.min:
            verdicts.append(Wait(job, _too_few(spec, reachable, fleet)))
        elif ahead is not None:
            verdicts.append(Wait(job, f"waits behind job {ahead.id}, which comes first", contends=True))
        elif len(candidates) < spec.workers.min:
            ahead = job
            reason = _busy(spec, len(candidates), len(reachable), running)
            verdicts.append(Wait(job, reason, contends=True))
        else:
            chosen = tuple(candidates[: spec.workers.max])
            pool = [worker for worker in pool if worker not in chosen]
            share[job.owner] += len(chosen)
            verdicts.append(Start(job, chosen))
    return verdicts


def _dependencies(job: JobRecord, spec: JobSpec, others: Mapping[str, JobRecord]) -> Wait | None:
    for needed in spec.after:
        other = others.get(needed)
        if other is None:
            return Wait(job, f"the job it needs, {needed}, is not known any more", impossible=True)
        if JobState(other.state) in (JobState.FAILED, JobState.CANCELLED):
            return Wait(job, f"the job it needs, {needed}, {_ended(other)}", impossible=True)
        if other.state != JobState.SUCCEEDED:
            return Wait(job, f"waits for job {needed} to succeed; it is {other.state}")
    return None


def _ended(job: JobRecord) -> str:
    return "was cancelled" if job.state == JobState.CANCELLED else "failed"


def _too_few(spec: JobSpec, reachable: Sequence[WorkerRecord], fleet: Sequence[WorkerRecord]) -> str:
    wanted = f"needs at least {_count(spec.workers.min)}"
    if not fleet:
        return f"{wanted}; none is running (start some: batchyard worker)"
    traits = [f"--threads {spec.threads}"] + (["--allow-code"] if spec.needs_code else [])
    unfit = len(fleet) - sum(eligible(worker, spec) for worker in fleet)
    if unfit:
        return (
            f"{wanted} started with {' '.join(traits)}; {len(reachable)} of {len(fleet)} running "
            f"{'is' if len(reachable) == 1 else 'are'}"
        )
    if len(reachable) < len(fleet):
        return f"{wanted} of one fingerprint; of the {len(fleet)} running at most {len(reachable)} are alike"
    return f"{wanted}; only {len(fleet)} running (start more: batchyard worker)"


def _busy(spec: JobSpec, free: int, reachable: int, running: Sequence[JobRecord]) -> str:
    holders = ", ".join(job.id for job in running if job.allotted)
    return f"waits for {_count(spec.workers.min)}: {free} of {reachable} free" + (
        f", the others work for {holders}" if holders else ""
    )


def _count(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"
