"""Reports to write, show and compare, with a figure of every verdict."""

from hero365_edge.bench.hardware.figures import Result, Spec, Unmeasured, Value, Verdict, judged, lost
from hero365_edge.bench.hardware.plot import Plot, curve
from hero365_edge.bench.hardware.report import Report, Subject, report
from hero365_edge.core.board import Limits

SPECS = (
    Spec("snr", "speech above <noise>", "dB", error=1.0, least=lambda limits: limits.snr_db, means="a & b"),
    Spec("thd", "distortion", "%", error_percent=10.0, most=lambda limits: limits.speaker_thd_percent),
)
SUBJECT = Subject(
    serial="10000000abcdef01",
    computer="Raspberry Pi 4 Model B",
    profile="codec-zero",
    title="Raspberry Pi Codec Zero",
    verified="unverified on hardware",
    microphone="hw:CARD=Zero",
    speaker="hw:CARD=Zero",
    fake=False,
    versions={"hero365-edge": "0.1.0"},
)
PLOTS = (
    Plot(
        title="response & <more>",
        x_label="Hz",
        y_label="dB",
        curves=(curve("A <b>", [100, 1000, 7000], [0.0, 3.0, -2.0], x_is_log=True),),
        x_is_log=True,
        limits=(6.0,),
    ),
    Plot(title="bounces", x_label="ms", y_label="presses", curves=(curve("x", [0, 1, 2], [5, 3, 1]),), bars=True),
)


def of(snr: Value = 30.0, thd: Value = 2.0, *, is_lost: bool = False) -> Report:
    figures = lost(SPECS, Limits(), "pulled out") if is_lost else judged(SPECS, Limits(), {"snr": snr, "thd": thd})
    return report("mic", "2026-11-28T22:00:00+00:00", SUBJECT, (Result(bench="mic", figures=figures, plots=PLOTS),))


EVERY_VERDICT = {
    Verdict.GOOD: of(),
    Verdict.BAD: of(10.0),
    Verdict.NOT_MEASURED: of(Unmeasured("no speaker")),
    Verdict.LOST: of(is_lost=True),
}
