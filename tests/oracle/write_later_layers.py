"""Write one small model for each layer that Keras 2.2 lacks, with a later version, and what the models do.

Runs under the producer, not under Batchyard. LIBRARY is `tensorflow.keras` (2.15), `tf_keras` or `keras` (3):

    python tests/oracle/write_later_layers.py LIBRARY FOLDER [SEED [CASE ...]]

For each case: NAME.h5, NAME.keras, and NAME.npz: inputs, targets, predictions and, where nothing random is
drawn in training, the losses of three steps. The arguments depend on the seed.
"""

import importlib
import os
import random
import sys
import zlib

import numpy as np

keras = importlib.import_module(sys.argv[1])
layers = (
    importlib.import_module(sys.argv[1] + ".layers") if sys.argv[1] != "tensorflow.keras" else keras.layers
)
THREE = sys.argv[1] == "keras"
CASES = {}
#: Names of cases whose training draws numbers, or has no gradient.
NO_TRAINING = set()


def L(kind, *args, **kwargs):
    """Make a layer of that class."""
    return getattr(layers, kind)(*args, **kwargs)


def case(needs=(), trains=True, only=None):
    """Register a function of a dice that returns inputs and outputs of a model."""

    def add(function):
        name = function.__name__
        kinds = (needs,) if isinstance(needs, str) else needs
        if all(hasattr(layers, kind) for kind in kinds) and only in (None, THREE):
            CASES[name] = function
        if not trains:
            NO_TRAINING.add(name)
        return function

    return add


def chain(shape, *steps, dtype="float32"):
    """Connect layers one behind the other."""
    start = x = L("Input", shape, dtype=dtype)
    for step in steps:
        x = step(x)
    return start, x


# Convolutions.


@case()
def conv_1d_groups(d):
    padding, step = d.choice([("same", 1), ("causal", 1), ("valid", 2)])
    return chain((12, 4), L("Conv1D", 6, 3, groups=2, padding=padding, strides=step, activation="relu"))


@case()
def conv_2d_groups(d):
    return chain(
        (8, 7, 6),
        L(
            "Conv2D",
            6,
            3,
            groups=d.choice([2, 3, 6]),
            padding=d.choice(["same", "valid"]),
            use_bias=d.random() < 0.5,
        ),
        L("Conv2D", 4, 2, groups=2, dilation_rate=d.choice([1, 2])),
    )


@case()
def conv_3d_groups(d):
    return chain((5, 4, 4, 4), L("Conv3D", 4, 2, groups=d.choice([2, 4]), strides=d.choice([1, 2])))


@case("DepthwiseConv1D")
def depthwise_conv_1d(d):
    return chain(
        (9, 3),
        L(
            "DepthwiseConv1D",
            3,
            depth_multiplier=d.choice([1, 2]),
            padding=d.choice(["same", "valid"]),
            strides=d.choice([1, 2]),
            activation="tanh",
        ),
    )


@case()
def depthwise_conv_2d_dilated(d):
    return chain(
        (9, 8, 3),
        L("DepthwiseConv2D", 3, depth_multiplier=2, dilation_rate=2, padding=d.choice(["same", "valid"])),
    )


@case()
def separable_conv(d):
    return chain(
        (9, 8, 3),
        L(
            "SeparableConv2D",
            4,
            3,
            dilation_rate=d.choice([1, 2]),
            padding="same",
            depth_multiplier=d.choice([1, 2]),
        ),
        L("Reshape", (-1, 4)),
        L(
            "SeparableConv1D",
            3,
            3,
            padding=d.choice(["same", "valid"] + ([] if THREE else ["causal"])),
            strides=d.choice([1, 2]),
        ),
    )


@case("Conv1DTranspose")
def conv_1d_transpose(d):
    strides = d.choice([1, 2, 3])
    return chain(
        (6, 3),
        L(
            "Conv1DTranspose",
            4,
            d.choice([2, 3, 4]),
            strides=strides,
            padding=d.choice(["same", "valid"]),
            activation="elu",
        ),
        L("Conv1DTranspose", 2, 3, dilation_rate=d.choice([1, 2]), use_bias=False),
    )


@case()
def conv_transpose_dilated(d):
    padding = d.choice(["same", "valid"])
    return chain((5, 4, 2), L("Conv2DTranspose", 3, 3, dilation_rate=2, padding=padding))


