"""Marks tests of METEOR 1.5, which is a Java program of an extra."""

import importlib.util
import shutil

import pytest

needs_meteor = pytest.mark.skipif(
    shutil.which("java") is None or importlib.util.find_spec("pycocoevalcap") is None,
    reason="METEOR 1.5 is not installed: pip install -e '.[field]', and Java",
)
