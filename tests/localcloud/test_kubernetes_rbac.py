"""Least privilege: ServiceAccounts' tokens, roles, bindings, reviews, impersonation, Kubernetes' own 403."""

from __future__ import annotations

import asyncio

import jwt
import pytest

from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.rbac import Access, covers
from localcloud.kubernetes.signing import SigningKey
from localcloud.kubernetes.users import AccountTokens
from tests.localcloud.kubernetes_requests import APPS, CORE, RBAC, running

ROBOT = "system:serviceaccount:default:robot"
ROLE_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
READER = {
    "metadata": {"name": "reader"},
    "rules": [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}],
}


async def reader(requests, *rules):
    """The token of an account that may read pods in ``default``, and what else ``rules`` give."""
    default = f"{RBAC}/namespaces/default"
    await requests.call("POST", f"{CORE}/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}})
    await requests.call("POST", f"{default}/roles", READER | {"rules": READER["rules"] + list(rules)})
    subjects = [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}]
    binding = {"metadata": {"name": "robot"}, "roleRef": ROLE_REF, "subjects": subjects}
    await requests.call("POST", f"{default}/rolebindings", binding)
    made = await requests.call("POST", f"{CORE}/namespaces/default/serviceaccounts/robot/token", {"spec": {}})
    return made["status"]["token"]


async def refusal(requests, *call, **headers):
    with pytest.raises(ApiError) as refused:
        await requests.call(*call, **headers)
    return refused.value


@pytest.mark.parametrize(
    ("rule", "access", "expected"),
    [
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, Access("get", "", "pods"), True),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, Access("list", "", "pods"), False),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}, Access("get", "", "pods", "log"), False),
        (
            {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get"]},
            Access("get", "a", "b", "scale"),
            True,
        ),
        (
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]},
            Access("get", "", "pods", name="b"),
            False,
        ),
        ({"nonResourceURLs": ["/api/*"], "verbs": ["get"]}, Access("get", path="/api/v1"), True),
        ({"nonResourceURLs": ["/api"], "verbs": ["get"]}, Access("get", path="/api/v1"), False),
    ],
)
def test_rules_cover_what_they_name(rule, access, expected):
    assert covers(rule, access) is expected


