"""`python -m batchyard.models.saving`: looks into a file, or converts one, and answers with JSON.

A process of its own for files that are not trusted: where the HDF5 library crashes on a damaged file, no more
than this ends. The command line (`batchyard inspect`, `batchyard convert`) is built on it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import warnings
from typing import Any

from batchyard.models.errors import BatchyardModelsError, InvalidArgumentError
from batchyard.models.saving.conversion import FORMATS, convert_file
from batchyard.models.saving.inspection import inspect_file


def main(arguments: list[str]) -> int:
    """Run a command; print its result as JSON, with the key `error` where it is refused.

    Returns:
        the exit code: 0, or 2 where it is refused.
    """
    parser = argparse.ArgumentParser(prog="python -m batchyard.models.saving")
    commands = parser.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser("inspect")
    inspect.add_argument("file")
    inspect.add_argument("--no-load", action="store_true")
    convert = commands.add_parser("convert")
    convert.add_argument("source")
    convert.add_argument("destination")
    convert.add_argument("--to", choices=FORMATS)
    convert.add_argument("--model")
    convert.add_argument("--overwrite", action="store_true")
    for command in (inspect, convert):
        command.add_argument("--custom", action="append", default=[], metavar="MODULE:NAME")
    options = parser.parse_args(arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            answer = _run(options)
        except (BatchyardModelsError, OSError) as error:
            answer = {"error": str(error)}
    told = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    answer["warnings"] = [*answer.get("warnings", []), *told]
    sys.stdout.write(json.dumps(answer, default=str) + "\n")
    return 2 if "error" in answer else 0


def _run(options: argparse.Namespace) -> dict[str, Any]:
    custom = _custom_objects(options.custom)
    if options.command == "inspect":
        return inspect_file(options.file, custom, try_to_load=not options.no_load).as_dict()
    to = convert_file(
        options.source, options.destination, options.to, options.model, custom, options.overwrite
    )
    return {"format": to, "destination": options.destination}


def _custom_objects(references: list[str]) -> dict[str, Any]:
    """Import the classes and functions that the user named; files can't name any."""
    found = {}
    for reference in references:
        module, _, name = reference.partition(":")
        try:
            found[name] = getattr(importlib.import_module(module), name)
        except (AttributeError, ImportError, ValueError) as error:
            raise InvalidArgumentError(
                f"--custom {reference} can't be imported: {error}. Expected MODULE:NAME, such as "
                "mylayers:Swish."
            ) from error
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
