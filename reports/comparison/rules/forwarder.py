"""Inside MaxCompute a handshake may be a forwarder's, and a reset the sandbox's: only another way tells."""

from typing import Optional, Tuple

from reports.comparison.model import JOB
from reports.comparison.rules.contract import OF_ENI, OF_JOB, OF_TARGET, Contrast, of
from reports.comparison.view import View
from reports.failures import Failure
from reports.rules.contract import EXCHANGE, TLS


def _refused_only_in_job(view: View) -> Optional[str]:
    if view.subject != JOB or view.peers or view.failure is not Failure.CONNECTION_REFUSED or not view.others_work:
        return None
    return "it works from %s: the reset that the job saw is not the target's" % view.names(view.others_work)


def _refused_on_internet(view: View) -> Optional[str]:
    return "" if _refused_only_in_job(view) is not None and view.on_internet else None


def _refused_everywhere(view: View) -> Optional[str]:
    alike = [look for look in view.others_fail if look.symptom.failure is Failure.CONNECTION_REFUSED]
    if view.failure is not Failure.CONNECTION_REFUSED or view.works or not alike:
        return None
    return "it refuses %s as well, by another way: the reset is the target's own" % view.names(alike)


def _accepted_in_its_place(view: View) -> Optional[str]:
    """A handshake, and not a byte; others hear the service: a forwarder may have accepted."""
    heard = [look for look in view.others_work if look.symptom.reached]
    dead = view.stage in (TLS, EXCHANGE) and not view.lead.reached
    ended = (Failure.TIMED_OUT, Failure.EOF, Failure.CONNECTION_RESET)
    if view.subject != JOB or view.peers or not dead or view.failure not in ended or not heard:
        return None
    return "the service answers %s: what accepted the job's connection was not the target" % view.names(heard)


def _forwarder_on_internet(view: View) -> Optional[str]:
    return "" if _accepted_in_its_place(view) is not None and view.on_internet else None


def _closed_by_partner(view: View) -> Optional[str]:
    ended = (Failure.EOF, Failure.CONNECTION_RESET)
    return "" if _forwarder_on_internet(view) is not None and view.failure in ended else None


def _silent_everywhere(view: View) -> Optional[str]:
    alike = [look for look in view.others_fail if look.symptom.stage == view.stage]
    if view.stage not in (TLS, EXCHANGE) or view.works or not alike:
        return None
    return "the same is seen from %s, without any forwarder between" % view.names(alike)


CONTRASTS: Tuple[Contrast, ...] = (
    Contrast(
        name="refused inside the job alone",
        test=_refused_only_in_job,
        factors=of((OF_TARGET, 0.0), sg_reset=0.2),
        brings={"eni_missing": 0.2},
    ),
    Contrast(
        name="refused inside the job alone, on the Internet",
        test=_refused_on_internet,
        factors={"eni_missing": 0.0},
        brings={"access_not_enabled": 0.2, "access_list_missing_host": 0.2},
    ),
    Contrast(
        name="refused everywhere",
        test=_refused_everywhere,
        factors=of((OF_JOB, 0.0), (OF_ENI, 0.0), service_not_listening=4.0, sg_reset=0.3),
        brings={"service_not_listening": 0.5},
    ),
    Contrast(
        name="something accepted in the target's place",
        test=_accepted_in_its_place,
        factors=of((OF_TARGET, 0.0)),
        brings={"access_list_missing_host": 0.1, "ip_whitelist_mismatch": 0.1},
    ),
    Contrast(
        name="a forwarder on the way to the Internet",
        test=_forwarder_on_internet,
        factors={"ip_whitelist_mismatch": 0.0},
        brings={"access_list_missing_host": 0.6, "outbound_ip_changed": 0.15},
    ),
    Contrast(name="the partner closes", test=_closed_by_partner, brings={"outbound_ip_changed": 0.6}),
    Contrast(
        name="accepted and silent everywhere",
        test=_silent_everywhere,
        factors=of((OF_JOB, 0.0), (OF_TARGET, 3.0)),
    ),
)
