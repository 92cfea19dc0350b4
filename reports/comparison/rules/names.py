"""What a name leads to, and which certificate is shown there, by where one asks."""

from typing import Optional, Tuple

from reports.addresses import is_private
from reports.comparison.rules.contract import OF_ENI, OF_JOB, OF_MACHINE, OF_ROUTE, OF_TARGET, Contrast, Test, of
from reports.comparison.view import View
from reports.failures import Failure
from reports.rules.contract import RESOLVE, TLS
from reports.words import listed


def _resolves_elsewhere(view: View) -> Optional[str]:
    resolved = [look for look in view.works if look.answers]
    missing = (Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER)
    if view.stage != RESOLVE or view.failure not in missing or not resolved:
        return None
    return "%s gets %s for the name: it exists, and not for the name servers of the others" % (
        view.names(resolved),
        listed(resolved[0].answers),
    )


def _resolves_nowhere(view: View) -> Optional[str]:
    alike = [look for look in view.others_fail if look.symptom.stage == RESOLVE]
    if view.stage != RESOLVE or view.works or not alike:
        return None
    return "the name does not resolve for %s either" % view.names(alike)


def _other_answer(view: View) -> Optional[str]:
    """The words, where no address of those that fail is one of those that work."""
    good = tuple(dict.fromkeys(ip for look in view.works for ip in look.answers))
    if view.stage in ("", RESOLVE) or not view.answers or not good or set(good) & set(view.answers):
        return None
    return "the name leads to %s there, and to %s for %s, where it works" % (
        listed(view.answers),
        listed(good),
        view.names([look for look in view.works if look.answers]),
    )


def _same_answer(view: View) -> Optional[str]:
    good = {ip for look in view.works for ip in look.answers}
    if not view.answers or not good.issuperset(view.answers):
        return None
    return "the name leads to the same address where it works"


def _answer_of(mine_private: bool, theirs_private: bool) -> Test:
    def test(view: View) -> Optional[str]:
        words = _other_answer(view)
        if words is None:
            return None
        good = [ip for look in view.works for ip in look.answers]
        mine = all(is_private(ip) for ip in view.answers)
        theirs = all(is_private(ip) for ip in good)
        return words if (mine, theirs) == (mine_private, theirs_private) else None

    return test


def _same_kind_of_answer(view: View) -> Optional[str]:
    return _answer_of(True, True)(view) or _answer_of(False, False)(view)


def _issuers(view: View) -> Tuple[str, Tuple[str, ...]]:
    return view.lead.issuer, tuple(dict.fromkeys(look.symptom.issuer for look in view.works if look.symptom.issuer))


def _other_certificate(view: View) -> Optional[str]:
    mine, theirs = _issuers(view)
    if view.stage != TLS or not mine or not theirs or mine in theirs:
        return None
    return "the certificate that %s gets is issued by %s; where it fails, by %s" % (
        view.names([look for look in view.works if look.symptom.issuer]),
        listed(theirs),
        mine,
    )


def _same_certificate(view: View) -> Optional[str]:
    if view.stage != TLS or not view.lead.issuer:
        return None
    elsewhere = view.peers + view.others_work + view.others_fail
    others = [look for look in elsewhere if look.symptom.issuer == view.lead.issuer]
    if not others:
        return None
    return "%s gets a certificate of the same issuer" % view.names(others)


_OTHER_ADDRESS = of(((OF_TARGET | OF_JOB | OF_ROUTE | OF_ENI), 0.1), sg_drop=0.1, host_firewall_drop=0.1)

CONTRASTS: Tuple[Contrast, ...] = (
    Contrast(
        name="the name resolves elsewhere",
        test=_resolves_elsewhere,
        factors={"dns_nxdomain": 0.05, "dns_no_address": 0.05},
        brings={"dns_zone_not_attached": 1.0},
    ),
    Contrast(
        name="the name resolves nowhere",
        test=_resolves_nowhere,
        factors=of((OF_MACHINE, 0.1), dns_nxdomain=3.0, dns_servfail=3.0, dns_no_address=3.0),
    ),
    Contrast(
        name="the same address",
        test=_same_answer,
        factors={"dns_stale_answer": 0.0, "dns_wrong_private_answer": 0.0, "one_address_dead": 0.0},
    ),
    Contrast(
        name="another address of the same kind",
        test=_same_kind_of_answer,
        factors=_OTHER_ADDRESS,
        brings={"dns_stale_answer": 1.0},
    ),
    Contrast(
        name="a private address where others get a public one",
        test=_answer_of(True, False),
        factors=_OTHER_ADDRESS,
        brings={"dns_wrong_private_answer": 1.0},
    ),
    Contrast(
        name="a public address where others get a private one",
        test=_answer_of(False, True),
        factors=_OTHER_ADDRESS,
        brings={"dns_split_horizon": 1.0},
    ),
    Contrast(
        name="another certificate",
        test=_other_certificate,
        factors={"tls_untrusted": 0.1, "tls_wrong_name": 0.2},
        brings={"tls_intercepted": 1.0},
    ),
    Contrast(
        name="the same certificate",
        test=_same_certificate,
        factors={"tls_intercepted": 0.05, "tls_untrusted": 2.0},
    ),
)
