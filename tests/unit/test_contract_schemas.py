"""What an editor is told of the contracts: each file names its JSON Schema, fits it, and the schema speaks true."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from contracts import HERE
from contracts.check import KINDS
from contracts.source import Source
from contracts.table import Table

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = [(kind, path) for kind, (pattern, _) in KINDS.items() for path in sorted(HERE.glob(pattern))]


class EditorLoader(yaml.SafeLoader):
    """Reads as editors do, by YAML 1.2, in which a date is a text."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def test_there_are_contracts_of_every_kind() -> None:
    assert {kind for kind, _ in FILES} == set(KINDS) - {"lift"}, "what was measured elsewhere is not in the demo"


@pytest.mark.parametrize(("kind", "path"), FILES, ids=[path.relative_to(HERE).as_posix() for _, path in FILES])
def test_a_contract_names_the_schema_of_its_kind_and_fits_it(kind: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named, "the first line names no schema"
    schema = (path.parent / named[1]).resolve()
    assert schema == HERE / "schemas" / f"{kind}.schema.json"
    faults = jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).iter_errors(
        yaml.load(text, EditorLoader)  # noqa: S506 - a SafeLoader subclass
    )
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_retention_is_said_to_be_unenforced_for_as_long_as_nothing_reads_it() -> None:
    code = [path for room in CHECKOUT.iterdir() if room.name not in ("contracts", "tests") and room.name[0] != "."
            for path in room.rglob("*") if path.suffix in (".py", ".sql")]  # fmt: skip
    assert len(code) > 50
    is_read = any("retention_days" in path.read_text(encoding="utf-8") for path in code)
    for model in (Source, Table):
        said = model.model_json_schema()["properties"]["retention_days"].get("description", "")
        assert ("Declared and not yet enforced" in said) is not is_read
