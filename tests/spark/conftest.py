"""One Spark session for all tests that need the JVM, and a lake of its own for each."""

import shutil
from pathlib import Path

import pytest

from contracts import HERE, Contracts
from lakehouse.jars import jar_paths
from lakehouse.lake import Lake
from lakehouse.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Delta's jars: the checkout's if `make setup` has fetched them."""
    state = CHECKOUT / ".clew"
    if not (state / "jars").is_dir():
        state = tmp_path_factory.mktemp("jars")
    jar_paths(state)
    return state / "jars"


@pytest.fixture(scope="session")
def make_lake(jars: Path, tmp_path_factory: pytest.TempPathFactory):
    """Makes lakes, each in a workspace of its own, with all declared tables empty.

    Naming the sources that a test lands spares it the others: each has a stream, and a table to begin with.
    """

    def make(*sources: str) -> Lake:
        home = tmp_path_factory.mktemp("home")
        link_jars(home, jars)
        lake = Lake(Settings(home=home, spark_master="local[2]"))
        if sources:
            lake.contracts = Contracts(copy_contracts(home / "contracts", *sources))
        lake.ensure_tables()
        return lake

    return make


@pytest.fixture
def lake(make_lake) -> Lake:
    return make_lake()


@pytest.fixture(scope="module")
def shared_lake(make_lake) -> Lake:
    """One lake for tests that do not mind each other's rows."""
    return make_lake()


@pytest.fixture
def web_lake(make_lake) -> Lake:
    """A lake of one source."""
    return make_lake("web")


def copy_contracts(folder: Path, *sources: str) -> Path:
    """The contracts that come with Clew, to be changed; of the sources only those named, or all."""
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for path in (folder / "sources").glob("*.yml"):
        if sources and path.stem not in sources:
            path.unlink()
    return folder


def link_jars(home: Path, jars: Path) -> None:
    (home / ".clew").mkdir(parents=True, exist_ok=True)
    (home / ".clew" / "jars").symlink_to(jars)
