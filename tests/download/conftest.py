"""A real server on 127.0.0.1 that misbehaves on demand, and a client that does not wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from portal_server import PortalServer

from gexpipe.download import fetch


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PortalServer]:
    running = PortalServer(tmp_path / "mirror")
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between tries, recorded instead of slept."""
    slept: list[float] = []
    monkeypatch.setattr(fetch, "_sleep", slept.append)
    return slept
