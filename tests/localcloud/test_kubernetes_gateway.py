"""Gateway API on a local cluster: real requests through a real Caddy, and what the objects' status says."""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from collections import Counter
from contextlib import ExitStack, asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from localcloud.kubernetes.certificates import self_signed
from localcloud.ports import free_port
from tests.localcloud.kubernetes_requests import CORE, running

API = "/apis/gateway.networking.k8s.io/v1"
GATEWAYS, ROUTES = f"{API}/namespaces/default/gateways", f"{API}/namespaces/default/httproutes"
MERGE = "application/merge-patch+json"


class Echo(BaseHTTPRequestHandler):
    """Answers which server it is, the path, and what a filter added to the request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"{self.server.name} {self.path} {self.headers.get('X-Added', '-')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


@contextmanager
def echo(name):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.name, server.daemon_threads = name, True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def served(folder, *names):
    """A cluster with one Service of each name before a server of its own."""
    with echoes(names) as ports:
        async with running(folder, "--gateway-api") as requests:
            kinds = requests.cluster.kinds
            for plural in ("gateways", "httproutes"):
                await requests.until(
                    lambda plural=plural: kinds.find("gateway.networking.k8s.io", "v1", plural)
                )
            for name, port in ports.items():
                await requests.call("POST", f"{CORE}/namespaces/default/services", service(name))
                slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
                await requests.call("POST", slices, endpoint_slice(name, port))
            yield requests


@contextmanager
def echoes(names):
    with ExitStack() as stack:
        yield {name: stack.enter_context(echo(name)) for name in names}


def service(name):
    return {"metadata": {"name": name}, "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}


def endpoint_slice(name, port):
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }


def gateway(port, **listener):
    one = {"name": "web", "protocol": "HTTP", "port": port, **listener}
    spec = {"gatewayClassName": "gke-l7-global-external-managed", "listeners": [one]}
    return {"metadata": {"name": "front"}, "spec": spec}


def route(name, rules, **spec):
    return {"metadata": {"name": name}, "spec": {"parentRefs": [{"name": "front"}], "rules": rules, **spec}}


def to(name, weight=1):
    return {"name": name, "port": 80, "weight": weight}


def condition(status, kind):
    return next((c for c in status.get("conditions", ()) if c["type"] == kind), {"status": None})


async def programmed(requests, attached):
    """The Gateway's address, once it is served with so many routes on its first listener."""

    def look():
        found = requests.cluster.store.get("gateways.gateway.networking.k8s.io", "default", "front")
        status = found.get("status", {})
        listener = (status.get("listeners") or [{}])[0]
        done = condition(status, "Programmed")["status"] == "True"
        return done and listener.get("attachedRoutes") == attached and status["addresses"][0]["value"]

    return await requests.until(look, 15)


async def get(url, **headers):
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
        return await client.get(url, headers=headers)


async def eventually(url, expected, **headers):
    async with asyncio.timeout(5):
        while (answer := await get(url, **headers)).text != expected:
            await asyncio.sleep(0.02)
    return answer


def test_requests_go_where_the_most_specific_match_says(tmp_path):
    async def check():
        async with served(tmp_path, "blue", "green") as requests:
            port = free_port()
            modified = {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": "X-Added", "value": "yes"}]},
            }
            answered = {
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {"add": [{"name": "X-Seen", "value": "here"}]},
            }
            redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
            rules = [
                {"backendRefs": [to("blue")], "filters": [modified, answered]},
                {
                    "matches": [
                        {"path": {"type": "Exact", "value": "/Exact"}},
                        {"path": {"type": "PathPrefix", "value": "/pre"}},
                        {"headers": [{"name": "X-Canary", "value": "a.c"}]},
                    ],
                    "backendRefs": [to("green")],
                },
                {"matches": [{"path": {"value": "/old"}}], "filters": [redirect]},
            ]
            await requests.call("POST", GATEWAYS, gateway(port))
            await requests.call("POST", ROUTES, route("all", rules, hostnames=["a.example", "*.b.example"]))
            url = f"http://{await programmed(requests, 1)}:{port}"
            host = {"Host": "a.example"}
            plain = await eventually(f"{url}/exact", "blue /exact yes", **host)
            assert plain.headers["X-Seen"] == "here"
            assert (await get(f"{url}/Exact", **host)).text == "green /Exact -"
            assert (await get(f"{url}/pre/x?q=1", **host)).text == "green /pre/x?q=1 -"
            assert (await get(f"{url}/prefix", **host)).text == "blue /prefix yes"
            assert (await get(url, **host, **{"X-Canary": "a.c"})).text == "green / -"
            assert (await get(url, **host, **{"X-Canary": "abc"})).text == "blue / yes"
            moved = await get(f"{url}/old/page?q=1", **host)
            assert (moved.status_code, moved.headers["Location"]) == (301, "https://a.example/old/page?q=1")
            assert (await get(f"{url}/pre", Host="x.y.b.example")).text == "green /pre -"
            assert [(await get(url, Host=name)).status_code for name in ("b.example", "c.example")] == [
                404,
                404,
            ]

    asyncio.run(check())


