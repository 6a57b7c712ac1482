"""A real provider of OAuth 1.0a on loopback, as Twitter is one: Authlib's server.

It checks signatures, nonces and verifiers, tells of an account to whom it has let in, and is
told by `tricks` what to do wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import flask
import httpx2
from authlib.integrations.flask_oauth1 import AuthorizationServer, ResourceProtector
from authlib.oauth1 import ClientMixin, TemporaryCredential, TokenCredentialMixin
from authlib.oauth1.errors import OAuth1Error
from werkzeug.serving import WSGIRequestHandler, make_server

IDENTIFIER = "the identifier of the client"
SECRET = "the secret of the client at the provider"
CLIENT = httpx2.Client(trust_env=False)


class _Partner(ClientMixin):  # type: ignore[misc]  # published without types
    def __init__(self, callback: str) -> None:
        self.callback = callback

    def get_client_secret(self) -> str:
        return SECRET

    def get_default_redirect_uri(self) -> str:
        return self.callback

    def get_rsa_public_key(self) -> None:
        return None


class _User:
    def __init__(self, name: str) -> None:
        self.name = name

    def get_user_id(self) -> str:
        return self.name


class _Token(TokenCredentialMixin):  # type: ignore[misc]  # published without types
    def __init__(self, made: dict[str, str], name: str) -> None:
        self.made, self.name = made, name

    def get_oauth_token(self) -> str:
        return self.made["oauth_token"]

    def get_oauth_token_secret(self) -> str:
        return self.made["oauth_token_secret"]


class Chirper:
    """The provider, as the tests talk to it."""

    def __init__(self, callback: str) -> None:
        self.url = ""
        self.callback = callback
        self.trick = ""
        self.accounts: dict[str, dict[str, Any]] = {}
        self.announced: dict[str, Any] = {}
        self.tokens: dict[str, _Token] = {}
        self.nonces: set[tuple[str, ...]] = set()

    def consent(self, url: str, who: str) -> str:
        """Somebody signs in there; where the browser is sent back to."""
        assert url.startswith(f"{self.url}/authenticate?oauth_token="), url
        given = CLIENT.post(url, data={"who": who})
        assert given.status_code == 302, given.text
        return given.headers["location"]

    # -- the server -------------------------------------------------------------------

    def application(self) -> flask.Flask:
        app = flask.Flask("chirper")
        server = AuthorizationServer(app, query_client=self._partner)
        server.register_hook("exists_nonce", self._seen)
        server.register_hook("create_temporary_credential", self._announce)
        server.register_hook("get_temporary_credential", self.announced.get)
        server.register_hook("delete_temporary_credential", self._forget)
        server.register_hook("create_authorization_verifier", self._verify)
        server.register_hook("create_token_credential", self._admit)
        protected = ResourceProtector(
            app,
            query_client=self._partner,
            query_token=lambda _, token: self.tokens.get(token),
            exists_nonce=self._seen,
        )

        @app.post("/request_token")
        def request_token() -> Any:
            answer = server.create_temporary_credentials_response()
            if self.trick == "unconfirmed":
                answer.data = answer.data.replace(b"confirmed=True", b"confirmed=false")
            if self.trick == "nothing":
                answer.data = b"oauth_callback_confirmed=true"
            return answer

        @app.post("/authenticate")
        def authenticate() -> Any:
            try:
                server.check_authorization_request()
            except OAuth1Error as error:
                return error.description, 400
            user = _User(flask.request.form["who"])
            return server.create_authorization_response(grant_user=user)

        @app.post("/access_token")
        def access_token() -> Any:
            return server.create_token_response()

        @app.get("/account")
        def account() -> Any:
            credential = protected.acquire_credential()
            if self.trick == "nonsense":
                return "nonsense"
            if flask.request.args.get("include_email") != "true":
                return {}
            return json.dumps(self.accounts[credential.name])

        return app

    def _partner(self, identifier: str) -> _Partner | None:
        return _Partner(self.callback) if identifier == IDENTIFIER else None

    def _seen(self, *facts: Any) -> bool:
        before = facts in self.nonces
        self.nonces.add(facts)
        return before

    def _announce(self, made: dict[str, str], identifier: str, callback: str) -> Any:
        assert callback == self.callback
        credential = TemporaryCredential(
            {**made, "client_id": identifier, "oauth_callback": callback}
        )
        self.announced[made["oauth_token"]] = credential
        return credential

    def _forget(self, token: str) -> None:
        self.announced.pop(token, None)

    def _verify(self, credential: Any, user: _User, verifier: str) -> Any:
        credential.update({"oauth_verifier": verifier, "user_id": user.name})
        return credential

    def _admit(self, made: dict[str, str], credential: Any) -> _Token:
        token = _Token(made, credential["user_id"])
        self.tokens[made["oauth_token"]] = token
        return token


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@contextmanager
def chirper(callback: str) -> Iterator[Chirper]:
    """The provider, on a port of its own."""
    there = Chirper(callback)
    server = make_server("127.0.0.1", 0, there.application(), threaded=True, request_handler=_Quiet)
    there.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
