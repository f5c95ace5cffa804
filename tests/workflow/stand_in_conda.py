"""A stand-in for conda: an environment is a venv that sees what is installed here, but not gexpipe.

It answers what Snakemake asks of conda, so that a job really runs in an activated environment also
where no conda can be had. What the environment file lists is not installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import setuptools

PACKAGES = Path(setuptools.__file__).parents[1]
# Written into an environment: every Python of it says which it is and what it runs.
SAY = """import sys
with open(sys.prefix + "/said.txt", "a") as said:
    said.write(sys.executable + " " + " ".join(getattr(sys, "orig_argv", [])[1:3]) + "\\n")
"""
ACTIVATE = 'export PATH="$1/bin:$PATH" CONDA_PREFIX="$1"\n'


def put_on(folder: Path) -> Path:
    """A folder with ``bin/conda`` and ``bin/activate``; the ``bin`` is to be put on ``PATH``."""
    bin = folder / "bin"
    bin.mkdir(parents=True)
    (bin / "activate").write_text(ACTIVATE)
    conda = bin / "conda"
    conda.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{folder}" "$@"\n')
    conda.chmod(0o755)
    return bin


def listen(packages: Path) -> None:
    """Let every Python of an environment say that it runs; Debian's has a sitecustomize already."""
    (packages / "say_what_runs.py").write_text(SAY)
    (packages / "say_what_runs.pth").write_text("import say_what_runs\n")


def create(prefix: Path) -> None:
    """A venv at ``prefix`` that sees the packages installed here, without gexpipe."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    paths = {"base": str(prefix), "platbase": str(prefix)}
    own = Path(sysconfig.get_path("purelib", "venv", paths))
    seen = prefix / "packages"
    seen.mkdir()
    for path in PACKAGES.iterdir():
        if "gexpipe" not in path.name and path.suffix != ".pth":
            (seen / path.name).symlink_to(path)
    (own / "packages.pth").write_text(f"{seen}\n")
    listen(own)


def main(base: str, *arguments: str) -> None:
    """Answer one call of conda."""
    if arguments[0] == "info":
        sys.stdout.write(json.dumps({"conda_prefix": base, "platform": "linux-64"}))
    elif arguments[0] == "--version":
        sys.stdout.write("conda 99.0.0\n")
    elif arguments[0] == "config":
        sys.stdout.write(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:2] == ("env", "create"):
        create(Path(arguments[arguments.index("--prefix") + 1]))
    elif arguments[0] != "clean":
        sys.exit(f"the stand-in for conda knows no {arguments}")


if __name__ == "__main__":
    main(*sys.argv[1:])
