"""The playout benchmark as a picture: what stops the speech against the wait before it, pacing by pacing."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from hero365_edge.bench.playout import MEAN, OURS, Row


def draw(rows: Iterable[Row], path: Path) -> None:
    """Write the means as an image; raises ImportError without matplotlib. The frontier is what nobody beats in both."""
    import matplotlib as mpl  # noqa: PLC0415  only whoever wants a picture needs it

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415  likewise

    means = [row for row in rows if row.network == MEAN]
    pacings = list(dict.fromkeys(row.pacing for row in means))
    figure, axes = plt.subplots(1, len(pacings), figsize=(5 * len(pacings), 4.5), squeeze=False)
    for axis, pacing in zip(axes[0], pacings, strict=True):
        same = [row for row in means if row.pacing == pacing]
        for row in same:
            mark = "*" if row.algorithm == OURS else "_" if row.algorithm.startswith("optimum") else "o"
            axis.plot(row.ttfa_p50_ms, stopped(row), mark, markersize=10)
            axis.annotate(row.algorithm, (row.ttfa_p50_ms, stopped(row)), fontsize=8)
        edge = frontier([row for row in same if not row.algorithm.startswith("optimum")])
        axis.plot([row.ttfa_p50_ms for row in edge], [stopped(row) for row in edge], ":", color="grey")
        axis.set_title(pacing)
        axis.set_xlabel("wait added before the first sample, ms (median)")
        axis.set_ylabel("silence + concealed + lost, ms a minute")
        axis.set_yscale("symlog", linthresh=10)  # what a peer throws away is a thousand times what others conceal
        axis.set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def stopped(row: Row) -> float:
    """How long of each minute no content is heard, in ms; what was lost is not heard either."""
    return row.silence_ms_per_min + row.concealed_ms_per_min + row.lost_ms_per_min


def frontier(rows: Sequence[Row]) -> list[Row]:
    """Those that no other beats in both the wait and what stops the speech, by rising wait."""
    best: list[Row] = []
    for row in sorted(rows, key=lambda each: (each.ttfa_p50_ms, stopped(each))):
        if not best or stopped(row) < stopped(best[-1]):
            best.append(row)
    return best
