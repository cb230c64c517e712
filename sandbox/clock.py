"""Time as the sandbox needs it: epoch milliseconds, and the shop's local days (America/New_York)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

ZONE_NAME = "America/New_York"
ZONE = ZoneInfo(ZONE_NAME)
FIRST_DAY = date(2017, 1, 1)
LAST_DAY = date(2017, 12, 31)
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@lru_cache(maxsize=1024)
def start_of(day: date) -> int:
    """Return the epoch milliseconds at which a local day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()) * SECOND


YEAR_START = start_of(FIRST_DAY)
YEAR_END = start_of(LAST_DAY + timedelta(days=1))
LAST_DAY_START = start_of(LAST_DAY)


def local(at: int) -> datetime:
    """Return an instant as the shop's clock shows it, with its offset."""
    return datetime.fromtimestamp(at / SECOND, tz=ZONE)


def local_day(at: int) -> date:
    """Return the local day of an instant."""
    return local(at).date()


def utc(at: int) -> datetime:
    """Return an instant in UTC."""
    return datetime.fromtimestamp(at // SECOND, tz=UTC).replace(microsecond=at % SECOND * 1_000)


@lru_cache(maxsize=1024)
def _day_text(day: int) -> str:
    return f"{utc(day * DAY):%Y-%m-%d}"


def iso(at: int) -> str:
    """Return an instant the way JavaScript's `toISOString` writes it."""
    day, rest = divmod(at, DAY)
    minutes, rest = divmod(rest, MINUTE)
    return f"{_day_text(day)}T{minutes // 60:02d}:{minutes % 60:02d}:{rest // SECOND:02d}.{rest % SECOND:03d}Z"


def iso_seconds(at: int) -> str:
    """Return an instant in UTC without a fraction."""
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Window:
    """The local days, first and last included, whose deliveries are written."""

    since: date
    until: date

    @cached_property
    def start(self) -> int:
        """Return the first instant of the window."""
        return start_of(self.since)

    @cached_property
    def end(self) -> int:
        """Return the instant after the window."""
        return start_of(self.until + timedelta(days=1))

    def holds(self, received: int) -> bool:
        """Say whether something received at that instant belongs to the window."""
        return self.start <= received < self.end

    def parts(self) -> list[Window]:
        """Split the window at the ends of months: one file per source and part."""
        parts: list[Window] = []
        day = self.since
        while day <= self.until:
            following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
            last = min(self.until, following - timedelta(days=1))
            parts.append(Window(day, last))
            day = last + timedelta(days=1)
        return parts

    def label(self) -> str:
        """Return the part of a file name that tells its days; two different windows never share one."""
        if self.since == self.until:
            return f"{self.since:%Y-%m-%d}"
        following = self.until + timedelta(days=1)
        if self.since.day == 1 and following.day == 1:
            return f"{self.since:%Y-%m}"
        return f"{self.since:%Y-%m-%d}-to-{self.until:%d}"
