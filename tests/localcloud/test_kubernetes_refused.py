"""What a real API server refuses, with its fields and sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamnet.kubernetes.manifests import render
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.kinds import Kinds
from localcloud.kubernetes.patching import APPLY
from localcloud.kubernetes.quantities import canonical
from localcloud.kubernetes.schema import Schemas
from localcloud.kubernetes.selectors import parse_fields
from localcloud.kubernetes.signing import SigningKey
from localcloud.kubernetes.storage import Store
from localcloud.kubernetes.users import AccountTokens
from localcloud.kubernetes.verbs import DeleteOptions, Verbs, WriteOptions

INFRASTRUCTURE = Path(__file__).parents[2] / "infrastructure" / "kubernetes"
LABELS = {"app": "a"}
CONTAINER = {"name": "c", "image": "x:1"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}}
SET = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
JOB = {"template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}}
CRON = {"schedule": "0 3 * * *", "jobTemplate": {"spec": JOB}}
SCALER = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}, "maxReplicas": 3}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
ME = {"kind": "User", "name": "me", "apiGroup": "rbac.authorization.k8s.io"}
#: A sound object of each kind: group, version, plural and body.
SOUND = {
    "configmap": ("", "v1", "configmaps", {"data": {"a.b-C_1": "x"}}),
    "secret": ("", "v1", "secrets", {"stringData": {"a": "x"}}),
    "namespace": ("", "v1", "namespaces", {}),
    "service": ("", "v1", "services", {"spec": {"selector": LABELS, "ports": [{"port": 80}]}}),
    "pod": ("", "v1", "pods", {"spec": {"containers": [CONTAINER]}}),
    "claim": ("", "v1", "persistentvolumeclaims", {"spec": CLAIM}),
    "quota": ("", "v1", "resourcequotas", {"spec": {"hard": {"pods": "3", "requests.cpu": "1500m"}}}),
    "deployment": ("apps", "v1", "deployments", {"spec": SET}),
    "replicaset": ("apps", "v1", "replicasets", {"spec": SET}),
    "daemonset": ("apps", "v1", "daemonsets", {"spec": SET}),
    "statefulset": ("apps", "v1", "statefulsets", {"spec": SET | {"serviceName": "a"}}),
    "job": ("batch", "v1", "jobs", {"spec": JOB}),
    "cronjob": ("batch", "v1", "cronjobs", {"spec": CRON}),
    "hpa": ("autoscaling", "v2", "horizontalpodautoscalers", {"spec": SCALER}),
    "pdb": (
        "policy",
        "v1",
        "poddisruptionbudgets",
        {"spec": {"selector": SET["selector"], "minAvailable": 1}},
    ),
    "role": (
        "rbac.authorization.k8s.io",
        "v1",
        "roles",
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    ),
    "binding": ("rbac.authorization.k8s.io", "v1", "rolebindings", {"roleRef": ROLE, "subjects": [ME]}),
    "clusterbinding": (
        "rbac.authorization.k8s.io",
        "v1",
        "clusterrolebindings",
        {"roleRef": ROLE | {"kind": "ClusterRole"}, "subjects": [ME]},
    ),
    "policy": (
        "networking.k8s.io",
        "v1",
        "networkpolicies",
        {
            "spec": {
                "podSelector": {},
                "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}],
            }
        },
    ),
    "ingress": (
        "networking.k8s.io",
        "v1",
        "ingresses",
        {"spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}},
    ),
}
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def container(**more):
    """A change of the one container."""
    return {"containers": [CONTAINER | more]}


def mounted(*mounts, volumes=("v",)):
    return {
        "containers": [CONTAINER | {"volumeMounts": list(mounts)}],
        "volumes": [{"name": name, "emptyDir": {}} for name in volumes],
    }


def resources(requests, limits=None):
    return container(resources={"requests": requests} | ({"limits": limits} if limits else {}))


def port(**more):
    return {"spec": {"ports": [{"port": 80} | more]}}


def ports(*more):
    return {"spec": {"ports": [{"port": 80 + i} | p for i, p in enumerate(more)]}}


def template(labels=LABELS, **spec):
    return {"spec": {"template": {"metadata": {"labels": labels}, "spec": TEMPLATE["spec"] | spec}}}


def cpu_target(**target):
    return {"spec": {"metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]}}


def peers(**peer):
    return {"spec": {"ingress": [{"from": [peer]}]}}


def paths(**path):
    backend = {"service": {"name": "a", "port": {"number": 80}}}
    return {
        "spec": {
            "rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend} | path]}}]
        }
    }


NONE = "must be greater than or equal to 0"
REFUSED = [
    (
        "configmap",
        {"metadata": {"name": "A_b"}},
        ['metadata.name: Invalid value: "A_b": a lowercase RFC 1123 sub'],
    ),
    ("namespace", {"metadata": {"name": "a.b"}}, [f'metadata.name: Invalid value: "a.b": {LABEL}']),
    (
        "service",
        {"metadata": {"name": "1bad"}},
        ['metadata.name: Invalid value: "1bad": a DNS-1035 label must'],
    ),
    ("role", {"metadata": {"name": "a/b"}}, ["metadata.name: Invalid value: \"a/b\": may not contain '/'"]),
    ("cronjob", {"metadata": {"name": "a" * 53}}, ["must be no more than 52 characters"]),
    (
        "configmap",
        {"metadata": {"labels": {"a b": "x"}}},
        [f'metadata.labels: Invalid value: "a b": {QUALIFIED}'],
    ),
    (
        "configmap",
        {"metadata": {"labels": {"a": "-"}}},
        ['metadata.labels: Invalid value: "-": a valid label must'],
    ),
    ("configmap", {"metadata": {"labels": {"/a": "x"}}}, ["prefix part must be non-empty"]),
    (
        "configmap",
        {"metadata": {"annotations": {"a/b/c": "x"}}},
        ['metadata.annotations: Invalid value: "a/b/c"'],
    ),
    ("configmap", {"data": {"a b": "x"}}, [f'data[a b]: Invalid value: "a b": {KEY}']),
    ("secret", {"stringData": {"..": "x"}}, ["data[..]: Invalid value: \"..\": must not be '..'"]),
    (
        "secret",
        {"type": "kubernetes.io/tls"},
        ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
    ),
    ("service", ports({}, {}), ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"]),
    ("service", ports({"name": "a"}, {"name": "a"}), ['spec.ports[1].name: Duplicate value: "a"']),
    (
        "service",
        {"spec": {"ports": [{"name": n, "port": 80} for n in "ab"]}},
        ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}'],
    ),
    (
        "service",
        port(port=70000, targetPort=1),
        ["spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"],
    ),
    (
        "service",
        port(protocol="HTTP"),
        ['spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ),
    (
        "service",
        port(nodePort=30080),
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    (
        "service",
        {"spec": {"type": "X"}},
        ['spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer"'],
    ),
    (
        "service",
        {"spec": {"clusterIP": "x"}},
        ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address'],
    ),
    ("deployment", {"spec": {"replicas": -1}}, [f"spec.replicas: Invalid value: -1: {NONE}"]),
    ("deployment", {"spec": {"minReadySeconds": -1}}, [f"spec.minReadySeconds: Invalid value: -1: {NONE}"]),
    (
        "deployment",
        {"spec": {"minReadySeconds": 900}},
        ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"],
    ),
    (
        "deployment",
        template(restartPolicy="Never"),
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ),
    (
        "deployment",
        template({"app": "b"}),
        [
            'spec.template.metadata.labels: Invalid value: {"app":"b"}: '
            "`selector` does not match template `labels`"
        ],
    ),
    (
        "deployment",
        {"spec": {"selector": {"matchLabels": None}}},
        ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
    ),
    (
        "statefulset",
        {"spec": {"selector": {"matchLabels": None}}},
        ["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"],
    ),
    (
        "deployment",
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}},
        ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
    ),
    ("daemonset", template(restartPolicy="OnFailure"), ['restartPolicy: Unsupported value: "OnFailure"']),
    (
        "deployment",
        {"spec": {"replicas": -1, "template": {"spec": container(name="A")}}},
        [
            f"spec.replicas: Invalid value: -1: {NONE}",
            f'spec.template.spec.containers[0].name: Invalid value: "A": {LABEL}',
        ],
    ),
    ("pod", {"spec": {"containers": [CONTAINER] * 2}}, ['spec.containers[1].name: Duplicate value: "c"']),
    ("pod", {"spec": {"containers": []}}, ["spec.containers: Required value"]),
    ("pod", {"spec": container(image=None)}, ["spec.containers[0].image: Required value"]),
    (
        "pod",
        {"spec": {"restartPolicy": "X"}},
        ['spec.restartPolicy: Unsupported value: "X": supported values: "Always"'],
    ),
    (
        "pod",
        {"spec": resources({"cpu": "2"}, {"cpu": "1"})},
        [
            'spec.containers[0].resources.requests: Invalid value: "2": '
            "must be less than or equal to cpu limit of 1"
        ],
    ),
    (
        "pod",
        {"spec": resources({"cpu": "-1"})},
        [f'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": {NONE}'],
    ),
    (
        "pod",
        {"spec": resources({"foo": "1"})},
        [
            'spec.containers[0].resources.requests[foo]: Invalid value: "foo": '
            "must be a standard resource type or fully qualified",
            'requests[foo]: Invalid value: "foo": must be a standard resource for containers',
        ],
    ),
    (
        "pod",
        {"spec": resources({"nvidia.com/gpu": "1"})},
        [
            "spec.containers[0].resources.limits: Required value: "
            "Limit must be set for non overcommitable resources"
        ],
    ),
    (
        "pod",
        {"spec": container(ports=[{"containerPort": 70000}])},
        [
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: "
            "must be between 1 and 65535, inclusive"
        ],
    ),
    (
        "pod",
        {"spec": mounted({"name": "w", "mountPath": "/a"})},
        ['spec.containers[0].volumeMounts[0].name: Not found: "w"'],
    ),
    (
        "pod",
        {"spec": mounted(*[{"name": "v", "mountPath": "/a"}] * 2)},
        ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique'],
    ),
    ("pod", {"spec": mounted(volumes="vv")}, ['spec.volumes[1].name: Duplicate value: "v"']),
    (
        "pod",
        {"spec": {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]}},
        ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
    ),
    ("pod", {"spec": container(env=[{"name": ""}])}, ["spec.containers[0].env[0].name: Required value"]),
    (
        "pod",
        {"spec": container(env=[{"name": "a=b"}])},
        ["must consist only of printable ASCII characters other than '='"],
    ),
    (
        "pod",
        {"spec": container(env=[{"name": "a", "valueFrom": {}}])},
        ['spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`'],
    ),
    (
        "pod",
        {"spec": container(livenessProbe={"periodSeconds": 1})},
        ["spec.containers[0].livenessProbe: Required value: must specify a handler type"],
    ),
    (
        "pod",
        {"spec": container(readinessProbe={"httpGet": {"port": 80}, "tcpSocket": {"port": 80}})},
        ["spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
    ),
    ("job", {"spec": {"parallelism": -1}}, [f"spec.parallelism: Invalid value: -1: {NONE}"]),
    ("job", {"spec": {"completions": -1}}, [f"spec.completions: Invalid value: -1: {NONE}"]),
    (
        "job",
        {"spec": {"template": {"spec": {"restartPolicy": None}}}},
        ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ),
    (
        "job",
        {"spec": {"template": {"spec": {"restartPolicy": "Always"}}}},
        ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ),
    (
        "cronjob",
        {"spec": {"schedule": "nightly"}},
        ['spec.schedule: Invalid value: "nightly": expected exactly 5 fields, found 1: [nightly]'],
    ),
    (
        "cronjob",
        {"spec": {"schedule": "0 0 3 * * *"}},
        ["expected exactly 5 fields, found 6: [0 0 3 * * *]"],
    ),
    ("cronjob", {"spec": {"schedule": "0 25 * * *"}}, ['spec.schedule: Invalid value: "0 25 * * *": ']),
    (
        "cronjob",
        {"spec": {"concurrencyPolicy": "X"}},
        ['spec.concurrencyPolicy: Unsupported value: "X": supported values: "Allow", "Forbid", "Replace"'],
    ),
    (
        "hpa",
        {"spec": {"minReplicas": 5}},
        ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"],
    ),
    (
        "hpa",
        {"spec": {"minReplicas": 0}},
        ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"],
    ),
    (
        "hpa",
        cpu_target(type="Utilization"),
        [
            "spec.metrics[0].resource.target.averageUtilization: Required value: "
            "must set either a target raw value or a target utilization"
        ],
    ),
    (
        "hpa",
        {"spec": {"metrics": [{"type": "Pods"}]}},
        ["spec.metrics[0].pods: Required value: must populate information for the given metric source"],
    ),
    (
        "pdb",
        {"spec": {"maxUnavailable": 1}},
        ["spec: Invalid value: {", "minAvailable and maxUnavailable cannot be both set"],
    ),
    (
        "pdb",
        {"spec": {"minAvailable": "half"}},
        ['spec.minAvailable: Invalid value: "half": a valid percent string'],
    ),
    (
        "claim",
        {"spec": {"accessModes": []}},
        ["spec.accessModes: Required value: at least 1 access mode is required"],
    ),
    ("claim", {"spec": {"resources": {"requests": {"storage": "0"}}}}, ["must be greater than zero"]),
    (
        "quota",
        {"spec": {"hard": {"pods": "-1", "beds": "1"}}},
        [
            f'spec.hard[pods]: Invalid value: "-1": {NONE}',
            'spec.hard[beds]: Invalid value: "beds": must be a standard resource type or fully qualified',
            'spec.hard[beds]: Invalid value: "beds": must be a standard resource for quota',
        ],
    ),
    (
        "quota",
        {"spec": {"scopes": ["BestEffort", "NotBestEffort"]}},
        ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    ),
    (
        "role",
        {"rules": [{"apiGroups": [""], "verbs": []}]},
        [
            "rules[0].verbs: Required value: verbs must contain at least one value",
            "rules[0].resources: Required value: resource rules must supply at least one resource",
        ],
    ),
    (
        "binding",
        {"subjects": [{"kind": "Robot", "name": "a"}]},
        ['subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'],
    ),
    (
        "clusterbinding",
        {"subjects": [{"kind": "ServiceAccount", "name": "a"}]},
        ["subjects[0].namespace: Required value"],
    ),
    (
        "policy",
        peers(ipBlock={"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}),
        [
            'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/8": '
            "must be a strict subset of `cidr`"
        ],
    ),
    ("policy", peers(), ["spec.ingress[0].from[0]: Required value: must specify a peer"]),
    (
        "policy",
        peers(ipBlock={"cidr": "10.0.0.0/8"}, podSelector={}),
        ["spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"],
    ),
    (
        "ingress",
        {"spec": {"defaultBackend": None}},
        ["spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"],
    ),
    (
        "ingress",
        paths(path="a"),
        ['spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path'],
    ),
    (
        "ingress",
        paths(backend={"service": {"name": "a"}}),
        ["spec.rules[0].http.paths[0].backend: Required value: port name or number is required"],
    ),
]
STATEFUL = (
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
    "are forbidden"
)
UNCHANGEABLE = [
    (
        "deployment",
        {"spec": {"selector": {"matchLabels": {"app": "b"}}, **template({"app": "b"})["spec"]}},
        ['spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable'],
    ),
    ("statefulset", {"spec": {"serviceName": "b"}}, [STATEFUL]),
    (
        "service",
        {"spec": {"clusterIP": "10.96.7.7"}},
        ["spec.clusterIPs[0]: Invalid value", "may not change once set"],
    ),
    (
        "job",
        {"spec": {"template": {"spec": container(image="y:2")}}},
        ["spec.template: Invalid value", "field is immutable"],
    ),
    ("job", {"spec": {"completions": 4}}, ["spec.completions: Invalid value: 4: field is immutable"]),
    (
        "claim",
        {"spec": {"accessModes": ["ReadOnlyMany"]}},
        ["spec: Forbidden: spec is immutable after creation"],
    ),
    ("secret", {"type": "other"}, ['type: Invalid value: "other": field is immutable']),
    ("binding", {"roleRef": ROLE | {"name": "s"}}, ["roleRef: Invalid value: {", "cannot change roleRef"]),
    (
        "quota",
        {"spec": {"scopes": ["BestEffort"]}},
        ['spec.scopes: Invalid value: ["BestEffort"]: field is immutable'],
    ),
    ("pod", {"spec": container(name="d")}, ["spec: Forbidden: pod updates may not change fields other than"]),
]


@pytest.fixture
def verbs(tmp_path):
    store = Store(tmp_path / "objects.sqlite")
    made = Verbs(store, Kinds(), SCHEMAS)
    create(made, "namespace", {"metadata": {"name": "default"}})
    yield made
    store.close()


SCHEMAS = Schemas("1.35")


def copied(value):
    """A copy whose parts are each its own."""
    return json.loads(json.dumps(value))


def merged(body, change):
    """A merge patch."""
    for name, value in change.items():
        if isinstance(value, dict) and isinstance(body.get(name), dict):
            merged(body[name], value)
        elif value is None:
            body.pop(name, None)
        else:
            body[name] = copied(value)
    return body


def kind_of(name):
    group, version, plural, _ = SOUND[name]
    return Kinds().find(group, version, plural)


def place(name):
    return "default" if kind_of(name).namespaced else ""


def create(verbs, name, change):
    body = merged({"metadata": {"name": "a"}} | copied(SOUND[name][3]), change)
    return verbs.create(kind_of(name), place(name), body, WriteOptions())[0]


def said(refused):
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")
    causes = refused.value.details["causes"]
    texts = [f"{c['field']}: {c['message']}" for c in causes]
    assert all(text in refused.value.message for text in texts)
    return texts


@pytest.mark.parametrize("name", SOUND)
def test_sound_objects_are_taken_as_they_are_and_again(verbs, name):
    made = create(verbs, name, {})
    again, _ = verbs.update(kind_of(name), place(name), "a", copied(made), WriteOptions())
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


@pytest.mark.parametrize("overlay", ["eks-full", "eks-karpenter", "gke-full", "gke-nginx"])
def test_dreamnets_own_manifests_are_taken(verbs, overlay):
    names = ("region", "project", "worker_image", "agents_image", "host", "certificate_arn", "node_role")
    values = dict.fromkeys(names, "dreamnet.example") | {"image": "registry/dreamnet-api:7"}
    taken = 0
    for manifest in render(INFRASTRUCTURE / overlay, values):
        kind = verbs.kinds.by_kind(manifest["apiVersion"], manifest["kind"])
        namespace = manifest["metadata"].get("namespace", "")
        if kind is None:
            continue
        if namespace and verbs.store.get("namespaces", "", namespace) is None:
            verbs.create(kind_of("namespace"), "", {"metadata": {"name": namespace}}, WriteOptions())
        name = manifest["metadata"]["name"]
        verbs.patch(kind, namespace, name, manifest, APPLY, WriteOptions(manager="dreamnet"))
        taken += 1
    assert taken > 8


@pytest.mark.parametrize(("name", "change", "expected"), REFUSED)
def test_a_new_object_is_refused_with_every_cause(verbs, name, change, expected):
    with pytest.raises(ApiError) as refused:
        create(verbs, name, change)
    texts = said(refused)
    assert all(any(text in found for found in texts) for text in expected), texts
    assert len(texts) <= len(expected)
    found = verbs.store.list(kind_of(name).resource)
    assert [o["metadata"]["name"] for o in found] == (["default"] if name == "namespace" else [])


@pytest.mark.parametrize(("name", "change", "expected"), UNCHANGEABLE)
def test_what_never_changes_is_refused_in_an_update(verbs, name, change, expected):
    made = create(verbs, name, {})
    with pytest.raises(ApiError) as refused:
        verbs.update(kind_of(name), "default", "a", merged(copied(made), change), WriteOptions())
    (text,) = said(refused)
    assert all(part in text for part in expected)
    assert verbs.get(kind_of(name), place(name), "a") == made


def test_an_immutable_config_map_keeps_its_data_and_stays_immutable(verbs):
    made = create(verbs, "configmap", {"immutable": True})
    change = {"immutable": None, "data": {"new": "x"}}
    with pytest.raises(ApiError) as refused:
        verbs.update(kind_of("configmap"), "default", "a", merged(copied(made), change), WriteOptions())
    text = "Forbidden: field is immutable when `immutable` is set"
    assert said(refused) == [f"immutable: {text}", f"data: {text}"]


def test_what_breaks_a_rule_and_what_never_changes_are_said_together(verbs):
    made = create(verbs, "deployment", {})
    change = {
        "metadata": {"labels": {"a": "-"}},
        "spec": {"replicas": -1, "selector": {"matchLabels": {"b": "c"}}},
    }
    with pytest.raises(ApiError) as refused:
        verbs.update(kind_of("deployment"), "default", "a", merged(copied(made), change), WriteOptions())
    fields = [text.partition(":")[0] for text in said(refused)]
    assert fields == ["metadata.labels", "spec.replicas", "spec.template.metadata.labels", "spec.selector"]
    assert refused.value.message.startswith('Deployment.apps "a" is invalid: [metadata.labels: ')


def test_the_namespaces_of_the_cluster_stay(verbs):
    with pytest.raises(ApiError) as refused:
        verbs.delete(kind_of("namespace"), "", "default", DeleteOptions())
    assert refused.value.code == 403
    assert refused.value.message == 'namespaces "default" is forbidden: this namespace may not be deleted'


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1000", "1k"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("100n", "100n"),
        ("1e3", "1e3"),
        ("-.5", "-500m"),
        ("0Mi", "0"),
    ],
)
def test_quantities_are_canonical(written, stored):
    assert canonical(written) == stored
    assert canonical(stored) == stored


def test_stored_quantities_are_canonical_and_others_no_quantities(verbs):
    pod = create(verbs, "pod", {"spec": resources({"cpu": 0.5, "memory": "1024Mi"})})
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi"}
    with pytest.raises(ApiError, match="cannot be handled as a Pod: quantities must match") as refused:
        create(verbs, "pod", {"spec": resources({"cpu": "half"})})
    assert refused.value.code == 400


def test_only_what_has_a_specification_counts_its_generations(verbs):
    assert "generation" not in create(verbs, "configmap", {})["metadata"]
    deployment = create(verbs, "deployment", {})
    change = merged(copied(deployment), {"spec": {"replicas": 2}})
    changed, _ = verbs.update(kind_of("deployment"), "default", "a", change, WriteOptions())
    assert (deployment["metadata"]["generation"], changed["metadata"]["generation"]) == (1, 2)


def test_nodes_that_say_nothing_are_schedulable():
    assert parse_fields("spec.unschedulable=false", "nodes")({"spec": {}})
    assert not parse_fields("spec.unschedulable=false", "nodes")({"spec": {"unschedulable": True}})


def test_a_token_ends_with_the_object_it_is_bound_to(verbs, tmp_path):
    tokens = AccountTokens(verbs.store, SigningKey(tmp_path / "sa.key"))
    account = {"metadata": {"name": "robot", "namespace": "default", "uid": "u1"}}
    verbs.store.put("serviceaccounts", account)
    secret = create(verbs, "secret", {})
    reference = {"kind": "Secret", "name": "a", "uid": secret["metadata"]["uid"]}

    def issue(**other):
        return tokens.issue(account, {"spec": {"boundObjectRef": reference | other}})["status"]["token"]

    token = issue()
    assert tokens.user(token).name == "system:serviceaccount:default:robot"
    for other, code in (({"uid": "x"}, 409), ({"name": "b"}, 404), ({"kind": "Job"}, 400)):
        with pytest.raises(ApiError) as refused:
            issue(**other)
        assert refused.value.code == code
    create(verbs, "pod", {})
    with pytest.raises(ApiError, match="pod running with different serviceaccount name"):
        issue(kind="Pod", uid="")
    verbs.delete(kind_of("secret"), "default", "a", DeleteOptions())
    assert tokens.user(token) is None
