"""The layer that computes any torch module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.step_context import MovingAverageUpdate, StepContext, current_step
from batchyard.models.engine.symbolic import to_list
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, NotSerializableError, ShapeError, UnknownNameError
from batchyard.models.layers.registry import layers
from batchyard.models.saving.custom_objects import find_custom_object
from batchyard.models.training.randomness import global_generators

__all__ = ["TorchLayer"]


@layers.register()
class TorchLayer(Layer):
    """Computes a `torch.nn.Module`: its parameters are trained and saved as any layer's, its buffers too.

    Given a class (or function) that makes the module, and its arguments, the layer can be saved with the
    model; loading then needs `custom_objects={"Name": Class}`, for a file never says which code to run. Given
    a module that is made already, only the weights can be saved, by `save_weights`.

    The module is in training mode where the learning phase is. Buffers that it changes in training, as
    BatchNorm does, take effect with the step: over several lanes the mean of the lanes' new values counts,
    weighted by rows, and of whole numbers that of their increments, rounded. Buffers that are not persistent
    are what they were after each step. Random numbers come from torch's global generators, which are seeded
    for each lane; numbers from elsewhere, and attributes that `forward` changes, are not looked after: with
    those, crews lose equal bits. A layer that is not trainable leaves its buffers alone. As everywhere,
    torch's BatchNorm refuses to train on a single row, which a lane of a small last batch can be.

    Args:
        torch_module: a module, or what makes one: a subclass of `torch.nn.Module`, or a function with a name.
        kwargs: arguments for what makes it: numbers, text, lists, dictionaries.
        **layer_kwargs: of every layer; the module is converted to `dtype`, floatx by default.

    Input shape:
        what the module takes; of a list of tensors each is an argument of its own

    Output shape:
        what the module returns: a tensor, or a list or tuple of them

    Example:
        >>> TorchLayer(nn.Linear, {"in_features": 3, "out_features": 2})(torch.ones(4, 3)).shape
        torch.Size([4, 2])

    Source: own.
    """

    module: nn.Module

    def __init__(
        self,
        torch_module: nn.Module | Callable[..., nn.Module],
        kwargs: Mapping[str, Any] | None = None,
        **layer_kwargs: Any,
    ) -> None:
        super().__init__(**layer_kwargs)
        self._factory: Callable[..., nn.Module] | None = None
        self._arguments = dict(kwargs or {})
        if isinstance(torch_module, nn.Module):
            if kwargs is not None:
                raise InvalidArgumentError(
                    f"Layer {self.name} received kwargs={dict(kwargs)!r} for a module that is made already. "
                    "Pass the module's class with its arguments, or the module alone."
                )
            made: Any = torch_module
        elif callable(torch_module):
            self._factory = torch_module
            made = torch_module(**self._arguments)
        else:
            made = torch_module
        if not isinstance(made, nn.Module):
            raise InvalidArgumentError(
                "TorchLayer needs a torch.nn.Module, or a class or function that makes one. Received: "
                f"{made!r}."
            )
        if any(isinstance(part, Layer) for part in made.modules()):
            raise InvalidArgumentError(
                f"Layer {self.name} was given {type(made).__name__}, which contains layers of this library. "
                "Make it a subclass of Layer instead of a torch module."
            )
        self.module = made.to(torch_dtype(self.dtype))
        #: The buffers that training changes, once it is known.
        self._changing: set[str] | None = None
        self._name_weights()

    # Weights.

    def build(self, input_shape: Any) -> None:
        """Has lazy modules find their shapes."""
        if any(isinstance(p, nn.UninitializedParameter) for p in self.module.parameters()):
            shapes = input_shape if isinstance(input_shape, list) else [input_shape]
            weight = next(self.module.parameters())
            trial = [
                torch.zeros([n or 2 for n in s], dtype=weight.dtype, device=weight.device) for s in shapes
            ]
            self.module.eval()
            with torch.no_grad():
                self.module(*trial)
            self._name_weights()

    def _name_weights(self) -> None:
        """Makes the module's own parameters weights of this library; they stay the same objects."""
        for name, parameter in self.module.named_parameters():
            if isinstance(parameter, Weight | nn.UninitializedParameter):
                continue
            if type(parameter) is not nn.Parameter:
                raise InvalidArgumentError(
                    f"Parameter {name} of layer {self.name} is a {type(parameter).__name__}: expected a "
                    "torch.nn.Parameter."
                )
            parameter.__class__ = Weight
            weight = cast(Weight, parameter)
            weight.keras_name = f"{self.name}/{name}:0"
            weight.regularizer = weight.constraint = None

    def _register_weights(self) -> None:
        """Does nothing: torch knows the module's parameters by the module."""

    def _own_weights(self) -> list[Weight]:
        return [*(cast(Weight, p) for p in self.module.parameters()), *self._buffer_weights()]

    def _buffers_to_save(self) -> dict[str, Tensor]:
        """Returns the persistent buffers by name, looked up anew: moving a module replaces them."""
        kept = self.module.state_dict(keep_vars=True)
        return {name: buffer for name, buffer in self.module.named_buffers() if name in kept}

    def _buffer_weights(self) -> list[Weight]:
        found = []
        for name, buffer in self._buffers_to_save().items():
            weight = cast(Weight, buffer)  # as far as saving and loading look at it
            weight.keras_name = f"{self.name}/{name}:0"
            weight.regularizer = weight.constraint = None
            found.append(weight)
        return found

    @property  # type: ignore[misc]  # made of the module, never set
    def trainable_weights(self) -> list[Weight]:
        """The parameters that require gradients; none if the layer is frozen."""
        if not self.trainable:
            return []
        return [cast(Weight, p) for p in self.module.parameters() if p.requires_grad]

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """The other parameters, all if the layer is frozen, and the buffers."""
        others = [p for p in self.module.parameters() if not (self.trainable and p.requires_grad)]
        return [*(cast(Weight, p) for p in others), *self._buffer_weights()]

    # Computing.

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Computes the module."""
        training = self.is_training(training)
        if self.module.training != training:
            self.module.train(training)
        given, context = to_list(inputs), current_step()
        trains = training and context is not None
        return self._as_outputs(self._train(given, context) if trains else self.module(*given))

    def _train(self, inputs: list[Any], context: StepContext | None) -> Any:
        """Computes with copies of the buffers, and tells the step what became of them."""
        before = dict(self.module.named_buffers())
        copies = {name: buffer.clone() for name, buffer in before.items()}
        after = dict(copies)  # what forward assigns anew comes back in it
        device = next((one.device for one in inputs if isinstance(one, Tensor)), torch.device("cpu"))
        with global_generators(device):
            outputs = functional_call(self.module, after, tuple(inputs))
        if self.trainable and copies and context is not None:
            for name in self._changed(before, copies, after):
                context.updates.append(self._update(name, before[name], after[name].detach()))
        return outputs

    def _changed(
        self, before: dict[str, Tensor], copies: dict[str, Tensor], after: dict[str, Tensor]
    ) -> list[str]:
        """Returns the names of the buffers that training changes: once one of them, always."""
        if self._changing is None:
            self._changing = set()
            for name in self._buffers_to_save():
                # Only now by value, which waits for the device: torch's batch_norm leaves no other trace.
                if not torch.equal(before[name], after[name].detach()):
                    self._changing.add(name)
        for name, copy in copies.items():
            if after[name] is not copy or copy._version:
                self._changing.add(name)
        return [name for name in self._buffers_to_save() if name in self._changing]

    def _update(self, name: str, old: Tensor, new: Tensor) -> MovingAverageUpdate:
        if new.shape != old.shape:
            raise ShapeError(
                f"Buffer {name} of layer {self.name} had the shape {tuple(old.shape)} before training, and "
                f"{tuple(new.shape)} after it. Give it one shape, or register it with persistent=False."
            )
        if old.is_floating_point() or old.is_complex():
            return MovingAverageUpdate(old, new, momentum=0.0)
        return MovingAverageUpdate(old, (new.to(torch.int64) - old.to(torch.int64)).float(), 0.0, counts=True)

    def _as_outputs(self, outputs: Any) -> Any:
        several = isinstance(outputs, list | tuple)
        if not all(isinstance(one, Tensor) for one in (outputs if several else [outputs])):
            raise InvalidArgumentError(
                f"The module of layer {self.name} should return a tensor, or a list of tensors. Received: "
                f"{type(outputs).__name__}. Wrap it in a module that picks what you need."
            )
        return list(outputs) if several else outputs

    # Describing.

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`, with the name of what makes the module.

        Raises:
            NotSerializableError: if the layer was given a module that was made already, or a lambda.
        """
        name = getattr(self._factory, "__name__", "<lambda>")
        if self._factory is None or name == "<lambda>":
            what, kind = "a module" if self._factory is None else "a lambda", type(self.module).__name__
            raise NotSerializableError(
                f"Layer {self.name} was made from {what} ({kind}), which a file cannot describe. Make it as "
                f"TorchLayer({kind}, kwargs={{…}}), or save its weights alone by model.save_weights(path)."
            )
        return {**super().get_config(), "torch_module": name, "kwargs": self._arguments}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a layer from what `get_config` returned.

        Args:
            config: the description.
            custom_objects: must hold the class or function that makes the module.

        Raises:
            UnknownNameError: if it does not.
        """
        given = dict(config)
        name = str(given.pop("torch_module", None))
        found = find_custom_object(name, custom_objects)
        if found is None:
            raise UnknownNameError(
                f"TorchLayer {given.get('name')!r} computes a torch module made by {name!r}, which is not "
                f"known here. Pass custom_objects={{{name!r}: {name}}}."
            )
        return cls(found, **given)
