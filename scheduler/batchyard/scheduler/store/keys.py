"""Every key in Redis. Nothing outside `batchyard.scheduler.store` knows a key's name.

All keys start with `batchyard:`. `<job>` is a job's id, `<worker>` a worker's name.

| key                          | type   | holds                                            | written by        | lives                      |
|------------------------------|--------|--------------------------------------------------|-------------------|----------------------------|
| `jobs`                       | zset   | job ids by time of submission                    | client            | until the job is forgotten |
| `active`                     | set    | ids of jobs that have not ended                  | client, scheduler | until the job ends         |
| `job:<job>`                  | hash   | the fields of `JobRecord`, `epochs_told`         | all               | with the job               |
| `job:<job>:tasks`            | hash   | live tasks: id → `TaskRecord`                    | scheduler, worker | until the job ends         |
| `job:<job>:ledger`           | hash   | first batch → `LedgerEntry`                      | worker, scheduler | with the job               |
| `job:<job>:events`           | stream | what a user waits for (`Event`)                  | all               | with the job, ~100,000 entries |
| `job:<job>:signals`          | stream | wakes the members of the crew                    | scheduler, client | until the job ends         |
| `job:<job>:crew`             | hash   | `generation`, `document` (`Crew`), `broken`      | scheduler, worker | with the job               |
| `job:<job>:decisions`        | hash   | epoch → decision                                 | worker            | with the job               |
| `job:<job>:checkpoints`      | hash   | path → `Checkpoint`                              | worker            | with the job               |
| `job:<job>:progress`         | string | `Progress`                                       | worker, scheduler | with the job               |
| `job:<job>:meeting:<gen>`    | hash   | how the members of a generation find each other  | worker            | one hour                   |
| `workers`                    | set    | names of workers                                 | worker            | until forgotten            |
| `worker:<worker>`            | hash   | `document` (`WorkerRecord`), `incarnation`, `draining`, `dead`, `order` | worker, scheduler | until forgotten |
| `worker:<worker>:beat`       | string | incarnation                                      | worker            | the heartbeat's TTL        |
| `leader`                     | string | token of the leading scheduler                   | scheduler         | the leader's lease         |
| `leader:terms`               | string | counter behind the token                         | scheduler         | for ever                   |
| `wake`                       | stream | wakes the scheduler                              | all               | ~1,000 entries             |
| `celery:*`                   | …      | Celery's queues (its own business)               | Celery            | Celery; worker queues until the worker is forgotten |

An ended job keeps its keys for `RETENTION` seconds, then Redis drops them.
"""

from __future__ import annotations

PREFIX = "batchyard:"

#: Prefix that Celery's transport puts before every key of its own.
CELERY_PREFIX = PREFIX + "celery:"

#: How long an ended job's keys stay, in seconds (30 days). Its files are never touched.
RETENTION = 30 * 24 * 3600

#: How long the meeting point of a generation stays, in seconds.
MEETING_TTL = 3600

JOBS = PREFIX + "jobs"
ACTIVE = PREFIX + "active"
WORKERS = PREFIX + "workers"
LEADER = PREFIX + "leader"
LEADER_TERMS = PREFIX + "leader:terms"
WAKE = PREFIX + "wake"


def job(job_id: str) -> str:
    """Key of a job's fields."""
    return f"{PREFIX}job:{job_id}"


def tasks(job_id: str) -> str:
    """Key of a job's live tasks."""
    return f"{job(job_id)}:tasks"


def ledger(job_id: str) -> str:
    """Key of a job's finished ranges."""
    return f"{job(job_id)}:ledger"


def events(job_id: str) -> str:
    """Key of a job's event stream."""
    return f"{job(job_id)}:events"


def signals(job_id: str) -> str:
    """Key of the stream that wakes a job's crew."""
    return f"{job(job_id)}:signals"


def crew(job_id: str) -> str:
    """Key of a job's crew."""
    return f"{job(job_id)}:crew"


def decisions(job_id: str) -> str:
    """Key of what was decided at the epochs' ends."""
    return f"{job(job_id)}:decisions"


def checkpoints(job_id: str) -> str:
    """Key of a job's recorded checkpoints."""
    return f"{job(job_id)}:checkpoints"


def progress(job_id: str) -> str:
    """Key of what a live display shows."""
    return f"{job(job_id)}:progress"


def meeting(job_id: str, generation: int) -> str:
    """Key of the meeting point of one generation of a crew."""
    return f"{job(job_id)}:meeting:{generation}"


def of_job(job_id: str) -> list[str]:
    """All keys that are kept with a job."""
    return [key(job_id) for key in (job, ledger, events, crew, decisions, checkpoints, progress)]


def worker(name: str) -> str:
    """Key of a worker's record."""
    return f"{PREFIX}worker:{name}"


def beat(name: str) -> str:
    """Key of a worker's heartbeat."""
    return f"{worker(name)}:beat"


def celery_queue(queue: str) -> str:
    """Key under which Celery's Redis transport keeps a queue's messages."""
    return CELERY_PREFIX + queue


def celery_bindings(exchange: str) -> str:
    """Key under which Celery's Redis transport keeps an exchange's bindings."""
    return f"{CELERY_PREFIX}_kombu.binding.{exchange}"