@case("Conv1DTranspose")
def conv_transpose_output_padding(d):
    return chain(
        (4, 5, 2),
        L("Conv2DTranspose", 3, 3, strides=2, output_padding=1, padding=d.choice(["same", "valid"])),
        L("Reshape", (-1, 3)),
        L(
            "Conv1DTranspose",
            2,
            3,
            strides=2,
            output_padding=d.choice([0, 1]),
            padding=d.choice(["same", "valid"]),
        ),
    )


@case("ConvLSTM1D")
def conv_lstm_1d(d):
    return chain(
        (3, 7, 2),
        L("ConvLSTM1D", 3, 2, return_sequences=True, padding="same", go_backwards=d.random() < 0.5),
        L("ConvLSTM1D", 2, 3, strides=d.choice([1, 2])),
    )


@case("ConvLSTM3D")
def conv_lstm_3d(d):
    return chain(
        (2, 4, 4, 3, 2),
        L("ConvLSTM3D", 2, 2, padding=d.choice(["same", "valid"]), return_sequences=d.random() < 0.5),
    )


@case()
def conv_lstm_2d_of_later_defaults(d):
    return chain(
        (3, 5, 4, 2), L("ConvLSTM2D", 2, 2, activation=d.choice(["tanh", "relu"]), return_sequences=True)
    )


@case()
def up_sampling(d):
    ways = ["nearest", "bilinear"] + [
        "bicubic",
        "lanczos5",
        "lanczos3",
        "mitchellcubic",
        "gaussian",
        "area",
    ] * 0
    return chain((4, 5, 2), L("UpSampling2D", d.choice([2, (3, 2)]), interpolation=d.choice(ways)))


@case()
def up_sampling_bicubic(d):
    return chain((4, 5, 2), L("UpSampling2D", d.choice([2, (3, 2)]), interpolation="bicubic"))


@case(only=False, trains=False)
def up_sampling_area(d):
    return chain((4, 5, 2), L("UpSampling2D", 2, interpolation="area"))


@case(only=None)
def up_sampling_lanczos(d):
    return chain((4, 5, 2), L("UpSampling2D", 2, interpolation=d.choice(["lanczos3", "lanczos5"])))


@case(only=False)
def up_sampling_gaussian(d):
    return chain((4, 5, 2), L("UpSampling2D", 2, interpolation=d.choice(["gaussian", "mitchellcubic"])))


@case()
def cropping_and_padding(d):
    return chain((6, 7, 2), L("ZeroPadding2D", ((1, 0), (2, 1))), L("Cropping2D", ((0, 2), (1, 1))))


# Attention.


@case("Attention")
def attention(d):
    q, v, k = L("Input", (4, 3)), L("Input", (5, 3)), L("Input", (5, 3))
    layer = L("Attention", use_scale=d.random() < 0.7, score_mode=d.choice(["dot", "concat"]))
    return [q, v, k], layer([q, v, k], use_causal_mask=d.random() < 0.5)


@case("Attention")
def attention_scores(d):
    q, v = L("Input", (4, 3)), L("Input", (5, 3))
    outputs, scores = L("Attention")([q, v], return_attention_scores=True)
    return [q, v], [outputs, scores]


@case("Attention")
def attention_masked(d):
    q, v = L("Input", (4, 3)), L("Input", (5, 3))
    found = L("Attention", use_scale=True)([L("Masking")(q), L("Masking")(v)])
    return [q, v], L("LSTM", 2)(found)


@case("AdditiveAttention")
def additive_attention(d):
    q, v = L("Input", (4, 3)), L("Input", (5, 3))
    layer = L("AdditiveAttention", use_scale=d.random() < 0.7)
    return [q, v], layer([L("Masking")(q), L("Masking")(v)], use_causal_mask=d.random() < 0.5)


@case("MultiHeadAttention")
def multi_head_attention(d):
    x = L("Input", (5, 6))
    layer = L(
        "MultiHeadAttention",
        num_heads=d.choice([1, 2, 3]),
        key_dim=d.choice([2, 4]),
        value_dim=d.choice([None, 3]),
        use_bias=d.random() < 0.7,
        output_shape=d.choice([None, 4]),
        kernel_regularizer="l2",
    )
    return x, layer(x, x, use_causal_mask=d.random() < 0.5)


