"""When a campaign may send: its start in local time, quiet hours, and the warm-up of its number."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from waqtor.contracts.campaigns import CampaignSchedule, WarmUp
from waqtor.errors import InvalidInput

_US = 1_000_000


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone.

    Raises:
        InvalidInput: There is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"There is no time zone {name!r}; use an IANA name such as Asia/Riyadh.") from None


def due_at(schedule: CampaignSchedule, zone: ZoneInfo) -> int | None:
    """The start, UTC microseconds; ``None`` when there is none.

    A local time that a clock change skips means the moment after it.
    """
    if schedule.at is None:
        return None
    local = schedule.at if schedule.at.tzinfo is not None else schedule.at.replace(tzinfo=zone)
    return round(local.astimezone(UTC).timestamp() * _US)


def quiet_until(quiet_hours: str, zone: ZoneInfo, now_us: int) -> int | None:
    """The end of the quiet hours that hold now, UTC microseconds; ``None`` outside them."""
    if not quiet_hours:
        return None
    start, end = (time.fromisoformat(part) for part in quiet_hours.split("-"))
    if start == end:
        return None
    now = datetime.fromtimestamp(now_us / _US, zone)
    clock = now.time().replace(tzinfo=None)
    inside = start <= clock < end if start < end else clock >= start or clock < end
    if not inside:
        return None
    day = now.date() if clock < end else now.date() + timedelta(days=1)
    over = datetime.combine(day, end, tzinfo=zone)
    return max(now_us + 1, round(over.timestamp() * _US))


def local_day(zone: ZoneInfo, now_us: int) -> str:
    """The local day as ISO date."""
    return datetime.fromtimestamp(now_us / _US, zone).date().isoformat()


def next_day(zone: ZoneInfo, now_us: int) -> int:
    """The next local midnight, UTC microseconds."""
    today = datetime.fromtimestamp(now_us / _US, zone).date()
    return round(datetime.combine(today + timedelta(days=1), time(0), tzinfo=zone).timestamp() * _US)


def day_limit(warm_up: WarmUp, earlier_days: int) -> int:
    """How many recipients the number may have today, after sending on ``earlier_days`` days before."""
    limit = warm_up.first_day * warm_up.growth ** min(earlier_days, 64)
    return int(min(limit, 10**9))


def seconds_for(recipients: int, rate: float, schedule: CampaignSchedule | None, zone: ZoneInfo, from_us: int) -> float:
    """How long ``recipients`` take at ``rate`` a second from ``from_us`` on, quiet hours included."""
    if rate <= 0 or recipients <= 0:
        return 0.0
    left, now = recipients / rate, from_us
    quiet = schedule.quiet_hours if schedule is not None else ""
    if quiet:
        start = time.fromisoformat(quiet.split("-")[0])
        for _ in range(400):
            until = quiet_until(quiet, zone, now)
            if until is not None:
                now = until
                continue
            here = datetime.fromtimestamp(now / _US, zone)
            day = here.date() if here.time().replace(tzinfo=None) < start else here.date() + timedelta(days=1)
            span = datetime.combine(day, start, tzinfo=zone).timestamp() - now / _US
            if left <= span or quiet.split("-")[0] == quiet.split("-")[1]:
                break
            left -= span
            now += round(span * _US)
    return (now - from_us) / _US + left
