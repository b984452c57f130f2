"""A network that can be trained: compile, fit, evaluate, predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import NDArray

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.network import Network
from batchyard.models.engine.pickling import Pickling
from batchyard.models.errors import InvalidArgumentError, NotCompiledError, SubclassedModelError

if TYPE_CHECKING:
    from batchyard.models.callbacks.base import Callback
    from batchyard.models.callbacks.history import History
    from batchyard.models.optimizers.optimizer import Optimizer
    from batchyard.models.training.compile import Compiled
    from batchyard.models.training.computation import Computation

__all__ = ["Model"]


class Model(Pickling, Network):
    """Layers between inputs and outputs, with an objective and an optimizer.

    Args:
        inputs: symbolic tensor made by `Input`, or a list of them. A class of your own that defines `call`
            is given neither inputs nor outputs; its layers are its attributes.
        outputs: symbolic tensor that follows from the inputs, or a list of them.
        name: `model_1`, … if not given.
        input: Keras 1's word for `inputs`.
        output: Keras 1's word for `outputs`.

    Attributes:
        optimizer: set by `compile`.
        loss: as passed to `compile`.
        metrics: as passed to `compile`.
        stop_training: set to True by a callback to stop after this epoch.

    Example:
        >>> from batchyard.models import Input
        >>> from batchyard.models.layers import Dense
        >>> x = Input((3,))
        >>> model = Model(x, Dense(1)(x))
        >>> model.compile("sgd", "mse")

    Source: Keras 2.2.4, `engine.training.Model`.
    """

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        *,
        input: Any = None,
        output: Any = None,
    ) -> None:
        inputs = input if inputs is None else inputs
        outputs = output if outputs is None else outputs
        if inputs is None and outputs is None and self.is_subclassed:
            from batchyard.models.engine.subclassed import begin_subclassed

            Layer.__init__(self, name=name)
            begin_subclassed(self)
        elif inputs is None or outputs is None:
            raise InvalidArgumentError(
                "A Model needs inputs and outputs, or a class of its own with a method call(self, inputs). "
                "Received: none for one of them."
            )
        else:
            super().__init__(inputs, outputs, name)
        self._init_training()

    optimizer: Optimizer  # None before `compile`, as in Keras
    stop_training: bool

    def _init_training(self) -> None:
        """Sets what `compile` and `fit` will fill."""
        self._compiled: Compiled | None = None
        self._compile_arguments: dict[str, Any] | None = None
        self._computation: Computation | None = None
        self.optimizer = cast("Optimizer", None)
        self.stop_training = False
        self.history: History | None = None

    # A class of one's own.

    @property
    def is_subclassed(self) -> bool:
        """Whether the model is of a class that computes by a `call` of its own, not by a graph."""
        return type(self).call is not Network.call

    def build(self, input_shape: Any = None) -> None:
        """Builds the layers of a model with a `call` of its own; others are built with their graph.

        Args:
            input_shape: with the batch axis; a list of shapes for several inputs.
        """
        if not self.built and self.is_subclassed:
            from batchyard.models.engine.subclassed import build_subclassed

            build_subclassed(self, input_shape)
            self._recompile()

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in the order of `inputs`."""
        if self.is_subclassed:
            return [f"input_{number}" for number in range(1, len(self.inputs) + 1)]
        return super().input_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: of the layers that they come from, made unique."""
        if self.is_subclassed:
            return [f"output_{number}" for number in range(1, len(self.outputs) + 1)]
        return super().output_names

    def get_config(self) -> dict[str, Any]:
        """Returns layers and connections, in Keras 2.2.4's layout.

        Raises:
            SubclassedModelError: if the model computes by a `call` of its own, which no file can hold.
        """
        if self.is_subclassed:
            raise SubclassedModelError(
                f"Model {self.name} computes by the method call of {type(self).__name__}, which a file can't "
                "hold. Save its weights by save_weights, and load them into a new object of that class."
            )
        return super().get_config()

    # Compiling.

    def compile(
        self,
        optimizer: Any,
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        sample_weight_mode: Any = None,
        weighted_metrics: Any = None,
        target_tensors: Any = None,
        *,
        mixed_precision: str | None = None,
        jit_compile: bool = False,
        counts_masked_steps: bool = False,
    ) -> None:
        """Sets objective and optimizer, and captures which weights are trainable.

        It hides torch's method of that name; torch's compiler is at hand as `torch.compile(model)`.

        Args:
            optimizer: name, configuration or object.
            loss: name or function; with several outputs a list, or a dictionary by output name.
            metrics: list of names or functions; with several outputs a list of lists, or a dictionary.
            loss_weights: list, or dictionary by output name; 1 by default.
            sample_weight_mode: None, or "temporal" for one weight per row and time step.
            weighted_metrics: like `metrics`, but with the sample weights applied.
            target_tensors: tensors with which the outputs are compared, instead of targets that come with
                the data; with several outputs a list, or a dictionary by output name.
            mixed_precision: "bfloat16" or "float16" to compute outputs and their gradients so, which is
                faster on GPUs; weights, losses and updates stay in floatx.
            jit_compile: whether outputs and losses go through torch's compiler; on a CPU it needs a C++
                compiler. The first batch of each shape takes longer.
            counts_masked_steps: whether a loss with a mask is divided by the number of all steps, as in Keras
                2.3 and tf.keras up to 2.9, instead of by that of those that the mask leaves. Models of these
                versions bring it.
        """
        from batchyard.models import optimizers
        from batchyard.models.training.compile import compile_model
        from batchyard.models.training.computation import Computation

        self._computation = Computation(mixed_precision, jit_compile)

        self._compile_arguments = {
            "loss": loss,
            "metrics": metrics,
            "loss_weights": loss_weights,
            "sample_weight_mode": sample_weight_mode,
            "weighted_metrics": weighted_metrics,
            "target_tensors": target_tensors,
            "counts_masked_steps": counts_masked_steps,
        }
        self.optimizer = optimizers.get(optimizer)
        self._compiled = compile_model(self, **self._compile_arguments) if self.built else None

    def _recompile(self) -> None:
        """Captures outputs and weights anew after the layers of a compiled Sequential have changed."""
        from batchyard.models.training.computation import Computation

        if self._compile_arguments is not None:
            how = self._computation or Computation()
            self.compile(
                self.optimizer,
                **self._compile_arguments,
                mixed_precision=how.mixed_precision,
                jit_compile=how.jit_compile,
            )

    @property
    def is_compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compile_arguments is not None

    @property
    def compiled(self) -> Compiled:
        """The objective and the captured weights.

        Raises:
            NotCompiledError: before `compile`.
        """
        if self._compiled is None:
            raise NotCompiledError()
        return self._compiled

    def _argument(self, name: str) -> Any:
        if self._compile_arguments is None:
            raise AttributeError(name)  # so hasattr says no before `compile`, as in Keras
        return self._compile_arguments[name]

    @property
    def loss(self) -> Any:
        """As passed to `compile`."""
        return self._argument("loss")

    @property
    def metrics(self) -> Any:
        """As passed to `compile`; [] for none."""
        return self._argument("metrics") or []

    @property
    def loss_weights(self) -> Any:
        """As passed to `compile`."""
        return self._argument("loss_weights")

    @property
    def sample_weight_mode(self) -> Any:
        """As passed to `compile`."""
        return self._argument("sample_weight_mode")

    @property
    def weighted_metrics(self) -> Any:
        """As passed to `compile`."""
        return self._argument("weighted_metrics")

    @property
    def stateful_metric_names(self) -> list[str]:
        """The names of metrics that count over all batches of an epoch."""
        return [name for name, _ in self.compiled.running_metrics]

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` returns, by name.

        The loss, the outputs' losses if there are several, the metrics. No such attribute before `compile`.
        """
        if self._compiled is None:
            raise AttributeError("metrics_names")
        return list(self.compiled.metrics_names)

    # Training.

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int = 1,
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        lanes: int = 1,
        validation_freq: Any = 1,
    ) -> History:
        """Trains for a number of epochs.

        Args:
            x: array, tensor or h5py dataset; for several inputs a list, or a dictionary by input name.
            y: likewise, for the outputs.
            batch_size: rows per weight update; 32 by default.
            epochs: the epoch before which to stop.
            verbose: 0 for silence, 1 for a progress bar, 2 for one line per epoch.
            callbacks: called during training.
            validation_split: fraction of the rows, taken from the end, to evaluate on after every epoch.
            validation_data: (x, y) or (x, y, sample_weight) to evaluate on instead.
            shuffle: True for a new order of rows each epoch, "batch" for a new order of batches, False for
                none.
            class_weight: weight per class number; for several outputs a list or dictionary of such.
            sample_weight: weight per row; for several outputs a list or dictionary of such.
            initial_epoch: the number of the first epoch.
            steps_per_epoch: batches per epoch; all by default. Without batch_size each of them is all rows,
                as in Keras 2.2.4: so symbolic tensors that follow from variables, and random ones, are data.
            validation_steps: batches per evaluation; all by default. With steps_per_epoch and without
                batch_size each of them is all rows.
            lanes: logical shards of each batch (1, 2, 4, …): a job of the cluster with as many lanes and the
                same seed gives the same bits.
            validation_freq: validates only after every so many epochs, or after the epochs of a list, counted
                from 1. Keras 2.3's argument.

        Returns:
            The history: losses and metrics of each epoch.
        """
        from batchyard.models.training.fit import fit

        return fit(
            self,
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            lanes=lanes,
            validation_freq=validation_freq,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int = 1,
        sample_weight: Any = None,
        steps: int | None = None,
    ) -> Any:
        """Returns loss and metrics in test mode: a number, or a list in the order of `metrics_names`.

        Args:
            x: as in `fit`.
            y: as in `fit`.
            batch_size: rows at a time; 32 by default.
            verbose: 1 for a progress bar.
            sample_weight: as in `fit`.
            steps: batches; all by default. Without batch_size each of them is all rows, as in Keras 2.2.4.
        """
        from batchyard.models.training.evaluate import evaluate

        return evaluate(self, x, y, batch_size, verbose, sample_weight, steps)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: int = 0, steps: int | None = None
    ) -> Any:
        """Returns the outputs for all rows: an array, or a list of them for several outputs.

        Args:
            x: as in `fit`.
            batch_size: rows at a time; 32 by default.
            verbose: 1 for a progress bar.
            steps: batches; all by default. Without batch_size each of them is all rows, as in Keras 2.2.4.
        """
        from batchyard.models.training.predict import predict

        return predict(self, x, batch_size, verbose, steps)

    def train_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
    ) -> float | list[float]:
        """Makes one weight update, and returns loss and metrics of the batch before it.

        Args:
            x: the rows.
            y: their targets.
            sample_weight: weight per row.
            class_weight: weight per class number.
        """
        from batchyard.models.training.on_batch import train_on_batch

        return train_on_batch(self, x, y, sample_weight, class_weight)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None) -> float | list[float]:
        """Returns loss and metrics of one batch in test mode.

        Args:
            x: the rows.
            y: their targets.
            sample_weight: weight per row.
        """
        from batchyard.models.training.on_batch import test_on_batch

        return test_on_batch(self, x, y, sample_weight)

    def predict_on_batch(self, x: Any) -> NDArray[Any] | list[NDArray[Any]]:
        """Returns the outputs for one batch, computed in one go.

        Args:
            x: the rows.
        """
        from batchyard.models.training.on_batch import predict_on_batch

        return predict_on_batch(self, x)

    # The same from generators.

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        verbose: int = 1,
        callbacks: Sequence[Callback] | None = None,
        validation_data: Any = None,
        validation_steps: int | None = None,
        class_weight: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        shuffle: bool = True,
        initial_epoch: int = 0,
        validation_freq: Any = 1,
    ) -> History:
        """Trains on batches that a generator or a `Sequence` gives, made ahead by workers.

        Memory does not depend on the number of batches: at most `max_queue_size` of them are kept.

        Args:
            generator: gives (x, y) or (x, y, sample_weight) without end; or a `utils.Sequence`.
            steps_per_epoch: batches per epoch; a `Sequence` knows by itself.
            epochs: the epoch before which to stop.
            verbose: 0 for silence, 1 for a progress bar, 2 for one line per epoch.
            callbacks: called during training.
            validation_data: as in `fit`, or again a generator or a `Sequence`.
            validation_steps: batches per evaluation from a generator.
            class_weight: as in `fit`.
            max_queue_size: batches that are made ahead.
            workers: threads or processes that make them; 0 to make each when it is needed.
            use_multiprocessing: processes instead of threads.
            shuffle: a new order of the batches of a `Sequence` in each epoch.
            initial_epoch: the number of the first epoch.
            validation_freq: validates only after every so many epochs, or after the epochs of a list, counted
                from 1. Keras 2.3's argument.

        Returns:
            The history: losses and metrics of each epoch.
        """
        from batchyard.models.training.generators import fit_generator

        return fit_generator(
            self,
            generator,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            validation_steps=validation_steps,
            class_weight=class_weight,
            reading=(max_queue_size, workers, use_multiprocessing),
            shuffle=shuffle,
            initial_epoch=initial_epoch,
            validation_freq=validation_freq,
        )

    def evaluate_generator(
        self,
        generator: Any,
        steps: int | None = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: int = 0,
    ) -> Any:
        """Returns loss and metrics in test mode, over batches from a generator or `Sequence`.

        Args:
            generator: as in `fit_generator`.
            steps: batches; a `Sequence` knows by itself.
            max_queue_size: as in `fit_generator`.
            workers: as in `fit_generator`.
            use_multiprocessing: as in `fit_generator`.
            verbose: 1 for a progress bar.
        """
        from batchyard.models.training.generators import evaluate_generator

        reading = (max_queue_size, workers, use_multiprocessing)
        return evaluate_generator(self, generator, steps, reading, verbose)

    def predict_generator(
        self,
        generator: Any,
        steps: int | None = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: int = 0,
    ) -> Any:
        """Returns the outputs for batches from a generator or `Sequence`.

        Args:
            generator: gives x, or as in `fit_generator`: then only x is used.
            steps: batches; a `Sequence` knows by itself.
            max_queue_size: as in `fit_generator`.
            workers: as in `fit_generator`.
            use_multiprocessing: as in `fit_generator`.
            verbose: 1 for a progress bar.
        """
        from batchyard.models.training.generators import predict_generator

        reading = (max_queue_size, workers, use_multiprocessing)
        return predict_generator(self, generator, steps, reading, verbose)
