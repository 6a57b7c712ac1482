"""Changes of the schema that a command makes meet the hooks of plugins."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios import binary
from tests.scenarios.forked import conductus

PLUGIN = """
from conductus.errors import Forbidden

def register(registry):
    @registry.on("field.create:before")
    def small(event):
        if event.field.isupper():
            raise Forbidden(f"{event.field}: small letters please")
"""

DOCUMENT = """
version: 1
collections:
  loaves:
    fields:
      id: {{type: integer, datatype: INT, primary_key: true, auto_increment: true}}
      {name}: {{type: string, datatype: VARCHAR, length: 100}}
relations: []
"""


def test_schema_apply_asks_hooks(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    made = conductus(
        *("project", "create", "main", "--database-url", f"sqlite:///{tmp_path}/a.db"),
        *("--admin-password", "long enough", *data),
    )
    assert made.code == 0, made.err
    folder = tmp_path / "projects" / "main" / "extensions" / "plugins"
    folder.mkdir(parents=True)
    (folder / "small.py").write_text(PLUGIN)
    document = tmp_path / "schema.yaml"
    document.write_text(DOCUMENT.format(name="TITLE"))
    refused = binary.conductus("schema", "apply", str(document), "--yes", *data)
    assert refused.code != 0
    assert "TITLE: small letters please" in refused.err
    document.write_text(DOCUMENT.format(name="title"))
    applied = conductus("schema", "apply", str(document), "--yes", *data)
    assert applied.code == 0, applied.err
