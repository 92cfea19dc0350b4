"""Files that people and jobs bring: plans, reports, rows, logs, settings, inventories, kept runs, web.config."""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import click

from agent import compare, plan
from agent.history import sources
from agent.ingest import read as read_rows
from agent.ingest import told
from agent.logs import LogError, read_logs
from agent.logs.document import redacted, to_document
from agent.logs.endpoints import Ledger
from agent.logs.observations import observations
from agent.logs.plan import choose, plan_of, plan_text
from agent.plan import jobfiles
from agent.plan.problems import Source, Wrong
from agent.server import web_config
from agent.store import NAME, Store, StoreError
from reports import document
from reports.diagnose import conclude_again
from reports.document import DocumentError
from reports.facts import OddFactsError
from reports.gather import Gatherer
from reports.maxcompute import formats
from reports.model import Report, Share
from reports.render import logs, text
from reports.rows import NAMES, to_rows
from reports.vpc import document as inventory
from tests.fuzz import jsons
from tests.fuzz.engine import Opening, Target
from tests.fuzz.judging import tell_report
from tests.fuzz.passes import unwatched
from tests.reports import samples
from tests.reports.vpc.cases import CASES

_TESTS = Path(__file__).resolve().parents[2]
_NOWHERE = "/nonexistent/plan.yaml"


def _reports() -> list[Report]:
    # Those that are short enough to be changed everywhere.
    return [samples.nightly(), samples.healthy()]


class _Told:
    """Shows a report in every format, once for each set of causes."""

    def __init__(self) -> None:
        self._shapes: set[Hashable] = set()
        # What is loaded once is no finding.
        tell_report(conclude_again(samples.nightly()))

    def tell(self, report: Report) -> Hashable:
        with unwatched():
            try:
                concluded = conclude_again(report)
            except OddFactsError:
                return None
            shape = frozenset((each.cause, each.severity) for each in concluded.findings), concluded.verdict
            if shape not in self._shapes:
                self._shapes.add(shape)
                tell_report(concluded)
            # What was written down with it is shown as it is, too.
            document.dumps(report)
        return shape


@contextmanager
def _plan() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        try:
            found = plan.parse(data, _NOWHERE)
        except plan.PlanError as error:
            str(error).encode()
            return None
        assert document.plan_loads(document.plan_dumps(found)) == found
        return len(found.targets)

    good = [path.read_bytes() for path in sorted((_TESTS.parent / "examples").glob("*.yaml"))]
    bad = [path.read_bytes() for path in sorted((_TESTS / "agent/bad-plans").glob("*.yaml"))]
    words = (b"&a ", b"*a", b"<<: ", b"!!binary ", b"? ", b"- ", b": ", b"{", b"[", b"|\n", b"targets:", b"0x1", b"1s")
    yield Target(read=read, seeds=[*(one for one in (*good, *bad) if len(one) < 4096)], words=words, longest=1 << 14)


@contextmanager
def _report() -> Iterator[Target]:
    telling = _Told()

    def read(data: bytes) -> Hashable:
        try:
            return telling.tell(document.loads(data))
        except DocumentError as error:
            str(error).encode("utf-8", "backslashreplace")
            return None

    seeds = [document.dumps(report).encode() for report in _reports()]
    yield Target(read=read, seeds=seeds, reshape=jsons.reshape, seconds=4.0)


@contextmanager
def _inventory() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        try:
            found = inventory.loads(data)
        except DocumentError:
            return None
        assert inventory.loads(inventory.dumps(found)) == found
        return bool(found.groups), bool(found.acls)

    seeds = sorted({inventory.dumps(case.inventory).encode() for case in CASES}, key=len)[:5]
    yield Target(read=read, seeds=seeds, reshape=jsons.reshape)


@contextmanager
def _task() -> Iterator[Target]:
    """What an instance of a job is told."""

    def read(data: bytes) -> Hashable:
        try:
            found, share = document.task_loads(data.decode("utf-8", "replace"))
        except DocumentError:
            return None
        return len(found.targets), share.of > 1

    seed = document.task_dumps(samples.NIGHTLY_PLAN, Share(index=1, of=3))
    yield Target(read=read, seeds=[seed.encode()], reshape=jsons.reshape)