@case("MultiHeadAttention")
def multi_head_attention_three(d):
    q, v, k = L("Input", (4, 3)), L("Input", (5, 4)), L("Input", (5, 2))
    found, scores = L("MultiHeadAttention", 2, 3)(q, v, key=k, return_attention_scores=True)
    return [q, v, k], [found, scores]


@case("MultiHeadAttention")
def multi_head_attention_with_mask(d):
    q, mask = L("Input", (4, 3)), L("Input", (4, 4), dtype="bool")
    return [q, mask], L("MultiHeadAttention", 2, 3)(q, q, attention_mask=mask)


@case("MultiHeadAttention")
def multi_head_attention_of_masked(d):
    q, v = L("Input", (4, 3)), L("Input", (5, 3))
    found = L("MultiHeadAttention", 2, 3)(query=L("Masking")(q), value=L("Masking")(v))
    return [q, v], L("GlobalAveragePooling1D")(found)


@case("MultiHeadAttention")
def multi_head_attention_axes(d):
    x = L("Input", (3, 4, 5))
    return x, L("MultiHeadAttention", 2, 3, attention_axes=d.choice([(1, 2), (2,), (1,)]))(x, x)


@case("GroupQueryAttention")
def group_query_attention(d):
    q, v = L("Input", (4, 6)), L("Input", (5, 6))
    layer = L(
        "GroupQueryAttention",
        head_dim=3,
        num_query_heads=4,
        num_key_value_heads=d.choice([1, 2, 4]),
        use_bias=d.random() < 0.7,
    )
    return [q, v], layer(q, v, use_causal_mask=d.random() < 0.5)


# Normalization.


@case("LayerNormalization")
def layer_normalization(d):
    return chain(
        (4, 5, 3),
        L(
            "LayerNormalization",
            axis=d.choice([-1, [1, 2], [2, 3]]),
            epsilon=1e-5,
            center=d.random() < 0.7,
            scale=d.random() < 0.7,
        ),
    )


@case("LayerNormalization", only=True)
def layer_normalization_rms(d):
    if "rms_scaling" not in L("LayerNormalization").get_config():
        return chain((4, 5, 3), L("RMSNormalization"))
    return chain((4, 5, 3), L("LayerNormalization", rms_scaling=True))


@case("GroupNormalization")
def group_normalization(d):
    return chain(
        (4, 5, 6),
        L(
            "GroupNormalization",
            groups=d.choice([1, 2, 3, -1]),
            center=d.random() < 0.7,
            scale=d.random() < 0.7,
        ),
    )


@case("GroupNormalization")
def group_normalization_first(d):
    return chain((6, 4), L("GroupNormalization", groups=d.choice([2, 3]), axis=1, epsilon=1e-2))


@case("RMSNormalization")
def rms_normalization(d):
    return chain((4, 5, 3), L("RMSNormalization", axis=d.choice([-1, [2, 3]]), epsilon=1e-4))


@case("UnitNormalization")
def unit_normalization(d):
    return chain((4, 5), L("UnitNormalization", axis=d.choice([-1, 1, [1, 2]])), L("Dense", 2))


@case("SpectralNormalization")
def spectral_normalization(d):
    return chain(
        (6, 6, 3),
        L("SpectralNormalization", L("Conv2D", 4, 3), power_iterations=d.choice([1, 2])),
        L("Flatten"),
        L("SpectralNormalization", L("Dense", 2)),
    )


@case()
def batch_normalization_renamed(d):
    axis = d.choice([-1, 1, 3])
    return chain((4, 5, 3), L("BatchNormalization", axis=axis, momentum=0.9), L("Conv2D", 2, 1))


# Preprocessing.


@case("Rescaling")
def rescaling(d):
    return chain(
        (4, 5, 3),
        L("Rescaling", d.choice([1 / 255, [0.5, 1.0, 2.0]]), offset=d.choice([-1, [0.1, 0.2, 0.3]])),
        L("Conv2D", 2, 2),
    )


@case("Normalization")
def normalization(d):
    layer = L("Normalization", axis=d.choice([-1, (1, 2), None]), invert=d.random() < 0.3)
    layer.adapt(np.random.RandomState(0).uniform(-2, 5, (20, 4, 3)).astype("float32"))
    return chain((4, 3), layer, L("Flatten"), L("Dense", 2))


