"""Files made to do harm are refused by an error of ours, in little time and memory; nothing of them runs."""

# ruff: noqa: E501  # wide tables
import base64
import contextlib
import io
import json
import marshal
import os
import pickle
import resource
import struct
import sys
import time
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from batchyard.models import Sequential, layers, load_model, model_from_json, model_from_yaml
from batchyard.models.errors import BatchyardModelsError
from batchyard.models.saving.inspection import inspect_file

#: What one file may take: seconds, and MiB of memory above what the process had.
SECONDS, MEBIBYTES = 10, 400
MARK = "BATCHYARD_HOSTILE_MARK"


def bytecode():
    code = compile(f"import os; os.environ[{MARK!r}] = 'ran'", "x", "exec")
    return base64.b64encode(marshal.dumps(code)).decode()


def chain(*described):
    begin = {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 4], "name": "begin", "dtype": "float32"},
    }
    return {"class_name": "Sequential", "config": {"name": "s", "layers": [begin, *described]}}


def dense(**arguments):
    return {"class_name": "Dense", "config": {"name": "d", "units": 2, **arguments}}


def graph(*described, outputs=("d", 0, 0)):
    begin = {
        "class_name": "InputLayer",
        "name": "begin",
        "config": {"batch_input_shape": [None, 4], "name": "begin", "dtype": "float32"},
        "inbound_nodes": [],
    }
    return {
        "class_name": "Model",
        "config": {
            "name": "m",
            "layers": [begin, *described],
            "input_layers": [["begin", 0, 0]],
            "output_layers": [list(outputs)],
        },
    }


def node(name, *sources):
    described = dense(name=name)
    return {**described, "name": name, "inbound_nodes": [[[source, 0, 0, {}] for source in sources]]}


def named(module, name, registered=None):
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered or name}


def of_lambda(function, **more):
    return chain({"class_name": "Lambda", "config": {"name": "l", "function": function, **more}})


def nested(depth, kind="TimeDistributed"):
    inner = dense()
    for _ in range(depth):
        inner = {"class_name": kind, "config": {"layer": inner}}
    return chain(inner)


def sequentials(depth):
    inner = dense()
    for number in range(depth):
        inner = {"class_name": "Sequential", "config": {"name": f"s{number}", "layers": [inner]}}
    return chain(inner)


