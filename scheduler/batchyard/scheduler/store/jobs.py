"""Jobs: submitting, asking, looking up (for clients), and the transitions (for the leading scheduler)."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable
from typing import Any

from batchyard.scheduler.errors import AmbiguousJob, NotLeader, UnknownJob
from batchyard.scheduler.protocol import EventKind, JobRecord, JobState, Progress, Want
from batchyard.scheduler.store import keys
from batchyard.scheduler.store.connection import Connection
from batchyard.scheduler.store.records import decode_job, encode_fields

__all__ = ["JobOperations", "accepted"]


def accepted(answer: int) -> bool:
    """Read a fenced script's answer.

    Raises:
        NotLeader: Another scheduler leads now.
    """
    if answer == -1:
        raise NotLeader("another scheduler leads now; this one stands by")
    return answer == 1


class JobOperations:
    """What can be done with jobs."""

    _connection: Connection

    def submit(self, job: JobRecord) -> None:
        """Queue a job. Submitting the same id again changes nothing."""
        fields = {f.name: getattr(job, f.name) for f in dataclasses.fields(job)}
        self._connection.script(
            "submit",
            [keys.job(job.id), keys.JOBS, keys.ACTIVE, keys.events(job.id), keys.WAKE],
            [job.id, *encode_fields(fields)],
        )

    def job(self, job_id: str) -> JobRecord:
        """Return a job.

        Raises:
            UnknownJob: No job has this id.
        """
        fields = self._connection.command("HGETALL", keys.job(job_id))
        if not fields:
            raise UnknownJob(job_id, difflib.get_close_matches(job_id, self._ids()))
        return decode_job(fields)

    def jobs(self, states: Iterable[JobState] | None = None) -> list[JobRecord]:
        """Return all jobs, or those in some states, oldest first."""
        wanted = None if states is None else set(states)
        ids = self._ids() if wanted is None or any(s.ended for s in wanted) else self._active()
        records = self._connection.pipeline([("HGETALL", keys.job(job_id)) for job_id in ids])
        found = [decode_job(fields) for fields in records if fields]
        found = [job for job in found if wanted is None or JobState(job.state) in wanted]
        return sorted(found, key=lambda job: (job.submitted_at, job.id))

    def count_jobs(self) -> dict[JobState, int]:
        """Return how many jobs there are in each state."""
        states = self._connection.pipeline([("HGET", keys.job(job_id), "state") for job_id in self._ids()])
        return {state: states.count(state.value) for state in JobState}

    def resolve(self, text: str) -> str:
        """Return the id of the job that a user means by an id, the beginning of one, or a name (the newest).

        Raises:
            UnknownJob: There is none; lists names that look like it.
            AmbiguousJob: Several ids begin so.
        """
        ids = self._ids()
        if text in ids:
            return text
        named = [job for job in self.jobs() if job.spec.get("name") == text]
        if named:
            return named[-1].id
        begun = [job_id for job_id in ids if text and job_id.startswith(text)]
        if len(begun) > 1:
            raise AmbiguousJob(text, begun)
        if not begun:
            names = {str(job.spec.get("name")) for job in self.jobs()}
            raise UnknownJob(text, difflib.get_close_matches(text, [*ids, *sorted(names)]))
        return begun[0]

    def request(self, job_id: str, want: Want) -> JobState:
        """Ask a job to stop gracefully or to be cancelled, and return its state after that.

        A queued job ends at once. A running one is told, and ends soon. An ended one stays as it is.

        Raises:
            UnknownJob: No job has this id.
        """
        state = self._connection.script(
            "request",
            [
                keys.job(job_id),
                keys.events(job_id),
                keys.signals(job_id),
                keys.WAKE,
                keys.ACTIVE,
                *keys.of_job(job_id),
            ],
            [want.value, job_id, keys.RETENTION],
        )
        if state is None:
            raise UnknownJob(job_id, difflib.get_close_matches(job_id, self._ids()))
        return JobState(state)

    def want(self, job_id: str) -> Want:
        """Return what a user asked of a running job; an ended or unknown job wants to be cancelled."""
        state, want = self._connection.command("HMGET", keys.job(job_id), "state", "want")
        if state is None or JobState(state).ended:
            return Want.CANCEL
        return Want(want or "")

    def report_progress(self, job_id: str, progress: Progress) -> None:
        """Overwrite what a live display shows of a job."""
        self._connection.command("SET", keys.progress(job_id), progress.to_json(), "EX", keys.RETENTION)

    def progress(self, job_id: str) -> Progress:
        """Return what a live display shows of a job."""
        text = self._connection.command("GET", keys.progress(job_id))
        return Progress.from_json(text) if text else Progress()

    def start_job(self, token: str, job_id: str, *, fields: dict[str, Any]) -> bool:
        """Admit a queued job, as the leader; False when it is not queued any more.

        Raises:
            NotLeader: Another scheduler leads.
        """
        data = {"workers": fields.get("allotted", []), "fingerprint": fields.get("fingerprint", "")}
        return accepted(
            self._connection.script(
                "start_job",
                [keys.LEADER, keys.job(job_id), keys.events(job_id)],
                [token, json.dumps(data), *encode_fields(fields)],
            )
        )

    def update_job(
        self,
        token: str,
        job_id: str,
        expected: JobState,
        fields: dict[str, Any],
        event: tuple[EventKind, dict[str, Any]] | None = None,
    ) -> bool:
        """Change fields of a job in the expected state, as the leader; False when the state differs.

        Raises:
            NotLeader: Another scheduler leads.
        """
        kind, data = (event[0].value, json.dumps(event[1])) if event else ("", "")
        return accepted(
            self._connection.script(
                "update_job",
                [keys.LEADER, keys.job(job_id), keys.events(job_id)],
                [token, expected.value, kind, data, *encode_fields(fields)],
            )
        )

    def end_job(
        self,
        token: str,
        job_id: str,
        state: JobState,
        reason: str,
        *,
        detail: str = "",
        outcome: dict[str, Any] | None = None,
    ) -> bool:
        """End a job, as the leader; False when it has ended already.

        Args:
            token: The leader's token.
            job_id: The job.
            state: How it ended.
            reason: In one line.
            detail: The traceback. Default: none.
            outcome: Goes on the event stream. Default: none.

        Raises:
            NotLeader: Another scheduler leads.
        """
        data = {"state": state.value, "reason": reason, "detail": detail, "outcome": outcome or {}}
        return accepted(
            self._connection.script(
                "end_job",
                [
                    keys.LEADER,
                    keys.job(job_id),
                    keys.events(job_id),
                    keys.signals(job_id),
                    keys.ACTIVE,
                    keys.tasks(job_id),
                    keys.WAKE,
                    *keys.of_job(job_id),
                ],
                [
                    token,
                    job_id,
                    state.value,
                    json.dumps(data),
                    keys.RETENTION,
                    *encode_fields({"reason": reason, "error_detail": detail}),
                ],
            )
        )

    def forget_expired_jobs(self) -> None:
        """Take jobs off the list whose keys Redis has dropped after the retention."""
        ids = self._ids()
        alive = self._connection.pipeline([("EXISTS", keys.job(job_id)) for job_id in ids])
        gone = [job_id for job_id, exists in zip(ids, alive, strict=True) if not exists]
        if gone:
            self._connection.command("ZREM", keys.JOBS, *gone)

    def _ids(self) -> list[str]:
        return list(self._connection.command("ZRANGE", keys.JOBS, 0, -1))

    def _active(self) -> list[str]:
        return list(self._connection.command("SMEMBERS", keys.ACTIVE))
