"""What logs said, as JSON: docs/explain.md has the fields."""

from typing import Any

from agent.logs.endpoints import Kind, Ledger, Tally, layer, said
from reports.redact import Pseudonyms

SCHEMA = "linkdoctor/explain/1"


def to_document(ledger: Ledger) -> dict[str, Any]:
    """Plain lists and mappings."""
    return {
        "schema": SCHEMA,
        "logs": [
            {"name": log.name, "bytes": log.size, **({"broken": log.broken} if log.broken else {})}
            for log in ledger.logs
        ],
        "runtime": ledger.runtime,
        "endpoints": [
            {
                "host": each.host,
                "port": each.port,
                "ips": list(each.ips),
                "service": each.service or None,
                "errors": _errors(each.errors),
            }
            for each in ledger.sorted()
        ],
        "unplaced": _errors(ledger.unplaced),
        "platform": [
            {"code": code, "meaning": meaning, **_tally(tally)} for code, (meaning, tally) in ledger.notes.items()
        ],
        "warnings": ledger.warnings,
        "beyond": ledger.beyond,
    }


def redacted(document: dict[str, Any]) -> dict[str, Any]:
    """The same without names of hosts and files, addresses, and lines of the log, which may hold anything."""
    names = Pseudonyms()
    for each in document["endpoints"]:
        names.add_host(each["host"])
    return {
        **document,
        "logs": [{**log, "name": f"log-{number}"} for number, log in enumerate(document["logs"], 1)],
        "endpoints": [
            {
                **each,
                "host": names.rewrite(each["host"]),
                "ips": [names.rewrite(ip) for ip in each["ips"]],
                "errors": _without_samples(each["errors"]),
            }
            for each in document["endpoints"]
        ],
        "unplaced": _without_samples(document["unplaced"]),
        "platform": _without_samples(document["platform"]),
    }


def _without_samples(tallies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**tally, "sample": None} for tally in tallies]


def _errors(errors: dict[Kind, Tally]) -> list[dict[str, Any]]:
    return [
        {
            "error": kind[0].value,
            "phase": kind[1] or None,
            "said": said(kind),
            "layer": layer(kind),
            "nearby": tally.nearby,
            **_tally(tally),
        }
        for kind, tally in sorted(errors.items(), key=lambda item: -item[1].count)
    ]


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "count": tally.count,
        "first": tally.first.text or None,
        "first_time": tally.first.iso or None,
        "last": tally.last.text or None,
        "last_time": tally.last.iso or None,
        "sample": tally.sample or None,
    }