def test_weights_change_under_load_without_a_lost_request(tmp_path):
    async def check():
        async with served(tmp_path, "blue", "green") as requests:
            port = free_port()
            await requests.call("POST", GATEWAYS, gateway(port))
            await requests.call(
                "POST", ROUTES, route("split", [{"backendRefs": [to("blue", 1), to("green", 0)]}])
            )
            url = f"http://{await programmed(requests, 1)}:{port}"
            await eventually(url, "blue / -")
            counts = Counter()
            stop = asyncio.Event()

            async def load(client):
                while not stop.is_set():
                    answer = await client.get(url)
                    counts[answer.text if answer.status_code == 200 else answer.status_code] += 1

            # A connection that the server closes while it is idle is opened anew, as every client does.
            async with httpx.AsyncClient(trust_env=False, transport=Again()) as client:
                readers = [asyncio.create_task(load(client)) for _ in range(4)]
                for blue, green in ((95, 5), (50, 50), (0, 100)):
                    patch = {"spec": {"rules": [{"backendRefs": [to("blue", blue), to("green", green)]}]}}
                    await requests.call("PATCH", f"{ROUTES}/split", patch, content_type=MERGE)
                    await share_near(counts, green / 100)
                stop.set()
                await asyncio.gather(*readers)
            assert set(counts) == {"blue / -", "green / -"}

    async def share_near(counts, wanted):
        async with asyncio.timeout(10):
            while True:
                before = counts.copy()
                while sum((counts - before).values()) < 200:
                    await asyncio.sleep(0.01)
                window = counts - before
                if abs(window["green / -"] / window.total() - wanted) <= 0.03:
                    return

    asyncio.run(check())


class Again(httpx.AsyncBaseTransport):
    """Sends a GET once more when its connection was closed before anything was answered (RFC 9110, 9.2.2)."""

    def __init__(self):
        self._plain = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request):
        try:
            return await self._plain.handle_async_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return await self._plain.handle_async_request(request)

    async def aclose(self):
        await self._plain.aclose()


def test_what_does_not_resolve_answers_500_and_what_is_not_ready_503(tmp_path):
    async def check():
        async with served(tmp_path, "blue") as requests:
            port = free_port()
            await requests.call("POST", f"{CORE}/namespaces/default/services", service("empty"))
            rules = [
                {"matches": [{"path": {"value": "/empty"}}], "backendRefs": [to("empty")]},
                {"matches": [{"path": {"value": "/none"}}], "backendRefs": [to("nobody")]},
                {"matches": [{"path": {"value": "/zero"}}], "backendRefs": [to("blue", 0)]},
            ]
            await requests.call("POST", GATEWAYS, gateway(port, hostname="*.example"))
            await requests.call("POST", ROUTES, route("bad", rules))
            await requests.call("POST", ROUTES, route("far", rules, hostnames=["else.where"]))
            mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "blue", "port": 80}}}
            await requests.call(
                "POST", ROUTES, route("odd", [{"filters": [mirror], "backendRefs": [to("blue")]}])
            )
            url = f"http://{await programmed(requests, 1)}:{port}"
            codes = [
                (await get(f"{url}/{path}", Host="a.example")).status_code
                for path in ("empty", "none", "zero")
            ]
            assert codes == [503, 500, 500]

            def parent(name):
                found = requests.cluster.store.get("httproutes.gateway.networking.k8s.io", "default", name)
                return found["status"]["parents"][0]

            assert condition(parent("bad"), "ResolvedRefs")["reason"] == "BackendNotFound"
            assert "default/nobody" in condition(parent("bad"), "ResolvedRefs")["message"]
            assert condition(parent("far"), "Accepted")["reason"] == "NoMatchingParent"
            assert "RequestMirror" in condition(parent("odd"), "Accepted")["message"]
            await requests.call("DELETE", f"{GATEWAYS}/front")
            async with asyncio.timeout(10):
                while True:
                    try:
                        await get(url)
                    except httpx.ConnectError:
                        return
                    await asyncio.sleep(0.05)

    asyncio.run(check())


@pytest.mark.parametrize("given", [True, False])
def test_https_shows_the_certificate_of_the_secret_or_says_that_it_is_a_stand_in(tmp_path, given):
    async def check():
        async with served(tmp_path, "blue") as requests:
            port = free_port()
            certificate, key = self_signed(["a.example"])
            data = {"tls.crt": certificate, "tls.key": key}
            encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
            tls = {"tls": {"certificateRefs": [{"name": "pair"}]}} if given else {}
            if given:
                secret = {"metadata": {"name": "pair"}, "type": "kubernetes.io/tls", "data": encoded}
                await requests.call("POST", f"{CORE}/namespaces/default/secrets", secret)
            await requests.call(
                "POST", GATEWAYS, gateway(port, protocol="HTTPS", hostname="a.example", **tls)
            )
            await requests.call("POST", ROUTES, route("all", [{"backendRefs": [to("blue")]}]))
            address = await programmed(requests, 1)
            trust = ssl.create_default_context(cadata=certificate)
            async with httpx.AsyncClient(trust_env=False, verify=trust) as client:
                asked = client.get(
                    f"https://{address}:{port}/x",
                    headers={"Host": "a.example"},
                    extensions={"sni_hostname": "a.example"},
                )
                if given:
                    assert (await asked).text == "blue /x -"
                else:
                    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                        await asked
            shown = requests.cluster.store.get("gateways.gateway.networking.k8s.io", "default", "front")
            said = condition(shown["status"]["listeners"][0], "ResolvedRefs")
            assert (said["status"], "stand-in" in said["message"]) == ("True", not given)

    asyncio.run(check())
