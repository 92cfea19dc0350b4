"""The commands under one name. Only the module of the one that is typed is loaded; for ``--help`` it is all of them."""

from __future__ import annotations

from importlib import import_module

import click

from agent.cli.options import EPILOG
from reports import __version__

# The module of each command, which is a function of the same name there.
_MODULES = {
    **dict.fromkeys(("check", "diagnose", "compare", "lint", "explain", "demo"), "checks"),
    **dict.fromkeys(("bundle", "ingest", "submit"), "jobs"),
    **dict.fromkeys(("saturate", "sweep", "discover"), "networks"),
    **dict.fromkeys(("history", "diff"), "past"),
    "serve": "duty",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's shape
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's shape
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(import_module(f"agent.cli.{_MODULES[cmd_name]}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _MODULES:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _MODULES)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="linkdoctor")
def cli() -> None:
    """Say why a data job cannot reach something, with proof, and what to change."""
