"""Small files and texts that ask for much memory or time are refused; honest ones that pack well open."""

import io
import json
import os
import resource
import struct
import time
import zipfile
import zlib
from contextlib import contextmanager, suppress

import h5py
import numpy as np
import pytest

from batchyard.models import Sequential, layers, load_model, model_from_json, model_from_yaml
from batchyard.models.errors import BatchyardModelsError, ModelFileError
from batchyard.models.saving import heap_check
from batchyard.models.saving.conversion import convert_file
from batchyard.models.saving.inspection import inspect_file

#: What one file may take: seconds of computing, and MiB above what the process had.
SECONDS, MEBIBYTES = 10, 400


@contextmanager
def refused(match=None):
    """Check that the block is refused by an error of ours, in little time and memory."""
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(BatchyardModelsError, match=match) as caught:
        yield
    assert isinstance(caught.value, ValueError)
    assert time.process_time() - begun < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEBIBYTES * 1024


def small(units=3):
    return Sequential([layers.Dense(units, input_shape=(2,), name="a"), layers.Dense(1, name="b")])


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "m.h5")


def replaced(path, make, name="model_weights/a/a/kernel:0"):
    """Save a model, and replace a weight by what `make(file, name)` makes."""
    small().save(path)
    with h5py.File(path, "a", libver="latest") as file:
        del file[name]
        make(file, name)


def gzipped(mebibytes):
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(mebibytes)) + packer.flush()


def a_chunk(content, **options):
    def make(file, name):
        made = file.create_dataset(name, (2, 3), "f4", chunks=(2, 3), **options)
        made.id.write_direct_chunk((0, 0), content)

    return make


def nbit(file, name):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((2, 3))
    made.set_filter(h5py.h5z.FILTER_NBIT, 0, ())
    group, name = name.rsplit("/", 1)
    space = h5py.h5s.create_simple((2, 3))
    made = h5py.h5d.create(file[group].id, name.encode(), h5py.h5t.IEEE_F32LE, space, made)
    h5py.Dataset(made)[...] = 1