CONFIGURATIONS = {
    "marshalled lambda": lambda: of_lambda([bytecode(), None, None], function_type="lambda"),
    "marshalled output shape": lambda: of_lambda(
        "abs", function_type="function", output_shape=[bytecode(), None, None], output_shape_type="lambda"
    ),
    "lambda of keras 3": lambda: of_lambda(
        {"class_name": "__lambda__", "config": {"code": bytecode(), "defaults": None, "closure": None}}
    ),
    "os.system as lambda": lambda: of_lambda(named("os", "system"), arguments={"command": "true"}),
    "posix.system by registered name": lambda: of_lambda(named("posix", "system", "posix>system")),
    "builtins.eval as activation": lambda: chain(dense(activation=named("builtins", "eval"))),
    "builtins.exec as initializer": lambda: chain(
        dense(kernel_initializer={"module": "builtins", "class_name": "exec", "config": {}, "registered_name": None})
    ),
    "keras.utils.get_file": lambda: of_lambda(
        named("keras.utils", "get_file"), arguments={"origin": "http://localhost/x"}
    ),
    "keras.src get_file as class": lambda: chain(
        {"module": "keras.src.utils.file_utils", "class_name": "get_file", "config": {"origin": "http://localhost/x"}}
    ),
    "subprocess.Popen as layer": lambda: chain(
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}, "registered_name": "Popen"}
    ),
    "torch module wrapper": lambda: chain(
        {
            "module": "keras.layers",
            "class_name": "TorchModuleWrapper",
            "config": {"module": {"class_name": "__bytes__", "config": {"value": "gASVAAAA"}}},
        }
    ),
    "our TorchLayer": lambda: chain({"class_name": "TorchLayer", "config": {"module": "gASVAAAA"}}),
    "NamedOperation of another function": lambda: chain(
        {"class_name": "NamedOperation", "config": {"function": "os.system", "name": "x"}}
    ),
    "class with a path": lambda: chain({"class_name": "os.system", "config": {}}),
    "dunder class": lambda: chain({"class_name": "__import__", "config": {"name": "os"}}),
    "regularizer elsewhere": lambda: chain(dense(kernel_regularizer=named("os", "getcwd"))),
    "constraint of a class elsewhere": lambda: chain(
        dense(kernel_constraint={"module": "os", "class_name": "listdir", "config": {"path": "/"}})
    ),
    "deep layers": lambda: nested(4000),
    "deep models": lambda: sequentials(700),
    "many layers": lambda: chain(*[dense(name=f"d{number}", units=0) for number in range(50_000)]),
    "a trillion units": lambda: chain(dense(units=10**12)),
    "units beyond 64 bits": lambda: chain(dense(units=2**70)),
    "a billion units twice": lambda: chain(dense(units=10**9), dense(name="e", units=10**9)),
    "negative units": lambda: chain(dense(units=-3)),
    "units that are nan": lambda: chain(dense(units=float("nan"))),
    "infinite units": lambda: chain(dense(units=float("inf"))),
    "units in words": lambda: chain(dense(units="many")),
    "units as a list": lambda: chain(dense(units=[2, 3])),
    "a huge embedding": lambda: chain(
        {"class_name": "Embedding", "config": {"name": "e", "input_dim": 10**11, "output_dim": 10**3}}
    ),
    "a huge kernel": lambda: chain(
        {"class_name": "Reshape", "config": {"target_shape": [2, 2, 1]}},
        {"class_name": "Conv2D", "config": {"filters": 10**6, "kernel_size": [10**6, 10**6], "padding": "same"}},
    ),
    "a huge repetition and a dense": lambda: chain(
        {"class_name": "RepeatVector", "config": {"n": 10**12}},
        {"class_name": "Flatten", "config": {}},
        dense(units=1000),
    ),
    "a negative shape": lambda: {
        "class_name": "Sequential",
        "config": [dense(batch_input_shape=[None, -4])],
    },
    "a shape of texts": lambda: {"class_name": "Sequential", "config": [dense(batch_input_shape=["a", "b"])]},
    "a shape beyond 64 bits": lambda: {"class_name": "Sequential", "config": [dense(batch_input_shape=[None, 2**65])]},
    "two layers that feed each other": lambda: graph(node("d", "e"), node("e", "d")),
    "a layer that feeds itself": lambda: graph(node("d", "d")),
    "a layer that is missing": lambda: graph(node("d", "nobody")),
    "a call of the future": lambda: graph(node("d", "begin"), outputs=("d", 7, 0)),
    "a call from behind": lambda: graph(node("d", "begin"), outputs=("d", -9, 0)),
    "an output of the future": lambda: graph(node("d", "begin"), outputs=("d", 0, 5)),
    "a call of no number": lambda: graph(node("d", "begin"), outputs=("d", "x", None)),
    "no layers": lambda: {"class_name": "Model", "config": {"layers": None, "input_layers": 1, "output_layers": {}}},
    "layers of texts": lambda: {"class_name": "Sequential", "config": {"layers": ["Dense", 3, None]}},
    "a class that is a list": lambda: {"class_name": ["Sequential"], "config": {}},
    "an activation of ten thousand letters": lambda: chain(dense(activation="a" * 10_000)),
    "a dtype of objects": lambda: chain(dense(dtype="object")),
    "a loop of wrappers": lambda: chain({"class_name": "Bidirectional", "config": {"layer": dense()}}),
}  # fmt: skip


