from __future__ import annotations

import pytest

from batchyard.scheduler.dispatch import make_app


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://:pw@host:1/0", "redis://:pw@host:1/0"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("rediss://host:1/0", "rediss://host:1/0?ssl_cert_reqs=required"),
        ("rediss://host:1/0?ssl_ca_certs=a", "rediss://host:1/0?ssl_ca_certs=a&ssl_cert_reqs=required"),
        ("rediss://host:1/0?ssl_cert_reqs=none", "rediss://host:1/0?ssl_cert_reqs=none"),
    ],
)
def test_the_broker_is_the_same_redis_and_its_certificate_is_checked(url: str, broker: str) -> None:
    assert make_app(url).conf.broker_url == broker


def test_messages_are_json_acknowledged_early_and_leave_no_result() -> None:
    conf = make_app("redis://host:1/0").conf
    assert conf.accept_content == ["json"]
    assert conf.task_serializer == "json"
    assert conf.result_backend is None
    assert not conf.task_acks_late
