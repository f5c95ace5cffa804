"""Addresses that are a web address or a local path, and small documents read from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from gexpipe.download.fetch import get
from gexpipe.download.public import is_web
from gexpipe.errors import UserError

__all__ = ["is_web", "join", "read_json", "read_text", "refuse_secrets"]


def join(base: str, path: str) -> str:
    """Place of ``path`` (a plain, not percent-encoded name) below a folder or web address.

    Raises
    ------
    UserError
        The path leaves the folder: a name from a portal is no reason to read other files.
    """
    if ".." in unquote(path).replace("\\", "/").split("/") or "\0" in path:
        raise UserError(f"the name {path!r} leaves the folder", base)
    if is_web(base):
        return base.rstrip("/") + "/" + quote(path.lstrip("/"), safe="/@")
    return str(Path(base) / path.lstrip("/"))


def refuse_secrets(place: str, where: str) -> None:
    """Refuse an address with a password in it: sheets and configuration are kept and shared."""
    if is_web(place) and "@" in urlsplit(place).netloc:
        raise UserError(
            "an address may hold no user or password; keys come from the environment or ~/.netrc",
            where,
        )


def read_text(place: str, client: httpx.Client, tries: int) -> str | None:
    """Text at a place; None where there is nothing.

    Raises
    ------
    UserError
        The server refuses, or stays unreachable.
    """
    if not is_web(place):
        path = Path(place)
        return path.read_text(encoding="utf-8") if path.is_file() else None
    answer = get(client, place, tries, headers={"Accept": "application/json, text/html;q=0.5"})
    return None if answer is None else answer.text


def read_json(place: str, client: httpx.Client, tries: int, what: str) -> dict[str, Any]:
    """JSON object at a place.

    Parameters
    ----------
    what : str
        What the object describes, for the message when it is not there.
    """
    text = read_text(place, client, tries)
    if text is None:
        raise UserError(f"no metadata of {what} here", place)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:  # too deep to be metadata
        raise UserError(f"metadata of {what} is not JSON ({error})", place) from error
    if not isinstance(value, dict):
        raise UserError(f"metadata of {what}: expected a JSON object", place)
    return value