def _file(
    read: Callable[[Path], Hashable], seeds: Sequence[bytes], name: str = "file", words: Sequence[bytes] = ()
) -> Iterator[Target]:
    """A reader of a file; everything else in its folder is gone before the next one."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:

        def read_bytes(data: bytes) -> Hashable:
            path = Path(folder) / name
            path.write_bytes(data)
            return read(path)

        yield Target(read=read_bytes, seeds=seeds, words=words, seconds=4.0)


@contextmanager
def _rows() -> Iterator[Target]:
    telling = _Told()

    def read(path: Path) -> Hashable:
        gatherer = Gatherer()
        shapes = [telling.tell(report) for report in read_rows([str(path)], gatherer)]
        outcome = gatherer.outcome
        assert all("\n" not in line and "\x1b" not in line for line in told(outcome))
        return len(shapes), bool(outcome.foreign), bool(outcome.unreadable), bool(outcome.contradictory)

    rows = [tuple(row) for row in to_rows(samples.healthy())]
    file = io.StringIO(newline="")
    csv.writer(file).writerows([NAMES, *rows])
    by_column = [dict(zip(NAMES, row, strict=True)) for row in rows]
    whole = document.dumps(samples.healthy())
    widths = [max(len(name), 10) for name in NAMES]
    frame = "+" + "".join("-" * (width + 2) + "+" for width in widths)
    table = [
        "| " + "".join(str(cell).ljust(width) + " | " for cell, width in zip(row, widths, strict=True))
        for row in (NAMES, *rows)
    ]
    seeds = [
        file.getvalue(),
        "".join(json.dumps(row) + "\n" for row in by_column),
        json.dumps(by_column, indent=1),
        "\n".join([frame, table[0], frame, *table[1:], frame, ""]),
        whole + "\n" + whole,
        f"2026-11-24 [INFO] answer: {whole} (done)\n",
    ]
    words = (b"\x1f\x8b", b"\xff\xfe", b"PAR1", b"NULL", b'""', b'\\"', b"|", b"+----+", b"report,")
    yield from _file(read, [seed.encode() for seed in seeds], words=words)


@contextmanager
def _log() -> Iterator[Target]:
    shapes: set[Hashable] = set()

    def read(path: Path) -> Hashable:
        ledger = Ledger()
        try:
            read_logs([str(path)], ledger)
        except LogError:
            return None
        told = to_document(ledger)
        shape = len(told["endpoints"]), len(told["unplaced"]), len(told["platform"]), told["runtime"]
        if shape not in shapes:
            shapes.add(shape)
            json.dumps(redacted(told), allow_nan=False)
            logs.render(told, text.open_console(io.StringIO()))
            chosen = choose(ledger)
            found = plan_of(chosen, ledger, "job")
            plan_text(chosen, ledger, "job")
            if found is not None:
                list(observations(ledger, found))
        return shape

    seeds = [path.read_bytes() for path in sorted((_TESTS / "agent/logs").iterdir()) if path.is_file()]
    words = (
        b"\x1f\x8b\x08",
        b"java.net.",
        b"Caused by: ",
        b"\tat ",
        b"jdbc:mysql://",
        b"thrift://",
        b":9083",
        b"ODPS-",
    )
    yield from _file(read, seeds, "job.log", words)


def _settings(read: Callable[..., object], *seeds: bytes) -> Opening:
    @contextmanager
    def opened() -> Iterator[Target]:
        def read_text(data: bytes) -> Hashable:
            try:
                return min(3, len(list(read(data.decode("utf-8", "replace"), Source("job.conf")))))
            except (Wrong, plan.PlanError):
                return None

        words = (b"set ", b"setproject ", b";", b"--", b"/*", b"*/", b"odps.session.networklink", b"spark.", b"\\u0041")
        yield Target(read=read_text, seeds=seeds, words=words, longest=1 << 14)

    return opened


@contextmanager
def _values() -> Iterator[Target]:
    """The values of MaxCompute's settings."""

    def read(data: bytes) -> Hashable:
        value = data.decode("utf-8", "replace")
        found = [
            formats.access_list(value),
            formats.network_link(value),
            formats.switch(value),
            formats.eni_info(value, "cn-hangzhou"),
            formats.vpc_domain_list(value, "cn-hangzhou"),
        ]
        for _, problems in found:
            for problem in problems:
                (problem.text + problem.allowed).encode("utf-8", "backslashreplace")
        return tuple(len(problems) for _, problems in found)

    domains = b'{"regionId":"cn-hangzhou","vpcs":[{"vpcId":"vpc-1","zones":[{"urls":[{"domain":"a.b","port":80}]}]}]}'
    seeds = [b"www.aliyun.com:80,restapi.amap.com:443", b"testLink", b"true", b"cn-hangzhou:vpc-bp1,vpc-bp2", domains]
    yield Target(read=read, seeds=seeds, reshape=jsons.reshape, words=(b"https://", b":0", b"*."), longest=1 << 13)


