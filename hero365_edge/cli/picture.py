"""Draws a run: microphone and speaker on one time axis, with each turn's events. Needs the extra `demo`."""

from collections.abc import Sequence
from pathlib import Path

from hero365_edge.cli.witness import Track
from hero365_edge.core.latency import STAGES, Turn

COLOURS = {
    "press": "tab:blue",
    "speech_end": "tab:green",
    "endpoint": "tab:olive",
    "committed": "tab:orange",
    "accepted": "tab:brown",
    "first_byte": "tab:purple",
    "first_sample": "tab:red",
}
MARGIN_S = 0.3


def draw(path: Path, microphone: Track, speaker: Track, turns: Sequence[Turn]) -> None:
    """Write a PNG of what was captured and what was played; nothing in it is computed from anything else."""
    import matplotlib as mpl  # noqa: PLC0415  half a second that only the demo's end should cost

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  after the backend was chosen
    from matplotlib.lines import Line2D  # noqa: PLC0415  the same

    times = [at for track in (microphone, speaker) for at in (track.since, track.until) if at is not None]
    if not times:
        return
    since, until = min(times) - MARGIN_S, max(times) + MARGIN_S
    figure, axes = plt.subplots(2, 1, sharex=True, figsize=(14, 6), layout="constrained")
    for axis, track, name in zip(axes, (microphone, speaker), ("microphone", "speaker"), strict=True):
        axis.set_ylabel(f"{name}\n(share of full scale)")
        axis.set_ylim(-1, 1)
        axis.grid(alpha=0.3)
        if track.rate_hz:
            pcm = track.sound(since, until) / 32768
            axis.plot([sample / track.rate_hz for sample in range(len(pcm))], pcm, linewidth=0.4, color="black")
        for turn in turns:
            for stage in STAGES:
                if (at := getattr(turn, stage)) is not None:
                    axis.axvline(at - since, color=COLOURS[stage], linewidth=1.2)
    handles = [Line2D([], [], color=COLOURS[stage], label=stage) for stage in STAGES]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(STAGES))
    axes[1].set_xlabel("seconds")
    figure.savefig(path, dpi=110)
    plt.close(figure)
