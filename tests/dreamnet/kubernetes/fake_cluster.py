"""An API server in memory, below the official client: enough for unit tests, strict where it answers."""

import copy
import json
from urllib.parse import parse_qs, unquote, urlsplit

from kubernetes.client import ApiClient, Configuration

from dreamnet.kubernetes.cluster import FIELD_MANAGER, Cluster

KINDS = {
    "v1": [
        ("Namespace", "namespaces", False),
        ("Node", "nodes", False),
        ("Pod", "pods", True),
        ("Service", "services", True),
        ("ServiceAccount", "serviceaccounts", True),
        ("ConfigMap", "configmaps", True),
        ("Secret", "secrets", True),
        ("PersistentVolumeClaim", "persistentvolumeclaims", True),
    ],
    "apiextensions.k8s.io/v1": [("CustomResourceDefinition", "customresourcedefinitions", False)],
    "apps/v1": [
        ("Deployment", "deployments", True),
        ("StatefulSet", "statefulsets", True),
        ("ReplicaSet", "replicasets", True),
    ],
    "autoscaling/v2": [("HorizontalPodAutoscaler", "horizontalpodautoscalers", True)],
    "policy/v1": [("PodDisruptionBudget", "poddisruptionbudgets", True)],
    "networking.k8s.io/v1": [("NetworkPolicy", "networkpolicies", True)],
}


class Answer:
    def __init__(self, status, body):
        self.status = status
        self.reason = ""
        self._body = body

    def read(self):
        return self._body if isinstance(self._body, bytes) else json.dumps(self._body).encode()


class FakeApi(ApiClient):
    """Objects by URL path. `controllers` are called with the path and the object after every write."""

    def __init__(self):
        super().__init__(Configuration(host="https://fake"))
        self.objects = {}
        self.controllers = []
        self.requests = []
        self.refuse = {}  # (method, path) -> Answer
        self._version = 0

    def call_api(self, method, url, header_params=None, body=None, post_params=None, _request_timeout=None):
        split = urlsplit(url)
        path, query = unquote(split.path), {key: values[0] for key, values in parse_qs(split.query).items()}
        self.requests.append((method, path))
        if (method, path) in self.refuse:
            return self.refuse[method, path]
        if method == "GET":
            return self._get(path, query)
        if method == "PATCH":
            return self._patch(path, body, header_params["Content-Type"], "dryRun" in query)
        if method == "DELETE":
            if self.objects.pop(path, None) is None:
                return Answer(404, {"message": "not found"})
            return Answer(200, {"kind": "Status"})
        return Answer(405, {"message": f"{method} is not in the fake"})

    def put(self, manifest):
        """Store an object as a controller or another person would."""
        path = self.path(manifest)
        self._store(path, copy.deepcopy(manifest))
        return path

    def put_applied(self, manifest, manager=FIELD_MANAGER):
        """Store an object that a server-side apply made."""
        applied = copy.deepcopy(manifest)
        applied["metadata"]["managedFields"] = [{"manager": manager, "operation": "Apply"}]
        return self.put(applied)

    def path(self, manifest):
        version = manifest["apiVersion"]
        plural, namespaced = next((p, n) for k, p, n in KINDS[version] if k == manifest["kind"])
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        place = f"/namespaces/{manifest['metadata']['namespace']}" if namespaced else ""
        return f"{root}{place}/{plural}/{manifest['metadata']['name']}"

    def writes(self):
        return [request for request in self.requests if request[0] != "GET"]

    def _get(self, path, query):
        if path.endswith("/scale"):
            found = self.objects[path.removesuffix("/scale")]
            return Answer(200, {"spec": {"replicas": found["spec"].get("replicas", 1)}})
        if path in self.objects:
            return Answer(200, self.objects[path])
        if path in ("/api", "/apis"):
            return Answer(200, {"items": [group(v) for v in KINDS if ("/" in v) == (path == "/apis")]})
        for version, kinds in KINDS.items():
            root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
            if path == root:
                resources = [{"kind": k, "name": p, "namespaced": n} for k, p, n in kinds]
                return Answer(200, {"resources": resources})
            for _, plural, _ in kinds:
                if path.startswith(root) and path.endswith(f"/{plural}"):
                    return Answer(200, {"items": self._items(path, root, plural, query)})
        return Answer(404, {"message": "not found"})

    def _items(self, path, root, plural, query):
        wanted = dict(part.split("=") for part in query.get("labelSelector", "").split(",") if part)
        found = []
        for key, item in self.objects.items():
            inside = key.startswith(path + "/") if "/namespaces/" in path else key.startswith(root)
            if inside and key.split("/")[-2] == plural:
                labels = item["metadata"].get("labels", {})
                if wanted.items() <= labels.items():
                    found.append(item)
        return found

    def _patch(self, path, body, content_type, dry_run=False):
        target = path.removesuffix("/scale")
        before = self.objects.get(target)
        if before is None and content_type != "application/apply-patch+yaml":
            return Answer(404, {"message": "not found"})
        if isinstance(body, list):
            after = copy.deepcopy(before)
            for operation in body:
                if operation["op"] == "replace":
                    after["spec"]["template"] = operation["value"]
        else:
            after = merge(copy.deepcopy(before or {}), body)
        if after == before or dry_run:
            return Answer(200 if before else 201, after)
        self._store(target, after)
        return Answer(200 if before else 201, self.objects[target])

    def _store(self, path, item):
        self._version += 1
        before = self.objects.get(path, {})
        metadata = item["metadata"]
        metadata["resourceVersion"] = str(self._version)
        metadata.setdefault("uid", f"uid-{self._version}")
        if before.get("spec") != item.get("spec"):
            metadata["generation"] = before.get("metadata", {}).get("generation", 0) + 1
        self.objects[path] = item
        for controller in self.controllers:
            controller(path, item)


def group(api_version):
    """One API version in aggregated discovery."""
    name, _, version = api_version.rpartition("/")
    resources = [
        {
            "resource": plural,
            "responseKind": {"kind": kind},
            "scope": "Namespaced" if namespaced else "Cluster",
            "verbs": ["list", "delete"],
        }
        for kind, plural, namespaced in KINDS[api_version]
    ]
    versions = [{"version": version, "resources": resources}]
    return {"metadata": {"name": name} if name else {}, "versions": versions}


def merge(base, patch):
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = copy.deepcopy(value)
    return base


def pods_follow(path, item):
    """The Deployment and StatefulSet controllers, at once."""
    if item.get("kind") in ("Deployment", "StatefulSet"):
        replicas = item["spec"].get("replicas", 1)
        item["status"] = {
            "observedGeneration": item["metadata"]["generation"],
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
        }


def cluster(name="fake", cloud="google", region="us-central1", controllers=(pods_follow,)):
    api = FakeApi()
    api.controllers = list(controllers)
    return Cluster(name, cloud, region, api), api


def deployment(name, namespace="dreamnet", replicas=2, **metadata):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "a", "image": "i"}]},
            },
        },
    }


def autoscaler(name, namespace="dreamnet", low=2, high=6):
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
        },
    }


def namespace(name="dreamnet", **metadata):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}


def node(name, labels, ready=True):
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }
