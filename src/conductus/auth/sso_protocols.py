"""One conversation with any provider, whichever protocol it speaks.

A sign-in is begun, which gives the browser somewhere to go, and ends with what the browser
comes back with, which tells who somebody is. SAML is imported when it is first spoken.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from conductus.auth import sso_flow, sso_twitter
from conductus.auth.failures import Visit
from conductus.auth.links import with_query
from conductus.auth.sso_exchange import Exchange, Person, ProviderFailed
from conductus.auth.sso_flow import Flow, Mode, Target
from conductus.auth.sso_providers import Provider, Source
from conductus.auth.tokens import Signing
from conductus.auth.transactions import Outcome, transact
from conductus.auth.used_assertions import use_assertion
from conductus.database.executor import Transaction
from conductus.errors import DuplicateValue

if TYPE_CHECKING:
    from conductus.auth.saml_questions import Ourselves


class Answer(Struct, frozen=True, kw_only=True):
    """What a provider sends the browser back with."""

    proof: str = ""
    """A code, the verifier of OAuth 1, or the response of SAML."""
    state: str = ""
    issuer: str | None = None


class Protocols:
    """Speaks with providers."""

    def __init__(self) -> None:
        self._exchange = Exchange()

    async def begin(
        self, visit: Visit, chosen: Provider, mode: Mode, target: Target | None, address: str
    ) -> tuple[Flow, str]:
        """A sign-in under way, and where the browser goes first.

        `address` is where this project has the provider. Raises `ProviderFailed`.
        """
        callback = callback_of(address)
        signing = signing_of(visit)
        # First, so that nobody is called for a sign-in that cannot be begun.
        flow = sso_flow.begun(signing, chosen.name, mode, target, visit.now)
        if chosen.source is Source.TWITTER:
            given = await sso_twitter.announced(chosen, callback)
            flow = sso_flow.begun(signing, chosen.name, mode, target, visit.now, given)
            return flow, with_query(chosen.authorize_url, {"oauth_token": given.token})
        if chosen.source is Source.SAML:
            from conductus.auth.saml_questions import question_url

            ourselves = _ourselves(chosen, address)
            return flow, question_url(chosen.config.saml, ourselves, flow, visit.now)
        return flow, await self._exchange.authorization_url(chosen, flow, callback)

    async def person(
        self, visit: Visit, chosen: Provider, flow: Flow, answer: Answer, address: str
    ) -> Person:
        """Whom the answer is about. Raises `ProviderFailed`."""
        match chosen.source:
            case Source.SAML:
                return await self._by_assertion(visit, chosen, flow, answer.proof, address)
            case Source.TWITTER:
                return await sso_twitter.person(chosen, flow.announced, answer.proof)
            case Source.OPENID | Source.USERINFO | Source.GITHUB:
                callback = callback_of(address)
                return await self._exchange.person(
                    chosen, flow, callback, answer.proof, answer.issuer
                )

    async def _by_assertion(
        self, visit: Visit, chosen: Provider, flow: Flow, proof: str, address: str
    ) -> Person:
        from conductus.auth.saml_answers import Question, told

        question = Question(flow.question, _ourselves(chosen, address), visit.now)
        found = await asyncio.to_thread(told, chosen.config.saml, question, proof)
        dialect = visit.project.database.dialect
        number = f"{chosen.config.saml.entity_id} {found.number}"

        async def work(transaction: Transaction) -> Outcome[None]:
            # Nobody takes an answer to a question that has expired.
            until = flow.claims.exp
            await use_assertion(transaction, dialect, number, until, visit.now)
            return Outcome(None)

        try:
            await transact(visit.project, work)
        except DuplicateValue:
            raise ProviderFailed from ValueError("the assertion was used before")
        return found.person


def metadata_of(chosen: Provider, address: str) -> bytes:
    """What an identity provider of SAML has to know of this project."""
    from conductus.auth.saml_questions import metadata

    return metadata(chosen.config.saml, _ourselves(chosen, address))


def callback_of(address: str) -> str:
    """Where a browser comes back to."""
    return f"{address}/callback"


def signing_of(visit: Visit) -> Signing:
    """What signs the tokens of the project that is visited."""
    return Signing(visit.project.key, visit.project.config.auth)


def _ourselves(chosen: Provider, address: str) -> Ourselves:
    from conductus.auth.saml_questions import Ourselves

    own = chosen.config.saml.own_entity_id or f"{address}/metadata"
    return Ourselves(own, callback_of(address))
