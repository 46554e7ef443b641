"""The committed stubs equal the output of `make proto`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_stubs_equal_a_fresh_generation(tmp_path: Path) -> None:
    assert len(list((ROOT / "proto").rglob("*.proto"))) == 2
    for words in (
        ["-Iproto", "timeaudio/v1/timeaudio.proto"],
        ["-Iserver/pb=proto", "server/pb/timeaudio/worker/v1/worker.proto"],
    ):
        command = [sys.executable, "-m", "grpc_tools.protoc", *words]
        command += [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
        subprocess.run(command, cwd=ROOT, check=True)

    def texts(base: Path) -> dict[str, str]:
        found = (path for folder in ("server", "timeaudio") for path in (base / folder).rglob("*_pb2*.py*"))
        return {str(path.relative_to(base)): path.read_text() for path in found if path.suffix != ".pyc"}

    fresh, committed = texts(tmp_path), texts(ROOT)
    assert fresh.keys() == committed.keys()
    for name, text in fresh.items():
        assert committed[name] == text, f"{name} is out of date: run `make proto`"
