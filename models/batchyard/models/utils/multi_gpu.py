"""One model on several devices: each computes a part of every batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.model import Model
from batchyard.models.engine.step_context import current_step
from batchyard.models.engine.symbolic import to_list, unpack_singleton
from batchyard.models.errors import InvalidArgumentError, NotSerializableError
from batchyard.models.layers.core.lambda_layer import Lambda

__all__ = ["multi_gpu_model"]


def multi_gpu_model(
    model: Model, gpus: Any = None, cpu_merge: bool = True, cpu_relocation: bool = False
) -> Model:
    """Returns a model that cuts each batch into parts, and computes these on several devices.

    It shares the weights of `model`, which stay where they are. Save `model` itself, not what this returns.

    Args:
        model: the model to compute; built.
        gpus: how many GPUs (at least 2), or a list of their numbers, or of torch's devices; all GPUs by
            default.
        cpu_merge: whether the outputs are joined on the CPU. They then go on to where the weights are.
        cpu_relocation: whether the model's weights are moved to the CPU first.

    Raises:
        InvalidArgumentError: with fewer than two devices, or with some that are not there.

    Source: Keras 2.2.4, `utils.multi_gpu_model`.
    """
    devices = _devices(gpus)
    if cpu_relocation:
        model.cpu()
    parallel = Replicas(model, devices, cpu_merge)
    outputs = to_list(parallel(unpack_singleton(list(model.inputs))))
    named = [
        Lambda(_same, name=name)(output) for name, output in zip(model.output_names, outputs, strict=True)
    ]
    return Model(list(model.inputs), named)


def _same(x: Tensor) -> Tensor:
    return x * 1


def _devices(gpus: Any) -> list[torch.device]:
    available = torch.cuda.device_count()
    if gpus is None:
        gpus = available
    numbers = list(gpus) if isinstance(gpus, list | tuple) else list(range(int(gpus)))
    if len(numbers) < 2:
        raise InvalidArgumentError(
            f"multi_gpu_model needs at least two devices. Received: gpus={gpus!r}, with {available} GPUs "
            "here. One device is used by model.to(device)."
        )
    devices = [torch.device("cuda", one) if isinstance(one, int) else torch.device(one) for one in numbers]
    missing = [str(one) for one in devices if one.type == "cuda" and (one.index or 0) >= available]
    if missing:
        raise InvalidArgumentError(f"The GPUs {missing} are not there: torch sees {available} of them.")
    return devices


class Replicas(Layer):
    """Computes a model on several devices, a part of the rows on each.

    Args:
        template: the model.
        devices: where the parts are computed.
        cpu_merge: whether outputs are joined on the CPU.
        **kwargs: of every layer.

    Source: own.
    """

    def __init__(
        self, template: Model, devices: Sequence[torch.device], cpu_merge: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.template = template
        self.devices = list(devices)
        self.cpu_merge = cpu_merge
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Computes the outputs."""
        columns = to_list(inputs)
        rows = int(columns[0].shape[0])
        step = rows // len(self.devices)
        ends = [*(step * number for number in range(1, len(self.devices))), rows]
        found, start = [], 0
        for device, end in zip(self.devices, ends, strict=True):
            if end > start or end == rows:
                found.append(to_list(self._part(unpack_singleton([c[start:end] for c in columns]), device)))
            start = end
        place = columns[0].device
        joined_on = torch.device("cpu") if self.cpu_merge else place
        return unpack_singleton(
            [
                torch.cat([part.to(joined_on) for part in parts]).to(place)
                for parts in zip(*found, strict=True)
            ]
        )

    def _part(self, inputs: Any, device: torch.device) -> Any:
        if to_list(inputs)[0].device == device:
            return self.template(inputs)
        weights = {name: weight.to(device) for name, weight in self.template.named_parameters()}
        buffers = {name: buffer.to(device) for name, buffer in self.template.named_buffers()}
        moved = unpack_singleton([one.to(device) for one in to_list(inputs)])
        context = current_step()
        told = 0 if context is None else len(context.updates)
        outputs = functional_call(self.template, {**weights, **buffers}, (moved,))
        if context is not None:  # what was told of the copies is meant for the weights
            own = {id(weights[name]): weight for name, weight in self.template.named_parameters()}
            for update in context.updates[told:]:
                update.variable = own.get(id(update.variable), update.variable)
                update.value = update.value.to(update.variable.device)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shapes of the model's outputs."""
        return self.template.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Refuses: devices belong to this machine.

        Raises:
            NotSerializableError: always.
        """
        raise NotSerializableError(
            "A model made by multi_gpu_model belongs to this machine. Save the model that it was made of: it "
            "has the same weights."
        )
