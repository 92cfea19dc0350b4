"""Rows in files, as clients, consoles and engines write them, become the reports that they hold."""

import csv
import gzip
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.ingest import alignment, read
from reports.document import dumps, loads
from reports.gather import Gatherer
from reports.rows import COLUMNS, NAMES, to_rows
from tests.reports import samples

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
WIDTHS = [max(len(name), 10) for name in NAMES]
# What would like to be the edge of a cell, of a row or of a table, or to move the cursor of whoever looks at it.
HOSTILE = (
    'a | b || "c"\r\n| d | NULL |\n+-----+\n\\"e\\", \'f\'\t\x1b[2J\x1b]0;owned\x07 \u7f51\u7edc\u4e0d\u901a \u202e |'
)
AROUND = ("ID = 20261124083000123gabc", "Log view:", "https://logview.example/?h=x&i=1", "Job Queueing...")


def numbered(report, number):
    """The report as another run."""
    return evolve(report, run=evolve(report.run, id=f"r-{number:012x}"))


def hostile():
    """A report whose texts are hostile: what a service, a plan and a host name say."""
    report = samples.nightly()
    (finding,) = report.findings
    finding = evolve(finding, summary=HOSTILE, because=(HOSTILE, "| |"), remedy=evolve(finding.remedy, text=HOSTILE))
    return evolve(report, findings=(finding,), vantage=evolve(report.vantage, host="h | udf | x"))


FLEET = [
    numbered(report, number)
    for number, report in enumerate((samples.nightly(), samples.healthy(), hostile(), samples.no_eni(5)), start=1)
]
ROWS = [row for report in FLEET for row in to_rows(report, part=4096)]
TEXTS = [dumps(report) for report in FLEET]


def gathered(path):
    """The whole reports, the partial ones, and the outcome."""
    gatherer = Gatherer()
    found = list(read([str(path)], gatherer))
    return [one for one in found if not one.run.partial], [one for one in found if one.run.partial], gatherer.outcome


def written(rows, names=NAMES, **dialect):
    """Rows as CSV."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, **dialect)
    writer.writerows([names, *rows] if names else rows)
    return file.getvalue()


def cells(row, null="NULL"):
    """A row's values as a client prints them."""
    return [null if value is None else str(value) for value in row]


def odpscmd(rows, names=NAMES, end="\n"):
    """As odpscmd prints: cells padded to the title's width or to 10 characters, nothing cut and nothing escaped."""
    widths = [max(len(name), 10) for name in names]
    frame = "+" + "".join("-" * (width + 2) + "+" for width in widths)
    lines = ["| " + "".join(text.ljust(width) + " | " for text, width in zip(row, widths, strict=True)) for row in rows]
    title = "| " + "".join(name.ljust(width) + " | " for name, width in zip(names, widths, strict=True))
    return end.join([*AROUND, "OK", frame, title, frame, *lines, frame, "4 records (at most 10000 supported)", ""])


def show(rows, names=NAMES):
    """As DataFrame.show(truncate=False) prints: exact widths, no spaces, line breaks escaped."""
    rows = [[text.replace("\r", "\\r").replace("\n", "\\n") for text in row] for row in rows]
    widths = [max(len(row[index]) for row in [names, *rows]) for index in range(len(names))]
    frame = "+" + "".join("-" * width + "+" for width in widths)
    lines = ["|" + "".join(text.ljust(width) + "|" for text, width in zip(row, widths, strict=True)) for row in rows]
    title = "|" + "".join(name.ljust(width) + "|" for name, width in zip(names, widths, strict=True))
    return "\n".join([frame, title, frame, *lines, frame, ""])


BY_COLUMN = [dict(zip(NAMES, row, strict=True)) for row in ROWS]

