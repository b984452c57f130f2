"""Random models of this library, for tests of the files that they are saved to."""

import random

import numpy as np
import torch

from batchyard.models import Input, Model, Sequential, backend, layers

OPTIMIZERS = ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax")


def make_model(seed, hard_sigmoid=True, cudnn=True):
    """Return a compiled model that was trained for two steps, with inputs and targets.

    Args:
        seed: all follows from it.
        hard_sigmoid: whether recurrent layers may have Keras 2's default.
        cudnn: whether CuDNN layers may occur.
    """
    backend.clear_session()
    torch.manual_seed(seed)
    dice = random.Random(seed)
    shapes = {
        "rows": lambda: rows_model(dice),
        "sequence": lambda: sequence_model(dice, hard_sigmoid, cudnn),
        "picture": lambda: picture_model(dice),
        "volume": lambda: volume_model(dice, hard_sigmoid),
        "chain": lambda: chain_model(dice, hard_sigmoid),
    }
    model = shapes[dice.choice(["rows", "sequence", "sequence", "picture", "chain", "volume"])]()
    optimizer = make_optimizer(dice)
    losses = [dice.choice(["mse", "mae", "logcosh", "mean_squared_error"]) for _ in model.outputs]
    model.compile(
        optimizer,
        losses if len(losses) > 1 else losses[0],
        metrics=dice.choice([None, ["mae"], ["mse", "mae"]]),
    )
    numbers = np.random.default_rng(seed)
    x = [numbers.random((4, *tensor.shape[1:]), dtype="float32") for tensor in model.inputs]
    y = [numbers.random((4, *tensor.shape[1:]), dtype="float32") for tensor in model.outputs]
    for _ in range(2):
        model.train_on_batch(one_or_list(x), one_or_list(y))
    return model, x, y


def one_or_list(values):
    return values[0] if len(values) == 1 else values


def make_optimizer(dice):
    from batchyard.models import optimizers

    name = dice.choice(OPTIMIZERS)
    config = {"decay": dice.choice([0.0, 0.125])}
    if name == "sgd":
        config |= {"lr": 0.0625, "momentum": dice.choice([0.0, 0.5]), "nesterov": dice.random() < 0.5}
    if name == "adam":
        config["amsgrad"] = dice.random() < 0.5
    if dice.random() < 0.25:
        config[dice.choice(["clipnorm", "clipvalue"])] = 0.25
    return optimizers.deserialize({"class_name": name, "config": config})


def simple(dice, regular=True):
    """Return a layer that leaves the rank as it is."""
    kind = dice.randrange(11)
    if kind < 4:
        return layers.Dense(
            dice.randint(2, 4),
            activation=dice.choice(["relu", "tanh", "selu", "softplus", "elu", None]),
            use_bias=dice.random() < 0.8,
            kernel_regularizer=dice.choice([None, "l2"]) if regular else None,
            kernel_constraint=dice.choice([None, "max_norm"]),
            kernel_initializer=dice.choice(["glorot_uniform", "he_normal", "lecun_uniform", "orthogonal"]),
            trainable=dice.random() < 0.85,
        )
    return [
        lambda: layers.BatchNormalization(center=dice.random() < 0.8, trainable=dice.random() < 0.85),
        lambda: layers.LeakyReLU(0.25),
        lambda: layers.PReLU(),
        lambda: layers.ELU(0.5),
        lambda: layers.Activation(dice.choice(["tanh", "softsign", "exponential", "sigmoid"])),
        lambda: layers.ThresholdedReLU(0.1),
        lambda: layers.ReLU(max_value=2.0, negative_slope=0.1),
    ][kind - 4]()


def rows_model(dice):
    """Branches of rows with merges, shared layers, nested models, several inputs and outputs."""
    ends = [
        Input((dice.randint(2, 4),), name=f"in_{n}" if dice.random() < 0.5 else None)
        for n in range(dice.randint(1, 3))
    ]
    tensors = list(ends)
    shared = layers.Dense(3, activation="tanh")
    for _ in range(dice.randint(3, 7)):
        kind = dice.randrange(7)
        one, other = dice.choice(tensors), dice.choice(tensors)
        if kind < 3:
            tensors.append(simple(dice)(one))
        elif kind == 3:
            width = one.shape[-1]
            other = layers.Dense(width)(other)
            merge = dice.choice(
                [layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Subtract]
            )
            tensors.append(merge()([one, other]))
        elif kind == 4:
            tensors.append(layers.Concatenate()([one, other]) if one is not other else layers.Dense(2)(one))
        elif kind == 5:
            width = one.shape[-1]
            if dice.random() < 0.5:
                inner = Sequential([layers.Dense(3, input_shape=(width,)), simple(dice)])
            else:
                begin = Input((width,))
                inner = Model(begin, simple(dice)(simple(dice)(begin)))
            tensors.append(inner(one))
            if dice.random() < 0.4:
                tensors.append(layers.Add()([inner(one), tensors[-1]]))
        else:
            three = layers.Dense(3)(one)
            tensors += [shared(three), shared(shared(three))]
    outputs = [layers.Dense(2)(tensors[-1])]
    if dice.random() < 0.5:
        outputs.append(layers.Dense(1)(tensors[-2] if len(tensors) > 1 else tensors[-1]))
    used = Model(list(ends), outputs) if len(ends) == 1 else None
    if used is None:
        joined = layers.Concatenate()(ends)
        outputs[0] = layers.Dense(2)(layers.Concatenate()([outputs[0], joined]))
        used = Model(ends, outputs)
    return used


