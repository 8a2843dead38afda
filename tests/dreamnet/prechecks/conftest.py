"""Fake accounts for the checks."""

import pytest
from account_fakes import FakeAws, FakeGoogle

from dreamnet.clouds import google_rest


@pytest.fixture
def google_account(monkeypatch: pytest.MonkeyPatch) -> FakeGoogle:
    fake = FakeGoogle()
    monkeypatch.setattr(google_rest, "call", fake.call)
    return fake


@pytest.fixture
def aws_account() -> FakeAws:
    return FakeAws()
