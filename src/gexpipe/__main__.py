"""``python -m gexpipe``."""

from gexpipe.cli.main import run

run()
