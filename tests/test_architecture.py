"""Who may import whom, and what production code may know. The modules are read, not imported."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint

PROJECT = Path(__file__).resolve().parents[1]
#: What each package may import of the project. A package that is not listed here fails the test below.
MAY_IMPORT = {
    "flows": {"flows", "tasks", "dreamnet"},
    "tasks": {"tasks", "blocks", "dreamnet", "data_pipelines"},
    "blocks": {"blocks", "dreamnet"},
    "data_pipelines": {"data_pipelines", "dreamnet"},
    "deployments": {"deployments", "flows", "tasks", "blocks", "dreamnet"},
    "dreamnet": {"dreamnet"},
    "localcloud": {"localcloud", "dreamnet"},
    "functions": set(),
    "benchmarks": {"benchmarks", "localcloud", "deployments", "flows", "tasks", "blocks", "dreamnet"},
}
OURS = set(MAY_IMPORT)
WITHOUT_PREFECT = ("dreamnet", "localcloud", "data_pipelines", "functions")
#: What runs against real accounts. The folder of the rehearsal's own deployment is no part of it.
PRODUCTION = ("flows", "tasks", "blocks", "data_pipelines", "dreamnet", "functions")
#: Where production code may name the rehearsal: an endpoint that says "not in the rehearsal" is understood,
#: and the operator is told what to do about it.
SAID_OF_NOT_REHEARSABLE = re.compile(r"is not in the rehearsal|[Ll]eave it out of the rehearsal")
#: A name under which code could ask where it runs.
ASKS_WHERE = re.compile(r"rehears|localcloud|is_local|local_mode|emulator|\bmoto\b", re.IGNORECASE)
ALLOWED_NAMES = {"NotRehearsable", "NOT_IN_REHEARSAL", "NotInRehearsal"}
#: Lines of a function, its docstring included.
LONGEST_FUNCTION = 80


def sources(*packages: str) -> list[Path]:
    """The modules of these packages."""
    return sorted(path for package in packages for path in (PROJECT / package).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, module) of each import, wherever it stands, and of import_module with a literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__") and node.args:
            yield from ((node.lineno, text) for text in _first_text(node.args[0]))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _first_text(argument: ast.expr) -> list[str]:
    first = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
    return [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []


def wrong_imports(package: str, source: str) -> list[str]:
    """Imports of this source that its package may not make."""
    found = []
    for line, module in imported(ast.parse(source)):
        top = module.split(".")[0]
        if top in OURS and top not in MAY_IMPORT[package]:
            found.append(f"{line}: {package} imports {module}")
        if top.startswith("prefect") and package in WITHOUT_PREFECT:
            found.append(f"{line}: {package} imports {module}")
    return found


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_go_one_way(package: str) -> None:
    wrong = [
        f"{path.relative_to(PROJECT)}:{one}"
        for path in sources(package)
        for one in wrong_imports(package, path.read_text())
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("dreamnet", "import localcloud.state"),
        ("dreamnet", "def f():\n    from prefect_gcp import GcpCredentials"),
        ("dreamnet", "if True:\n    import tasks"),
        ("localcloud", "from flows.gameplan import gameplan"),
        ("localcloud", "import importlib\nimportlib.import_module('blocks')"),
        ("flows", "def f():\n    from localcloud import State"),
        ("flows", "from blocks import GameplanProfile"),
        ("tasks", "import importlib\nimportlib.import_module(f'localcloud.{name}')"),
        ("tasks", "from flows.weeks import run_key"),
        ("blocks", "import tasks.support"),
        ("deployments", "from localcloud.state import State"),
    ],
)
def test_wrong_direction_is_noticed(package: str, source: str) -> None:
    assert wrong_imports(package, source)


def test_every_package_has_its_rule() -> None:
    packages = {
        path.relative_to(PROJECT).parts[0]
        for folder in PROJECT.iterdir()
        if folder.is_dir() and folder.name[0].isalpha() and folder.name not in ("tests", "docs", "build")
        for path in folder.rglob("*.py")
    }
    assert packages <= OURS


def test_only_tests_and_benchmarks_import_the_local_cloud() -> None:
    importers = {package for package, others in MAY_IMPORT.items() if "localcloud" in others}
    assert importers == {"localcloud", "benchmarks"}


# ---- what production code may know


def documentation(tree: ast.AST) -> set[int]:
    """Ids of the nodes that are docstrings, or strings standing alone after what they describe."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def knowledge(source: str) -> list[str]:
    """Names and texts of this source by which code knows where it runs; prose is not looked at."""
    tree = ast.parse(source)
    prose = documentation(tree)
    found = []
    for node in ast.walk(tree):
        for word in _words(node):
            if id(node) in prose or word in ALLOWED_NAMES:
                continue
            if ASKS_WHERE.search(SAID_OF_NOT_REHEARSABLE.sub("", word)):
                found.append(f"{getattr(node, 'lineno', 0)}: {word!r}")
    return found


