"""The Compose file is valid and agrees with the server."""

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


def test_the_compose_file_is_valid() -> None:
    jsonschema.validate(COMPOSE, schemas.COMPOSE)


def test_a_misspelt_field_of_a_service_is_found() -> None:
    wrong = COMPOSE | {"services": {"timeaudio": SERVER | {"cap_drops": ["ALL"]}}}
    with pytest.raises(jsonschema.ValidationError, match="cap_drops"):
        jsonschema.validate(wrong, schemas.COMPOSE)


def test_every_setting_exists_in_the_server() -> None:
    for name, value in SERVER["environment"].items():
        group: Any = Settings
        for part in name.removeprefix("TIMEAUDIO_").lower().split("__"):
            assert part in group.model_fields, name
            group = group.model_fields[part].annotation
        assert group(value) == float(value)


def test_the_grace_period_is_longer_than_the_drain() -> None:
    assert int(SERVER["stop_grace_period"].removesuffix("s")) > float(SERVER["environment"]["TIMEAUDIO_DRAIN_S"])


def test_build_targets_and_mounted_files_exist() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(rf"^FROM runtime AS {SERVER['build']['target']}$", dockerfile, re.MULTILINE)
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / "deploy" / source).exists(), source


def test_ports_are_open_only_on_this_machine() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
