"""Sources of batches that are read ahead, HDF5 rows, downloads, pictures."""

import hashlib
import io
import os
import tarfile
import threading
import zipfile

import h5py
import numpy as np
import pytest

from batchyard.models import Input, Model, Sequential, utils
from batchyard.models.errors import DataError, DownloadError, InvalidArgumentError, MissingPackageError
from batchyard.models.layers import Dense, Embedding, Lambda, Layer, add
from batchyard.models.utils import (
    conv_utils,
    data_utils,
    generic_utils,
    io_utils,
    layer_utils,
    np_utils,
    test_utils,
    vis_utils,
)
from batchyard.models.utils.convert_kernels import convert_kernel


class Numbers(utils.Sequence):
    """Batch i of round r is (r, i, process)."""

    def __init__(self, length=7):
        self.length = length
        self.round = 0
        self.asked = []

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        self.asked.append(index)
        return self.round, index, os.getpid()

    def on_epoch_end(self):
        self.round += 1


def take(enqueuer, count, **settings):
    enqueuer.start(**settings)
    try:
        batches = enqueuer.get()
        return [next(batches) for _ in range(count)]
    finally:
        enqueuer.stop()


@pytest.mark.parametrize("processes", [False, True], ids=["threads", "processes"])
def test_batches_of_a_sequence_come_in_order_round_after_round(processes):
    found = take(utils.OrderedEnqueuer(Numbers(), processes), 16, workers=2, max_queue_size=3)
    assert [batch[:2] for batch in found] == [(number // 7, number % 7) for number in range(16)]
    assert all((process != os.getpid()) == processes for _, _, process in found)


def test_a_shuffled_sequence_gives_each_batch_once_a_round_in_new_orders():
    import random

    random.seed(3)
    first = [index for _, index, _ in take(utils.OrderedEnqueuer(Numbers(), shuffle=True), 14)]
    random.seed(3)
    second = [index for _, index, _ in take(utils.OrderedEnqueuer(Numbers(), shuffle=True), 14)]
    assert first == second
    assert sorted(first[:7]) == sorted(first[7:]) == list(range(7))
    assert first[:7] != first[7:]


def test_no_more_batches_are_made_ahead_than_may_be_kept(eventually):
    source = Numbers(100)
    enqueuer = utils.OrderedEnqueuer(source)
    enqueuer.start(workers=2, max_queue_size=4)
    batches = enqueuer.get()
    next(batches)
    eventually(lambda: len(source.asked) == 5, "one is taken and four are ahead")
    next(batches)
    eventually(lambda: len(source.asked) == 6, "room for one more")
    enqueuer.stop()
    assert len(source.asked) == 6
    assert not enqueuer.is_running()


def test_batches_are_made_while_nobody_waits_for_them():
    made = threading.Event()

    def generator():
        yield 1
        yield 2
        made.set()
        yield 3

    enqueuer = utils.GeneratorEnqueuer(generator())
    enqueuer.start()
    assert made.wait(30)
    assert list(enqueuer.get()) == [1, 2, 3]
    enqueuer.stop()


def test_generators_in_processes_run_elsewhere():
    def generator():
        while True:
            yield os.getpid()

    enqueuer = utils.GeneratorEnqueuer(generator(), use_multiprocessing=True, random_seed=1)
    found = take(enqueuer, 4, workers=2, max_queue_size=2)
    assert os.getpid() not in found


def test_an_error_in_a_source_reaches_who_waits_for_the_batch():
    class Broken(Numbers):
        def __getitem__(self, index):
            raise KeyError("no such row")

    with pytest.raises(KeyError, match="no such row"):
        take(utils.OrderedEnqueuer(Broken()), 1)

    class Endless(Numbers):
        def __len__(self):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        take(utils.OrderedEnqueuer(Endless()), 1)


def test_an_enqueuer_without_workers_is_refused():
    with pytest.raises(InvalidArgumentError, match="at least 1 worker"):
        utils.OrderedEnqueuer(Numbers()).start(workers=0)


def test_the_unused_wait_time_is_warned_of():
    with pytest.warns(DeprecationWarning, match="wait_time"):
        utils.GeneratorEnqueuer(iter(()), wait_time=0.1)


def test_class_numbers_become_rows_with_a_single_one():
    assert utils.to_categorical([0, 2]).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert utils.to_categorical([[1], [0]], 2, "int8").tolist() == [[0, 1], [1, 0]]
    assert utils.to_categorical([[1, 0], [2, 1]]).shape == (2, 2, 3)
    assert np_utils.to_categorical is utils.to_categorical
    with pytest.raises(IndexError):
        utils.to_categorical([3], 2)


def test_rows_are_scaled_to_length_one_and_zeros_stay():
    found = utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(utils.normalize(np.array([[1.0, 3.0]]), order=1), [[0.25, 0.75]])


@pytest.fixture
def data_file(tmp_path):
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(40, dtype="float32").reshape(20, 2)
        file["y"] = np.arange(20, dtype="float32")[:, None]
    return str(path)


def test_rows_of_a_dataset_are_read_by_number_slice_or_list(data_file):
    x = utils.HDF5Matrix(data_file, "x", start=4, end=14)
    assert (len(x), x.shape, x.ndim, x.size, x.dtype) == (10, (10, 2), 2, 20, np.float32)
    assert x[0].tolist() == [8, 9]
    assert x[-1].tolist() == [26, 27]
    assert x[2:4].tolist() == [[12, 13], [14, 15]]
    assert x[8:].shape == (2, 2)
    assert x[[3, 1, 3]].tolist() == [[14, 15], [10, 11], [14, 15]]
    assert x[np.array([], dtype=int)].shape == (0, 2)
    with pytest.raises(IndexError):
        x[10]
    with pytest.raises(IndexError):
        x[[0, 10]]
    with pytest.raises(IndexError):
        x[8:11]
    with pytest.raises(TypeError, match="None"):
        x[None]
    with pytest.raises(DataError, match="has no dataset 'z'"):
        utils.HDF5Matrix(data_file, "z")


def test_matrices_of_one_file_share_it_and_the_last_one_closes_it(data_file):
    x, y = utils.HDF5Matrix(data_file, "x"), utils.HDF5Matrix(data_file, "y")
    file = x.data.file
    assert utils.HDF5Matrix.refs[data_file] == file == y.data.file
    del x
    assert file
    del y
    assert not file


def test_a_model_is_trained_on_a_matrix_that_is_normalized_while_read(data_file):
    x = utils.HDF5Matrix(data_file, "x", normalizer=lambda rows: rows / 40)
    y = io_utils.HDF5Matrix(data_file, "y")
    assert x.shape == (20, 2)
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    for shuffle in ("batch", True):
        model.fit(x, y, batch_size=4, shuffle=shuffle, verbose=0)
    with h5py.File(data_file) as file:
        wanted = model.predict(file["x"][:] / 40)
    np.testing.assert_array_equal(model.predict(x), wanted)


def test_a_file_is_downloaded_once_and_again_when_its_hash_is_wrong(tmp_path, capsys):
    source = tmp_path / "source.txt"
    source.write_bytes(b"one")
    digest = hashlib.sha256(b"one").hexdigest()
    get = lambda **more: utils.get_file("f.txt", source.as_uri(), cache_dir=str(tmp_path / "c"), **more)  # noqa: E731
    path = get(file_hash=digest)
    assert path == str(tmp_path / "c" / "datasets" / "f.txt")
    with open(path, "wb") as file:
        file.write(b"bad")
    assert data_utils.validate_file(get(), digest) is False
    assert data_utils.validate_file(get(file_hash=digest), digest) is True
    assert capsys.readouterr().out.count("Downloading data") == 2
    assert data_utils.validate_file(get(md5_hash=hashlib.md5(b"one").hexdigest()), digest, "sha256")
    assert os.listdir(tmp_path / "c" / "datasets") == ["f.txt"]


def test_a_download_with_another_hash_leaves_nothing_behind(tmp_path):
    source = tmp_path / "source.txt"
    source.write_bytes(b"one")
    with pytest.raises(DownloadError, match="does not have the hash"):
        utils.get_file("f.txt", source.as_uri(), file_hash="0" * 64, cache_dir=str(tmp_path / "c"))
    assert os.listdir(tmp_path / "c" / "datasets") == []


def test_what_cannot_be_fetched_says_where_to_put_it_by_hand(tmp_path):
    with pytest.raises(DownloadError, match=r"put the file at .*datasets/f\.txt"):
        utils.get_file("f.txt", (tmp_path / "missing").as_uri(), cache_dir=str(tmp_path))


def archive(path, name):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(name, "inside")
    else:
        with tarfile.open(path, "w:gz") as file:
            member = tarfile.TarInfo(name)
            member.size = 6
            file.addfile(member, io.BytesIO(b"inside"))
    return path.as_uri()


@pytest.mark.parametrize("ending", [".zip", ".tgz"])
def test_archives_are_extracted_beside_the_file(tmp_path, ending):
    origin = archive(tmp_path / f"a{ending}", "folder/member.txt")
    utils.get_file(f"b{ending}", origin, extract=True, cache_dir=str(tmp_path / "c"))
    assert (tmp_path / "c" / "datasets" / "folder" / "member.txt").read_text() == "inside"


def test_untar_gives_the_path_without_the_ending(tmp_path):
    origin = archive(tmp_path / "a.tgz", "folder/member.txt")
    path = utils.get_file("folder", origin, untar=True, cache_dir=str(tmp_path / "c"))
    assert path == str(tmp_path / "c" / "datasets" / "folder")
    assert os.listdir(path) == ["member.txt"]


@pytest.mark.parametrize("ending", [".zip", ".tgz"])
def test_archives_that_write_elsewhere_are_refused(tmp_path, ending):
    origin = archive(tmp_path / f"a{ending}", "../../outside.txt")
    with pytest.raises(DownloadError, match="not safe to extract"):
        utils.get_file(f"b{ending}", origin, extract=True, cache_dir=str(tmp_path / "c"))
    assert not (tmp_path / "outside.txt").exists()
    assert not (tmp_path / "c" / "outside.txt").exists()


def test_an_unknown_hash_algorithm_is_refused(tmp_path):
    with pytest.raises(InvalidArgumentError, match="'crc'"):
        data_utils.validate_file(str(tmp_path), "00", "crc")


def test_a_picture_needs_pydot(monkeypatch):
    monkeypatch.setattr("batchyard.models.utils.model_picture.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install pydot"):
        vis_utils.model_to_dot(Sequential([Dense(1, input_shape=(2,))]))


def test_a_picture_has_a_box_per_layer_and_an_edge_per_connection(tmp_path):
    pytest.importorskip("pydot")
    model = Sequential([Dense(3, input_shape=(2,), name="a"), Dense(1, name="b")])
    dot = vis_utils.model_to_dot(model, show_shapes=True)
    assert len(dot.get_edges()) == 2
    assert any("b: Dense" in node.to_string() and "(None, 1)" in node.to_string() for node in dot.get_nodes())
    utils.plot_model(model, str(tmp_path / "model.dot"))
    assert "a: Dense" in (tmp_path / "model.dot").read_text()


def test_source_inputs_are_found_through_the_graph():
    x = Input((2,))
    y = Dense(1)(Dense(2)(x))
    assert utils.get_source_inputs(y) == [x]
    assert utils.get_source_inputs(x) == [x]


def test_the_inputs_of_a_tensor_come_in_the_order_of_the_calls():
    first, second = Input((2,)), Input((2,))
    deep = Dense(2)(Dense(2)(second))
    assert utils.get_source_inputs(add([deep, first])) == [second, first]


def test_kernels_turn_round_and_back():
    kernel = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    turned = convert_kernel(kernel)
    np.testing.assert_array_equal(turned, kernel[::-1, ::-1])
    np.testing.assert_array_equal(convert_kernel(turned), kernel)


def test_objects_are_described_and_built_again():
    class Thing:
        def __init__(self, size):
            self.size = size

        def get_config(self):
            return {"size": self.size}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    described = utils.serialize_keras_object(Thing(3))
    assert described == {"class_name": "Thing", "config": {"size": 3}}
    assert utils.deserialize_keras_object(described, {"Thing": Thing}).size == 3
    with utils.custom_object_scope({"Thing": Thing}):
        assert utils.deserialize_keras_object(described).size == 3
    assert utils.serialize_keras_object(None) is None
    assert utils.deserialize_keras_object("len", {"len": len}) is len
    with pytest.raises(ValueError, match="Unknown gadget 'Thing'"):
        utils.deserialize_keras_object(described, printable_module_name="gadget")


def test_a_file_is_a_dictionary_of_arrays_and_texts(tmp_path):
    with utils.h5dict(str(tmp_path / "f.h5"), "w") as file:
        file["a"] = np.arange(3)
        file["names"] = ["x", "y"]
        file["group"]["n"] = 5
    with utils.h5dict(str(tmp_path / "f.h5"), "r") as file:
        assert file["a"].tolist() == [0, 1, 2]
        assert [bytes(name) for name in file["names"]] == [b"x", b"y"]
        assert file["group"]["n"] == 5
        assert "b" not in file
        assert file.get("b", 7) == 7
        with pytest.raises(ValueError, match="opened for reading"):
            file["b"] = 1
    memory = utils.h5dict({})
    memory["group"]["a"] = 1
    assert memory.data == {"group": {"a": 1}}


def test_small_helpers_do_what_code_of_their_time_expects():
    assert generic_utils.to_list((1, 2)) == [(1, 2)]
    assert generic_utils.to_list((1, 2), allow_tuple=True) == [1, 2]
    assert generic_utils.unpack_singleton([3]) == 3
    assert generic_utils.is_all_none([None, None])
    assert not generic_utils.is_all_none([None, 1])
    assert generic_utils.has_arg(lambda a, **kw: a, "b", accept_all=True)
    assert not generic_utils.has_arg(lambda a, **kw: a, "b")
    assert generic_utils.transpose_shape((2, 4, 5, 3), "channels_first", (1, 2)) == (2, 3, 4, 5)
    assert generic_utils.slice_arrays([np.arange(5), None], 1, 3)[0].tolist() == [1, 2]
    assert generic_utils.slice_arrays(np.arange(5), [0, 4]).tolist() == [0, 4]
    model = Model(x := Input((2,)), Dense(3)(x))
    assert layer_utils.count_params(model.weights) == 9


def test_lengths_of_convolutions_are_those_of_keras():
    assert [conv_utils.conv_output_length(10, 3, p, 2) for p in ("valid", "same", "causal", "full")] == [
        4,
        5,
        5,
        6,
    ]
    assert conv_utils.conv_output_length(10, 3, "valid", 1, dilation=2) == 6
    assert [conv_utils.deconv_length(7, 2, 3, p, None) for p in ("valid", "same", "full")] == [15, 14, 11]
    assert conv_utils.deconv_length(7, 2, 3, "same", 1) == 14
    assert conv_utils.conv_input_length(4, 3, "valid", 2) == 9
    assert conv_utils.conv_output_length(None, 3, "valid", 2) is None
    assert conv_utils.normalize_tuple(2, 3, "strides") == (2, 2, 2)
    with pytest.raises(InvalidArgumentError, match="strides must be"):
        conv_utils.normalize_tuple((1, 2), 3, "strides")


def test_data_to_try_models_with_have_the_asked_shapes():
    (x, y), (x_test, y_test) = test_utils.get_test_data(6, 4, (2, 3), (5,), classification=False)
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((6, 2, 3), (6, 5), (4, 2, 3), (4, 5))
    (_, y), _ = test_utils.get_test_data(6, 4, num_classes=3)
    assert set(y) <= {0, 1, 2}


class _AnnouncesTooMuch(Layer):
    def call(self, inputs):
        return inputs[:, :1]

    def compute_output_shape(self, input_shape):
        return input_shape


class _ForgetsItsUnits(Dense):
    def get_config(self):
        return {**super().get_config(), "units": 7}


def test_a_good_layer_passes_the_layer_test_which_returns_its_output():
    x = np.ones((2, 3), "float32")
    expected = np.full((2, 4), 4.0, "float32")
    arguments = {"units": 4, "kernel_initializer": "ones", "bias_initializer": "ones"}
    assert np.array_equal(test_utils.layer_test(Dense, arguments, input_data=x), expected)
    test_utils.layer_test(Lambda, {"function": lambda x: x + 1}, input_shape=(None, 3), fixed_batch_size=True)
    test_utils.layer_test(
        Embedding, {"output_dim": 2, "input_dim": 11}, (2, 3), "int32", None, None, "float32"
    )


@pytest.mark.parametrize(
    ("kind", "arguments", "expectations"),
    [
        (_AnnouncesTooMuch, {}, {}),
        (_ForgetsItsUnits, {"units": 2}, {}),
        (Dense, {"units": 2}, {"expected_output": np.full((2, 2), 99.0)}),
        (Dense, {"units": 2}, {"expected_output_dtype": "float64"}),
    ],
)
def test_a_wrong_layer_fails_the_layer_test(kind, arguments, expectations):
    with pytest.raises((AssertionError, ValueError)):
        test_utils.layer_test(kind, arguments, input_shape=(2, 3), **expectations)
    with pytest.raises(InvalidArgumentError, match="neither"):
        test_utils.layer_test(kind, arguments)