def test_a_service_account_may_do_what_its_role_says_and_nothing_else(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            token = await reader(requests)
            found = await requests.call("GET", f"{CORE}/namespaces/default/pods", token=token)
            assert found["kind"] == "PodList"
            assert (await requests.call("GET", "/api/v1", token=token))["kind"] == "APIResourceList"
            refused = await refusal(requests, "GET", f"{CORE}/namespaces/kube-system/pods", token=token)
            assert (refused.code, refused.reason) == (403, "Forbidden")
            assert refused.message == (
                f'pods is forbidden: User "{ROBOT}" cannot list resource "pods" in '
                'API group "" in the namespace "kube-system"'
            )
            call = ("DELETE", f"{APPS}/namespaces/default/deployments/web")
            assert (await refusal(requests, *call, token=token)).message == (
                f'deployments.apps "web" is forbidden: User "{ROBOT}" cannot delete '
                'resource "deployments" in API group "apps" in the namespace "default"'
            )
            nodes = await refusal(requests, "GET", f"{CORE}/nodes?watch=true", token=token)
            assert nodes.message.endswith(
                'cannot watch resource "nodes" in API group "" at the cluster scope'
            )
            own = await refusal(requests, "GET", "/_rehearsal/nodegroups", token=token)
            assert own.message == (f'forbidden: User "{ROBOT}" cannot get path "/_rehearsal/nodegroups"')

    asyncio.run(check())


def test_tokens_end_with_their_time_and_their_account(tmp_path, monkeypatch):
    async def check():
        async with running(tmp_path) as requests:
            token = await reader(requests)
            pods = f"{CORE}/namespaces/default/pods"
            assert (await refusal(requests, "GET", pods, token=token[:-2] + "xx")).code == 401
            short = ("POST", f"{CORE}/namespaces/default/serviceaccounts/robot/token")
            assert (
                "less than 10 minutes"
                in (await refusal(requests, *short, {"spec": {"expirationSeconds": 60}})).message
            )
            with monkeypatch.context() as later:
                import time

                now = time.time()
                later.setattr("localcloud.kubernetes.users.time.time", lambda: now + 3601)
                assert (await refusal(requests, "GET", pods, token=token)).code == 401
            await requests.call("DELETE", f"{CORE}/namespaces/default/serviceaccounts/robot")
            assert (await refusal(requests, "GET", pods, token=token)).code == 401
            # An account of the same name is another one.
            await requests.call(
                "POST", f"{CORE}/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}}
            )
            assert (await refusal(requests, "GET", pods, token=token)).code == 401

    asyncio.run(check())


def test_a_token_outlives_a_restart(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            token = await reader(requests)
        async with running(tmp_path) as requests:
            assert await requests.call("GET", f"{CORE}/namespaces/default/pods", token=token)
            strange = AccountTokens(requests.cluster.store, SigningKey(tmp_path / "another.key"))
            assert strange.user(token) is None

    asyncio.run(check())


def test_others_check_tokens_by_the_published_key(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            token = await reader(requests)
            about = await requests.call("GET", "/.well-known/openid-configuration", token=token)
            assert about["jwks_uri"].endswith("/openid/v1/jwks")
            (key,) = (await requests.call("GET", "/openid/v1/jwks", token=token))["keys"]
            claims = jwt.decode(
                token,
                jwt.PyJWK(key),
                algorithms=about["id_token_signing_alg_values_supported"],
                audience="https://kubernetes.default.svc",
                issuer=about["issuer"],
            )
            assert claims["sub"] == "system:serviceaccount:default:robot"
            assert jwt.get_unverified_header(token)["kid"] == key["kid"]
            forged = jwt.encode(claims, "secret", algorithm="HS256", headers={"kid": key["kid"]})
            assert (await refusal(requests, "GET", f"{CORE}/pods", token=forged)).code == 401

    asyncio.run(check())


def test_reviews_say_who_may_what(tmp_path):
    reviews = "/apis/authorization.k8s.io/v1"

    async def check():
        async with running(tmp_path) as requests:
            token = await reader(requests)

            async def may(verb, resource, **more):
                asked = {"verb": verb, "resource": resource, "namespace": "default"}
                body = {"spec": {"resourceAttributes": asked} | more}
                plural = "subjectaccessreviews" if more else "selfsubjectaccessreviews"
                made = await requests.call("POST", f"{reviews}/{plural}", body, token="" if more else token)
                return made["status"]

            status = await may("get", "pods")
            assert status["allowed"]
            assert status["reason"] == (
                'RBAC: allowed by RoleBinding "robot/default" of Role "reader" to '
                'ServiceAccount "robot/default"'
            )
            assert await may("delete", "pods") == {"allowed": False}
            assert (await may("list", "pods", user=ROBOT))["allowed"]
            assert not (await may("list", "secrets", user=ROBOT))["allowed"]
            assert (await may("list", "secrets", user="x", groups=["system:masters"]))["allowed"]
            rules = await requests.call(
                "POST", f"{reviews}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}, token=token
            )
            assert READER["rules"][0] in rules["status"]["resourceRules"]
            who = {"spec": {"token": token}}
            token_review = await requests.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", who)
            assert token_review["status"]["user"]["username"] == ROBOT
            assert "system:serviceaccounts:default" in token_review["status"]["user"]["groups"]

    asyncio.run(check())


def test_nobody_grants_more_than_they_have(tmp_path):
    roles = f"{RBAC}/namespaces/default/roles"
    writes = {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["roles"],
        "verbs": ["create", "patch"],
    }

    async def check():
        async with running(tmp_path) as requests:
            token = await reader(requests, writes)
            own = {"metadata": {"name": "own"}, "rules": READER["rules"]}
            await requests.call("POST", roles, own, token=token)
            more = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
            refused = await refusal(requests, "POST", roles, own | {"rules": more}, token=token)
            assert refused.message.endswith("is attempting to grant RBAC permissions not currently held")
            patch = [{"op": "add", "path": "/rules/-", "value": more[0]}]
            kind = {"content_type": "application/json-patch+json"}
            assert (await refusal(requests, "PATCH", f"{roles}/own", patch, token=token, **kind)).code == 403
            assert (await requests.call("GET", f"{roles}/own"))["rules"] == READER["rules"]
            await requests.call("PATCH", f"{roles}/own", patch, **kind)

    asyncio.run(check())


def test_the_administrator_may_act_as_others(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            token = await reader(requests)
            assert await requests.call("GET", f"{CORE}/namespaces/default/pods", impersonate_user=ROBOT)
            refused = await refusal(requests, "GET", f"{CORE}/nodes", impersonate_user="jane")
            assert 'User "jane" cannot list resource "nodes"' in refused.message
            path = f"{CORE}/nodes"
            assert await requests.call(
                "GET", path, impersonate_user="jane", impersonate_group="ops,system:masters"
            )
            call = ("GET", f"{CORE}/namespaces/default/pods")
            refused = await refusal(requests, *call, token=token, impersonate_user="jane")
            assert 'cannot impersonate resource "users"' in refused.message

    asyncio.run(check())


def test_an_apply_that_makes_an_object_needs_create(tmp_path):
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}
    path = f"{CORE}/namespaces/default/configmaps/a?fieldManager=t"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}}
    kind = {"content_type": "application/apply-patch+yaml"}

    async def check():
        async with running(tmp_path) as requests:
            token = await reader(requests, rule)
            refused = await refusal(requests, "PATCH", path, body, token=token, **kind)
            assert "cannot create resource" in refused.message
            await requests.call("PATCH", path, body, **kind)
            assert await requests.call("PATCH", path, body, token=token, **kind)

    asyncio.run(check())
