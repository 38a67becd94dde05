"""Make the reference pages and ``.env.example`` from the code: ``python docs/generate.py [--check]``."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by `make docs`: edit the code, not this page. -->\n"


def settings_page() -> str:
    """Every setting with its environment name, default and meaning."""
    from waqtor.settings import LEGACY, Settings

    lines = [
        "# Settings", NOTE,
        "Read from the environment and from `.env` in the working folder, once, at start. The older names in the last "
        "column are accepted too, in the same unit.", "",
        "| Environment | Default | Meaning | Older name |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "–" if default in (None, "", ()) else f"`{default}`"
        old = f"`{LEGACY[name]}`" if name in LEGACY else ""
        lines.append(f"| `WAQTOR_{name.upper()}` | {shown} | {field.description} | {old} |")
    return "\n".join(lines) + "\n"


def env_example() -> str:
    """A ``.env`` with every setting commented out at its default."""
    from waqtor.settings import Settings

    lines = ["# Copy to .env and uncomment what you change. Meanings in full: docs/settings.md", ""]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, ()) else field.default
        lines += [f"# {field.description}", f"#WAQTOR_{name.upper()}={default}", ""]
    return "\n".join(lines)


def events_page() -> str:
    """Every event with its data."""
    from waqtor.contracts.events import EVENTS

    lines = [
        "# Events", NOTE,
        "What the engine says. Journaled events carry an offset, are recovered over WebSocket and delivered to readers "
        "at least once; ephemeral ones go to whoever listens now. Personal fields are kept apart from the journal and "
        "become null when a contact is erased.", "",
    ]  # fmt: skip
    for spec in EVENTS.values():
        kind = "journaled" if spec.journaled else "ephemeral"
        high = ", priority" if spec.priority else ""
        lines += [f"## `{spec.name}`", "", f"{spec.description} ({kind}{high}; topic `{spec.topic}`)", ""]
        lines += ["| Field | Type | |", "|---|---|---|"]
        for name, field in spec.model.model_fields.items():
            shown = field.alias or name
            personal = "personal" if shown in spec.personal else ""
            optional = "" if field.is_required() else "optional"
            marks = ", ".join(mark for mark in (optional, personal) if mark)
            lines.append(f"| `{shown}` | {_type(field.annotation)} | {marks} |")
        lines.append("")
    return "\n".join(lines)


def commands_page() -> str:
    """Every command with its route, SDK method and CLI form."""
    from waqtor.contracts.commands import COMMANDS

    lines = [
        "# Commands", NOTE, "| Command | REST (under `/api/v1`) | SDK | CLI | Scope |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for spec in COMMANDS.values():
        lines.append(
            f"| `{spec.name}`: {_first(spec.model)} | `{spec.route}` | `client.{spec.sdk}` | `waqtor {spec.cli}` "
            f"| `{spec.scope}` |"
        )
    return "\n".join(lines) + "\n"


def plugins_page() -> str:
    """Every hook with its signature and contract."""
    from waqtor.kernel import hooks

    lines = [
        "# Plugins", NOTE, inspect.cleandoc(hooks.__doc__ or ""), "",
        "```python", "from waqtor import hookimpl", "from waqtor.kernel.hooks import Answer, Incoming", "", "",
        "class Echo:", '    name = "echo"', '    version = "1.0"', "    priority = 200  # after SmartBot (100)", "",
        "    @hookimpl", "    def on_message(self, message: Incoming) -> Answer | None:", "        ...", "```", "",
        "Declare it in the package's `pyproject.toml`:", "", "```toml", '[project.entry-points."waqtor.plugins"]',
        'echo = "my_package:Echo"', "```", "",
        "`WAQTOR_TRACE_PLUGINS=1` logs every call; `WAQTOR_PLUGINS_DISABLED=echo` leaves one out.", "", "## Hooks", "",
    ]  # fmt: skip
    for name, hook in vars(hooks.HookSpecs).items():
        if name.startswith("_"):
            continue
        lines += [f"### `{name}{_signature(hook)}`", "", inspect.cleandoc(hook.__doc__ or ""), ""]
    return "\n".join(lines)


def metrics_page() -> str:
    """Every metric with its labels and meaning."""
    from prometheus_client import Counter, Gauge, Histogram

    from waqtor.kernel.telemetry import Telemetry

    lines = [
        "# Metrics", NOTE,
        "`GET /metrics` tells them in the Prometheus text format, `GET /api/v1/metrics` as JSON (`engine.values`), and "
        "every `WAQTOR_METRICS_INTERVAL_S` seconds they are written to the traffic log: view `metrics`, "
        "`GET /api/v1/metrics/history`, `waqtor.connect().metrics()` ([how](analytics.md#metrics-over-time)). Both "
        "addresses need a key or a ticket except from this machine. Counters count from the start of the process; "
        "histograms have `_bucket`, `_sum` and `_count`. The `process_*` metrics are Prometheus' own: CPU seconds, "
        "resident and virtual memory in bytes, open files, start.", "",
        "| Metric | Type | Labels | Meaning |", "|---|---|---|---|",
    ]  # fmt: skip
    for metric in vars(Telemetry("0")).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            name = metric._name + ("_total" if isinstance(metric, Counter) else "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "–"
            lines.append(f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |")
    lines.append("| `waqtor_build_info` | gauge | `version` | The version that runs; always 1. |")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Every command of the command line."""
    import typer.main

    from waqtor.cli.application import app

    lines = ["# Command line", NOTE]
    for path, command in _commands(typer.main.get_command(app), ("waqtor",)):
        lines += [f"## `{' '.join(path)}`", "", (command.help or "").strip(), ""]
        for parameter in command.params:
            text = (getattr(parameter, "help", "") or "").strip()
            names = "/".join(parameter.opts) if parameter.param_type_name == "option" else parameter.name
            if parameter.name != "help":
                lines.append(f"- `{names}` {text}".rstrip())
        lines.append("")
    return "\n".join(lines)


def schemas() -> str:
    """JSON Schemas of all events and commands."""
    from waqtor.contracts.commands import COMMANDS
    from waqtor.contracts.events import EVENTS

    found: dict[str, Any] = {
        "events": {name: spec.model.model_json_schema(by_alias=True) for name, spec in EVENTS.items()},
        "commands": {name: spec.model.model_json_schema() for name, spec in COMMANDS.items()},
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def pages() -> dict[Path, str]:
    """All generated files and what they should hold."""
    return {
        ROOT / "docs" / "settings.md": settings_page(),
        ROOT / ".env.example": env_example(),
        ROOT / "docs" / "events.md": events_page(),
        ROOT / "docs" / "commands.md": commands_page(),
        ROOT / "docs" / "plugins.md": plugins_page(),
        ROOT / "docs" / "cli.md": cli_page(),
        ROOT / "docs" / "metrics.md": metrics_page(),
        ROOT / "docs" / "schemas.json": schemas(),
    }


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from _commands(child, (*path, name))


def _type(annotation: Any) -> str:
    text = annotation.__name__ if inspect.isclass(annotation) else str(annotation)
    text = text.replace("waqtor.contracts.event_data.", "").replace("typing.", "")
    return "`" + text.replace("|", "\\|") + "`"


def _first(model: Any) -> str:
    return (inspect.cleandoc(model.__doc__ or "")).splitlines()[0].rstrip(".").lower()


def _signature(hook: Any) -> str:
    return str(inspect.signature(hook)).replace("'", "").replace("(self, ", "(").replace("(self)", "()")


def main() -> int:
    """Write the pages; with ``--check`` only say which are out of date."""
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" not in sys.argv:
            path.write_text(pages()[path], encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