@case("Normalization")
def normalization_given(d):
    return chain(
        (4, 3),
        L("Normalization", mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 0.5]),
        L("Flatten"),
        L("Dense", 2),
    )


@case("Resizing")
def resizing(d):
    way = d.choice(["bilinear", "nearest"])
    return chain((5, 6, 3), L("Resizing", d.choice([3, 8]), d.choice([4, 9]), interpolation=way))


@case("Resizing")
def resizing_bicubic(d):
    return chain((5, 6, 3), L("Resizing", d.choice([3, 8]), d.choice([4, 9]), interpolation="bicubic"))


@case("Resizing")
def resizing_cropped(d):
    return chain((5, 8, 3), L("Resizing", d.choice([3, 8]), d.choice([4, 9]), crop_to_aspect_ratio=True))


@case("CenterCrop")
def center_crop(d):
    return chain((7, 8, 3), L("CenterCrop", d.choice([4, 5]), d.choice([3, 6])), L("Conv2D", 2, 2))


@case("CenterCrop")
def center_crop_of_less(d):
    return chain((5, 6, 3), L("CenterCrop", 8, d.choice([4, 8])))


@case("CategoryEncoding", trains=False)
def category_encoding(d):
    mode = d.choice(["multi_hot", "one_hot", "count"])
    shape = () if mode == "one_hot" else (4,)
    return chain(shape, L("CategoryEncoding", num_tokens=11, output_mode=mode), dtype="int32")


@case("CategoryEncoding", trains=False)
def category_encoding_weighted(d):
    x, w = L("Input", (4,), dtype="int32"), L("Input", (4,))
    return [x, w], L("CategoryEncoding", num_tokens=11, output_mode="count")(x, count_weights=w)


@case("IntegerLookup", trains=False)
def integer_lookup(d):
    layer = L(
        "IntegerLookup",
        vocabulary=[3, 1, 7, 5],
        num_oov_indices=d.choice([1, 2]),
        mask_token=d.choice([None, 0]),
    )
    return chain((4,), layer, dtype="int64")


@case("IntegerLookup", trains=False)
def integer_lookup_encoded(d):
    layer = L("IntegerLookup", vocabulary=[3, 1, 7, 5], output_mode=d.choice(["multi_hot", "count"]))
    return chain((4,), layer, dtype="int64")


@case("IntegerLookup", trains=False)
def integer_lookup_adapted(d):
    layer = L("IntegerLookup", output_mode="int")
    layer.adapt(np.array([3, 3, 5, 5, 5, 9, 1]))
    return chain((4,), layer, L("Embedding", 12, 3), dtype="int64")


@case("Discretization", trains=False)
def discretization(d):
    return chain(
        (4,),
        L(
            "Discretization",
            bin_boundaries=[-0.5, 0.0, 0.7],
            output_mode=d.choice(["int", "multi_hot", "count"]),
        ),
    )


@case("Discretization", trains=False)
def discretization_adapted(d):
    layer = L("Discretization", num_bins=4, epsilon=0.01)
    layer.adapt(np.random.RandomState(0).uniform(-1, 1, 50).astype("float32"))
    return chain((4,), layer)


@case("Hashing", trains=False)
def hashing(d):
    return chain((4,), L("Hashing", num_bins=7, salt=d.choice([None, 133])), dtype="int32")


@case("HashedCrossing", trains=False)
def hashed_crossing(d):
    x, y = L("Input", (1,), dtype="int32"), L("Input", (1,), dtype="int32")
    return [x, y], L("HashedCrossing", num_bins=7)((x, y))


@case("StringLookup", trains=False)
def string_lookup(d):
    return chain((1,), L("StringLookup", vocabulary=["a", "b"]), dtype="string")


@case("TextVectorization", trains=False)
def text_vectorization(d):
    return chain(
        (1,), L("TextVectorization", vocabulary=["a", "b"], output_sequence_length=3), dtype="string"
    )


# Augmentation: nothing happens in inference.