FORMATS = {
    "csv": written(ROWS),
    "csv without a header": written(ROWS, names=()),
    "csv, all quoted, semicolons": written(ROWS, delimiter=";", quoting=csv.QUOTE_ALL),
    "csv with backslashes, as odpscmd writes it": written(ROWS, doublequote=False, escapechar="\\"),
    "csv with capitals and the table's name": written(ROWS, names=[f"t.{name.upper()}" for name in NAMES]),
    "csv, other columns beside, another order": written(
        [("20261124", *reversed(row), "x") for row in ROWS], names=("dt", *reversed(NAMES), "extra")
    ),
    "csv, words for NULL": written([[r"\N" if value is None else value for value in row] for row in ROWS]),
    "tab-separated, copied": written(ROWS, delimiter="\t"),
    "json lines": "".join(json.dumps(row) + "\n" for row in BY_COLUMN),
    "json lines, Chinese as it is": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in BY_COLUMN),
    "json, one array on one line": json.dumps(BY_COLUMN),
    "json, an array over many lines": json.dumps(BY_COLUMN, indent=2),
    "odpscmd's table": odpscmd(map(cells, ROWS)),
    "odpscmd's table, Windows": odpscmd(map(cells, ROWS), end="\r\n"),
    "spark's table": show(map(cells, ROWS)),
    "scalar: csv": written([[text] for text in TEXTS], names=("_c0",)),
    "scalar: csv without a header": written([[text] for text in TEXTS], names=()),
    "scalar: csv with backslashes": written(
        [[text] for text in TEXTS], names=("_c0",), doublequote=False, escapechar="\\"
    ),
    "scalar: csv with another column": written([("20261124", text) for text in TEXTS], names=("dt", "report")),
    "scalar: json lines": "".join(json.dumps({"_c0": text}) + "\n" for text in TEXTS),
    "scalar: one a line": "\n".join(TEXTS),
    "scalar: odpscmd's table": odpscmd([[text] for text in TEXTS], names=("_c0",)),
    "scalar: odpscmd's table, wrapped by the terminal": odpscmd(
        [["\n".join(text[at : at + 200] for at in range(0, len(text), 200))] for text in TEXTS], names=("_c0",)
    ),
    "scalar: two columns of a table": odpscmd([["20261124", text] for text in TEXTS], names=("dt", "_c1")),
    "a log": "".join(f"2026-11-24 08:00:00 [INFO] answer: {text} (done)\n" for text in TEXTS),
    "saved reports, one after the other": "".join(dumps(report, lines=True) + "\n" for report in FLEET),
    "saved reports, as ingest prints them": "[" + ",\n".join(dumps(report, lines=True) for report in FLEET) + "]\n",
    "saved reports, indented": "\n".join(json.dumps(json.loads(text), indent=4) for text in TEXTS),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(name, tmp_path):
    """Each report is the same as the one that was written, and no row is left over."""
    path = tmp_path / "rows"
    path.write_text(FORMATS[name], newline="")
    whole, partial, outcome = gathered(path)

    assert {one.run.id: one for one in FLEET} == {one.run.id: one for one in whole}
    assert partial == []
    assert (outcome.unreadable, outcome.contradictory, outcome.duplicates) == (0, 0, 0), outcome.troubles


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("name", ["csv", "odpscmd's table", "json lines, Chinese as it is"])
def test_encodings(name, encoding, tmp_path):
    """As PowerShell and spreadsheets write: a byte order mark, UTF-16, Chinese in GB18030."""
    path = tmp_path / "rows"
    path.write_bytes(FORMATS[name].encode(encoding))
    whole, _, _ = gathered(path)

    assert {one.run.id: one for one in FLEET} == {one.run.id: one for one in whole}


def table():
    """The rows as Arrow has them."""
    types = {"string": pa.string(), "double": pa.float64(), "bigint": pa.int64()}
    schema = pa.schema([(column.name, types[column.type]) for column in COLUMNS])
    return pa.Table.from_pylist(BY_COLUMN, schema)


@pytest.mark.parametrize("packed", [False, True])
def test_parquet(packed, tmp_path):
    """Found by its content, gzipped or not; typed values."""
    file = io.BytesIO()
    pq.write_table(table(), file)
    path = tmp_path / "rows.csv"
    path.write_bytes(gzip.compress(file.getvalue()) if packed else file.getvalue())
    whole, _, outcome = gathered(path)

    assert {one.run.id: one for one in FLEET} == {one.run.id: one for one in whole}
    assert outcome.used == len(ROWS)


def test_a_parquet_file_that_was_cut_short(tmp_path):
    """It is said; what other files hold is kept."""
    file = io.BytesIO()
    pq.write_table(table(), file)
    (tmp_path / "1.parquet").write_bytes(file.getvalue()[:-20])
    (tmp_path / "2.json").write_text(TEXTS[0])
    whole, _, outcome = gathered(tmp_path)

    assert ([FLEET[0]], 1) == (whole, outcome.unreadable)
    assert "1.parquet" in outcome.troubles[0].place


def test_a_folder_as_spark_writes_it(tmp_path):
    """Its parts are read, in order; marks and checksums are not."""
    half = len(ROWS) // 2
    (tmp_path / "part-00000.csv.gz").write_bytes(gzip.compress(written(ROWS[:half]).encode()))
    (tmp_path / "part-00001.csv").write_text(written(ROWS[half:]), newline="")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / ".part-00000.csv.crc").write_bytes(b"crc\x00\x00\x02\x00")
    whole, _, outcome = gathered(tmp_path)

    assert {one.run.id: one for one in FLEET} == {one.run.id: one for one in whole}
    assert (outcome.rows, outcome.used) == (len(ROWS), len(ROWS))


