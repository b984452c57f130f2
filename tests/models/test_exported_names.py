"""Tables of contents are complete, and hold nothing but imports."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import batchyard.models

ROOT = Path(batchyard.models.__file__).parent
CONTENTS = sorted(ROOT.rglob("__init__.py"))


@pytest.mark.parametrize("path", CONTENTS, ids=[str(p.relative_to(ROOT)) for p in CONTENTS])
def test_a_table_of_contents_lists_what_it_imports_and_nothing_else(path):
    name = ".".join(["batchyard.models", *path.parent.relative_to(ROOT).parts])
    module = importlib.import_module(name)
    body, late = split(ast.parse(path.read_text()))
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    assert all(isinstance(node, allowed) for node in body)
    assert all(hasattr(module, exported) for exported in getattr(module, "__all__", []))
    imported = {a.asname or a.name for n in [*body, *late] if isinstance(n, ast.ImportFrom) for a in n.names}
    assigned = {t.id for n in body if isinstance(n, ast.Assign) for t in n.targets if t.id != "__all__"}
    tools = {"TYPE_CHECKING", "collection_paused", "on_demand"}
    assert (imported | assigned) - tools == set(getattr(module, "__all__", []))


@pytest.mark.parametrize("path", [path for path in CONTENTS if "on_demand(" in path.read_text()], ids=str)
def test_what_is_loaded_on_demand_is_what_type_checkers_are_told(path):
    module = importlib.import_module(".".join(["batchyard.models", *path.parent.relative_to(ROOT).parts]))
    [choice] = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.If)]
    [told] = choice.orelse
    places = {argument.value for argument in told.value.args[1:]}
    expected = set()
    for line in choice.body:
        for alias in line.names:
            between = "." if line.module == "batchyard.models" else ":"
            expected.add(f"{line.module}{between}{alias.name}")
            whole = importlib.import_module(line.module)
            assert getattr(module, alias.name) is getattr(whole, alias.name)
            assert alias.name in dir(module)
    assert places == expected
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_importing_loads_nothing_that_only_files_and_data_sets_need():
    code = (
        "import gc, sys, batchyard.models\n"
        "late = ('h5py', 'yaml', 'batchyard.models.datasets', 'batchyard.models.preprocessing',\n"
        "        'batchyard.models.saving.loading', 'batchyard.models.saving.config')\n"
        "assert not [name for name in late if name in sys.modules], sorted(sys.modules)\n"
        "assert gc.isenabled()\n"
        "batchyard.models.load_model, batchyard.models.datasets.mnist\n"
        "assert 'h5py' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def split(tree):
    """Parts what is in a table of contents from the names that it loads on demand."""
    body, late = [], []
    for node in tree.body:
        if isinstance(node, ast.With):
            body += node.body
        elif isinstance(node, ast.If):
            assert ast.unparse(node.test) == "TYPE_CHECKING"
            late += node.body
        else:
            body.append(node)
    return body, late


def test_no_module_needs_more_than_the_four_libraries():
    allowed = {"torch", "numpy", "h5py", "yaml", "batchyard"}
    found = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith(("batchyard.scheduler", "batchyard.workers"))
                names = [node.module or ""]
            found |= {name.split(".")[0] for name in names}
    assert found - set(sys.stdlib_module_names) <= allowed