@contextmanager
def _web_config() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        try:
            found = web_config.parse(data, "/nonexistent/web.yml")
        except web_config.BadConfig:
            return None
        return found.protects, found.authenticates

    text = b"""tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
http_server_config: {http2: true, headers: {X-Frame-Options: deny}}
basic_auth_users: {alice: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}
rate_limit: {interval: 1s, burst: 20}
"""
    yield Target(read=read, seeds=[text], words=(b"&a ", b"*a", b"{", b"!!binary ", b": "), longest=1 << 13)


@contextmanager
def _compare() -> Iterator[Target]:
    """Several reports in one file."""

    def read(path: Path) -> Hashable:
        with path.open(encoding="utf-8", errors="replace") as file:
            found = list(compare.reports_of(file, "file"))
        return sum(isinstance(one, Report) for one in found), len(found) > 2

    texts = [document.dumps(report) for report in _reports()]
    yield from _file(read, [one.encode() for one in (texts[0], "[" + ",".join(texts) + "]", "\n".join(texts))])


@contextmanager
def _kept() -> Iterator[Target]:
    """A run that `check --state` kept."""

    def read(path: Path) -> Hashable:
        said = io.StringIO()
        with redirect_stderr(said), sources.opened(str(path.parent.parent)) as found:
            for source in found:
                for kept in source.store.plans():
                    for run in source.store.runs(kept.name):
                        try:
                            source.report(run)
                        except click.ClickException:
                            return "none"
        return len(found), bool(said.getvalue())

    seeds = [document.dumps(report, lines=True).encode() for report in _reports()]
    name = "nightly-etl/20261124T080000123456Z-r-6d0f5b1c9a3e.json"
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / name
        path.parent.mkdir()

        def read_bytes(data: bytes) -> Hashable:
            path.write_bytes(data)
            return read(path)

        yield Target(read=read_bytes, seeds=seeds, reshape=jsons.reshape, seconds=4.0)


@contextmanager
def _store() -> Iterator[Target]:
    """The file of a store, damaged somewhere."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / NAME
        with Store.open(path, tell=lambda _: None) as store:
            for report in _reports():
                store.keep(report)
        good = path.read_bytes()

        def read(data: bytes) -> Hashable:
            path.write_bytes(data)
            try:
                with Store.look(path) as store:
                    found = store.plans()
                    for kept in found:
                        for run in store.runs(kept.name):
                            store.report(run.id)
                        store.standing(kept.name)
                        store.turn(kept.name)
                        store.outbound(kept.name)
                        store.strips(kept.name, since=1.7e9, until=1.8e9)
                    store.events()
            except StoreError as error:
                return type(error).__name__
            return len(found)

        yield Target(read=read, seeds=[good], longest=len(good), seconds=4.0)


TARGETS: Mapping[str, Opening] = {
    "plan": _plan,
    "report": _report,
    "inventory": _inventory,
    "task": _task,
    "rows": _rows,
    "log": _log,
    "settings-sql": _settings(
        jobfiles.sql_settings, b"set odps.session.networklink=a; -- x\nsetproject a=b;\nselect 1;"
    ),
    "settings-spark": _settings(jobfiles.spark_settings, b"# x\nspark.hadoop.odps.cupid.eni.info = cn:vpc\\\n -1\n"),
    "settings-json": _settings(jobfiles.json_settings, b'{"odps.session.networklink": "a"}'),
    "settings-values": _values,
    "web-config": _web_config,
    "compare": _compare,
    "kept-run": _kept,
    "store": _store,
}
