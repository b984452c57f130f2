"""Which Keras 3 the files are written for."""

from __future__ import annotations

#: The version whose layout is written, and which opens what is written.
KERAS_3_VERSION = "3.15.1"
