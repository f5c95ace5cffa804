"""The one exception that a user is meant to read, and how it names a row."""

from __future__ import annotations

from pathlib import Path

__all__ = ["UserError", "at_row"]


class UserError(Exception):
    """Bad input, said in one line: where it is, what was found, what was expected.

    The command line prints the message and exits with status 1, without a traceback (``--debug``
    shows it). Raise it at the door, where the file, row or key is still known.

    Parameters
    ----------
    message : str
        What was found and what was expected.
    where : str, Path or other, optional
        The file, sheet row or configuration key, printed in front of the message.
    """

    def __init__(self, message: str, where: object = None) -> None:
        text = " ".join(str(message).split())
        super().__init__(f"{where}: {text}" if where is not None else text)


def at_row(path: str | Path, number: int) -> str:
    """Where an error is: file and row, as all messages say it."""
    return f"{path}, row {number}"
