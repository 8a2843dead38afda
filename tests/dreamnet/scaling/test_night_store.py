"""The state in a bucket: what is written is read, a newer generation wins, and errors say what to do."""

from types import SimpleNamespace

import pytest
from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed, ServiceUnavailable

from dreamnet.errors import (
    ConfigurationError,
    CredentialsError,
    PrecheckFailed,
    ResourceError,
    UnreachableError,
)
from dreamnet.scaling.snapshot import Item
from dreamnet.scaling.store import BucketStore, Night

NIGHT = Night("down", "run1", (Item("rds/r/x", {"running": True}, details={"machine_type": "db.t4g.micro"}),))


class Bucket:
    """Cloud Storage as the client shows it: one object with generations."""

    def __init__(self, exists=True):
        self.content, self.generation, self.there, self.error, self.names = None, 0, exists, None, []

    def bucket(self, name):
        self.names.append(name)
        return SimpleNamespace(blob=lambda path: self.names.append(path) or self, exists=lambda: self.there)

    def download_as_bytes(self):
        if self.error:
            raise self.error
        if self.content is None:
            raise NotFound("no")
        return self.content

    def upload_from_string(self, text, content_type, if_generation_match):
        if self.error:
            raise self.error
        if if_generation_match != self.generation:
            raise PreconditionFailed("conditionNotMet")
        self.content, self.generation = text.encode(), self.generation + 1


@pytest.fixture
def bucket():
    return Bucket()


@pytest.fixture
def store(bucket):
    return BucketStore(bucket, "p-state", "production")


def test_what_is_saved_is_loaded(store, bucket):
    assert store.load() == (None, 0)
    assert store.save(NIGHT, 0) == 1
    assert store.load() == (NIGHT, 1)
    assert store.save(NIGHT.moved("up", "run2"), 1) == 2
    night, _ = store.load()
    assert (night.phase, night.run, night.saved_at) == ("up", "run2", NIGHT.saved_at)
    assert store.url == "gs://p-state/night/production.json"
    assert set(bucket.names) == {"p-state", "night/production.json"}


def test_a_generation_that_is_not_ours_is_refused(store):
    store.save(NIGHT, 0)
    with pytest.raises(PrecheckFailed, match=r"Another run has changed gs://p-state/night/production.json"):
        store.save(NIGHT, 0)


def test_no_bucket_is_no_empty_state(bucket):
    bucket.there = False
    with pytest.raises(ConfigurationError, match="no bucket p-state"):
        BucketStore(bucket, "p-state", "x").load()


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"version": 9}', b"[]"])
def test_a_state_we_do_not_understand_is_not_taken_for_none(store, bucket, content):
    bucket.content = content
    with pytest.raises(ConfigurationError, match="does not hold a night's state"):
        store.load()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Forbidden("x"), CredentialsError),
        (ConnectionError("x"), UnreachableError),
        (ServiceUnavailable("x"), ResourceError),
    ],
)
def test_errors_of_the_bucket(store, bucket, error, kind):
    bucket.error = error
    with pytest.raises(kind):
        store.load()
    with pytest.raises(kind):
        store.save(NIGHT, 0)
