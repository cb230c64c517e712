"""What an audience asks of identity in its YAML: it can be asked, and the audience's SQL goes by it."""

from pathlib import Path

import pytest

from contracts.check_exports import wrongly_asked
from contracts.link import IdentityMinimum
from contracts.marts import identity_minimums

YAML = """models:
  - name: audience_other
  - name: audience_vips
    config:
      meta:
        identity: {asked}
"""
GOES_BY_IT = "select * from people where {{ sure_enough('audience_vips') }}"


def written(folder: Path, asked: str, sql: str = GOES_BY_IT) -> Path:
    (folder / "activation").mkdir()
    (folder / "activation" / "audience_vips.yml").write_text(YAML.replace("{asked}", asked))
    (folder / "activation" / "audience_vips.sql").write_text(sql)
    return folder


def test_what_an_audience_asks_is_read_from_its_yaml(tmp_path: Path) -> None:
    models = written(tmp_path, "{least_probability: 0.99, kinds: [founder, deterministic]}")
    assert list(wrongly_asked(models)) == []
    asked = IdentityMinimum(least_probability=0.99, kinds=("founder", "deterministic"))
    assert identity_minimums(models) == {"audience_vips": asked}


def test_an_audience_that_asks_for_nothing_is_not_named(tmp_path: Path) -> None:
    assert identity_minimums(written(tmp_path, "null")) == {}


@pytest.mark.parametrize(
    ("asked", "sql", "says"),
    [
        ("{least_probability: 2}", GOES_BY_IT, "least_probability: Input should be less than or equal to 1"),
        ("{kinds: [founder, certain]}", GOES_BY_IT, "kinds.1: Input should be 'founder', 'deterministic'"),
        ("{least: 1}", GOES_BY_IT, "least: Extra inputs are not permitted"),
        ("{kinds: [inferred]}", GOES_BY_IT, "leaves out founder, deterministic, which is firmer"),
        ("{least_probability: 0.9}", "select 1", "identity: audience_vips.sql does not go by it"),
    ],
    ids=["an impossible probability", "an unknown kind", "an unknown word", "a firmer kind left out", "no filter"],
)
def test_what_cannot_be_asked_or_is_not_granted_is_told_with_its_line(
    asked: str, sql: str, says: str, tmp_path: Path
) -> None:
    (problem,) = wrongly_asked(written(tmp_path, asked, sql))
    assert problem.file.endswith("audience_vips.yml")
    assert problem.line == 6
    assert says in f"{problem.field}: {problem.what}"
