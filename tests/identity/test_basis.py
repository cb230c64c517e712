"""A run builds on the last one only where the code that computes is the same: all of it counts."""

import ast
from pathlib import Path

from identity.basis import _DECLARE, ROOT

_TELLS_NO_VALUE = {"errors", "event", "table"}
"""Words of errors, and models of declarations that identity reads no value of."""


def _imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "contracts":
            found |= {name.name for name in node.names if (ROOT / "contracts" / f"{name.name}.py").exists()}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("contracts."):
            found.add(node.module.removeprefix("contracts."))
    return found


def test_every_module_of_the_contracts_that_identity_computes_with_counts_as_its_code():
    reached: set[str] = set()
    more = set().union(*(_imported(file) for file in (ROOT / "identity").rglob("*.py")))
    while more := more - reached - _TELLS_NO_VALUE:
        reached |= more
        more = set().union(*(_imported(ROOT / "contracts" / f"{name}.py") for name in more))
    assert "plain" in reached
    assert reached <= set(_DECLARE)