def _augmentation(kind, *args, shape=(8, 6, 3), **kwargs):
    def make(d):
        return chain(shape, L(kind, *args, **kwargs), L("GlobalAveragePooling2D"), L("Dense", 2))

    make.__name__ = "augmentation_" + kind.lower()
    case(kind, trains=False)(make)


def _changed(kind, **kwargs):
    """A layer whose lot always falls on the same number: so it can be compared in training."""

    def make(d):
        if "Brightness" not in kind:
            kwargs["fill_mode"] = d.choice(["reflect", "wrap", "constant", "nearest"])
            kwargs["interpolation"] = d.choice(["bilinear", "bilinear", "nearest"])
            kwargs["fill_value"] = 0.3
        return chain((7, 8, 3), L(kind, **kwargs))

    make.__name__ = "changed_by_" + kind.lower()
    case(kind, trains=False)(make)


_changed("RandomRotation", factor=(0.09, 0.09))
_changed("RandomZoom", height_factor=(0.3, 0.3), width_factor=(-0.2, -0.2))
_changed("RandomTranslation", height_factor=(0.15, 0.15), width_factor=(-0.27, -0.27))
_changed("RandomBrightness", factor=(0.3, 0.3), value_range=(0.0, 1.0))
_augmentation("RandomFlip", "horizontal")
_augmentation("RandomRotation", 0.2)
_augmentation("RandomZoom", 0.2)
_augmentation("RandomTranslation", 0.1, 0.2)
_augmentation("RandomContrast", 0.2)
_augmentation("RandomCrop", 4, 4)
_augmentation("RandomBrightness", 0.2)
_augmentation("RandomHeight", 0.2)
_augmentation("RandomWidth", 0.2)
_augmentation("RandomShear", 0.2, 0.2)
_augmentation("RandomHue", 0.2)
_augmentation("RandomSaturation", 0.3)
_augmentation("RandomGrayscale", 0.2)
_augmentation("RandomColorJitter", brightness_factor=0.2, contrast_factor=0.2)
_augmentation("RandomColorDegeneration", 0.2)
_augmentation("RandomErasing")
_augmentation("RandomElasticTransform")
_augmentation("RandomGaussianBlur")
_augmentation("RandomInvert")
_augmentation("RandomPerspective")
_augmentation("RandomPosterization", 4)
_augmentation("RandomSharpness", 0.2)
_augmentation("RandAugment")
_augmentation("AugMix")
_augmentation("AutoContrast")
_augmentation("CutMix")
_augmentation("MixUp")
_augmentation("Equalization")
_augmentation("Solarization")
_augmentation("ContrastLimitedAdaptiveHistogramEqualization")


@case("Pipeline", trains=False)
def pipeline(d):
    return chain(
        (8, 6, 3), L("Pipeline", [L("RandomFlip"), L("Rescaling", 0.5)]), L("Flatten"), L("Dense", 2)
    )


# Core, activations and the rest.


@case("EinsumDense")
def einsum_dense(d):
    equation, shape, bias = d.choice(
        [
            ("abc,cd->abd", (None, 7), "d"),
            ("...x,xy->...y", 7, "y"),
            ("abc,cde->abde", (4, 2, 3), "de"),
            ("abc,bd->adc", (4, 5), None),
        ]
    )
    return chain(
        (4, 5),
        L("EinsumDense", equation, output_shape=shape, bias_axes=bias, activation=d.choice([None, "relu"])),
    )


@case()
def softmax_of_axes(d):
    return chain((4, 5, 3), L("Softmax", axis=d.choice([[1, 2], -1, 1])))


@case()
def softmax_with_mask(d):
    x, mask = L("Input", (4, 5)), L("Input", (4, 5), dtype="bool")
    return [x, mask], L("Softmax")(x, mask)


@case()
def relu_arguments(d):
    return chain(
        (6,),
        L(
            "ReLU",
            max_value=d.choice([None, 0.5]),
            negative_slope=d.choice([0.0, 0.1]),
            threshold=d.choice([0.0, 0.1]),
        ),
    )


