"""How a `JobRecord` lies in a Redis hash: one field each, strings as they are, all else as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from batchyard.scheduler.errors import CorruptRecord
from batchyard.scheduler.protocol import JobRecord

__all__ = ["decode_job", "encode_fields"]

_STRINGS = {f.name for f in dataclasses.fields(JobRecord) if f.type == "str"}
_NAMES = {f.name for f in dataclasses.fields(JobRecord)}


def encode_fields(fields: Mapping[str, Any]) -> list[str]:
    """Return `[name, value, …]` for HSET."""
    words: list[str] = []
    for name, value in fields.items():
        if name not in _NAMES:
            raise TypeError(f"JobRecord has no field {name!r}")
        words += [name, str(value) if name in _STRINGS else json.dumps(value, sort_keys=True)]
    return words


def decode_job(fields: Mapping[str, str]) -> JobRecord:
    """Read a job's hash.

    Raises:
        CorruptRecord: A field is missing or is no JSON.
    """
    try:
        values: dict[str, Any] = {
            name: text if name in _STRINGS else json.loads(text)
            for name, text in fields.items()
            if name in _NAMES
        }
        return JobRecord(**values)
    except (TypeError, ValueError) as error:
        raise CorruptRecord(f"the record of job {fields.get('id', '?')!r} cannot be read: {error}") from error
