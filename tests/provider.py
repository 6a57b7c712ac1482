"""A real OpenID provider on loopback: Authlib's server, with PKCE and tricks on demand.

Run as a program, it prints its port. `PUT /users/SUB` says what it tells of somebody,
`PUT /trick/NAME` what it does wrong from now on, `PUT /emails` what GitHub would list.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

SECRET = "the secret of the client at the provider"
# The tests meddle with the environment; what they use of it is not the point.
CLIENT = httpx2.Client(trust_env=False)
Environ = dict[str, Any]
Start = Callable[..., Any]


class Tricks:
    """Stands before the provider: checks PKCE, and spoils answers when it is told to."""

    def __init__(self, app: Callable[[Environ, Start], Iterable[bytes]]) -> None:
        self.app = app
        self.trick = ""
        self.emails: Any = []
        self.challenges: dict[str, str] = {}
        self.known = RSAKey.generate_key(2048, {"kid": "known"})
        self.strange = RSAKey.generate_key(2048, {"kid": "strange"})

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(sent)
        if method == "PUT" and path.startswith("/trick/"):
            self.trick = path.removeprefix("/trick/")
            return answer(start, "200 OK", {})
        if path == "/emails":
            if method == "PUT":
                self.emails = json.loads(sent)
            elif not environ.get("HTTP_AUTHORIZATION", "").startswith("Bearer "):
                return answer(start, "401 Unauthorized", {})
            return answer(start, "200 OK", self.emails)
        if path == "/oauth2/token" and not self.proven(parse_qs(sent.decode())):
            return answer(start, "400 Bad Request", {"error": "invalid_grant"})
        status, headers, body = self.passed_on(environ)
        if path == "/oauth2/authorize" and method == "POST":
            self.note(parse_qs(environ["QUERY_STRING"]), dict(headers).get("Location", ""))
        if path in ("/jwks", "/oauth2/token", "/.well-known/openid-configuration", "/userinfo"):
            body = json.dumps(self.spoilt(path, json.loads(body))).encode()
            if self.trick == "huge" and path == "/oauth2/token":
                body = b'{"access_token": "' + b"x" * 2_000_000 + b'"}'
            headers = [(name, value) for name, value in headers if name != "Content-Length"]
        start(status, headers)
        return [body]

    def passed_on(self, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        seen: list[Any] = []
        body = b"".join(self.app(environ, lambda *told: seen.extend(told[:2])))
        return seen[0], seen[1], body

    def note(self, asked: dict[str, list[str]], location: str) -> None:
        code = parse_qs(urlsplit(location).query).get("code")
        if code:
            assert asked["code_challenge_method"] == ["S256"]
            self.challenges[code[0]] = asked["code_challenge"][0]

    def proven(self, sent: dict[str, list[str]]) -> bool:
        challenge = self.challenges.get(sent.get("code", [""])[0])
        digest = hashlib.sha256(sent.get("code_verifier", [""])[0].encode()).digest()
        return challenge == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def spoilt(self, path: str, told: dict[str, Any]) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            if self.trick == "another-issuer":
                return told | {"issuer": "https://accounts.example.com"}
            if self.trick == "unencrypted":
                return told | {"token_endpoint": "http://provider.example.com/token"}
        if path == "/jwks":
            shown = self.strange if self.trick == "renewed-key" else self.known
            return {"keys": [shown.as_dict(private=False)]}
        if path == "/userinfo" and self.trick == "userinfo-of-another":
            return told | {"sub": "somebody-else"}
        if path == "/oauth2/token" and "id_token" in told:
            # Signed anew, by a key that is named: one can be told from another then.
            return told | {"id_token": self.signed(told["id_token"])}
        return told

    def signed(self, id_token: str) -> str:
        _, body, _ = id_token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        key: Any = self.known
        header = {"alg": "RS256", "kid": "known"}
        match self.trick:
            case "nonce":
                claims["nonce"] = "another"
            case "no-nonce":
                claims.pop("nonce")
            case "audience":
                claims["aud"] = ["somebody-else"]
            case "party":
                claims |= {"aud": ["conductus", "somebody-else"], "azp": "somebody-else"}
            case "issuer":
                claims["iss"] = "https://accounts.example.com"
            case "expired":
                claims |= {"exp": int(time.time()) - 3600}
            case "hash":
                claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA"
            case "strange-key" | "renewed-key":
                key, header = self.strange, {"alg": "RS256", "kid": "strange"}
            case "shared-secret":
                key, header = OctKey.import_key(SECRET), {"alg": "HS256"}
            case "unsigned":
                nothing = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
                return f"{nothing}.{body}."
            case "userinfo-only" | "userinfo-of-another":
                for name in ("email", "email_verified"):
                    claims.pop(name, None)
        token = jwt.encode(header, claims, key, [header["alg"]])
        return f"{token[:-9]}{token[-9:][::-1]}" if self.trick == "broken" else token


def answer(start: Start, status: str, value: Any) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(value).encode()]


class Provider:
    """The provider, as the tests talk to it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def tell(self, sub: str, **claims: Any) -> None:
        """What it knows of somebody."""
        CLIENT.put(f"{self.url}/users/{sub}", json=claims).raise_for_status()

    def trick(self, name: str = "") -> None:
        """What it does wrong from now on; nothing without a name."""
        CLIENT.put(f"{self.url}/trick/{name}").raise_for_status()

    def emails(self, listed: Any) -> None:
        CLIENT.put(f"{self.url}/emails", json=listed).raise_for_status()

    def consent(self, url: str, sub: str = "ada", action: str = "allow") -> str:
        """Somebody signs in there; where the browser is sent back to."""
        assert url.startswith(self.url), url
        given = CLIENT.post(url, data={"sub": sub, "action": action})
        assert given.status_code == 302, given.text
        return given.headers["location"]


@contextmanager
def provider() -> Iterator[Provider]:
    """The provider, in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Provider(f"http://localhost:{int(process.stdout.readline())}")
        finally:
            process.terminate()


def serve() -> None:
    warnings.simplefilter("ignore")
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    import oidc_provider_mock
    from werkzeug.serving import make_server

    server = make_server("localhost", 0, Tricks(oidc_provider_mock.app()), threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve()
