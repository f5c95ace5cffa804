"""Addresses as they may be written down and said."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["is_web", "public"]

# Parts of a query that make an address a key to the file: signatures, tokens, what they sign.
_SIGNED = re.compile(
    r"(^|[&;])(x-(amz|goog|ms)-[\w-]*|awsaccesskeyid|googleaccessid|key-pair-id|policy|expires"
    r"|sig(nature)?|se|sp|sv|sr|(\w*[_-])?(token|secret|password|api_?key))=",
    re.IGNORECASE,
)


def is_web(place: str) -> bool:
    """Whether a place is an http(s) address rather than a path."""
    return place.startswith(("http://", "https://"))


def public(place: str) -> str:
    """A place as it may be written down: without the query of a signed address."""
    if not is_web(place):
        return place
    parts = urlsplit(place)
    if _SIGNED.search(parts.query) is None:
        return place
    # A member of an archive stands behind the query.
    member = re.search(r"![^!]+$", place)
    return parts._replace(query="", fragment="").geturl() + (member.group() if member else "")
