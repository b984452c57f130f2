"""Ways to spoil a valid file. Each is a function of a `random.Random` and the file."""

import contextlib
import copy
import io
import json
import struct
import zipfile
import zlib

import h5py
import numpy as np
import yaml

from batchyard.models.saving.config import parse_yaml

#: Values that arguments, sizes and names are replaced by.
HOSTILE = [
    None, True, False, 0, 1, -1, 2, 3, 7, 255, 2**31 - 1, 2**31, 2**63, 2**64, 10**18, -(10**12), 10**400,
    0.0, -0.5, 0.5, 1e308, float("inf"), float("-inf"), float("nan"), 1e-320,
    "", "a", "relu", "Dense", "Model", "Sequential", "Functional", "Lambda", "LSTM", "linear", "\x00",
    "../../x",
    "os.system", "builtins", "eval", "float32", "int32", "string", "complex64", "channels_first", "a" * 5000,
    "same",
    "dense_1", "input_1", "é\ud800",
    [], [None], [0], [-1, -1], [1, 2, 3, 4, 5, 6, 7, 8], [[]], [None, None], [None, 10**9], [[[[[]]]]],
    ["a", 0, 0],
    {}, {"a": 1}, {"class_name": "Dense"}, {"class_name": "Dense", "config": {"units": 10**9}},
    {"class_name": "Lambda", "config": {"function": ["YQ==", None, None], "function_type": "lambda"}},
    {"module": "os", "class_name": "function", "config": "system", "registered_name": "function"},
    {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
    {"class_name": "__lambda__", "config": {"value": "YQ=="}},
    {"class_name": "__numpy__", "config": {"value": [1], "dtype": "O"}},
    {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Dense", "config": {"units": 2}}}},
]  # fmt: skip

#: Layers of other configurations, which are put into places where they don't belong.
GRAFTS = []
#: Arguments that are added.
_KEYS = ["units", "name", "class_name", "config", "layers", "axis", "dtype", "function", "module", "x"]
#: Numbers that HDF5's and zip's own structures choke on.
NUMBERS = [0, 1, 2, 7, 8, 255, 256, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]


def spoil_bytes(dice, data):
    """Change, cut, repeat or insert bytes."""
    data = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 4, 16])):
        if not data:
            break
        at, kind = dice.randrange(len(data)), dice.randrange(10)
        if kind < 3:
            data[at] = dice.randrange(256)
        elif kind < 5:
            data[at] ^= 1 << dice.randrange(8)
        elif kind < 8:
            form = dice.choice(["<B", "<H", "<I", "<Q"])
            size = struct.calcsize(form)
            value = dice.choice(NUMBERS) & (256**size - 1)
            data[at : at + size] = struct.pack(form, value)
        elif kind == 8:
            other, size = dice.randrange(len(data)), dice.randrange(1, 64)
            data[at : at + size] = data[other : other + size]
        elif dice.random() < 0.3:
            del data[at:]
        else:
            size = dice.choice([8, 64, 512])
            data[at : at + size] = bytes(size)
    return bytes(data)


#: The names of HDF5's structures, of its latest format too, and of zip's.
_SIGNATURES = [
    b"TREE",
    b"HEAP",
    b"SNOD",
    b"GCOL",
    b"OHDR",
    b"FRHP",
    b"FADB",
    b"FAHD",
    b"EAHD",
    b"BTHD",
    b"\x89HDF",
    b"OCHK",
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"PK\x05\x06",
]


def spoil_signatures(dice, data):
    """Change bytes close behind the names of HDF5's structures, where lengths and addresses stand."""
    places = [at for name in _SIGNATURES for at in _all(data, name)]
    if not places:
        return spoil_bytes(dice, data)
    data = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 5])):
        at = dice.choice(places) + dice.randrange(4, 80)
        form = dice.choice(["<B", "<H", "<I", "<Q"])
        size = struct.calcsize(form)
        if at + size <= len(data):
            data[at : at + size] = struct.pack(form, dice.choice(NUMBERS) & (256**size - 1))
    return bytes(data)


