"""Tables on disk take the columns that are declared."""

import shutil

from contracts import HERE
from lakehouse.lake import Lake
from lakehouse.settings import Settings


def test_a_table_that_is_replaced_whole_takes_a_column_declared_since(tmp_path) -> None:
    declared = shutil.copytree(HERE, tmp_path / "contracts")
    lake = Lake(Settings(home=tmp_path, contracts=declared))
    lake.overwrite("identity.assignments", [])
    file = declared / "tables" / "identity" / "assignments.yml"
    file.write_text(file.read_text() + '  more: {type: "string", about: "Declared later", privacy: none}\n')
    later = Lake(Settings(home=tmp_path, contracts=declared))
    assert later.contracts.table("identity.assignments").columns["more"]
    later.overwrite("identity.assignments", [])
    assert "more" in later.arrow("identity.assignments").column_names
