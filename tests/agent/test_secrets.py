"""Secrets in any input stay there: no output of any kind holds them."""

import pytest

from tests.agent.test_cli import run

SECRET = "s3cr3t-hunter2"

_PLAN = f"""\
name: x
settings:
  odps.access.key: {SECRET}
  spark.hadoop.odps.access.key: {SECRET}
  odps.internet.access.list: "www.aliyun.com:443"
settings_from: [job.sql, spark-defaults.conf]
targets: ["http://nowhere.invalid/", "https://nowhere.invalid/", "redis://127.0.0.1:1"]
limits: {{connect_timeout: 300ms}}
"""
_SQL = f"set odps.access.key={SECRET};\nset odps.sql.password={SECRET};\nselect '{SECRET}';\n"
_CONF = f"spark.hadoop.odps.access.key {SECRET}\nspark.hadoop.fs.oss.accessKeySecret={SECRET}\n"
_PROXY = f"http://user:{SECRET}@127.0.0.1:1"


@pytest.fixture
def folder(tmp_path):
    """A plan and a job's files that hold secrets wherever they can."""
    (tmp_path / "plan.yaml").write_text(_PLAN)
    (tmp_path / "job.sql").write_text(_SQL)
    (tmp_path / "spark-defaults.conf").write_text(_CONF)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "plan.yaml"],
        ["check", "plan.yaml", "--format", "json"],
        ["check", "plan.yaml", "--hand-over", "job author"],
        ["lint", "plan.yaml", "--format", "json"],
        ["lint", "job.sql", "spark-defaults.conf", "--format", "json"],
    ],
)
def test_plan_files_and_environment(folder, arguments):
    """Settings, job files and proxy variables."""
    done = run(*arguments, cwd=folder, HTTP_PROXY=_PROXY, https_proxy=_PROXY)

    assert done.returncode in (0, 1, 2), done.stderr
    assert done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "target",
    [
        f"https://user:{SECRET}@example.com/",
        f"https://example.com/?access_key={SECRET}",
        f"https://example.com/?x=1&Signature={SECRET}",
        f"mysql://root:{SECRET}@db.example.com:3306",
    ],
)
def test_targets_with_secrets_are_refused_without_repeating_them(target):
    """The message says what is wrong, and not the secret."""
    done = run("check", target)

    assert done.returncode == 3
    assert SECRET not in done.stdout + done.stderr
    assert "targets[0]" in done.stderr
