"""Which of our modules stand for which of Keras's."""

from __future__ import annotations

__all__ = ["KERAS_MODULES"]

_OURS = "batchyard.models"
_ENGINE = (
    f"{_OURS}.engine.layer",
    f"{_OURS}.engine.input_layer",
    f"{_OURS}.engine.input_spec",
    f"{_OURS}.engine.network",
    f"{_OURS}.engine.model",
    f"{_OURS}.engine.sequential",
    f"{_OURS}.engine.symbolic",
    f"{_OURS}.utils.source_inputs",
    f"{_OURS}.saving",
    f"{_OURS}.utils.generic_utils",
)
_LAYERS = (f"{_OURS}.layers", f"{_OURS}.compat.recurrent", *_ENGINE)

#: A text is a module that is used itself under Keras's name. A tuple are modules whose names are offered
#: together, by a module that stands in for them: there its attributes may be replaced without harm to ours.
KERAS_MODULES: dict[str, str | tuple[str, ...]] = {
    "keras": (_OURS,),
    "keras.activations": f"{_OURS}.activations",
    "keras.backend": f"{_OURS}.backend",
    "keras.backend.common": (f"{_OURS}.compat.backend_common", f"{_OURS}.backend"),
    "keras.callbacks": f"{_OURS}.callbacks",
    "keras.constraints": f"{_OURS}.constraints",
    "keras.datasets": f"{_OURS}.datasets",
    **{
        f"keras.datasets.{name}": f"{_OURS}.datasets.{name}"
        for name in (
            "boston_housing",
            "cifar",
            "cifar10",
            "cifar100",
            "fashion_mnist",
            "imdb",
            "mnist",
            "reuters",
        )
    },
    "keras.engine": _ENGINE,
    **{
        f"keras.engine.{name}": _ENGINE
        for name in (
            "input_layer",
            "network",
            "sequential",
            "training",
        )
    },
    "keras.engine.base_layer": (f"{_OURS}.compat.node", *_ENGINE),
    "keras.engine.topology": (f"{_OURS}.compat.node", *_ENGINE),
    "keras.engine.saving": (f"{_OURS}.compat.saving", *_ENGINE),
    "keras.engine.training_arrays": f"{_OURS}.compat.training_arrays",
    "keras.engine.training_generator": f"{_OURS}.compat.training_generator",
    "keras.engine.training_utils": f"{_OURS}.compat.training_utils",
    "keras.initializers": f"{_OURS}.initializers",
    "keras.layers": _LAYERS,
    **{
        f"keras.layers.{name}": _LAYERS
        for name in (
            "advanced_activations",
            "convolutional",
            "convolutional_recurrent",
            "core",
            "cudnn_recurrent",
            "embeddings",
            "local",
            "merge",
            "noise",
            "normalization",
            "pooling",
            "recurrent",
            "wrappers",
        )
    },
    "keras.legacy": (f"{_OURS}.compat",),
    "keras.legacy.layers": _LAYERS,
    "keras.legacy.interfaces": f"{_OURS}.compat.interfaces",
    "keras.losses": f"{_OURS}.losses",
    "keras.metrics": f"{_OURS}.metrics",
    "keras.models": (_OURS, f"{_OURS}.saving", f"{_OURS}.layers", f"{_OURS}.utils.generic_utils"),
    "keras.objectives": f"{_OURS}.losses",
    "keras.optimizers": f"{_OURS}.optimizers",
    "keras.preprocessing": f"{_OURS}.preprocessing",
    **{
        f"keras.preprocessing.{name}": f"{_OURS}.preprocessing.{name}"
        for name in ("image", "sequence", "text")
    },
    "keras.regularizers": f"{_OURS}.regularizers",
    "keras.utils": f"{_OURS}.utils",
    **{
        f"keras.utils.{name}": f"{_OURS}.utils.{name}"
        for name in (
            "conv_utils",
            "data_utils",
            "generic_utils",
            "io_utils",
            "layer_utils",
            "multi_gpu_utils",
            "np_utils",
            "test_utils",
            "vis_utils",
        )
    },
    "keras.wrappers": f"{_OURS}.wrappers",
    "keras.wrappers.scikit_learn": f"{_OURS}.wrappers.scikit_learn",
}
