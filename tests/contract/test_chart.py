"""The Helm chart renders, its objects are valid for Kubernetes, and it agrees with the server."""

import hashlib
import io
import itertools
import re
import subprocess
import sys
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from server.settings import Settings
from tests.contract import schemas

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "timeaudio"
CASES = sorted((CHART / "ci").glob("*.yaml"))
VERSIONS = ("1.27", "1.30", "1.33", "1.37")


def program(name: str) -> str:
    """Return the path of a program that `.[dev]` installs next to Python."""
    return str(Path(sys.executable).with_name(name))


def run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


@cache
def render(case: Path | None, *more: str) -> str:
    values = [] if case is None else ["--values", str(case)]
    done = run(program("helm"), "template", "ta", str(CHART), *values, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(case: Path | None, *more: str) -> dict[str, Any]:
    """Return the rendered objects by kind; Services by kind and name, because there may be two."""
    every = [found for found in yaml.safe_load_all(render(case, *more)) if found]
    return {found["kind"] + found["metadata"]["name"] * (found["kind"] == "Service"): found for found in every}


def test_the_chart_passes_lint() -> None:
    done = [run(program("helm"), "lint", "--strict", str(CHART), "--values", str(case)) for case in CASES]
    assert [each.stdout + each.stderr for each in done if each.returncode != 0] == []


def test_every_object_is_valid_for_kubernetes() -> None:
    problems = []
    for case, version in itertools.product(CASES, VERSIONS):
        for found in objects(case).values():
            if found["kind"] not in schemas.KINDS:
                try:
                    kubernetes_validate.validate(found, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    problems.append((case.stem, version, found["kind"], error.message))
    assert problems == []


def test_objects_for_keda_and_the_prometheus_operator_are_valid() -> None:
    problems = [
        (case.stem, kind, error.message)
        for case in CASES
        for kind, found in objects(case).items()
        if kind in schemas.KINDS
        for error in jsonschema.Draft202012Validator(schemas.KINDS[kind]).iter_errors(found)
    ]
    assert problems == []


def test_the_examples_render_every_kind_with_a_schema() -> None:
    assert schemas.KINDS.keys() <= set().union(*(objects(case) for case in CASES))


def test_a_misspelt_field_of_a_scaled_object_is_found() -> None:
    scaled = objects(None, "--set", "autoscaling.mode=keda")["ScaledObject"]
    jsonschema.validate(scaled, schemas.KINDS["ScaledObject"])
    scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behaviour"] = {}
    with pytest.raises(jsonschema.ValidationError, match="behaviour"):
        jsonschema.validate(scaled, schemas.KINDS["ScaledObject"])


def test_a_misspelt_field_of_a_kubernetes_object_is_found() -> None:
    budget = objects(None)["PodDisruptionBudget"]
    budget["spec"]["maxUnavailabel"] = budget["spec"].pop("maxUnavailable")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(budget, VERSIONS[-1], strict=True)


def test_every_value_has_a_comment_and_is_used() -> None:
    previous, unexplained = "", []
    is_group_explained = False  # inside a group whose comment describes all of it
    for line in (CHART / "values.yaml").read_text().splitlines():
        has_comment = previous.lstrip().startswith("# --")
        if match := re.match(r"( *)\w+:(.*)", line):
            is_group = not match[2].strip()
            if not match[1]:
                is_group_explained = is_group and has_comment
            if not (has_comment or is_group or is_group_explained or "grafana_dashboard" in line):
                unexplained.append(line)
        previous = line
    assert unexplained == []
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    for name in yaml.safe_load((CHART / "values.yaml").read_text()):
        assert f".Values.{name}" in templates


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_deployment_uses_only_settings_that_the_server_knows(case: Path) -> None:
    pod = objects(case)["Deployment"]["spec"]["template"]["spec"]
    server = pod["containers"][0]
    for variable in server["env"]:
        group: Any = Settings
        for part in variable["name"].removeprefix("TIMEAUDIO_").lower().split("__"):
            assert part in group.model_fields, variable["name"]
            group = group.model_fields[part].annotation
    described = run(sys.executable, "-m", "server", "--help").stdout
    for argument in server["args"]:
        assert argument.split("=")[0] in described
    drain_s = next(float(each["value"]) for each in server["env"] if each["name"] == "TIMEAUDIO_DRAIN_S")
    pre_stop_s = float(server["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > drain_s + pre_stop_s
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"EXPOSE {server['ports'][0]['containerPort']}" in dockerfile
    assert f"--uid {pod['securityContext']['runAsUser']}" in dockerfile


def test_inconsistent_values_are_rejected() -> None:
    accepted = []
    for wrong, message in (
        ("model.source=cloud", "model.source"),
        ("model.source=volume", "model.volume.claim"),
        ("model.source=download", "sha256"),
        ("autoscaling.mode=on", "autoscaling.mode"),
        ("server.env.TIMEAUDIO_DRAIN_S=5", "drainSeconds"),
        ("server.env.TIMEAUDIO_LIMITS__UPLOAD_BYTES=5", "uploadBytes"),
    ):
        done = run(program("helm"), "template", "ta", str(CHART), "--set", wrong)
        if done.returncode == 0 or message not in done.stderr:
            accepted.append((wrong, done.stderr))
    assert accepted == []


def test_autoscaling_removes_the_fixed_number_of_pods() -> None:
    assert objects(None)["Deployment"]["spec"]["replicas"] == 1
    for mode, kind in (("keda", "ScaledObject"), ("hpa", "HorizontalPodAutoscaler")):
        found = objects(None, "--set", f"autoscaling.mode={mode}")
        assert "replicas" not in found["Deployment"]["spec"]
        assert kind in found


def test_large_numbers_keep_their_digits(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("server: {env: {TIMEAUDIO_LIMITS__JSON_BYTES: 67108864, TIMEAUDIO_PASSES__OVERLAP_S: 2.5}}")
    server = objects(values)["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    found = {each["name"]: each["value"] for each in server["env"]}
    assert (found["TIMEAUDIO_LIMITS__JSON_BYTES"], found["TIMEAUDIO_PASSES__OVERLAP_S"]) == ("67108864", "2.5")


def test_pods_with_gpus_are_replaced_one_by_one_unless_there_is_only_one() -> None:
    for values, surge in (
        ("gpu.count=1,replicas=2", 0),
        ("gpu.count=1,replicas=1", 1),
        ("gpu.count=1,autoscaling.mode=keda,autoscaling.min=2", 0),
        ("replicas=2", 1),
    ):
        assert objects(None, "--set", values)["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == surge


def test_gpus_are_a_limit_also_without_other_limits() -> None:
    pod = objects(None, "--set", "gpu.count=2,resources.limits=null")["Deployment"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": 2}


def test_a_load_balancer_may_be_reached_from_outside() -> None:
    for kind, is_open in (("ClusterIP", False), ("LoadBalancer", True)):
        rules = objects(None, "--set", f"service.type={kind}")["NetworkPolicy"]["spec"]["ingress"]
        assert any("from" not in rule for rule in rules) is is_open


def test_annotations_of_the_ingress_replace_those_of_the_chart(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("ingress: {enabled: true, annotations: {nginx.ingress.kubernetes.io/proxy-read-timeout: '60'}}")
    annotations = objects(values)["Ingress"]["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "60"
    assert annotations["nginx.ingress.kubernetes.io/proxy-send-timeout"] == "7500"


def test_alerts_are_about_the_release_alone() -> None:
    rules = objects(None, "--set", "prometheusRule.enabled=true")["PrometheusRule"]["spec"]["groups"][0]["rules"]
    names = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == [rule["alert"] for rule in names]
    for rule in rules:
        metrics = re.findall(r"timeaudio_[a-z_]+(.*)", rule["expr"])
        assert metrics
        assert all(after.startswith('{namespace="default",service="ta-timeaudio"') for after in metrics)


def packed(folder: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in ("config.json", "llm/config.json", "model.safetensors"):
            member = tarfile.TarInfo(f"{folder}{name}")
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return file.getvalue()


@pytest.mark.parametrize("folder", ["", "timeaudio-7b/"])
def test_the_init_container_unpacks_only_a_matching_archive(tmp_path: Path, folder: str) -> None:
    source, target = tmp_path / "model.tar.gz", tmp_path / "model"
    source.write_bytes(packed(folder))
    target.mkdir()
    script = str(CHART / "files" / "download.py")
    right = hashlib.sha256(source.read_bytes()).hexdigest()
    wrong = run(sys.executable, script, source.as_uri(), "0" * 64, str(target))
    assert wrong.returncode == 1
    assert "Nothing was unpacked" in wrong.stderr
    assert list(target.iterdir()) == []
    for _ in range(2):
        done = run(sys.executable, script, source.as_uri(), right, str(target))
        assert done.returncode == 0, done.stderr
        assert (target / "config.json").read_text() == "config.json"
        assert (target / "llm" / "config.json").exists()
    assert "already" in done.stdout


def test_the_dockerfile_passes_lint() -> None:
    done = run(program("hadolint"), str(ROOT / "Dockerfile"))
    assert done.returncode == 0, done.stdout