@case()
def activations_by_name(d):
    names = ["swish", "gelu", "mish", "relu", "exponential", "elu", "selu"]
    if THREE:
        names += ["relu6", "leaky_relu", "hard_silu", "log_softmax", "celu", "hard_tanh", "hard_shrink"]
        names += ["tanh_shrink", "soft_shrink", "squareplus", "sparse_plus", "log_sigmoid", "silu"]
        names += ["hard_sigmoid", "sparsemax", "sparse_sigmoid"]
    start = L("Input", (6,))
    found = []
    for name in names:
        if hasattr(keras.activations, name):
            found.append(L("Activation", name)(start))
    return start, L("Dense", 2)(L("Concatenate")(found))


@case(only=True)
def gated_activation(d):
    return chain((6,), L("Dense", 6, activation="glu"))


@case()
def activation_functions_as_layers(d):
    start = L("Input", (6,))
    found = [keras.activations.relu(start, max_value=0.4), keras.activations.gelu(start, approximate=True)]
    found.append(keras.activations.softmax(start, axis=-1))
    if THREE:
        found += [keras.activations.leaky_relu(start, negative_slope=0.1), keras.activations.silu(start)]
    return start, L("Concatenate")(found)


@case()
def layers_with_activation_layers(d):
    """Layers of activations given as activations, as keras.io's examples do."""
    return chain(
        (6,), L("Dense", 3, activation=L("LeakyReLU")), L("Dense", 3, activation=L("ReLU", 0.3)), L("PReLU")
    )


@case()
def masks_that_end(d):
    x = L("Input", (6,), dtype="int32")
    y = L("Embedding", 11, 4, mask_zero=True)(x)
    y = L("Conv1D", 3, 2)(L("SpatialDropout1D", 0.0)(y))
    return x, L("Dense", 2)(L("Flatten")(L("LSTM", 3, return_sequences=True)(y)))


@case()
def masks_that_end_in_a_sequential(d):
    steps = [L("Embedding", 11, 4, mask_zero=True), L("Dense", 3), L("GlobalMaxPooling1D"), L("Dense", 2)]
    model = keras.models.Sequential([*([L("Input", (6,), dtype="int32")] * THREE), *steps])
    x = L("Input", (6,), dtype="int32")
    return x, model(x)


@case("Identity")
def identity(d):
    return chain((4, 3), L("Masking"), L("Identity"), L("LSTM", 2))


@case()
def masking_of_embedding(d):
    x = L("Input", (6,), dtype="int32")
    y = L("Embedding", 11, 4, mask_zero=True)(x)
    y = L("Bidirectional", L("GRU", 3, return_sequences=True), merge_mode=d.choice(["concat", "ave", "mul"]))(
        y
    )
    y = L("LayerNormalization")(y)
    return x, L("TimeDistributed", L("Dense", 2))(y)


@case()
def bidirectional_of_two(d):
    backward = L("GRU", 4, go_backwards=True, return_sequences=True)
    return chain((5, 3), L("Bidirectional", L("LSTM", 4, return_sequences=True), backward_layer=backward))


@case()
def bidirectional_with_states(d):
    x = L("Input", (5, 3))
    found = L("Bidirectional", L("LSTM", 4, return_sequences=True, return_state=True))(x)
    return x, L("LSTM", 4)(found[0], initial_state=found[1:3])


@case()
def gru_reset_after(d):
    return chain(
        (5, 3), L("GRU", 4, reset_after=d.random() < 0.5, return_sequences=True), L("GRU", 2, unroll=True)
    )


@case()
def stacked_cells(d):
    return chain(
        (5, 3), L("RNN", L("StackedRNNCells", [L("LSTMCell", 3), L("GRUCell", 2), L("SimpleRNNCell", 2)]))
    )


@case()
def recurrent_dropout_in_inference(d):
    return chain((5, 3), L("LSTM", 4, dropout=0.0, recurrent_dropout=0.0, seed=3) if THREE else L("LSTM", 4))


@case(only=False)
def lstm_time_major(d):
    return chain((5, 3), L("LSTM", 4, time_major=True, return_sequences=True))


@case()
def time_distributed_convolution(d):
    return chain(
        (3, 5, 5, 2),
        L("TimeDistributed", L("Conv2D", 2, 2, groups=d.choice([1, 2]))),
        L("TimeDistributed", L("Flatten")),
        L("TimeDistributed", L("LayerNormalization")),
    )