def recurrent(dice, hard_sigmoid, cudnn, sequences):
    """Return a recurrent layer."""
    gate = {"recurrent_activation": dice.choice(["hard_sigmoid", "sigmoid"]) if hard_sigmoid else "sigmoid"}
    units = dice.randint(2, 3)
    keep = {"return_sequences": sequences}
    choices = [
        lambda: layers.LSTM(units, **gate, **keep, unit_forget_bias=dice.random() < 0.5),
        lambda: layers.GRU(units, **gate, **keep, reset_after=dice.random() < 0.5),
        lambda: layers.SimpleRNN(units, **keep, go_backwards=dice.random() < 0.5),
        lambda: layers.Bidirectional(
            layers.LSTM(units, **gate, **keep), merge_mode=dice.choice(["concat", "sum", "ave", "mul"])
        ),
        lambda: layers.Bidirectional(layers.GRU(units, **gate, **keep)),
        lambda: layers.RNN([layers.GRUCell(2, **gate), layers.LSTMCell(units, **gate)], **keep),
        lambda: layers.RNN(layers.SimpleRNNCell(units), **keep),
        lambda: layers.CuDNNLSTM(units, **keep),
        lambda: layers.CuDNNGRU(units, **keep),
    ]
    return choices[dice.randrange(len(choices) if cudnn else len(choices) - 2)]()


def sequence_model(dice, hard_sigmoid, cudnn):
    """Sequences through recurrent, convolutional and wrapped layers; embeddings, masks, states."""
    time = dice.randint(5, 7)
    if dice.random() < 0.25:
        begin = Input((time,))
        x = layers.Embedding(7, 3)(begin)
    else:
        begin = Input((time, dice.randint(2, 3)))
        x = begin
        if dice.random() < 0.2:
            x = layers.Masking(0.5)(x)
            x = layers.LSTM(3, return_sequences=True, recurrent_activation="sigmoid")(x)
            return Model(begin, layers.TimeDistributed(layers.Dense(2))(x))
    for _ in range(dice.randint(1, 3)):
        kind = dice.randrange(6)
        if kind < 3:
            x = recurrent(dice, hard_sigmoid, cudnn, sequences=True)(x)
        elif kind == 3:
            x = layers.TimeDistributed(simple(dice, regular=False))(x)
        elif kind == 4:
            x = layers.Conv1D(3, 2, padding=dice.choice(["same", "causal"]), activation="relu")(x)
        else:
            x = layers.SeparableConv1D(3, 2, padding="same")(x)
    if dice.random() < 0.3:
        _, *states = layers.LSTM(3, return_state=True, recurrent_activation="sigmoid")(x)
        x = layers.LSTM(3, recurrent_activation="sigmoid")(x, initial_state=states)
    elif dice.random() < 0.5:
        x = recurrent(dice, hard_sigmoid, cudnn, sequences=False)(x)
    else:
        x = dice.choice([layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D])()(x)
    return Model(begin, layers.Dense(2)(x))


def picture_model(dice):
    """Pictures through convolutions and poolings."""
    x = begin = Input((8, 8, dice.randint(1, 3)))
    for _ in range(dice.randint(1, 3)):
        kind = dice.randrange(9)
        x = [
            lambda: layers.Conv2D(3, 3, padding="same", dilation_rate=dice.choice([1, 2])),
            lambda: layers.Conv2D(2, (2, 3), padding="same", activation="relu"),
            lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
            lambda: layers.SeparableConv2D(3, 3, padding="same"),
            lambda: layers.Conv2DTranspose(2, 3, padding="same"),
            lambda: Sequential([layers.ZeroPadding2D(1), layers.Cropping2D(1)]),
            lambda: layers.BatchNormalization(),
            lambda: layers.SpatialDropout2D(0.0),
            lambda: layers.UpSampling2D(2),
        ][kind]()(x)
    x = dice.choice([layers.MaxPooling2D, layers.AveragePooling2D])(
        2, padding=dice.choice(["same", "valid"])
    )(x)
    x = dice.choice([layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D])()(x)
    return Model(begin, layers.Dense(2)(x))


def volume_model(dice, hard_sigmoid):
    """Films: convolutional recurrence, or three axes."""
    begin = Input((3, 4, 4, 2))
    if dice.random() < 0.5:
        gate = "hard_sigmoid" if hard_sigmoid else "sigmoid"
        x = layers.ConvLSTM2D(2, 2, padding="same", recurrent_activation=gate)(begin)
    else:
        x = layers.MaxPooling3D(2)(layers.Conv3D(2, 2, padding="same")(begin))
    return Model(begin, layers.Dense(2)(layers.Flatten()(x)))


def chain_model(dice, hard_sigmoid):
    """A Sequential, perhaps with one within."""
    model = Sequential([layers.Dense(4, input_shape=(6,)), layers.Reshape((2, 2)), layers.Permute((2, 1))])
    if dice.random() < 0.5:
        model.add(Sequential([layers.Dense(3, input_shape=(2, 2)), layers.Dropout(0.0), simple(dice)]))
    gate = "hard_sigmoid" if hard_sigmoid else "sigmoid"
    model.add(layers.GRU(2, recurrent_activation=gate))
    model.add(layers.RepeatVector(2))
    model.add(layers.Flatten())
    model.add(simple(dice))
    if dice.random() < 0.5 and hard_sigmoid:
        model.add(layers.Dense(3, activation="hard_sigmoid"))
    model.add(layers.Dense(2, activation=dice.choice(["softmax", "sigmoid", None])))
    return model
