"""What to do with a file that its portal warns of: refuse it, or take it with a warning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gexpipe.download.portals import Found, Request, same_assembly
from gexpipe.errors import UserError

__all__ = ["Choice", "Policy"]

_GOOD = {"", "released", "released to project", "current", "in progress", "uploaded"}
_OLD = {"archived", "archived to project", "obsolete"}


class Choice(StrEnum):
    """What happens to a file that a portal says something against."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True)
class Policy:
    """What to do for each thing that a portal may say against a file.

    Attributes
    ----------
    archived : Choice
        A newer file stands in its place, but it was right (ENCODE: archived).
    revoked : Choice
        It was withdrawn or replaced, or is not finished: any other status that is not good.
    assembly : Choice
        It is on another assembly than the sheet says.
    """

    archived: Choice = Choice.WARN
    revoked: Choice = Choice.REFUSE
    assembly: Choice = Choice.REFUSE

    def check(self, request: Request, found: Found) -> list[str]:
        """Warnings about a file; a `UserError` for what is refused.

        Returns
        -------
        list of str
            One sentence each, for the log and the file's record.
        """
        objections = []
        if found.status not in _GOOD:
            key = "archived" if found.status in _OLD else "revoked"
            objections.append((key, f"its portal gives it the status {found.status!r}"))
        wanted = request.assembly
        if wanted and found.assembly and not same_assembly(wanted, found.assembly):
            objections.append(
                ("assembly", f"the file is on {found.assembly}, the sheet says {wanted}")
            )
        for key, words in objections:
            if getattr(self, key) == Choice.REFUSE:
                raise UserError(f"{words} (config: download.on_{key})", request.accession)
        return [words for _, words in objections]
