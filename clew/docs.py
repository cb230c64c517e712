"""`python -m clew.docs`: the models' documentation and the gates' Data Docs, from the lake of this workspace."""

import sys
from pathlib import Path

from clew.output import print_error
from clew.workspace import existing_lake, settings
from lakehouse.errors import ClewError
from lakehouse.lake import Lake


def build(out: Path) -> list[Path]:
    """Write both sites under ``out`` and return their first pages.

    Raises:
        UsageError: If there is no lake to document yet.
    """
    from expectations.docs import build as build_gates
    from spark_jobs.gold.marts import build_docs

    existing_lake()
    lake = Lake(settings())
    return [Path(build_docs(lake, out / "dbt")), build_gates(lake, out / "gates")]


def main() -> int:
    """Entry point of `make docs`."""
    try:
        for page in build(settings().home.absolute() / "build" / "docs"):
            print(page)
    except ClewError as error:
        print_error(error, as_json=False)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
