"""``python -m spark_jobs.gold.docs``: the models' documentation, into build/docs/dbt."""

from pathlib import Path

from lakehouse.lake import Lake
from spark_jobs.gold.marts import build_docs


def main() -> None:
    """Build the page for the lake of the current workspace."""
    lake = Lake()
    lake.ensure_tables()
    print(build_docs(lake, Path("build/docs/dbt")))


if __name__ == "__main__":
    main()
