"""What to change: the remedy of a report where one named the cause, else the catalogue's text with what is known."""

from collections import ChainMap
from typing import Dict, Iterable, List, Sequence

from reports.causes import CAUSES
from reports.comparison.view import View
from reports.maxcompute.admission import admit_in_security_group, admit_in_whitelist
from reports.maxcompute.checklists import for_cause
from reports.maxcompute.schemes import link_of
from reports.model import Remedy
from reports.remedies import FIELDS
from reports.words import listed

# What lets the vSwitch in, where that is the remedy.
_SECURITY_GROUP = frozenset({"sg_drop", "host_firewall_drop"})
_WHITELIST = frozenset({"ip_whitelist_mismatch", "eni_wrong_vswitch"})


def remedy(cause: str, views: Sequence[View]) -> Remedy:
    """The remedy for one finding."""
    if len(views) == 1 and cause in views[0].column.remedies:
        return views[0].column.remedies[cause]
    entry = CAUSES[cause]
    return Remedy(
        text=_filled(entry.remedy, views),
        snippet=_snippet(cause, views),
        reference=entry.reference,
        owner=entry.owner,
        checks=for_cause(cause, views[0].fails[0].point.runtime),
    )


def decided_by(cause: str, views: Sequence[View]) -> str:
    """What would make surer of the cause, in words; empty where nothing would."""
    return _filled(CAUSES[cause].decided_by, views)


def _snippet(cause: str, views: Sequence[View]) -> str:
    source = next((subnet for view in views for subnet in view.subnets), "")
    if not source:
        return ""
    if cause in _SECURITY_GROUP:
        return admit_in_security_group(sorted({view.target.port for view in views}), source)
    return admit_in_whitelist(source) if cause in _WHITELIST else ""


def _filled(text: str, views: Sequence[View]) -> str:
    known = {key: value for key, value in _fields(views).items() if value}
    return text.format_map(ChainMap(known, FIELDS))


def _fields(views: Sequence[View]) -> Dict[str, str]:
    ips = _each(ip for view in views for ip in view.answers)
    elsewhere = _each(ip for view in views for look in view.works for ip in look.answers if ip not in ips)
    failing = [look for view in views for look in view.fails]
    return {
        "targets": listed([view.column.name for view in views]),
        "destinations": listed([view.target.address for view in views]),
        "host": listed(_each(view.target.host for view in views)),
        "ports": ", ".join(str(port) for port in sorted({view.target.port for view in views})),
        "service": listed(sorted({view.target.service for view in views})),
        "ips": listed(ips),
        "ip": ips[0] if ips else "",
        "subnets": listed(_each(view.board.subnet_of(ip) for view in views for ip in view.answers)),
        "source": listed(_each(look.source for look in failing)),
        "vswitch": listed(_each(subnet for view in views for subnet in view.subnets)),
        "admits": listed(_each(entry for view in views for entry in view.target.admits)),
        "servers": listed(_each(server for look in failing for server in look.point.name_servers)),
        "answers": listed(ips),
        "alternative": listed(elsewhere),
        "issuer": views[0].lead.issuer,
        "vantage": listed(_each(look.point.host for look in failing)),
        "link": link_of(failing[0].point.runtime),
    }


def _each(texts: Iterable[str]) -> List[str]:
    return list(dict.fromkeys(text for text in texts if text))
