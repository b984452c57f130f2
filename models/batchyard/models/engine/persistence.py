"""The methods of a model that save it, and load its weights.

The work is done in `batchyard.models.saving`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["Persistence"]


class Persistence:
    """Saving and loading, as methods."""

    @property
    def _model(self) -> Model:
        return cast("Model", self)

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        include_optimizer: bool = True,
        target: str | None = None,
    ) -> None:
        """Writes architecture, weights, training configuration and optimizer state into one file.

        Args:
            filepath: path, open `h5py.File`, or file-like object.
            overwrite: whether an existing file is replaced.
            include_optimizer: whether the optimizer's state is written.
            target: "keras2" (HDF5 of Keras 2.2.4's classes alone), "keras3" (HDF5 that Keras 3 opens) or
                "keras" (its archive, the default for paths that end with `.keras`). By default HDF5 with the
                model exactly as it is, and a warning where Keras 2.2.4 can't open that.
        """
        from batchyard.models.saving import save_model

        save_model(self._model, filepath, overwrite, include_optimizer, target)

    def save_weights(self, filepath: Any, overwrite: bool = True, target: str | None = None) -> None:
        """Writes the weights into an HDF5 file.

        Args:
            filepath: path or open `h5py.File`.
            overwrite: whether an existing file is replaced.
            target: "keras2" (the default), or "keras3" for Keras 3's `.weights.h5`.
        """
        from batchyard.models.saving import save_weights

        save_weights(self._model, filepath, overwrite, target)

    def load_weights(
        self, filepath: Any, by_name: bool = False, skip_mismatch: bool = False, reshape: bool = False
    ) -> None:
        """Reads weights from a file that any version of Keras wrote.

        Args:
            filepath: path, open `h5py.File`, file-like object, or open zip file.
            by_name: only into layers whose names are in the file.
            skip_mismatch: with `by_name`, leave layers alone whose weights differ in number or shape.
            reshape: give kernels of as many numbers the layers' shapes.
        """
        from batchyard.models.saving import load_weights

        load_weights(self._model, filepath, by_name, skip_mismatch, reshape)

    def to_json(self, **kwargs: Any) -> str:
        """Returns the architecture as JSON.

        Args:
            **kwargs: passed to `json.dumps`.
        """
        from batchyard.models.saving import model_to_json

        return model_to_json(self._model, **kwargs)

    def to_yaml(self, **kwargs: Any) -> str:
        """Returns the architecture as YAML.

        Args:
            **kwargs: passed to `yaml.safe_dump`.
        """
        from batchyard.models.saving import model_to_yaml

        return model_to_yaml(self._model, **kwargs)
