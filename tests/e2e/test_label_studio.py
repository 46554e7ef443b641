"""`timeaudio label-studio` as Label Studio calls it: over HTTP, with tasks whose recordings Label Studio holds."""

import contextlib
import http.client
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import TESTS, running
from tests.e2e.label_studio_site import LEGACY, PERSONAL, LabelStudioSite, OtherSite, serving
from timeaudio.formats.trees import LABELING_CONFIG

ROOT = TESTS.parent
PAGE = (ROOT / "docs" / "label-studio.md").read_text(encoding="utf-8")
CONFIG = """
<View>
  <AudioPlus name="sound" value="$recording"/>
  <Labels name="what" toName="sound">
    <Label value="Dogs"/><Label value="Tram" background="red"/><Label value="Nothing"/><Label value="Siren"/>
  </Labels>
</View>
"""
UPLOAD = "/data/upload/1/street.flac"
DOG = 'A dog says "wow" --> twice.'


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving(LabelStudioSite) as address:
        yield address


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    with serving(OtherSite) as address:
        LabelStudioSite.elsewhere = address
        yield address


@contextlib.contextmanager
def backend(*arguments: str, token: str = LEGACY, log: Path | None = None) -> Iterator[httpx.Client]:
    """Run the command on a free port, and give a client of it."""
    words = [sys.executable, "-m", "timeaudio", "label-studio", "--port", "0", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO")}
    environment |= {"LABEL_STUDIO_API_KEY": token, "PYTHONUNBUFFERED": "1"}
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("w")) if log else subprocess.DEVNULL
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, "it did not start"
            yield stack.enter_context(httpx.Client(base_url=address, timeout=100.0, trust_env=False))
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()


@pytest.fixture(scope="module")
def connected(four_tasks: Any, site: str) -> Iterator[httpx.Client]:
    with backend("--server", four_tasks.url, "--label-studio", site) as client:
        yield client


def predictions(client: httpx.Client, *addresses: str, config: str = CONFIG, field: str = "recording") -> list[Any]:
    """Ask as Label Studio does."""
    response = client.post(
        "/predict",
        json={
            "tasks": [{"id": number, "data": {field: address}} for number, address in enumerate(addresses, start=1)],
            "model_version": "scripted",
            "project": "1.1700000000",
            "label_config": config,
            "params": {"login": None, "password": None, "context": None},
        },
    )
    assert response.status_code == 200, response.text
    results: list[Any] = response.json()["results"]
    return results


def regions(prediction: dict[str, Any]) -> list[tuple[str, float]]:
    return [
        (part["value"]["labels"][0], part["value"]["start"])
        for part in prediction["result"]
        if part["type"] == "labels"
    ]


def test_a_project_connects(connected: httpx.Client) -> None:
    assert connected.get("/health").json()["status"] == "UP"
    request = {"project": "1.1700000000", "schema": CONFIG, "hostname": "http://ignored", "access_token": "ignored"}
    assert connected.post("/setup", json=request).json() == {"model_version": "scripted"}
    assert connected.post("/versions", json={"project": "1.1"}).json() == {"versions": ["scripted"]}
    assert connected.post("/webhook", json={"action": "ANNOTATION_CREATED"}).is_success


def test_captions_become_labels_and_the_other_labels_are_queries(connected: httpx.Client) -> None:
    [found] = predictions(connected, UPLOAD)
    assert found["model_version"] == "scripted"
    # The caption is of the kind dog. No kind fits "tram", so it is a query; nor "nothing", which is absent.
    assert regions(found) == [("Dogs", 0.0), ("Tram", 0.1), ("Dogs", 2.4)]
    assert {(part["from_name"], part["to_name"], part["type"]) for part in found["result"]} == {
        ("what", "sound", "labels")
    }
    assert len({part["id"] for part in found["result"]}) == 3


def test_what_fits_no_label_is_a_text(connected: httpx.Client) -> None:
    siren = CONFIG.replace('<Label value="Dogs"/><Label value="Tram" background="red"/><Label value="Nothing"/>', "")
    assert predictions(connected, UPLOAD, config=siren)[0]["result"] == []
    area = '<TextArea name="said" toName="sound" perRegion="true"/></View>'
    [found] = predictions(connected, UPLOAD, config=siren.replace("</View>", area))
    assert [(part["from_name"], part["value"]["text"]) for part in found["result"]] == [("said", [DOG])] * 2
    [plain] = predictions(connected, UPLOAD, config=siren.replace("</View>", area.replace(' perRegion="true"', "")))
    assert plain["result"] == []


