"""Which call it is, who makes it, and how each protocol is told no."""

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from localcloud.aws.outputs import without
from localcloud.aws.signatures import KeyPair, scope_of
from localcloud.aws.wire import AwsError, error, identify

KEYS = KeyPair("AKIAEXAMPLE", "s3cret/key")


def intercepted(service, operation, arguments, secret=KEYS.secret_access_key, answer_with=None):
    """What a boto3 client sends, and what it makes of our refusal."""
    client = boto3.client(
        service,
        region_name="us-east-1",
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=secret,
        endpoint_url="http://127.0.0.1:9",
    )
    seen = {}

    def take(request, **_):
        path, _, query = request.url.removeprefix("http://127.0.0.1:9").partition("?")
        headers = {k.lower(): v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
        headers.setdefault("host", "127.0.0.1:9")
        body = request.body or b""
        body = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
        scope = scope_of(headers, query)
        call = identify(request.method, path, query, headers, body, scope.service, scope.region)
        seen.update(call=call, scope=scope)
        answer = error(call, answer_with or AwsError.not_in_rehearsal(call.service, call.operation))
        try:
            KEYS.check(scope, call.protocol, call.method, path, query, headers, body)
        except AwsError as problem:
            answer = error(call, problem)

        class Raw:
            def stream(self, **_):
                yield answer.body

        return AWSResponse(request.url, answer.status, answer.headers, Raw())

    client.meta.events.register("before-send.*", take)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    return seen["call"], caught.value.response["Error"]


CALLS = [
    ("sts", "get_caller_identity", {}, "GetCallerIdentity"),
    ("ec2", "describe_vpcs", {}, "DescribeVpcs"),
    ("eks", "describe_nodegroup", {"clusterName": "c", "nodegroupName": "n"}, "DescribeNodegroup"),
    ("dynamodb", "list_tables", {}, "ListTables"),
    ("s3", "list_objects_v2", {"Bucket": "my-bucket"}, "ListObjectsV2"),
    ("cloudwatch", "describe_alarms", {}, "DescribeAlarms"),
    ("lambda", "invoke", {"FunctionName": "f", "Payload": b"{}"}, "Invoke"),
    ("cloudcontrol", "get_resource", {"TypeName": "AWS::S3::Bucket", "Identifier": "b"}, "GetResource"),
]


@pytest.mark.parametrize(("service", "method", "arguments", "operation"), CALLS)
def test_every_protocol_is_named_checked_and_refused(service, method, arguments, operation):
    call, refusal = intercepted(service, method, arguments)
    assert call.operation == operation
    assert refusal["Code"] == "NotInRehearsal"
    assert f"{operation} is not in the rehearsal" in refusal["Message"]


@pytest.mark.parametrize(("service", "method", "arguments", "operation"), CALLS)
def test_a_wrong_secret_is_seen(service, method, arguments, operation):
    _, refusal = intercepted(service, method, arguments, secret="another")
    assert refusal["Code"] in ("SignatureDoesNotMatch", "InvalidSignatureException")


def test_a_presigned_url_is_checked_too():
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        endpoint_url="http://127.0.0.1:9",
        config=boto3.session.Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    url = client.generate_presigned_url("get_object", {"Bucket": "my-bucket", "Key": "a b.txt"}, ExpiresIn=60)
    path, _, query = url.removeprefix("http://127.0.0.1:9").partition("?")
    headers = {"host": "127.0.0.1:9"}
    scope = scope_of(headers, query)
    KEYS.check(scope, "s3", "GET", path, query, headers, b"")
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        KEYS.check(scope, "s3", "GET", path + "x", query, headers, b"")


def test_an_unsigned_request_has_no_scope():
    assert scope_of({}, "") is None
    assert scope_of({"authorization": "Bearer x"}, "a=b") is None


def test_write_only_paths_are_taken_out_wherever_they_are():
    properties = {"A": {"B": 1, "C": 2}, "D": [{"E": 1, "F": 2}], "G": 1}
    assert without(properties, ("A/B", "D/*/E", "G")) == {"A": {"C": 2}, "D": [{"F": 2}]}
    assert without({"A": {"B": 1}}, ("A/B",)) == {}
    assert properties["G"] == 1
