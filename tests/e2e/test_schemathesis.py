"""schemathesis with a real server: it generates requests from the OpenAPI description and checks the responses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def run(description: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", description, "--no-color", "--seed", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], check=False)


def test_a_few_generated_requests_per_route(four_tasks: Any) -> None:
    url = f"{four_tasks.url}/openapi.json"
    ended = run(url, "--phases", "examples,fuzzing", "--max-examples", "4")
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr
    assert "Tested: 11" in ended.stdout
    assert "Missing test data" not in ended.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_generated_requests_per_route(four_tasks: Any) -> None:
    ended = run(f"{four_tasks.url}/openapi.json", "--max-examples", "50")
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr
    assert "Coverage" in ended.stdout


def test_a_response_that_violates_the_description_is_found(four_tasks: Any, tmp_path: Path) -> None:
    with four_tasks.client() as client:
        description = client.get("/openapi.json").json()
    operation = description["paths"]["/v1/ground"]["post"]
    description["paths"] = {"/v1/ground": {"post": operation}}
    properties = description["components"]["schemas"]["Grounding"]["properties"]
    properties["model"] = {"type": "integer"}
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(description))
    ended = run(str(path), "--url", four_tasks.url, "--phases", "examples")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "'integer'" in ended.stdout or '"integer"' in ended.stdout
