"""The lab, for what is tested in it."""

from tests.lab.conftest import lab

__all__ = ["lab"]
