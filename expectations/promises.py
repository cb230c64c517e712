"""Warnings about what the business declared of itself: claims, guardrails, experiments forgotten or changed."""

from expectations.rule import NoRows, Rule
from expectations.suite import Scene

HYPOTHESES, VERDICTS, METRICS = "gold.hypotheses", "ops.hypothesis_verdicts", "ops.metrics"
LEDGER, EXPERIMENTS = "gold.experiment_ledger", "ops.experiments"


def refuted_since(today: str) -> str:
    """SQL of ``hypothesis, since``: the first of the runs' dates after the last on which it was not refuted.

    Args:
        today: The last date that counts, as SQL.
    """
    return f"""SELECT hypothesis, min(as_of) AS since
FROM (
  SELECT *, max(as_of) FILTER (WHERE verdict <> 'refuted') OVER (PARTITION BY hypothesis) AS other
  FROM {VERDICTS}
  WHERE as_of <= {today}
)
WHERE other IS NULL OR as_of > other
GROUP BY hypothesis"""


def rules(scene: Scene) -> list[Rule]:
    """The rules of the gold gate about hypotheses, metrics and experiments."""
    today = f"DATE '{scene.as_of.isoformat()}'"
    return [
        NoRows(
            table=HYPOTHESES,
            name="every_refuted_hypothesis_is_answered",
            says="Its owner has answered every hypothesis that is refuted, on or after the date since which it is.",
            why="what is believed though it is refuted still decides what is done for people",
            do="let the owner say what follows, under answer of contracts/hypotheses/<name>.yml; see: clew hypotheses",
            owner="analytics",
            severity="warn",
            query=f"""SELECT h.hypothesis FROM {{batch}} AS h
                      LEFT JOIN ({refuted_since(today)}) AS s USING (hypothesis)
                      WHERE h.verdict = 'refuted'
                        AND (h.answered_on IS NULL OR h.answered_on < coalesce(s.since, h.judged_on)
                             OR h.answered_on > greatest(h.judged_on, {today}))""",
        ),
        NoRows(
            table=METRICS,
            name="every_guardrail_holds",
            says="No guardrail is broken on the run's date.",
            why="what is gained elsewhere is paid for here: by people who are tired, kept waiting, wronged or mistaken",
            do="see which: clew metrics; stop what breaks it, or let its owner move its threshold in contracts/metrics",
            owner="analytics",
            severity="warn",
            query=f"SELECT metric FROM {{batch}} WHERE as_of = {today} AND verdict = 'broken'",
        ),
        NoRows(
            table=LEDGER,
            name="no_experiment_is_forgotten",
            says="Every experiment that a run knew by the run's date is declared still.",
            why="what failed and is forgotten is tried again, and what is told of those left is too good",
            do="bring its file in contracts/experiments back, with the status stopped or dead and what was learned; "
            "see: clew experiment list",
            owner="analytics",
            severity="warn",
            query=f"""SELECT DISTINCT experiment FROM {EXPERIMENTS} WHERE as_of <= {today}
                      AND experiment NOT IN (SELECT experiment FROM {{batch}})""",
        ),
        NoRows(
            table=LEDGER,
            name="no_plan_changed_after_the_start",
            says="Every experiment is planned as it was when it had started: whom, what, how much, until when.",
            why="whoever moves the end or the metric once something was seen finds an effect where there is none",
            do="put the plan back (to end it, say status: stopped and stopped_on), or declare what is new under a name "
            "of its own; see: clew experiment show",
            owner="analytics",
            severity="warn",
            query=f"""SELECT DISTINCT l.experiment FROM {{batch}} AS l JOIN {EXPERIMENTS} AS h USING (experiment)
                      WHERE h.as_of <= {today} AND h.as_of >= h.starts_on AND h.status <> 'draft'
                        AND h.plan <> l.plan""",
        ),
    ]