@pytest.mark.parametrize(("delimiter", "lost"), [(",", 1), ("\t", 0)])
def test_a_client_that_quotes_nothing(delimiter, lost, tmp_path):
    """A text full of commas stands in the last column: the report is whole, only a finding's row is lost."""
    path = tmp_path / "download.txt"
    rows = [delimiter.join(cells(row, "")) + "\r\n" for row in to_rows(FLEET[0], part=4096)]
    path.write_text("".join(rows), newline="")
    whole, _, outcome = gathered(path)

    assert ([FLEET[0]], lost) == (whole, outcome.unreadable)


def test_backslashes_that_are_not_escaped(tmp_path):
    """Where only quotes are escaped, a backslash of the text would be lost: the row is unreadable, not altered."""
    report = dumps(FLEET[2]).replace('"', r"\"")
    path = tmp_path / "rows.csv"
    path.write_text(f'dt,_c0\n20261124,"{report}"\n'.replace(r"\\\"", "'"))
    _, _, outcome = gathered(path)

    assert (outcome.used, outcome.unreadable) == (0, 1)


def test_a_torn_record_costs_nobody_elses(tmp_path):
    """A quoted cell that breaks off would swallow what follows: it is given back."""
    lines = written(to_rows(FLEET[0], part=1 << 20)).splitlines(keepends=True)
    torn = '"r-0000000000ff","udf x","target","metas\r\n'
    path = tmp_path / "rows.csv"
    path.write_text("".join([lines[0], torn, lines[1], torn, *lines[2:], torn]), newline="")
    whole, _, outcome = gathered(path)

    assert ([FLEET[0]], 3) == (whole, outcome.unreadable)
    assert outcome.troubles[0].place.endswith("rows.csv:2")


def test_a_torn_line_of_json(tmp_path):
    """The lines around it are kept; it is named."""
    lines = FORMATS["json lines"].splitlines(keepends=True)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join([*lines[:2], lines[2][:50] + "\n", *lines[2:], '{"run": "r-1", "ki']))
    whole, _, outcome = gathered(path)

    assert {one.run.id: one for one in FLEET} == {one.run.id: one for one in whole}
    assert [trouble.place.rpartition(":")[2] for trouble in outcome.troubles] == ["3", str(len(lines) + 2)]