@case()
def merges(d):
    a, b = L("Input", (4, 3)), L("Input", (4, 3))
    found = [L(kind)([a, b]) for kind in ("Average", "Minimum", "Maximum", "Multiply", "Add", "Subtract")]
    found.append(L("Dot", axes=(2, 2))([a, b]))
    return [a, b], L("Concatenate", axis=-1)(found)


@case()
def merges_of_other_shapes(d):
    a, b = L("Input", (4, 3)), L("Input", (1, 3))
    return [a, b], L("Add")([L("Multiply")([a, b]), a])


@case()
def global_pooling_keepdims(d):
    way = d.choice(["Average", "Max"])
    return chain(
        (4, 6, 3),
        L(f"Global{way}Pooling2D", keepdims=True),
        L("Reshape", (1, 3)),
        L(f"Global{way}Pooling1D", keepdims=True),
        L("Flatten"),
        L("Dense", 2),
    )


@case()
def global_pooling_1d_first(d):
    return chain(
        (4, 6), L("Masking"), L("GlobalAveragePooling1D", data_format="channels_last"), L("Dense", 2)
    )


@case()
def shapes(d):
    return chain(
        (4, 6), L("Permute", (2, 1)), L("Flatten"), L("RepeatVector", 3), L("Reshape", (2, -1)), L("Dense", 2)
    )


@case()
def penalties_on_outputs(d):
    return chain((4,), L("Dense", 3), L("ActivityRegularization", l1=0.0, l2=0.0), L("Dense", 2))


@case(trains=False)
def random_layers_in_inference(d):
    seed = {"seed": 7} if d.random() < 0.5 else {}
    return chain(
        (4, 6),
        L("GaussianDropout", 0.3, **(seed if THREE else {})),
        L("GaussianNoise", 0.3),
        L("AlphaDropout", 0.3),
        L("SpatialDropout1D", 0.3),
        L("Dropout", 0.3, noise_shape=(None, 1, 6), **seed),
        L("Dense", 2),
    )


def _adaptive(kind, shape, size):
    def make(d):
        return chain(shape, L(kind, size))

    make.__name__ = kind.lower()
    case(kind)(make)


for _way in ("Average", "Max"):
    _adaptive(f"Adaptive{_way}Pooling1D", (7, 2), 3)
    _adaptive(f"Adaptive{_way}Pooling2D", (7, 5, 2), (3, 2))
    _adaptive(f"Adaptive{_way}Pooling3D", (4, 5, 6, 2), (2, 3, 4))


@case("ReversibleEmbedding")
def reversible_embedding(d):
    x = L("Input", (4,), dtype="int32")
    layer = L("ReversibleEmbedding", 11, 3, tie_weights=d.random() < 0.5)
    return x, layer(L("Dense", 3)(layer(x)), reverse=True)


@case("MelSpectrogram", trains=False)
def mel_spectrogram(d):
    return chain(
        (1000,),
        L(
            "MelSpectrogram",
            fft_length=256,
            sequence_stride=64,
            sampling_rate=4000,
            num_mel_bins=8,
            max_freq=2000,
        ),
    )


@case("STFTSpectrogram", trains=False)
def stft_spectrogram(d):
    return chain((400, 1), L("STFTSpectrogram", frame_length=64, frame_step=32, fft_length=64))


@case()
def initializers(d):
    names = [
        "HeNormal",
        "GlorotUniform",
        "LecunNormal",
        "Orthogonal",
        "TruncatedNormal",
        "VarianceScaling",
        "RandomUniform",
    ]
    steps = [L("Dense", 4, kernel_initializer=getattr(keras.initializers, name)()) for name in names]
    steps[0] = L(
        "Dense",
        4,
        kernel_initializer=keras.initializers.HeUniform(),
        bias_initializer=keras.initializers.Constant(0.5),
    )
    return chain(
        (4,),
        *steps,
        L(
            "Dense",
            4,
            kernel_initializer=keras.initializers.VarianceScaling(0.5, "fan_avg", "untruncated_normal"),
        ),
    )


@case()
def regularizers_and_constraints(d):
    r, c = keras.regularizers, keras.constraints
    return chain(
        (4,),
        L(
            "Dense",
            3,
            kernel_regularizer=r.L1(0.01),
            bias_regularizer=r.L2(0.02),
            kernel_constraint=c.MaxNorm(1.0, axis=0),
        ),
        L(
            "Dense",
            3,
            kernel_regularizer=r.L1L2(0.01, 0.02),
            kernel_constraint=c.UnitNorm(),
            bias_constraint=c.NonNeg(),
        ),
        L("Dense", 2, kernel_constraint=c.MinMaxNorm(0.2, 0.8, 0.5)),
    )


