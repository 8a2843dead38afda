"""A target: room, rights, and whether it offers what the source's database needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dreamnet.postgres import catalog, state
from dreamnet.postgres.catalog import APPLICATION_OBJECTS
from dreamnet.postgres.database import Connection, Database
from dreamnet.postgres.findings import Report, listed, megabytes
from dreamnet.postgres.precheck_source import number, role, standby

MIB = 1024 * 1024

# Collations of columns, index keys and views; the database's own, C and POSIX are everywhere.
_COLLATIONS = f"""
    SELECT k.collname, k.collprovider::text, k.collnamespace = 'pg_catalog'::regnamespace, k.collcollate,
           coalesce(k.collversion, ''), min(n.nspname || '.' || c.relname || '.' || a.attname)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_collation k ON k.oid = a.attcollation
    WHERE a.attnum > 0 AND NOT a.attisdropped AND k.collname NOT IN ('default', 'C', 'POSIX')
      AND {APPLICATION_OBJECTS}
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1
"""
_LOCALE = """
    SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider::text,
           coalesce(datcollversion, '') FROM pg_database WHERE datname = current_database()
"""


@dataclass(frozen=True)
class Disk:
    """A target's disk as its provider's records tell it, in bytes. `most`: what it grows to by itself."""

    bytes: int
    most: int


@dataclass(frozen=True)
class Pair:
    """The source and one target, each with an open connection."""

    source: Database
    from_source: Connection
    target: Database
    connection: Connection

    @property
    def label(self) -> str:
        """The target's."""
        return self.target.label


def check(report: Report, pair: Pair, migration: str, disk: Disk | None) -> None:
    """Add what the target is found to be."""
    source, target = pair.source, pair.target
    if (source.host, source.port, source.dbname) == (target.host, target.port, target.dbname):
        report.block("target", f"{target.label} is the source itself.", "Name another database as target.")
    have, want = catalog.major_version(pair.connection), catalog.major_version(pair.from_source)
    if have < want:
        report.block(
            "version",
            f"{target.label} runs PostgreSQL {have}, older than the source's {want}.",
            f"Create the target with version {want} or newer.",
        )
    elif have > want:
        report.handled(
            "version",
            f"{target.label} runs PostgreSQL {have}, the source {want}.",
            "what a server prints of views, triggers, policies and defaults is compared by name only.",
        )
    if standby(pair.connection):
        report.block(
            "standby", f"{target.label} is a read-only standby.", "Name the primary's host as the target."
        )
    _role(report, pair)
    _workers(report, pair, migration)
    _extensions(report, pair)
    _locale(report, pair)
    _collations(report, pair)
    _empty(report, pair, migration)
    _disk(report, pair, disk)


def _role(report: Report, pair: Pair) -> None:
    target, connection = pair.target, pair.connection
    _, creates, bypasses = role(connection)
    public = connection.execute(
        "SELECT has_schema_privilege('public', 'CREATE') WHERE to_regnamespace('public') IS NOT NULL"
    ).fetchone()
    if not creates or (public is not None and not public[0]):
        report.block(
            "privileges",
            f"Role {target.user} may not create tables in {target.label}.",
            f"Make it the owner of database {target.dbname}, or GRANT CREATE on it and its schema public.",
        )
    if not bypasses:
        _forced(report, pair)
    _policies(report, pair)


def _forced(report: Report, pair: Pair) -> None:
    """Rows cannot be applied to, nor verified in, a table whose policies bind its owner too."""
    rows = pair.from_source.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE c.relrowsecurity AND c.relforcerowsecurity AND {APPLICATION_OBJECTS} ORDER BY 1",
        (),
    ).fetchall()
    if rows:
        report.block(
            "row-level security",
            f"Role {pair.target.user} on {pair.label} is bound by FORCE ROW LEVEL SECURITY of"
            f" {listed(row[0] for row in rows)}.",
            "Give it BYPASSRLS, or ALTER TABLE ... NO FORCE ROW LEVEL SECURITY before migrating.",
        )