def test_a_torn_value_over_many_lines(tmp_path):
    """An object that does not end is one row; the next one at its depth is read."""
    objects = json.dumps(BY_COLUMN, indent=2)
    end = objects.index("\n  },\n", len(objects) // 2)
    path = tmp_path / "rows.json"
    path.write_text(objects[: end - 1] + objects[end + len("\n  },") :])
    _, _, outcome = gathered(path)

    assert (len(BY_COLUMN) - 1, 1) == (outcome.used, outcome.unreadable)


def test_a_text_that_is_all_torn(tmp_path):
    """Twenty thousand beginnings without an end are looked at, and not each one to the text's end."""
    path = tmp_path / "rows.json"
    path.write_text('{"run": [\n' * 20_000 + FORMATS["json lines"])
    whole, _, outcome = gathered(path)

    assert ({one.run.id for one in FLEET}, 20_000) == ({one.run.id for one in whole}, outcome.unreadable)


def test_a_torn_row_of_a_table(tmp_path):
    """A line that the console or the clipboard cut: it is told, and the next row is a row."""
    lines = FORMATS["odpscmd's table"].split("\n")
    first = next(index for index, line in enumerate(lines) if line.startswith("| r-"))
    path = tmp_path / "rows.txt"
    path.write_text("\n".join([*lines[:first], lines[first][:60], *lines[first:]]), newline="")
    whole, _, outcome = gathered(path)

    assert {one.run.id: one for one in FLEET} == {one.run.id: one for one in whole}
    assert [f"{path}:{first + 1}"] == [trouble.place for trouble in outcome.troubles]


def test_only_the_rows_were_copied(tmp_path):
    """No frame and no title: the columns are in their order."""
    lines = [line for line in odpscmd(map(cells, to_rows(FLEET[0]))).split("\n") if line.startswith("| r-")]
    path = tmp_path / "rows.txt"
    path.write_text("\n".join(lines))
    whole, _, _ = gathered(path)

    assert [FLEET[0]] == whole


def test_two_results_in_one_paste(tmp_path):
    """Each table has its own columns; one that is not ours is counted."""
    path = tmp_path / "paste.txt"
    tables = [odpscmd([["1", "2"]], names=("a", "b")), FORMATS["odpscmd's table"], FORMATS["scalar: odpscmd's table"]]
    path.write_text("\n".join(tables), newline="")
    whole, _, outcome = gathered(path)

    assert {one.run.id: one for one in FLEET} == {one.run.id: one for one in whole}
    assert (outcome.foreign, outcome.duplicates, outcome.unreadable) == (1, len(FLEET), 0)


def test_a_row_is_not_guessed_at():
    """Where the cells' ends do not follow from what the columns may hold, the row is unreadable."""
    row = cells(next(to_rows(FLEET[0])))[:12]
    row[NAMES.index("summary")] = "a | [] | b || c | "
    clear = alignment.align(" | ".join(row), NAMES[:12], " | ")
    torn = alignment.align("a | NULL | NULL | b", ("summary", "evidence", "remedy"), " | ")

    assert (row, alignment.Torn("its cells cannot be told apart")) == (clear, torn)


def test_a_gzip_stream_that_breaks_off(tmp_path):
    """What was unpacked before counts, and the break is told."""
    packed = gzip.compress(FORMATS["json lines"].encode(), compresslevel=0)
    path = tmp_path / "rows.gz"
    path.write_bytes(packed[: len(packed) * 9 // 10])
    whole, _, outcome = gathered(path)

    assert FLEET[0] in whole
    assert "cannot be read" in outcome.troubles[0].reason


def test_what_only_looks_packed(tmp_path):
    """It is said, and other files are read."""
    (tmp_path / "1.gz").write_bytes(b"\x1f\x8bnothing of the kind")
    (tmp_path / "2.json").write_text(TEXTS[0])
    whole, _, outcome = gathered(tmp_path)

    assert ([FLEET[0]], 1) == (whole, outcome.unreadable)
    assert "1.gz" in outcome.troubles[0].place


def damaged(chance):
    """One of the formats with pieces lost, doubled, cut off and strewn in."""
    data = bytearray(FORMATS[chance.choice(sorted(FORMATS))].encode())
    for _ in range(chance.randrange(1, 4)):
        start = chance.randrange(len(data))
        piece = slice(start, start + chance.choice((1, 40, 3000)))
        insertion = chance.choice((b"", data[piece], b'"', b"\n", b" | ", b"\xff", b"\0", b"{", b"]", b"\\", b"\r"))
        data[piece if not insertion else slice(start, start)] = insertion
    return bytes(data[: chance.choice((len(data), len(data) // 2 + start // 2))])


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=150)
@given(st.integers(0, 2**32))
def test_whatever_became_of_a_file(tmp_path_factory, seed):
    """Nothing raises, and every row is counted once."""
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged(random.Random(seed)))
    whole, partial, outcome = gathered(path)

    assert (len(whole), len(partial)) == (outcome.whole, outcome.partial)
    assert outcome.rows == sum(
        (outcome.used, outcome.duplicates, outcome.contradictory, outcome.foreign, outcome.unreadable)
    )


def test_a_report_file_that_was_cut_short(tmp_path):
    """What stands before the cut is kept, in part."""
    path = tmp_path / "report.json"
    text = dumps(FLEET[0], lines=True)
    path.write_text(text[: text.index('"observations"') + 300])
    whole, (partial,), _ = gathered(path)

    assert (whole, partial.findings) == ([], FLEET[0].findings)


# --- the command ----------------------------------------------------------------------------------------------------


def run(*arguments, given=None, **environment):
    """The command, with these bytes on standard input."""
    return subprocess.run(
        [LINKDOCTOR, "ingest", *map(str, arguments)],
        capture_output=True,
        input=given,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
        timeout=60,
        check=False,
    )


def test_the_command(tmp_path):
    """The reports on stdout, the counts on stderr, the worst verdict as exit code."""
    path = tmp_path / "rows.txt"
    path.write_text(FORMATS["odpscmd's table"], newline="")
    done = run(path)

    assert done.returncode == 2, done.stderr
    assert f"{len(ROWS)} rows: {len(ROWS)} used" in done.stderr.decode()
    assert "4 whole reports" in done.stderr.decode()
    assert b"sg_drop" in done.stdout


def test_what_they_prove_together_follows(tmp_path):
    """After the reports comes their comparison, on stdout or in the file; JSON holds the reports alone."""
    path = tmp_path / "rows.csv"
    path.write_text(FORMATS["csv"], newline="")
    shown = run(path).stdout
    done = run(path, "--output", tmp_path / "out.txt")

    assert b"vantage points" in shown
    assert (shown, b"") == ((tmp_path / "out.txt").read_bytes(), done.stdout)


def test_standard_input_as_json(tmp_path):
    """Diagnosed again by this linkdoctor's rules; exactly one document."""
    done = run("-", "--format", "json", given=gzip.compress(FORMATS["csv"].encode()))
    documents = json.loads(done.stdout)

    assert [one.run.id for one in FLEET] == [document["run"]["id"] for document in documents]
    assert all(loads(json.dumps(document)).observations for document in documents)


def test_a_file_for_each_report(tmp_path):
    """Named by the run, in a folder that is made where it is missing."""
    path = tmp_path / "rows.csv"
    path.write_text(FORMATS["csv"], newline="")
    done = run(path, "--output-dir", tmp_path / "new" / "folder")
    files = sorted((tmp_path / "new" / "folder").iterdir())

    assert done.returncode == 2
    assert [f"{one.run.id}.json" for one in FLEET] == [file.name for file in files]
    assert [one.observations for one in FLEET] == [loads(file.read_bytes()).observations for file in files]


def test_a_run_id_is_no_path(tmp_path):
    """An id that would lead out of the folder, or is no name of a file, is replaced."""
    report = evolve(FLEET[0], run=evolve(FLEET[0].run, id="../../evil\x1b"))
    run("-", "--output-dir", tmp_path / "a" / "b", given=dumps(report).encode())
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())

    assert file.parent == tmp_path / "a" / "b"
    assert file.name.startswith("r-")


def test_redacted(tmp_path):
    """Neither stdout nor the files hold a host's name or address."""
    done = run("-", "--redact", "--format", "json", "--output-dir", tmp_path, given=TEXTS[0].encode())
    (file,) = tmp_path.iterdir()

    for text in (done.stdout.decode(), file.read_text()):
        assert "emr-header-1" not in text
        assert "10.10.2.30" not in text


def test_to_hand_over():
    """The message for whoever must act."""
    done = run("-", "--hand-over", "network", given=TEXTS[0].encode())

    assert done.returncode == 2
    assert b"emr-header-1" in done.stdout


def test_a_partial_report_is_shown():
    """From rows of targets and findings alone: the cause, and that the report is partial."""
    rows = [row for row in BY_COLUMN if row["run"] == FLEET[0].run.id and row["kind"] != "report"]
    done = run("-", given="\n".join(map(json.dumps, rows)).encode())

    assert done.returncode == 2, done.stderr
    assert b"PARTIAL" in done.stdout
    assert b"sg_drop" in done.stdout
    assert b"1 rebuilt in part" in done.stderr


@pytest.mark.parametrize("name", ["csv", "odpscmd's table", "json lines"])
def test_no_escape_reaches_the_terminal(name, tmp_path):
    """Neither what the rows hold nor what is wrong with them moves a cursor."""
    path = tmp_path / "rows\x1b[31m"
    path.write_text(FORMATS[name] + '{"run": "r-\x1b[2J", "kind": "target", "verdict": "\x1b[2J"}\n| r-\x1b[2J |\n')
    done = run(path)
    shown = (done.stdout + done.stderr).decode()

    assert [char for char in shown if not char.isprintable() and char != "\n"] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "0 rows"),
        (b"a,b\n1,2\n", "2 rows: 2 not ours"),
        (b"\x00\xff\xfe\n" * 3, "not ours"),
        (b'{"schema":"linkdoctor/report/9"}', "another linkdoctor"),
    ],
)
def test_nothing_could_be_read(given, said):
    """3, with the counts and a message."""
    done = run("-", given=given)

    assert (done.returncode, done.stdout) == (3, b"")
    assert said in done.stderr.decode()
    assert "there is no report" in done.stderr.decode()


def test_a_file_that_is_not_there(tmp_path):
    """It is named before anything is read."""
    (tmp_path / "rows.json").write_text(TEXTS[0])
    done = run(tmp_path / "rows.json", tmp_path / "missing.csv")

    assert (done.returncode, done.stdout) == (3, b"")
    assert "missing.csv: cannot be read: No such file" in done.stderr.decode()


def test_parquet_without_pyarrow(tmp_path):
    """The message says what to install."""
    (tmp_path / "pyarrow.py").write_text("raise ImportError")
    path = tmp_path / "rows"
    pq.write_table(table(), path)
    done = run(path, PYTHONPATH=str(tmp_path))

    assert done.returncode == 3
    assert "pip install 'linkdoctor[parquet]'" in done.stderr.decode()
