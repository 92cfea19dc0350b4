"""What a rule is: a cause, the stages of a target that it may explain, and the facts that speak for or against it.

A rule never touches a socket: it reads a Case (reports/evidence.py), the observations about one target among all the
others. The causes that may explain the same broken stage of a target compete: each weighs its prior times the factors
of the clues that hold, and the shares of the sum are the confidences. A factor of 0 refutes: the cause is then
reported as ruled out, with the clue's words and observations.
"""

from typing import TYPE_CHECKING, Callable, Dict, Mapping, Optional, Sequence, Tuple

from attrs import frozen

from reports.model import Observation, Remedy, Scalar

if TYPE_CHECKING:
    from reports.case import Case

# The stages of a target in the order in which the job goes through them. The first broken one is to be explained.
RESOLVE = "resolve"
CONNECT = "connect"
PROXY = "proxy"
TLS = "tls"
EXCHANGE = "exchange"
STAGES = (RESOLVE, CONNECT, PROXY, TLS, EXCHANGE)
# The stage of a target of which none is broken: what impairs it all the same competes here.
WORKS = ""
# More and more connections to a target that works: which limit they met competes here, whatever else impairs it.
LOAD = "load"

# What one finding is about: cases of equal cause and equal scope are one finding.
RUN = "run"
NAME = "name"
HOST = "host"
SUBNET = "subnet"
WAY = "way"
GROUP = "group"
TARGET = "target"


@frozen
class Proof:
    """That something holds, in plain words with the numbers, and the observations that show it.

    ``words`` may be empty where the observations are only pointed at.
    """

    words: str = ""
    observations: Tuple[Observation, ...] = ()


@frozen
class Want:
    """An experiment that would separate what is still possible: whatever gives this probe's step for this subject.

    ``target`` is a target's name; ``address`` what to address, where that is narrower than the target.
    """

    probe: str
    step: str
    target: Optional[str] = None
    address: Optional[str] = None


Test = Callable[["Case"], Optional[Proof]]


def always(case: "Case") -> Optional[Proof]:  # noqa: ARG001 - the shape of a callable
    """The precondition of a cause that is possible wherever its stage is broken."""
    return Proof()


def _no_details(case: "Case") -> Mapping[str, Scalar]:  # noqa: ARG001 - the shape of a callable
    return {}


def wants_nothing(case: "Case") -> Tuple[Want, ...]:  # noqa: ARG001 - the shape of a callable
    """The experiments of a rule that asks for none."""
    return ()


@frozen(eq=False)
class Clue:
    """A fact that changes how likely a cause is: ``factor`` > 1 supports, < 1 weakens, 0 refutes it."""

    test: Test
    factor: float


@frozen(kw_only=True, eq=False)
class Rule:
    """One cause as an explanation.

    ``applies``: the precondition; without its Proof the cause is not considered at all.
    ``explains``: the stages for which it competes when they are broken.
    ``standalone``: it is reported whenever ``applies`` holds, with ``prior`` as its confidence, also where nothing is
    broken (warnings, settings). A critical standalone finding that also explains the broken stage belongs in
    ``explains`` instead.
    ``clues``: what changes its weight. ``wants``: the experiments that would decide, given this case.
    ``suspects``: the experiments for a mere suspicion, whatever is broken or not; none where nothing looks odd.
    ``details``: fields for the remedy's text beyond those that every remedy has (reports/remedies.py).
    ``remedy``: the whole remedy for the cases of one finding (one statement to paste that covers them all), where the
    catalogue's text with fields is not enough.
    ``snippet``: only the statement to paste, where the catalogue's text serves.
    ``severity``: overrides the catalogue's where it returns a word.
    """

    cause: str
    applies: Test = always
    explains: Tuple[str, ...] = ()
    standalone: bool = False
    prior: float = 0.1
    clues: Tuple[Clue, ...] = ()
    wants: Callable[["Case"], Tuple[Want, ...]] = wants_nothing
    suspects: Callable[["Case"], Tuple[Want, ...]] = wants_nothing
    details: Callable[["Case"], Mapping[str, Scalar]] = _no_details
    remedy: Optional[Callable[[Sequence["Case"]], Remedy]] = None
    snippet: Optional[Callable[[Sequence["Case"]], str]] = None
    severity: Optional[Callable[["Case"], Optional[str]]] = None
    scope: str = TARGET


class Table:
    """Rules by what they do.

    ``explaining``: those that compete to explain each stage. ``standalone``: those that are reported by themselves.
    ``suspicions``: what may ask for an experiment where nothing is broken; several rules may share one.
    """

    def __init__(self, rules: Tuple[Rule, ...]) -> None:
        self.rules = rules
        self.explaining: Dict[str, Tuple[Rule, ...]] = {
            stage: tuple(rule for rule in rules if stage in rule.explains) for stage in (*STAGES, WORKS, LOAD)
        }
        self.standalone = tuple(rule for rule in rules if rule.standalone)
        self.suspicions = tuple(dict.fromkeys(rule.suspects for rule in rules if rule.suspects is not wants_nothing))
