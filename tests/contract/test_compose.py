"""`docker compose` for one machine: the file is one that Compose would take, and what it says of the server is true."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from server.settings import Settings
from tests.contract import schemas

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVER = COMPOSE["services"]["timeaudio"]


def test_compose_would_take_it() -> None:
    jsonschema.validate(COMPOSE, schemas.COMPOSE)


def test_a_misspelt_field_would_be_found() -> None:
    wrong = COMPOSE | {"services": {"timeaudio": SERVER | {"cap_drops": ["ALL"]}}}
    with pytest.raises(jsonschema.ValidationError, match="cap_drops"):
        jsonschema.validate(wrong, schemas.COMPOSE)


def test_every_setting_is_one_of_the_server() -> None:
    for name, value in SERVER["environment"].items():
        group: Any = Settings
        for part in name.removeprefix("TIMEAUDIO_").lower().split("__"):
            assert part in group.model_fields, name
            group = group.model_fields[part].annotation
        assert group(value) == float(value)


def test_it_may_drain_before_it_is_killed() -> None:
    assert int(SERVER["stop_grace_period"].removesuffix("s")) > float(SERVER["environment"]["TIMEAUDIO_DRAIN_S"])


def test_what_it_builds_and_mounts_is_there() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(rf"^FROM runtime AS {SERVER['build']['target']}$", dockerfile, re.MULTILINE)
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / "deploy" / source).exists(), source


def test_nothing_is_open_to_the_network() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
