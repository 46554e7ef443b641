"""The committed stubs are what `make proto` makes of proto/ today."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_stubs_equal_a_fresh_generation(tmp_path: Path) -> None:
    protos = sorted(path.relative_to(ROOT / "proto") for path in (ROOT / "proto").rglob("*.proto"))
    assert len(protos) == 2
    command = [sys.executable, "-m", "grpc_tools.protoc", "-Iserver/pb=proto"]
    command += [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run(command + [f"server/pb/{path}" for path in protos], cwd=ROOT, check=True)

    def texts(base: Path) -> dict[str, str]:
        return {
            str(path.relative_to(base)): path.read_text() for path in base.rglob("*_pb2*.py*") if path.suffix != ".pyc"
        }

    fresh, committed = texts(tmp_path / "server/pb"), texts(ROOT / "server/pb")
    assert fresh.keys() == committed.keys()
    for name, text in fresh.items():
        assert committed[name] == text, f"{name} is out of date: run `make proto`"
