"""The one exception that a user is meant to read."""

from __future__ import annotations

__all__ = ["UserError"]


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
