"""How the causes of one target's failure fare when all vantage points are heard."""

from typing import Dict, List, Tuple

from attrs import frozen

from reports.causes import CRITICAL, WARNING
from reports.comparison.factors import CHANCE, bayes_factor
from reports.comparison.model import JOB
from reports.comparison.rules import CONTRASTS
from reports.comparison.rules.contract import OF_ENI
from reports.comparison.view import View
from reports.rules.contract import CONNECT, EXCHANGE, PROXY, RESOLVE, TLS

# The weight of whatever is not in the catalogue, as in reports/diagnose.py.
_SOMETHING_ELSE = 0.03
# No number of vantage points makes a parting more telling than this.
_MOST_TELLING = 20.0
# A parting of so few that it may be chance is a hint: what it explains keeps this part of its weight.
_MAYBE_CHANCE = 0.5

# What is left to say where everything that was thought of is cleared: what at each stage depends on who asks.
_DEPENDS_ON_WHO_ASKS = {
    RESOLVE: "dns_zone_not_attached",
    CONNECT: "sg_drop",
    PROXY: "proxy_denied",
    TLS: "tls_intercepted",
    EXCHANGE: "client_denied",
}


@frozen(kw_only=True)
class Verdict:
    """The causes by their shares (most likely first), the words that speak for them, and what was cleared by which."""

    shares: Tuple[Tuple[str, float], ...]
    words: Tuple[str, ...]
    cleared: Tuple[Tuple[str, Tuple[str, ...]], ...]
    severity: str


def judge(view: View) -> Verdict:
    """What the contrasts and partings that hold leave of the causes of the subject's failure."""
    weights = _from_reports(view)
    words: List[str] = []
    cleared: List[Tuple[str, Tuple[str, ...]]] = []
    gone: Dict[str, None] = {}
    held = [(contrast, contrast.test(view)) for contrast in CONTRASTS]
    for contrast, said in held:
        if said is not None:
            for cause, weight in contrast.brings.items():
                weights[cause] = max(weight, weights.get(cause, 0.0))
    for contrast, said in held:
        if said is None:
            continue
        touched = [cause for cause, factor in contrast.factors.items() if weights.get(cause)]
        if said and (touched or contrast.brings):
            words.append(said)
        refuted = tuple(cause for cause in touched if not contrast.factors[cause])
        if said and refuted:
            cleared.append((said, refuted))
        for cause in touched:
            weights[cause] *= contrast.factors[cause]
        gone.update(dict.fromkeys(cause for cause, factor in contrast.factors.items() if not factor))
    words += _follow(view, weights, gone)
    total = sum(weights.values()) + _SOMETHING_ELSE
    shares = sorted(((cause, weight / total) for cause, weight in weights.items() if weight), key=lambda one: -one[1])
    if not shares:
        shares = [(_DEPENDS_ON_WHO_ASKS.get(view.stage, "sg_drop"), 0.1)]
    return Verdict(shares=tuple(shares), words=tuple(words), cleared=tuple(cleared), severity=_severity(view))


def _from_reports(view: View) -> Dict[str, float]:
    """What the reports of those that fail thought likely, on average."""
    weights: Dict[str, float] = {}
    for look in view.fails:
        for cause, share in look.symptom.shares:
            weights[cause] = weights.get(cause, 0.0) + share / len(view.fails)
    return weights


def _follow(view: View, weights: Dict[str, float], gone: Dict[str, None]) -> List[str]:
    """Let the clearest parting weigh what it explains; the words of the clearest ones."""
    if not view.partings:
        if view.peers:
            return ["nothing that is known of the vantage points parts those that fail from the others"]
        return []
    lead = view.partings[0]
    explained = {
        cause: weight
        for cause, weight in lead.causes.get(view.stage, {}).items()
        if cause not in gone and (view.subject == JOB or cause not in OF_ENI)
    }
    if explained:
        telling = min(bayes_factor(lead.chance), _MOST_TELLING) if lead.chance <= CHANCE else _MAYBE_CHANCE
        for cause, weight in explained.items():
            weights[cause] = max(weights.get(cause, 0.0), weight) * telling
    return [parting.words for parting in view.partings[:2]]


def _severity(view: View) -> str:
    """What fails beside a job that works is no failure of the job."""
    return WARNING if view.subject != JOB and view.job.works else CRITICAL
