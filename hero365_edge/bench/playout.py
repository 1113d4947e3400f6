"""The playout benchmark: every way to play streamed answers on the same arrivals, one row each in the same units."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from hero365_edge.bench import playout_contenders as contenders
from hero365_edge.bench.playout_contenders import Contender, Outcome
from hero365_edge.bench.playout_networks import PACINGS, UTTERANCE_S, Network, Times, arrivals, dice_of, sent
from hero365_edge.core.pcm import Pcm

MEAN = "mean"
OURS = "hero365"


@dataclass(frozen=True, slots=True)
class Row:
    """What an algorithm did with one network's answers, or (`network` "mean") with those of all networks."""

    pacing: str
    network: str
    algorithm: str
    ttfa_p50_ms: float
    ttfa_p95_ms: float
    pauses_per_min: float
    silence_ms_per_min: float
    concealed_ms_per_min: float
    lost_ms_per_min: float
    stretched_percent: float


FIGURES = tuple(name for name in Row.__slots__ if name not in {"pacing", "network", "algorithm"})


def sessions(networks: Mapping[str, Network], pacing: str, utterances: int, seed: int) -> dict[str, list[Times]]:
    """The arrivals of each network's answers."""
    return {
        name: arrivals(network, sent(pacing, utterances, dice_of(f"{seed} {name} {pacing}")))
        for name, network in networks.items()
    }


def measure(
    networks: Mapping[str, Network],
    utterances: int,
    seed: int,
    speech: Pcm,
    pacings: Sequence[str] = tuple(PACINGS),
    more: Mapping[str, Contender] = MappingProxyType({}),
) -> Iterator[Row]:
    """All contenders, and `more`, on the same arrivals: each network's row, then the mean's, pacing by pacing."""
    plain: dict[str, Contender] = {f"fixed-{ms}": contenders.fixed(ms) for ms in contenders.FIXED_MS}
    plain |= {**contenders.peers(), **more}
    for pacing in pacings:
        rows: list[Row] = []
        for name, session in sessions(networks, pacing, utterances, seed).items():
            ours = contenders.hero365(speech)(session)
            outcomes = {OURS: ours}
            for percent in contenders.OPTIMUM_PERCENT:
                best = contenders.optimum(percent / 100, [outcome.ttfa_ms for outcome in ours])
                outcomes[f"optimum-{percent}"] = best(session)
            outcomes |= {algorithm: play(session) for algorithm, play in plain.items()}
            rows += [row(pacing, name, algorithm, each) for algorithm, each in outcomes.items()]
        yield from rows
        yield from means(rows)


def row(pacing: str, network: str, algorithm: str, outcomes: Sequence[Outcome]) -> Row:
    """The figures of one network."""
    waits = sorted(outcome.ttfa_ms for outcome in outcomes)
    minutes = len(outcomes) * UTTERANCE_S / 60

    def per_minute(values: Iterable[float]) -> float:
        return sum(values) / minutes

    return Row(
        pacing,
        network,
        algorithm,
        statistics.median(waits),
        waits[min(int(0.95 * len(waits)), len(waits) - 1)],
        per_minute(outcome.pauses for outcome in outcomes),
        per_minute(outcome.silence_ms for outcome in outcomes),
        per_minute(outcome.concealed_ms for outcome in outcomes),
        per_minute(outcome.lost_ms for outcome in outcomes),
        per_minute(outcome.stretched_ms for outcome in outcomes) / 600,
    )


def means(rows: Sequence[Row]) -> Iterator[Row]:
    """One row for each pacing and algorithm: the mean over the networks, of the percentiles too."""
    for pacing, algorithm in dict.fromkeys((each.pacing, each.algorithm) for each in rows):
        same = [each for each in rows if (each.pacing, each.algorithm) == (pacing, algorithm)]
        figures = [statistics.fmean(getattr(each, name) for each in same) for name in FIGURES]
        yield Row(pacing, MEAN, algorithm, *figures)


def table(rows: Iterable[Row]) -> str:
    """The rows of the means, for people. `x best` is silence and concealment as a ratio to the optimum of 20 %."""
    shown = [each for each in rows if each.network == MEAN]
    heads = [("TTFA ms", "p50 / p95"), ("pauses", "/ min"), ("silence", "ms/min"), ("conceal", "ms/min")]
    heads += [("lost", "ms/min"), ("stretch", "%"), ("x best", "")]
    lines = []
    for head, names in zip(zip(*heads, strict=True), (("pacing", "algorithm"), ("", "")), strict=True):
        first, *rest = head
        lines.append(f"{names[0]:10} {names[1]:14} {first:>11} " + " ".join(f"{each:>8}" for each in rest))
    best = {each.pacing: each.silence_ms_per_min for each in shown if each.algorithm == "optimum-20"}
    for each in shown:
        stopped = each.silence_ms_per_min + each.concealed_ms_per_min
        ratio = f"{stopped / best[each.pacing]:.2f}" if best.get(each.pacing) else "-"
        lines.append(
            f"{each.pacing:10} {each.algorithm:14} {each.ttfa_p50_ms:4.0f} / {each.ttfa_p95_ms:4.0f} "
            f"{each.pauses_per_min:8.2f} {each.silence_ms_per_min:8.0f} {each.concealed_ms_per_min:8.0f} "
            f"{each.lost_ms_per_min:8.0f} {each.stretched_percent:8.2f} {ratio:>8}"
        )
    return "\n".join(lines)
