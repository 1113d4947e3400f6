"""Standard error, down to the file descriptor."""

import os

import pytest

from hero365_edge.devices.quiet import quiet_stderr


def test_nothing_written_to_the_descriptor_inside_comes_out_and_everything_else_does(
    capfd: pytest.CaptureFixture[str],
) -> None:
    os.write(2, b"before, ")
    with quiet_stderr():
        os.write(2, b"ALSA lib confmisc.c: unable to find card '0'\n")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before, after"


def test_it_is_put_back_when_the_block_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="inside"), quiet_stderr():
        raise ValueError("inside")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  as short as it gets
    for _ in range(20):
        with quiet_stderr():
            pass
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  as above
