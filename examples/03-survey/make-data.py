#!/usr/bin/env python3
"""Makes events.ndjson.gz: a made-up diary study, with the trouble that real ones have.

No person stands behind any line. 48 participants at two sites, later three, write an entry every morning for eight
weeks. Their phones update the app at different times, so that entries of three schema versions come mixed; some phones
are offline for days; some send an entry again; some entries are wrong at first and corrected later. Lines stand in the
order in which they would have arrived. Needs Python only; every run gives the same bytes.
"""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

OUT = Path(__file__).with_name("events.ndjson.gz")
START = datetime(2025, 3, 3, tzinfo=UTC)
DAYS, PARTICIPANTS = 56, 48
NOTES = ["slept badly, the neighbours had guests", "first day back at work", "long walk by the river", "headache"]


class Dice:
    """Numbers by a linear congruential generator (Knuth's MMIX), the same on every machine."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def upto(self, n: int) -> int:
        """One of 0 to n - 1."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n

    def one_in(self, n: int) -> bool:
        return self.upto(n) == 0


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Participant:
    """One participant and the phone."""

    def __init__(self, number: int) -> None:
        self.dice = Dice(number + 1)
        self.name = f"P{number + 1:03}"
        self.joins = 0 if number < 36 else 21 + self.dice.upto(7)
        self.site = ["north", "south"][number % 2] if number < 40 else "online"
        self.second = 10 + self.dice.upto(14)
        self.third = self.second + 10 + self.dice.upto(14)
        self.mood = 4 + self.dice.upto(4)
        self.offline_until = START
        self.entries = 0

    def version(self, day: int) -> int:
        return 3 if day >= self.third or self.site == "online" else 2 if day >= self.second else 1

    def entry(self, day: int) -> tuple[dict, datetime]:
        """The entry of a day, right in every way, and when it arrives."""
        dice, version = self.dice, self.version(day)
        self.entries += 1
        self.mood = min(10, max(1, self.mood + dice.upto(5) - 2))
        morning = START + timedelta(days=day)
        bedtime = morning - timedelta(minutes=dice.upto(150))
        quarters = 20 + dice.upto(18)
        woke = bedtime + timedelta(minutes=15 * quarters + dice.upto(40))
        written = woke + timedelta(minutes=5 + dice.upto(300))
        event = {"participant": self.name, "entry": self.entries, "time": text(written), "site": self.site}
        if version >= 2:
            event["schema"] = version
        event["wellbeing" if version == 3 else "mood"] = self.mood
        told = quarters + 14 if dice.one_in(90) else quarters  # Now and then more sleep than night.
        event["sleep_hours"] = round(told / 4) if version == 1 else told / 4
        event |= {"bedtime": text(bedtime), "woke": text(woke)}
        if version >= 2:
            event["steps"] = None if dice.one_in(12) else 1500 + dice.upto(14000)
        if version == 3 and dice.one_in(25):
            event["note"] = NOTES[dice.upto(len(NOTES))]
        if self.offline_until <= written and dice.one_in(30):
            self.offline_until = written + timedelta(hours=20 + dice.upto(120))
        return event, max(written, self.offline_until) + timedelta(minutes=dice.upto(20))


def spoil(event: dict, dice: Dice) -> dict:
    """The entry as it was first sent, with a mistake in it."""
    kind = dice.upto(4)
    if kind == 0:
        return event | {"woke": event["bedtime"], "bedtime": event["woke"]}
    if kind == 1:
        return event | {"sleep_hours": 70 + dice.upto(20)}
    if kind == 2 and event.get("steps"):
        return event | {"steps": event["steps"] * 100}
    return {name: value for name, value in event.items() if name != "site"}


def arrivals(participant: Participant) -> list[tuple[datetime, dict]]:
    """What a phone sends, and when."""
    dice, sent = participant.dice, []
    for day in range(participant.joins, DAYS):
        if dice.one_in(11):
            continue
        event, arrives = participant.entry(day)
        if dice.one_in(40):
            sent.append((arrives, spoil(event, dice)))
            if not dice.one_in(4):
                sent.append((arrives + timedelta(hours=1 + dice.upto(30)), event))
            continue
        sent.append((arrives, event))
        if dice.one_in(60):  # The answer was lost, so that the phone sends again.
            sent.append((arrives + timedelta(minutes=1 + dice.upto(600)), event))
        if dice.one_in(400):  # Second thoughts about an entry that was right: another answer under the same id.
            name = "wellbeing" if "wellbeing" in event else "mood"
            sent.append((arrives + timedelta(hours=2), event | {name: 11 - event[name]}))
        if participant.version(day) == 3 and dice.one_in(90):  # A test build of the next app got out.
            sent.append((arrives, event | {"schema": 4, "entry": 1000 + participant.entries}))
    return sent


def main() -> None:
    sent = [arrival for number in range(PARTICIPANTS) for arrival in arrivals(Participant(number))]
    sent.sort(key=lambda arrival: (arrival[0], arrival[1]["participant"], arrival[1]["entry"]))
    lines = "".join(json.dumps(event, separators=(",", ":")) + "\n" for _, event in sent).encode()
    OUT.write_bytes(gzip.compress(lines, 9, mtime=0))
    print(f"{OUT}: {len(sent)} events, {len(lines)} bytes as NDJSON")


if __name__ == "__main__":
    main()
