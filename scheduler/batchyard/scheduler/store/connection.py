"""The only place that talks to Redis: sockets, scripts, and the translation of Redis's errors into ours."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from batchyard.scheduler.errors import RedisUnreachable, StoreUnavailable

__all__ = ["Connection", "hide_password", "patiently"]

T = TypeVar("T")

#: Seconds that a command may take before Redis counts as unreachable.
SOCKET_TIMEOUT = 5.0

#: Answers with which a reachable Redis says that it cannot serve now; trying again later can help.
PASSING_ANSWERS = ("LOADING", "BUSY ", "OOM ", "READONLY", "MISCONF", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN")


def hide_password(url: str) -> str:
    """Return a Redis URL without its password, for messages and logs."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


class Connection:
    """A pool of connections to one Redis, and the scripts it runs.

    Args:
        url: `redis://`, `rediss://` or `unix://` address.
        timeout: Seconds that connecting or one command may take. Default 5.

    Raises:
        RedisUnreachable: `url` is no Redis address.
    """

    def __init__(self, url: str, timeout: float = SOCKET_TIMEOUT) -> None:
        self.url = url
        self.timeout = timeout
        try:
            self._redis: redis.Redis = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                socket_keepalive=True,
                # One new try mends a connection that went stale; longer outages are the caller's business.
                retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            )
        except ValueError as error:
            raise RedisUnreachable(
                hide_password(url), str(error), "A Redis URL looks like redis://:password@host:6379/0."
            ) from error
        self._scripts: dict[str, Script] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all sockets."""
        self._redis.close()

    def check(self) -> None:
        """Make sure that Redis answers.

        Raises:
            RedisUnreachable: It does not, or refuses us.
        """
        try:
            self._redis.ping()
        except redis.AuthenticationError as error:
            raise RedisUnreachable(
                hide_password(self.url),
                str(error),
                "Give user and password: redis://user:password@host:6379/0.",
            ) from error
        except redis.RedisError as error:
            raise RedisUnreachable(hide_password(self.url), str(error)) from error

    def command(self, *words: Any) -> Any:
        """Run one Redis command and return its answer.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        return self._translate(lambda: self._redis.execute_command(*words))  # type: ignore[no-untyped-call]

    def pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Run several commands in one round trip and return their answers.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        if not commands:
            return []

        def run() -> list[Any]:
            with self._redis.pipeline(transaction=False) as pipe:
                for words in commands:
                    pipe.execute_command(*words)  # type: ignore[no-untyped-call]
                return list(pipe.execute())

        return self._translate(run)

    def script(self, name: str, keys: Sequence[str], arguments: Sequence[Any] = ()) -> Any:
        """Run the script `scripts/<name>.lua` and return its answer.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with self._lock:
            script = self._scripts.get(name)
            if script is None:
                script = self._scripts[name] = self._redis.register_script(_source(name))
        return self._translate(lambda: script(keys=keys, args=arguments))

    def _translate(self, run: Callable[[], T]) -> T:
        try:
            return run()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise StoreUnavailable(
                f"Redis at {hide_password(self.url)} does not answer: {error}",
                remedy="Check that it runs; Batchyard goes on by itself when it is back.",
            ) from error
        except redis.ResponseError as error:
            if str(error).startswith(PASSING_ANSWERS):
                raise StoreUnavailable(
                    f"Redis at {hide_password(self.url)} cannot serve: {error}",
                    remedy="`batchyard doctor` says what to change.",
                ) from error
            raise


@cache
def _source(name: str) -> str:
    scripts = resources.files(__package__) / "scripts"
    return "\n".join((scripts / f"{part}.lua").read_text("utf-8") for part in ("_prelude", name))


def patiently(
    run: Callable[[], T], stop: threading.Event | None = None, *, first: float = 0.05, longest: float = 1.0
) -> T:
    """Run a store operation, trying again for as long as Redis is away.

    Args:
        run: The operation; it must be safe to repeat (all of the store's are).
        stop: Gives up when set. Default: never.
        first: Seconds before the second try; doubles from try to try. Default 0.05.
        longest: Most seconds between two tries. Default 1.

    Raises:
        StoreUnavailable: Redis was away and `stop` was set.
    """
    pause = first
    waiter = stop or threading.Event()
    while True:
        try:
            return run()
        except StoreUnavailable:
            if waiter.wait(pause):
                raise
            pause = min(2 * pause, longest)
