"""The manifests: the schemas of Kubernetes, what pod security restricts, and kustomize, which puts them together."""

import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from agent.plan import load
from tests.deploy.duty import DEPLOY
from tests.deploy.kubernetes import RULE, prometheus_rule

KUBERNETES = DEPLOY / "kubernetes"
VERSIONS = ("1.29", "1.33")
PLAIN = sorted(
    path
    for path in KUBERNETES.glob("*/*.yaml")
    if path.name not in ("kustomization.yaml", "plan.yaml") and path.parent.name != "prometheus-operator"
)
# Of the Prometheus Operator's ServiceMonitor, what is used here (its api.md, monitoring.coreos.com/v1).
MONITOR = {"jobLabel": str, "selector": dict, "endpoints": list}
ENDPOINT = {"port": str, "path": str, "interval": str, "scrapeTimeout": str}


def documents(text):
    """The manifests in a text."""
    return [one for one in yaml.safe_load_all(text) if one is not None]


def pod_of(manifest):
    """What its pods are made of."""
    job = manifest["spec"].get("jobTemplate", manifest)
    return job["spec"]["template"]["spec"]


def kustomized(folder):
    """What kustomize makes of a folder."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl, which has kustomize in it, is not installed")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    if "unknown field" in done.stderr or "unknown command" in done.stderr:
        pytest.skip(f"this kubectl is too old: {done.stderr.strip()[:100]}")
    assert 0 == done.returncode, done.stderr
    return documents(done.stdout)


def only(kind, manifests):
    """The one of that kind."""
    (found,) = (manifest for manifest in manifests if manifest["kind"] == kind)
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.name)
def test_the_manifests_are_valid(path, version):
    """No key that Kubernetes does not know, and no value of another kind."""
    for manifest in documents(path.read_text()):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("name", ["serve/deployment.yaml", "batch/cron-job.yaml"])
def test_pods_are_restricted(name):
    """All that pod security asks for at its level `restricted`, a file system that cannot be written, and no token."""
    pod = pod_of(documents((KUBERNETES / name).read_text())[0])
    container = pod["containers"][0]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert {"type": "RuntimeDefault"} == pod["securityContext"]["seccompProfile"]
    assert {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    } == container["securityContext"]
    assert pod["automountServiceAccountToken"] is False
    assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod)
    assert "limits" in container["resources"]


def test_what_is_referred_to_is_there():
    """Folders and files of kustomizations, those in comments too; services find pods, and the policy, too."""
    for path in sorted(KUBERNETES.glob("*/kustomization.yaml")):
        text = path.read_text()
        named = re.findall(r"^ *#? *- (\.\./[\w./-]+|[\w-]+\.yaml)$", text, re.MULTILINE)
        named += re.findall(r"files: \[([\w./-]+)\]", text)
        assert all((path.parent / name).exists() for name in named), (path, named)
    labels = documents((KUBERNETES / "serve/deployment.yaml").read_text())[0]["spec"]["template"]["metadata"]["labels"]
    service, policy, monitor = (
        documents((KUBERNETES / name).read_text())[0]
        for name in ("serve/service.yaml", "serve/network-policy.yaml", "prometheus-operator/service-monitor.yaml")
    )
    assert labels == service["spec"]["selector"] == policy["spec"]["podSelector"]["matchLabels"]
    assert service["metadata"]["labels"] == monitor["spec"]["selector"]["matchLabels"]
    assert "linkdoctor" == service["metadata"]["labels"][monitor["spec"]["jobLabel"]]


def test_the_service_monitor_is_one():
    """As the operator's reference has it."""
    monitor = documents((KUBERNETES / "prometheus-operator/service-monitor.yaml").read_text())[0]

    assert ("monitoring.coreos.com/v1", "ServiceMonitor") == (monitor["apiVersion"], monitor["kind"])
    assert MONITOR == {key: type(value) for key, value in monitor["spec"].items()}
    assert [ENDPOINT] == [{key: type(value) for key, value in one.items()} for one in monitor["spec"]["endpoints"]]


def test_the_rules_are_those_of_prometheus():
    """Nobody maintains them twice."""
    assert prometheus_rule() == RULE.read_text(), "run: python -m tests.deploy.kubernetes"
    rule = documents(RULE.read_text())[0]
    assert yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text()) == rule["spec"]


@pytest.mark.parametrize("folder", ["kubernetes/serve", "kubernetes/batch", "compose"])
def test_the_plans_are_plans(folder):
    """As linkdoctor itself reads them; none of them loads anybody before somebody has read it."""
    plan = load(str(DEPLOY / folder / "plan.yaml"))

    assert "nightly-etl" == plan.name
    assert [] == [target.name for target in plan.targets if target.saturate is not None]


@pytest.mark.parametrize(("folder", "kind"), [("serve", "Deployment"), ("batch", "CronJob")])
def test_kustomize_puts_it_together(folder, kind):
    """Everything is in one namespace, which admits its pods, and every pod finds its image and its plan."""
    made = kustomized(KUBERNETES / folder)

    pod = pod_of(only(kind, made))
    plan = next(volume["configMap"]["name"] for volume in pod["volumes"] if volume["name"] == "plan")
    assert "restricted" == only("Namespace", made)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert {"linkdoctor"} == {one["metadata"]["namespace"] for one in made if one["kind"] != "Namespace"}
    assert re.fullmatch(r"linkdoctor:\d+\.\d+\.\d+", pod["containers"][0]["image"])
    assert [["plan.yaml"]] == [list(one["data"]) for one in made if one["metadata"]["name"] == plan]


def test_kustomize_adds_what_is_asked_for(tmp_path):
    """With all components: TLS and users for server, probes and Prometheus; a root who can send raw packets alone."""
    for name in ("kubernetes", "grafana"):
        shutil.copytree(DEPLOY / name, tmp_path / name)
    asked = tmp_path / "kubernetes" / "serve" / "kustomization.yaml"
    asked.write_text(re.sub(r"# (- \.\./(?:tls-and-users|raw-packets))", r"\1", asked.read_text()))

    made = kustomized(asked.parent)

    for kind in ("Deployment", "Namespace"):
        kubernetes_validate.validate(only(kind, made), VERSIONS[-1], strict=True)
    pod = pod_of(only("Deployment", made))
    (container,) = pod["containers"]
    assert "--insecure-listen" not in container["args"]
    assert "--web.config.file=/etc/linkdoctor-web/web.yaml" in container["args"]
    assert {"exec"} == {next(iter(container[probe])) for probe in ("livenessProbe", "readinessProbe")}
    assert [{"name": "LINKDOCTOR_URL", "value": "https://127.0.0.1:9723"}] == container["env"]
    assert [0o440] == [volume["secret"]["defaultMode"] for volume in pod["volumes"] if "secret" in volume]
    assert "https" == only("ServiceMonitor", made)["spec"]["endpoints"][0]["scheme"]
    assert {"drop": ["ALL"], "add": ["NET_RAW"]} == container["securityContext"]["capabilities"]
    assert (0, False) == (pod["securityContext"]["runAsUser"], container["securityContext"]["allowPrivilegeEscalation"])
    assert "privileged" == only("Namespace", made)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
