"""What the statements of a dump's entries say, as pg_dump writes them: whose table, which key, what for.

A form that is not known here is taken as it is.
"""

from __future__ import annotations

import re
from dataclasses import replace

from dreamnet.postgres.schema import Entry

KEY = "KEY"
"""Kind of an entry that makes a key from its index: a matter of milliseconds, whatever the table's size."""

_IDENTIFIER = r"(?:\"(?:[^\"]|\"\")+\"|[\w$]+)"
_QUALIFIED = rf"{_IDENTIFIER}\.{_IDENTIFIER}"
_COLUMNS = rf"\({_IDENTIFIER}(?:, {_IDENTIFIER})*\)"

# The table of CREATE INDEX, ALTER TABLE and CREATE STATISTICS.
_TABLE = re.compile(rf"(?: ON| FROM|ALTER TABLE) (?:ONLY )?({_QUALIFIED})")
_REFERENCED = re.compile(rf" REFERENCES ({_QUALIFIED})")
_KEY = re.compile(
    rf"ALTER TABLE ONLY (?P<table>{_QUALIFIED})\s+ADD CONSTRAINT (?P<name>{_IDENTIFIER}) "
    rf"(?P<kind>PRIMARY KEY|UNIQUE)(?P<nulls> NULLS NOT DISTINCT)? (?P<columns>{_COLUMNS})"
    rf"(?P<included> INCLUDE {_COLUMNS})?(?P<options> WITH \([^()]*\))?"
    r"(?P<late> DEFERRABLE(?: INITIALLY DEFERRED)?)?;"
)
_METHOD = re.compile(rf"CREATE (?:UNIQUE )?INDEX {_IDENTIFIER} ON (?:ONLY )?{_QUALIFIED} USING (\w+) ")
_PLAIN_INDEX = re.compile(rf"CREATE (?:UNIQUE )?INDEX {_IDENTIFIER} ON {_QUALIFIED} USING \w+ \([^()]*\)")


def table_of(entry: Entry) -> str | None:
    """The table that it stands on, qualified and quoted."""
    found = _TABLE.search(entry.statements)
    return found[1] if found else None


def referenced_by(entry: Entry) -> str | None:
    """The table that a foreign key references."""
    found = _REFERENCED.search(entry.statements)
    return found[1] if found else None


def apart(entry: Entry) -> tuple[Entry, ...]:
    """A key as its index and the making of the key from it; any other entry as it is.

    A key that is added locks its table for itself as long as its index is built. The index alone lets others
    be built beside it, and two that begin together share one reading of the table (the documentation's
    synchronize_seqscans). A partitioned table cannot have a key made from an index.
    """
    found = _KEY.match(entry.statements)
    if found is None:
        return (entry,)
    part = {name: text or "" for name, text in found.groupdict().items()}
    index = (
        f"CREATE UNIQUE INDEX {part['name']} ON {part['table']} USING btree {part['columns']}"
        f"{part['included']}{part['nulls']}{part['options']};"
    )
    key = (
        f"ALTER TABLE ONLY {part['table']} ADD CONSTRAINT {part['name']} {part['kind']}"
        f" USING INDEX {part['name']}{part['late']};"
    )
    rest = entry.statements[found.end() :]
    return (replace(entry, kind="INDEX", statements=index), replace(entry, kind=KEY, statements=key + rest))


def widens_statistics(entry: Entry) -> bool:
    """Whether ANALYZE gathers more once it is there: of an index's expressions, or of columns together."""
    if entry.kind == "INDEX":
        return _PLAIN_INDEX.match(entry.statements) is None
    return entry.kind == "STATISTICS" or " EXCLUDE USING " in entry.statements


def takes_long(entry: Entry) -> bool:
    """Whether it builds an index of another method than btree (GIN, GiST, ...). A GIN of 90 MB took twice as
    long as a btree of that size; a helper saved a tenth, for a third more processor time (PostgreSQL 18).
    """
    found = _METHOD.match(entry.statements)
    return found is not None and found[1] != "btree"
