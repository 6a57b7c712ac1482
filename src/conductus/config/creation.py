"""Making projects over the API: which databases they may be made on."""

from __future__ import annotations

from msgspec import Struct

from conductus.config.outgoing import check_hosts


class CreationConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `POST /server/projects` may do."""

    databases: tuple[str, ...] = ()
    """Hosts and networks of databases besides those of this machine: `db.internal`."""

    def __post_init__(self) -> None:
        check_hosts("databases", self.databases)
