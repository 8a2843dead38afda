"""The copy of a migration: schema, rows as of one snapshot, indexes, keys, subscriptions. Resumable.

A *generation* is one snapshot with the slots that begin there. A copy that is interrupted keeps the tables
that are finished on every target, and copies the others in a new generation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

from psycopg import sql

from dreamnet.postgres import catalog, copying, noted, replication, schema, state, streams
from dreamnet.postgres.building import Builders
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.database import Database, explained
from dreamnet.postgres.parties import Parties
from dreamnet.postgres.replication import Link
from dreamnet.postgres.schema import Entry
from dreamnet.postgres.streams import Stream

Progress = Callable[[str], None]

MAX_GENERATIONS = 3
"""Interrupted copies that keep their finished tables; then all begins anew, as each needs a slot a target,
and providers offer about ten."""

KNOWN_BYTES = 16 * 1024**2
"""Size from which a table takes over its statistics. A smaller one is analysed in no time, and thousands of
them have statistics that would take more memory than the copy.
"""


class InitialCopy:
    """Brings every target to where it can follow the source.

    Args:
        workers: parallel copies and index builds.
        piece_bytes: largest piece that tables are cut into.
    """

    def __init__(self, parties: Parties, workers: int, piece_bytes: int, progress: Progress) -> None:
        self._parties, self._workers, self._piece_bytes = parties, workers, piece_bytes
        self._progress = progress

    def run(self, tables: Sequence[Table]) -> copying.Copied:
        """Do what is not done yet. Returns what was copied now.

        Raises:
            VerificationError: the source's schema has changed meanwhile. GameplanError: a server refuses.
        """
        parties = self._parties
        copied = copying.Copied(0, 0, 0.0)
        if not parties.all_have("ready"):
            before, after, known = self._dumps(tables)
            parties.each_target(lambda target: self._applier(target).pre_data(before))
            copied = self._build([table for table in tables if not table.partitioned], after, known)
            parties.each_target(lambda target: self._finish(target, after))
        self._subscribe()
        return copied

    def constrain(self, stream: Stream, timeout: float = 60) -> None:
        """Foreign keys hold between tables of one state: the copy's snapshot, or what the followers reach."""
        parties = self._parties
        version = parties.read(parties.source, catalog.major_version)
        entries = schema.dump(parties.source, "post-data", version)
        with streams.standing_still(stream, parties.tables(parties.source), timeout):
            parties.each_target(lambda target: self._applier(target).constraints(entries))
        parties.record_all("constrained")

    def _dumps(self, tables: Sequence[Table]) -> tuple[list[Entry], list[Entry], dict[str, Entry]]:
        """The schema's sections and, where a target takes them over, the statistics of large tables."""
        parties = self._parties
        version = parties.read(parties.source, catalog.major_version)
        newest = max(parties.read(target, catalog.major_version) for target in parties.targets)
        # Partitions are analysed with their parents.
        large = [table.name for table in tables if table.bytes >= KNOWN_BYTES and not table.partition]
        with ThreadPoolExecutor(3, thread_name_prefix="dump") as pool:
            wanted = large if newest >= schema.STATISTICS_SINCE else []
            known = pool.submit(schema.statistics, parties.source, wanted, version)
            dump = partial(schema.dump, parties.source, version=version)
            before, after = pool.map(dump, ("pre-data", "post-data"))
            return before, after, known.result()

    def _build(self, tables: list[Table], entries: list[Entry], known: dict[str, Entry]) -> copying.Copied:
        """Rows, and on each target the indexes of the tables that have theirs."""
        parties = self._parties
        with ExitStack() as stack:
            builders = [
                stack.enter_context(self._builders(target, entries, known)) for target in parties.targets
            ]

            def complete(table: Table) -> None:
                for one in builders:
                    one.offer(table)

            copied = self._rows(tables, complete)
            noted.refuse_changes(parties, parties.forward(), all_changes=False)
            self._progress("all rows are copied: waiting for indexes and keys")
            agreeing = len(parties.generations()) == 1
            for one in builders:
                one.finish(agreeing=agreeing)
        return copied

    def _rows(self, tables: list[Table], complete: Callable[[Table], None]) -> copying.Copied:
        parties = self._parties
        copied = copying.Copied(0, 0, 0.0)
        if parties.all_have("copied"):
            return copied
        kept = self._keep_finished()
        for table in tables:
            if str(table.name) in kept:
                complete(table)
        if todo := [table for table in tables if str(table.name) not in kept]:
            copied = self._generation(max(parties.generations(), default=0) + 1, todo, complete)
        parties.record_all("copied")
        return copied

    def _keep_finished(self) -> set[str]:
        """Keep the tables that an interrupted run finished on every target; drop what else it began."""
        kept: set[str] = set()
        found = self._parties.generations()
        for generation in found:
            done = set.intersection(
                *(
                    copying.finished_tables(self._parties.steps(target, "copy:"), generation)
                    for target in self._parties.targets
                )
            )
            if not done or len(found) >= MAX_GENERATIONS:
                self._drop_generation(generation)
                continue
            self._progress(f"keeping {len(done)} tables that an earlier run has copied")
            kept |= done
            self._shrink(generation, done)
        return kept

    def _shrink(self, generation: int, done: set[str]) -> None:
        # The subscription takes its tables from the publication; those copied later get another one.
        source = self._parties.source
        with (
            self._parties.session(source) as connection,
            explained(source, "set the publication"),
        ):
            names = [table.name for table in catalog.tables(connection) if str(table.name) in done]
            replication.publish(connection, self._parties.link(generation), names)

    def _drop_generation(self, generation: int) -> None:
        parties = self._parties
        parties.remove_generation(generation)
        for target in parties.targets:
            with parties.session(target) as connection, connection.transaction():
                state.forget(connection, parties.name, f"generation:{generation}")
                state.forget(connection, parties.name, f"copy:{generation}:")

    def _generation(
        self, number: int, tables: list[Table], complete: Callable[[Table], None]
    ) -> copying.Copied:
        parties = self._parties
        source, link = parties.source, parties.link(number)
        parties.remove_generation(number)  # leftovers of a run killed before it recorded anything
        with parties.session(source) as connection, explained(source, "publish its tables"):
            replication.create_heartbeat(connection, link)
            replication.publish(connection, link, [table.name for table in tables])
        self._empty(link, tables)
        with parties.session(source) as connection:
            shared = replication.create_slots(
                source, connection, link, len(parties.targets), parties.application
            )
        with shared.keeper:
            parties.record_all(f"generation:{number}", {"lsn": shared.lsn})
            self._progress(f"copying {len(tables)} tables as of {shared.lsn}")
            copier = copying.Copier(
                source,
                parties.targets,
                parties.name,
                workers=self._workers,
                progress=self._progress,
                complete=complete,
            )
            size = min(self._piece_bytes, copying.fair_share(tables, self._workers))
            return copier.run(copying.pieces(tables, size), shared.snapshot, number)

    def _empty(self, link: Link, tables: list[Table]) -> None:
        parties = self._parties
        listed = sql.SQL(", ").join(sql.SQL("ONLY {}").format(table.name.sql) for table in tables)
        generations = parties.generations()
        for target in parties.targets:
            with (
                parties.session(target) as connection,
                explained(target, "empty unfinished tables"),
            ):
                replication.create_heartbeat(connection, link)
                with connection.transaction():
                    connection.execute(sql.SQL("TRUNCATE {}").format(listed))
                    for generation in generations:
                        for table in tables:
                            state.forget(connection, parties.name, f"copy:{generation}:{table.name}:")

    def _finish(self, target: Database, entries: list[Entry]) -> None:
        parties, applier = self._parties, self._applier(target)
        applier.attach(entries)
        applier.analyse_partitioned(parties.tables(target))
        if len(parties.generations()) == 1:
            applier.constraints(entries)
            parties.record(target, "constrained")
        self._progress(f"{target.label}: refreshing views")
        with parties.session(target) as connection, explained(target, "refresh views"):
            catalog.refresh(connection, parties.read(parties.source, catalog.materialized_views))
        parties.record(target, "ready")

    def _subscribe(self) -> None:
        parties = self._parties
        if parties.all_have("subscribed"):
            return
        for link, slot, target in parties.forward().slots:
            two_way = parties.two_way(target)
            with parties.session(target) as connection:
                replication.subscribe(target, connection, parties.source, link, slot, two_way=two_way)
        parties.record_all("subscribed")

    def _builders(self, target: Database, entries: list[Entry], known: dict[str, Entry]) -> Builders:
        tables = self._parties.tables(target)
        return Builders(self._applier(target), entries, tables, known, self._workers, self._progress)

    def _applier(self, target: Database) -> schema.Applier:
        return schema.Applier(self._parties, target, self._progress, self._workers)
