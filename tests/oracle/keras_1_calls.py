"""Calls in Keras 1's spelling, and what comes of them: configuration, warnings, or the kind of error.

Python 3.7 must be able to read this file.
"""

import itertools
import random
import warnings

#: What is said for each old name.
VALUES = {
    "output_dim": 3,
    "init": "uniform",
    "inner_init": "he_normal",
    "W_regularizer": "l2",
    "b_regularizer": "l1",
    "U_regularizer": "l1_l2",
    "W_constraint": "nonneg",
    "b_constraint": "unitnorm",
    "bias": False,
    "nb_filter": 2,
    "filter_length": 3,
    "subsample_length": 2,
    "border_mode": "same",
    "dim_ordering": "th",
    "nb_row": 3,
    "nb_col": 2,
    "kernel_dim1": 3,
    "kernel_dim2": 2,
    "kernel_dim3": 1,
    "inner_activation": "sigmoid",
    "dropout_W": 0.25,
    "dropout_U": 0.5,
    "consume_less": "gpu",
    "forget_bias_init": "one",
    "p": 0.25,
    "sigma": 0.5,
    "pool_length": 3,
    "stride": 2,
    "length": 3,
    "beta_init": "one",
    "gamma_init": "uniform",
    "mode": 0,
    "dropout": 0.5,
    "input_dtype": "int32",
    "input_dim": 4,
    "input_length": 5,
    "output_shape": (None, 4, 4, 2),
}
_KERNEL = ("init", "W_regularizer", "b_regularizer", "W_constraint", "b_constraint", "bias")
_CONV_1D = (
    "nb_filter",
    "filter_length",
    "subsample_length",
    "border_mode",
    "input_dim",
    "input_length",
    *_KERNEL,
)
_CONV_2D = ("nb_filter", "nb_row", "nb_col", "subsample", "border_mode", "dim_ordering", *_KERNEL)
_CONV_3D = ("nb_filter", "kernel_dim1", "kernel_dim2", "kernel_dim3", *_CONV_2D[3:])
_RECURRENT = ("inner_init", "inner_activation", "U_regularizer", "dropout_W", "dropout_U")
_RNN = (
    *("output_dim", "init", "W_regularizer", "b_regularizer", "consume_less", "input_dim", "input_length"),
    *_RECURRENT,
)
_POOL = ("border_mode", "dim_ordering")
#: By class: what it needs in Keras 2's spelling, and the old names that it understands.
CLASSES = {
    "Dense": ({"units": 3}, ("output_dim", "input_dim", *_KERNEL)),
    "Dropout": ({"rate": 0.5}, ("p",)),
    "SpatialDropout1D": ({"rate": 0.5}, ("p",)),
    "SpatialDropout2D": ({"rate": 0.5}, ("p", "dim_ordering")),
    "SpatialDropout3D": ({"rate": 0.5}, ("p", "dim_ordering")),
    "GaussianDropout": ({"rate": 0.5}, ("p",)),
    "GaussianNoise": ({"stddev": 0.1}, ("sigma",)),
    "Embedding": (
        {"input_dim": 4, "output_dim": 3},
        ("init", "W_regularizer", "W_constraint", "dropout", "input_length"),
    ),
    "PReLU": ({}, ("init",)),
    "BatchNormalization": ({}, ("beta_init", "gamma_init", "mode")),
    "SimpleRNN": ({"units": 3}, _RNN),
    "GRU": ({"units": 3}, _RNN),
    "LSTM": ({"units": 3}, ("forget_bias_init", *_RNN)),
    "ConvLSTM2D": (
        {"filters": 2, "kernel_size": 3},
        (*_CONV_2D[:-3], "bias", "forget_bias_init", *_RECURRENT),
    ),
    "Conv1D": ({"filters": 2, "kernel_size": 3}, _CONV_1D),
    "LocallyConnected1D": ({"filters": 2, "kernel_size": 3}, _CONV_1D),
    "Conv2D": ({"filters": 2, "kernel_size": 3}, _CONV_2D),
    "LocallyConnected2D": ({"filters": 2, "kernel_size": 3}, _CONV_2D),
    "Conv3D": ({"filters": 2, "kernel_size": 3}, _CONV_3D),
    "Conv2DTranspose": ({"filters": 2, "kernel_size": 3}, (*_CONV_2D, "output_shape")),
    "SeparableConv2D": (
        {"filters": 2, "kernel_size": 3},
        tuple(name for name in _CONV_2D if name[0] != "W"),
    ),
    "MaxPooling1D": ({}, ("pool_length", "stride", "border_mode")),
    "AveragePooling1D": ({}, ("pool_length", "stride", "border_mode")),
    "MaxPooling2D": ({}, _POOL),
    "AveragePooling2D": ({}, _POOL),
    "MaxPooling3D": ({}, _POOL),
    "AveragePooling3D": ({}, _POOL),
    "GlobalMaxPooling2D": ({}, ("dim_ordering",)),
    "GlobalAveragePooling2D": ({}, ("dim_ordering",)),
    "GlobalMaxPooling3D": ({}, ("dim_ordering",)),
    "GlobalAveragePooling3D": ({}, ("dim_ordering",)),
    "UpSampling1D": ({}, ("length",)),
    "UpSampling2D": ({}, ("dim_ordering",)),
    "UpSampling3D": ({}, ("dim_ordering",)),
    "ZeroPadding2D": ({}, ("dim_ordering",)),
    "ZeroPadding3D": ({}, ("dim_ordering",)),
    "Cropping2D": ({}, ("dim_ordering",)),
    "Cropping3D": ({}, ("dim_ordering",)),
}
#: The new name of what is needed, by old names.
_REPLACES = {
    "output_dim": "units",
    "p": "rate",
    "sigma": "stddev",
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "nb_row": "kernel_size",
    "kernel_dim1": "kernel_size",
}
_TOGETHER = (
    ("nb_row", "nb_col"),
    ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
    ("input_dim", "input_length"),
)
#: Calls of their own: class, arguments, arguments by name.
SPECIAL = [
    ("Convolution2D", (2, 3, 2), {}),
    ("Convolution2D", (2, 3, 2), {"border_mode": "same", "activation": "relu"}),
    ("Convolution2D", (2, 3), {"nb_col": 2}),
    ("Conv2D", (2, 3, 2), {"padding": "same"}),
    ("Conv2D", (2, (3, 2)), {}),
    ("Convolution1D", (2, 3), {"border_mode": "valid"}),
    ("Convolution3D", (2, 3, 2, 1), {"subsample": (1, 2, 1)}),
    ("Deconvolution2D", (2, 3, 2), {"output_shape": (None, 4, 4, 2), "subsample": (2, 2)}),
    ("SeparableConvolution2D", (2, 3, 2), {"init": "uniform"}),
    ("LocallyConnected2D", (2, 3, 2), {"dim_ordering": "tf"}),
    ("ConvLSTM2D", (2, 3, 2), {"inner_activation": "tanh"}),
    ("Dense", (3,), {"units": 4}),
    ("Dense", (), {"units": 3, "output_dim": 4}),
    ("Dropout", (), {"p": 0.5, "rate": 0.25}),
    ("LSTM", (3,), {"consume_less": "cpu"}),
    ("LSTM", (3,), {"consume_less": "mem"}),
    ("LSTM", (3,), {"forget_bias_init": "uniform"}),
    ("BatchNormalization", (), {"mode": 1}),
    ("MaxPooling2D", ((2, 2), (1, 1), "same"), {"dim_ordering": "tf"}),
    ("MaxPooling2D", (), {"dim_ordering": "default", "pool_size": (3, 3)}),
    ("ZeroPadding2D", (), {"padding": {"top_pad": 1, "left_pad": 2}}),
    ("ZeroPadding2D", ({"top_pad": 1, "bottom_pad": 2, "right_pad": 3},), {}),
    ("Embedding", (4, 3), {"dropout": 0.5, "init": "uniform"}),
    ("PReLU", ("uniform",), {}),
]


