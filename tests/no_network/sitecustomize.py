"""On PYTHONPATH: any Python process that turns to a network fails, and says so in a file."""

import os
import sys
from pathlib import Path
from typing import Any


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo" or (
        event == "socket.connect" and isinstance(arguments[1], tuple)  # no path of a Unix socket
    ):
        with Path(os.environ["GEXPIPE_TEST_CALLS"]).open("a") as handle:
            handle.write(f"{event} {arguments[-1] if event == 'socket.connect' else arguments}\n")
        raise OSError(f"no network in this test: {event}")


if "GEXPIPE_TEST_CALLS" in os.environ:
    sys.addaudithook(_refuse)
