"""The image and its company: what can be known of them without building any."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from conductus.cli.application import application
from conductus.config import ServerConfig, project_config, server_config
from conductus.config.environment import APART, PREFIX

ROOT = Path(__file__).parents[2]
SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
FLOATING = {"", "latest", "stable", "edge", "main", "master"}


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with what they say, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    pairs = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(word, rest) for word, rest in pairs]


def said(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())[
        "services"
    ]
    return found


def image_variables() -> dict[str, str]:
    last = [rest for rest in said("ENV") if PREFIX in rest][-1]
    return dict(re.findall(r"(\w+)=(\S+)", last))


def settled(value: str) -> str:
    """A value with its variables filled in, as compose would."""
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "chosen-by-somebody", value)


def tag(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[2]


def test_images_are_pinned_and_never_the_latest() -> None:
    images = [rest.split()[0] for rest in said("FROM")]
    images += [service["image"] for service in services().values() if "image" in service]
    assert len(images) >= 5
    assert {image for image in images if tag(image) in FLOATING} == set()


def test_the_server_runs_as_nobody_in_particular() -> None:
    words = [word for word, _ in instructions()]
    user, _, group = said("USER")[-1].partition(":")
    assert int(user) >= 1000
    assert int(group) >= 1000
    final = words[len(words) - words[::-1].index("FROM") :]
    # Nothing is done as root after it.
    assert "RUN" not in final[final.index("USER") :]
    assert f"--uid {user}" in " ".join(said("RUN"))


def test_what_is_copied_is_there_and_let_through() -> None:
    sources = [
        source
        for rest in said("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert {"src", "pyproject.toml", "requirements/runtime.txt"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    let_through = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert [
        source
        for source in sources
        if not any(Path(source).match(pattern) for pattern in let_through)
    ] == []


def test_the_variables_of_the_image_are_settings(tmp_path: Path) -> None:
    variables = image_variables()
    stated = {name for name in variables if name.startswith(PREFIX)}
    assert stated - {f"{PREFIX}{name}" for name in APART}
    config = server_config(tmp_path, variables)
    assert config.host == "0.0.0.0"
    assert config.log_format == "json"
    assert str(config.port) == said("EXPOSE")[0]
    assert variables["CONDUCTUS_DATA"] == said("VOLUME")[0]


def test_the_health_is_asked_of_the_port_that_is_open() -> None:
    (check,) = said("HEALTHCHECK")
    assert f"127.0.0.1:{said('EXPOSE')[0]}/server/ping" in check
    assert "curl" not in check
    code = re.search(r'"-c", "([^"]+)"', check)
    assert code is not None
    compile(code[1], "healthcheck", "exec")


def test_the_command_exists() -> None:
    assert said("ENTRYPOINT") == ['["conductus"]']
    assert said("CMD")[-1] == '["start"]'
    assert "start" in application()


@pytest.mark.parametrize("name", ["redis", "uv"])
def test_what_is_taken_from_the_lock_is_taken_whole(name: str) -> None:
    lines = (ROOT / "requirements" / "dev.txt").read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next(at for at in range(start, len(lines)) if not lines[at].endswith("\\"))
    assert all("--hash=" in line for line in lines[start + 1 : end + 1])


@pytest.mark.parametrize("name", ["conductus", "prepare"])
def test_the_variables_of_compose_are_settings(name: str, tmp_path: Path) -> None:
    variables = {
        key: settled(value) for key, value in services()[name].get("environment", {}).items()
    }
    project = "CONDUCTUS_PROJECTS__MAIN__"
    config = server_config(tmp_path, variables)
    assert isinstance(config, ServerConfig)
    own = {key for key in variables if key.startswith(project)}
    base = {f"{project}DATABASE__URL": "sqlite://", f"{project}AUTH__PUBLIC_KEY": "p"}
    base[f"{project}AUTH__SECRET_KEY"] = SECRET
    made = project_config(tmp_path, "main", {**base, **variables})
    assert (made.storage.driver == "s3") == bool(own)
    assert (made.rate_limit.adapter == "redis") == bool(own)


def test_compose_hangs_together() -> None:
    every = services()
    whole = yaml.safe_load((ROOT / "compose.yaml").read_text())
    for service in every.values():
        assert set(service.get("depends_on", ())) <= set(every)
        assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= set(
            whole["volumes"]
        )
    # Hosts that are named are services; ports are open to this machine alone.
    urls = re.findall(r"://(?:[^@\s/]*@)?([a-z]+)[:/]", (ROOT / "compose.yaml").read_text())
    assert set(urls) - {"localhost"} <= set(every)
    ports = [port for service in every.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:8055:8055"]
    secrets = [
        value
        for service in every.values()
        for key, value in service.get("environment", {}).items()
        if re.search(r"PASSWORD|SECRET", key)
    ]
    assert secrets
    assert all(value.startswith("${") and ":?" in value for value in secrets)
    # A worker that drains is not killed.
    grace = int(every["conductus"]["stop_grace_period"].rstrip("s"))
    assert grace > ServerConfig().drain_seconds
