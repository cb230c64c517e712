"""The workspaces that chaos begins with: small lakes without a JVM, and one after its first day.

In each, what the line is about is still to be done: somebody to retract or to erase, a table to restore, files to land.
"""

import datetime
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from activation.export import export_all
from contracts.permission import Moment
from lakehouse.consent import state_sql
from lakehouse.lake import Lake
from lakehouse.settings import Settings
from tests import erasable
from tests.chaos import lines
from tests.hostile import corpus

CHECKOUT = Path(__file__).resolve().parents[2]
FIRST_DAY, LAST_DAY = datetime.date(2017, 1, 1), datetime.date(2017, 12, 31)


def withdraw(small: Any) -> None:
    """Ann, who was exported to both destinations, takes back her yes to one of them."""
    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    said = next(row for row in small.rows("silver.consents") if row["record_id"] == "account:ann")
    on_last_day = datetime.datetime(2017, 12, 30, 9, tzinfo=datetime.UTC)
    later = {"event_id": "consent:later", "status": "withdrawn", "given_at": on_last_day, "received_at": on_last_day}
    small.lake.append("silver.consents", [said | later | {"position": 99, "landing": 2}])
    with small.lake.duck() as connection:
        moment = Moment(on_last_day.date(), heeds_later_refusals=True)
        state = connection.sql(state_sql(small.lake.contracts.policy, moment)).to_arrow_table()
    small.lake.overwrite("gold.consent_state", state)


def damage(small: Any) -> None:
    """A file of a computed table is cut off."""
    table = small.lake.delta("identity.edges")
    file = Path(small.lake.path("identity.edges")) / table.get_add_actions(flatten=True)["path"][0].as_py()
    file.write_bytes(file.read_bytes()[:-40])


SMALL: dict[str, Callable[[Any], None]] = {"restore": damage, "release": withdraw, "rights": erasable.ask}
"""By line, what makes a small lake its base; the others need nothing."""


def two_days(households: int, home: Path, line: str) -> Path:
    """A workspace after its first run, with the second day's files in landing/, a withdrawal among them."""
    from clew.landing import LandingFiles

    (home / ".clew").mkdir(parents=True)
    (home / ".clew" / "jars").symlink_to(CHECKOUT / ".clew" / "jars")
    settings = Settings(home=home)
    before = LAST_DAY - datetime.timedelta(days=1)
    LandingFiles(settings, households, FIRST_DAY, before).wait(lambda *_: None)
    code = lines.apart(line, home, before)
    if code != lines.FINISHED:
        raise SystemExit(f"the first run failed: {(home / 'walk.log').read_text()[-2000:]}")
    LandingFiles(settings, households, LAST_DAY, LAST_DAY).wait(lambda *_: None)
    _put_odd_files(settings.landing / "web")
    if "retract" in lines.LINES[line]():
        _put_withdrawal(Lake(settings))
    return home


def _put_odd_files(folder: Path) -> None:
    """What a landing moves and rewrites before it reads: an archive that is cut off, and a line that is too long."""
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 99, mtime=0)[:-9])
    sound = json.dumps(corpus.message("beside the long line")).encode()
    (folder / "long.jsonl").write_bytes(sound + b"\n" + b"x" * (2 * corpus.LONG_LINE) + b"\n" + sound + b"\n")


def _put_withdrawal(lake: Lake) -> None:
    """Somebody whom the e-mail tool got on the first day takes back their yes on the second."""
    with lake.duck(only=["ops.deliveries", "identity.assignments"]) as connection:
        found = connection.execute(
            """SELECT min(a.record_id) FROM identity.assignments AS a JOIN ops.deliveries AS d USING (profile_id)
               WHERE d.destination = 'email_tool' AND starts_with(a.record_id, 'account:')"""
        ).fetchall()
    if found[0][0] is None:
        raise SystemExit("the first day exported nobody who has an account: take more households")
    said = {
        "consent_id": "chaos-1",
        "purpose": "email_marketing",
        "status": "withdrawn",
        "notice_version": "2017-1",
        "region": "US-NY",
        "anonymous_id": None,
        "user_id": found[0][0].removeprefix("account:"),
        "given_at": f"{LAST_DAY}T12:00:00+00:00",
    }
    (lake.settings.landing / "consent" / "withdrawal.jsonl").write_text(json.dumps(said) + "\n")
