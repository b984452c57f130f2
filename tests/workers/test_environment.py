"""What a worker process has in its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchyard.workers import environment

WIDE = "flags : avx2 avx512f avx512dq avx512cd avx512bw avx512vl "


@pytest.mark.parametrize(
    ("processor", "branch"),
    [
        (f"vendor_id : GenuineIntel\n{WIDE}\n", "AVX512,STRICT"),
        (f"vendor_id : AuthenticAMD\n{WIDE}\n", "AVX2,STRICT"),
        ("vendor_id : GenuineIntel\nflags : avx2 avx512f fma \n", "AVX2,STRICT"),
        (None, "AVX2,STRICT"),
    ],
)
def test_mkl_takes_its_widest_strict_kernels_where_they_are_known_to_work(
    processor: str | None, branch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    if processor is not None:
        info.write_text(processor)
    monkeypatch.setattr(environment, "CPU_INFO", info)
    variables = environment.worker_environment("cpu:0", 1, "redis://nowhere", False)
    assert variables["MKL_CBWR"] == branch
