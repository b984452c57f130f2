"""A YAML file as plain values that remember their lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batchyard.scheduler.errors import JobFileError
from batchyard.scheduler.jobs.problem import KeyPath, dotted

__all__ = ["Document"]

#: Bounds on what is read: a job file is small, and an alias inside an alias must not blow it up.
MAX_BYTES = 1 << 20
MAX_NODES = 20_000

#: The standard tags that plain data needs; any other (`!!binary`, `!!python/…`) is refused.
_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "merge")
}


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with two traps taken away: `1e-3` is a number, and a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":float"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+"
        r"|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values that remember their lines.

    Args:
        name: The file as the user wrote it; messages begin with it.
        value: What it holds.
        lines: Line (from 1) of each key and list entry, by key path.
    """

    name: str
    value: Any
    lines: dict[KeyPath, int]

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a file.

        Raises:
            JobFileError: The file is missing, too long, no YAML, or has a key twice.
        """
        name = str(path)
        try:
            size = path.stat().st_size
            if size > MAX_BYTES:
                raise JobFileError(
                    [f"{name}: is too long ({size} bytes, at most {MAX_BYTES}); is it a job file?"]
                )
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise JobFileError([f"{name}: there is no such file{_near(path)}"]) from None
        except UnicodeDecodeError as error:
            raise JobFileError([f"{name}: is no text (byte {error.start}); give a YAML job file"]) from None
        except OSError as error:
            raise JobFileError([f"{name}: cannot be read: {error.strerror}"]) from None
        return cls.parse(text, name)

    @classmethod
    def parse(cls, text: str, name: str) -> Document:
        """Read a text; `name` stands for the file in messages."""
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise JobFileError([f"{name}: is empty; give at least kind, model and data"])
            walk = _Walk(name)
            walk.visit(node, ())
            if walk.problems:
                raise JobFileError(walk.problems)
            return cls(name, loader.construct_document(node), walk.lines)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f":{mark.line + 1}" if mark else ""
            raise JobFileError([f"{name}{line}: is no YAML: {error.problem or error.context}"]) from None
        except yaml.YAMLError as error:
            raise JobFileError([f"{name}: is no YAML: {str(error).splitlines()[0]}"]) from None
        except ValueError as error:  # a number that int() or float() refuses
            raise JobFileError([f"{name}: is no YAML: {error}"]) from None
        finally:
            loader.dispose()

    def line(self, path: KeyPath) -> int:
        """Return the line of a key path, or of the nearest thing around it; 0: there is none."""
        return next(
            (line for length in range(len(path), -1, -1) if (line := self.lines.get(path[:length]))), 0
        )

    def place(self, path: KeyPath) -> str:
        """Return `file:line` of a key path, or of the nearest thing around it."""
        line = self.line(path)
        return f"{self.name}:{line}" if line else self.name


class _Walk:
    """Notes the line of every key, and finds keys that stand twice and values that are no plain data."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[str] = []
        self._open: set[int] = set()
        self._seen = 0

    def visit(self, node: yaml.Node, path: KeyPath) -> None:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._seen += 1
        if self._seen > MAX_NODES:
            raise JobFileError([f"{self.name}: has more than {MAX_NODES} values; is it a job file?"])
        if id(node) in self._open:
            self._complain(node, path, "contains itself; remove the alias")
            return
        if node.tag not in _TAGS:
            self._complain(
                node, path, f"has the tag {node.tag!r}; only plain texts, numbers, lists and keys are read"
            )
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._visit_mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for position, entry in enumerate(node.value):
                self.visit(entry, (*path, position))
        self._open.discard(id(node))

    def _visit_mapping(self, node: yaml.MappingNode, path: KeyPath) -> None:
        first: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._complain(key, path, "has a key that is no text")
                continue
            if key.tag.endswith(":merge"):
                self.visit(value, path)
                continue
            here: KeyPath = (*path, key.value)
            line = key.start_mark.line + 1
            if key.value in first:
                self._complain(key, here, f"stands twice, first in line {first[key.value]}; remove one")
            first.setdefault(key.value, line)
            self.lines[here] = line
            self.visit(value, here)

    def _complain(self, node: yaml.Node, path: KeyPath, what: str) -> None:
        key = f"{dotted(path)}: " if path else ""
        self.problems.append(f"{self.name}:{node.start_mark.line + 1}: {key}{what}")


def _near(path: Path) -> str:
    """Return a hint at YAML files that lie where the missing one should."""
    others = sorted(p.name for p in path.parent.glob("*.y*ml"))[:5] if path.parent.is_dir() else []
    return f"; {path.parent} has {', '.join(others)}" if others else "; check the path"
