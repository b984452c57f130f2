"""Users' Python: only with permission, and always the job's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchyard.workers.environment import ALLOW_CODE
from batchyard.workers.errors import CodeNotAllowed, UserCodeError
from batchyard.workers.user_code import load_factory, names_code


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_CODE, "1")


def module(folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "nets_of_a_test.py").write_text(text)
    return str(folder)


def test_without_permission_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOW_CODE, raising=False)
    folder = module(tmp_path, "raise SystemExit('imported')")
    with pytest.raises(CodeNotAllowed, match="--allow-code"):
        load_factory("nets_of_a_test:build", folder)


@pytest.mark.usefixtures("allowed")
def test_two_jobs_with_a_module_of_the_same_name_get_their_own(tmp_path: Path) -> None:
    first = module(tmp_path / "a", "def build(): return 'a'")
    second = module(tmp_path / "b", "def build(): return 'b'")
    found = [load_factory("nets_of_a_test:build", folder)() for folder in (first, second, first)]
    assert found == ["a", "b", "a"]


@pytest.mark.usefixtures("allowed")
def test_a_module_edited_between_two_jobs_is_read_again(tmp_path: Path) -> None:
    folder = module(tmp_path, "def build(): return 1")
    assert load_factory("nets_of_a_test:build", folder)() == 1
    module(tmp_path, "def build(): return 'two'")  # another length: no stale byte code
    assert load_factory("nets_of_a_test:build", folder)() == "two"


@pytest.mark.usefixtures("allowed")
def test_what_cannot_be_found_is_named_with_what_there_is(tmp_path: Path) -> None:
    folder = module(tmp_path, "def build(): return 1")
    with pytest.raises(UserCodeError, match="no callable 'biuld'; it has: build"):
        load_factory("nets_of_a_test:biuld", folder)
    with pytest.raises(UserCodeError, match="'no_such_module' cannot be imported"):
        load_factory("no_such_module:build", folder)


def test_file_names_are_no_code() -> None:
    assert names_code("my.nets:build")
    assert not any(
        names_code(text) for text in ("model.h5", "C:/model.h5", "a b:c", ":x", "x:", None, {"job": "a"})
    )
