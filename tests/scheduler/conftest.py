from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scheduler.yard import Yard


@pytest.fixture
def yard(redis_url: str) -> Iterator[Yard]:
    yard = Yard(redis_url)
    yield yard
    yard.close()
