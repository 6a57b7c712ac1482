"""What every operation needs: the project, who asks, and how resources are shown.

Here is also whether somebody may use SCIM at all. Source: SCIM page §1 and §2.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, structs

from conductus.config.scim import ScimConfig
from conductus.errors import Forbidden, Unauthorized
from conductus.items.context import Context
from conductus.permissions.levels import Level
from conductus.permissions.policy import Policy
from conductus.projects.project import Project
from conductus.schema.model import Schema
from conductus.scim.attributes import Kind
from conductus.scim.backfill import Backfill
from conductus.scim.resources import COLLECTIONS, Shape
from conductus.scim.widened import identified, permitted, widened

PATH: Final = "scim/v2"


class Desk(Struct, frozen=True, kw_only=True):
    """One request's view."""

    project: Project
    context: Context
    """To write with."""
    sight: Context
    """To read with: it knows the names that providers give."""
    shape: Shape

    @property
    def config(self) -> ScimConfig:
        """What the project says of provisioning."""
        return self.project.config.scim

    @property
    def strict(self) -> bool:
        """Identifiers as the RFC has them."""
        return self.shape.strict


class Desks:
    """Makes desks, and keeps what they have in common."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._widened: dict[str, tuple[Schema, Schema]] = {}
        self._backfill = Backfill()

    async def open(self, project: Project, context: Context) -> Desk:
        """A desk.

        Users and groups without an id get one, so that each can be named.
        """
        shape = self.shape(project)
        await self._backfill.run(project)
        sight, policy = context, identified(context.policy)
        if policy is not context.policy:
            sight = structs.replace(context, policy=policy)
        if shape.strict:
            schema, policy = self._schema(project, context.schema), permitted(policy)
            sight = structs.replace(context, schema=schema, policy=policy)
        return Desk(project=project, context=context, sight=sight, shape=shape)

    def shape(self, project: Project) -> Shape:
        """How resources of a project are shown."""
        return Shape(project.config.scim.mode, f"{self._base_url}/{project.key}/{PATH}")

    def _schema(self, project: Project, schema: Schema) -> Schema:
        kept = self._widened.get(project.key)
        if kept is None or kept[0] is not schema:
            kept = self._widened[project.key] = (schema, widened(schema))
        return kept[1]


def check_granted(context: Context, kind: Kind) -> None:
    """Raises `Unauthorized` for nobody, `Forbidden` for whom no rule makes a provider."""
    if context.actor.public:
        raise Unauthorized
    if not granted(context.policy, kind):
        raise Forbidden(f"Your role may not provision {kind}s")


def granted(policy: Policy, kind: Kind) -> bool:
    """Whether a rule lets the role create, or change others, besides everybody's own rights."""
    if policy.administrator:
        return True
    rules = policy.on(COLLECTIONS[kind]).applicable()
    return any(rule.create >= Level.FULL or rule.update >= Level.ROLE for rule in rules)
