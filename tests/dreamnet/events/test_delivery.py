"""Functions' code: versions that follow the content, and archives where declarations expect them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dreamnet.errors import ConfigurationError
from dreamnet.events import delivery
from dreamnet.events.delivery import Delivery, code_versions, read_sources
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.model import Resource

PROJECT = Path(__file__).resolve().parents[3]
LAMBDA, CLOUD_FUNCTION = "AWS::Lambda::Function", "cloudfunctions.v2/projects.locations.functions"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in ("google/digest/main.py", "aws/digest/handler.py"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("print()")
    return tmp_path


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str, bytes]]:
    uploads: list[tuple[str, str, str, bytes]] = []

    def noted(cloud: str) -> Any:
        def upload(account: Any, bucket: str, name: str, archive: bytes) -> bool:
            assert account == f"{cloud} account"
            uploads.append((cloud, bucket, name, archive))
            return True

        return upload

    for cloud in ("google", "aws"):
        monkeypatch.setattr(delivery, f"upload_{cloud}", noted(cloud))
    return uploads


def delivered(root: Path, kind: str, body: dict[str, Any]) -> bool:
    cloud: Any = "aws" if kind == LAMBDA else "google"
    resource = Resource(f"{cloud}/digest", cloud, kind, "digest", "here", body, source="functions.yaml:3")
    return Delivery("google account", "aws account", root)(resource)  # type: ignore[arg-type]


def test_versions_follow_the_content_and_nothing_else(root: Path) -> None:
    before = code_versions(root)
    assert before.keys() == {"code.google.digest", "code.aws.digest"}
    (root / "aws/digest/handler.py").touch()
    assert code_versions(root) == before
    (root / "aws/digest/handler.py").write_text("print(1)")
    after = code_versions(root)
    assert after["code.google.digest"] == before["code.google.digest"]
    assert after["code.aws.digest"] != before["code.aws.digest"]


def test_archive_goes_where_the_declaration_expects_it(
    root: Path, written: list[tuple[str, str, str, bytes]]
) -> None:
    versions = code_versions(root)
    theirs = f"digest-{versions['code.aws.digest']}.zip"
    ours = f"digest-{versions['code.google.digest']}.zip"
    assert delivered(root, LAMBDA, {"Code": {"S3Bucket": "code", "S3Key": theirs}})
    source = {"storageSource": {"bucket": "sources", "object": ours}}
    assert delivered(root, CLOUD_FUNCTION, {"buildConfig": {"source": source}})
    assert [upload[:3] for upload in written] == [("aws", "code", theirs), ("google", "sources", ours)]
    assert [upload[3] for upload in written] == [source.archive for source in read_sources(root)]


def test_other_resources_need_no_archive(root: Path, written: list[tuple[str, str, str, bytes]]) -> None:
    assert not delivered(root, "storage.v1/buckets", {"location": "US"})
    assert not delivered(root, LAMBDA, {"Code": {"ImageUri": "registry/image"}})
    assert written == []


def test_archive_that_no_source_makes_is_named(
    root: Path, written: list[tuple[str, str, str, bytes]]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        delivered(root, LAMBDA, {"Code": {"S3Bucket": "code", "S3Key": "digest.zip"}})
    assert str(caught.value).startswith("functions.yaml:3: aws/digest wants the archive digest.zip")
    assert "${code.aws.NAME}" in caught.value.remedy
    assert written == []


def test_every_declared_function_follows_its_source() -> None:
    declared = [
        one for one in load_catalogue(PROJECT / "infrastructure") if one.type in (LAMBDA, CLOUD_FUNCTION)
    ]
    assert len(declared) >= 10
    for resource in declared:
        _, file = delivery._LOCATIONS[resource.type](resource.body)  # type: ignore[misc]
        name = file.partition("-")[0]
        assert file == f"{name}-${{code.{resource.cloud}.{name}}}.zip", resource.source
        if resource.type == LAMBDA:  # AWS never shows a function's code: a tag does
            assert {"Key": "dreamnet-code", "Value": f"${{code.aws.{name}}}"} in resource.body["Tags"]
