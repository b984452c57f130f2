"""Which of Keras 2.2.4's own tests and example scripts do not run here, each with the reason.

The list is exact: a test of `test_keras_suite_oracle.py` fails where one of these passes.
"""

__all__ = ["EXAMPLES", "EXAMPLES_THAT_FAIL", "SKIPPED_FILES", "TESTS_THAT_FAIL"]

_NUMPY = "numpy no longer makes an array of lists of different lengths"
_DRAWS = "asks for an accuracy after four epochs that other first weights do not reach (0.38 to 0.86 here)"
_OTHER = "asks for a module of another backend or of an old scipy (KTH, KC, scipy.misc)"
_CODE = "loads code from a file, which is refused unless safe_mode=False"
_NAMED = "chooses by K.backend(), which knows no torch"
_OLD_PYTEST = "pytest.warns(None) is no longer allowed"

#: By file, then test.
TESTS_THAT_FAIL = {
    "integration_tests/test_image_data_tasks.py": {"test_image_classification": _DRAWS},
    "keras/activations_test.py": {"test_selu": "asks for the last bit of a float32"},
    "keras/backend/backend_test.py": {
        f"TestBackend::{name}": reason
        for reason, names in {
            _OTHER: (
                "test_elementwise_operations",
                "test_gradient",
                "test_function",
                "test_in_top_k",
                "test_resize_images_bilinear[channels_first]",
                "test_resize_images_bilinear[channels_last]",
                "test_spatial_2d_padding",
                "test_spatial_3d_padding",
                "test_batchnorm",
                "test_sparse_dot",
                "test_sparse_concat",
            ),
            "a dtype of torch has no name": ("test_set_floatx",),
        }.items()
        for name in names
    },
    "keras/constraints_test.py": {"test_min_max_norm": "numpy no longer says whether an empty array is true"},
    "keras/engine/test_topology.py": {"test_load_layers": _NAMED},
    "keras/engine/test_training.py": {
        "test_warnings": _OLD_PYTEST,
        "test_trainable_weights_count_consistency": _OLD_PYTEST,
    },
    "keras/utils/data_utils_test.py": {
        "test_generator_enqueuer_threadsafe": "expects several threads to break a generator; here one runs it"
    },
    "keras/utils/generic_utils_test.py": {
        "test_func_dump_and_load_backwards_compat[argmax]": "np.argmax is no Python function any more"
    },
    "keras/utils/io_utils_test.py": {"test_ask_to_proceed_with_overwrite": "replaces six.moves.input"},
    "test_loss_weighting.py": dict.fromkeys(
        (
            "test_weighted_metrics_with_sample_weight",
            "test_weighted_metrics_with_no_sample_weight",
            "test_weighted_metrics_with_multiple_outputs",
        ),
        _NAMED,
    ),
    "test_model_pickling.py": {"test_pickling_unused_layers_is_ok": _CODE},
    "test_model_saving.py": {
        "test_saving_unused_layers_is_ok": _CODE,
        "test_saving_lambda_custom_objects": _CODE,
        "test_saving_lambda_numpy_array_arguments": _CODE,
        "test_model_saving_to_pre_created_h5py_file": "opens a new file in h5py 2's default mode",
        "test_model_saving_to_binary_stream": "opens a new file in h5py 2's default mode",
    },
    "integration_tests/preprocessing/text_test.py": {"test_tokenizer": _NUMPY},
    "integration_tests/test_temporal_data_tasks.py": {"test_temporal_classification_functional": _DRAWS},
}

#: Files that are not run.
SKIPPED_FILES = {
    "integration_tests/applications_test.py": "needs keras.applications and downloads of weights",
    "integration_tests/imagenet_utils_test.py": "needs keras.applications",
    "integration_tests/test_datasets.py": "downloads data sets",
    "keras/utils/multi_gpu_test.py": "imports TensorFlow",
    "test_doc_auto_generation.py": "is about the generator of Keras's own documentation",
    "test_documentation.py": "is about the docstrings of Keras's own modules",
}

#: Arguments of `run_keras_example.py` by script, where the script has to be made shorter or needs some.
EXAMPLES = {
    "addition_rnn": "--steps 2 --fits 2",
    "antirectifier": "--epochs 2 --steps 50",
    "cifar10_cnn_capsule": "--epochs 1",
    "cifar10_resnet": "--epochs 1 --steps 2",
    "conv_filter_visualization": "--seconds 400",
    "conv_lstm": "--epochs 1 --steps 1 --seconds 400",
    "deep_dream": "-- base.jpg dream",
    "image_ocr": "--steps 1 --seconds 120",
    "lstm_stateful": "--epochs 2 --steps 50",
    "lstm_text_generation": "--epochs 1 --steps 5",
    "mnist_acgan": "--seconds 60",
    "mnist_irnn": "--epochs 1 --steps 2",
    "mnist_mlp": "--epochs 2 --steps 50",
    "mnist_siamese": "--epochs 2 --steps 5",
    "neural_doodle": "-- --nlabels 2 --style-image style.jpg --style-mask style.jpg --target-mask base.jpg",
    "neural_style_transfer": "-- base.jpg style.jpg style --iter 1",
    "reuters_mlp": "",
    "reuters_mlp_relu_vs_selu": "",
}

#: By script: what the last line of the error must hold, and why it is so.
EXAMPLES_THAT_FAIL = {
    "cifar10_cnn_tfaugment2d": ("only run with the TensorFlow backend", "says so itself"),
    "mnist_dataset_api": ("tensorflow", "uses TensorFlow itself"),
    "mnist_tfrecord": ("tensorflow", "uses TensorFlow itself"),
    "neural_doodle": (
        "An input's tensor must be a torch tensor",
        "gives Input what a function of K has computed of variables",
    ),
    "variational_autoencoder": (
        "FixedLocator",
        "matplotlib refuses 31 ticks with 30 labels, after the training",
    ),
    "variational_autoencoder_deconv": ("FixedLocator", "as variational_autoencoder"),
}
