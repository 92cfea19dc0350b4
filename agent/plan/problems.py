"""What is wrong with a plan: every problem, where it stands, what is allowed and what to do."""

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn, Protocol

from attrs import Factory, define, frozen

# More problems than this help nobody: they are counted.
MOST_PROBLEMS = 20
_LONGEST_QUOTE = 80
_LONGEST_PATH = 200


@frozen(kw_only=True)
class Problem:
    """One thing that is wrong. ``line`` and ``column`` count from 1; ``key`` is a path such as ``targets[2].via``."""

    file: str
    message: str
    key: str = ""
    line: int | None = None
    column: int | None = None
    allowed: str = ""
    advice: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        what = "; ".join(filter(None, (self.message, self.allowed and f"allowed: {self.allowed}", self.advice)))
        return ": ".join(filter(None, (place, self.key, what)))


class PlanError(Exception):
    """The plan cannot be used. ``more``: how many problems there are beside ``problems``."""

    def __init__(self, problems: tuple[Problem, ...], more: int = 0) -> None:
        super().__init__(problems, more)
        self.problems = problems
        self.more = more

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if self.more:
            lines.append(f"... and {self.more} more")
        return "\n".join(lines)


class Wrong(ValueError):
    """A text cannot be what it should be. Whoever knows where it stands makes a Problem of it."""

    def __init__(self, message: str, allowed: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.allowed = allowed
        self.advice = advice


class Position(Protocol):
    """Whatever stands somewhere in a text."""

    line: int | None
    column: int | None


@define
class Collected:
    """The problems of everything that belongs to one plan; the first ones are kept, all are counted."""

    problems: list[Problem] = Factory(list)
    count: int = 0


@define
class Source:
    """A text that is being read: its name, the folder that its file names are relative to, what was wrong so far."""

    file: str
    folder: Path = Path()
    collected: Collected = Factory(Collected)

    def beside(self, file: str) -> "Source":
        """Another text of the same plan."""
        return Source(file, self.folder, self.collected)

    def refuse(self, at: Position | None, key: str, message: str, allowed: str = "", advice: str = "") -> None:
        """Write down a problem; reading goes on, so that all of them are found."""
        self.collected.count += 1
        if len(self.collected.problems) < MOST_PROBLEMS:
            line, column = (at.line, at.column) if at is not None else (None, None)
            problem = Problem(
                file=self.file, line=line, column=column, key=key, message=message, allowed=allowed, advice=advice
            )
            self.collected.problems.append(problem)

    def refuse_wrong(self, at: Position | None, key: str, wrong: Wrong, allowed: str = "") -> None:
        """Write down what a conversion said; ``allowed`` is what it may be in general."""
        self.refuse(at, key, wrong.message, wrong.allowed or allowed, wrong.advice)

    def stop(self, at: Position | None, key: str, message: str, allowed: str = "", advice: str = "") -> NoReturn:
        """Write down a problem behind which nothing can be read."""
        self.refuse(at, key, message, allowed, advice)
        raise self.error()

    def error(self) -> PlanError:
        """What was found, in the order of the text."""
        found = sorted(self.collected.problems, key=lambda problem: (problem.file != self.file, problem.line or 0))
        return PlanError(tuple(found), self.collected.count - len(found))


def quoted(text: str) -> str:
    """Text of the plan as it may stand in a message: escaped and bounded."""
    return repr(text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 3] + "...")


def shown_path(path: str) -> str:
    """A key path that may hold names of the plan's author."""
    return path if path.isprintable() and len(path) <= _LONGEST_PATH else quoted(path)


def listed(words: Iterable[str]) -> str:
    """Words that are allowed, for a person."""
    return ", ".join(words)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The advice for a word that is nearly right, or nothing."""
    import difflib  # noqa: PLC0415 - only where something is wrong

    close = difflib.get_close_matches(word[:_LONGEST_QUOTE], list(words), n=1)
    return f"did you mean {close[0]}?" if close else ""
