"""What lies under infrastructure/terraform and infrastructure/pulumi is what the catalogue makes now."""

from __future__ import annotations

from pathlib import Path

from dreamnet.handover import hand_over
from dreamnet.handover.write import generated
from dreamnet.resources.catalogue import load_catalogue

INFRASTRUCTURE = Path(__file__).parents[2] / "infrastructure"


def differing(root: Path) -> set[Path]:
    """Files that the catalogue makes otherwise, or no longer."""
    made = hand_over(load_catalogue(root)).files
    there = {path: (root / path).read_text(encoding="utf-8") for path in made if (root / path).exists()}
    stale = set(generated(root)) - set(made)
    return stale | {path for path, text in made.items() if there.get(path) != text}


def test_committed_files_are_what_the_catalogue_makes() -> None:
    found = sorted(map(str, differing(INFRASTRUCTURE)))
    assert not found, (
        f"run `python -m dreamnet.handover all infrastructure` and commit; these differ: {found}"
    )


def test_a_changed_catalogue_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "google" / "data"
    folder.mkdir(parents=True)
    (folder / "x.yaml").write_text(
        "id: google/t\ntype: pubsub.v1/projects.topics\nname: t\nparent: projects/p\nbody: {}\n"
    )
    made = hand_over(load_catalogue(tmp_path)).files
    for path, text in made.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert not differing(tmp_path)
    (tmp_path / "terraform/gcp/old.tf").write_text(made[Path("terraform/gcp/main.tf")])
    assert differing(tmp_path) == {Path("terraform/gcp/old.tf")}
    (folder / "x.yaml").write_text((folder / "x.yaml").read_text().replace("name: t", "name: u"))
    assert Path("terraform/gcp/data.tf") in differing(tmp_path)