def _words(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    fields = ("id", "attr", "name", "arg", "asname", "module")
    return [value for field in fields if isinstance(value := getattr(node, field, None), str)]


@pytest.mark.parametrize("package", PRODUCTION)
def test_production_does_not_know_that_it_may_be_rehearsed(package: str) -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{one}"
        for path in sources(package)
        for one in knowledge(path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "if profile == 'rehearsal':\n    pass",
        "if settings.is_local:\n    pass",
        "import localcloud",
        "def f(rehearsing):\n    pass",
        "url = f'http://{host}/_rehearsal/resources'",
    ],
)
def test_knowledge_is_noticed(source: str) -> None:
    assert knowledge(source)


def test_prose_and_the_error_for_what_cannot_be_rehearsed_are_allowed() -> None:
    assert not knowledge(
        '"""The rehearsal says so."""\nraise NotRehearsable("x", "Leave it out of the rehearsal.")'
    )


def long_functions(path: Path) -> list[str]:
    return [
        f"{path.relative_to(PROJECT)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]


def test_no_function_is_longer_than_a_screen() -> None:
    found = [one for path in sources(*MAY_IMPORT) for one in long_functions(path)]
    assert not found, "\n".join(found)


# ---- entrypoints

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]


def shown(deployment: dict[str, Any]) -> str:
    return f"{deployment['entrypoint']}-{deployment['name']}"


def load(entrypoint: str) -> Flow[..., Any]:
    """The flow itself; without placeholder, an import that fails is an error."""
    return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)


@pytest.mark.parametrize("entrypoint", sorted({deployment["entrypoint"] for deployment in DEPLOYMENTS}))
def test_entrypoint_is_a_module_and_loads(entrypoint: str) -> None:
    # A path would put flows/ first on sys.path, where its modules shadow libraries of the same name.
    assert re.fullmatch(r"flows(\.[a-z0-9_]+){2}", entrypoint)
    flow = load(entrypoint)
    assert isinstance(flow, Flow)
    assert flow.name == entrypoint.rsplit(".", 1)[1].replace("_", "-")
    assert flow.persist_result, "a retry could not find what is finished"


#: What has no default, because only the operator knows it: the server refuses a run without it.
ASKED: dict[str, dict[str, Any]] = {
    "flows.promote.promote": {"image": f"dreamnet/backend@sha256:{'a' * 64}"},
    "flows.adopt.adopt": {"resources": ["google/gke-cluster"]},
}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=shown)
def test_parameters_fit_the_signature(deployment: dict[str, Any]) -> None:
    flow = load(deployment["entrypoint"])
    # Raises TypeError where one is missing or unknown, ParameterTypeError where one is of the wrong type.
    parameters = deployment["parameters"] | ASKED.get(deployment["entrypoint"], {})
    inspect.signature(flow.fn).bind(**parameters)
    flow.validate_parameters(parameters)


def test_every_flow_has_its_deployments() -> None:
    modules = [import_module(f"flows.{path.stem}") for path in sources("flows") if path.stem != "__init__"]
    flows = {
        f"{module.__name__}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Flow) and value.fn.__module__ == module.__name__
    }
    assert flows == {deployment["entrypoint"] for deployment in DEPLOYMENTS}
