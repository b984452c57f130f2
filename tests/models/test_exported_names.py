"""Tables of contents are complete, and hold nothing but imports."""

import ast
import importlib
from pathlib import Path

import pytest

import batchyard.models

ROOT = Path(batchyard.models.__file__).parent
CONTENTS = sorted(ROOT.rglob("__init__.py"))


@pytest.mark.parametrize("path", CONTENTS, ids=[str(p.relative_to(ROOT)) for p in CONTENTS])
def test_a_table_of_contents_lists_what_it_imports_and_nothing_else(path):
    name = ".".join(["batchyard.models", *path.parent.relative_to(ROOT).parts])
    module = importlib.import_module(name)
    tree = ast.parse(path.read_text())
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    assert all(isinstance(node, allowed) for node in tree.body)
    assert all(hasattr(module, exported) for exported in getattr(module, "__all__", []))
    imported = {a.asname or a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assigned = {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if t.id != "__all__"}
    assert imported | assigned == set(getattr(module, "__all__", []))


def test_no_module_needs_more_than_the_four_libraries():
    allowed = {"torch", "numpy", "h5py", "yaml", "batchyard"}
    import sys

    found = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith(("batchyard.scheduler", "batchyard.workers"))
                names = [node.module or ""]
            found |= {name.split(".")[0] for name in names}
    assert found - set(sys.stdlib_module_names) <= allowed
