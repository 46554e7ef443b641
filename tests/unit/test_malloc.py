"""A training process keeps freed memory."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from model.malloc import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def step():
    blocks = [b"x" * 24_000_000 for _ in range(8)]
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(setting: str) -> int:
    run = subprocess.run([sys.executable, "-c", FAULTS, setting], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings of mallopt")
def test_reallocated_blocks_cause_no_new_page_faults():
    assert page_faults("kept") < page_faults("returned") / 10