def _all(data, name):
    at = data.find(name)
    while at >= 0:
        yield at
        at = data.find(name, at + 1)


def spoil_pointers(dice, data):
    """Let addresses of HDF5's structures lead to others: loops, and one structure in the place of another."""
    places = [at for name in _SIGNATURES[:9] for at in _all(data, name)]
    users = [at for place in set(places) for at in _all(data, struct.pack("<Q", place))]
    if len(users) < 2:
        return spoil_bytes(dice, data)
    data = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 4])):
        to = dice.choice([dice.choice(places), struct.unpack_from("<Q", data, dice.choice(users))[0]])
        struct.pack_into("<Q", data, dice.choice(users), to)
    return bytes(data)


def spoil_safetensors(dice, data):
    """Change the head of a `.safetensors` file as a tree: ranges, shapes, types, the configuration."""
    size = struct.unpack_from("<Q", data)[0]
    head = json.loads(data[8 : 8 + size])
    metadata = head.get("__metadata__", {})
    if "batchyard" in metadata and dice.random() < 0.5:
        metadata["batchyard"] = spoil_json(dice, metadata["batchyard"])
        changed = json.dumps(head)
    else:
        changed = json.dumps(spoil_tree(dice, head))
    text = changed.encode("utf-8", "replace")
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def spoil_tree(dice, value):
    """Change a tree of dictionaries and lists in some places."""
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        places = list(_places(value))
        if not places:
            return _hostile(dice)
        holder, key = dice.choice(places)
        kind = dice.randrange(8)
        if kind < 4:
            holder[key] = _hostile(dice)
        elif kind == 4:
            del holder[key]
        elif kind == 5:
            other_holder, other_key = dice.choice(places)
            if other_key in other_holder if isinstance(other_holder, dict) else other_key < len(other_holder):
                holder[key] = json.loads(json.dumps(other_holder[other_key]))
        elif kind == 6 and isinstance(holder, dict):
            holder[dice.choice(_KEYS)] = _hostile(dice)
        elif isinstance(holder, list):
            holder[key:key] = [json.loads(json.dumps(holder[key]))] * dice.choice([1, 2, 30])
        elif isinstance(holder[key], int | float) and abs(holder[key]) < 1e300:
            holder[key] = dice.choice([-holder[key], holder[key] * 1000, holder[key] + 1, float(holder[key])])
    return value


def _hostile(dice):
    if GRAFTS and dice.random() < 0.2:
        return copy.deepcopy(dice.choice(GRAFTS))
    return copy.deepcopy(dice.choice(HOSTILE))


def _places(value):
    if isinstance(value, dict):
        for key, item in value.items():
            yield value, key
            yield from _places(item)
    elif isinstance(value, list):
        for key, item in enumerate(value):
            yield value, key
            yield from _places(item)


def spoil_json(dice, text):
    """Change JSON as a tree, or as text."""
    if dice.random() < 0.85:
        return json.dumps(spoil_tree(dice, json.loads(text)))
    return spoil_bytes(dice, text.encode()).decode("utf-8", "replace")


def spoil_yaml(dice, text):
    """Change YAML as text, line by line, or as a tree."""
    kind = dice.randrange(4)
    if kind == 0:
        return yaml.safe_dump(spoil_tree(dice, json.loads(json.dumps(parse_yaml(text, "the seed")))))
    lines = text.split("\n")
    for _ in range(dice.choice([1, 2, 4])):
        at = dice.randrange(len(lines))
        lines[at] = dice.choice(
            [
                lines[at]
                + dice.choice(
                    [" &a", " *a", " !!python/object:os.system", " !!binary x", ": {", "]", " 0x_", " 1:2"]
                ),
                lines[dice.randrange(len(lines))],
                "  " + lines[at],
                lines[at].lstrip(),
                lines[at].split(":")[0]
                + ": "
                + dice.choice(["*a", "&a [*a]", "!!set {a}", "<<: *a", "1e999", "~", ".nan", "2001-01-01"]),
                "",
            ]
        )
    return "\n".join(lines) if kind < 3 else spoil_bytes(dice, text.encode()).decode("utf-8", "replace")


