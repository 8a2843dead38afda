"""A Google Cloud project as the gameplan uses it: who we are, where, and clients for its services."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dreamnet.clouds import google_rest
from dreamnet.clouds.pace import Pace

if TYPE_CHECKING:  # each takes up to a second to import: only when a client is wanted
    import google.auth.credentials

#: Seconds to connect and to wait for an answer. Google answers control-plane calls well within these: long
#: work is an operation that is polled.
TIMEOUT = (5.0, 60.0)

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


@dataclass(frozen=True)
class GoogleAccount:
    """One project, as a block describes it.

    Attributes:
        project: the project's id.
        region, zone: where everything lives that is not said to live elsewhere.
        second_region: where week 4 puts the second cluster and the replica.
        credentials: sign the calls. Never printed.
        endpoints: addresses that replace Google's own, by API name (`container`): a root URL, below which the
            API's own paths follow. `pubsub` is `host:port` of a plain-text gRPC server, for the client;
            Pub/Sub's REST root is `pubsub_rest`. Empty: Google's own.
    """

    project: str
    region: str
    zone: str
    second_region: str
    credentials: google.auth.credentials.Credentials = field(repr=False, compare=False)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    _local: threading.local = field(default_factory=threading.local, repr=False, compare=False)
    _apis: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)
    _paces: dict[str, Pace] = field(default_factory=dict, repr=False, compare=False)
    _lock: Any = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def from_service_account(
        cls,
        info: Mapping[str, Any],
        *,
        project: str,
        region: str,
        zone: str,
        second_region: str,
        endpoints: Mapping[str, str] | None = None,
    ) -> GoogleAccount:
        """An account from the parsed JSON of a service account key.

        Raises:
            CredentialsError: the key is not one.
        """
        credentials = google_rest.service_account(info, SCOPES)
        return cls(project, region, zone, second_region, credentials, endpoints or {})

    def root(self, api: str, default: str) -> str:
        """The root URL of an API, with a slash at its end: the endpoint given for it, or Google's own."""
        given = self.endpoints.get(f"{api}_rest") or self.endpoints.get(api)
        return (given or default).rstrip("/") + "/"

    def session(self) -> Any:
        """An authorised `requests` session of the calling thread, with connections that stay open."""
        if not hasattr(self._local, "session"):
            from google.auth.transport.requests import AuthorizedSession

            make: Any = AuthorizedSession  # google-auth has no annotations here
            self._local.session = make(self.credentials)
        return self._local.session

    def pace(self, url: str) -> Pace:
        """The rate of calls to the service at this address."""
        service = "/".join(url.split("/")[:4])
        with self._lock:
            return self._paces.setdefault(service, Pace())

    def api(self, name: str, version: str) -> Any:
        """A discovery client, such as `api("container", "v1")`, built from the bundled document without
        a call.

        It may be shared between threads: each thread has its own connection.

        Raises:
            ConfigurationError: there is no such API or version.
        """
        from googleapiclient.discovery import build_from_document

        with self._lock:
            if (name, version) not in self._apis:
                document = google_rest.document(name, version)
                endpoint = self.root(name, document["rootUrl"]) + document["servicePath"]
                self._apis[name, version] = build_from_document(
                    json.dumps(document),
                    http=self._http(),
                    requestBuilder=self._request,
                    client_options={"api_endpoint": endpoint},
                )
            return self._apis[name, version]

    def _http(self) -> Any:
        # httplib2 connections must not be shared between threads.
        if not hasattr(self._local, "http"):
            import google_auth_httplib2
            import httplib2

            self._local.http = google_auth_httplib2.AuthorizedHttp(
                self.credentials, http=httplib2.Http(timeout=TIMEOUT[1])
            )
        return self._local.http

    def _request(self, _shared_http: Any, *arguments: Any, **options: Any) -> Any:
        from googleapiclient.http import HttpRequest

        return HttpRequest(self._http(), *arguments, **options)

    def storage(self) -> Any:
        """A `google.cloud.storage.Client`."""
        from google.cloud import storage  # type: ignore[attr-defined]

        return storage.Client(project=self.project, credentials=self.credentials, **self._options("storage"))

    def bigquery(self, location: str | None = None) -> Any:
        """A `google.cloud.bigquery.Client`."""
        from google.cloud import bigquery

        return bigquery.Client(
            project=self.project,
            credentials=self.credentials,
            location=location,
            **self._options("bigquery"),
        )

    def _options(self, api: str) -> dict[str, Any]:
        given = self.endpoints.get(api)
        return {"client_options": {"api_endpoint": given.rstrip("/")}} if given else {}

    def publisher(self) -> Any:
        """A `google.cloud.pubsub_v1.PublisherClient`."""
        from google.cloud import pubsub_v1  # type: ignore[attr-defined]
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

        return pubsub_v1.PublisherClient(**self._grpc("pubsub", PublisherGrpcTransport))

    def subscriber(self) -> Any:
        """A `google.cloud.pubsub_v1.SubscriberClient`."""
        from google.cloud import pubsub_v1  # type: ignore[attr-defined]
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

        return pubsub_v1.SubscriberClient(**self._grpc("pubsub", SubscriberGrpcTransport))

    def _grpc(self, api: str, transport: Any) -> dict[str, Any]:
        import grpc  # type: ignore[import-untyped]

        given = self.endpoints.get(api)
        if given is None:
            return {"credentials": self.credentials}
        return {"transport": transport(host=given, channel=grpc.insecure_channel(given))}

    def check(self) -> str:
        """Ask Google who we are, and whether the project is visible to that identity.

        Returns:
            The identity and the project, for people.

        Raises:
            CredentialsError: Google refused the key, or the identity may not see the project.
            UnreachableError: nothing answered.
        """
        url = self.root("cloudresourcemanager", "https://cloudresourcemanager.googleapis.com/")
        found = google_rest.call(self, "GET", f"{url}v1/projects/{self.project}", what="Google credentials")
        identity = getattr(self.credentials, "service_account_email", None) or "this identity"
        return f"{identity} in project {found['projectId']}"
