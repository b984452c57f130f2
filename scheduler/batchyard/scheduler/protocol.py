"""What crosses a process: jobs, tasks, workers, crews and events as frozen dataclasses.

Everything here is plain data that turns into JSON and back. The store writes it, the scheduler and the
workers read it; no other module invents a field. The words are those of the architecture: a *job* is what a
user submits; a *task* is a unit of work dispatched through Celery (a seat in a crew, a range of batches, or
the joining of the parts); an *attempt* is the n-th try of a task and its fencing token; a *generation* is one
make-up of a *crew*.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

__all__ = [
    "Checkpoint",
    "Crew",
    "Event",
    "EventKind",
    "JobKind",
    "JobRecord",
    "JobState",
    "LedgerEntry",
    "Member",
    "Progress",
    "Signal",
    "SignalKind",
    "TaskFailure",
    "TaskKind",
    "TaskMessage",
    "TaskRecord",
    "TaskState",
    "Want",
    "WorkerOrder",
    "WorkerRecord",
]


class Document:
    """Mixin of dataclasses that are stored as one JSON document."""

    def to_json(self) -> str:
        """Return the document as compact JSON with sorted keys."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a document; fields that this version does not know are dropped, so versions can mix."""
        known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})


class JobKind(StrEnum):
    """What a job does."""

    FIT = "fit"
    EVALUATE = "evaluate"
    PREDICT = "predict"


class JobState(StrEnum):
    """Where a job stands. The arrows are in `TRANSITIONS`."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing will happen to the job any more."""
        return not TRANSITIONS[self]


#: The job's state machine: from each state, the states that may follow.
TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELLED}),
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


class Want(StrEnum):
    """What a user asked of a job after submitting it."""

    NOTHING = ""
    STOP = "stop"  #: end gracefully at the next step boundary, keep the results
    CANCEL = "cancel"  #: drop the job, now


class TaskKind(StrEnum):
    """What a task does; each has a Celery task of the same name (`batchyard.<kind>`)."""

    SEAT = "seat"  #: take part in the crew of a fit job until it ends
    RANGE = "range"  #: predict or evaluate the batches [start, stop)
    JOIN = "join"  #: make the job's result out of the committed parts


class TaskState(StrEnum):
    """Where a live task stands. A finished task has no record: the ledger or the job's outcome tells."""

    WAITING = "waiting"  #: has no worker yet (new, or lost by one)
    DISPATCHED = "dispatched"  #: a message is on its way to `worker`
    RUNNING = "running"  #: claimed by `incarnation`


class WorkerOrder(StrEnum):
    """What the answer to a heartbeat tells the worker to do."""

    GO_ON = ""
    #: It beats but does not hear, or was given up by mistake: leave, the supervisor starts a fresh process.
    RESTART = "restart"
    LEAVE = "leave"  #: another incarnation carries this worker's name
    REGISTER = "register"  #: its record is gone (Redis lost its data): present yourself again


@dataclass(frozen=True)
class JobRecord(Document):
    """One job as the store knows it."""

    id: str
    kind: str
    spec: dict[str, Any]  #: the validated specification (`batchyard.scheduler.jobs.JobSpec`)
    owner: str  #: login name of who submitted it, for fair share
    priority: int
    directory: str  #: absolute path that everything of this job is written to
    state: str = JobState.QUEUED
    reason: str = ""  #: one line: why it waits, or how it ended
    want: str = Want.NOTHING
    submitted_at: float = 0.0  #: seconds since the epoch, Redis's clock (as all times here)
    started_at: float = 0.0
    finished_at: float = 0.0
    allotted: list[str] = field(default_factory=list)  #: names of the workers that the job holds
    fingerprint: str = ""  #: of the workers that it started on; bits are promised within it
    next_batch: int = 0  #: predict, evaluate: first batch that no range covers yet
    batches: int = 0  #: predict, evaluate: number of batches in all
    batches_done: int = 0  #: predict, evaluate: batches in the ledger
    rows_done: int = 0  #: predict, evaluate: rows in the ledger
    batch_seconds: float = 0.0  #: predict, evaluate: smoothed time of one batch on one worker
    error_detail: str = ""  #: the traceback, when it failed
    outcome: dict[str, Any] = field(default_factory=dict)  #: what the last task reported: files, metrics


@dataclass(frozen=True)
class TaskMessage:
    """All that a Celery message carries. The rest is read from the store by the claim."""

    job: str
    task: str
    attempt: int


@dataclass(frozen=True)
class TaskFailure(Document):
    """How an attempt failed."""

    error: str  #: one line
    detail: str = ""  #: the traceback
    batch: int | None = None  #: predict, evaluate: the batch that raised
    retry: bool = True  #: whether another attempt could do better


@dataclass(frozen=True)
class TaskRecord(Document):
    """One live task."""

    id: str
    kind: str
    attempt: int = 0  #: number of the present try; the fencing token of claim and commit
    state: str = TaskState.WAITING
    worker: str = ""  #: name of the worker it was sent to
    incarnation: str = ""  #: process that claimed it
    created_at: float = 0.0
    dispatched_at: float = 0.0
    claimed_at: float = 0.0
    start: int = 0  #: range: first batch
    stop: int = 0  #: range: one past the last batch
    unheard: int = 0  #: messages in a row that nobody claimed
    failures: int = 0  #: attempts that raised
    deaths: int = 0  #: attempts whose worker died
    last_error: str = ""  #: one line of the last failure
    last_detail: str = ""  #: its traceback
    failed_batch: int = -1  #: range: the batch that raised; -1: none
    fatal: bool = False  #: the last failure said that no other attempt could do better
    twin: str = ""  #: range: the straggling task that this one repeats


