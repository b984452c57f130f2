"""The layer: a torch module with Keras's life cycle."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from batchyard.models.backend.configuration import floatx, torch_dtype
from batchyard.models.backend.learning_phase import learning_phase
from batchyard.models.backend.names import unique_name
from batchyard.models.backend.symbolic_call import holds_symbolic, method
from batchyard.models.engine.assignments import KerasAssignments
from batchyard.models.engine.bindings import current_bindings
from batchyard.models.engine.input_spec import check_inputs
from batchyard.models.engine.losses_and_updates import LossesAndUpdates
from batchyard.models.engine.masking import infer_masks
from batchyard.models.engine.recording import computing, holds_weight, records, with_numbers
from batchyard.models.engine.shape_inference import infer_output_shape
from batchyard.models.engine.step_context import current_step
from batchyard.models.engine.structure import map_structure
from batchyard.models.engine.symbolic import (
    Node,
    Shape,
    SymbolicTensor,
    is_symbolic,
    to_list,
    unpack_singleton,
)
from batchyard.models.engine.weight import Regularizer, Weight
from batchyard.models.errors import (
    GraphError,
    InvalidArgumentError,
    MaskingError,
    NoSingleCallError,
    NotBuiltError,
    ShapeError,
)
from batchyard.models.saving.weight_budget import charge

__all__ = ["Layer"]


class Layer(LossesAndUpdates, nn.Module):
    """Something that turns tensors into tensors, with weights of its own.

    A layer of your own overrides `build` (makes the weights by `add_weight`, once the shape of the input is
    known), `call` (computes), and, where the output's shape does not follow from running `call`,
    `compute_output_shape`; `get_config` returns the arguments of `__init__`, for saving.

    Called on a symbolic tensor a layer becomes part of a graph; called on a torch tensor it computes at once.

    Args:
        name: unique in a model; `dense_1`, … if not given.
        trainable: whether `fit` changes the weights; takes effect at `compile`.
        dtype: of the weights; floatx by default.
        batch_input_shape: shape of the input with the batch axis, for the first layer of a Sequential.
        input_shape: the same without the batch axis.
        batch_size: size of the batch axis, with `input_shape`.
        weights: initial weights, as arrays.

    Example:
        >>> class Double(Layer):
        ...     def call(self, inputs):
        ...         return 2 * inputs
        >>> Double()(torch.ones(2))
        tensor([2., 2.])

    Source: Keras 2.2.4, `engine.base_layer.Layer`.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Makes the torch module before `__init__`.

        Keras's layers set attributes before `super().__init__`.
        """
        self = super().__new__(cls)
        nn.Module.__init__(self)
        self.training = False  # as in Keras, a layer called on its own acts as in test
        self.built = False
        self.input_spec = None
        self.supports_masking = False
        self.stateful = False
        self.activity_regularizer = None
        self._trainable_weights = []
        self._non_trainable_weights = []
        self._losses = []
        self._updates = []
        self._inbound_nodes = []
        self._outbound_nodes = []
        self._initial_weights = None
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Lets `call` and `compute_mask` be used directly on symbolic tensors, outside of `__call__`."""
        super().__init_subclass__(**kwargs)
        if "_written_by_user" not in cls.__dict__:
            cls._written_by_user = not cls.__module__.startswith("batchyard.models.")
        for name in ("call", "compute_mask"):
            if inspect.isfunction(cls.__dict__.get(name)):
                setattr(cls, name, method(cls.__dict__[name]))

    #: Whether a call without inputs computes something: only operations on variables do so.
    _needs_no_input: bool = False
    #: Whether the inputs stay as they are, and no output shares their memory: they need no copy then.
    _only_reads: ClassVar[bool] = False
    #: Whether `call` may hold Keras's `x += y`, which is not torch's.
    _written_by_user: ClassVar[bool] = False
    name: str
    trainable: bool
    dtype: str
    built: bool
    input_spec: Any
    supports_masking: bool
    stateful: bool
    activity_regularizer: Regularizer | None
    _trainable_weights: list[Weight]
    _non_trainable_weights: list[Weight]
    _inbound_nodes: list[Node]
    _outbound_nodes: list[Node]
    _initial_weights: Sequence[ArrayLike] | None

    def __init__(
        self,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        batch_input_shape: Shape | None = None,
        input_shape: Shape | None = None,
        batch_size: int | None = None,
        weights: Sequence[ArrayLike] | None = None,
    ) -> None:
        self.name = name or unique_name(type(self).__name__)
        self.trainable = trainable
        self.dtype = str(np.dtype(dtype or floatx()).name)
        self._initial_weights = weights
        if batch_input_shape is None and input_shape is not None:
            batch_input_shape = (batch_size, *_as_shape(input_shape, self.name))
        if batch_input_shape is not None:
            self.batch_input_shape: Shape = _as_shape(batch_input_shape, self.name)

    # What subclasses override.

    def build(self, input_shape: Any) -> None:
        """Makes the weights.

        Called once, with the first input's shape (a list of shapes for several inputs).
        """
        self.built = True

    def _identity(self, inputs: Any) -> Any:
        return inputs

    #: Computes the output. An attribute and not a method, so that subclasses may narrow the arguments.
    call: Callable[..., Any] = _identity

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the output's shape: found by running `call` on tensors without numbers.

        A method that overrides it gets the input's shape from here, as in Keras.
        """
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return infer_output_shape(self, input_shape)
        return input_shape

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the output's mask: that of the input, where the layer supports masks.

        A layer that makes, changes or ends masks overrides it. `call` is given the input's mask if it has an
        argument `mask`.

        Args:
            inputs: a tensor, or a list of them.
            mask: a tensor that is False where a time step does not count, or None; a list for several inputs.

        Raises:
            MaskingError: if there is a mask, and `supports_masking` is False.
        """
        if self.supports_masking:
            return mask
        if any(one is not None for one in to_list(mask)):
            raise MaskingError(
                f"Layer {self.name} does not support masks, but its input has one. Put it before the layer "
                "that makes the mask, or after one that ends it, or set supports_masking = True in the "
                "layer's __init__ if it treats each time step on its own."
            )
        return None

    def infer_masks(
        self, shapes: Sequence[Shape], masks: Sequence[Shape | None], count: int
    ) -> list[Shape | None]:
        """Returns the shape of each output's mask, None where it has none; for symbolic calls.

        Args:
            shapes: of the inputs.
            masks: shapes of the inputs' masks; None where there is none.
            count: how many outputs there are.
        """
        if type(self).compute_mask is Layer.compute_mask and all(mask is None for mask in masks):
            return [None] * count
        return infer_masks(self, shapes, masks, count)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`, as JSON values."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        if hasattr(self, "batch_input_shape"):
            config["batch_input_shape"] = self.batch_input_shape
        if hasattr(self, "batch_input_shape") or self.dtype != floatx():
            config["dtype"] = self.dtype
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes a layer from what `get_config` returned."""
        return cls(**config)

    def clone(self) -> Layer:
        """Returns a layer of the same configuration, with weights of its own."""
        return type(self).from_config(self.get_config())

    # Weights.

    def add_weight(
        self,
        name: str | None = None,
        shape: Sequence[int] = (),
        dtype: str | None = None,
        initializer: Any = None,
        regularizer: Any = None,
        trainable: bool = True,
        constraint: Any = None,
    ) -> Weight:
        """Makes a weight.

        Args:
            name: of the weight within the layer.
            shape: all sizes known.
            dtype: the layer's by default.
            initializer: name, configuration or function of (shape, dtype); glorot_uniform by default.
            regularizer: its penalty is added to the loss.
            trainable: whether training changes it by gradient.
            constraint: applied after every update.
        """
        from batchyard.models import constraints, initializers, regularizers

        if any(size is None for size in shape):
            raise ShapeError(
                f"Weight {name!r} of layer {self.name} needs sizes that are known, but received "
                f"shape={tuple(shape)}. "
                "Give the input's shape in full, except for the batch axis."
            )
        charge(shape)
        with computing():
            value = initializers.get(initializer or "glorot_uniform")(tuple(shape), dtype=dtype or self.dtype)
        weight = Weight.of(
            torch.as_tensor(value),
            trainable,
            f"{self.name}/{name or f'weight_{len(self.weights)}'}:0",
            regularizers.get(regularizer),
            constraints.get(constraint),
        )
        (self._trainable_weights if trainable else self._non_trainable_weights).append(weight)
        return weight

    def _own_weights(self) -> list[Weight]:
        return self._trainable_weights + self._non_trainable_weights

    def _sublayers(self) -> list[Layer]:
        """Layers that were assigned as attributes, alone or in a `torch.nn.ModuleList` or `ModuleDict`."""
        return list(_layers_in(self._modules.values()))

    def network_became_trainable(self, value: bool) -> None:
        """Hears that `trainable` of a network around it was set; layers of Keras 2 keep their own."""

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training changes by gradient: none if the layer is frozen."""
        if not self.trainable:
            return []
        return _unique(self._trainable_weights + [w for s in self._sublayers() for w in s.trainable_weights])

    @trainable_weights.setter
    def trainable_weights(self, weights: Sequence[Weight]) -> None:
        """Makes variables the layer's own; layers of Keras 2's time do so in `build`."""
        below = {id(weight) for sublayer in self._sublayers() for weight in sublayer.weights}
        self._trainable_weights = [weight for weight in weights if id(weight) not in below]

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """The other weights: all if the layer is frozen."""
        below = self._sublayers()
        if self.trainable:
            return _unique(self._non_trainable_weights + [w for s in below for w in s.non_trainable_weights])
        trainable = self._trainable_weights + [w for s in below for w in s.trainable_weights]
        others = self._non_trainable_weights + [w for s in below for w in s.non_trainable_weights]
        return _unique(trainable + others)

    @property
    def weights(self) -> list[Weight]:
        """All weights, trainable ones first."""
        return self.trainable_weights + self.non_trainable_weights

    def get_weights(self) -> list[NDArray[Any]]:
        """Returns copies of the weights, in the order of `weights`."""
        return [weight.detach().cpu().numpy().copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Sets all weights.

        Args:
            weights: arrays in the order of `weights`.

        Raises:
            ShapeError: if the number of arrays or a shape differs; no weight has changed then.
        """
        own = self.weights
        if len(own) != len(weights):
            raise ShapeError(
                f"Layer {self.name} has {len(own)} weights, but received {len(weights)} arrays. "
                f"Expected shapes: {[tuple(w.shape) for w in own]}."
            )
        arrays = [np.asarray(array) for array in weights]
        for weight, array in zip(own, arrays, strict=True):
            if tuple(weight.shape) != array.shape:
                raise ShapeError(
                    f"Weight {weight.keras_name} has the shape {tuple(weight.shape)}, "
                    f"but the array for it has {array.shape}."
                )
        with torch.no_grad():
            for weight, array in zip(own, arrays, strict=True):
                weight.copy_(torch.from_numpy(np.array(array)))

    def assert_input_compatibility(self, inputs: Any) -> None:
        """Compares inputs with what `input_spec` says that the layer expects; each call does.

        Args:
            inputs: a tensor, or a list of them.

        Raises:
            ShapeError: if one does not fit.
        """
        check_inputs(self.input_spec, [tuple(one.shape) for one in to_list(inputs)], self.name)

    def count_params(self) -> int:
        """Returns the number of numbers in all weights.

        Raises:
            NotBuiltError: if there are no weights yet.
        """
        if not self.built:
            raise NotBuiltError(
                f"Layer {self.name} has no weights yet, so they cannot be counted. Call build(input_shape) "
                "first."
            )
        return sum(weight.numel() for weight in self.weights)

    def is_training(self, training: bool | None = None) -> bool:
        """Whether to act as in training.

        As the argument says, else the learning phase, else `self.training`.
        """
        if training is not None:
            return bool(training)
        phase = learning_phase()
        return self.training if phase is None else phase

    def train(self, mode: bool = True) -> Self:
        """Sets `training`, here and in all layers within.

        Past torch's own way to set an attribute, which takes ten times as long.
        """
        self.__dict__["training"] = bool(mode)
        for module in self._modules.values():
            if module is not None:
                module.train(mode)
        return self

    # Calling.

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What torch runs, hooks included; it is `call`."""
        if self._written_by_user and not torch.compiler.is_compiling():
            with KerasAssignments():
                return self.call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Connects the layer to symbolic tensors, or computes on torch tensors.

        Args:
            inputs: a tensor, or a list of them.
            **kwargs: of `call`; symbolic tensors among them become further inputs.
        """
        recorded = records()
        if recorded and holds_weight(inputs):
            inputs = map_structure(inputs, symbol_of)
        if is_symbolic(inputs) or (kwargs and holds_symbolic(kwargs)):
            bindings = current_bindings()
            if not recorded:
                inputs, kwargs = with_numbers(inputs), with_numbers(kwargs)
            if bindings is not None:
                inputs, kwargs = bindings.resolve(inputs), bindings.resolve(kwargs)
            elif recorded or is_symbolic(inputs) or holds_symbolic(kwargs):
                return self._connect([*to_list(inputs)], kwargs)
        if not self.built:
            self._build_for([tuple(tensor.shape) for tensor in to_list(inputs)])
        if recorded:
            with computing():
                outputs = super().__call__(inputs, **kwargs)
        else:
            outputs = super().__call__(inputs, **kwargs)
        if self.activity_regularizer is not None and (context := current_step()) is not None:
            context.activity_losses += [self.activity_regularizer(output) for output in to_list(outputs)]
        return outputs

    def _build_for(self, shapes: list[Shape]) -> None:
        """Builds the layer for inputs of these shapes (None for the batch), unless it is built."""
        check_inputs(self.input_spec, shapes, self.name)
        if self.built:
            return
        self.build(unpack_singleton([self._shape_to_build_for(shape) for shape in shapes]))
        self._register_weights()
        self.built = True
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)
            self._initial_weights = None

    def _shape_to_build_for(self, shape: Shape) -> Shape:
        """Returns what `build` is told of an input's shape: weights do not depend on the batch."""
        return (None, *shape[1:]) if shape else shape

    def _register_weights(self) -> None:
        """Makes weights known to torch that `build` did not assign to an attribute."""
        known = {id(parameter) for parameter in self._parameters.values()}
        for weight in self._own_weights():
            if id(weight) not in known:
                name = weight.keras_name.split("/")[-1].removesuffix(":0").replace(".", "_")
                free = name and not hasattr(self, name)
                self.register_parameter(name if free else f"weight_{len(self._parameters)}", weight)

    def _connect(self, inputs: list[Any], arguments: dict[str, Any]) -> Any:
        for tensor in inputs:
            if not isinstance(tensor, SymbolicTensor):
                raise GraphError(
                    f"Layer {self.name} was called on a mixture of symbolic and other inputs. Received: "
                    f"{inputs}. "
                    "Pass either outputs of Input and layers only, or torch tensors only."
                )
        shapes = [tensor.shape for tensor in inputs]
        check_inputs(self.input_spec, shapes, self.name)
        self._build_for(shapes)
        captured: list[SymbolicTensor] = []
        outputs = self._symbolic_outputs(shapes, inputs, arguments, captured)
        masks = [None if tensor._keras_mask is None else tensor._keras_mask.shape for tensor in inputs]
        for tensor, mask in zip(outputs, self.infer_masks(shapes, masks, len(outputs)), strict=True):
            if mask is not None:
                tensor._keras_mask = SymbolicTensor(mask, torch.bool, f"{tensor.name}/mask")
        Node(self, inputs, outputs, arguments, captured)
        return unpack_singleton(outputs)

    def _symbolic_outputs(
        self,
        shapes: list[Shape],
        inputs: list[SymbolicTensor],
        arguments: dict[str, Any],
        captured: list[SymbolicTensor],
    ) -> list[SymbolicTensor]:
        input_shape = unpack_singleton(shapes)
        if type(self).compute_output_shape is Layer.compute_output_shape:
            output_shape = infer_output_shape(self, input_shape, arguments, captured)
        else:
            output_shape = self.compute_output_shape(input_shape)
            if self._must_be_run_once():
                infer_output_shape(self, input_shape, arguments, captured)
        several = isinstance(output_shape, list)
        dtype = torch_dtype(self.dtype)
        node = len(self._inbound_nodes)
        return [
            SymbolicTensor(tuple(shape), dtype, f"{self.name}/output_{node}_{number}")
            for number, shape in enumerate(output_shape if several else [output_shape])
        ]

    def _must_be_run_once(self) -> bool:
        """Whether `call` has to be run to be known: it builds the layers within, if `build` has not."""
        return any(not layer.built for layer in self._sublayers())

    # What the graph knows of this layer.

    def _node(self, index: int, what: str) -> Node:
        if not 0 <= index < len(self._inbound_nodes):
            raise GraphError(
                f"Layer {self.name} has no {what} at node {index}: it was called on symbolic tensors "
                f"{len(self._inbound_nodes)} times."
            )
        return self._inbound_nodes[index]

    def _only(self, what: str, values: list[Any]) -> Any:
        if not values:
            raise NoSingleCallError(
                f"Layer {self.name} has no {what}: it was never called on a symbolic tensor."
            )
        if any(value != values[0] for value in values):
            raise NoSingleCallError(
                f"Layer {self.name} has several values of {what}, as it was called {len(values)} times. "
                f"Use get_{what}_at(node_index)."
            )
        return unpack_singleton(values[0])

    def __getattr__(self, name: str) -> Any:
        """Finds weights and inner layers, as torch does; a property's own error keeps its message."""
        weights = self.__dict__.get("_parameters")
        if weights is not None and (weight := weights.get(name)) is not None:
            return weight  # what is asked for most, several times a step
        try:
            return super().__getattr__(name)
        except AttributeError:
            found = getattr(type(self), name, None)
            if isinstance(found, property) and found.fget is not None:
                return found.fget(self)
            raise

    def get_input_at(self, node_index: int) -> Any:
        """Returns the input of the call of that number."""
        return unpack_singleton(self._node(node_index, "input").input_tensors)

    def get_output_at(self, node_index: int) -> Any:
        """Returns the output of the call of that number."""
        return unpack_singleton(self._node(node_index, "output").output_tensors)

    def get_input_shape_at(self, node_index: int) -> Any:
        """Returns the input's shape at the call of that number."""
        return unpack_singleton(self._node(node_index, "input_shape").input_shapes)

    def get_output_shape_at(self, node_index: int) -> Any:
        """Returns the output's shape at the call of that number."""
        return unpack_singleton(self._node(node_index, "output_shape").output_shapes)

    def get_input_mask_at(self, node_index: int) -> Any:
        """Returns the input's mask, or None, at the call of that number."""
        return unpack_singleton(self._node(node_index, "input_mask").input_masks)

    def get_output_mask_at(self, node_index: int) -> Any:
        """Returns the output's mask, or None, at the call of that number."""
        return unpack_singleton(self._node(node_index, "output_mask").output_masks)

    @property
    def input(self) -> Any:
        """The symbolic input, if the layer was called once."""
        return self._only("input", [node.input_tensors for node in self._inbound_nodes])

    @property
    def output(self) -> Any:
        """The symbolic output, if the layer was called once."""
        return self._only("output", [node.output_tensors for node in self._inbound_nodes])

    @property
    def input_mask(self) -> Any:
        """The input's mask, or None, if the layer was called once."""
        self._only("input_mask", [node.input_tensors for node in self._inbound_nodes])
        return self.get_input_mask_at(0)

    @property
    def output_mask(self) -> Any:
        """The output's mask, or None, if the layer was called once."""
        self._only("output_mask", [node.output_tensors for node in self._inbound_nodes])
        return self.get_output_mask_at(0)

    @property
    def input_shape(self) -> Any:
        """The input's shape, if it is the same for all calls."""
        return self._only("input_shape", [node.input_shapes for node in self._inbound_nodes])

    @property
    def output_shape(self) -> Any:
        """The output's shape, if it is the same for all calls."""
        return self._only("output_shape", [node.output_shapes for node in self._inbound_nodes])

    def extra_repr(self) -> str:
        """What torch prints in the brackets."""
        return self.name


def symbol_of(value: Any) -> Any:
    """Returns a symbolic tensor for a weight, with the numbers that it will have; others as they are."""
    if not isinstance(value, Weight):
        return value
    from batchyard.models.engine.operation import record

    symbol = record(_itself, (value,))
    symbol._stands_for = value
    return symbol


def _itself(value: Any) -> Any:
    return value


def _as_shape(shape: Any, layer: str) -> Shape:
    if isinstance(shape, int):
        shape = (shape,)
    try:
        sizes = tuple(None if size is None else int(size) for size in shape)
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"The input shape of layer {layer} must be a tuple of numbers or None. Received: {shape!r}."
        ) from None
    return sizes


def _layers_in(modules: Iterable[nn.Module | None]) -> Iterator[Layer]:
    for module in modules:
        if isinstance(module, Layer):
            yield module
        elif isinstance(module, nn.ModuleList | nn.ModuleDict | nn.Sequential):
            yield from _layers_in(module.children())


def _unique(weights: list[Weight]) -> list[Weight]:
    return list({id(weight): weight for weight in weights}.values())
