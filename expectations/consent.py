"""Rules on gold.consent_state: the policy compiled anew for another engine, and what no policy may get wrong."""

from contracts.permission import Moment
from contracts.purpose import REFUSALS
from expectations.rule import NoRows, Rule
from expectations.suite import Scene
from lakehouse.consent import state_sql

TABLE = "gold.consent_state"
_REFUSED = f"list_contains({list(REFUSALS)}, c.status)"
_REPORT = "report it as a fault of spark_jobs.gold.consent_state, with the keys named here; the last release stays"
_DECIDED = ("status", "may_use", "rule", "event_id", "expires_at", "jurisdiction", "topics_refused", "policy_version")


def prepare(scene: Scene) -> str:
    """SQL that makes the temporary table ``consent_recount``: the policy over everybody, for the date of the scene."""
    recount = state_sql(scene.contracts.policy, Moment(scene.as_of, heeds_later_refusals=True))
    return f"CREATE OR REPLACE TEMP TABLE consent_recount AS {recount}"


def rules() -> list[Rule]:
    """The rules of the gold gate about consent."""
    ours, theirs = (", ".join(f"{side}.{name}" for name in _DECIDED) for side in ("m", "s"))
    return [
        NoRows(
            table=TABLE,
            name="consent_is_settled_by_the_policy",
            says="Everybody's consent for every purpose is what the policy makes of their words on the run's date.",
            why="an older or milder statement would allow what the person refused (invariant 6)",
            do="run the marts again: clew run; if it stays, report it as a fault of contracts.permission_sql",
            owner="privacy",
            query=f"""SELECT coalesce(m.profile_id, s.profile_id) AS profile_id,
                             coalesce(m.purpose, s.purpose) AS purpose
                      FROM {{batch}} AS m FULL JOIN consent_recount AS s USING (profile_id, purpose)
                      WHERE ({ours}) IS DISTINCT FROM ({theirs})""",
        ),
        NoRows(
            table=TABLE,
            name="every_consent_names_its_event",
            says="Whatever was decided from a statement names the event of silver.consents that said so.",
            why="the event is what an exported row shows as its permission (invariant 6)",
            do=_REPORT,
            owner="privacy",
            query="""SELECT profile_id, purpose FROM (FROM {batch} WHERE status <> 'no_consent_known') AS m
                     ANTI JOIN silver.consents AS c ON c.event_id = m.event_id AND c.purpose = m.purpose
                     AND c.status = CASE WHEN m.status IN ('denied', 'withdrawn', 'snoozed') THEN m.status
                                         ELSE 'granted' END""",
        ),
        NoRows(
            table=TABLE,
            name="nobody_is_used_after_they_refused",
            says="Of nobody who may be used is a refusal known at or after the yes, whatever record said it.",
            why="the last word counts under every policy, and of two at one instant the stricter (invariant 6)",
            do=_REPORT,
            owner="privacy",
            query=f"""SELECT DISTINCT m.profile_id, m.purpose FROM {{batch}} AS m
                      JOIN identity.assignments AS a ON a.profile_id = m.profile_id
                      JOIN silver.consents AS c ON c.record_id = a.record_id AND c.purpose = m.purpose
                      WHERE m.may_use AND c.topic IS NULL AND {_REFUSED}
                        AND c.given_at >= least(m.given_at, m.known_since)""",
        ),
        NoRows(
            table=TABLE,
            name="every_yes_names_its_notice",
            says="Every granted consent names the notice that the person was shown.",
            why="a yes to an unknown text allows nothing; the person is refused at export",
            do="ask the owner of the consent banner why it sends no notice version",
            owner="privacy",
            severity="warn",
            query="SELECT profile_id, purpose FROM {batch} WHERE status = 'granted' AND notice_version IS NULL",
        ),
    ]
