"""Check dashboard queries and alerts against the metrics of a real server, with Prometheus if it is installed."""

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from server.auth.keys import digest

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = DEPLOY / "helm" / "timeaudio" / "files"
PANELS = [
    (panel["title"], target["expr"])
    for panel in json.loads((FILES / "dashboard.json").read_text())["panels"]
    for target in panel.get("targets", [])
]
ALERTS = [
    (rule["alert"], rule["expr"])
    for group in yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
SCALED_BY = re.findall(r"query: (.*)", (FILES.parent / "templates" / "autoscaling.yaml").read_text())
KEY = {"Authorization": "Bearer key"}


def program(name: str) -> str:
    return shutil.which(name) or pytest.skip(f"{name} is not installed (Debian: apt-get install prometheus)")


@pytest.fixture(scope="module")
def server(
    run_scripted: Callable[..., contextlib.AbstractContextManager[Any]],
    tone_wav: Callable[..., bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """A server that has already counted every kind of request."""
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys.write_text(f"[prometheus]\nsha256 = ['{digest('key')}']\n")
    settings = {"TIMEAUDIO_ACCESS__KEYS_FILE": str(keys), "TIMEAUDIO_LIMITS__QUEUED_REQUESTS": "2"}
    with run_scripted(**settings) as server:
        make_traffic(server, tone_wav(1.0))
        yield server


def make_traffic(server: Any, sound: bytes) -> None:
    def ask(query: str) -> int:
        with server.client() as client:
            sent = {"data": {"query": query}, "files": {"file": sound}}
            return client.post("/v1/ground", headers=KEY, **sent).status_code

    with server.client() as client:
        assert client.get("/metrics").status_code == 401
        assert client.post("/v1/dense-caption", headers=KEY, files={"file": sound}).status_code == 200
        assert client.post("/v1/dense-caption", headers=KEY, files={"file": b"none"}).status_code == 415
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, 4 * ["sleep 1"])) == {200, 429}


@pytest.fixture(scope="module")
def exported(server: Any) -> dict[str, set[str]]:
    """Map the name of each metric that the server exports to its labels."""
    found: dict[str, set[str]] = {}
    with server.client() as client:
        for line in client.get("/metrics", headers=KEY).text.splitlines():
            if match := re.match(r"(\w+)(?:\{(.*)\})? ", line):
                found.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))
    return found


def test_queries_use_only_exported_metrics_and_labels(exported: dict[str, set[str]]) -> None:
    assert all((PANELS, ALERTS, SCALED_BY))
    by_scrape = {"instance", "job", "namespace", "service"}
    problems: list[tuple[str, Any]] = []
    for title, query in [*PANELS, *ALERTS, *(("scaler", query) for query in SCALED_BY)]:
        selectors = re.findall(r"(timeaudio_\w+)(?:\{(.*?)\})?(?![\w}])", query)
        if not selectors:
            problems.append((title, "no metric"))
        known = set(by_scrape)
        for name, inside in selectors:
            known |= exported.get(name, set())
            unknown = set(re.findall(r"(\w+)=~?\"", inside)) - exported.get(name, set()) - by_scrape
            if name not in exported or unknown:
                problems.append((title, (name, unknown)))
        groupings = re.findall(r"by \((.*?)\)", query)
        problems += [(title, labels) for text in groupings if (labels := set(re.split(r",\s*", text)) - known)]
    assert problems == []


def test_every_metric_is_used_by_a_panel_or_an_alert(exported: dict[str, set[str]]) -> None:
    queries = " ".join(query for _, query in PANELS + ALERTS)
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported if name.startswith("timeaudio_")}
    assert {name for name in families if name not in queries} == set()


def test_alerts_name_only_known_errors() -> None:
    from server.errors import PROBLEMS

    slugs = {problem.slug for problem in PROBLEMS.values()}
    named = {slug for _, query in ALERTS for text in re.findall(r'error=~?"(.*?)"', query) for slug in text.split("|")}
    assert named
    assert named <= slugs


def test_every_alert_is_documented() -> None:
    page = (DEPLOY.parent / "docs" / "operations.md").read_text()
    assert [name for name, _ in ALERTS if f"### {name}\n" not in page] == []


def test_the_alerts_pass_their_unit_tests() -> None:
    command = [program("promtool"), "test", "rules", str(DEPLOY / "monitoring" / "alerts_test.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_unit_test() -> None:
    tested = (DEPLOY / "monitoring" / "alerts_test.yaml").read_text()
    assert [name for name, _ in ALERTS if f"alertname: {name}\n        exp_alerts" not in tested] == []


@pytest.fixture(scope="module")
def prometheus(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A real Prometheus that has scraped the server a few times."""
    from tests.e2e.conftest import free_port

    binary, folder, port = program("prometheus"), tmp_path_factory.mktemp("prometheus"), free_port()
    config = yaml.safe_load((DEPLOY / "monitoring" / "prometheus.yaml").read_text())
    config["global"]["scrape_interval"] = "500ms"
    config["rule_files"] = [str(FILES / "alerts.yaml")]
    job = config["scrape_configs"][0]
    job["static_configs"] = [{"targets": [server.url.removeprefix("http://")]}]
    job["authorization"] = {"credentials": "key"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    options = (f"--config.file={folder}/config.yaml", f"--storage.tsdb.path={folder}/data")
    command = [binary, *options, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command, cwd=folder)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            give_up = time.monotonic() + 60
            while True:
                assert time.monotonic() < give_up
                with contextlib.suppress(httpx.TransportError, KeyError, IndexError):
                    answer = client.get("/api/v1/query", params={"query": "count_over_time(timeaudio_ready[1m])"})
                    if int(answer.json()["data"]["result"][0]["value"][1]) >= 4:
                        break
                time.sleep(0.5)
            yield client
    finally:
        process.terminate()
        process.wait(20)


def test_prometheus_returns_data_for_every_panel(prometheus: httpx.Client) -> None:
    problems = []
    for title, query in PANELS:
        query = query.replace("$__rate_interval", "1m").replace("$instance", ".*")
        answer = prometheus.get("/api/v1/query", params={"query": query}).json()
        if answer["status"] != "success" or not answer["data"]["result"]:
            problems.append((title, query, answer))
    assert problems == []


def test_a_healthy_server_raises_no_alert(prometheus: httpx.Client) -> None:
    rules = prometheus.get("/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert len(rules) == len(ALERTS)
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] == "err"} == {}
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
