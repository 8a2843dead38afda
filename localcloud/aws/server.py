"""Puts the local AWS together and serves it on one port."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dreamnet.clouds.aws import AwsAccount
from localcloud.aws.cloudcontrol import CloudControl
from localcloud.aws.environments import Environments
from localcloud.aws.services import Service
from localcloud.aws.signatures import KeyPair
from localcloud.aws.snapshots import Snapshots
from localcloud.aws.store import Store
from localcloud.aws.types import Clients
from localcloud.engines import Engines
from localcloud.state import State

_LOG = logging.getLogger(__name__)
_REGION, _SECOND_REGION = "us-east-1", "us-west-2"


class LocalAws:
    """The running endpoint.

    Args:
        state: where credentials, engines and what was made are kept.
        port: on 127.0.0.1.
        engines: what starts real servers; those of the state directory by default.
    """

    def __init__(self, state: State, port: int, engines: Engines | None = None) -> None:
        credentials = state.credentials()
        # moto reads these when it is imported.
        os.environ["MOTO_ACCOUNT_ID"] = credentials.aws_account_id
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        self.url = f"http://127.0.0.1:{port}"
        self._keys = KeyPair(credentials.aws_access_key_id, credentials.aws_secret_access_key)
        self._account = AwsAccount.from_keys(
            account_id=credentials.aws_account_id,
            region=_REGION,
            second_region=_SECOND_REGION,
            access_key_id=self._keys.access_key_id,
            secret_access_key=self._keys.secret_access_key,
            endpoint_url=self.url,
        )
        self._pool = ThreadPoolExecutor(max_workers=32, thread_name_prefix="aws")
        folder = state.dir / "aws"
        folder.mkdir(mode=0o700, exist_ok=True)
        store = Snapshots.load(folder / "snapshot.pickle") or Store()
        store.interrupted()
        store.moved(self.url)
        self._snapshots = Snapshots(folder / "snapshot.pickle", credentials.aws_account_id, store)
        self._server = self._assemble(state, port, engines or Engines(state), store, credentials)

    def _assemble(self, state: State, port: int, engines: Engines, store: Store, credentials: Any) -> Any:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler
        from werkzeug.serving import make_server

        from localcloud.aws import patches
        from localcloud.aws.gateway import Gateway
        from localcloud.aws.registry import HANDLERS
        from localcloud.aws.services.alarms import Alarms
        from localcloud.aws.services.background import Background
        from localcloud.aws.services.clock import Clock
        from localcloud.aws.services.delivery import Delivery
        from localcloud.aws.services.eks import Eks
        from localcloud.aws.services.engines import ElastiCache, Rds
        from localcloud.aws.services.filters import MetricFilters
        from localcloud.aws.services.firehose import Firehose
        from localcloud.aws.services.functions import Lambda
        from localcloud.aws.services.http import HttpApis
        from localcloud.aws.services.readiness import Readiness

        patches.show_real_addresses()
        patches.forget_replicas_of_other_regions()
        patches.ignore_conditional_statements()
        patches.remember_what_stays_the_same()
        changed, account_id = self._snapshots.touch, credentials.aws_account_id
        background = Background(self._pool, changed)
        environments = Environments(state.log, state.dir / "aws" / "lambda")
        functions = Lambda(account_id, self._keys, self.url, environments, self._pool, changed)
        functions.install()
        delivery = Delivery(account_id, functions, self._pool, changed)
        delivery.install()
        alarms = Alarms(account_id, functions.later, delivery.announce, changed)
        filters = MetricFilters(account_id)
        filters.install()
        apis = HttpApis(account_id, self.url, functions)
        apis.install()
        firehose = Firehose(account_id, changed)
        firehose.install()
        self._living = [functions, alarms, Clock(account_id, delivery), firehose]
        ours: list[Service] = [
            functions,
            alarms,
            filters,
            *_kept(store, account_id, self._clients),
            Rds(account_id, engines, background),
            Eks(account_id, engines, background, credentials.google_access_token),
            ElastiCache(account_id, engines, background),
            Readiness(account_id),
            *_data_services(store, account_id, changed, self._pool),
        ]
        gateway = Gateway(
            self._keys,
            CloudControl(store, account_id, HANDLERS, self._clients, changed, self._pool),
            {operation: service for service in ours for operation in service.operations},
            apis,
            DomainDispatcherApplication(_service_app),
            changed,
        )

        class Handler(MotoRequestHandler):
            """Answers without waiting for more to send, and leaves the log to us."""

            disable_nagle_algorithm = True
            protocol_version = "HTTP/1.1"

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                _LOG.debug("%s %s %s", self.command, self.path, code)

        return make_server("127.0.0.1", port, gateway, threaded=True, request_handler=Handler)

    def _clients(self, region: str) -> Clients:
        return lambda service, other="": self._account.client(service, other or region)

    def serve(self) -> None:
        """Serve until `stop`, from this thread."""
        self._snapshots.start()
        for one in self._living:
            one.start()
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """Stop serving and save. Engines go on: they belong to the state directory."""
        self._server.shutdown()
        self._server.server_close()
        for one in self._living:
            one.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._snapshots.stop()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        done = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: done.set())
        thread = threading.Thread(target=self.serve, name="aws", daemon=True)
        thread.start()
        _LOG.info("serving on %s", self.url)
        done.wait()
        self.stop()


def _kept(store: Store, account_id: str, clients: Callable[[str], Clients]) -> list[Service]:
    """The services of ours that keep records."""
    from localcloud.aws.services.accelerator import Accelerators
    from localcloud.aws.services.anomalies import Anomalies
    from localcloud.aws.services.billing import Budgets, DataExports
    from localcloud.aws.services.bucket_events import BucketEvents
    from localcloud.aws.services.edge import EdgePolicies
    from localcloud.aws.services.express import Express
    from localcloud.aws.services.lattice import Lattice
    from localcloud.aws.services.learning import Comprehend, Rekognition, SageMaker
    from localcloud.aws.services.pricing import Pricing
    from localcloud.aws.services.registries import Registries
    from localcloud.aws.services.stages import Stages
    from localcloud.aws.services.tracing import Tracing

    return [
        Accelerators("globalaccelerator", store, account_id),
        Anomalies("ce", store, account_id),
        Budgets("budgets", store, account_id),
        Comprehend("comprehend", store, account_id),
        DataExports("bcm-data-exports", store, account_id),
        EdgePolicies("cloudfront", store, account_id),
        Express(store, account_id, clients),
        BucketEvents(account_id),
        Lattice("vpc-lattice", store, account_id),
        Pricing(),
        Registries("schemas", store, account_id),
        Rekognition("rekognition", store, account_id),
        SageMaker(account_id),
        Stages(account_id),
        Tracing("xray", store, account_id),
    ]


def _service_app(service: Any) -> Any:
    """moto's application for a service; it has None for one that it lacks."""
    from moto.moto_server.werkzeug_app import create_backend_app

    if service is None:
        raise NotImplementedError
    return create_backend_app(service)


def _data_services(
    store: Store, account_id: str, changed: Callable[[], None], pool: ThreadPoolExecutor
) -> list[Service]:
    """What moto's data services lack."""
    from localcloud.aws.services.bucket_replication import BucketReplication
    from localcloud.aws.services.flink import ManagedFlink
    from localcloud.aws.services.global_tables import GlobalTables
    from localcloud.aws.services.redshift_serverless import RedshiftServerless
    from localcloud.aws.services.secret_replicas import SecretReplicas

    return [
        RedshiftServerless(account_id, store, changed),
        GlobalTables(account_id, changed),
        ManagedFlink(account_id, changed),
        SecretReplicas(account_id),
        BucketReplication(account_id, pool),
    ]
