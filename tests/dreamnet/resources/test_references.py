import copy

import pytest

from dreamnet.errors import ConfigurationError
from dreamnet.resources.model import Live, Resource
from dreamnet.resources.references import (
    Resolver,
    Unknown,
    dependencies,
    references,
    secret_pointers,
    secret_reader,
    secrets_used,
)


def resource(**body):
    return Resource("google/x", "google", "t", "n-${google.project}", "p", body, source="x.yaml:1")


LIVE = {
    "google/a": Live("a", {"link": "L", "n": 3, "ips": [{"ip": "10.0.0.1"}], "deep": {"x": [1, 2]}}, True)
}
VARIABLES = {"google.project": "dreamnet-62b49", "replicas": 2}


def resolver(**more):
    return Resolver(VARIABLES, LIVE.get, **more)


def body(_resolver, **declared):
    return _resolver.resolve(resource(**declared)).body


def test_a_whole_string_takes_the_values_own_type_and_a_part_becomes_text():
    resolved = resolver().resolve(
        resource(a="${replicas}", b="x${replicas}y", c=["${resource:google/a.deep}"])
    )
    assert resolved.body == {"a": 2, "b": "x2y", "c": [{"x": [1, 2]}]}
    assert resolved.name == "n-dreamnet-62b49"


@pytest.mark.parametrize("path", ["ips[0].ip", "ips.0.ip"])
def test_paths_go_through_keys_and_indexes(path):
    assert body(resolver(), a=f"http://${{resource:google/a.{path}}}:80") == {"a": "http://10.0.0.1:80"}


def test_an_output_that_does_not_exist_yet_is_unknown_in_a_plan():
    found = body(resolver(), a="x-${resource:google/b.link}", b="${resource:google/a.ips[7].ip}")
    assert all(isinstance(value, Unknown) for value in found.values())
    assert all(isinstance(value, Unknown) for value in copy.deepcopy(found).values())
    assert found["a"] == "(known after apply)"


def test_an_output_that_is_missing_fails_an_apply():
    with pytest.raises(ConfigurationError, match=r"x.yaml:1: google/x refers to .*google/a.nothing"):
        body(resolver(strict=True), a="${resource:google/a.nothing}")


def test_secrets_stay_references_until_an_apply_reveals_them():
    assert body(resolver(), a="u:${secret.pw}@h") == {"a": "u:${secret.pw}@h"}
    assert body(resolver(secret=secret_reader({"pw": "s3"})), a="u:${secret.pw}@h") == {"a": "u:s3@h"}


def test_a_missing_secret_is_named():
    with pytest.raises(ConfigurationError, match="needs the secret pw, which is not set"):
        body(resolver(secret=secret_reader({})), a="${secret.pw}")


def test_an_unknown_variable_is_named_with_what_is_known():
    with pytest.raises(
        ConfigurationError, match=r"\$\{google.projekt\}.*known are: google.project, replicas"
    ):
        body(resolver(), a="${google.projekt}")


def test_what_a_declaration_needs():
    declared = resource(a="${resource:google/a.link}", b=[{"p/w": "${secret.pw}"}], c="${replicas}")
    assert dependencies(declared) == {"google/a"}
    assert secrets_used(declared) == {"pw"}
    assert secret_pointers(declared.body) == {"/b/0/p~1w"}
    assert dict(references(declared.body))["/c"] == "replicas"
