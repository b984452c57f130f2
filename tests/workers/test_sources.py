"""Sources: every row once an epoch, in an order that depends on seed and epoch only."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from batchyard.models.training.data import ArrayData, Columns
from batchyard.scheduler.jobs.spec import DataSource
from batchyard.workers.errors import SourceError
from batchyard.workers.sources import (
    BatchReader,
    EpochOrder,
    HDF5Source,
    MemoryMapSource,
    Prefetcher,
    RowTraining,
    Source,
    Windows,
    open_source,
)
from batchyard.workers.sources.lanes import LaneFormat

SHUFFLES = st.sampled_from([True, False, "batch"])
PLAIN = LaneFormat((torch.float32,), (torch.float32,), torch.device("cpu"))


def numbered(samples: int) -> MemoryMapSource:
    """Rows whose content is their number; the target is its negative."""
    numbers = np.arange(samples, dtype=np.int64)
    return MemoryMapSource({"x": numbers[:, None]}, {"y": -numbers})


def epoch_of(windows: Windows, batch: int) -> NDArray[np.int64]:
    samples = windows.source.samples
    pieces = [windows.rows(a, min(a + batch, samples)).inputs[0][:, 0] for a in range(0, samples, batch)]
    return np.concatenate(pieces)


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 300),
    batch=st.integers(1, 40),
    window=st.integers(16, 4000),
    seed=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 5),
    shuffle=SHUFFLES,
)
def test_every_row_comes_exactly_once_an_epoch(
    samples: int, batch: int, window: int, seed: int, epoch: int, shuffle: bool
) -> None:
    windows = Windows(numbered(samples), shuffle=shuffle, batch_size=batch, window_bytes=window)
    windows.begin_epoch(epoch, seed)
    order = epoch_of(windows, batch)
    windows.close()
    assert sorted(order.tolist()) == list(range(samples))
    if not shuffle:
        assert order.tolist() == list(range(samples))


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 300),
    block=st.integers(1, 40),
    per_window=st.integers(1, 5),
    seed=st.integers(0, 2**63 - 1),
    shuffle=SHUFFLES,
)
def test_windows_tile_the_epoch_and_are_found_by_position(
    samples: int, block: int, per_window: int, seed: int, shuffle: bool
) -> None:
    order = EpochOrder(samples, block, per_window, seed, 3, shuffle)
    position = 0
    for number in range(order.windows):
        window = order.window(number)
        assert window.start == position == order.start(number)
        assert np.all(np.diff(window.rows) > 0)
        assert all(order.window_at(p) == number for p in range(window.start, window.stop))
        position = window.stop
    assert position == samples


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(20, 200), seed=st.integers(0, 2**62), epoch=st.integers(0, 9))
def test_the_order_depends_on_seed_and_epoch_only(samples: int, seed: int, epoch: int) -> None:
    fresh = Windows(numbered(samples), shuffle=True, window_bytes=200)
    fresh.begin_epoch(epoch, seed)
    used = Windows(numbered(samples), shuffle=True, window_bytes=200)
    for other in (epoch + 1, epoch + 2):
        used.begin_epoch(other, seed)
        used.rows(3, 11)
    used.begin_epoch(epoch, seed)
    # Asked in another order, and in other portions.
    backwards = [used.rows(p, p + 1).inputs[0][0, 0] for p in reversed(range(samples))]
    expected = epoch_of(fresh, 7)
    used.begin_epoch(epoch + 1, seed)
    following = epoch_of(used, 7)
    fresh.close()
    used.close()
    assert backwards[::-1] == expected.tolist()
    assert following.tolist() != expected.tolist()


def test_batch_shuffling_keeps_batches_together_and_the_short_one_last() -> None:
    windows = Windows(numbered(23), shuffle="batch", batch_size=5, window_bytes=80)
    windows.begin_epoch(0, 1)
    order = epoch_of(windows, 5)
    windows.close()
    assert order[-3:].tolist() == [20, 21, 22]
    assert sorted(order[:20:5].tolist()) == [0, 5, 10, 15]
    assert all(np.all(np.diff(order[a : a + 5]) == 1) for a in range(0, 20, 5))


def test_a_window_keeps_to_its_bytes_however_many_rows_there_are() -> None:
    for samples in (10**3, 10**6, 10**9):
        order = EpochOrder.fitting(samples, 1000, 1, 1 << 20)
        assert len(order.window(0).rows) * 1000 <= 1 << 20 or order.blocks_per_window == 1
        assert order.blocks <= 1 << 18


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """HDF5, chunked and compressed: x = (row, 0 … 3), y = row."""
    path = tmp_path / "digits.h5"
    with h5py.File(path, "w") as file:
        x = np.arange(100)[:, None] + np.arange(4) / 10
        file.create_dataset("x", data=x.astype("float32"), chunks=(7, 4), compression="gzip")
        file.create_dataset("y", data=np.arange(100))
        file.create_dataset("w", data=np.linspace(0, 1, 100))
        file.create_dataset("short", data=np.arange(99))
        file.create_dataset("text", data=np.array([b"a"] * 100))
    return path


def all_sources(folder: Path, digits: Path) -> list[Source]:
    with h5py.File(digits) as file:
        x, y, w = (file[name][()] for name in "xyw")
    np.savez(folder / "stored.npz", x=x, y=y, w=w)
    np.savez_compressed(folder / "small.npz", x=x, y=y, w=w)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", np.asfortranarray(y))
    np.save(folder / "w.npy", w)
    files = [
        DataSource(file=str(p), x="x", y="y", sample_weight="w")
        for p in (digits, folder / "stored.npz", folder / "small.npz")
    ]
    arrays = DataSource(x=str(folder / "x.npy"), y=str(folder / "y.npy"), sample_weight=str(folder / "w.npy"))
    sources = [open_source(data) for data in (*files, arrays)]
    assert all(isinstance(source, Source) for source in sources)
    return sources  # type: ignore[return-value]


def test_all_kinds_of_files_give_the_same_rows_in_the_order_asked_for(tmp_path: Path, digits: Path) -> None:
    index = np.array([99, 3, 3, 4, 5, 0, 50], dtype=np.int64)
    for source in all_sources(tmp_path, digits):
        with source:
            rows = source.rows(index)
            assert source.samples == 100
            np.testing.assert_array_equal(rows.inputs[0][:, 0], index.astype("float32"))
            np.testing.assert_array_equal(rows.targets[0], index)
            assert rows.weights is not None
            np.testing.assert_allclose(rows.weights, index / 99)
            assert len(source.rows(index[:0])) == 0


def test_lanes_of_a_batch_are_its_rows_in_fresh_tensors(digits: Path) -> None:
    data = RowTraining(HDF5Source(digits, ["x"], ["y"]), 16, True, PLAIN, window_bytes=320)
    data.begin_epoch(2, 9)
    batch = data.batch(1)
    whole = batch.lane(slice(0, 16))
    parts = [batch.lane(slice(a, a + 4)) for a in range(0, 16, 4)]
    assert torch.equal(whole.inputs[0], torch.cat([p.inputs[0] for p in parts]))
    assert torch.equal(whole.targets[0], whole.inputs[0][:, 0].round())
    assert batch.denominators == [16.0]
    assert all(p.inputs[0].is_contiguous() and p.sample_weights == [None] for p in parts)
    assert data.steps_per_epoch == 7
    assert data.batch(6).rows == 4
    data.close()


def test_weights_of_rows_and_classes_are_multiplied_and_zeros_do_not_count() -> None:
    source = MemoryMapSource(
        {"x": np.zeros((4, 1))}, {"y": np.array([0, 1, 1, 2])}, np.array([1.0, 2.0, 0.0, 1.0])
    )
    weighting = LaneFormat((torch.float32,), (torch.float32,), torch.device("cpu"), {0: 0.5, 1: 3.0, 2: 0.0})
    batch = RowTraining(source, 4, False, weighting).batch(0)
    weights = batch.lane(slice(0, 4)).sample_weights[0]
    assert weights is not None
    assert weights.tolist() == [0.5, 6.0, 0.0, 0.0]
    assert batch.denominators == [2.0]


def test_weights_of_time_steps_count_one_by_one_as_in_fit() -> None:
    weights = np.array([[1.0, 0.0, 0.0], [1.0, 2.0, 0.5]])
    source = MemoryMapSource({"x": np.zeros((2, 3, 1))}, {"y": np.zeros((2, 3, 1))}, weights)
    plain = LaneFormat((torch.float32,), (torch.float32,), torch.device("cpu"))
    columns = Columns(
        [np.zeros((2, 3, 1))], [np.zeros((2, 3, 1))], [weights], *[[torch.float32]] * 2, plain.device
    )
    denominators = RowTraining(source, 2, False, plain).batch(0).denominators
    assert denominators == ArrayData(columns, 2, shuffle=False).batch(0).denominators == [4.0]


def test_a_class_without_weight_is_an_error_that_names_it() -> None:
    source = MemoryMapSource({"x": np.zeros((2, 1))}, {"y": np.array([0, 7])})
    weighting = LaneFormat((torch.float32,), (torch.float32,), torch.device("cpu"), {0: 1.0})
    with pytest.raises(SourceError, match="class 7"):
        RowTraining(source, 2, False, weighting).batch(0).lane(slice(0, 2))


def test_a_truncated_hdf5_file_is_an_error_that_names_the_file(digits: Path) -> None:
    whole = digits.read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 1):
        digits.write_bytes(whole[:length])
        with pytest.raises(SourceError, match=r"digits\.h5.*truncated"):
            HDF5Source(digits, ["x"])


def test_a_damaged_chunk_is_an_error_that_names_the_rows(digits: Path) -> None:
    with h5py.File(digits) as file:
        chunk = file["x"].id.get_chunk_info(3)
    data = bytearray(digits.read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    digits.write_bytes(data)
    with HDF5Source(digits, ["x"]) as source:
        assert len(source.span(0, 7)) == 7
        with pytest.raises(SourceError, match=r"rows 21 to 27 of dataset 'x'"):
            source.span(21, 28)


@pytest.mark.parametrize(
    ("name", "complaint"), [("z", "no dataset 'z'.*short"), ("text", "expected numbers"), ("short", "differ")]
)
def test_unusable_datasets_are_refused(digits: Path, name: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        HDF5Source(digits, ["x"], [name])


def test_data_outside_of_the_file_is_refused(tmp_path: Path, digits: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    path = folder / "outlaw.h5"
    layout = h5py.VirtualLayout((100,), "int64")
    layout[:] = h5py.VirtualSource(digits, "y", (100,))
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink(str(digits), "/x")
        file.create_virtual_dataset("view", layout)
        file.create_dataset("raw", (4,), "uint8", external=[("/etc/hostname", 0, 4)])
    for name, complaint in (
        ("link", "link to another file"),
        ("view", "a view of"),
        ("raw", "outside of the file"),
    ):
        with pytest.raises(SourceError, match=complaint):
            HDF5Source(path, [name])


def test_python_objects_in_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=np.array([{}], dtype=object))
    for data in (DataSource(x=str(tmp_path / "x.npy")), DataSource(file=str(tmp_path / "x.npz"), x="x")):
        with pytest.raises(SourceError, match=r"x\.np"):
            open_source(data)


def test_batches_are_read_in_order_and_the_last_is_short(digits: Path) -> None:
    reader = BatchReader(HDF5Source(digits, ["x"]), 32)
    sizes = [len(reader.read(batch, 4)) for batch in range(4)]
    again = reader.read(1, 4)
    reader.close()
    assert sizes == [32, 32, 32, 4]
    assert again.inputs[0][0, 0] == 32


def test_what_loading_ahead_raises_comes_with_its_own_item_only() -> None:
    asked: list[int] = []

    def load(index: int) -> int:
        asked.append(index)
        if index == 2 and asked.count(2) == 1:
            raise OSError("two")
        return index

    ahead = Prefetcher(load, depth=2)
    assert [ahead.get(0, 5), ahead.get(1, 5)] == [0, 1]
    with pytest.raises(OSError, match="two"):
        ahead.get(2, 5)
    assert [ahead.get(i, 5) for i in (2, 3, 4)] == [2, 3, 4]
    ahead.close()
    assert max(asked) == 4
