"""Layers that Keras 2.2 lacks compute what tf.keras and Keras 3 do, in files of these; and what they refuse.

Recorded by tests/oracle/write_later_layers.py and record_later_layers.py.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from batchyard.models import Sequential, backend, load_model
from batchyard.models.errors import InvalidArgumentError, ModelFileError, UnknownNameError
from batchyard.models.layers import Dense, Flatten, later
from batchyard.models.saving import model_from_config
from batchyard.models.saving.foreign.arguments import check_arguments, without_neutral
from batchyard.models.saving.foreign.producer import TF_KERAS, Producer
from tests.models.layer_conformance import run_layer_test


def recorded():
    """Each case with its numbers."""
    with np.load(Path(__file__).parent / "data" / "later_layers.npz") as file:
        cases, numbers = json.loads(str(file["text"])), file["numbers"]
    at = 0

    def taken(dtype, shape):
        nonlocal at
        count = int(np.prod(shape))
        at += count
        return numbers[at - count : at].reshape(shape).astype(dtype)

    for case in cases:
        case["weights"] = [(name, [taken(*one) for one in arrays]) for name, arrays in case["weights"]]
        case["record"] = {key: taken(*one) for key, *one in case["record"]}
    return {case["name"]: case for case in cases}


CASES = recorded()
#: What messages say of layers and arguments that are refused.
REFUSED = {
    "bidirectional_of_two": "backward_layer",
    "gated_activation": "'glu'",
    "hashed_crossing": "HashedCrossing",
    "hashing": "Hashing",
    "integer_lookup_adapted": "vocabulary",
    "layer_normalization_rms": "rms_scaling",
    "augmentation_autocontrast": "AutoContrast.*before the model",
    "augmentation_contrastlimitedadaptivehistogramequalization": "Histogram.*before the model",
    "mel_spectrogram": "MelSpectrogram.*before the model",
    "pipeline": "one behind the other",
    "reversible_embedding": "ReversibleEmbedding",
    "stft_spectrogram": "STFTSpectrogram.*before the model",
}


def several(record, prefix):
    return [record[key] for key in sorted(record) if key.startswith(prefix) and key[len(prefix) :].isdigit()]


def one_or_list(values):
    return values[0] if len(values) == 1 else values


def made(case):
    model = model_from_config({**case["config"], "keras_version": case["version"]})
    for name, arrays in case["weights"]:
        model.get_layer(name).set_weights(arrays)
    return model


@pytest.mark.parametrize("name", sorted(set(CASES) - set(REFUSED)))
def test_it_computes_and_trains_as_there(name):
    case, record = CASES[name], CASES[name]["record"]
    model = made(case)
    x = one_or_list(several(record, "x"))
    found = model.predict(x)
    for one, other in zip(
        found if isinstance(found, list) else [found], several(record, "prediction"), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    if "changed" in record:
        with backend.learning_phase_scope(True):
            changed = model(torch.from_numpy(x)).detach()
        np.testing.assert_allclose(changed, record["changed"], rtol=1e-5, atol=1e-5)
    if "losses" in record and name != "spectral_normalization":
        from batchyard.models.optimizers import SGD

        model.compile(SGD(0.01), "mse")
        y = one_or_list(several(record, "y"))
        losses = [np.ravel(model.train_on_batch(x, y))[0] for _ in record["losses"]]
        np.testing.assert_allclose(losses, record["losses"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(CASES) & set(REFUSED)))
def test_what_is_left_out_is_refused_by_name(name):
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=REFUSED[name]):
        made(CASES[name])


def test_all_cases_are_recorded():
    assert len(CASES) > 90
    assert len(set(CASES) & set(REFUSED)) > 8


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ({"class_name": "StringLookup", "config": {"name": "s", "vocabulary": ["a"]}}, "'s'.*takes strings"),
        ({"class_name": "TextVectorization", "config": {"name": "t"}}, "'t'.*takes strings"),
        (
            {"class_name": "Conv2D", "config": {"name": "c", "filters": 3, "kernel_size": 1, "groups": 2}},
            "'c'.*3",
        ),
        ({"class_name": "Resizing", "config": {"name": "r", "height": 10**9, "width": 2}}, "r.*32768"),
        ({"class_name": "CategoryEncoding", "config": {"name": "e", "num_tokens": 10**9}}, "1048576"),
        ({"class_name": "EinsumDense", "config": {"equation": "a->b->c", "output_shape": 2}}, "equation"),
        ({"class_name": "RandomFlip", "config": {"name": "f", "mode": "diagonal"}}, "mode.*diagonal"),
    ],
)
def test_what_cannot_be_done_is_told(layer, told):
    entry = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4, 4, 2], "name": "in"}}
    config = {"name": "m", "layers": [entry, layer]}
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=told):
        model_from_config({"class_name": "Sequential", "config": config, "keras_version": "3.5.0"})


def adapted(path, text):
    """An archive whose layers have a vocabulary as `adapt` finds it: beside the configuration only."""
    inner = Sequential([later.IntegerLookup([5, 3], input_shape=(3,), name="inner")])
    model = Sequential([later.IntegerLookup([7], input_shape=(3,), name="outer"), inner])
    plain = path.with_name("plain.keras")
    model.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            data = source.read(member)
            if member == "config.json":
                assert data.count(b'"vocabulary": [5, 3]') == 1
                data = data.replace(b'"vocabulary": [5, 3]', b'"vocabulary": null')
            target.writestr(member, data)
        if text is not None:
            target.writestr("assets/layers/sequential/layers/integer_lookup/vocabulary.txt", text)
    return model


@pytest.mark.parametrize("text", ["-1\n5\n3", "5\n3\n"])
def test_a_vocabulary_that_was_adapted_is_read_from_the_archive(text, tmp_path):
    model = adapted(tmp_path / "adapted.keras", text)
    x = np.array([[7, 3, 5]])
    again = load_model(tmp_path / "adapted.keras", compile=False)
    assert again.layers[1].layers[0].vocabulary == [5, 3]
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (None, InvalidArgumentError, "'inner'.*vocabulary"),
        ("-1\nfive", ModelFileError, "whole numbers.*'inner'"),
        ("5\n3\n5", InvalidArgumentError, "'inner'.*each number once"),
    ],
)
def test_a_vocabulary_that_is_missing_or_spoiled_is_told(text, error, told, tmp_path):
    adapted(tmp_path / "adapted.keras", text)
    with pytest.raises(error, match=told):
        load_model(tmp_path / "adapted.keras", compile=False)


def test_places_of_masks_and_other_numbers_may_stand_in_a_vocabulary():
    for given in ([0, -1, -1, 7, 5], [7, 5]):
        layer = later.IntegerLookup(given, mask_token=0, num_oov_indices=2)
        assert layer(torch.tensor([[0, 7, 5, 4, 3]])).tolist() == [[0, 3, 4, 1, 2]]


def test_how_random_numbers_are_made_is_no_matter_of_files():
    entry = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4, 4, 2], "name": "in"}}
    layer = {"class_name": "RandomFlip", "config": {"name": "f", "rng_type": "stateful", "seed": 1}}
    config = {"name": "m", "layers": [entry, layer]}
    made = model_from_config({"class_name": "Sequential", "config": config, "keras_version": "2.15.0"})
    assert made.layers[-1].name == "f"


def test_attention_of_tf_keras_is_refused_only_if_its_masks_are_set_otherwise():
    producer = Producer(TF_KERAS, "2.21.0")
    usual = {"name": "a", "num_heads": 2, "key_dim": 3, "softmax_robust_masking": False}
    assert "softmax_robust_masking" not in without_neutral("MultiHeadAttention", usual)
    robust = without_neutral("MultiHeadAttention", {**usual, "softmax_robust_masking": True})
    with pytest.raises(InvalidArgumentError, match=r"'a'.*only softmax_robust_masking=False"):
        check_arguments("MultiHeadAttention", robust, producer)


def in_training(layer, x):
    torch.manual_seed(0)
    with backend.learning_phase_scope(True):
        return layer(torch.from_numpy(x)).detach().numpy()


IMAGES = np.random.default_rng(0).uniform(10, 200, (64, 6, 8, 3)).astype("float32")


class TestAugmentationInTraining:
    def test_flips_are_drawn_for_each_image_and_each_axis(self):
        found = in_training(later.RandomFlip(), IMAGES)
        ways = [IMAGES, IMAGES[:, ::-1], IMAGES[:, :, ::-1], IMAGES[:, ::-1, ::-1]]
        counts = [sum(np.array_equal(a, b) for a, b in zip(found, way, strict=True)) for way in ways]
        assert sum(counts) == len(IMAGES)
        assert min(counts) > 6

    def test_a_quarter_turn_against_the_clock(self):
        found = in_training(later.RandomRotation((0.25, 0.25)), IMAGES[:, :, :6])
        np.testing.assert_allclose(found, np.rot90(IMAGES[:, :, :6], 1, (1, 2)), atol=1e-3)

    def test_a_crop_is_one_part_of_all_images(self):
        found = in_training(later.RandomCrop(4, 5), IMAGES)
        places = [
            (row, column)
            for row in range(3)
            for column in range(4)
            if np.array_equal(found, IMAGES[:, row : row + 4, column : column + 5])
        ]
        assert len(places) == 1

    def test_contrast_and_brightness_keep_to_their_ranges(self):
        found = in_training(later.RandomContrast(0.5, value_range=(-1000, 1000)), IMAGES)
        ratio = found.std((1, 2)) / IMAGES.std((1, 2))
        assert ((ratio > 0.499) & (ratio < 1.501)).all()
        np.testing.assert_allclose(found.mean((1, 2)), IMAGES.mean((1, 2)), rtol=1e-4)
        added = in_training(later.RandomBrightness((0.1, 0.2), value_range=(-1000, 1000)), IMAGES) - IMAGES
        assert ((added > 199) & (added < 401)).all()
        assert np.ptp(added) > 50

    @pytest.mark.parametrize("kind", ["RandomHeight", "RandomWidth"])
    def test_sizes_change(self, kind):
        found = in_training(getattr(later, kind)((0.5, 0.5)), IMAGES)
        assert found.shape[1:3] == ((9, 8) if kind == "RandomHeight" else (6, 12))

    @pytest.mark.parametrize("name", ["RandomHue", "MixUp"])
    def test_rarer_ones_predict_and_refuse_to_train(self, name):
        layer = later.PREDICTING_ONLY[name](factor=0.2, name="a")
        np.testing.assert_array_equal(layer(torch.from_numpy(IMAGES)).numpy(), IMAGES)
        with pytest.raises(InvalidArgumentError, match=rf"'a' is a {name}.*cannot do in training"):
            in_training(layer, IMAGES)

    def test_the_numbers_depend_on_the_lanes_alone(self):
        def trained():
            backend.clear_session()
            torch.manual_seed(3)
            layers = [
                later.RandomRotation(0.1),
                later.RandomFlip(),
                later.RandomZoom(0.2),
                Flatten(),
                Dense(1),
            ]
            layers[0].batch_input_shape = (None, 6, 8, 3)
            model = Sequential(layers)
            model.compile("sgd", "mse")
            torch.manual_seed(5)
            model.fit(IMAGES[:16] / 255, np.ones((16, 1)), epochs=1, batch_size=8, verbose=0, lanes=4)
            return [array.tobytes() for array in model.get_weights()]

        assert trained() == trained()


def test_spectral_normalization_refuses_to_train_unless_frozen():
    layer = later.SpectralNormalization(Dense(2), name="s")
    x = np.ones((3, 4), "float32")
    expected = layer(torch.from_numpy(x)).detach().numpy()
    with pytest.raises(InvalidArgumentError, match=r"s is a SpectralNormalization.*trainable = False"):
        in_training(layer, x)
    layer.trainable = False
    np.testing.assert_array_equal(in_training(layer, x), expected)


@pytest.mark.filterwarnings("ignore:Keras 2.2.4 can't open this file")
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: later.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"), (5, 3)),
        (lambda: later.GroupNormalization(2), (5, 4)),
        (lambda: later.RMSNormalization(), (5, 4)),
        (lambda: later.Conv1DTranspose(2, 3, strides=2, padding="same"), (5, 3)),
        (lambda: later.DepthwiseConv1D(3, padding="causal"), (5, 3)),
        (lambda: later.ConvLSTM1D(2, 2, recurrent_activation="sigmoid"), (3, 5, 2)),
        (lambda: later.LayerScale(0.5, 3), (5, 3)),
    ],
)
def test_it_does_what_every_layer_does(make, shape):
    run_layer_test(make, shape)
