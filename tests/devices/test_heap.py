"""What large messages took goes back to the system."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MANY_LARGE = """
import sys
from hero365_edge.devices.heap import give_large_blocks_back

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

if sys.argv[1] == "give back":
    give_large_blocks_back()
small, before = [], resident_mb()
for _ in range(3):
    large = []
    for _ in range(20):
        large.append(b"x" * 2**20)
        small.append(bytes(100_000))
    del large
print(resident_mb() - before)
"""


def left_mb(how: str) -> float:
    done = subprocess.run([sys.executable, "-c", MANY_LARGE, how], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603  our own text
    return float(done.stdout)


def test_large_blocks_are_given_back_though_small_ones_lie_between() -> None:
    assert left_mb("give back") < 5
    assert left_mb("as glibc does it") > 10, "else this test proves nothing"
