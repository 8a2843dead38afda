"""A canary's judgement and clean-up, on a cluster of two Deployments behind one address on loopback."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dreamnet.errors import ConfigurationError, PrecheckFailed
from dreamnet.kubernetes.cluster import APPLY_PATCH, CANARY_MANAGER, FIELD_MANAGER, Cluster, Kind, NotFound
from dreamnet.kubernetes.routing import GROUP, RULES
from dreamnet.serving.canary import CANARY, FAILED, PASSED, CanaryStep, promote_by_weight
from dreamnet.serving.promotion import PromotionFailed

OLD, NEW, BROKEN, SLOW, SILENT = (f"dreamnet/backend@sha256:{letter * 64}" for letter in "abcde")
API = "dreamnet-api"


def quiet(text: object) -> None:
    pass


class World(Cluster):
    """The objects, by kind and name; each rollout is done at once."""

    def __init__(self, port: int) -> None:
        super().__init__("dreamnet", "google", "us-central1", client=None)  # type: ignore[arg-type]
        backend = {"name": API, "port": 8080, "weight": 100}
        condition = {"type": "Accepted", "status": "True"}
        programmed = {"type": "Programmed", "status": "True"}
        reference = {"name": "front"}
        self.__dict__["weights"] = []
        self.__dict__["kinds"] = {"HTTPRoute", "Gateway", "Deployment", "Service", "NetworkPolicy"}
        self.__dict__["objects"] = {
            "deployments/dreamnet-api": deployment(OLD),
            "services/dreamnet-api": {
                "metadata": {"name": API},
                "spec": {
                    "selector": {"app.kubernetes.io/name": API},
                    "ports": [{"port": 8080, "nodePort": 3}],
                },
            },
            "httproutes/api": {
                "metadata": {"name": "api", "namespace": "dreamnet", "resourceVersion": "1"},
                "spec": {"parentRefs": [reference], "rules": [{"backendRefs": [backend]}]},
                "status": {"parents": [{"parentRef": reference, "conditions": [condition]}]},
            },
            "gateways/front": {
                "metadata": {"name": "front"},
                "spec": {"listeners": [{"name": "http", "port": port, "protocol": "HTTP"}]},
                "status": {"addresses": [{"value": "127.0.0.1"}], "conditions": [programmed]},
            },
        }

    @property
    def objects(self) -> dict[str, Any]:
        return self.__dict__["objects"]  # type: ignore[no-any-return]

    def kind(self, api_version: str, kind: str) -> Kind:
        if kind not in self.__dict__["kinds"]:
            raise NotFound(f"serves no {kind}.", "")
        return Kind(api_version, kind, f"{kind.lower()}s", True)

    def call(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        name = "/".join(path.split("/")[-2:])
        if name.endswith("/httproutes"):
            return 200, {"items": [one for key, one in self.objects.items() if key.startswith("httproutes")]}
        if method == "DELETE":
            del self.objects[name]
            return 200, {}
        found = self.objects.get(name)
        if method == "PATCH":
            body = options["body"]
            if options["content_type"] == APPLY_PATCH:
                found = self.objects.setdefault(name, {"metadata": {"uid": "u", "annotations": {}}})
                found["spec"] = body["spec"]
                if name.startswith("deployments"):
                    found["status"] = rolled_out(body["spec"]["replicas"])
            else:
                self.merged(name, found, options)
        if found is None:
            raise NotFound(f"there is no {name}.", "")
        return 200, found

    def merged(self, name: str, found: Any, options: Any) -> None:
        body = options["body"]
        annotations = {**found["metadata"].get("annotations", {}), **body["metadata"]["annotations"]}
        found["metadata"]["annotations"] = {k: v for k, v in annotations.items() if v is not None}
        if name.startswith("httproutes"):
            found["spec"]["rules"] = body["spec"]["rules"]
            weights = {ref["name"]: ref["weight"] for ref in body["spec"]["rules"][0]["backendRefs"]}
            self.__dict__["weights"].append((weights.get(CANARY, 0), options["query"]["fieldManager"]))
        elif "spec" in body:
            found["spec"]["template"] = body["spec"]["template"]

    def image(self, name: str) -> str | None:
        found = self.objects.get(f"deployments/{name}")
        return found["spec"]["template"]["spec"]["containers"][0]["image"] if found else None

    @property
    def shares(self) -> list[int]:
        return [percent for percent, _ in self.__dict__["weights"]]


def rolled_out(replicas: int) -> dict[str, int]:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
    return {"observedGeneration": 1, **counts}


def deployment(image: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": API}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "api", "image": image}]}}
    spec = {"replicas": 4, "selector": {"matchLabels": labels}, "template": pod}
    return {"metadata": {"name": API, "annotations": {}}, "spec": spec, "status": rolled_out(4)}


@pytest.fixture
def world() -> Iterator[World]:
    class Reads(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            refs = made.objects["httproutes/api"]["spec"]["rules"][0]["backendRefs"]
            weights = {ref["name"]: ref["weight"] for ref in refs}
            chosen = random.choices([*weights], [*weights.values()])[0]
            image = made.image(chosen)
            time.sleep(0.15 if image == SLOW else 0)
            self.send_response(500 if image == BROKEN else 200)
            if chosen == CANARY and image != SILENT:
                self.send_header("X-Release", "canary")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Reads)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made = World(server.server_address[1])
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_weights_grow_the_image_follows_and_nothing_is_left(world: World) -> None:
    steps: list[CanaryStep] = []
    done = promote_by_weight(world, NEW, [10, 50], 20, quiet, steps.append)
    assert (done.changed, done.replicas, world.image(API), world.image(CANARY)) == (True, 4, NEW, None)
    lent = [(percent, CANARY_MANAGER) for percent in (10, 50, 100)]
    assert world.__dict__["weights"] == [*lent, (0, FIELD_MANAGER)]
    assert RULES not in world.objects["httproutes/api"]["metadata"]["annotations"]
    assert [step.percent for step in steps] == [10, 50, 100]
    assert all(abs(step.share - step.percent) < 12 and step.failed == 0 for step in steps)
    assert "weight 10 %: " in str(steps[0])


def test_the_canary_is_one_of_its_own(world: World) -> None:
    world.objects["networkpolicys/dreamnet-api"] = {
        "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": API}}}
    }
    seen: list[dict[str, Any]] = []

    def tell(step: CanaryStep) -> None:
        seen.append({name: value["spec"] for name, value in world.objects.items() if CANARY in name})

    promote_by_weight(world, NEW, [30], 20, quiet, tell)
    spec = seen[0][f"deployments/{CANARY}"]
    assert spec["replicas"] == 2, "30 % of 4, rounded up"
    labels = {"app.kubernetes.io/name": CANARY}
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == labels
    assert spec["template"]["spec"]["containers"][0]["env"] == [{"name": "RELEASE", "value": "canary"}]
    assert seen[0][f"services/{CANARY}"]["selector"] == labels
    assert seen[0][f"services/{CANARY}"]["ports"] == [{"port": 8080}]
    assert seen[0][f"networkpolicys/{CANARY}"]["podSelector"]["matchLabels"] == labels


@pytest.mark.parametrize(
    ("image", "why"),
    [(BROKEN, "reads failed"), (SLOW, "is slow at weight 20 %"), (SILENT, "share is not near the weight")],
)
def test_an_image_that_does_not_pass_is_taken_back(world: World, image: str, why: str) -> None:
    with pytest.raises(PromotionFailed, match=f"{why}.*weight went back to 0, and the canary is removed"):
        promote_by_weight(world, image, [20, 50], 0.5, quiet, quiet)
    assert world.shares == [20, 0]
    assert (world.image(API), world.image(CANARY)) == (OLD, None)


def test_a_second_run_goes_on_where_the_first_was_killed(world: World) -> None:
    class Killed(BaseException):
        pass

    def die(step: CanaryStep) -> None:
        raise Killed

    with pytest.raises(Killed):
        promote_by_weight(world, NEW, [10, 50], 20, quiet, die)
    assert world.objects[f"deployments/{CANARY}"]["metadata"]["annotations"] == {PASSED: "10"}
    steps: list[CanaryStep] = []
    promote_by_weight(world, NEW, [10, 50], 20, quiet, steps.append)
    assert ([step.percent for step in steps], world.shares) == ([50, 100], [10, 50, 100, 0])
    assert (world.image(API), world.image(CANARY)) == (NEW, None)


def test_what_another_run_left_is_cleaned_up_first(world: World) -> None:
    world.objects[f"deployments/{CANARY}"] = deployment(SLOW)
    promote_by_weight(world, NEW, [50], 20, quiet, quiet)
    assert world.image(API) == NEW
    left = deployment(BROKEN)
    left["metadata"]["annotations"] = {FAILED: "20 of 50 reads failed."}
    world.objects[f"deployments/{CANARY}"] = left
    with pytest.raises(
        PromotionFailed, match=r"earlier canary of this image failed: 20 of 50 reads failed\."
    ):
        promote_by_weight(world, BROKEN, [50], 20, quiet, quiet)
    assert (world.image(API), world.image(CANARY)) == (NEW, None)


def test_what_cannot_be_weighed_is_refused_before_anything_changes(world: World) -> None:
    def refused(image: str = NEW, steps: tuple[int, ...] = (10,)) -> str:
        with pytest.raises((PrecheckFailed, ConfigurationError)) as caught:
            promote_by_weight(world, image, steps, 0.3, quiet, quiet)
        assert caught.value.remedy
        return caught.value.problem

    assert "no list of growing percents" in refused(steps=(50, 10))
    assert "no list of growing percents" in refused(steps=(10, 110))
    world.objects["deployments/dreamnet-api"]["spec"]["replicas"] = 0
    assert "sleeps" in refused()
    world.objects["deployments/dreamnet-api"] = deployment(BROKEN)
    assert "fail before anything was changed" in refused()
    rules = world.objects["httproutes/api"]["spec"]["rules"]
    rules[0]["backendRefs"].append({"name": "other", "port": 1, "weight": 5})
    assert "shares the requests of dreamnet-api with other" in refused()
    rules[0]["backendRefs"] = [{"name": "other", "port": 1}]
    assert "no HTTPRoute leads to Service dreamnet/dreamnet-api" in refused()
    world.__dict__["kinds"].discard("HTTPRoute")
    assert "serves no HTTPRoute" in refused()
    assert (world.shares, world.image(CANARY)) == ([], None)


def test_the_gateways_own_words_where_it_does_not_serve(world: World) -> None:
    from dreamnet.errors import ResourceError
    from dreamnet.kubernetes.routing import find_route, front

    status = world.objects["gateways/front"]["status"]
    status["conditions"] = [
        {"type": "Programmed", "status": "False", "reason": "AddressNotUsable", "message": "no quota"}
    ]
    route = find_route(world, "dreamnet", API)
    assert (route["apiVersion"], route["kind"]) == (GROUP, "HTTPRoute")
    with pytest.raises(ResourceError, match=r"Gateway dreamnet/front .*AddressNotUsable: no quota"):
        front(world, route, 0)
    status["conditions"][0]["status"] = "True"
    world.objects["gateways/front"]["spec"]["listeners"][0] |= {
        "protocol": "HTTPS",
        "hostname": "*.d.example",
    }
    found = front(world, route, 0)
    assert (found.url.partition(":")[0], found.host) == ("https", "canary.d.example")
