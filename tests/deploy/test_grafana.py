"""The dashboard: Grafana's own schema, and a layout without gaps. Its queries are run in test_on_duty.py."""

import json

import yaml
from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy.duty import DEPLOY

GRAFANA = DEPLOY / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "linkdoctor.json").read_text())
WIDTH = 24


def test_grafana_knows_every_key():
    """Read and written by Grafana's SDK, nothing is lost and nothing is another: no key is misspelt, no value odd."""
    plugins.register_default_plugins()

    written = json.loads(encoder.JSONEncoder(sort_keys=True).encode(Dashboard.from_json(DASHBOARD)))

    assert [] == list(_missing(DASHBOARD, written, "dashboard"))


def test_panels_fill_the_page():
    """No two overlap, each has its number and says what it shows."""
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]
        assert panel["type"] == "row" or panel["description"], panel["title"]

    height = 1 + max(y for _, y in taken)
    assert WIDTH * height == len(taken)
    assert len(DASHBOARD["panels"]) == len({panel["id"] for panel in DASHBOARD["panels"]})


def test_every_panel_asks_the_chosen_prometheus_for_what_is_chosen():
    """The variables of the dashboard are heard: its data source by all, and what is seen by all but the alerts."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            assert "${datasource}" == target["datasource"]["uid"], panel["title"]
            assert "$instance" in target["expr"] or panel["title"] == "Alerts that fire", panel["title"]


def test_what_is_provisioned_is_where_it_is_looked_for():
    """The provider's folder is the one that compose mounts, and home is a dashboard in it."""
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "linkdoctor.yaml").read_text())["providers"][0]
    grafana = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]["grafana"]
    mounted = dict(volume.split(":")[:2][::-1] for volume in grafana["volumes"])
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    folder = DEPLOY / "compose" / mounted[provider["options"]["path"]]

    assert (folder / home.removeprefix(provider["options"]["path"]).lstrip("/")).is_file()


def _missing(ours, theirs, place):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from _missing(value, theirs[key], f"{place}.{key}") if key in theirs else [f"{place}.{key}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _missing(one, other, f"{place}[{number}]")
    elif ours != theirs:
        yield f"{place}: {ours!r} became {theirs!r}"
