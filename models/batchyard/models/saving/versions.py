"""Whose layout our files have."""

from __future__ import annotations

#: The version of Keras whose layout we write, and which opens what we write.
KERAS_VERSION = "2.2.4"
#: The backend named in files: readers turn convolution kernels for some, and ours lie as TensorFlow's do.
BACKEND = "tensorflow"