@dataclass(frozen=True)
class LedgerEntry(Document):
    """A range of batches that is done, once and for all."""

    start: int
    stop: int
    part: str  #: file name inside the job's `parts` folder; empty for a quarantined batch
    rows: int
    seconds: float  #: time that the worker computed
    worker: str
    error: str = ""  #: why the batch was quarantined


@dataclass(frozen=True)
class WorkerRecord(Document):
    """One worker: a process with a device."""

    name: str  #: stays when the supervisor restarts the process; names its Celery queue
    incarnation: str  #: changes at every start of the process
    host: str
    pid: int
    device: str  #: `cpu:0`, `cuda:1`, …
    fingerprint: str  #: device type, thread count, library versions: what bits depend on
    allow_code: bool  #: whether it runs users' Python (`module:factory`)
    address: str  #: where other crew members reach it
    threads: int = 1  #: that it computes with; part of the fingerprint
    metrics_port: int = 0  #: 0: no /metrics
    started_at: float = 0.0
    draining: bool = False
    dead: bool = False  #: its supervisor saw it end
    order: str = WorkerOrder.GO_ON
    beating: bool = False  #: its heartbeat key exists (read-only: derived)

    @property
    def queue(self) -> str:
        """Name of the Celery queue that only this worker reads."""
        return f"batchyard.worker.{self.name}"


@dataclass(frozen=True)
class Member(Document):
    """One seat of a crew in one generation."""

    rank: int
    worker: str
    incarnation: str
    seat: str  #: task id
    lanes: tuple[int, int]  #: owns the lanes [first, one past the last)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lanes", tuple(self.lanes))


@dataclass(frozen=True)
class Crew(Document):
    """The make-up of a fit job's crew. Generation 0 is none."""

    generation: int
    members: tuple[Member, ...]
    broken: str = ""  #: who reported that this generation cannot go on, and why
    broken_at: float = 0.0
    formed_at: float = 0.0
    breaks: int = 0  #: generations in a row, before this one, that broke with the same members
    milestone: str = ""  #: how far the job was when this generation was formed (`Store.milestone`)
    losses: int = 0  #: members lost since the job reached that milestone

    def __post_init__(self) -> None:
        members = tuple(m if isinstance(m, Member) else Member(**m) for m in self.members)
        object.__setattr__(self, "members", members)

    def member(self, incarnation: str) -> Member | None:
        """Return the seat of a process, or None when it is not part of this generation."""
        return next((m for m in self.members if m.incarnation == incarnation), None)


class SignalKind(StrEnum):
    """What wakes the members of a crew. A signal says only: look at the store again."""

    GENERATION = "generation"
    BROKEN = "broken"
    WANT = "want"


@dataclass(frozen=True)
class Signal:
    """An entry of a job's signal stream."""

    id: str
    kind: str


@dataclass(frozen=True)
class Checkpoint(Document):
    """A checkpoint that is safely on disk."""

    path: str  #: the model, HDF5, opens with `load_model`
    sidecar: str  #: cursor, callbacks' state, running sums: what continuing exactly needs
    sha256: str  #: of the model file
    sidecar_sha256: str
    epoch: int  #: epochs finished
    step: int  #: steps done of the epoch in progress
    iterations: int  #: steps done in all
    best: bool = False  #: the best so far by the monitored quantity
    value: float | None = None  #: of the monitored quantity


@dataclass(frozen=True)
class Progress(Document):
    """What a live display shows of a running job; overwritten, not kept."""

    epoch: int = 0  #: fit: epochs finished
    epochs: int = 0
    step: int = 0  #: fit: steps done of this epoch; else batches done
    steps: int = 0  #: of an epoch; else batches in all
    samples_per_second: float = 0.0
    workers: int = 0
    logs: dict[str, float] = field(default_factory=dict)
    at: float = 0.0


class EventKind(StrEnum):
    """Kinds of entries in a job's event stream; the comment names their data."""

    SUBMITTED = "submitted"  # {}
    WAITING = "waiting"  # {reason}
    STARTED = "started"  # {workers, fingerprint}
    CREW = "crew"  # {generation, workers, reason}
    EPOCH = "epoch"  # {epoch (from 0), logs, seconds, samples_per_second, learning_rate}
    CHECKPOINT = "checkpoint"  # {path, epoch, best, value}
    RANGE = "range"  # {start, stop, worker, error} only for retries and quarantine
    WARNING = "warning"  # {message}
    LOG = "log"  # {level, logger, message, worker}
    WANT = "want"  # {want}
    ENDED = "ended"  # {state, reason, detail, outcome}


@dataclass(frozen=True)
class Event:
    """An entry of a job's event stream."""

    id: str  #: position in the stream; pass it as `after` to read on from here
    at: float  #: seconds since the epoch
    kind: str
    data: dict[str, Any]
