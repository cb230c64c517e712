"""Words in a text: Spark finds them where the definition in Python does, and nowhere else."""

from typing import Any

import pytest

from contracts import signal
from contracts.signal_sql import condition

CASES = [
    (("refund",), "Refund please", True),
    (("late",), "A box of chocolates", False),
    (("late",), "It came late.", True),
    (("can't log in",), "I CAN'T LOG IN", True),
    (("did not apply", "wrong"), "Coupon did not apply", True),
    (("did not apply",), "It did not really apply", False),
    (("été",), "L'ÉTÉ dernier", True),
    (("été",), "répétés", False),
    (("😡",), "App crashes 😡 at checkout", True),
    (("50%",), "I want 50% back", True),
    (("a.b",), "a-b", False),
    (("(sic)", "{{ x }}", "a|b", "c\\d"), "he wrote (sic)", True),
    (("(sic)", "{{ x }}", "a|b", "c\\d"), "he wrote {{ x }} and c\\d", True),
    (("(sic)", "{{ x }}", "a|b", "c\\d"), "a b c d", False),
    (("wrong",), "", False),
]


@pytest.mark.parametrize(("words", "text", "is_there"), CASES)
def test_a_word_is_found_whole_in_whatever_case(words: tuple[str, ...], text: str, is_there: bool) -> None:
    assert signal.mentioned(words, text) is is_there


def test_spark_finds_what_python_finds(make_lake: Any) -> None:
    spark = make_lake().spark
    for words, text, is_there in CASES:
        given = spark.createDataFrame([({"subject": text},)], "properties map<string, string>")
        test = signal.Test(mentions=words)
        (row,) = given.selectExpr(condition({"subject": test}) + " as found").collect()
        assert row.found is is_there, (words, text)
    nothing = spark.createDataFrame([({},)], "properties map<string, string>")
    (row,) = nothing.selectExpr(condition({"subject": signal.Test(mentions=("wrong",))}) + " as found").collect()
    assert row.found is False
    assert signal.Test(mentions=("wrong",)).holds(None) is False
