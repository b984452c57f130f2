"""Small valid files of every kind that the library reads."""

import io
import json
import tempfile
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np

from batchyard.models import Input, Model, Sequential, backend, layers, load_model, model_from_json
from batchyard.models.saving.tensors import write_tensors
from batchyard.models.training.state import FitState, pack

DATA = Path(__file__).parent.parent / "models" / "data"


def dense():
    model = Sequential([layers.Dense(3, activation="tanh", input_shape=(2,)), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.train_on_batch(np.ones((4, 2), "float32"), np.ones((4, 1), "float32"))
    return model


def branched():
    left, right = Input((2,)), Input((3, 2))
    inner = Sequential([layers.Dense(2, input_shape=(2,)), layers.BatchNormalization()])
    read = layers.Bidirectional(layers.LSTM(2))(right)
    cells = layers.RNN([layers.GRUCell(2), layers.SimpleRNNCell(2)])(right)
    merged = layers.Concatenate()([inner(left), read, layers.Add()([inner(left), cells])])
    model = Model([left, right], [layers.Dense(1)(merged), layers.TimeDistributed(layers.Dense(1))(right)])
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.5])
    return model


def spatial():
    model = Sequential(
        [
            layers.Conv2D(2, 2, input_shape=(4, 4, 1), kernel_regularizer="l2", kernel_constraint="max_norm"),
            layers.PReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "categorical_crossentropy")
    return model


def make_seeds():
    """Return the files' bytes and texts by kind, and the models, by kind, whose weights they hold."""
    backend.clear_session()
    seeds = {kind: [] for kind in ("h5", "keras", "json", "yaml", "safetensors")}
    models = {kind: [] for kind in ("weights", "weights3", "state", "pt")}
    seeds |= {kind: [] for kind in models}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for model in (dense(), branched(), spatial()):
            add_ours(seeds, models, model)
        add_theirs(seeds, models)
    seeds["json"] += [json.dumps(config) for config in archive_configs(seeds["keras"])]
    seeds["json"] += [text for data in seeds["h5"] if (text := config_in(data)) is not None]
    return seeds, models


def add_ours(seeds, models, model):
    """Add what this library writes, and the same packed, in chunks, and in HDF5's latest format."""
    for kind, save in (
        ("h5", lambda stream: model.save(stream)),
        ("h5", lambda stream: model.save(stream, target="keras3")),
        ("keras", lambda stream: model.save(stream, target="keras")),
        ("weights", lambda stream: model.save_weights(stream)),
        ("weights3", lambda stream: model.save_weights(stream, target="keras3")),
    ):
        stream = io.BytesIO()
        save(stream)
        for content in (stream.getvalue(), *([packed(stream.getvalue())] if kind != "keras" else [])):
            seeds[kind].append(content)
            if kind in models:
                models[kind].append(model)
    seeds["json"].append(model.to_json())
    seeds["yaml"].append(model.to_yaml())
    seeds["state"].append(pack(model, FitState(seed=1, epoch=2, history={"loss": [0.5]})))
    models["state"].append(model)
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("safetensors", "pt"):
            write_tensors(model, f"{folder}/m.{kind}")
            seeds[kind].append(Path(f"{folder}/m.{kind}").read_bytes())
    models["pt"].append(model)


def add_theirs(seeds, models):
    """Add what Keras 1.2.2, 2.2.4 and 3 and tf.keras wrote, which the tests have as files."""
    for path in sorted(DATA.rglob("*")):
        if path.suffix in (".h5", ".keras") and not path.stem.endswith(("_weights", ".weights")):
            seeds[path.suffix[1:]].append(path.read_bytes())
    seeds["json"].append((DATA / "branched.json").read_text())
    seeds["yaml"].append((DATA / "branched.yaml").read_text())
    seeds["weights"].append((DATA / "branched_weights.h5").read_bytes())
    models["weights"].append(model_from_json(seeds["json"][-1]))
    later = DATA / "other_versions" / "keras_3_optimizer_rmsprop.weights.h5"
    seeds["weights3"].append(later.read_bytes())
    models["weights3"].append(load_model(later.with_name("keras_3_optimizer_rmsprop.keras"), compile=False))
    for kind in ("h5", "keras"):
        seeds[kind].sort(key=len)  # the first are drawn most often


def packed(data):
    """Return an HDF5 file whose arrays are packed by one filter or another, in the latest format."""
    stream = io.BytesIO()
    filters = [
        {"compression": "gzip", "shuffle": True},
        {"compression": "lzf"},
        {"fletcher32": True},
        {"compression": "gzip", "fletcher32": True},
        {},
    ]
    with h5py.File(io.BytesIO(data)) as source, h5py.File(stream, "w", libver="latest") as target:

        def copy(name, found):
            if isinstance(found, h5py.Group):
                made = target.require_group(name)
            elif found.shape:
                options = filters[len(name) % len(filters)]
                chunks = tuple(max(1, size // 2) for size in found.shape)
                made = target.create_dataset(name, data=found[()], chunks=chunks, **options)
            else:
                made = target.create_dataset(name, data=found[()])
            for key, value in found.attrs.items():
                made.attrs[key] = value

        copy("/", source)
        source.visititems(copy)
    return stream.getvalue()


def config_in(data):
    """Return the configuration in an HDF5 file; None if there is none."""
    with h5py.File(io.BytesIO(data)) as file:
        text = file.attrs.get("model_config")
    return text.decode() if isinstance(text, bytes) else text


def archive_configs(archives):
    """Return the configurations in the manner of Keras 3."""
    for data in archives:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield json.loads(archive.read("config.json"))


def layers_in(texts):
    """Return the descriptions of layers in configurations."""
    waiting, found = [json.loads(text) for text in texts], []
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value and "config" in value:
                found.append(value)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found