def write_json(value):
    """Return JSON, however deep it is."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        return json.JSONEncoder().encode(value)
    finally:
        sys.setrecursionlimit(before)


@pytest.fixture
def bounded():
    """Check that the block takes little time and memory, and runs nothing of the file."""

    @contextlib.contextmanager
    def check():
        os.environ.pop(MARK, None)
        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
        assert time.process_time() - begun < SECONDS
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEBIBYTES * 1024
        assert MARK not in os.environ

    return check


def refused(function, *arguments):
    with pytest.raises(BatchyardModelsError) as caught:
        function(*arguments)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def small():
    model = Sequential([layers.Dense(3, input_shape=(2,), name="a"), layers.Dense(1, name="b")])
    model.compile("adam", "mse")
    return model


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.h5")


def with_config(path, config, version=b"2.2.4"):
    small().save(path)
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = write_json(config).encode()
        file.attrs["keras_version"] = version


def as_archive(path, members):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name, content)


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_hostile_configurations_are_refused_in_every_container(name, path, tmp_path, bounded):
    config = CONFIGURATIONS[name]()
    text = write_json(config)
    with bounded():
        refused(model_from_json, text)
    if len(text) < 100_000 and "deep" not in name:
        with bounded():
            refused(model_from_yaml, json.dumps(config, indent=1))
    for version in (b"2.2.4", b"3.9.0", b"1.2.2"):
        with_config(path, config, version)
        with bounded():
            refused(load_model, path)
        with bounded(), contextlib.suppress(BatchyardModelsError):
            assert inspect_file(path).problem
    archive = str(tmp_path / "model.keras")
    small().save(archive)
    members = dict(members_of(archive))
    as_archive(archive, [*{**members, "config.json": text}.items()])
    with bounded():
        refused(load_model, archive)
    with bounded(), contextlib.suppress(BatchyardModelsError):
        assert inspect_file(archive).problem


def test_training_configurations_name_nothing_elsewhere(path, bounded):
    for key, value in {
        "loss": named("os", "system"),
        "metrics": [named("builtins", "eval")],
        "optimizer_config": {"module": "os", "class_name": "system", "config": {"lr": 1}},
    }.items():
        small().save(path)
        with h5py.File(path, "a") as file:
            training = json.loads(file.attrs["training_config"])
            file.attrs["training_config"] = json.dumps({**training, key: value}).encode()
        with bounded():
            refused(load_model, path)


class Harmful:
    def __reduce__(self):
        return (os.putenv, (MARK, "ran"))


def test_pickles_are_no_models(tmp_path, bounded):
    for name in ("model.h5", "model.keras", "model.json", "model.yaml", "model.pt", "model.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Harmful()))
        with bounded():
            refused(inspect_file, str(tmp_path / name))
    with bounded():
        refused(load_model, str(tmp_path / "model.h5"))


def test_a_state_dict_with_more_than_tensors_is_refused(tmp_path, bounded):
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.zeros(2), "b": Harmful()}, tmp_path / "x.pt")
    with bounded():
        assert "could run code" in refused(inspect_file, str(tmp_path / "x.pt"))


def dataset(path, make, name="model_weights/a/a/kernel:0"):
    """Save a model, and replace a weight by what `make(file, name)` makes."""
    small().save(path)
    with h5py.File(path, "a") as file:
        del file[name]
        make(file, name)


def a_gzip_bomb(file, name):
    file.create_dataset(name, (2**28,), "f4", chunks=(2**22,), compression="gzip", fillvalue=0)
    for at in range(0, 2**28, 2**22):
        file[name].id.write_direct_chunk((at,), ZEROS)


def a_chunk_bomb(file, name):
    file.create_dataset(name, (2, 3), "f4", maxshape=(None, None), chunks=(2**14, 2**15), compression="gzip")
    file[name].id.write_direct_chunk((0, 0), ZEROS)


def _zeros():
    import zlib

    return zlib.compress(bytes(2**24), 9)


ZEROS = _zeros()

DATASETS = {
    "a huge shape": lambda file, name: file.create_dataset(name, (10**9, 10**9), "f4", chunks=(1000, 1000)),
    "a gzip bomb": a_gzip_bomb,
    "a chunk bomb": a_chunk_bomb,
    "an external link": lambda file, name: file.__setitem__(name, h5py.ExternalLink("/etc/passwd", "/x")),
    "a link in a loop": lambda file, name: file.__setitem__(name, h5py.SoftLink("/" + name)),
    "a link to its group": lambda file, name: file.__setitem__(name, file["model_weights"]),
    "external storage": lambda file, name: file.create_dataset(
        name, (2, 3), "f4", external=[("/etc/passwd", 0, 24)]
    ),
    "texts": lambda file, name: file.create_dataset(name, data=["x"] * 6),
    "fixed texts": lambda file, name: file.create_dataset(name, data=np.zeros((2, 3), "S4")),
    "records": lambda file, name: file.create_dataset(name, data=np.zeros((2, 3), [("a", "f4")])),
    "lists": lambda file, name: file.create_dataset(name, (2, 3), h5py.vlen_dtype(np.float32)),
    "references": lambda file, name: file.create_dataset(name, (2, 3), h5py.ref_dtype),
    "complex numbers": lambda file, name: file.create_dataset(name, data=np.zeros((2, 3), "c8")),
    "numbers of sixteen bytes": lambda file, name: file.create_dataset(name, data=np.zeros((2, 3), np.longdouble)),
    "nothing": lambda file, name: file.__setitem__(name, h5py.Empty("f4")),
    "another rank": lambda file, name: file.create_dataset(name, data=np.zeros((2, 3, 1), "f4")),
}  # fmt: skip


@pytest.mark.parametrize("name", DATASETS)
def test_hostile_arrays_are_refused(name, path, bounded):
    dataset(path, DATASETS[name])
    assert os.path.getsize(path) < 16 * 2**20
    with bounded():
        refused(load_model, path)
    with bounded():
        refused(small().load_weights, path)


def test_a_virtual_dataset_is_refused(path, tmp_path, bounded):
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (2, 3))
    dataset(path, lambda file, name: file.create_virtual_dataset(name, layout))
    with bounded():
        assert "other files" in refused(load_model, path)


def test_a_filter_that_is_not_there_is_refused(path, bounded):
    small().save(path)
    with h5py.File(path, "a") as file:
        del file["model_weights/a/a/kernel:0"]
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((2, 3))
        made.set_filter(32_999, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((2, 3))
        h5py.h5d.create(file["model_weights/a/a"].id, b"kernel:0", h5py.h5t.IEEE_F32LE, space, made)
        file["model_weights/a/a/kernel:0"].id.write_direct_chunk((0, 0), bytes(24), filter_mask=0)
    with bounded():
        refused(load_model, path)


def test_one_text_that_is_listed_a_thousand_times_is_refused(path, bounded):
    small().save_weights(path)
    with h5py.File(path, "a") as file:
        del file.attrs["layer_names"]
        file.attrs.create("layer_names", np.array(["N" * 2**20, "b", "c"] + ["d"] * 4000, dtype=object))
    data = Path(path).read_bytes()
    at = data.index(b"N" * 100)
    heap = data.rindex(b"GCOL", 0, at)
    reference = struct.pack("<IQI", 2**20, heap, 1)
    assert data.count(reference) == 1
    other = data.index(reference) + 16
    data = data[:other] + reference * 3000 + data[other + 3000 * 16 :]
    Path(path).write_bytes(data)
    with bounded():
        refused(small().load_weights, path)


def test_lists_of_names_without_end_are_refused(path, bounded):
    small().save_weights(path)
    with h5py.File(path, "a") as file:
        del file.attrs["layer_names"]
        for number in range(200):
            file.attrs[f"layer_names{number}"] = np.array([b"a"] * 6000)
    with bounded():
        refused(small().load_weights, path)


def test_two_layers_of_one_name_are_no_way_around_the_shapes(path, bounded):
    small().save_weights(path)
    with h5py.File(path, "a") as file:
        file.attrs["layer_names"] = np.array([b"a", b"a"])
    with bounded():
        refused(small().load_weights, path)


ARCHIVES = {
    "a path outside": lambda members: [("../../../tmp/x", b"x"), *((f"../{n}", c) for n, c in members)],
    "an absolute path": lambda members: [(f"/{n}", c) for n, c in members],
    "configurations twice": lambda members: [*members, members[1]],
    "weights twice": lambda members: [*members, members[2]],
    "no configuration": lambda members: [members[0], members[2]],
    "no weights": lambda members: members[:2],
    "a bomb as configuration": lambda members: [
        members[0],
        ("config.json", b" " * 2**30 + b"{}"),
        members[2],
    ],
    "a bomb as weights": lambda members: [*members[:2], ("model.weights.h5", bytes(2**30))],
    "a bomb as metadata": lambda members: [("metadata.json", b"[" * 2**28), *members[1:]],
    "a deep configuration": lambda members: [members[0], ("config.json", b"[" * 10**6), members[2]],
    "many values": lambda members: [members[0], ("config.json", b"[" + b"[]," * 2**21 + b"1]"), members[2]],
    "a pickle as weights": lambda members: [*members[:2], ("model.weights.h5", pickle.dumps(Harmful()))],
    "npz weights": lambda members: [*members[:2], ("model.weights.npz", b"x")],
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archives_are_refused(name, tmp_path, bounded):
    path = str(tmp_path / "model.keras")
    small().save(path)
    as_archive(path, ARCHIVES[name](members_of(path)))
    assert os.path.getsize(path) < 8 * 2**20
    before = sorted(os.listdir(tmp_path))
    with bounded():
        refused(load_model, path)
    with bounded(), contextlib.suppress(BatchyardModelsError):
        assert inspect_file(path).problem
    assert sorted(os.listdir(tmp_path)) == before


def test_a_symbolic_link_in_an_archive_leads_nowhere(tmp_path, bounded):
    path = str(tmp_path / "model.keras")
    small().save(path)
    members = members_of(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members[:2]:
            archive.writestr(name, content)
        link = zipfile.ZipInfo("model.weights.h5")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with bounded():
        refused(load_model, path)


def test_an_archive_that_claims_another_size_is_refused(tmp_path, bounded):
    path = str(tmp_path / "model.keras")
    small().save(path)
    data = bytearray((tmp_path / "model.keras").read_bytes())
    for begin, offset in ((b"PK\x03\x04", 18), (b"PK\x01\x02", 20)):
        at = -1
        while (at := data.find(begin, at + 1)) >= 0:
            data[at + offset : at + offset + 8] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    (tmp_path / "model.keras").write_bytes(data)
    with bounded():
        refused(load_model, path)


TEXTS = {
    "aliases that grow": "a0: &a0 [x]\n"
    + "\n".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)),
    "a tag of python": "class_name: Sequential\nconfig: !!python/object/apply:os.system ['true']",
    "a tag of a name": "class_name: Sequential\nconfig: !!python/name:os.system ''",
    "a document in itself": "&a\nclass_name: Sequential\nconfig: {layers: [*a]}",
    "many values": "[" + "[]," * 2**19 + "1]",
    "deep lists": "[" * 10**5,
    "deep blocks": "\n".join(" " * n + "a:" for n in range(3000)),
    "a merge of itself": "a: &a {<<: *a}\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_yaml_is_refused(name, bounded):
    with bounded():
        refused(model_from_yaml, TEXTS[name])


@pytest.mark.parametrize(
    "text", ["[" * 10**6, '{"a":' * 10**5, "1" * 10**6, '{"class_name": ' + "9" * 10**5 + "}"]
)
def test_hostile_json_is_refused(text, bounded):
    with bounded():
        refused(model_from_json, text)


def test_streams_are_read_as_files_are(path, bounded):
    dataset(path, DATASETS["an external link"])
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    with bounded():
        refused(load_model, stream)
