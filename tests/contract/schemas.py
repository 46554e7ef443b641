"""Strict JSON schemas for objects that Kubernetes does not define, with the fields that this project uses.

They are written by hand from these definitions, and find misspelt, misplaced and mistyped fields without a cluster:

    KEDA             config/crd/bases/keda.sh_scaledobjects.yaml of kedacore/keda
    Prometheus       monitoring.coreos.com_servicemonitors.yaml and ..._prometheusrules.yaml of prometheus-operator
    Compose          schema/compose-spec.json of compose-spec

Validation also fails for fields that are missing here. Add such a field after checking its definition.
"""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
LIST: Schema = {"type": "array", "items": TEXT, "uniqueItems": True}
DURATION: Schema = {
    "type": "string",
    "pattern": "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
}


def thing(required: str = "", **fields: Schema) -> Schema:
    """Return the schema of an object with only these fields."""
    return {"type": "object", "properties": fields, "required": required.split(), "additionalProperties": False}


def items(of: Schema) -> Schema:
    return {"type": "array", "items": of, "minItems": 1}


def number(least: int = 0) -> Schema:
    return {"type": "integer", "minimum": least}


def kind(api: str, name: str, spec: Schema) -> Schema:
    metadata = thing("name", name=TEXT, namespace=TEXT, labels=TEXTS, annotations=TEXTS)
    return thing(
        "apiVersion kind metadata spec", apiVersion={"const": api}, kind={"const": name}, metadata=metadata, spec=spec
    )


_POLICY = thing(
    "type value periodSeconds", type={"enum": ["Pods", "Percent"]}, value=number(1), periodSeconds=number(1)
)
_RULES = thing(
    stabilizationWindowSeconds=number() | {"maximum": 3600},
    selectPolicy={"enum": ["Max", "Min", "Disabled"]},
    policies=items(_POLICY),
)
_PROMETHEUS_TRIGGER = thing(
    "type metadata",
    type={"const": "prometheus"},
    name=TEXT,
    metricType={"enum": ["AverageValue", "Value"]},
    metadata=thing("serverAddress query threshold", serverAddress=TEXT, query=TEXT, threshold=TEXT, namespace=TEXT)
    | {"additionalProperties": {"type": "string"}},
)
_SECRET_KEY = thing("key", name=TEXT, key=TEXT, optional={"type": "boolean"})
_SELECTOR = thing(matchLabels=TEXTS)

KINDS: dict[str, Schema] = {
    "ScaledObject": kind(
        "keda.sh/v1alpha1",
        "ScaledObject",
        thing(
            "scaleTargetRef triggers",
            scaleTargetRef=thing("name", apiVersion=TEXT, kind=TEXT, name=TEXT, envSourceContainerName=TEXT),
            minReplicaCount=number(),
            maxReplicaCount=number(1),
            idleReplicaCount=number(),
            pollingInterval=number(1),
            cooldownPeriod=number(),
            fallback=thing("failureThreshold replicas", failureThreshold=number(), replicas=number()),
            advanced=thing(
                restoreToOriginalReplicaCount={"type": "boolean"},
                horizontalPodAutoscalerConfig=thing(name=TEXT, behavior=thing(scaleUp=_RULES, scaleDown=_RULES)),
            ),
            triggers=items(_PROMETHEUS_TRIGGER),
        ),
    ),
    "ServiceMonitor": kind(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        thing(
            "selector endpoints",
            selector=_SELECTOR,
            endpoints=items(
                thing(
                    port=TEXT,
                    path=TEXT,
                    scheme={"enum": ["http", "https"]},
                    interval=DURATION,
                    scrapeTimeout=DURATION,
                    authorization=thing(type=TEXT, credentials=_SECRET_KEY),
                )
            ),
        ),
    ),
    "PrometheusRule": kind(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        thing(
            groups=items(
                thing(
                    "name",
                    name=TEXT,
                    interval=DURATION,
                    rules=items(
                        thing("alert expr", alert=TEXT, expr=TEXT, labels=TEXTS, annotations=TEXTS, **{"for": DURATION})
                    ),
                )
            )
        ),
    ),
}
"""Kind -> schema of its objects, for kinds that Kubernetes does not define."""

_SERVICE = thing(
    image=TEXT,
    build=thing("context", context=TEXT, dockerfile=TEXT, target=TEXT, args=TEXTS),
    command=LIST,
    ports=LIST,
    environment=TEXTS,
    volumes=LIST,
    stop_grace_period=DURATION,
    init={"type": "boolean"},
    read_only={"type": "boolean"},
    tmpfs=LIST,
    cap_drop=LIST,
    security_opt=LIST,
    restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
)
COMPOSE: Schema = thing(
    "services",
    name=TEXT,
    services={"type": "object", "additionalProperties": _SERVICE, "minProperties": 1},
    volumes={"type": "object", "additionalProperties": {"type": ["object", "null"]}},
)
