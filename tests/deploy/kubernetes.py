"""The Prometheus Operator's copy of the alert rules, written anew: python -m tests.deploy.kubernetes."""

import textwrap

from tests.deploy.duty import DEPLOY

RULE = DEPLOY / "kubernetes" / "prometheus-operator" / "prometheus-rule.yaml"

_HEAD = """\
# deploy/prometheus/alerts.yaml as the Prometheus Operator wants it: change it there, then run
#   python -m tests.deploy.kubernetes
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: linkdoctor
  labels: {app.kubernetes.io/name: linkdoctor}
spec:
"""


def prometheus_rule():
    """What the file is to hold."""
    rules = (DEPLOY / "prometheus" / "alerts.yaml").read_text()
    return _HEAD + textwrap.indent(rules[rules.index("groups:") :], "  ")


if __name__ == "__main__":
    RULE.write_text(prometheus_rule())
