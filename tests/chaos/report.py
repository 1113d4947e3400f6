"""What became of every utterance, by kind of fault."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tests.chaos.lane import Episode, Lane

SESSION_S = 2.0
"""From a dial on a good road to the session, 95 of 100."""
PRESS_TO_DIAL_S = 0.5
"""A press dials at once, whatever the back-off says; this computer is shared, and a fault may end meanwhile."""
GROWTH_PERCENT = 5.0
SETTLED_TURNS = 500
"""Of fewer, the first tenth is still the daemons' warming up."""


def report(lanes: Sequence[Lane]) -> dict[str, Any]:
    """The figures of all lanes together, ready for JSON."""
    judged = [(each, _judge(lane, each)) for lane in lanes for each in lane.episodes]
    rows = defaultdict(list)
    for episode, counts in judged:
        rows[episode.fault.kind].append((episode, counts))
    whole = _sum(judged)
    # A second copy has no excuse that an episode was played again.
    whole["doubled"] += sum(_judge(lane, each)["doubled"] for lane in lanes for each in lane.again)
    whole["torn"] = sum(len(lane.tally.torn) for lane in lanes)
    whole["stuck"] += sum(bool(lane.broken) for lane in lanes)
    whole["broken"] = [lane.broken for lane in lanes if lane.broken]
    whole["played_again"] = sum(len(lane.again) for lane in lanes)
    whole["unknown"] = sum(lane.tally.unknown for lane in lanes)
    whole["session_s"] = _spread(each.session_s for each, _ in judged)
    whole["press_to_dial_s"] = _spread(each.press_to_dial_s for each, _ in judged)
    whole["memory"] = [_memory(lane) for lane in lanes]
    whole["kinds"] = {kind: _sum(of_kind) for kind, of_kind in sorted(rows.items())}
    whole["episodes"] = [_told_of(each, counts) for each, counts in judged]
    return whole


def table(figures: dict[str, Any]) -> str:
    """For a person."""
    columns = ("turns", "accepted", "expired_told", "lost", "doubled", "stuck")
    head = f"{'fault':20}" + "".join(f"{name:>14}" for name in columns) + "   recover s: p50    p95  worst"
    lines = [head]
    for kind, row in [*figures["kinds"].items(), ("all", figures)]:
        spread = row["recover_s"]
        times = "".join(f"{_told(spread[name]):>7}" for name in ("p50", "p95", "max"))
        lines.append(f"{kind:20}" + "".join(f"{row[name]:>14}" for name in columns) + " " * 11 + times)
    for name, what in (("session_s", "from the dial to the session"), ("press_to_dial_s", "from a press to the dial")):
        spread = ", ".join(f"{key} {_told(value)}" for key, value in figures[name].items())
        lines += [f"{what}, s: {spread}"]
    lines.append(f"memory, MB in the first tenth and the last, of daemons that lived through: {figures['memory']}")
    again = "played again, because this computer stood still or its card was silent"
    lines.append(f"{again}: {figures['played_again']}; executed without being known: {figures['unknown']}")
    lines.append(f"words whose recording was torn, doubled or not: {figures['torn']}")
    lines += [f"COULD NOT GO ON: {why}" for why in figures["broken"]]
    lines += [f"TROUBLE {each}" for each in figures["episodes"] if each["stuck"] or each["lost"] or each["doubled"]]
    return "\n".join(lines)


def missed(figures: dict[str, Any]) -> list[str]:
    """What was asked of a run and is not so, a line each; memory only where there were turns enough to settle."""
    lines = [f"{figures[bad]} {bad}" for bad in ("lost", "doubled", "stuck", "unknown") if figures[bad]]
    for name, limit_s in (("session_s", SESSION_S), ("press_to_dial_s", PRESS_TO_DIAL_S)):
        p95 = figures[name]["p95"]
        if p95 is not None and p95 >= limit_s:
            lines.append(f"{name}: p95 is {p95:.2f}, {limit_s:g} is asked")
    if figures["turns"] >= SETTLED_TURNS:
        growths = [memory["growth_percent"] for memory in figures["memory"] if memory is not None]
        lines += [f"memory grew by {each} %, {GROWTH_PERCENT:g} is asked" for each in growths if each > GROWTH_PERCENT]
    return lines


def _told_of(episode: Episode, counts: dict[str, int]) -> dict[str, Any]:
    fault = episode.fault
    told: dict[str, Any] = {
        "kind": fault.kind,
        "detail": fault.detail,
        "at_s": round(fault.at_s, 2),
        "lasts_s": round(fault.lasts_s, 2),
    }
    told |= {"began": episode.wall, "utterances": episode.numbers, "heard": episode.heard, "seen": episode.seen}
    told |= {"outcomes": episode.outcomes}
    told |= {
        "recover_s": episode.recover_s,
        "stuck": episode.stuck,
        "unfair": episode.unfair,
        "resident_bytes": episode.resident_bytes,
    }
    return told | {name: counts[name] for name in ("accepted", "expired_told", "lost", "doubled")}


def _judge(lane: Lane, episode: Episode) -> dict[str, int]:
    counts = [lane.tally.executed[number] for number in episode.numbers]
    missing = lane.missing(episode)
    told = min(missing, episode.expired_told)
    return {
        "turns": len(counts),
        "accepted": len(counts) - missing,
        "expired_told": told,
        "lost": missing - told,
        "doubled": sum(lane.tally.executed[number] > 1 for number in episode.numbers),
        "stuck": int(bool(episode.stuck)),
    }


def _sum(judged: Sequence[tuple[Episode, dict[str, int]]]) -> dict[str, Any]:
    total: dict[str, Any] = {
        name: sum(counts[name] for _, counts in judged)
        for name in ("turns", "accepted", "expired_told", "lost", "doubled", "stuck")
    }
    total["recover_s"] = _spread(each.recover_s for each, _ in judged)
    return total


def _spread(values: Iterable[float | None]) -> dict[str, float | None]:
    known = sorted(value for value in values if value is not None)
    if not known:
        return {"p50": None, "p95": None, "max": None}
    p95 = known[min(len(known) - 1, int(0.95 * len(known)))]
    return {"p50": round(statistics.median(known), 3), "p95": round(p95, 3), "max": round(known[-1], 3)}


def _memory(lane: Lane) -> dict[str, float] | None:
    if lane.mortal:
        return None
    sizes = [each.resident_bytes / 2**20 for each in lane.episodes if each.resident_bytes]
    if not sizes:
        return None
    tenth = max(1, len(sizes) // 10)
    first, last = statistics.mean(sizes[:tenth]), statistics.mean(sizes[-tenth:])
    return {"first": round(first, 2), "last": round(last, 2), "growth_percent": round(100 * (last / first - 1), 1)}


def _told(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
