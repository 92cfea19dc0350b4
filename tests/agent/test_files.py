"""New files: all of them whole, or none, and never in place of another."""

import pytest

from agent.files import write_new


def test_all(tmp_path):
    """Each has its text, and what the umask leaves of permissions."""
    write_new({tmp_path / "a": "1\n", tmp_path / "b": "2\n"})

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "1\n", "b": "2\n"}
    (tmp_path / "c").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "c").stat().st_mode


def test_none(tmp_path):
    """The last name is taken: the first is gone again, the last is as it was, and nothing else is left."""
    (tmp_path / "b").write_text("mine")

    with pytest.raises(FileExistsError) as caught:
        write_new({tmp_path / "a": "1", tmp_path / "b": "2"})

    assert caught.value.filename == str(tmp_path / "b")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "mine"}


def test_a_text_that_cannot_be_written(tmp_path):
    """An error on the way leaves nothing."""
    with pytest.raises(UnicodeEncodeError):
        write_new({tmp_path / "a": "1", tmp_path / "b": "\ud800"})

    assert list(tmp_path.iterdir()) == []
