"""Joining: the result does not show how the batches were cut into ranges."""

from __future__ import annotations

import itertools
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchyard.scheduler.protocol import LedgerEntry
from batchyard.workers.errors import LedgerGap
from batchyard.workers.join import MISSING, add_sums, check_ledger, join_copy, join_virtual
from batchyard.workers.parts import PartWriter

SIZE, SAMPLES = 4, 42
BATCHES = 11
VALUES = np.random.default_rng(3).normal(size=(SAMPLES, 3)).astype("float32")

CUTS = st.sets(st.integers(1, BATCHES - 1)).map(lambda inner: [0, *sorted(inner), BATCHES])


def parts(folder: Path, cuts: list[int], bad: frozenset[int] = frozenset()) -> list[LedgerEntry]:
    """Write part files of the ranges between the cuts; ranges of one bad batch have none."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for start, stop in itertools.pairwise(cuts):
        rows = VALUES[start * SIZE : stop * SIZE]
        if start in bad and stop == start + 1:
            entries.append(LedgerEntry(start, stop, "", 0, 0.0, "w", error="bad"))
            continue
        name = f"{start}-{stop}.h5"
        with PartWriter(folder / name, len(rows)) as part:
            for first in range(0, len(rows), SIZE):
                batch = rows[first : first + SIZE]
                part.append({"left": batch, "right": batch[:, 0] * 2})
        entries.append(LedgerEntry(start, stop, name, len(rows), 0.0, "w"))
    check_ledger(entries, BATCHES)
    return entries


@settings(max_examples=25, deadline=None)
@given(cuts=CUTS)
def test_the_bytes_are_equal_however_the_ranges_were_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    results = []
    for ranges in ([0, BATCHES], cuts):
        folder = tmp_path_factory.mktemp("join")
        ledger = parts(folder / "parts", ranges)
        join_copy(folder / "predictions.h5", folder / "parts", ledger, SIZE, SAMPLES)
        results.append((folder / "predictions.h5").read_bytes())
    assert results[0] == results[1]
    with h5py.File(folder / "predictions.h5") as file:
        np.testing.assert_array_equal(file["left"][()], VALUES)
        np.testing.assert_array_equal(file["right"][()], VALUES[:, 0] * 2)
        assert MISSING not in file


def test_a_virtual_join_shows_the_same_rows_without_copying(tmp_path: Path) -> None:
    ledger = parts(tmp_path / "parts", [0, 3, 4, 9, BATCHES], frozenset({3}))
    join_virtual(tmp_path / "virtual.h5", tmp_path / "parts", ledger, SIZE, SAMPLES)
    join_copy(tmp_path / "copy.h5", tmp_path / "parts", ledger, SIZE, SAMPLES)
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    with h5py.File(moved / "virtual.h5") as virtual, h5py.File(moved / "copy.h5") as copy:
        assert virtual["left"].is_virtual
        for name in ("left", "right", MISSING):
            np.testing.assert_array_equal(virtual[name][()], copy[name][()])
        assert np.isnan(copy["left"][12:16]).all()
        assert not np.isnan(np.delete(copy["left"][()], slice(12, 16), axis=0)).any()
        assert copy[MISSING][()].tolist() == [[12, 16]]


@settings(max_examples=25, deadline=None)
@given(cuts=CUTS)
def test_sums_are_exact_however_the_ranges_were_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    table = np.array([[4.0, 1e16, 0.1], [4.0, 1.0, 0.2], [4.0, -1e16, 0.3]] * 4)[:BATCHES]
    folder = tmp_path_factory.mktemp("sums")
    ledger = []
    for start, stop in itertools.pairwise(cuts):
        name = f"{start}.h5"
        with PartWriter(folder / name, stop - start) as part:
            for batch in range(start, stop):
                part.append({"sums": table[batch : batch + 1]})
        ledger.append(LedgerEntry(start, stop, name, 4 * (stop - start), 0.0, "w"))
    sums = add_sums(folder, ledger)
    assert sums.tolist() == [44.0, 1e16 + 4, 2.1]


@pytest.mark.parametrize(
    ("ranges", "complaint"),
    [
        ([(0, 5), (6, 11)], "expected batch 5, found 6"),
        ([(0, 5), (4, 11)], "expected batch 5, found 4"),
        ([(0, 5)], "end at batch 5 of 11"),
        ([], "end at batch 0 of 11"),
    ],
)
def test_a_ledger_with_gaps_is_no_result(ranges: list[tuple[int, int]], complaint: str) -> None:
    ledger = [LedgerEntry(a, b, "part", 0, 0.0, "w") for a, b in ranges]
    with pytest.raises(LedgerGap, match=complaint):
        check_ledger(ledger, BATCHES)


def test_a_ledger_of_bad_batches_only_is_no_result() -> None:
    with pytest.raises(LedgerGap, match="none of the 11 batches"):
        check_ledger([LedgerEntry(0, BATCHES, "", 0, 0.0, "w", error="bad")], BATCHES)