CHUNKS = {
    "a chunk that unpacks to a gigabyte": (a_chunk(gzipped(1024), compression="gzip"), "one of which takes"),
    "a chunk packed twice": (
        a_chunk(zlib.compress(gzipped(256), 9), compression="gzip"),
        "one of which unpacks to more",
    ),
    "a chunk that is no gzip": (a_chunk(b"\xff" * 20, compression="gzip"), "can't be unpacked"),
    "a chunk shorter than its checksum": (
        a_chunk(bytes(3), compression="lzf", fletcher32=True),
        "kept in 3 bytes",
    ),
    "a chunk of nothing but a checksum": (a_chunk(bytes(4), fletcher32=True), "kept in 4 bytes"),
    "a shuffled chunk that is too short": (a_chunk(bytes(8), shuffle=True), "kept in 8 bytes"),
    "a chunk of lzf that is too long": (
        a_chunk(bytes(2) + b"\xe0\xff\x00" * 2**20, compression="lzf"),
        "one of which takes",
    ),
    "the filter scaleoffset": (
        lambda file, name: file.create_dataset(
            name, (2, 3), "f4", chunks=(2, 3), scaleoffset=2, data=np.ones((2, 3))
        ),
        "packed by the filters",
    ),
    "the filter nbit": (nbit, "packed by the filters"),
    "an array that was never written": (
        lambda file, name: file.create_dataset(name, (2**40,), "f4", chunks=(1,), maxshape=(None,)),
        "none are stored",
    ),
    "numbers of a committed type alone": (
        lambda file, name: file.__setitem__(name, np.dtype("f4")),
        "Expected an array",
    ),
    "an enumeration": (
        lambda file, name: file.create_dataset(name, (2, 3), h5py.enum_dtype({"x": 0})),
        "Expected|none are stored|another model",
    ),
    "opaque bytes": (
        lambda file, name: file.create_dataset(name, (2, 3), h5py.opaque_dtype(np.dtype("V4"))),
        "Expected numbers",
    ),
    "references to regions": (
        lambda file, name: file.create_dataset(name, (2, 3), h5py.regionref_dtype),
        "Expected numbers",
    ),
    "thirty-two axes": (
        lambda file, name: file.create_dataset(name, data=np.ones((1,) * 32, "f4")),
        "fewer numbers|another model",
    ),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_arrays_that_unpack_to_more_than_they_say_are_refused(name, path):
    make, message = CHUNKS[name]
    replaced(path, make)
    assert os.path.getsize(path) < 8 * 2**20
    with refused(message):
        load_model(path, compile=False)
    with suppress(BatchyardModelsError):
        assert inspect_file(path).problem


@pytest.mark.parametrize("options", [{"compression": "gzip", "shuffle": True}, {"compression": "lzf"}])
def test_zeros_that_pack_well_are_honest(path, options):
    model = Sequential(
        [layers.Embedding(2000, 600, input_length=3, name="e", embeddings_initializer="zeros")]
    )
    model.save(path)
    with h5py.File(path, "a") as file:
        name = "model_weights/e/e/embeddings:0"
        del file[name]
        file.create_dataset(
            name, data=np.zeros((2000, 600), "f4"), chunks=(500, 600), fletcher32=True, **options
        )
        assert file[name].nbytes > 64 * file[name].id.get_storage_size()
    assert not load_model(path, compile=False).get_weights()[0].any()
    model.set_weights([np.ones((2000, 600))])
    model.load_weights(path)
    assert not model.get_weights()[0].any()


def test_small_files_do_not_become_large_models(path):
    units = 2**24
    small().save(path)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][0]["config"]["units"] = units
        file.attrs["model_config"] = json.dumps(config).encode()
        for name, shape, chunk in (("kernel:0", (2, units), (1, 2**20)), ("bias:0", (units,), (2**20,))):
            del file[f"model_weights/a/a/{name}"]
            made = file.create_dataset(
                f"model_weights/a/a/{name}", shape, "f4", chunks=chunk, compression="gzip"
            )
            for at in np.ndindex(*(size // part for size, part in zip(shape, chunk, strict=True))):
                places = tuple(place * part for place, part in zip(at, chunk, strict=True))
                made.id.write_direct_chunk(places, zlib.compress(bytes(2**22), 9))
    with refused("claim more than"):
        load_model(path, compile=False)


def test_archives_that_pack_packed_arrays_are_refused(tmp_path):
    path = str(tmp_path / "m.keras")
    small().save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        names = []
        file.visititems(lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None)
        del file[names[0]]
        made = file.create_dataset(names[0], (2**28,), "f4", chunks=(2**22,), compression="gzip")
        packed = zlib.compress(bytes(2**24), 9)
        for at in range(0, 2**28, 2**22):
            made.id.write_direct_chunk((at,), packed)
    members["model.weights.h5"] = stream.getvalue()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert os.path.getsize(path) < 20_000
    with refused("claim more than"):
        load_model(path)


def archive(path, change=lambda data: data, packing=zipfile.ZIP_STORED, more=()):
    small().save(path)
    with zipfile.ZipFile(path) as found:
        members = [(name, found.read(name)) for name in found.namelist()]
    with zipfile.ZipFile(path, "w", packing) as made:
        for name, content in [*members, *((name, b"") for name in more)]:
            made.writestr(name, content)
    with open(path, "r+b") as file:
        data = change(bytearray(file.read()))
        file.seek(0)
        file.write(data)
        file.truncate()


def patched(signature, offset, form, value):
    def change(data):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            struct.pack_into(form, data, at + offset, value)
        return data

    return change


ZIPS = {
    "a long list of members": {"more": [f"{n}".zfill(60_000) for n in range(20)]},
    "bzip2": {"packing": zipfile.ZIP_BZIP2},
    "lzma": {"packing": zipfile.ZIP_LZMA},
    "an unknown method": {"change": patched(b"PK\x01\x02", 10, "<H", 99)},
    "encryption": {"change": patched(b"PK\x01\x02", 8, "<H", 1)},
    "another checksum": {"change": patched(b"PK\x01\x02", 16, "<I", 5)},
    "one place for all members": {"change": patched(b"PK\x01\x02", 42, "<I", 0)},
    "a place behind the end": {"change": patched(b"PK\x01\x02", 42, "<I", 2**31)},
    "a list of 4 GiB": {"change": patched(b"PK\x05\x06", 12, "<I", 2**32 - 1)},
    "a list of nothing": {"change": patched(b"PK\x05\x06", 12, "<I", 0)},
    "a comment that hides its end": {
        "change": lambda data: patched(b"PK\x05\x06", 20, "<H", 65535)(data) + b"PK\x05\x06" + bytes(65531)
    },
}


@pytest.mark.parametrize("name", ZIPS)
def test_archives_that_lie_are_refused(name, tmp_path):
    path = str(tmp_path / "m.keras")
    archive(path, **ZIPS[name])
    with refused():
        load_model(path)
    with open(path, "rb") as stream, refused():
        load_model(stream)


def heap(size):
    return b"GCOL\x01" + bytes(3) + struct.pack("<Q", size)


def of_objects(count, length):
    body = (struct.pack("<HHIQ", 1, 1, 0, length) + bytes(length)) * count
    return heap(16 + len(body)) + body


def nested_heaps(count):
    one = struct.pack("<HHIQ", 1, 1, 0, 16)
    return b"".join(heap(16 + 32 * (count - n)) + one for n in range(count)) + bytes(16)


@pytest.mark.parametrize(
    "data",
    [of_objects(40, 2**16 + 8), nested_heaps(200), b"name" * 3000],
    ids=["long texts", "heaps within heaps", "names"],
)
def test_looking_for_damaged_texts_takes_a_bounded_number_of_steps(data, monkeypatch):
    monkeypatch.setattr(heap_check, "_MOST_STEPS", 2000)
    with refused("more texts than any file of Keras"):
        heap_check.check_heaps_in(data, "the file")


def test_groups_whose_names_are_packed_are_refused():
    with refused("could unpack"):
        heap_check.check_heaps_in(b"FRHP\x00" + struct.pack("<HH", 8, 20) + bytes(100), "the file")
    heap_check.check_heaps_in(b"FRHP\x00" + struct.pack("<HH", 8, 0) + bytes(100), "the file")


@pytest.mark.parametrize("place", [1000, 2**20])
def test_overlong_texts_are_found_wherever_they_stand(place):
    name = b"model_config\x00"
    attribute = struct.pack("<BBHHH", 1, 0, len(name), 16, 8) + name.ljust(16, b"\x00")
    attribute += b"\x19" + bytes(15) + bytes([1, 0, 0, 0, 0, 0, 0, 0]) + struct.pack("<IQI", 2**32 - 2, 0, 1)
    with refused("longer than the file"):
        heap_check.check_heaps_in(bytes(place) + attribute + bytes(2**21 - place), "the file")


def test_free_space_that_leads_back_to_itself_is_refused(path):
    small().save_weights(path)
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        at = data.index(b"HEAP\x00")
        size, free, place = struct.unpack_from("<QQQ", data, at + 8)
        free = size - 16
        struct.pack_into("<QQ", data, at + 8, size, free)
        struct.pack_into("<QQ", data, place + free, free, 16)
        file.seek(0)
        file.write(data)
    with refused("leads back to itself"):
        small().load_weights(path)
    for before in (b"", bytes(512)):
        with refused("leads back to itself"):
            small().load_weights(io.BytesIO(before + data))
    struct.pack_into("<BB", data, 13, 4, 4)
    with refused("another size than 8 bytes"):
        small().load_weights(io.BytesIO(data))


def names_again(file):
    weights = file["model_weights"]
    for owner, key, names in (
        (weights, "layer_names", [b"a"] * 20_000),
        (weights["a"], "weight_names", [b"a/k"] * 9000),
    ):
        del owner.attrs[key]
        owner.attrs[key] = np.array(names)


def a_long_way(file):
    file["model_weights/a/a/a"] = file["model_weights/a"]
    del file["model_weights/a"].attrs["weight_names"]
    file["model_weights/a"].attrs["weight_names"] = np.array([b"a/" * 30_000 + b"kernel:0"])


@pytest.mark.parametrize("make", [names_again, a_long_way])
def test_names_that_lead_round_and_round_are_refused(path, make):
    small().save(path)
    with h5py.File(path, "a") as file:
        make(file)
    with refused("No Keras writes such a file"):
        load_model(path, compile=False)
    with refused("No Keras writes such a file"):
        small().load_weights(path)


def described(depth, times=2):
    """A model within a model within ..., each called several times by the one around it."""
    inner = {"class_name": "Dense", "config": {"name": "d", "units": 4}}
    for number in range(depth):
        name, first = inner["config"]["name"], int(number > 0)
        begin = {"class_name": "InputLayer", "name": "i", "inbound_nodes": []}
        begin["config"] = {"batch_input_shape": [None, 4], "name": "i", "dtype": "float32"}
        calls = [[["i", 0, 0, {}]], *([[name, first + call, 0, {}]] for call in range(times - 1))]
        inner = {
            "class_name": "Model",
            "config": {
                "name": f"m{number}",
                "layers": [begin, {**inner, "name": name, "inbound_nodes": calls}],
                "input_layers": [["i", 0, 0]],
                "output_layers": [[name, first + times - 1, 0]],
            },
        }
    return inner


def test_models_that_call_models_twice_are_bounded():
    assert len(model_from_json(json.dumps(described(3))).layers) == 2
    with refused("called at most"):
        model_from_json(json.dumps(described(30)))


@pytest.mark.parametrize("backwards", [False, True])
def test_long_graphs_are_read_in_little_time_in_any_order(backwards):
    config = described(1, times=1)["config"]
    begin, dense = config["layers"]
    chain = [
        {
            **dense,
            "name": f"d{n}",
            "config": {"name": f"d{n}", "units": 1},
            "inbound_nodes": [[[f"d{n - 1}" if n else "i", 0, 0, {}]]],
        }
        for n in range(300)
    ]
    config |= {"layers": [begin, *(chain[::-1] if backwards else chain)], "output_layers": [["d299", 0, 0]]}
    begun = time.process_time()
    model = model_from_json(json.dumps({"class_name": "Model", "config": config}))
    assert [layer.name for layer in model.layers] == ["i", *(f"d{n}" for n in range(300))]
    assert time.process_time() - begun < SECONDS / 2


def aliases(depth):
    lines = ["a0: &a0 {class_name: Dense, config: {units: 1, batch_input_shape: [null, 4]}}"]
    for n in range(1, depth):
        lines.append(f"a{n}: &a{n} {{class_name: Sequential, config: {{layers: [*a{n - 1}, *a{n - 1}]}}}}")
    return "\n".join([*lines, "class_name: Sequential", f"config: {{layers: [*a{depth - 1}]}}"])


TEXTS = {
    "aliases that double": aliases(40),
    "merges that double": "a: &b0 {x: 1}\n"
    + "\n".join(f"b{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}]}}" for n in range(1, 40)),
    "a list in itself": "class_name: Sequential\nconfig: &c {layers: [*c]}",
    "lists in lists on one line": "- " * 50_000,
    "keys in keys": "? " * 50_000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_yaml_that_grows_is_refused_by_inspect_too(name, tmp_path):
    with refused():
        model_from_yaml(TEXTS[name])
    (tmp_path / "m.yaml").write_text(TEXTS[name])
    with refused():
        inspect_file(tmp_path / "m.yaml")


def test_json_of_millions_of_values_is_refused_before_it_is_read():
    with refused("values"):
        model_from_json("[" + '{"":0},' * 2_300_000 + "1]")


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_texts_of_gigabytes_are_not_read(tmp_path, ending):
    path = tmp_path / f"m.{ending}"
    with path.open("wb") as file:
        file.truncate(2**33)
    with refused("at most 16777216 characters"):
        inspect_file(path)
    with refused("at most 16777216 characters"):
        convert_file(path, tmp_path / "m.h5")


def test_what_is_converted_replaces_no_device_and_no_folder(tmp_path, path):
    small().save(path)
    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "folder.h5").mkdir()
    for name in ("pipe.h5", "folder.h5", "a\0.h5", "n" * 300 + ".h5", "none/x.h5"):
        with pytest.raises(ModelFileError):
            convert_file(path, f"{tmp_path}/{name}", overwrite=True)
    (tmp_path / "link.h5").symlink_to(tmp_path / "real.h5")
    convert_file(path, tmp_path / "link.h5")
    convert_file(path, path, overwrite=True)
    assert (tmp_path / "link.h5").is_symlink()
    assert (tmp_path / "real.h5").is_file()
    assert sorted(os.listdir(tmp_path)) == ["folder.h5", "link.h5", "m.h5", "pipe.h5", "real.h5"]
