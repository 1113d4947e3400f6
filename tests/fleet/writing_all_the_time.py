"""Provisions, rotates and saves state as fast as it can until it is killed, or judges what is left after that.

    python writing_all_the_time.py write FOLDER     # prints a number for each change that is on the disk for good
    python writing_all_the_time.py judge FOLDER N   # exit 0 when all is whole and not older than number N
    python writing_all_the_time.py lines FOLDER     # a process that ends at each line of the code in turn

In generation n everything is n: user, business, vehicle, token and a state file. Kill it by SIGKILL, or cut the power
of the machine that it runs on; a number that was printed before the cut must still be there after it.
"""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from hero365_edge.core.secret import Secret
from hero365_edge.fleet import durable, identity, provisioning
from hero365_edge.fleet.identity import IdentityStore
from hero365_edge.fleet.token import token_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WATCHED = {durable.__file__, identity.__file__}
PADDING = 3000
"""So that a token is longer than a sector, and a piece of it can be told from the whole."""


def change(folder: Path, number: int) -> None:
    """Make everything `number`: by a file, by standard input, and by replacing what is stored, as rotating does."""
    store, token = IdentityStore(folder / "state"), f"{number}-{'x' * PADDING}"
    text = f"user_id: '{number}'\nbusiness_id: '{number}'\nvehicle: '{number}'\ntoken: {token}\n"
    if number % 3 == 0:
        boot = folder / "hero365-edge.yaml"
        boot.write_text(text)
        provisioning.provision_from_file(store, boot, NOW)
    elif number % 3 == 1:
        provisioning.provision(store, text.encode(), "standard input", NOW)
    else:
        before = store.load()
        assert before is not None  # the generation before this one was provisioned
        with store.changing():
            changed = msgspec.structs.replace(before, user_id=str(number), business_id=str(number), vehicle=str(number))
            store.save(changed, Secret(token))
    durable.write_durably(folder / "session.json", json.dumps({"number": number, "x": "x" * PADDING}).encode())


def judge(folder: Path, acknowledged: int) -> list[str]:
    """What is not whole, or older than it may be."""
    wrong: list[str] = []
    stored = IdentityStore(folder / "state").load()
    path = IdentityStore(folder / "state").token_path()
    if stored is None or path is None:
        return [f"there is no identity, after {acknowledged}"] if acknowledged else []
    token = token_of(path.read_bytes(), "token").reveal()
    numbers = {stored.user_id, stored.business_id, stored.vehicle, token.partition("-")[0]}
    if len(numbers) != 1 or len(token.partition("-")[2]) != PADDING:
        wrong.append(f"the identity is a mixture of {sorted(numbers)}")
    if acknowledged and int(stored.user_id) not in (acknowledged, acknowledged + 1):
        wrong.append(f"the identity is {stored.user_id}, and {acknowledged} was the last that was told")
    with contextlib.suppress(FileNotFoundError):
        state = json.loads((folder / "session.json").read_bytes())
        if acknowledged and state["number"] not in (acknowledged, acknowledged + 1):
            wrong.append(f"the state is {state['number']}, and {acknowledged} was the last that was told")
    return wrong


def write(folder: Path, start: int) -> None:
    for number in count(start):
        change(folder, number)
        os.write(1, f"{number}\n".encode())


def lines(folder: Path) -> int:
    """End a process at the first line it comes to, at the second, and so on: once by a file, once by replacing.

    How many lines there were. Raises AssertionError for a line after which something is not whole.
    """
    change(folder, 0)
    ended, before = 0, 0
    for way in (0, 2):
        for last in count(1):
            number = 3 * (before // 3 + 1) + way
            child = os.fork()
            if child == 0:
                end_at(last, WATCHED)
                change(folder, number)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            wrong = judge(folder, 0)
            stored = IdentityStore(folder / "state").load()
            if wrong or stored is None or int(stored.user_id) not in (before, number):
                raise AssertionError(f"ended at line {last} of way {way}: {wrong}, {stored}")
            before = int(stored.user_id)
            if os.waitstatus_to_exitcode(status) == 0:
                break
            ended += 1
    return ended


def end_at(last: int, watched: Collection[str]) -> None:
    """End this process when it comes to its `last`th line in these files, in whichever thread."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename not in watched:
            return None
        if event == "line":
            seen += 1
            if seen == last:
                os._exit(1)
        return trace

    threading.settrace(trace)
    sys.settrace(trace)


def main(arguments: list[str]) -> int:
    do, folder = arguments[0], Path(arguments[1])
    if do == "judge":
        wrong = judge(folder, int(arguments[2]))
        sys.stdout.write("\n".join(wrong))
        return len(wrong)
    if do == "lines":
        sys.stdout.write(str(lines(folder)))
        return 0
    store = IdentityStore(folder / "state")
    before = store.load()
    write(folder, int(before.user_id) + 1 if before else 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
