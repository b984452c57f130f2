"""Users' Python by name: `module:factory`, only on workers that were started with permission."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from batchyard.workers.environment import code_allowed
from batchyard.workers.errors import CodeNotAllowed, UserCodeError

__all__ = ["load_factory", "names_code"]


#: Modules that came from job folders, with the time stamps of their files. A worker outlives many jobs, and
#: two jobs can each have a `nets.py`, or the same one, edited in between.
_imported: dict[str, tuple[Path, int]] = {}


def names_code(text: object) -> bool:
    """Return whether a job's value names a Python object, as in `mypackage.nets:build`."""
    if not isinstance(text, str):
        return False
    module, colon, attribute = text.partition(":")
    return bool(colon) and attribute.isidentifier() and all(part.isidentifier() for part in module.split("."))


def load_factory(name: str, code_directory: str | None) -> Callable[..., Any]:
    """Import `module:factory`.

    Args:
        name: module and attribute.
        code_directory: folder of the job file; in front of `sys.path` while the module is imported.

    Raises:
        CodeNotAllowed: The worker was started without `--allow-code`.
        UserCodeError: There is no such module or attribute, or it cannot be called.
    """
    if not code_allowed():
        raise CodeNotAllowed(
            f"the job runs Python code ({name}), which this worker refuses; start workers with --allow-code"
        )
    if not names_code(name):
        raise UserCodeError(f"expected `module:factory`, received {name!r}")
    module_name, _, attribute = name.partition(":")
    if code_directory:
        _forget_other_code(Path(code_directory))
        sys.path.insert(0, code_directory)
    before = set(sys.modules)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UserCodeError(
            f"{name}: module {module_name!r} cannot be imported ({error}); looked in {code_directory} "
            "and in the worker's Python path"
        ) from error
    finally:
        if code_directory:
            sys.path.remove(code_directory)
            _imported.update(_modules_in(Path(code_directory), set(sys.modules) - before))
    factory = getattr(module, attribute, None)
    if not callable(factory):
        known = ", ".join(sorted(k for k, v in vars(module).items() if callable(v) and not k.startswith("_")))
        raise UserCodeError(f"{name}: {module_name} has no callable {attribute!r}; it has: {known or 'none'}")
    return factory  # type: ignore[no-any-return]


def _forget_other_code(folder: Path) -> None:
    """Drop modules of other job folders, and all of this one's when a file has changed."""
    for path, stamp in list(_imported.values()):
        if path.is_relative_to(folder) and path.exists() and path.stat().st_mtime_ns == stamp:
            continue
        for other in list(_imported):
            del _imported[other]
            sys.modules.pop(other, None)
        importlib.invalidate_caches()
        return


def _modules_in(folder: Path, names: set[str]) -> Iterator[tuple[str, tuple[Path, int]]]:
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(file).is_relative_to(folder) and "site-packages" not in Path(file).parts:
            yield name, (Path(file), Path(file).stat().st_mtime_ns)
