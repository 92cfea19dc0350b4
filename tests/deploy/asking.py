"""Asks a Prometheus, from the node where it runs, until it answers as wished; the queries are what standard input has.

python -m tests.deploy.asking some|none http://127.0.0.1:9090 30 < queries.json
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

_POLL = 0.2


def answered(base, path, **parameters):
    """``data`` of an answer of the API. Raises SystemExit with what it says of a query that it does not take."""
    url = f"{base}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - in the lab
            return json.load(answer)["data"]
    except urllib.error.HTTPError as wrong:
        sys.exit(f"{parameters}: {wrong.read().decode()}")


def found(base, query):
    """What a query finds now: of PromQL the series, of ``label_values(series, label)`` the values."""
    if query.startswith("label_values("):
        series, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(",")
        return answered(base, f"label/{label.strip()}/values", **{"match[]": series})
    return [one for one in answered(base, "query", query=query)["result"] if one["value"][1] != "NaN"]


def is_ready(base):
    """Whether Prometheus has begun to answer."""
    try:
        with urllib.request.urlopen(f"{base}/-/ready", timeout=10):  # noqa: S310 - in the lab
            return True
    except OSError:
        return False


def main():
    """What each query finds, when it finds something (``some``) or nothing (``none``), or so many seconds are over."""
    wanted, base, seconds = sys.argv[1] == "some", sys.argv[2], float(sys.argv[3])
    queries = json.load(sys.stdin)
    last = {}
    until = time.monotonic() + seconds
    while not is_ready(base):
        if time.monotonic() > until:
            sys.exit(f"{base} is not ready")
        time.sleep(_POLL)
    while True:
        waiting = [query for query in queries if query not in last or bool(last[query]) != wanted]
        for query in waiting:
            last[query] = found(base, query)
        if all(bool(result) == wanted for result in last.values()) or time.monotonic() > until:
            break
        time.sleep(_POLL)
    json.dump(last, sys.stdout)


if __name__ == "__main__":
    main()
