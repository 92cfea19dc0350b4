"""Settings out of a job's own files: what is taken, from which line, and what is not."""

import pytest

from agent.plan.jobfiles import read_settings
from agent.plan.problems import Source, Wrong


def declared(folder, name, text):
    """What is taken of a file with this text: key, value and place."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    source = Source("plan.yaml", folder)
    return [(each.key, each.value, each.source) for each in read_settings(path, name, source)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set odps.a=1;", [("odps.a", "1", 1)]),
        ("\n  SET\todps.a = 1 ; -- why", [("odps.a", "1", 2)]),
        ("set odps.a=1; set odps.b=2;select 1;", [("odps.a", "1", 1), ("odps.b", "2", 1)]),
        ("set odps.a=1\nselect 1;", [("odps.a", "1", 1)]),
        ("set odps.a=1", [("odps.a", "1", 1)]),
        ("set odps.a=1;\r\nset odps.b=2;\r\n", [("odps.a", "1", 1), ("odps.b", "2", 2)]),
        ("set odps.a='x;y';", [("odps.a", "'x;y'", 1)]),
        ('set odps.a={"b":"c;d"};', [("odps.a", '{"b":"c;d"}', 1)]),
        ("setproject odps.security.outbound.internetlist=a:80;", [("odps.security.outbound.internetlist", "a:80", 1)]),
        ("-- set odps.a=1;\n/* set\nodps.b=2; */ set odps.c=3;", [("odps.c", "3", 3)]),
        ("select 'x; set odps.a=1;';", []),
        ('select "x; set odps.a=1;", `; set odps.b=2;`;', []),
        ("select 'it\\'s; set odps.a=1;';set odps.b=2;", [("odps.b", "2", 1)]),
        ("update t set odps.a=1;", []),
        ("insert into t values (1)\n set odps.a=1;", []),
        ("select 'never closed; set odps.a=1;", []),
        ("set a.b=personal;set other=data;", []),
        ("set odps.access.key=hunter2;", [("odps.access.key", "***", 1)]),
        ("create table t (a string)\nTBLPROPERTIES (\n 'x'=')',\n 'networklink' = 'l');", [("networklink", "l", 4)]),
        ('create table t (a string) tblproperties("networklink"="l")', [("networklink", "l", 1)]),
        ("select * from t where 'networklink'='l';", []),
    ],
)
def test_sql(tmp_path, text, expected):
    """SET at the beginning of a statement, and the link of a table's properties; never what stands in a string."""
    assert [(key, value, f"job.sql:{line}") for key, value, line in expected] == declared(tmp_path, "job.sql", text)


@pytest.mark.parametrize("name", ["spark-defaults.conf", "job.properties"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spark.hadoop.odps.a b c", [("spark.hadoop.odps.a", "b c", 1)]),
        ("\nspark.hadoop.odps.a = b ", [("spark.hadoop.odps.a", "b", 2)]),
        ("spark.hadoop.odps.a: b", [("spark.hadoop.odps.a", "b", 1)]),
        ("odps.a=b=c", [("odps.a", "b=c", 1)]),
        ("odps.a\\:b=c", [("odps.a:b", "c", 1)]),
        ('odps.a={\\\n   "b":1}\nodps.c=d', [("odps.a", '{"b":1}', 1), ("odps.c", "d", 3)]),
        ("odps.a=b\\", [("odps.a", "b", 1)]),
        ("odps.a", [("odps.a", "", 1)]),
        # What the platform's page shows; Spark takes the semicolon as part of the value.
        ("spark.hadoop.odps.a = true;", [("spark.hadoop.odps.a", "true;", 1)]),
        ("# odps.a=1\n! odps.b=2\n\n", []),
        ("spark.master yarn\nspark.ui.port 4040", [("spark.master", "yarn", 1)]),
        ("spark.hadoop.odps.access.id x", [("spark.hadoop.odps.access.id", "***", 1)]),
    ],
)
def test_properties(tmp_path, text, expected, name):
    """Java's properties, as Spark reads them."""
    assert [(key, value, f"{name}:{line}") for key, value, line in expected] == declared(tmp_path, name, text)


def test_json(tmp_path):
    """A flat mapping; what does not concern the network may be anything."""
    text = '{"odps.a": "1",\n "odps.b": 2, "odps.c": true, "other": ["x"], "odps.password": "hunter2"}'

    expected = [
        ("odps.a", "1", "hints.json:1"),
        ("odps.b", "2", "hints.json:2"),
        ("odps.c", "true", "hints.json:2"),
        ("odps.password", "***", "hints.json:2"),
    ]

    assert expected == declared(tmp_path, "hints.json", text)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"set odps.a=1;\nselect '\xff';", "job.sql:2: byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"set odps.a=1;\x07", "job.sql:1: control character U+0007; remove it"),
    ],
)
def test_text_that_is_none(tmp_path, content, expected):
    """What is wrong inside of a file is said with its line."""
    (tmp_path / "job.sql").write_bytes(content)
    source = Source("plan.yaml", tmp_path)

    assert () == read_settings(tmp_path / "job.sql", "job.sql", source)
    assert [expected] == [str(problem) for problem in source.collected.problems]


def test_a_large_file_is_refused(tmp_path):
    """A script is read within bounds."""
    (tmp_path / "job.sql").write_bytes(b" " * (1 << 20) + b";")

    with pytest.raises(Wrong, match="too large"):
        read_settings(tmp_path / "job.sql", "job.sql", Source("plan.yaml", tmp_path))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("job.sql", "'\\" * 50_000),
        ("job.sql", "set odps.a='" * 50_000),
        ("job.sql", "tblproperties('networklink'=" * 20_000),
        ("job.sql", "/* *" * 50_000),
        ("job.conf", "odps.a\\\n" * 50_000),
        ("job.conf", "\\:" * 50_000),
    ],
)
def test_no_text_makes_the_scan_slow(tmp_path, name, text):
    """Text that tempts a pattern to backtrack is read in one pass: quadratic, these would take minutes."""
    assert len(declared(tmp_path, name, text)) <= 1