def _policies(report: Report, pair: Pair) -> None:
    named = {
        row[0]
        for row in pair.from_source.execute(
            "SELECT DISTINCT r.rolname FROM pg_policy p, unnest(p.polroles) AS o JOIN pg_roles r ON r.oid = o"
        ).fetchall()
    }
    present = {row[0] for row in pair.connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    if missing := sorted(named - present):
        report.block(
            "roles",
            f"{pair.label} lacks roles that policies name: {listed(missing)}.",
            "CREATE ROLE each of them at the target (NOLOGIN is enough).",
        )


def _workers(report: Report, pair: Pair, migration: str) -> None:
    for name, said in crowded(pair.connection, migration):
        report.block(name, f"{pair.label} {said}.", f"Raise {name} at the target.")


def crowded(connection: Connection, migration: str) -> list[tuple[str, str]]:
    """The settings that leave no room for one subscription more, and what is to be said of it.

    It needs an apply worker and a replication origin, both of which are few.
    """
    stem = re.sub(r"[^a-z0-9_]", "_", migration.lower())[:36]
    ours = f"dreamnet\\_{stem}\\_%"
    row = connection.execute(
        "SELECT (SELECT count(*) FROM pg_subscription WHERE subenabled AND subname NOT LIKE %s), "
        "(SELECT count(*) FROM pg_subscription WHERE subname NOT LIKE %s)",
        (ours, ours),
    ).fetchone() or (0, 0)
    origins = "max_active_replication_origins"  # of version 18; before, slots and origins shared a limit
    if number(connection, origins) < 0:
        origins = "max_replication_slots"
    short = []
    for used, name in zip(row, ("max_logical_replication_workers", origins), strict=True):
        most = number(connection, name)
        if most - used < 1:
            short.append((name, f"has no room for a subscription: {used} of {name} ({most}) are used"))
    return short


def _extensions(report: Report, pair: Pair) -> None:
    wanted: dict[str, str] = dict(
        pair.from_source.execute("SELECT extname, extversion FROM pg_extension").fetchall()
    )
    offered: dict[str, str] = dict(
        pair.connection.execute("SELECT name, default_version FROM pg_available_extensions").fetchall()
    )
    missing = sorted(wanted.keys() - offered.keys())
    if missing:
        report.block(
            "extensions",
            f"{pair.label} does not offer: {', '.join(missing)}.",
            "Choose a target that offers them, or drop them at the source.",
        )
    known = {name: (wanted[name], offered[name]) for name in sorted(wanted.keys() & offered.keys())}
    older = [f"{name} {has} (source: {want})" for name, (want, has) in known.items() if _older(has, want)]
    if older:
        report.block(
            "extensions' versions",
            f"{pair.label} installs older versions: {listed(older)}.",
            "Choose a target that offers the source's versions.",
        )
    newer = [f"{name} {has} (source: {want})" for name, (want, has) in known.items() if _older(want, has)]
    if newer:
        report.handled(
            "extensions' versions",
            f"{pair.label} has newer versions: {listed(newer)}.",
            "the target's own are installed.",
        )


def _older(one: str, other: str) -> bool:
    return [int(part) for part in re.findall(r"\d+", one)] < [int(part) for part in re.findall(r"\d+", other)]


def _locale(report: Report, pair: Pair) -> None:
    encoding, *want = pair.from_source.execute(_LOCALE).fetchone() or ("",) * 5
    has_encoding, *have = pair.connection.execute(_LOCALE).fetchone() or ("",) * 5
    if encoding != has_encoding:
        report.block(
            "encoding",
            f"{pair.label} is encoded in {has_encoding}, the source in {encoding}.",
            f"Create the target's database with ENCODING '{encoding}'.",
        )
    if want != have:
        report.handled(
            "collation",
            f"Text sorts by {'/'.join(filter(None, have))} on {pair.label}, by"
            f" {'/'.join(filter(None, want))} at the source.",
            "indexes are built by the target's own order; ORDER BY without COLLATE may give another order.",
        )


def _collations(report: Report, pair: Pair) -> None:
    found = pair.connection.execute(
        "SELECT collname, collprovider::text, coalesce(collcollate, ''), coalesce(collversion, '') "
        "FROM pg_collation WHERE collencoding IN (-1, (SELECT encoding FROM pg_database "
        "WHERE datname = current_database()))"
    ).fetchall()
    versions = {row[0]: row[3] for row in found}
    locales = {_plain(row[2]) for row in found if row[1] == "c"}
    providers = {row[1] for row in found}
    missing, changed = [], []
    for name, provider, builtin, locale, version, example in pair.from_source.execute(_COLLATIONS, ()):
        if builtin:
            there = name in versions
            if there and versions[name] != version:
                changed.append(f"{name} ({example})")
        elif provider == "c":
            there = _plain(locale or "") in locales
        else:
            there = provider in providers
        if not there:
            missing.append(f"{name} ({example})")
    if missing:
        report.block(
            "collations",
            f"{pair.label} lacks collations that columns use: {listed(missing)}.",
            "ALTER TABLE ... ALTER COLUMN ... TYPE ... COLLATE one that both have (an ICU one, or C).",
        )
    if changed:
        report.handled(
            "collations' versions",
            f"{pair.label} has other versions of: {listed(changed)}.",
            "indexes are not copied but built anew, by the target's own order.",
        )


def _plain(locale: str) -> str:
    # `de_DE.UTF-8` and `de_DE.utf8` are one locale.
    return locale.lower().replace("-", "")


def _empty(report: Report, pair: Pair, migration: str) -> None:
    known = state.migrations(pair.connection)
    others = [name for name in known if name != migration]
    tables = catalog.tables(pair.connection)
    if others or (tables and migration not in known):
        what = f"migration {others[0]}" if others else f"tables ({listed(t.name for t in tables)})"
        report.block(
            "empty target", f"{pair.label} already holds {what}.", "Use an empty database as target."
        )


def _disk(report: Report, pair: Pair, disk: Disk | None) -> None:
    """The copy needs what the source takes, and the target's WAL until its next checkpoint."""
    needed = report.database_bytes + max(number(pair.connection, "max_wal_size"), 0) * MIB
    said = f"{megabytes(needed)} are needed (the source's {megabytes(report.database_bytes)}, and WAL)"
    if disk is None:
        report.handled(
            "disk",
            f"How large the disk of {pair.label} is, its SQL does not tell; {said}.",
            "a copy that fills it stops with the server's words, and goes on once it was enlarged.",
        )
    elif disk.most < needed:
        report.block(
            "disk",
            f"The disk of {pair.label} is {megabytes(disk.most)} at most, and {said}.",
            "Enlarge the target's storage, or the limit to which it grows by itself.",
        )
    elif disk.bytes < needed:
        report.handled(
            "disk",
            f"The disk of {pair.label} has {megabytes(disk.bytes)}, and {said}.",
            f"it grows by itself, up to {megabytes(disk.most)}.",
        )
    else:
        report.handled(
            "disk", f"The disk of {pair.label} has {megabytes(disk.bytes)}, and {said}.", "nothing to do."
        )
