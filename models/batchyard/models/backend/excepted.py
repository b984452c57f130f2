"""Names of Keras's backend that this one lacks, and why."""

from __future__ import annotations

__all__ = ["EXCEPTED"]

#: Name to reason.
EXCEPTED = {
    "get_session": "a session of TensorFlow: torch computes at once and has none",
    "set_session": "a session of TensorFlow: torch computes at once and has none",
    "manual_variable_initialization": "variables of TensorFlow wait for a session; torch's have their value",
}
