from __future__ import annotations

import inspect

import pytest
import redis

from batchyard.scheduler import errors


def test_every_error_is_listed_and_drawn_in_the_tree() -> None:
    found = {
        name
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and issubclass(thing, errors.BatchyardError)
    }
    assert found <= set(errors.__all__)
    assert errors.__doc__ is not None
    for name in found:
        assert name in errors.__doc__, name


def test_every_exit_code_is_explained() -> None:
    codes = {
        thing.exit_code
        for thing in vars(errors).values()
        if inspect.isclass(thing) and issubclass(thing, errors.BatchyardError)
    }
    assert codes <= set(errors.EXIT_CODES)


def test_a_message_says_where_what_and_what_to_do() -> None:
    error = errors.InputError("no such column.", where="a.yaml:3", remedy="Add it.")
    assert str(error) == "a.yaml:3: no such column. Add it."


def test_an_unknown_job_gets_names_like_it() -> None:
    assert str(errors.UnknownJob("digit", ["digits", "digest"])) == (
        "there is no job 'digit'. Did you mean 'digits' or 'digest'?"
    )
    assert "batchyard list" in str(errors.UnknownJob("digit"))


def test_an_ambiguous_prefix_lists_at_most_five_candidates() -> None:
    error = errors.AmbiguousJob("a", [f"a{i}" for i in range(9)])
    assert "'a4'" in str(error)
    assert "'a5'" not in str(error)


@pytest.mark.parametrize("kind", [errors.JobFailed, errors.JobCancelled])
def test_a_failed_job_carries_its_reason_and_detail(kind: type[errors.JobFailed]) -> None:
    error = kind("j1", "the loss is nan", "Traceback …")
    assert (error.exit_code, error.reason, error.detail) == (1, "the loss is nan", "Traceback …")
    assert "batchyard logs j1" in str(error)


def test_each_test_gets_an_empty_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left behind", 1)


def test_nothing_of_another_test_is_left_in_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
