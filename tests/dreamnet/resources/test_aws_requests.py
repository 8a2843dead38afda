"""Requests that fail, are repeated, or find what an earlier run began."""

import pytest
from botocore.exceptions import ClientError

from dreamnet.errors import CredentialsError, NotRehearsable, ResourceError
from dreamnet.resources.aws import requests
from dreamnet.resources.aws.requests import HandlerFailed, Requests


class Client:
    """Answers with prepared events; remembers the tokens."""

    def __init__(self, *events):
        self.events = list(events)
        self.tokens = []

    def _next(self):
        event = self.events.pop(0)
        if isinstance(event, str):
            raise ClientError({"Error": {"Code": event, "Message": "no"}}, "CreateResource")
        return {"ProgressEvent": {"RequestToken": "r", "Identifier": "i", **event}}

    def create_resource(self, ClientToken, **arguments):
        self.tokens.append(ClientToken)
        return self._next()

    def get_resource_request_status(self, RequestToken):
        return self._next()


GOING, DONE = {"OperationStatus": "IN_PROGRESS"}, {"OperationStatus": "SUCCESS"}


def failed(code):
    return {"OperationStatus": "FAILED", "ErrorCode": code, "StatusMessage": f"because {code}"}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(requests.time, "sleep", lambda seconds: None)


def run(*events):
    client, said = Client(*events), []
    identifier = Requests(client, "aws/x", 5).run("create_resource", {}, "t", said.append)
    return client, identifier, said


def test_waits_for_the_end():
    client, identifier, said = run(GOING, {**GOING, "StatusMessage": "half way"}, DONE)
    assert identifier == "i"
    assert client.tokens == ["t-0"]
    assert said == ["aws/x: half way"]


def test_repeats_what_may_succeed_under_another_token():
    client, identifier, _ = run(GOING, failed("Throttling"), GOING, DONE)
    assert identifier == "i"
    assert client.tokens == ["t-0", "t-1"]


def test_a_failure_left_from_an_earlier_run_is_not_the_answer():
    client, _, _ = run(failed("InvalidRequest"), GOING, DONE)
    assert client.tokens == ["t-0", "t-1"]


def test_does_not_repeat_what_can_not_succeed():
    with pytest.raises(HandlerFailed) as caught:
        run(GOING, failed("InvalidRequest"))
    assert "because InvalidRequest" in str(caught.value.as_error("aws/x", "CreateResource"))


def test_gives_up_in_the_end():
    with pytest.raises(HandlerFailed):
        run(*[GOING, failed("Throttling")] * 6)


def test_waits_while_another_operation_is_under_way():
    _, identifier, _ = run("ConcurrentOperationException", DONE)
    assert identifier == "i"


def test_a_refusal_is_the_operators_error():
    with pytest.raises(CredentialsError, match="aws/x"):
        run("AccessDeniedException")
    with pytest.raises(NotRehearsable):
        run("NotInRehearsal")


def test_takes_no_longer_than_said():
    client = Client(*[GOING] * 3)
    with pytest.raises(ResourceError, match="not finished"):
        Requests(client, "aws/x", -1).run("create_resource", {}, "t", lambda text: None)


def test_reads_are_asked_again_while_throttled_and_only_then():
    client = Client("ThrottlingException", "Throttling", DONE)
    answer = requests.unthrottled(client.get_resource_request_status, RequestToken="r")
    assert answer["ProgressEvent"]["OperationStatus"] == "SUCCESS"
    client = Client("AccessDeniedException", DONE)
    with pytest.raises(ClientError, match="AccessDenied"):
        requests.unthrottled(client.get_resource_request_status, RequestToken="r")
    assert len(client.events) == 1
    endless = Client(*["ThrottlingException"] * 20)
    with pytest.raises(ClientError, match="Throttling"):
        requests.unthrottled(endless.get_resource_request_status, RequestToken="r")
    assert len(endless.events) == 13


def test_a_throttled_submission_waits_for_its_turn():
    client, identifier, said = run("ThrottlingException", GOING, DONE)
    assert identifier == "i"
    assert said == ["aws/x: AWS is busy, waiting"]
    assert client.tokens == ["t-0", "t-1"]
