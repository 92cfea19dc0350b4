"""Why a service that linkdoctor itself needs cannot be used, for people: out of what an HTTP library raises."""

from reports import words
from reports.failures import Failure, classify

_LONGEST = 400

_WHY = {
    Failure.DNS_NXDOMAIN: "its name does not resolve",
    Failure.DNS_NO_ANSWER: "its name has no address",
    Failure.DNS_TEMPORARY: "its name does not resolve at the moment",
    Failure.DNS_SERVFAIL: "its name does not resolve: the name server fails",
    Failure.CONNECTION_REFUSED: "nothing listens there: the connection was refused",
    Failure.CONNECTION_RESET: "it broke the connection off",
    Failure.EOF: "it closed the connection without an answer",
    Failure.TIMED_OUT: "it did not answer in time",
    Failure.TLS_UNTRUSTED: "its certificate is of an authority that this machine does not trust",
    Failure.TLS_WRONG_NAME: "its certificate is for another name",
}


def why(error: BaseException) -> str:
    """The reason, in words that follow "cannot be used: "."""
    failures = [classify(each) for each in _chain(error)]
    failure = next((failure for failure in reversed(failures) if failure is not Failure.UNKNOWN), Failure.UNKNOWN)
    if failure is Failure.UNKNOWN and "RemoteDisconnected" in kinds(error):  # http.client's, which has no errno
        failure = Failure.EOF
    if failure is Failure.UNKNOWN:
        return words.visible(str(error)[:_LONGEST]) or type(error).__name__
    reason = _WHY.get(failure, str(failure.value).replace("_", " "))
    return f"the proxy (HTTP_PROXY, HTTPS_PROXY): {reason}" if "ProxyError" in kinds(error) else reason


def kinds(error: BaseException) -> set[str]:
    """The names of the classes of the error and of what is behind it."""
    return {kind.__name__ for each in _chain(error) for kind in type(each).__mro__}


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what is behind it; an HTTP library wraps the reason several times, in several ways."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
    return found
