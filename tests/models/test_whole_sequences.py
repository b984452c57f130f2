"""Recurrent layers that compute a whole sequence at once: as their cells do step by step, gradients too."""

import pytest
import torch

from batchyard.models.layers import GRU, LSTM, SimpleRNN
from batchyard.models.training.randomness import lane_scope

LAYERS = {
    "lstm": lambda **k: LSTM(5, **k),
    "gru": lambda **k: GRU(5, **k),
    "gru with sigmoid": lambda **k: GRU(5, recurrent_activation="sigmoid", **k),
    "gru, reset after": lambda **k: GRU(5, reset_after=True, **k),
    "gru with sigmoid, reset after": lambda **k: GRU(
        5, recurrent_activation="sigmoid", reset_after=True, **k
    ),
    "simple rnn": lambda **k: SimpleRNN(5, **k),
    "simple rnn with relu": lambda **k: SimpleRNN(5, activation="relu", **k),
}


def tensor(*shape):
    return torch.randn(
        *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    ).requires_grad_()


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kind", LAYERS)
def test_outputs_states_and_gradients_are_those_of_the_steps(kind, use_bias, monkeypatch):
    layer = LAYERS[kind](use_bias=use_bias, return_sequences=True, return_state=True, dtype="float64")
    x = tensor(3, 7, 4)
    layer.build((3, 7, 4))
    initial = [2.0 * tensor(3, 5)] * (
        len(layer.cell.state_size) if isinstance(layer.cell.state_size, tuple) else 1
    )
    for weight in layer.weights:
        weight.data = 1.5 * tensor(*weight.shape).detach()
    at_once = layer([x, *initial])
    assert type(at_once[-1].grad_fn).__name__.startswith("_")  # a Function of ours
    monkeypatch.setattr(type(layer.cell), "fused", lambda *_: None)
    compare(at_once, layer([x, *initial]), [x, *layer.trainable_weights])


OPTIONS = {
    "masked": {},
    "masked, backwards": {"go_backwards": True},
    "inputs dropped": {"dropout": 0.3},
    "states dropped": {"recurrent_dropout": 0.4},
    "both dropped": {"dropout": 0.3, "recurrent_dropout": 0.4},
    "both dropped, one mask for all gates": {"dropout": 0.3, "recurrent_dropout": 0.4, "implementation": 2},
    "masked, both dropped, backwards": {"dropout": 0.3, "recurrent_dropout": 0.4, "go_backwards": True},
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", [*LAYERS, "lstm with sigmoid"])
def test_masked_steps_and_dropout_are_those_of_the_steps(kind, options, monkeypatch):
    make = LAYERS.get(kind, lambda **k: LSTM(5, recurrent_activation="sigmoid", **k))
    arguments = {k: v for k, v in OPTIONS[options].items() if "simple" not in kind or k != "implementation"}
    layer = make(return_sequences=True, return_state=True, dtype="float64", **arguments)
    x = tensor(4, 7, 3)
    layer.build((4, 7, 3))
    for weight in layer.weights:
        weight.data = 1.5 * tensor(*weight.shape).detach()
    mask = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 0], [1, 0, 1, 0, 1, 0, 0], [0] * 7]).bool()
    given = {"mask": mask} if "masked" in options else {}

    def run():
        with lane_scope(1, 2, 3, 4):
            return layer(x, training=True, **given)

    at_once = run()
    assert type(at_once[-1].grad_fn).__name__.startswith("_")  # a Function of ours
    monkeypatch.setattr(type(layer.cell), "fused", lambda *_: None)
    compare(at_once, run(), [x, *layer.trainable_weights])


def compare(at_once, by_steps, variables):
    factors = [tensor(*one.shape).detach() for one in at_once]
    # All outputs count, then the last states only, then the sequence only.
    for first, last in ((0, None), (1, None), (0, 1)):
        found, wanted = (
            torch.autograd.grad(
                sum(
                    (one * factor).sum()
                    for one, factor in list(zip(results, factors, strict=True))[first:last]
                ),
                variables,
                retain_graph=True,
            )
            for results in (at_once, by_steps)
        )
        torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(at_once, by_steps)
