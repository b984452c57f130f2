"""Curves and histograms for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from batchyard.models.callbacks.base import Callback, Logs
from batchyard.models.errors import InvalidArgumentError, MissingPackageError


class TensorBoard(Callback):
    """Writes logs, and if asked for the weights' histograms, for TensorBoard to show.

    Args:
        log_dir: folder of the files.
        histogram_freq: epochs between two histograms of the weights; 0 for none.
        batch_size: kept for Keras's signature.
        write_graph: kept for Keras's signature: there is no TensorFlow graph.
        write_grads: kept for Keras's signature: gradients do not outlive their step.
        write_images: write two-dimensional weights as images too, with the histograms.
        embeddings_freq: epochs between two writings of embedding layers' weights; 0 for none.
        embeddings_layer_names: of the embedding layers; all by default.
        embeddings_metadata: labels of the rows: a list, or lists by layer name.
        embeddings_data: kept for Keras's signature.
        update_freq: "epoch", "batch", or the number of samples after which batch metrics are written.

    Source: Keras 2.2.4, `callbacks.TensorBoard`.
    """

    observes_only: ClassVar[bool] = True

    def __init__(
        self,
        log_dir: str = "./logs",
        histogram_freq: int = 0,
        batch_size: int = 32,
        write_graph: bool = True,
        write_grads: bool = False,
        write_images: bool = False,
        embeddings_freq: int = 0,
        embeddings_layer_names: list[str] | None = None,
        embeddings_metadata: Any = None,
        embeddings_data: Any = None,
        update_freq: str | int = "epoch",
    ) -> None:
        if update_freq not in ("epoch", "batch") and not isinstance(update_freq, int):
            raise InvalidArgumentError(
                f"update_freq must be 'epoch', 'batch' or a number. Received: {update_freq!r}."
            )
        self.log_dir = str(log_dir)
        self.histogram_freq = histogram_freq
        self.batch_size = batch_size
        self.write_graph = write_graph
        self.write_grads = write_grads
        self.write_images = write_images
        self.embeddings_freq = embeddings_freq
        self.embeddings_layer_names = embeddings_layer_names
        self.embeddings_metadata = embeddings_metadata
        self.embeddings_data = embeddings_data
        self.update_freq = update_freq
        self._writer: Any = None
        self._seen = 0
        self._written_at = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the files."""
        if find_spec("tensorboard") is None:
            raise MissingPackageError("The callback TensorBoard needs its package: pip install tensorboard.")
        self._seen = self._written_at = 0
        self._writer = import_module("torch.utils.tensorboard").SummaryWriter(self.log_dir)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the batch's metrics, if they are asked for and due."""
        if self.update_freq == "epoch":
            return
        logs = logs or {}
        self._seen += int(logs.get("size", 0))
        wait = 1 if self.update_freq == "batch" else int(self.update_freq)
        if self._seen - self._written_at >= wait:
            self._write(logs, self._seen)
            self._written_at = self._seen

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the epoch's metrics, and what else is due."""
        self._write(logs or {}, epoch if self.update_freq == "epoch" else self._seen)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings(epoch)
        self._writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def get_state(self) -> dict[str, Any]:
        """Return how many samples were seen, and at which of them was written last."""
        return {"seen": self._seen, "written_at": self._written_at}

    def set_state(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Count on."""
        self._seen, self._written_at = state["seen"], state["written_at"]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "log_dir": self.log_dir,
            "histogram_freq": self.histogram_freq,
            "batch_size": self.batch_size,
            "write_graph": self.write_graph,
            "write_grads": self.write_grads,
            "write_images": self.write_images,
            "embeddings_freq": self.embeddings_freq,
            "embeddings_layer_names": self.embeddings_layer_names,
            "embeddings_metadata": self.embeddings_metadata,
            "embeddings_data": self.embeddings_data,
            "update_freq": self.update_freq,
        }

    def _write(self, logs: Logs, step: int) -> None:
        for name in logs:
            if name not in ("batch", "size"):
                self._writer.add_scalar(name, float(logs[name]), step)

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for number, values in enumerate(layer.get_weights()):
                tag = f"{layer.name}/{number}"
                self._writer.add_histogram(tag, values, epoch)
                if self.write_images and values.ndim == 2 and values.size:
                    span = float(np.ptp(values)) or 1.0
                    self._writer.add_image(tag, (values - values.min())[None] / span, epoch)

    def _write_embeddings(self, epoch: int) -> None:
        wanted = self.embeddings_layer_names
        for layer in self.model.layers:
            if type(layer).__name__ != "Embedding" or (wanted and layer.name not in wanted):
                continue
            labels = self.embeddings_metadata
            labels = labels.get(layer.name) if isinstance(labels, dict) else labels
            self._writer.add_embedding(layer.get_weights()[0], labels, global_step=epoch, tag=layer.name)
