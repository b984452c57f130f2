"""What the scheduler's package imports, offers and documents."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import batchyard.scheduler
from batchyard.scheduler.errors import EXIT_CODES
from batchyard.scheduler.jobs import JobSpec

REPOSITORY = Path(__file__).parents[2]
SOURCES = REPOSITORY / "scheduler" / "batchyard" / "scheduler"
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(batchyard.scheduler.__path__, "batchyard.scheduler.")
    if not module.name.endswith("__main__")
)
PACKAGES = [name for name in MODULES if (SOURCES.parent / "/".join(name.split(".")[1:])).is_dir()]


def test_the_scheduler_works_without_torch_models_and_workers() -> None:
    program = (
        "import importlib, sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith(('torch', 'batchyard.models', 'batchyard.workers')):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, *MODULES], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


def test_nothing_outside_the_store_imports_redis() -> None:
    for path in SOURCES.rglob("*.py"):
        if path.is_relative_to(SOURCES / "store"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "redis"], path


def test_nothing_pickles_or_evaluates() -> None:
    for path in SOURCES.rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"^\s*(import|from) (pickle|marshal|dill|cloudpickle)", text, re.MULTILINE), path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path


def test_nothing_but_the_command_line_prints() -> None:
    for path in SOURCES.rglob("*.py"):
        if path.is_relative_to(SOURCES / "cli"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", path


@pytest.mark.parametrize("name", ["batchyard.scheduler", *PACKAGES])
def test_a_table_of_contents_lists_what_it_imports(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text())
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(module.__all__)


def test_the_readme_tells_the_exit_codes_as_they_are() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (REPOSITORY / "README.md").read_text(), re.MULTILINE)
    assert {int(code): meaning.replace("`", "") for code, meaning in rows} == EXIT_CODES


def test_the_job_file_in_the_readme_is_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    spec = JobSpec.model_validate(yaml.safe_load(block))
    assert (spec.kind, spec.lanes, spec.workers.max) == ("fit", 4, 4)


def test_the_python_in_the_readme_is_valid() -> None:
    for block in re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL):
        ast.parse(block)
