"""The result of a command: its report, data set, method and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, overload

import orjson

from autoevol.core.errors import InputError, StopRun
from autoevol.core.records import Method
from autoevol.reports.folder import Report
from autoevol.reports.rates import Ledger
from autoevol.store.method_files import load_method


@dataclass(frozen=True)
class Cost:
    """What was paid, over all starts.

    Attributes:
        calls: LM calls.
        usd: Dollars, for models with a price.
        reused: Replies taken from the call store.
        by_role: Calls by role.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    usd: float
    reused: int
    by_role: Mapping[str, int]

    @classmethod
    def of(cls, ledger: Ledger) -> Cost:
        """The total cost in a ledger."""
        total = ledger.total
        by_role = {role: cost.calls for role, cost in ledger.roles.items()}
        counts = (total.calls, total.input_tokens, total.output_tokens, total.usd, total.reused)
        return cls(*counts, by_role)


class Dataset(Sequence[dict[str, Any]]):
    """The records of a JSONL file, read on each access.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as lines:
            yield from (orjson.loads(line) for line in lines)

    def __len__(self) -> int:
        with self.path.open("rb") as lines:
            return sum(1 for _ in lines)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return list(self)[index]

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The records as a table, one row each. Raises InputError without pandas."""
        return frame(list(self))

    def __repr__(self) -> str:
        return f"<{len(self)} records of {self.path}>"


class Priced(Report, Protocol):
    """A report that says what was paid."""

    @property
    def ledger(self) -> Ledger:
        """Costs by role."""
        ...


_Report = TypeVar("_Report", bound=Priced, covariant=True)


@dataclass(frozen=True, repr=False)
class Result(Generic[_Report]):
    """The result of a command.

    Attributes:
        report: All figures, as the command wrote them to the folder.
        folder: The run folder.
        stopped_by: `BudgetReached` if that cut the command short: the same call with a larger budget resumes.
            `NothingKept` or `RepliesTooShort` if it finished in vain. Otherwise None.
    """

    report: _Report
    folder: Path
    stopped_by: StopRun | None = None

    @property
    def dataset(self) -> Dataset | None:
        """The evolved data set; None if the command writes none."""
        path = self.folder / "dataset.jsonl"
        return Dataset(path) if path.exists() else None

    @property
    def method(self) -> Method | None:
        """The method that was found or used; None if there is not exactly one."""
        return load_method(self.folder) if (self.folder / "method.json").exists() else None

    @property
    def cost(self) -> Cost:
        """What was paid."""
        return Cost.of(self.report.ledger)

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The data set as a table. Raises InputError without pandas, or without a data set."""
        if self.dataset is None:
            raise InputError(f"{self.folder} holds no data set")
        return self.dataset.to_pandas()

    def __repr__(self) -> str:
        return as_lines(self._rows())

    def _repr_html_(self) -> str:
        return as_html(self._rows())

    def _rows(self) -> Sequence[tuple[str, str]]:
        stop = [("stopped", str(self.stopped_by))] if self.stopped_by else []
        return [*self.report.table_rows(), *stop]


def as_lines(rows: Sequence[tuple[str, str]]) -> str:
    """(label, value) rows as lines."""
    width = max((len(label) for label, _ in rows), default=0)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)


def as_html(rows: Sequence[tuple[str, str]]) -> str:
    """(label, value) rows as an HTML table for a notebook."""
    cells = (
        f'<tr><th style="text-align:left">{escape(label)}</th>'
        f'<td style="text-align:left">{escape(value)}</td></tr>'
        for label, value in rows
    )
    return f"<table>{''.join(cells)}</table>"


def frame(records: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 (a pandas.DataFrame)
    """Records as a table. Raises InputError without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise InputError("this needs pandas: pip install pandas") from error
    return pandas.DataFrame(list(records))