def calls():
    """Returns calls with each old name alone, with all of them, and with some."""
    found = list(SPECIAL)
    for place, (class_name, (needed, names)) in enumerate(sorted(CLASSES.items())):
        source = random.Random(place)
        groups = [list(group) for group in _TOGETHER if group[0] in names]
        groups += [[name] for name in names if not any(name in group for group in groups)]
        chosen = [[group] for group in groups] + [groups]
        if len(groups) > 3:
            chosen += [[g for g in groups if source.random() < 0.4] for _ in range(4)]
        for some in chosen:
            old = list(itertools.chain(*some))
            given = {name: _value(class_name, name) for name in old}
            replaced = {_REPLACES.get(name) for name in old}
            found.append(
                (class_name, (), dict({k: v for k, v in needed.items() if k not in replaced}, **given))
            )
    return found


def _value(class_name, name):
    if name == "subsample":
        return (2, 2, 2) if "3D" in class_name else (2, 2)
    if class_name == "Conv1D" and name == "border_mode":
        return "causal"
    if class_name.startswith("LocallyConnected") and name == "border_mode":
        return "valid"
    return VALUES[name]


def outcome(k, call):
    """Returns what a call makes.

    The configuration, as far as it differs from that of a plain call, or an error's class; and the warnings:
    their categories, and the texts of those that show the call in Keras 2's spelling.
    """
    class_name, args, kwargs = call
    kind = getattr(k.layers, class_name)
    k.backend.clear_session()
    plain = kind(**CLASSES[kind.__name__][0]).get_config() if kind.__name__ in CLASSES else {}
    k.backend.clear_session()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            config = kind(*args, **kwargs).get_config()
            config = {key: value for key, value in config.items() if key not in plain or plain[key] != value}
        except (TypeError, ValueError) as error:
            config = "TypeError" if isinstance(error, TypeError) else "ValueError"
    told = [
        [one.category.__name__, str(one.message) if str(one.message).startswith("Update your") else "…"]
        for one in caught
    ]
    return {"config": config, "warnings": told}
