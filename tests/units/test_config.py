"""Settings: files and environment become values; what is wrong is told with its place."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from conductus.config import (
    ConfigInvalid,
    LimitsConfig,
    MailConfig,
    SamlConfig,
    ServerConfig,
    Watch,
    check_key,
    data_folder,
    database_url,
    is_safe_url,
    new_project_config,
    project_config,
    project_keys,
    project_path,
    save_new_project,
    server_config,
    write_private,
)
from conductus.mail.mailer import mail_config
from tests.identity_provider import rsa_pair

SECRET = "Kq3vXz81Lm5nTt0aWr7bYc9dEe2fGg4h"
PROJECT = f'[database]\nurl = "sqlite:///a.db"\n[auth]\nsecret_key = "{SECRET}"\npublic_key = "p"\n'


def server(folder: Path, text: str = "", **environment: str) -> ServerConfig:
    (folder / "conductus.toml").write_text(text)
    return server_config(folder, environment)


def with_project(folder: Path, key: str = "main", text: str = PROJECT) -> Path:
    project_path(folder, key).parent.mkdir(exist_ok=True)
    project_path(folder, key).write_text(text)
    return folder


class TestServer:
    def test_nothing_said_gives_the_defaults(self, tmp_path: Path) -> None:
        assert server_config(tmp_path, {}) == ServerConfig()

    def test_the_file_is_read(self, tmp_path: Path) -> None:
        config = server(tmp_path, "port = 9000\n[watch]\ntick_seconds = 2\n")
        assert (config.port, config.watch) == (9000, Watch(tick_seconds=2.0))

    def test_the_environment_wins(self, tmp_path: Path) -> None:
        config = server(
            tmp_path,
            'port = 9000\nhost = "::1"\n[watch]\ntick_seconds = 2\ncatalog_seconds = 3\n',
            CONDUCTUS_PORT="9100",
            CONDUCTUS_WATCH__TICK_SECONDS="0.5",
        )
        assert (config.port, config.host) == (9100, "::1")
        assert config.watch == Watch(tick_seconds=0.5, catalog_seconds=3.0)

    @pytest.mark.parametrize(
        ("text", "environment", "named"),
        [
            ("prot = 1", {}, "prot"),
            ("[watch]\ntik = 1", {}, "$.watch"),
            ("", {"CONDUCTUS_PROT": "1"}, "prot"),
            ("", {"CONDUCTUS_WATCH__TIK": "1"}, "$.watch"),
            ('port = "many"', {}, "$.port"),
            ("", {"CONDUCTUS_LOG_FORMAT": "xml"}, "$.log_format"),
            ("port = = 1", {}, "conductus.toml"),
            ("", {"CONDUCTUS_WATCH": "1", "CONDUCTUS_WATCH__TICK_SECONDS": "1"}, "CONDUCTUS_WATCH"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, tmp_path: Path, text: str, environment: dict[str, str], named: str
    ) -> None:
        with pytest.raises(ConfigInvalid) as caught:
            server(tmp_path, text, **environment)
        assert named in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "name",
        [
            "CONDUCTUS_DATA",
            "CONDUCTUS_ADMIN_EMAIL",
            "CONDUCTUS_SERVICE_HOST",
            "CONDUCTUS_PORT_80_TCP",
        ],
    )
    def test_variables_that_are_no_settings_do_no_harm(self, tmp_path: Path, name: str) -> None:
        assert server(tmp_path, **{name: "x"}) == ServerConfig()

    def test_a_port_in_the_form_of_kubernetes_is_passed_over(self, tmp_path: Path) -> None:
        assert server(tmp_path, CONDUCTUS_PORT="tcp://10.0.0.1:80").port == 8055


class TestDataFolder:
    @pytest.mark.parametrize(
        ("given", "environment", "found"),
        [
            (Path("/a"), {"CONDUCTUS_DATA": "/b"}, Path("/a")),
            (None, {"CONDUCTUS_DATA": "/b"}, Path("/b")),
            (None, {"CONDUCTUS_DATA": ""}, Path.cwd() / "conductus-data"),
            (None, {}, Path.cwd() / "conductus-data"),
        ],
    )
    def test_option_then_environment_then_default(
        self, given: Path | None, environment: dict[str, str], found: Path
    ) -> None:
        assert data_folder(given, environment) == found


class TestProject:
    def test_a_new_project_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        config = new_project_config('postgresql://u:p"\\w\x7f@h/d?x=é')
        save_new_project(tmp_path, "main", config)
        assert project_config(tmp_path, "main", {}) == config

    def test_every_project_has_a_secret_of_its_own(self) -> None:
        first, second = new_project_config("sqlite:///a"), new_project_config("sqlite:///a")
        assert first.auth.secret_key != second.auth.secret_key
        assert len(first.auth.secret_key) >= 43

    def test_its_file_is_the_owners_alone(self, tmp_path: Path) -> None:
        path = save_new_project(tmp_path, "main", new_project_config("sqlite:///a"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert tomllib.loads(path.read_text())["database"] == {"url": "sqlite:///a"}
        assert os.listdir(path.parent) == ["main.toml"]

    def test_a_write_that_fails_leaves_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        write_private(path, "old")
        with pytest.raises(UnicodeEncodeError):
            write_private(path, "\ud800")
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["file"]

    @pytest.mark.parametrize(
        "secret",
        ["", "short", "a" * 64, "changeme-changeme-changeme-0123456789", "ab" * 20],
    )
    def test_a_weak_or_shipped_secret_is_refused(self, tmp_path: Path, secret: str) -> None:
        with_project(tmp_path, text=PROJECT.replace(SECRET, secret))
        with pytest.raises(ConfigInvalid, match=r"auth\.secret_key"):
            project_config(tmp_path, "main", {})

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            (PROJECT + "[cors_]\nenabled = true\n", "cors_"),
            (PROJECT + "[cors]\nsafe = true\n", "$.cors"),
            (PROJECT + "[limits]\nids = 'x'\n", "$.limits.ids"),
            ("[database]\nurl = 'sqlite:///a'\n", "auth"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str, named: str) -> None:
        with_project(tmp_path, text=text)
        with pytest.raises(ConfigInvalid) as caught:
            project_config(tmp_path, "main", {})
        assert named in str(caught.value)
        assert "main.toml" in str(caught.value)

    def test_the_environment_wins(self, tmp_path: Path) -> None:
        with_project(tmp_path, "my-shop")
        config = project_config(
            tmp_path,
            "my-shop",
            {
                "CONDUCTUS_PROJECTS__MY_SHOP__DATABASE__URL": "sqlite:///b.db",
                "CONDUCTUS_PROJECTS__MY_SHOP__CORS__ORIGIN": "https://a.example, https://b.example",
                "CONDUCTUS_PROJECTS__MY_SHOP__LIMITS__BATCH": "7",
                "CONDUCTUS_PROJECTS__OTHER__DATABASE__URL": "sqlite:///c.db",
            },
        )
        assert config.database.url == "sqlite:///b.db"
        assert config.cors.origin == ("https://a.example", "https://b.example")
        assert config.limits == LimitsConfig(batch=7)

    def test_a_project_may_stand_in_the_environment_alone(self, tmp_path: Path) -> None:
        environment = {
            "CONDUCTUS_PROJECTS__SHOP__DATABASE__URL": "sqlite:///shop.db",
            "CONDUCTUS_PROJECTS__SHOP__AUTH__SECRET_KEY": SECRET,
            "CONDUCTUS_PROJECTS__SHOP__AUTH__PUBLIC_KEY": "p",
        }
        with_project(tmp_path, "main")
        assert project_keys(tmp_path, environment) == ("main", "shop")
        assert project_config(tmp_path, "shop", environment).database.url == "sqlite:///shop.db"

    @pytest.mark.parametrize(
        ("url", "resolved"),
        [
            ("sqlite:///a.db", "sqlite:////data/a.db"),
            ("sqlite:///sub/a.db", "sqlite:////data/sub/a.db"),
            ("sqlite:////abs/a.db", "sqlite:////abs/a.db"),
            ("postgresql:///name", "postgresql:///name"),
            ("mysql://h/name", "mysql://h/name"),
        ],
    )
    def test_a_relative_sqlite_path_starts_at_the_data_folder(
        self, url: str, resolved: str
    ) -> None:
        assert database_url(new_project_config(url), Path("/data")) == resolved

    @pytest.mark.parametrize("key", ["main", "A-b_9", "0"])
    def test_keys(self, key: str) -> None:
        assert check_key(key) == key

    @pytest.mark.parametrize(
        "key", ["", "a/b", "a b", "ä", "..", "server", "Admin", "a" * 65, "a\n"]
    )
    def test_no_keys(self, key: str) -> None:
        with pytest.raises(ConfigInvalid):
            check_key(key)


class TestOutgoing:
    def test_hosts_and_networks_are_allowed(self, tmp_path: Path) -> None:
        config = server(tmp_path, CONDUCTUS_OUTGOING__ALLOW="hooks.internal, 10.1.0.0/16,::1")
        assert config.outgoing.allow == ("hooks.internal", "10.1.0.0/16", "::1")

    @pytest.mark.parametrize("word", ["http://hooks.internal", "10.1.2.3/16", "a b", "*", "a:80"])
    def test_nothing_else_is(self, tmp_path: Path, word: str) -> None:
        with pytest.raises(ConfigInvalid, match="neither"):
            server(tmp_path, f'[outgoing]\nallow = ["{word}"]\n')


class TestMail:
    def test_it_stands_in_file_and_environment(self, tmp_path: Path) -> None:
        mail = '[mail]\ntransport = "smtp"\nhost = "a.example"\nsender = "S <s@example.com>"\n'
        config = server(
            tmp_path, mail, CONDUCTUS_MAIL__PORT="2525", CONDUCTUS_MAIL__HOST="b.example"
        )
        assert (config.mail.host, config.mail.port) == ("b.example", 2525)
        assert "secret" not in repr(MailConfig(password="secret"))

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('transport = "smtp"\nsender = "a@b.org"', "host"),
            ('transport = "smtp"\nhost = "a.example"', "sender"),
            ('transport = "file"\nsender = "nobody"', "sender"),
            ('transport = "pigeon"', "pigeon"),
        ],
    )
    def test_what_cannot_be_used_is_told(self, tmp_path: Path, text: str, words: str) -> None:
        with pytest.raises(ConfigInvalid, match=words):
            server(tmp_path, f"[mail]\n{text}\n")

    def test_of_a_project_it_counts_once_it_says_how(self, tmp_path: Path) -> None:
        of_server = MailConfig(transport="log", sender="a@b.org")
        config = project_config(with_project(tmp_path), "main", {})
        assert mail_config(of_server, config) is of_server
        own = '[mail]\ntransport = "file"\nsender = "c@d.org"\n'
        config = project_config(with_project(tmp_path, text=PROJECT + own), "main", {})
        assert mail_config(of_server, config).sender == "c@d.org"

    @pytest.mark.parametrize(
        ("facts", "base"),
        [
            ({}, "http://127.0.0.1:8055"),
            ({"host": "0.0.0.0", "port": 80}, "http://localhost:80"),
            ({"host": "::1"}, "http://[::1]:8055"),
            ({"public_url": "https://cms.example.com/"}, "https://cms.example.com"),
        ],
    )
    def test_links_begin_with_what_is_configured(self, facts: dict[str, Any], base: str) -> None:
        assert ServerConfig(**facts).base_url == base

    def test_a_public_address_is_one(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigInvalid, match="public_url"):
            server(tmp_path, 'public_url = "cms.example.com"\n')


SAML = """preset = "saml"
trust_email = true
[auth.sso.staff.saml]
entity_id = "https://id.example.com"
certificate = "AAAA"
"""


class TestSingleSignOn:
    def test_certificates_of_a_provider(self) -> None:
        first, second = rsa_pair(), rsa_pair()
        several = SamlConfig(certificate=f"\n{first.pem}\n\n{second.pem}").certificates
        assert several == (first.pem.strip(), second.pem.strip())
        assert SamlConfig(certificate=f" {first.bare[:70]}\n{first.bare[70:]}").certificates == (
            first.pem.strip(),
        )
        assert SamlConfig(certificate=" ").certificates == ()

    def test_it_stands_in_file_and_environment(self, tmp_path: Path) -> None:
        text = PROJECT + '[auth.sso.google]\nclient_id = "a"\n'
        environment = {
            "CONDUCTUS_PROJECTS__MAIN__AUTH__SSO__GOOGLE__CLIENT_SECRET": "s",
            "CONDUCTUS_PROJECTS__MAIN__AUTH__SSO__STAFF__CLIENT_ID": "b",
            "CONDUCTUS_PROJECTS__MAIN__AUTH__SSO__STAFF__ISSUER": "https://id.example.com",
            "CONDUCTUS_PROJECTS__MAIN__AUTH__SSO__STAFF__SCOPES": "openid, email",
        }
        found = project_config(with_project(tmp_path, text=text), "main", environment).auth.sso
        assert (found["google"].client_id, found["google"].client_secret) == ("a", "s")
        assert found["staff"].scopes == ("openid", "email")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('[auth.sso.acme]\nclient_id = "a"', "issuer"),
            ('[auth.sso.acme]\nclient_id = "a"\nauthorize_url = "https://x"', "issuer"),
            ('[auth.sso.okta]\nclient_id = "a"', "issuer"),
            ('[auth.sso.microsoft]\nclient_id = "a"', "tenant"),
            ('[auth.sso.acme]\nclient_id = "a"\nissuer = "http://id.example.com"', "https"),
            ('[auth.sso.acme]\nclient_id = "a"\nissuer = "javascript:alert(1)"', "https"),
            ('[auth.sso.github]\nclient_id = "a"\ndefault_role = 1', "administrators"),
            ('[auth.sso.github]\nclient_id = "a"\ndefault_role = 2', "public"),
            ('[auth.sso.google]\nclient_id = "a"\ndefault_role = 3', "domains"),
            ('[auth.sso.github]\nclient_id = "a"\ndefault_role = 3', "anybody"),
            ('[auth.sso.github]\nclient_id = "a"\ndefault_role = 3\ndomains = []', "domains"),
            ('[auth.sso.okta]\nclient_id = "a"\nissuer = "https://x"\ndefault_role = 3', "domains"),
            ('[auth.sso.github]\nclient_id = "a"\ndomains = ["@x.org"]', "example.com"),
            ('[auth.sso.google]\nclient_secret = "a"', "client_id"),
            ('[auth.sso.access_token]\nclient_id = "a"\nissuer = "https://x"', "name"),
            ('[auth.sso."a/b"]\nclient_id = "a"\nissuer = "https://x"', "name"),
            ('[auth.sso.google]\nclient_id = "a"\nsecret = "b"', "secret"),
            ('[auth.sso.google]\nclient_id = "a"\n[auth.sso.google.saml]\nemail = "b"', "saml"),
            ('[auth.sso.twitter]\nidentifier = "a"', "secret"),
            ('[auth.sso.twitter]\nclient_id = "a"\nclient_secret = "b"', "identifier"),
            ("[auth.sso.saml]\ntrust_email = true", "entity_id"),
            (f"[auth.sso.staff]\n{SAML}".replace("trust_email = true\n", ""), "trust_email"),
            (f"[auth.sso.staff]\n{SAML}", "sign_in_url"),
            (f"[auth.sso.staff]\n{SAML}sign_in_url = 'https://x'", "X.509"),
        ],
    )
    def test_what_cannot_be_used_is_told(self, tmp_path: Path, text: str, words: str) -> None:
        with pytest.raises(ConfigInvalid, match=words):
            project_config(with_project(tmp_path, text=f"{PROJECT}{text}\n"), "main", {})

    @pytest.mark.parametrize(
        ("url", "safe"),
        [
            ("https://id.example.com", True),
            ("http://localhost:9000", True),
            ("http://127.0.0.1", True),
            ("http://localhost.example.com", False),
            ("http://id.example.com", False),
            ("https://", False),
            ("https://[", False),
            ("ftp://localhost", False),
        ],
    )
    def test_addresses_of_providers_are_encrypted(self, url: str, safe: bool) -> None:
        assert is_safe_url(url) is safe
