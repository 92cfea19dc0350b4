"""`linkdoctor serve` in the lab, in the job's place, and beside it a real Prometheus with the files of deploy/."""

import json
import re
import shlex
import sys

import yaml

from tests.lab.harness import LINKDOCTOR, ROOT
from tests.lab.network import ROUTER, SANDBOX
from tests.lab.scenario import target, udf
from tests.tls_servers import program

DEPLOY = ROOT / "deploy"
PROMETHEUS, GATEWAY = "127.0.0.1:9090", "127.0.0.1:9091"
# Seconds; a busy machine needs some of them.
PATIENCE = 60.0

_LIMITS = {"connect_timeout": "300ms", "deadline": "30s"}
PLANS = {
    # Run again and again.
    "etl": udf(
        *("metastore", "namenode", "mysql", "aliyun"),
        interval="1s",
        networks=[{"name": "vswitch-a", "cidr": "10.10.1.0/24", "enis": ["10.10.1.10"]}],
        egress={"echo": "http://ip.example/ip"},
        limits=_LIMITS,
    ),
    # What is measured once an hour, and takes its time.
    "crowded": udf(
        *("namenode", target("zookeeper", saturate={"connections": 14, "rate": 100})),
        interval="60s",
        networks=[{"name": "vswitch-b", "cidr": "10.10.2.32/29", "ports": [9083, 50010]}],
        job={"instances": 7, "connections": 1},
        limits=_LIMITS,
    ),
    # What it lacks is its own doing: a byte in all.
    "frugal": udf("mysql", interval="1s", networks=[], limits={**_LIMITS, "bytes": 1}),
}
_FOLDER = "/run/lab/duty"
# The way to the zookeeper holds eight.
_CAP = (
    "add table inet cap; add chain inet cap forward { type filter hook forward priority 0; }; add rule inet cap forward"
    " ip daddr 10.10.3.20 tcp dport 2181 tcp flags & (syn | ack) == syn ct count over 8 drop"
)


def quick_rules():
    """The rules as they are delivered, for a test in place of a person: nothing takes minutes."""
    text = re.sub(r"\[\d+[mhd]\]", "[10s]", (DEPLOY / "prometheus" / "alerts.yaml").read_text())
    rules = yaml.safe_load(text)
    for group in rules["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule.pop("for", None)
            if "keep_firing_for" in rule:
                rule["keep_firing_for"] = "3s"
    return yaml.safe_dump(rules)


def quick_scraping():
    """The configuration as it is delivered, once a second, and with targets of the lab to be probed."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "scrape.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    for job in config["scrape_configs"]:
        if job["job_name"] == "linkdoctor-probe":
            job["params"] = {"plan": ["etl"]}
            job["static_configs"] = [{"targets": ["metastore", "aliyun"]}]
            job["scrape_interval"] = job["scrape_timeout"] = "2s"
    return yaml.safe_dump(config)


class Duty:
    """What runs in the lab, and what Prometheus says of it."""

    def __init__(self, lab):
        self._lab = lab
        self._pids = {}

    def begin(self):
        """Start everything."""
        self._run(["nft", _CAP], namespace=ROUTER)
        self._run(["sh", "-c", f"mkdir {_FOLDER} && cp lab-ca.pem {_FOLDER}"])
        for name, plan in PLANS.items():
            self.write(f"{name}.yaml", json.dumps({**plan, "name": name}))
        self.write("scrape.yaml", quick_scraping())
        self.write("alerts.yaml", quick_rules())
        self.serve()
        # Debian's remembers otherwise what was pushed to another one.
        gateway = program("prometheus-pushgateway"), "--persistence.file=", f"--web.listen-address={GATEWAY}"
        self._start("gateway", *gateway)
        self._start(
            "prometheus",
            program("prometheus"),
            f"--config.file={_FOLDER}/scrape.yaml",
            f"--storage.tsdb.path={_FOLDER}/series",
            f"--web.listen-address={PROMETHEUS}",
        )

    def write(self, name, text):
        """A file that what runs here finds."""
        self._run(["sh", "-c", f"cat >{_FOLDER}/{name} <<'END'\n{text}\nEND"])

    def serve(self):
        """Begin to serve the plans."""
        plans = [f"{_FOLDER}/{name}.yaml" for name in PLANS]
        self._start("serve", LINKDOCTOR, "serve", *plans, "--state", f"{_FOLDER}/runs")

    def signal(self, name, word):
        """Send a program a signal."""
        self._run(["kill", f"-{word}", str(self._pids[name])])

    def log(self, name):
        """What it said."""
        return self._run(["cat", f"{_FOLDER}/{name}.log"])

    def push(self, plan):
        """A run as a timer makes it, and pushed; what it said on stderr."""
        argv = [LINKDOCTOR, "check", f"{_FOLDER}/{plan}.yaml", "--push", f"http://{GATEWAY}"]
        return self._lab.run([str(word) for word in argv], SANDBOX)["stderr"]

    def fetch(self, url, method):
        """What serve answers: status and text."""
        code = (
            "import json, sys, urllib.request as u, urllib.error as e\n"
            "try: a = u.urlopen(u.Request(sys.argv[1], method=sys.argv[2]), timeout=30)\n"
            "except e.HTTPError as refusal: a = refusal\n"
            "print(json.dumps([a.status, a.read().decode()]))"
        )
        return tuple(json.loads(self._run([sys.executable, "-c", code, url, method])))

    def copied(self, database, statement):
        """The history, copied by a statement that is meant for this database; what `linkdoctor history` tells of it."""
        ours = statement.replace(re.search("'(.+)'", statement)[1], f"{_FOLDER}/copy.db")
        assert database.endswith("/history.db")
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])"
        self._run([sys.executable, "-c", code, f"{_FOLDER}/runs/history.db", ours])
        argv = [LINKDOCTOR, "history", "--state", f"{_FOLDER}/copy.db"]
        return self._lab.run([str(word) for word in argv], SANDBOX)["stdout"]

    def some(self, *queries):
        """What each query finds, as soon as each finds something."""
        return self._ask("some", queries)

    def none(self, *queries):
        """What queries still find that should find nothing any more: {} in the end."""
        return {query: found for query, found in self._ask("none", queries).items() if found}

    def _ask(self, wanted, queries):
        argv = [sys.executable, "-m", "tests.deploy.asking", wanted, f"http://{PROMETHEUS}", str(PATIENCE)]
        line = f"cd {shlex.quote(str(ROOT))} && exec {shlex.join(argv)} <<'END'\n{json.dumps(queries)}\nEND"
        return json.loads(self._run(["sh", "-c", line]))

    def _start(self, name, *argv):
        """A program that stays; the lab's end is its own."""
        line = f"exec {shlex.join(map(str, argv))} >>{_FOLDER}/{name}.log 2>&1 & echo $!"
        self._pids[name] = int(self._run(["sh", "-c", line]))

    def _run(self, argv, namespace=SANDBOX):
        """The standard output of a program that must end well."""
        done = self._lab.run([str(word) for word in argv], namespace)
        assert done["code"] == 0, done["stderr"]
        return done["stdout"]