def test_predictions_pass_the_validator_of_the_sdk(connected: httpx.Client) -> None:
    # pip install '.[interop]' in an environment of its own: it holds NumPy back
    interfaces = pytest.importorskip("label_studio_sdk.label_interface")
    with_text = CONFIG.replace("</View>", '<TextArea name="said" toName="sound" perRegion="true"/></View>')
    shown = re.search(r"```xml\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    for config, field in [(with_text, "recording"), (LABELING_CONFIG, "audio"), (shown[1], "audio")]:
        [found] = predictions(connected, UPLOAD, config=config, field=field)
        interface = interfaces.LabelInterface(config)
        assert found["result"]
        assert interface.validate_prediction(found, return_errors=True) == []
        found["result"][0]["value"]["labels"] = ["Sirens"]
        assert interface.validate_prediction(found, return_errors=True)


def test_the_project_of_the_output_format_gets_every_event(connected: httpx.Client) -> None:
    [found] = predictions(connected, UPLOAD, config=LABELING_CONFIG, field="audio")
    assert regions(found) == [("event", 0.0), ("event", 2.4)]


def test_a_bad_recording_leaves_only_its_own_task_empty(four_tasks: Any, site: str, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    bad = [
        "/data/upload/1/missing",
        "/data/upload/1/text.flac",
        "",
        "http://127.0.0.1:9/street.flac",
        "file:///etc/passwd",
        "http://xn--/street.flac",
    ]
    strange = f"/data/upload/1/{'x' * 300}%00street.flac"
    with backend("--server", four_tasks.url, "--label-studio", site, log=log) as client:
        found = predictions(client, UPLOAD, *bad, "upload/1/street.flac", strange)
    assert [len(prediction["result"]) for prediction in found] == [3, 0, 0, 0, 0, 0, 0, 3, 3]
    lines = log.read_text().splitlines()
    assert sorted(line.split(":")[1].strip() for line in lines) == [f"Task {number}" for number in range(2, 8)]
    assert "404" in next(line for line in lines if "Task 2" in line)
    assert "is not allowed" in next(line for line in lines if "Task 5" in line)


def test_a_label_that_the_server_refuses_as_a_query_is_no_fault_of_the_recordings(connected: httpx.Client) -> None:
    config = CONFIG.replace("Tram", "Tram " * 101)
    body = {"tasks": [{"id": 1, "data": {"recording": UPLOAD}}], "label_config": config}
    refused = connected.post("/predict", json=body)
    assert refused.status_code == 503
    assert "Send at most 500 characters" in refused.json()["detail"]


def test_the_token_goes_to_label_studio_alone(four_tasks: Any, site: str, elsewhere: str) -> None:
    open_to = ["--server", four_tasks.url, "--label-studio", site, "--allow-url", f"{elsewhere}/bucket/"]
    cloud = "s3://bucket/street.flac"
    with backend(*open_to) as client:
        found = predictions(
            client, f"{site}{UPLOAD}", cloud, f"{elsewhere}/bucket/x.flac", f"{elsewhere}/private/x.flac"
        )
    assert [len(prediction["result"]) for prediction in found] == [3, 3, 3, 0]
    assert {path for path, _ in OtherSite.seen} == {"/bucket/street.flac?signature=1", "/bucket/x.flac"}
    assert {token for _, token in OtherSite.seen} == {None}
    assert any(path.startswith("/tasks/2/presign/?fileuri=") for path, _ in LabelStudioSite.seen)


def test_a_wrong_token_opens_nothing(four_tasks: Any, site: str) -> None:
    with backend("--server", four_tasks.url, "--label-studio", site, token="wrong") as client:
        assert [len(found["result"]) for found in predictions(client, UPLOAD)] == [0]


def test_a_personal_access_token_is_exchanged_and_renewed(four_tasks: Any, site: str) -> None:
    with backend("--server", four_tasks.url, "--label-studio", site, token=PERSONAL) as client:
        assert len(predictions(client, UPLOAD)[0]["result"]) == 3
        LabelStudioSite.num_refreshed += 1  # the access token expires
        assert len(predictions(client, UPLOAD)[0]["result"]) == 3


UNFIT = {
    "<View><Text name='t' value='$t'/></View>": "no <Audio> tag",
    "<View><Audio name='a' value='$a'/></View>": "no <Labels> for 'a'",
    "<View><Audio name='a' value='$a'/><Labels name='l' toName='b'><Label value='Dog'/></Labels></View>": "<Labels>",
    "<View><Audio name='a'/></View>": 'value="$FIELD"',
    "<View>": "not valid XML",
    "": "not valid XML",
}


def test_a_configuration_without_audio_or_labels_is_refused(connected: httpx.Client) -> None:
    problems = []
    for config, words in UNFIT.items():
        for path, body in [("/setup", {"schema": config}), ("/predict", {"tasks": [], "label_config": config})]:
            refused = connected.post(path, json=body)
            if refused.status_code != 400 or words not in refused.json()["detail"]:
                problems.append((config, path, refused.text))
    assert problems == []


def test_limits(connected: httpx.Client) -> None:
    task = {"id": 1, "data": {}}
    assert connected.post("/predict", json={"tasks": [task] * 1001, "label_config": CONFIG}).status_code == 422
    huge = {"tasks": [], "label_config": " " * 33 * 2**20}
    assert connected.post("/predict", json=huge).status_code == 413
    assert connected.post("/predict", content="{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert connected.post("/predict", json=[]).status_code == 422
    assert connected.get("/health", headers={"Host": "rebound.example.org"}).status_code == 400


def test_without_a_server_nothing_is_stored_as_empty(site: str) -> None:
    with backend("--server", "http://127.0.0.1:9", "--label-studio", site) as client:
        assert client.get("/health").is_success
        for path, body in [
            ("/setup", {"schema": CONFIG}),
            ("/predict", {"tasks": [{"id": 1, "data": {"recording": UPLOAD}}], "label_config": CONFIG}),
        ]:
            refused = client.post(path, json=body)
            assert refused.status_code == 503
            assert "timeaudio serve" in refused.json()["detail"]


def test_wrong_options_end_the_command() -> None:
    for arguments, words in [
        (["--label-studio", "labels.example.org"], "https://HOST/"),
        (["--server", "grpc://127.0.0.1:9000"], "http://HOST:PORT"),
        (["--allow-url", "x"], "--allow-url"),
    ]:
        done = subprocess.run(
            [sys.executable, "-m", "timeaudio", "label-studio", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr


def test_when_label_studio_stops_waiting_the_analysis_stops(scripted: Any, site: str) -> None:
    slow = CONFIG.replace("Tram", "sleep 90")
    body = json.dumps({"tasks": [{"id": 1, "data": {"recording": UPLOAD}}], "label_config": slow})
    with backend("--server", scripted.url, "--label-studio", site) as client:
        leaving = http.client.HTTPConnection(client.base_url.host, client.base_url.port)
        leaving.request("POST", "/predict", body, {"Content-Type": "application/json"})
        while not scripted.metric("timeaudio_num_requests_running"):
            assert scripted.process.poll() is None
        leaving.close()
        while not scripted.metric("timeaudio_request_failure_total"):  # cancelled, long before 90 s have passed
            assert scripted.process.poll() is None
        assert client.get("/health").is_success


@pytest.mark.timeout(300)  # it loads the model
def test_the_commands_and_the_project_on_the_page(site: str) -> None:
    [block] = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    [project] = re.findall(r"^```xml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    [serve, label] = [shlex.split(line) for line in block.splitlines()]
    assert serve[:3] == ["timeaudio", "serve", "--port"]
    assert [label[0], *label[1:3]] == ["LABEL_STUDIO_API_KEY=TOKEN", "timeaudio", "label-studio"]
    with running(*serve[4:]) as server:
        places = {"http://127.0.0.1:8000": server.url, "http://localhost:8080": site, "9090": "0"}
        with backend(*(places.get(word, word) for word in label[3:])) as client:
            [found] = predictions(client, UPLOAD, config=project, field="audio")
    assert found["model_version"] == "timeaudio-small"
    assert {name for name, _ in regions(found)} >= {"Dog"}
    assert all(0 <= part["score"] <= 1 for part in found["result"])
