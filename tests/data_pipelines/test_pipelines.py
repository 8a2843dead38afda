"""Each pipeline's file is complete and speaks of tables that exist."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import data_pipelines
from dreamnet.warehouse import Pipeline

NAMES = [one.name for one in pkgutil.iter_modules(data_pipelines.__path__)]
SCHEMA = (Path(__file__).parents[2] / "localcloud" / "neon" / "schema.sql").read_text()


def test_both_first_pipelines_are_there() -> None:
    assert {"dreams_to_bigquery", "flights_to_bigquery"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_file_name_pipeline_and_tables_agree(name: str) -> None:
    module = importlib.import_module(f"data_pipelines.{name}")
    pipeline = module.PIPELINE
    assert isinstance(pipeline, Pipeline)
    assert pipeline.name == name
    assert module.__doc__
    assert len(pipeline.schedule.split()) == 5
    tables = {source.table for source in pipeline.sources}
    assert len(tables) == len(pipeline.sources)
    for source in pipeline.sources:
        assert source.key
        if " " not in source.query:
            assert f"CREATE TABLE {source.query.removeprefix('public.')} (" in SCHEMA
    for check in pipeline.checks:
        assert set(re.findall(r"\{(\w+)\}", check.sql)) <= tables
        assert check.sql.startswith("SELECT COUNT(*)")


def test_names_of_folders_in_the_bucket_are_unique() -> None:
    names = [importlib.import_module(f"data_pipelines.{name}").PIPELINE.name for name in NAMES]
    assert len(set(names)) == len(names)
