"""The board: which it is, and whether the system is set up for it."""

from hero365_edge.cli.boards import WITHOUT_BOARD, Look, look
from hero365_edge.cli.probes.finding import Finding, Running, Verdict
from hero365_edge.profiles import GENERIC
from hero365_edge.settings import Settings


async def board(settings: Settings, _running: Running) -> Finding:
    """Look at what the kernel shows of it."""
    return judge_board(look(), settings.panel.profile)


def judge_board(seen: Look, profile: str) -> Finding:
    """What was seen, beside what `panel.profile` says."""
    if profile in WITHOUT_BOARD:
        return Finding(Verdict.NOT_CHECKED, f"panel.profile is {profile}")
    names = " or ".join(one.name for one in seen.found)
    ours = [one for one in seen.found if profile in ("auto", one.name)]
    if not seen.found:
        wanted = "the defaults count" if profile == "auto" else f"panel.profile says {profile}"
        return Finding(Verdict.NOT_CHECKED, f"none recognised, {wanted}; `hero365-edge devices` tells more")
    if not ours:
        text = f"panel.profile says {profile}, but {names} is recognised"
        verdict = Verdict.SUGGESTED if profile == GENERIC else Verdict.WARN
        return Finding(verdict, text, "look which it is; `hero365-edge devices` tells why")
    if len(ours) > 1:
        text = f"{names}: they cannot be told apart, and only what they agree on is taken"
        return Finding(Verdict.WARN, text, "name yours in panel.profile")
    if troubles := list(seen.troubles(ours[0])):
        return Finding(Verdict.WARN, f"{ours[0].name}, because {', '.join(ours[0].reasons)}", "; ".join(troubles))
    return Finding(Verdict.OK, f"{ours[0].name}, because {', '.join(ours[0].reasons)}")
