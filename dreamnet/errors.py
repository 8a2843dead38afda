"""Errors that an operator reads: each says in one sentence what is wrong, and in one what to do."""

from __future__ import annotations


class GameplanError(Exception):
    """Something the operator can put right.

    Args:
        problem: what is wrong, in one sentence, naming the thing (a file, a host, a field). Never a secret.
        remedy: what to do about it, in one sentence or one command.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def extend(self, problem: str) -> None:
        """Say more about the problem than was known where it arose, also after being stored and read back."""
        self.problem = problem
        self.args = (problem, self.remedy)

    def __str__(self) -> str:
        return f"{self.problem} Remedy: {self.remedy}"


class ConfigurationError(GameplanError):
    """A block, parameter or file of ours is missing or says something impossible."""


class CredentialsError(GameplanError):
    """A cloud, cluster or database refused who we say we are, or what that identity may do."""


class UnreachableError(GameplanError):
    """Nothing answers at an address that should answer."""


class PrecheckFailed(GameplanError):
    """A read-only check before a change found a reason not to begin."""


class ResourceError(GameplanError):
    """A cloud refused or failed to create, change or delete a resource."""


class VerificationError(GameplanError):
    """Two things that should be equal are not: rows, counts, checksums, restored state."""


class NotRehearsable(GameplanError):
    """The endpoint answered that it does not implement this call (the local cloud says so by name)."""