def spoil_hdf5(dice, data):
    """Change an HDF5 file by its own means: attributes, links, datasets, configurations."""
    stream = io.BytesIO(data)
    with h5py.File(stream, "r+") as file:
        for _ in range(dice.choice([1, 1, 2, 4])):
            groups, datasets = [file], []
            file.visititems(
                lambda _, found, g=groups, d=datasets: (g if isinstance(found, h5py.Group) else d).append(
                    found
                )
            )
            # a change that HDF5 doesn't take is none
            with contextlib.suppress(KeyError, MemoryError, OSError, RuntimeError, TypeError, ValueError):
                _CHANGES[dice.randrange(len(_CHANGES))](dice, file, groups, datasets)
    return stream.getvalue()


#: Values that attributes are replaced by.
_ATTRIBUTES = [
    b"x", "é", b"", b"\xff\xfe", b"theano", b"1.2.2", b"3.9.1", b"2.15.0", 3, 2.5, np.zeros((2, 2)),
    h5py.Empty("f4"), np.array([b"a", b"b"]), np.array([], "S1"), np.array(["x"], dtype=object),
    np.array([b"../a", b"/a", b"a//b", b"."]),
]  # fmt: skip


def _change_text(dice, file, groups, datasets):
    key = dice.choice(["model_config", "training_config"])
    if isinstance(file.attrs.get(key), str):
        file.attrs[key] = spoil_json(dice, file.attrs[key]).encode("utf-8", "replace")


def _change_attribute(dice, file, groups, datasets):
    owner = dice.choice(groups + datasets)
    names = [*owner.attrs, "layer_names", "weight_names", "layer_names0", "keras_version", "backend"]
    value = dice.choice(_ATTRIBUTES)
    name = dice.choice(names)
    if dice.random() < 0.2:
        if name in owner.attrs:
            del owner.attrs[name]
    else:
        owner.attrs[name] = value


def _change_names(dice, file, groups, datasets):
    owners = [g for g in groups if "weight_names" in g.attrs or "layer_names" in g.attrs]
    if owners:
        owner = dice.choice(owners)
        key = "weight_names" if "weight_names" in owner.attrs else "layer_names"
        names = list(np.atleast_1d(owner.attrs[key]))
        if names:
            at = dice.randrange(len(names))
            names[at : at + 1] = dice.choice(
                [[], [names[at]] * 2, [b"nothing"], [b"../../x"], [b"/"], [b"a" * 3000], [b""]]
            )
            owner.attrs[key] = np.array(names, dtype="S") if names else np.zeros(0)


def _drop(dice, file, groups, datasets):
    found = dice.choice([*groups[1:], *datasets] or [None])
    if found is not None and found.name != "/":
        del file[found.name]


def _link(dice, file, groups, datasets):
    target = dice.choice([*groups[1:], *datasets] or [None])
    if target is None:
        return
    name = target.name
    del file[name]
    kind = dice.randrange(4)
    if kind == 0:
        file[name] = h5py.SoftLink(dice.choice(["/", name, "/model_weights", "/nothing"]))
    elif kind == 1:
        file[name] = h5py.ExternalLink(dice.choice(["/etc/passwd", "other.h5", ""]), "/x")
    elif kind == 2:
        file[name] = (
            file[dice.choice(groups).name]
            if dice.random() < 0.5 and dice.choice(groups).id.valid
            else file["/"]
        )
    else:
        file.create_group(name)


