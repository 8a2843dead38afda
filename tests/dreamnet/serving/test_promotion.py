"""What is promoted, what stops it, and the way back; the service is a real one on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dreamnet.errors import ConfigurationError, PrecheckFailed
from dreamnet.kubernetes.cluster import APPLY_PATCH, Cluster, Kind, NotFound
from dreamnet.serving.promotion import (
    PREVIOUS,
    PROMOTED,
    TAKEN_BACK,
    PromotionFailed,
    check_awake,
    check_image,
    promote,
    put_back,
)

OLD, NEW, BROKEN = (f"dreamnet/backend@sha256:{letter * 64}" for letter in "abc")


def quiet(text: str) -> None:
    pass


class Backend(Cluster):
    """One Deployment and its service; reads fail while the image is one of `broken`."""

    def __init__(self, port: int) -> None:
        super().__init__("dreamnet", "google", "us-central1", client=None)  # type: ignore[arg-type]
        self.__dict__["patches"] = []
        self.__dict__["deployment"] = {
            "metadata": {"annotations": {}, "generation": 1},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "api", "image": OLD}]}}},
            "status": {
                "observedGeneration": 1,
                "replicas": 2,
                "updatedReplicas": 2,
                "availableReplicas": 2,
            },
        }
        self.__dict__["port"] = port

    def kind(self, api_version: str, kind: str) -> Kind:
        return Kind(api_version, kind, f"{kind.lower()}s", True)

    def call(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        if "/services/" in path:
            ingress = [{"ip": "127.0.0.1"}]
            return 200, {
                "status": {"loadBalancer": {"ingress": ingress}},
                "spec": {"ports": [{"port": self.__dict__["port"]}]},
            }
        found = self.__dict__["deployment"]
        if method == "PATCH":
            assert options["content_type"] != APPLY_PATCH
            annotations = {**found["metadata"]["annotations"], **options["body"]["metadata"]["annotations"]}
            found["metadata"]["annotations"] = {k: v for k, v in annotations.items() if v is not None}
            found["spec"]["template"] = options["body"]["spec"]["template"]
            self.__dict__["patches"].append(self.image)
        return 200, found

    @property
    def image(self) -> str:
        return str(self.__dict__["deployment"]["spec"]["template"]["spec"]["containers"][0]["image"])

    @property
    def annotations(self) -> dict[str, str]:
        return dict(self.__dict__["deployment"]["metadata"]["annotations"])


@pytest.fixture
def backend() -> Iterator[Backend]:
    class Reads(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(500 if made.image == BROKEN else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Reads)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made = Backend(server.server_address[1])
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_image_passes_and_what_ran_before_is_noted(backend: Backend) -> None:
    done = promote(backend, NEW, 5, quiet)
    assert (done.changed, done.replicas, done.failed) == (True, 2, 0)
    assert done.reads >= 200
    assert backend.annotations == {PROMOTED: NEW, PREVIOUS: OLD}
    assert not promote(backend, NEW, 5, quiet).changed
    assert backend.annotations[PREVIOUS] == OLD, "a repetition does not forget the way back"


def test_failing_reads_take_it_back(backend: Backend) -> None:
    with pytest.raises(PromotionFailed, match=rf"dreamnet \(GKE.*of \d+ reads .*failed.*{OLD} runs again"):
        promote(backend, BROKEN, 5, quiet)
    assert backend.__dict__["patches"] == [BROKEN, OLD]
    assert backend.annotations == {TAKEN_BACK: BROKEN}
    promote(backend, NEW, 5, quiet)
    assert backend.annotations == {PROMOTED: NEW, PREVIOUS: OLD}


def test_the_way_back_is_gone_once(backend: Backend) -> None:
    promote(backend, NEW, 5, quiet)
    assert put_back(backend, 5, quiet) == OLD
    assert put_back(backend, 5, quiet) is None


def test_a_note_about_another_image_is_no_way_back(backend: Backend) -> None:
    promote(backend, NEW, 5, quiet)
    backend.__dict__["deployment"]["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody:1"
    assert put_back(backend, 5, quiet) is None
    assert backend.image == "somebody:1"


def test_a_service_that_fails_already_is_not_blamed_on_the_image(backend: Backend) -> None:
    backend.__dict__["deployment"]["spec"]["template"]["spec"]["containers"][0]["image"] = BROKEN
    with pytest.raises(PrecheckFailed, match="before anything was changed"):
        promote(backend, NEW, 5, quiet)
    assert backend.__dict__["patches"] == []


def test_a_sleeping_deployment_is_not_promoted(backend: Backend) -> None:
    backend.__dict__["deployment"]["spec"]["replicas"] = 0
    for attempt in (lambda: promote(backend, NEW, 5, quiet), lambda: check_awake(backend)):
        with pytest.raises(PrecheckFailed, match=r"sleeps \(0 replicas\)"):
            attempt()
    assert backend.__dict__["patches"] == []


@pytest.mark.parametrize(
    "image",
    ["dreamnet/backend", "dreamnet/backend:1.4.2", "dreamnet/backend@sha256:abc", f"x@sha256:{'A' * 64}", ""],
)
def test_anything_but_a_digest_is_refused(image: str) -> None:
    with pytest.raises(ConfigurationError, match="not named by a digest") as caught:
        check_image(image)
    assert repr(image) in caught.value.problem


def test_a_deployment_that_is_not_there(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: Any, **options: Any) -> Any:
        raise NotFound("there is no deployments dreamnet/dreamnet-api.", "Apply it first.")

    monkeypatch.setattr(Backend, "call", missing)
    with pytest.raises(NotFound, match="dreamnet/dreamnet-api"):
        promote(backend, NEW, 5, quiet)
