"""Spoiled files are refused by errors of ours; `make fuzz` runs many more of them."""

from tests.fuzz.__main__ import fuzz


def test_spoiled_files_are_refused_without_crash_hang_or_much_memory():
    failures, counts = fuzz(600, seed="ordinary", progress=False)
    assert failures == []
    assert sum(counts.values()) == 600
    assert sum(count for kind, count in counts.items() if kind.endswith("refused")) > 200
    assert sum(count for kind, count in counts.items() if kind.endswith("read")) > 60
