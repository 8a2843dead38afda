"""A run's log: the operator's mistakes in one sentence, a bug of ours with its trace."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

import flows
from dreamnet.errors import ConfigurationError
from tasks.log import ENGINE_LOGGERS, OperatorErrors, quiet_operator_errors

assert flows.__doc__
MISTAKE = ConfigurationError("There is no cluster aks.", "Name some of gke, eks.")


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(params=ENGINE_LOGGERS)
def engine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[logging.Logger, list[str]]]:
    """One of the loggers of Prefect's engine, as importing the flows leaves it, and what it says."""
    logger, handler = logging.getLogger(request.param), Lines()
    level = logger.level
    monkeypatch.setattr(logger, "handlers", [handler])
    logger.setLevel(logging.INFO)
    yield logger, handler.lines
    logger.setLevel(level)


def report(logger: logging.Logger, error: Exception) -> None:
    """As Prefect's engine reports what a flow raised."""
    try:
        raise error
    except Exception as caught:
        logger.exception("Encountered exception during execution: %r", caught)
        logger.error("Engine execution exited with unexpected exception", exc_info=True)


def test_a_mistake_is_one_line(engine: tuple[logging.Logger, list[str]]) -> None:
    logger, lines = engine
    report(logger, MISTAKE)
    assert lines == [str(MISTAKE)]


def test_a_bug_keeps_its_trace(engine: tuple[logging.Logger, list[str]]) -> None:
    logger, lines = engine
    report(logger, KeyError("aws/subnet"))
    assert len(lines) == 2
    assert all("Traceback" in line for line in lines)


def test_whoever_debugs_sees_all(engine: tuple[logging.Logger, list[str]]) -> None:
    logger, lines = engine
    logger.setLevel(logging.DEBUG)
    report(logger, MISTAKE)
    assert ["Traceback" in line for line in lines] == [True, True]


def test_it_is_put_on_once() -> None:
    quiet_operator_errors()
    for name in ENGINE_LOGGERS:
        assert sum(isinstance(one, OperatorErrors) for one in logging.getLogger(name).filters) == 1
