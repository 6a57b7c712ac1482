"""Errors as responses. Source: errors page."""

from __future__ import annotations

from conductus.errors import ApiError
from conductus.http.reply import Reply, json_reply


def error_reply(error: ApiError, request_id: str) -> Reply:
    """`{"error": {"code": N, "message": "…"}}` with its status and headers."""
    body: dict[str, object] = {
        "code": error.code,
        "message": error.message,
        "request_id": request_id,
    }
    if error.details:
        body["details"] = error.details
    headers = tuple(
        (name.lower().encode(), value.encode()) for name, value in error.headers.items()
    )
    return json_reply({"error": body}, error.status, headers)
