"""Which of Keras 2.2.4's own tests and example scripts do not run here, each with the reason.

The list is exact: a test of `test_keras_suite_oracle.py` fails where one of these passes.
"""

__all__ = ["EXAMPLES", "EXAMPLES_THAT_FAIL", "SKIPPED_FILES", "TESTS_THAT_FAIL"]

_EAGER = "K.ones and K.variable give numbers, on which a layer computes at once: no such call is recorded"
_NUMPY = "numpy no longer makes an array of lists of different lengths"
_DRAWS = "asks for an accuracy after four epochs that other first weights do not reach (0.63 to 0.86 here)"

#: By file, then test.
TESTS_THAT_FAIL = {
    "integration_tests/preprocessing/text_test.py": {"test_tokenizer": _NUMPY},
    "integration_tests/test_temporal_data_tasks.py": {"test_temporal_classification_functional": _DRAWS},
    "keras/layers/convolutional_recurrent_test.py": {"test_convolutional_recurrent_statefulness": _EAGER},
    "keras/layers/recurrent_test.py": {
        **{f"test_dropout[{kind}]": _EAGER for kind in ("SimpleRNN", "GRU", "LSTM")},
        **{f"test_regularizer[{kind}]": _EAGER for kind in ("SimpleRNN", "GRU", "LSTM")},
    },
}

#: Files that are not run.
SKIPPED_FILES = {
    "integration_tests/applications_test.py": "needs keras.applications and downloads of weights",
    "integration_tests/imagenet_utils_test.py": "needs keras.applications",
    "integration_tests/test_datasets.py": "downloads data sets",
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
    "neural_style_transfer": "-- base.jpg style.jpg style --iter 1",
    "reuters_mlp": "",
    "reuters_mlp_relu_vs_selu": "",
}

#: By script: what the last line of the error must hold, and why it is so.
EXAMPLES_THAT_FAIL = {
    "cifar10_cnn_tfaugment2d": ("only run with the TensorFlow backend", "says so itself"),
    "mnist_dataset_api": ("tensorflow", "uses TensorFlow itself"),
    "mnist_tfrecord": ("tensorflow", "uses TensorFlow itself"),
    "neural_doodle": ("AssertionError", "needs VGG19 of keras.applications, layer by layer"),
    "variational_autoencoder": (
        "FixedLocator",
        "matplotlib refuses 31 ticks with 30 labels, after the training",
    ),
    "variational_autoencoder_deconv": ("FixedLocator", "as variational_autoencoder"),
}
