"""Prefect's own standards for blocks, held for every block of ours."""

from __future__ import annotations

import inspect
from urllib.parse import urlsplit

import pytest
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite

import blocks

OURS = [
    block
    for _, block in inspect.getmembers(blocks, inspect.isclass)
    if issubclass(block, Block) and block.__module__.startswith("blocks.")
]


@pytest.mark.parametrize("block", OURS, ids=lambda block: block.__name__)
class TestStandards(BlockStandardTestSuite):
    @pytest.fixture
    def block(self, request: pytest.FixtureRequest) -> type[Block]:
        found: type[Block] = request.param
        return found

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        # Prefect's test downloads the picture; tests here reach no network, so the address is looked at.
        url = urlsplit(str(block._logo_url))
        assert url.scheme == "https"
        assert url.hostname
        assert url.path.endswith((".png", ".svg"))

    def test_names_are_its_own(self, block: type[Block]) -> None:
        assert block.get_block_type_slug().startswith("dreamnet-")
        assert [one.get_block_type_slug() for one in OURS].count(block.get_block_type_slug()) == 1
        assert "(DreamNet)" in str(block._block_type_name)

    def test_code_example_is_python_and_imports_from_here(self, block: type[Block]) -> None:
        example = str(block.get_code_example()).strip().removeprefix("```python").removesuffix("```")
        compile(example, block.__name__, "exec")
        assert f"from blocks import {block.__name__}" in example


@pytest.mark.parametrize("block", OURS, ids=lambda block: block.__name__)
def test_schema_is_prefects_own_and_made_once(block: type[Block], monkeypatch: pytest.MonkeyPatch) -> None:
    own = Block.model_json_schema.__func__(block)  # type: ignore[attr-defined]
    block.model_json_schema().clear()
    monkeypatch.setattr(Block, "model_json_schema", None)
    assert block.model_json_schema() == own


def test_all_are_exported() -> None:
    assert {block.__name__ for block in OURS} == set(blocks.__all__)
    assert len(OURS) == 5
