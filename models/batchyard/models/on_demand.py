"""Names that a package offers, and loads when they are first asked for (PEP 562).

`import batchyard.models` should take hardly longer than `import torch`. So what models are made of and
trained with is loaded at once, and what many programs never touch (files, with h5py and yaml; data
sets; preprocessing) at its first use. A table of contents that does so imports such names in a block
for type checkers and editors, and tells `on_demand` the same places for Python; a test compares the
two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

__all__ = ["on_demand"]


def on_demand(package: str, *places: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns `__getattr__` and `__dir__` for the table of contents of a package.

    Args:
        package: its name.
        *places: where each name is: `"package.module:name"`, or `"package.module"` for a module itself.

    Example:
        >>> # __getattr__, __dir__ = on_demand(__name__, "batchyard.models.saving.loading:load_model")
    """
    by_name = {place.replace(":", ".").rpartition(".")[2]: place for place in places}

    def load(name: str) -> Any:
        if name not in by_name:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = resolve_name(by_name[name])
        setattr(sys.modules[package], name, found)  # asked for once; from now on it is simply there
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *by_name})

    return load, names
