"""Who builds what when: on a target that only notes it, with sessions that are real threads."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from dreamnet.postgres.building import Builders
from dreamnet.postgres.catalog import Name, Table
from dreamnet.postgres.schema import Entry
from dreamnet.postgres.statements import KEY


def table(name: str, size: int = 1, *, partitioned: bool = False, partition: bool = False) -> Table:
    return Table(Name("public", name), partitioned, False, True, size, 0, partition, (), (), True, "d")


def index(of: str, name: str) -> Entry:
    return Entry(name, "INDEX", f"CREATE INDEX {name} ON public.{of} USING btree (a);")


def key(of: str, name: str) -> Entry:
    return Entry(name, "CONSTRAINT", f"ALTER TABLE ONLY public.{of}\n    ADD CONSTRAINT {name} UNIQUE (a);")


def exclusion(of: str, name: str) -> Entry:
    form = f"ALTER TABLE ONLY public.{of}\n    ADD CONSTRAINT {name} EXCLUDE USING gist (a WITH &&);"
    return Entry(name, "CONSTRAINT", form)


def foreign_key(of: str, to: str) -> Entry:
    constraint = f"CONSTRAINT {of}_{to} FOREIGN KEY (b) REFERENCES public.{to}(a)"
    return Entry(f"{of}_{to}", "FK CONSTRAINT", f"ALTER TABLE ONLY public.{of}\n    ADD {constraint};")


class Session:
    def __init__(self) -> None:
        self.cancelled, self.closed = threading.Event(), False

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cancel_safe(self, *, timeout: float) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.closed = True


class Target:
    """Notes what begins and ends; `during` is called in between, by name of what is built."""

    def __init__(self, done: tuple[str, ...] = (), *, takes: bool = True) -> None:
        self.target = SimpleNamespace(label="target")
        self.said: list[str] = []
        self.sessions: list[Session] = []
        self.alone: dict[str, bool] = {}
        self.statements: list[str] = []
        self.during: dict[str, Callable[[Session], None]] = {}
        self._done, self._takes = done, takes

    def open(self, entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.name not in self._done]

    def resolve(self, names: list[str | None]) -> list[Name | None]:
        known = [name and re.fullmatch(r"public\.(\w+)", name) for name in names]
        return [Name("public", found[1]) if found else None for found in known]

    def session(self) -> Session:
        self.sessions.append(Session())
        return self.sessions[-1]

    def apply(self, entry: Entry, session: Session, *, parallel: bool) -> None:
        name = f"make {entry.name}" if entry.kind == KEY else entry.name
        self.alone[name] = parallel
        self.statements.append(entry.statements)
        self.work(name, session)

    def take_over(self, statistics: Entry, session: Session) -> bool:
        self.work(f"take over {statistics.name}", session)
        return self._takes

    def analyse(self, table: Name, session: Session) -> None:
        self.work(f"analyse {table}", session)

    def work(self, name: str, session: Session) -> None:
        self.said.append(f"+{name}")
        self.during.get(name, lambda _: None)(session)
        self.said.append(f"-{name}")


def builders(target: Target, entries: list[Entry], tables: list[Table], workers: int = 2) -> Builders:
    return Builders(target, entries, tables, KNOWN, workers, lambda _: None)  # type: ignore[arg-type]


ANALYSE_A, ANALYSE_B = "analyse public.a", "analyse public.b"
KNOWN = {name: Entry(name, "STATISTICS DATA", "SELECT true") for name in ("public.known", "public.part")}


def test_a_complete_table_is_built_and_analysed_while_another_is_not_there_yet() -> None:
    target, a, b = Target(), table("a"), table("b")
    made = threading.Event()
    target.during["make a_key"] = lambda _: made.set()
    with builders(target, [index("a", "a_1"), key("a", "a_key"), index("b", "b_1")], [a, b]) as working:
        working.offer(a)
        assert made.wait(10)
        assert {f"-{ANALYSE_A}", "-a_1", "-a_key"} <= set(target.said)
        assert "+b_1" not in target.said
        working.offer(b)
        working.finish(agreeing=True)
    assert target.said[-4:] == [f"+{ANALYSE_B}", f"-{ANALYSE_B}", "+b_1", "-b_1"]
    assert all(session.closed for session in target.sessions)


def test_indexes_of_a_table_are_built_side_by_side_a_key_s_too() -> None:
    target, three = Target(), threading.Barrier(3)
    target.during["a_key"] = target.during["a_1"] = target.during["a_2"] = lambda _: three.wait(10) and None
    entries = [key("a", "a_key"), index("a", "a_1"), index("a", "a_2"), exclusion("a", "a_other")]
    with builders(target, entries, [table("a")], workers=4) as working:
        working.finish(agreeing=True)
    inside: set[str] = set()
    for what in target.said:
        inside.add(what[1:]) if what[0] == "+" else inside.discard(what[1:])
        assert len(inside) == 1 or not inside & {"make a_key", "a_other", ANALYSE_A}
    assert len(target.said) == 2 * (len(entries) + 2)


def test_a_partitioned_table_s_key_stays_whole() -> None:
    target, tables = Target(), [table("a", partitioned=True), table("part", partition=True)]
    whole = key("a", "a_key")
    with builders(target, [whole, key("part", "part_key")], tables) as working:
        working.finish(agreeing=True)
    assert whole.statements in target.statements
    assert {name for name in target.alone if name.startswith("make")} == {"make part_key"}


def test_while_a_constraint_holds_its_table_the_other_session_turns_to_another() -> None:
    target, other = Target(), threading.Event()
    target.during["a_key"] = lambda _: other.wait(10) and None
    target.during["b_1"] = lambda _: other.set()
    entries = [exclusion("a", "a_key"), index("a", "a_1"), index("b", "b_1")]
    with builders(target, entries, [table("a", 9), table("b")]) as working:
        working.finish(agreeing=True)
    assert target.said.index("+b_1") < target.said.index("-a_key") < target.said.index("+a_1")


@pytest.mark.parametrize(
    "wide",
    [
        Entry("a_2", "INDEX", "CREATE INDEX a_2 ON public.a USING btree (lower(b), a);"),
        Entry("a_2", "STATISTICS", "CREATE STATISTICS public.a_2 (dependencies) ON a, b FROM public.a;"),
        exclusion("a", "a_2"),
    ],
    ids=lambda entry: str(entry.kind),
)
def test_statistics_wait_for_what_widens_them(wide: Entry) -> None:
    target = Target()
    with builders(target, [key("a", "a_key"), wide, index("a", "a_3")], [table("a")]) as working:
        working.finish(agreeing=True)
    assert set(target.said[:-2]) >= {"-a_key", "-make a_key", "-a_2", "-a_3"}
    assert target.said[-2:] == [f"+{ANALYSE_A}", f"-{ANALYSE_A}"]


def test_a_table_takes_over_the_source_s_statistics_in_place_of_being_analysed() -> None:
    target, tables = Target(), [table("known", 2), table("part", partition=True)]
    entries = [index("known", "a_1"), index("part", "part_1")]
    with builders(target, entries, tables, workers=1) as working:
        working.finish(agreeing=True)
    assert target.said[::2] == ["+take over public.known", "+a_1", "+part_1"]


def test_a_table_whose_statistics_the_server_does_not_take_is_analysed() -> None:
    target = Target(takes=False)
    with builders(target, [index("known", "a_1")], [table("known")], workers=1) as working:
        working.finish(agreeing=True)
    assert target.said[::2] == ["+take over public.known", "+analyse public.known", "+a_1"]


def test_statistics_that_the_source_s_do_not_hold_are_gathered() -> None:
    target = Target()
    wide = Entry("s", "STATISTICS", "CREATE STATISTICS public.s (dependencies) ON a, b FROM public.known;")
    with builders(target, [wide], [table("known")], workers=1) as working:
        working.finish(agreeing=True)
    assert target.said[::2] == ["+s", "+analyse public.known"]


def test_what_takes_long_is_begun_first() -> None:
    target = Target()
    gin = Entry("a_3", "INDEX", "CREATE INDEX a_3 ON public.a USING gin (b);")
    with builders(target, [key("a", "a_key"), index("a", "a_2"), gin], [table("a")], workers=1) as working:
        working.finish(agreeing=True)
    assert target.said[::2] == [f"+{ANALYSE_A}", "+a_3", "+a_key", "+make a_key", "+a_2"]


def test_a_foreign_key_waits_for_both_its_tables_and_is_checked_beside_the_build_of_a_third() -> None:
    target, both = Target(), threading.Barrier(2)
    target.during["a_b"] = target.during["c_1"] = lambda _: both.wait(10) and None
    entries = [foreign_key("a", "b"), index("a", "a_1"), key("b", "b_key"), index("c", "c_1")]
    with builders(target, entries, [table("a", 3), table("b", 2), table("c")]) as working:
        working.finish(agreeing=True)
    before = target.said[: target.said.index("+a_b")]
    assert {"-a_1", "-b_key", f"-{ANALYSE_A}", f"-{ANALYSE_B}"} <= set(before)


def test_while_a_foreign_key_is_checked_nothing_else_touches_its_tables() -> None:
    target = Target()
    entries = [foreign_key("a", "b"), foreign_key("b", "a"), foreign_key("a", "a"), foreign_key("c", "c")]
    beside: list[set[str]] = []

    def look(_: Session) -> None:
        time.sleep(0.02)  # so long another may begin, where nothing keeps it from it
        beside.append({said[1:] for said in target.said if f"-{said[1:]}" not in target.said})

    target.during["a_b"] = target.during["b_a"] = target.during["a_a"] = look
    with builders(target, entries, [table("a"), table("b"), table("c")], workers=4) as working:
        working.finish(agreeing=True)
    assert len(beside) == 3
    assert all(len(names - {"c_c", "analyse public.c"}) == 1 for names in beside)
    assert "-c_c" in target.said


def test_foreign_keys_are_left_for_later_where_states_or_partitions_differ() -> None:
    entries = [foreign_key("a", "part"), foreign_key("part", "a"), foreign_key("a", "a")]
    tables = [table("a"), table("part", partition=True)]
    for agreeing, wanted in ((False, set()), (True, {"+a_a"})):
        target = Target()
        with builders(target, entries, tables) as working:
            working.finish(agreeing=agreeing)
        assert {said for said in target.said if said.startswith("+")} - {f"+{ANALYSE_A}"} == wanted


def test_helpers_are_allowed_to_the_last_one_only() -> None:
    target, entries = Target(), [index("a", "a_1"), key("a", "a_key"), key("a", "a_other")]
    with builders(target, entries, [table("a")], 1) as working:
        working.finish(agreeing=True)
    built = {name: alone for name, alone in target.alone.items() if not name.startswith("make")}
    assert built == {"a_1": False, "a_key": False, "a_other": True}


def test_progress_counts_each_key_once() -> None:
    said: list[str] = []
    entries = [index("a", "a_1"), key("a", "a_key")]
    with Builders(Target(), entries, [table("a")], {}, 1, said.append) as working:  # type: ignore[arg-type]
        working.finish(agreeing=True)
    assert said == ["target: built a_key (2 of 2 indexes and keys)"]


def test_a_failure_is_raised_to_whoever_offers_and_waits_and_ends_the_others() -> None:
    target, failed = Target(), threading.Event()

    def fail(_: Session) -> None:
        failed.set()
        raise ValueError("no room")

    target.during["a_1"] = fail

    def offer() -> None:
        entries = [index("a", "a_1"), index("b", "b_1")]
        with builders(target, entries, [table("a"), table("b")], workers=1) as working:
            working.offer(table("a"))
            assert failed.wait(10)
            while True:
                working.offer(table("b"))

    with pytest.raises(ValueError, match="no room"):
        offer()
    assert "+b_1" not in target.said
    assert all(session.closed for session in target.sessions)


def test_leaving_by_an_error_cancels_what_is_being_built() -> None:
    target, begun = Target(), threading.Event()

    def long(session: Session) -> None:
        begun.set()
        assert session.cancelled.wait(10)

    target.during["a_1"] = long

    def leave() -> None:
        with builders(target, [index("a", "a_1"), index("a", "a_2")], [table("a")], workers=1) as working:
            working.offer(table("a"))
            assert begun.wait(10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        leave()
    assert "+a_2" not in target.said


def test_what_is_done_or_not_of_one_table_s_rows_is_left_alone() -> None:
    target = Target(done=("a_1",))
    foreign = Entry("a_b", "FK CONSTRAINT", "ALTER TABLE ONLY public.a ADD CONSTRAINT a_b FOREIGN KEY ...")
    domain = Entry("d", "CHECK CONSTRAINT", "ALTER DOMAIN public.d ADD CONSTRAINT positive CHECK (...);")
    wide = Entry("s", "STATISTICS", "CREATE STATISTICS public.s (dependencies) ON a, b FROM public.a;")
    tables = [table("a"), table("part", partition=True)]
    with builders(target, [index("a", "a_1"), foreign, domain, wide], tables) as working:
        working.finish(agreeing=True)
    assert set(target.said) == {"+d", "-d", "+s", "-s", f"+{ANALYSE_A}", f"-{ANALYSE_A}"}
    assert target.said.index("-s") < target.said.index(f"+{ANALYSE_A}")
