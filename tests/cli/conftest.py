"""The command line sets up logging, of which there is one per process: put back after each test."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    root, library = logging.getLogger(), logging.getLogger("websockets")
    before = root.handlers[:], root.level, library.level, logging.raiseExceptions
    hooks = threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], level, library_level, logging.raiseExceptions = before
    threading.excepthook, sys.unraisablehook = hooks
    root.setLevel(level)
    library.setLevel(library_level)
    logging.captureWarnings(False)
