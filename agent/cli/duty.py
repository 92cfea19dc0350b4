"""The command that stays: serve."""

from __future__ import annotations

import re

import click

from agent.cli.past import span

# Free in the list of ports that Prometheus's exporters share (prometheus/prometheus, wiki, Default port allocations).
_LISTEN = "127.0.0.1:9723"
_SIZES = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


def _bytes(context: click.Context, option: click.Parameter, text: str) -> int:  # noqa: ARG001 - click's shape
    match = re.fullmatch(r"([1-9][0-9]{0,5})(KB|MB|GB|TB)", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no size; allowed: a number with its unit (KB, MB, GB, TB), such as 1GB")
    return int(match[1]) * _SIZES[match[2]]


@click.command(epilog="Ends with code 0 after SIGTERM, 130 after Ctrl-C, 3 where it could not begin.")
@click.argument("plans", metavar="PLAN...", nargs=-1, required=True)
@click.option("--listen", metavar="HOST:PORT", default=_LISTEN, show_default=True, help="Where to answer.")
@click.option(
    "--web.config.file", "web_config", metavar="FILE", help="TLS and users, as for any of Prometheus's exporters."
)
@click.option("--insecure-listen", is_flag=True, help="Let others reach it without TLS and users.")
@click.option(
    "--state", metavar="DIR|FILE", help="Where runs are kept; else $XDG_STATE_HOME/linkdoctor, in ~/.local/state."
)
@click.option(
    "--retention-time",
    "age",
    metavar="SPAN",
    callback=span,
    default="30d",
    show_default=True,
    help="Keep runs so long.",
)
@click.option(
    "--retention-size", "size", metavar="SIZE", callback=_bytes, default="1GB", show_default=True, help="Keep so much."
)
@click.option(
    "--log-format",
    "log",
    type=click.Choice(("console", "json")),
    default="console",
    show_default=True,
    help="How to log, on stderr.",
)
def serve(
    plans: tuple[str, ...],
    listen: str,
    web_config: str | None,
    insecure_listen: bool,
    state: str | None,
    age: float,
    size: int,
    log: str,
) -> int:
    """Run plans at their intervals; answer Prometheus and people.

    Each PLAN is a YAML or JSON file, run every `interval` (60 s where it names none). SIGHUP and POST /-/reload read
    them again.

    \b
      linkdoctor serve nightly-etl.yaml lake.yaml
      curl http://127.0.0.1:9723/metrics
    """
    try:
        from agent.server.serve import Serve
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"serve needs {missing.name}, which is not installed: pip install 'linkdoctor[serve]'"
        ) from None
    from agent.history.sources import default_folder
    from agent.store import Retention

    asked = Serve(
        plans=plans,
        listen=listen,
        web_config=web_config,
        insecure=insecure_listen,
        state=state or default_folder(),
        retention=Retention(age_s=age, size=size),
        log=log,
    )
    return asked.run()
