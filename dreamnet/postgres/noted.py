"""The schema of which the followers are copies: noted in the records, and held against the primary's."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from dreamnet.postgres import cutover, ddl
from dreamnet.postgres.database import explained
from dreamnet.postgres.parties import Parties
from dreamnet.postgres.streams import Stream

_PREFIX = "noted:"
_UNCHANGED = "Nothing was switched, and whoever took writes goes on taking them."


def note(parties: Parties, primary: str) -> None:
    """Remember what the primary (`source` or `target`) declares now."""
    database = parties.targets[0] if primary == "target" else parties.source
    parties.record(parties.targets[0], f"{_PREFIX}{primary}", parties.read(database, ddl.read).stored())


def recall(parties: Parties) -> ddl.Schema | None:
    """What the present primary declared when it was noted; None before the copy."""
    kept = parties.steps(parties.targets[0], _PREFIX).get(f"{_PREFIX}{parties.primary()}")
    return None if kept is None else ddl.Schema.from_stored(kept)


def refuse_changes(parties: Parties, stream: Stream, *, all_changes: bool) -> cutover.Checks:
    """Check that the publisher's schema is as noted; returns the same check, for later.

    Args:
        all_changes: also those with which rows can still follow.

    Raises:
        VerificationError: it has changed; the message names the first changes.
    """
    same = partial(ddl.refuse, recall(parties), _UNCHANGED, all_changes)
    with ExitStack() as stack:
        followers = [(db, stack.enter_context(parties.session(db))) for _, db in stream.subscribers]
        publisher = stack.enter_context(parties.session(stream.publisher))
        with explained(stream.publisher, "read its schema"):
            same(publisher, followers)
    return same
