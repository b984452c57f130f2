"""Loaders of data sets, on small files in a cache of their own; nothing is downloaded."""

import gzip
import json
import pickle
import sys

import numpy as np
import pytest

from batchyard.models import datasets
from batchyard.models.datasets.guarded_unpickling import read_word_lists
from batchyard.models.errors import DataError, DownloadError, InvalidArgumentError


def lists(*rows):
    found = np.empty(len(rows), dtype=object)
    found[:] = [list(row) for row in rows]
    return found


@pytest.fixture
def files(tmp_path, monkeypatch):
    """get_file finds what the test puts into a folder."""

    def get_file(name, origin, **more):
        return str(tmp_path / name)

    for name in ("boston_housing", "mnist", "fashion_mnist", "imdb", "reuters", "cifar10", "cifar100"):
        monkeypatch.setattr(sys.modules[f"batchyard.models.datasets.{name}"], "get_file", get_file)
    return tmp_path


def test_houses_are_split_in_an_order_that_the_seed_decides(files):
    np.savez(files / "boston_housing.npz", x=np.arange(20).reshape(10, 2), y=np.arange(10))
    (x, y), (x_test, y_test) = datasets.boston_housing.load_data(test_split=0.3)
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((7, 2), (7,), (3, 2), (3,))
    np.testing.assert_array_equal(x[:, 0], 2 * y)
    np.random.seed(113)
    order = np.arange(10)
    np.random.shuffle(order)
    assert [*y, *y_test] == order.tolist()


def test_digits_and_clothes_are_read(files):
    arrays = {name: np.zeros(2) for name in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(files / "mnist.npz", **arrays)
    assert datasets.mnist.load_data()[1][1].shape == (2,)
    for part in ("train", "t10k"):
        with gzip.open(files / f"{part}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(bytes(8) + bytes([3, 4]))
        with gzip.open(files / f"{part}-images-idx3-ubyte.gz", "wb") as file:
            file.write(bytes(16) + bytes(2 * 784))
    (x, y), _ = datasets.fashion_mnist.load_data()
    assert x.shape == (2, 28, 28)
    assert y.tolist() == [3, 4]


def test_reviews_are_shifted_and_rare_words_replaced(files):
    np.savez(
        files / "imdb.npz",
        x_train=lists([1, 5], [2]),
        y_train=np.array([0, 1]),
        x_test=lists([9, 9, 9]),
        y_test=np.array([1]),
    )
    (x, y), (x_test, _) = datasets.imdb.load_data(num_words=8)
    assert sorted(zip(x.tolist(), y.tolist(), strict=True)) == [([1, 4, 2], 0), ([1, 5], 1)]
    assert x_test.tolist() == [[1, 2, 2, 2]]
    (x, _), (x_test, _) = datasets.imdb.load_data(start_char=None, index_from=0, oov_char=None, skip_top=2)
    assert sorted(x.tolist()) == [[2], [5]]
    with pytest.raises(DataError, match="Increase maxlen"):
        datasets.imdb.load_data(maxlen=1)
    with pytest.warns(UserWarning, match="renamed `num_words`"):
        datasets.imdb.load_data(nb_words=8)
    with pytest.raises(TypeError, match="does not know"):
        datasets.imdb.load_data(words=8)
    (files / "imdb_word_index.json").write_text(json.dumps({"the": 1}))
    assert datasets.imdb.get_word_index() == {"the": 1}


def test_news_are_split(files):
    np.savez(files / "reuters.npz", x=lists(*([n + 1] for n in range(10))), y=np.arange(10))
    (x, y), (_, y_test) = datasets.reuters.load_data(num_words=100)
    assert [row[1] - 4 for row in x] == y.tolist()
    assert len(y_test) == 2
    (files / "reuters_word_index.json").write_text(json.dumps({"the": 1}))
    assert datasets.reuters.get_word_index() == {"the": 1}


def test_colour_pictures_are_read_in_the_data_format(files):
    def write(path, key):
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            pickle.dump({b"data": np.zeros((2, 3072), "uint8"), key: [1, 2]}, file, protocol=2)

    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"):
        write(files / "cifar-10-batches-py" / name, b"labels")
    (x, y), (x_test, _) = datasets.cifar10.load_data()
    assert (x.shape, y.shape, x_test.shape) == ((10, 32, 32, 3), (10, 1), (2, 32, 32, 3))
    for name in ("train", "test"):
        write(files / "cifar-100-python" / name, b"coarse_labels")
    assert datasets.cifar100.load_data("coarse")[0][1].tolist() == [[1], [2]]
    with pytest.raises(InvalidArgumentError, match="'fine' or 'coarse'"):
        datasets.cifar100.load_data("other")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("ran",)

    found = np.empty(1, dtype=object)
    found[0] = Evil()
    np.savez(tmp_path / "evil.npz", x=found)
    with pytest.raises(DataError, match="plain lists"):
        read_word_lists(str(tmp_path / "evil.npz"), "x")


def test_without_a_network_the_error_says_where_to_put_the_file(tmp_path, monkeypatch):
    import urllib.error
    import urllib.request

    def refuse(url):
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(DownloadError, match=r"no network.*\.keras/datasets/mnist\.npz"):
        datasets.mnist.load_data()
