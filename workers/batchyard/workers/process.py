"""A worker process: a Celery worker with one device. Started by the supervisor.

    python -m batchyard.workers.process --name N --incarnation I --device cpu:0

Redis's URL and the permission to run users' Python come in the environment (`environment.py`); how it ends
is in `exit_codes.py`.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence

from celery import Celery
from celery.worker import state as celery_state

from batchyard.scheduler.dispatch import make_app, worker_queue
from batchyard.scheduler.embedded.parent_pipe import leave_with_parent
from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import TaskKind, WorkerOrder, WorkerRecord
from batchyard.scheduler.store import Claim, Store, patiently
from batchyard.workers.context import WorkerContext
from batchyard.workers.environment import REDIS_URL, code_allowed, configure_torch, heartbeat_ttl
from batchyard.workers.exit_codes import EXIT_LEFT, EXIT_REPLACED, EXIT_RESTART, EXIT_STUCK
from batchyard.workers.fingerprint import fingerprint
from batchyard.workers.heartbeat import Heartbeat
from batchyard.workers.job_log import JobLog
from batchyard.workers.join import JoinHandler
from batchyard.workers.metrics import WorkerMetrics
from batchyard.workers.ranges import RangeHandler
from batchyard.workers.task_runner import Outcome, TaskRunner

__all__ = ["WorkerProcess", "main"]

log = logging.getLogger(__name__)

#: Seconds that leaving waits for a Redis that is away.
FAREWELL = 3.0


class WorkerProcess:
    """The parts of a worker process and their order of coming and going.

    Args:
        record: what the store is told of it.
        context: what tasks may know of it.
        grace: seconds that a task gets to come to the end of its step or batch when the worker leaves.
    """

    def __init__(self, record: WorkerRecord, context: WorkerContext, grace: float):
        self._record = record
        self._context = context
        self._grace = grace
        self._exit_code = EXIT_LEFT
        self._ttl = heartbeat_ttl()

    def run(self) -> int:
        """Work until told to leave; return the exit code."""
        context, record = self._context, self._record
        # Only a flag: a signal's handler may interrupt anything, also whoever holds a lock.
        signal.signal(signal.SIGTERM, lambda *_: context.draining.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the supervisor's business
        leave_with_parent(context.draining.set)
        job_log = JobLog(context.store, record.name)
        logging.getLogger().addHandler(job_log)
        ranges = RangeHandler(context)
        runner = TaskRunner(
            context,
            {TaskKind.RANGE: ranges, TaskKind.JOIN: JoinHandler(context), TaskKind.SEAT: self._take_seat},
            job_log,
        )
        if record.metrics_port:
            self._serve_metrics(record.metrics_port)
        patiently(lambda: context.store.register(record, self._ttl), context.draining)
        heartbeat = Heartbeat(context.store, record, self._ttl, self._obey, context.metrics)
        heartbeat.start()
        threading.Thread(target=self._drain, name="drain", daemon=True).start()
        log.info(
            "worker %s is ready on %s",
            record.name,
            record.device,
            extra={"action": "ready", "pid": record.pid},
        )
        try:
            self._consume(make_app(context.store.url), runner)
        finally:
            context.draining.set()
            ranges.close()
            heartbeat.stop()
            self._leave()
            job_log.close()
        return self._exit_code

    def _consume(self, app: Celery, runner: TaskRunner) -> None:
        """Run Celery's worker in this thread until it is told to stop and the running task has ended.

        Tasks run in one thread of a pool, so this one goes on answering control commands.
        """
        runner.register(app)
        app.conf.task_queues = [worker_queue(self._record)]
        worker = app.WorkController(
            hostname=f"batchyard@{self._record.name}",
            pool="threads",
            concurrency=1,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()

    def _serve_metrics(self, port: int) -> None:
        try:
            self._context.metrics.serve(port)
        except OSError as error:
            log.warning("no /metrics on port %d: %s", port, error, extra={"action": "serve_metrics"})

    def _take_seat(self, claim: Claim) -> Outcome:
        seat = importlib.import_module("batchyard.workers.crew.seat")
        outcome: Outcome = seat.run_seat(claim, self._context)
        return outcome

    def _obey(self, order: WorkerOrder) -> None:
        self._exit_code = EXIT_REPLACED if order == WorkerOrder.LEAVE else EXIT_RESTART
        self._context.draining.set()

    def _drain(self) -> None:
        """Once told to leave: say so, and let Celery end after the task that runs."""
        context, record = self._context, self._record
        context.draining.wait()
        log.info("worker %s leaves", record.name, extra={"action": "drain"})
        late = threading.Timer(self._grace, self._end_stuck)
        late.daemon = True
        late.start()
        celery_state.should_stop = EXIT_LEFT
        try:
            context.store.announce_drain(record.name, record.incarnation)
        except StoreUnavailable as error:
            log.warning("leaving cannot be announced: %s", error, extra={"action": "drain"})

    def _end_stuck(self) -> None:
        """End a process whose task does not come to an end; its supervisor reports the death."""
        log.error("the running task does not end; leaving without it", extra={"action": "stuck"})
        logging.shutdown()
        os._exit(EXIT_STUCK)

    def _leave(self) -> None:
        given_up = threading.Event()
        timer = threading.Timer(FAREWELL, given_up.set)
        timer.daemon = True
        timer.start()
        try:
            patiently(
                lambda: self._context.store.deregister(self._record.name, self._record.incarnation), given_up
            )
        except StoreUnavailable as error:
            log.warning("could not take leave: %s", error, extra={"action": "deregister"})
        finally:
            timer.cancel()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a worker process.

    Args:
        argv: command line without the program. Default: the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="batchyard.workers.process", description="A worker process.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--incarnation", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--metrics-port", type=int, default=0)
    parser.add_argument("--address", required=True, help="where other crew members reach this process")
    parser.add_argument("--grace", type=float, required=True, help="seconds to leave in")
    options = parser.parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get("BATCHYARD_LOG_LEVEL", "INFO"),
        format=f"%(asctime)s %(levelname)s {options.name} %(name)s: %(message)s",
    )
    logging.getLogger("celery").setLevel(logging.WARNING)
    device = configure_torch(options.device, options.threads)
    store = Store(os.environ[REDIS_URL])
    context = WorkerContext(
        store, options.name, options.incarnation, device, options.address, metrics=WorkerMetrics()
    )
    record = WorkerRecord(
        name=options.name,
        incarnation=options.incarnation,
        host=socket.gethostname(),
        pid=os.getpid(),
        device=options.device,
        fingerprint=fingerprint(device),
        allow_code=code_allowed(),
        address=options.address,
        threads=options.threads,
        metrics_port=options.metrics_port,
    )
    try:
        return WorkerProcess(record, context, options.grace).run()
    finally:
        store.close()


if __name__ == "__main__":
    code = main()
    # All is sent, written and said. Taking torch apart would take seconds, in which nobody gets anything.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)