def _replace_dataset(dice, file, groups, datasets):
    if not datasets:
        return
    found = dice.choice(datasets)
    name, shape = found.name, found.shape or ()
    if np.prod(shape) > 10**6:
        return
    del file[name]
    kind = dice.randrange(12)
    if kind == 0:
        file.create_dataset(name, (10**6, 10**6), "f4", chunks=(1000, 1000))
    elif kind == 1:
        file.create_dataset(
            name, data=np.zeros(shape, dice.choice(["f8", "f2", "i8", "u1", "c8", "?", ">f4", "S3"]))
        )
    elif kind == 2:
        file.create_dataset(name, data=np.zeros(shape, [("a", "f4"), ("b", "i4")]))
    elif kind == 3:
        file.create_dataset(name, data=["text"] * 3)
    elif kind == 4:
        file.create_dataset(
            name, shape, "f4", data=np.zeros(shape), compression="gzip", chunks=True
        ) if shape else file.create_group(name)
    elif kind == 5:
        file.create_dataset(name, (2**24,), "f4", chunks=(2**20,), compression="gzip", fillvalue=0)
    elif kind == 6:
        file.create_dataset(name, shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    elif kind == 7:
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
        file.create_virtual_dataset(name, layout)
    elif kind == 8:
        file.create_dataset(name, (*shape, 1), "f4")
    elif kind == 9:
        file.create_dataset(name, shape[:-1], "f4")
    elif kind == 10:
        file[name] = h5py.Empty("f4")
    else:
        file.create_dataset(name, data=np.full(shape, dice.choice([np.nan, np.inf, 1e30]), "f4"))


def _pack(dice, file, groups, datasets):
    """Pack an array, and perhaps write something else into one of its chunks."""
    found = dice.choice(
        [one for one in datasets if one.shape and one.size and one.dtype.kind == "f"] or [None]
    )
    if found is None:
        return
    name, array = found.name, found[()]
    del file[name]
    chunks = tuple(dice.randrange(1, size + 1) for size in array.shape)
    filters = dice.choice(
        [
            {"compression": "gzip"},
            {"compression": "gzip", "shuffle": True},
            {"compression": "gzip", "fletcher32": True},
            {"compression": "lzf"},
            {"compression": "lzf", "shuffle": True, "fletcher32": True},
            {"scaleoffset": 3},
            {},
        ]
    )
    made = file.create_dataset(name, data=array, chunks=chunks, **filters)
    if dice.random() < 0.7:
        _, packed = made.id.read_direct_chunk((0,) * array.ndim)
        packed = dice.choice(
            [
                lambda: spoil_bytes(dice, packed),
                lambda: packed * 3,
                lambda: zlib.compress(bytes(dice.choice([100, 10**5, 2**26]))),
                lambda: bytes(len(packed)),
                lambda: b"\xff" * len(packed),
            ]
        )()
        made.id.write_direct_chunk((0,) * array.ndim, packed or b"x", dice.choice([0, 0, 0, 1, 2, 3]))


_CHANGES = [_change_text] * 6 + [
    _pack,
    _pack,
    _change_attribute,
    _change_names,
    _drop,
    _link,
    _replace_dataset,
    _replace_dataset,
]


def spoil_archive(dice, data):
    """Change a .keras archive by its own means: members, names, sizes, the files within."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    kind = dice.randrange(10)
    changed = []
    for name, content in members:
        if name == "config.json" and kind < 4:
            content = spoil_json(dice, content.decode()).encode("utf-8", "replace")
        elif name == "model.weights.h5" and 4 <= kind < 6:
            content = dice.choice([spoil_bytes, spoil_signatures, spoil_hdf5])(dice, content)
        elif name == "metadata.json" and kind == 6:
            content = spoil_json(dice, content.decode()).encode("utf-8", "replace")
        changed.append((name, content))
    if kind == 7:
        changed.pop(dice.randrange(len(changed)))
    elif kind == 8:
        name, content = dice.choice(changed)
        changed.append(
            (
                dice.choice(
                    [name, "../" + name, "/" + name, "assets/x", "a\x00b", "model.weights.npz", "x" * 5000]
                ),
                content,
            )
        )
    stream = io.BytesIO()
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of names that occur twice, which is the point
        with zipfile.ZipFile(stream, "w", dice.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            for name, content in changed:
                archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue() if kind < 9 else spoil_signatures(dice, stream.getvalue())
