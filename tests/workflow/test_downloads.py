"""Downloads as the workflow makes them: a few at a time, files of one's own checked and kept."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from pathlib import Path

import pytest

from tests.project import ROOT, Project, write_sheets

sys.path.append(str(ROOT / "tests/download"))
from portal_server import PortalServer  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

NAMES = [f"track{number}" for number in range(6)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder whose sheets ask for six small files from a server that sends slowly."""
    served = tmp_path / "mirror" / "url" / "host"
    served.mkdir(parents=True)
    for name in NAMES:
        (served / f"{name}.bed").write_text(f"chr1\t1\t2\t{name}\n" * 50)
    return Project(tmp_path, network=True)


def run(project: Project, server: PortalServer, *arguments: str) -> str:
    rows = [
        ["published_table", "url", name, "bed", f"https://host/{name}.bed", ""] for name in NAMES
    ]
    change = {**write_sheets(project.folder, rows), "download": {"mirror": server.url}}
    targets = [f"resources/files/{name}.bed{more}" for name in NAMES for more in ("", ".json")]
    # The look before a run would take the server's faults.
    done = project.run(*arguments, "--no-hooks", "--cores", "6", "--", *targets, change=change)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_few_at_a_time_and_own_files_kept(project: Project) -> None:
    server = PortalServer(project.folder / "mirror")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        for name in NAMES:
            server.faults[f"/url/host/{name}.bed"] = [("slow", 3, 0.5)]
        own = project.folder / "resources/files/track0.bed"
        own.parent.mkdir(parents=True)
        own.write_bytes((server.root / "url/host/track0.bed").read_bytes())
        md5 = server.root / "url/host/track0.bed.md5"
        md5.write_text(hashlib.md5(own.read_bytes()).hexdigest())
        inode = own.stat().st_ino
        run(project, server, "--resources", "downloads=2")
        assert server.busiest == 2
        assert server.requests_for("/url/host/track0.bed") == [], "the user's own is checked"
        assert own.stat().st_ino == inode
        record = json.loads(own.with_name("track0.bed.json").read_text())
        assert record["accession"] == "track0"
        asked = len(server.seen)
        run(project, server)
        assert len(server.seen) == asked, "nothing to do"
        run(project, server, "--forcerun", "download")
        again = [p for p, _ in server.seen[asked:] if p.endswith(".bed")]
        assert again == [], "what is there and right is not fetched again"
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
