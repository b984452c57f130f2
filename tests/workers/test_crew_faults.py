"""Whoever of a crew is lost, and wherever: the others go on at once, with the same bits."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.crew_member import FAULTS
from tests.workers.crew_yard import STEPS_PER_EPOCH, CrewYard

#: Seconds within which survivors apply their next step once the next generation is written. On a quiet
#: machine it takes some hundredths; this leaves room for a busy one.
AT_ONCE = 5.0

#: Those that have tests of their own.
OTHERS = {
    "none",
    "before the second handover",
    "stopped in an exchange",
    "held in a step until the crew changes",
    "held in the second epoch until the crew changes",
}

#: Where a first member is killed.
DEATHS = sorted(FAULTS.keys() - OTHERS)

#: Faults that need the decisions to have arrays.
SHAKEN = {name for name in FAULTS if "arrays" in name or "decision" in name or "callbacks" in name}


def settings(shaken: bool) -> dict[str, object]:
    return {"callbacks": [{"class_name": "crew_nets:Shaker"}]} if shaken else {}


@pytest.fixture
def yard(redis_url: str, tmp_path: Path) -> Iterator[CrewYard]:
    yard = CrewYard(redis_url, tmp_path)
    try:
        yield yard
    finally:
        yard.close()


@pytest.fixture(scope="module")
def of_one(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, str]:
    """What one member alone makes of the job, without and with a callback that shakes weights."""
    found = {}
    for shaken in (False, True):
        yard = CrewYard(f"{redis_server}/0", tmp_path_factory.mktemp("alone"))
        try:
            yard.start_job(f"alone-{shaken}", **settings(shaken))
            yard.crew("a")
            found[shaken] = yard.result()
        finally:
            yard.close()
    return found


@pytest.mark.parametrize("shaken", [False, True])
@pytest.mark.parametrize("members", [2, 3, 4])
def test_a_crew_makes_what_one_member_makes(
    yard: CrewYard, of_one: dict[bool, str], members: int, shaken: bool
) -> None:
    yard.start_job(**settings(shaken))
    crew = yard.crew(*"abcd"[:members])
    assert yard.result() == of_one[shaken]
    for member in crew:
        assert member.wait_for("ended") == "ended done"


@pytest.mark.parametrize("fault", DEATHS)
def test_a_first_member_killed_anywhere_changes_no_bit(
    yard: CrewYard, of_one: dict[bool, str], fault: str
) -> None:
    shaken = fault in SHAKEN
    yard.start_job(**settings(shaken))
    killed, *others = yard.crew("a", "b", "c", a=fault)
    killed.killed()
    yard.form(*others)
    assert yard.result() == of_one[shaken]


@pytest.mark.parametrize(
    "fault", ["between adding and gathering", "after an exchange, before the step is applied"]
)
def test_a_last_member_killed_in_a_step_changes_no_bit(
    yard: CrewYard, of_one: dict[bool, str], fault: str
) -> None:
    yard.start_job()
    *others, killed = yard.crew("a", "b", "c", c=fault)
    killed.killed()
    yard.broken()
    yard.form(*others)
    assert yard.result() == of_one[False]


def test_survivors_go_on_as_soon_as_the_next_generation_is_written(yard: CrewYard) -> None:
    yard.start_job(epochs=1000)
    killed, *others = yard.crew("a", "b", "c")
    others[0].wait_for_step(2 * STEPS_PER_EPOCH)
    killed.kill()
    killed.killed()
    formed_at = yard.form(*others)
    for member in others:
        while (step_at := member.wait_for_step(0)) < formed_at:
            continue
        assert step_at - formed_at < AT_ONCE


def test_a_stopped_member_is_left_behind_and_finds_out_when_it_wakes(
    yard: CrewYard, of_one: dict[bool, str]
) -> None:
    yard.start_job()
    first, stopped, last = yard.crew("a", "b", "c", b="stopped in an exchange")
    stopped.stopped()
    yard.form(first, last)
    assert yard.result() == of_one[False]
    stopped.kill(signal.SIGCONT)
    assert stopped.wait_for("ended") in ("ended released", "ended refused")


def test_all_members_killed_the_next_ones_go_on_from_the_checkpoint(
    yard: CrewYard, of_one: dict[bool, str]
) -> None:
    yard.start_job()
    crew = yard.crew("a", "b", a="held in the second epoch until the crew changes")
    yard.wait_until(lambda: bool(yard.store.checkpoints("job")), "the first epoch's checkpoint")
    for member in crew:
        member.kill()
    fresh = yard.crew("c", "d")
    assert yard.result() == of_one[False]
    assert int(fresh[0].wait_for("step ").split()[1]) == STEPS_PER_EPOCH + 1


def test_all_members_killed_after_a_decision_with_arrays_the_next_ones_come_to_the_same(
    yard: CrewYard, of_one: dict[bool, str]
) -> None:
    yard.start_job(**settings(True))
    crew = yard.crew("a", "b", a="after the decision is written")
    crew[0].killed()
    crew[1].kill()
    assert yard.store.decision("job", 0)
    yard.crew("c", "d")
    assert yard.result() == of_one[True]


def test_members_join_in_mid_epoch(yard: CrewYard, of_one: dict[bool, str]) -> None:
    yard.start_job()
    (first,) = yard.crew("a", a="held in a step until the crew changes")
    first.wait_for_step(4)
    others = [yard.start_member("b"), yard.start_member("c")]
    yard.claimed(*others)
    yard.form(*others, first)
    assert others[0].wait_for("step ").split()[1] == "5"
    assert yard.result() == of_one[False]


def test_a_member_killed_while_another_generation_forms_changes_no_bit(
    yard: CrewYard, of_one: dict[bool, str]
) -> None:
    yard.start_job()
    killed, next_killed, last = yard.crew(
        "a", "b", "c", a="between adding and gathering", b="before the second handover"
    )
    killed.killed()
    yard.form(next_killed, last)
    next_killed.killed()
    yard.form(last)
    assert yard.result() == of_one[False]
