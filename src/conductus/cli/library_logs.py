"""What libraries write with `logging`, in the form of our own lines."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from conductus.telemetry import processors, renderer


def library_logging(log_format: str) -> dict[str, Any]:
    """A `logging` configuration that writes the libraries' records in the same form."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "ours": {"()": "conductus.cli.library_logs.library_formatter", "log_format": log_format}
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "ours",
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {
            name: {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
            for name in ("_granian", "granian.access", "asyncio")
        },
    }


def library_formatter(log_format: str) -> logging.Formatter:
    """Formats a record of `logging` like an observation."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=processors(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer(log_format, sys.stderr),
        ],
    )
