"""What every check uses: the run it belongs to, the list it is entered in, and the words it asserts with."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from aiohttp import ClientResponseError, ClientSession
from dataknobs_bots.registry import HTTPRegistryBackend

CLIENT = version("dataknobs-bots")
# From 0.6.20 on, registrations carry metadata and lists take filters.
HAS_METADATA = tuple(int(part) for part in CLIENT.split(".")[:3]) >= (0, 6, 20)


class Run:
    """One run against one server: the client under test, and a bare HTTP session that shows what is on the wire."""

    def __init__(self, base: str, client: HTTPRegistryBackend, http: ClientSession) -> None:
        self.base = base
        self.client = client
        self.http = http
        self.prefix = f"dk-{uuid.uuid4().hex[:8]}-"

    def id(self, name: str) -> str:
        return self.prefix + name

    def mine(self, registrations: list[Any]) -> list[str]:
        """The ids of this run among `registrations`, without the prefix, in the order given."""
        ids = [registration.bot_id for registration in registrations]
        return [bot_id.removeprefix(self.prefix) for bot_id in ids if bot_id.startswith(self.prefix)]


Check = Callable[[Run], Awaitable[None]]
CHECKS: list[Check] = []
NEEDS_OWN_SERVER: set[Check] = set()


def check(function: Check) -> Check:
    CHECKS.append(function)
    return function


def check_with_metadata(function: Check) -> Check:
    """For what clients before 0.6.20 cannot say."""
    return check(function) if HAS_METADATA else function


def check_if_server_is_ours(function: Check) -> Check:
    """For what deletes the registrations of others, or would if the server were wrong."""
    NEEDS_OWN_SERVER.add(function)
    return check(function)


class Failed(Exception):
    """A check found something else than it expected."""


def same(actual: Any, wanted: Any, what: str) -> None:
    if actual != wanted or type(actual) is not type(wanted):
        raise Failed(f"{what}: expected {wanted!r}, got {actual!r}")


def holds(condition: bool, what: str) -> None:
    if not condition:
        raise Failed(what)


async def refused(call: Awaitable[Any], what: str, *, harmless: tuple[Any, ...] = ()) -> None:
    """Expects a 4xx answer, or a result that stands in `harmless`."""
    try:
        result = await call
    except ClientResponseError as error:
        holds(400 <= error.status < 500, f"{what}: expected a 4xx, got {error.status} {error.message[:200]}")
        return
    holds(any(result is value for value in harmless), f"{what}: expected a 4xx, got {result!r}")
