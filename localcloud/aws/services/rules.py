"""Rules of composite alarms, `ALARM("a") AND NOT OK(b)` (CloudWatch guide, "Create a composite alarm")."""

from __future__ import annotations

import re
from collections.abc import Callable

from localcloud.aws.wire import AwsError

_TOKEN = re.compile(r'\s*(AND|OR|NOT|TRUE|FALSE|ALARM|OK|INSUFFICIENT_DATA|\(|\)|"[^"]*"|[^\s()"]+)')

#: Gives an alarm's state by its name.
States = Callable[[str], str]


class Rule:
    """A parsed rule.

    Attributes:
        alarms: the names that it mentions.

    Raises:
        AwsError: the text is no rule.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self.alarms: set[str] = set()
        self._holds = self._either()
        if self._at != len(self._tokens):
            raise self._wrong()

    def holds(self, states: States) -> bool:
        """Whether the rule is true of these states."""
        return self._holds(states)

    def _wrong(self) -> AwsError:
        return AwsError(
            "ValidationError", f"AlarmRule is not valid near its token {self._at + 1}: {self._text}"
        )

    def _take(self) -> str:
        if self._at >= len(self._tokens):
            raise self._wrong()
        self._at += 1
        return str(self._tokens[self._at - 1])

    def _next_is(self, token: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += found
        return found

    def _either(self) -> Callable[[States], bool]:
        parts = [self._both()]
        while self._next_is("OR"):
            parts.append(self._both())
        return lambda states: any(part(states) for part in parts)

    def _both(self) -> Callable[[States], bool]:
        parts = [self._one()]
        while self._next_is("AND"):
            parts.append(self._one())
        return lambda states: all(part(states) for part in parts)

    def _one(self) -> Callable[[States], bool]:
        token = self._take()
        if token == "NOT":
            inner = self._one()
            return lambda states: not inner(states)
        if token == "(":
            inner = self._either()
            self._close()
            return inner
        if token in ("TRUE", "FALSE"):
            return lambda states: token == "TRUE"
        if token in ("ALARM", "OK", "INSUFFICIENT_DATA") and self._next_is("("):
            name = self._take().strip('"').rsplit(":alarm:", 1)[-1]
            self._close()
            self.alarms.add(name)
            return lambda states: states(name) == token
        raise self._wrong()

    def _close(self) -> None:
        if not self._next_is(")"):
            raise self._wrong()
