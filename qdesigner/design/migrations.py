"""Older documents brought to today's schema, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCHEMA = 4


def _device_as_value(body: dict[str, Any]) -> dict[str, Any]:
    """The device was a name; now its shots, noise and gradient method stand beside it."""
    device = body.get("device")
    return {**body, "device": {"name": device}} if isinstance(device, str) else body


def _as_it_is(body: dict[str, Any]) -> dict[str, Any]:
    """What later schemas added has defaults that mean what was before."""
    return body


# MIGRATIONS[n] turns the body of a schema-n document into one of schema n + 1.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: _device_as_value,
    2: _as_it_is,
    3: _as_it_is,
}


def migrate(body: dict[str, Any], schema: int) -> dict[str, Any]:
    """The body of a document of ``schema``, as today's schema has it."""
    for version in range(schema, SCHEMA):
        body = MIGRATIONS[version](body)
    return body
