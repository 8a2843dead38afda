"""One cluster without its HTTPS server: requests go straight to what answers them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import orjson

from localcloud.kubernetes.certificates import ensure_identity
from localcloud.kubernetes.cluster import Cluster
from localcloud.kubernetes.config import parse_options
from localcloud.kubernetes.handlers import Handlers
from localcloud.kubernetes.routing import Request, parse_query

CORE, APPS, RBAC = "/api/v1", "/apis/apps/v1", "/apis/rbac.authorization.k8s.io/v1"


class Requests:
    """Calls as the cluster's administrator, unless a token or other headers are given."""

    def __init__(self, cluster, token):
        self.cluster, self.token = cluster, token
        self._handlers = Handlers(cluster)

    async def call(self, method, path, body=None, token="", **headers):
        url = urlsplit(path)
        given = {"authorization": f"Bearer {token or self.token}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = b"" if body is None else orjson.dumps(body)
        request = Request(method, url.path, parse_query(url.query.encode()), given, content)
        return (await self.answer(request)).body

    async def answer(self, request):
        return await self._handlers.answer(request)

    async def until(self, condition, seconds=5.0):
        """What ``condition`` returns once it is true: controllers run between the looks."""
        async with asyncio.timeout(seconds):
            while not (found := condition()):
                await asyncio.sleep(0.01)
            return found


@asynccontextmanager
async def running(folder, *arguments):
    """A cluster in ``folder`` with one node of two cores, its controllers running."""
    options = parse_options(
        [
            *("--state", str(folder), "--name", "west", "--cloud", "google", "--region", "us-central1"),
            *("--port", "1", "--pod-start-seconds", "0.01", "--node-group", "pool=1:e2-standard-2"),
            *arguments,
        ]
    )
    identity = ensure_identity(options)
    cluster = Cluster(options, identity)
    cluster.start()
    try:
        yield Requests(cluster, identity.admin_token)
    finally:
        await cluster.stop()
        cluster.close()