@case()
def orthogonal_regularizer(d):
    return chain(
        (4,),
        L(
            "Dense",
            3,
            kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.1, d.choice(["rows", "columns"])),
        ),
        L("Dense", 2),
    )


@case(only=False, trains=False)
def radial_constraint(d):
    return chain((6, 6, 2), L("Conv2D", 3, 3, kernel_constraint=keras.constraints.RadialConstraint()))


def sizes(shape):
    return [3 if size is None else int(size) for size in shape[1:]]


def arrays(model, seed):
    """Return inputs and targets that fit a model."""
    numbers = np.random.RandomState(seed)
    x = []
    for tensor in model.inputs:
        shape = (6, *sizes(tensor.shape))
        dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
        if "int" in dtype:
            x.append(numbers.randint(0, 11, shape).astype(dtype))
        elif "bool" in dtype:
            x.append(numbers.uniform(0, 1, shape) < 0.7)
            x[-1][..., 0] = True
        elif "str" in dtype:
            x.append(None)
        else:
            x.append(numbers.uniform(-1, 1, shape).astype("float32"))
            if len(shape) == 3:  # steps that Masking leaves out
                x[-1][::3, -2:] = 0.0
    return x


def one(values):
    return values[0] if len(values) == 1 else list(values)


def randomize(model, seed):
    """Give each weight numbers that tell mistakes."""
    numbers = np.random.RandomState(seed)
    for layer in model.layers:
        new = []
        for weight in layer.weights:
            name = getattr(weight, "path", weight.name)
            value = np.array(weight)
            measured = "normalization" in layer.name and len(layer.weights) == 3  # by `adapt`
            if value.dtype.kind != "f" or measured or "seed" in name:
                new.append(value)
            elif "variance" in name:
                new.append(numbers.uniform(0.5, 1.5, value.shape).astype(value.dtype))
            else:
                new.append((value + numbers.uniform(-0.3, 0.3, value.shape)).astype(value.dtype))
        if new and all(array.dtype.kind == "f" for array in new):
            layer.set_weights(new)


def write(folder, name, seed):
    """Write the files of a case, and record what the model does."""
    import contextlib

    dice = random.Random(f"{name} {seed}")
    numbers = zlib.crc32(name.encode()) % 1000 + seed
    keras.backend.clear_session()
    keras.utils.set_random_seed(numbers)
    inputs, outputs = CASES[name](dice)
    model = keras.models.Model(inputs, outputs)
    randomize(model, numbers)
    x = arrays(model, numbers)
    trains = name not in NO_TRAINING and model.trainable_weights
    if trains:  # graphs would take longer to be made than to run
        model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    model.run_eagerly = True
    record = {f"x{place}": array for place, array in enumerate(x) if array is not None}
    path = os.path.join(folder, name)
    if all(array is not None for array in x):
        found = model.predict(one(x), verbose=0)
        found = list(found) if isinstance(found, (list, tuple)) else [found]
        record.update({f"prediction{place}": array for place, array in enumerate(found)})
    if name.startswith("changed_by"):
        record["changed"] = np.array(model(x[0], training=True))
    if trains:
        y = [np.random.RandomState(numbers).uniform(0, 1, array.shape).astype("float32") for array in found]
        record.update({f"y{place}": array for place, array in enumerate(y)})
    model.save(path + ".keras", **({} if THREE else {"save_format": "keras"}))
    with contextlib.suppress(NotImplementedError, AttributeError, ValueError):
        model.save(path + ".h5")
    if trains:
        losses = [np.ravel(model.train_on_batch(one(x), one(y)))[0] for _ in range(3)]
        record["losses"] = np.array(losses, "float32")
    np.savez(path + ".npz", **record)


def main(folder, seed=0, *names):
    """Write all cases, or these."""
    for name in names or CASES:
        try:
            write(folder, name, int(seed))
        except Exception as error:  # told by the test on the other side
            with open(os.path.join(folder, name + ".error"), "w") as file:
                file.write(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[2:])
