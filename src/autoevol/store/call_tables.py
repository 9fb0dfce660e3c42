"""The records of the call store, and the SQLite tables and statements for them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from autoevol.core.records import digest


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One paid call and its reply.

    Attributes:
        key: Hash of endpoint, model, messages and sampling (and of the scope, if sampled).
        sample: 0 at temperature 0; otherwise n for the n-th request of its kind, from 0.
        role: What the call was for: evol, respond, optimizer, judge or other.
        request: The request as JSON, for human readers.
        usd: Price of the call; None if no price is known.
        attempts: Requests sent for it, refused and failed ones included; >= 1.
        seconds: From the first attempt to the reply.
        tag: Stored with the call, '' for none (see `CallStore.forget`).
        thinking: The model's thinking; not part of `text`.
        reasoning_tokens: The part of `output_tokens` that was thinking.
        estimated: Whether a token count was estimated from the text because none was reported.
    """

    key: str
    sample: int
    role: str
    model: str
    request: str
    text: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    usd: float | None
    attempts: int
    seconds: float
    tag: str = ""
    thinking: str = ""
    reasoning_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """An endpoint's permanent refusal of a request (400, a content filter).

    Attributes:
        key: As for `CallRecord`.
        sample: As for `CallRecord`.
        kind: Name of the lm15 error class.
        message: The endpoint's message, with secrets masked.
        status: HTTP status; None if there was none.
        code: The provider's error code, '' for none.
    """

    key: str
    sample: int
    kind: str
    message: str
    status: int | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums over paid calls.

    Attributes:
        usd: Over the calls that have a price.
        reasoning_tokens: The part of `output_tokens` that was thinking, where known.
        estimated: Number of calls with estimated token counts.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    reasoning_tokens: int = 0
    estimated: int = 0

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
            self.reasoning_tokens + other.reasoning_tokens,
            self.estimated + other.estimated,
        )

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            self.calls - other.calls,
            self.input_tokens - other.input_tokens,
            self.output_tokens - other.output_tokens,
            self.usd - other.usd,
            self.reasoning_tokens - other.reasoning_tokens,
            self.estimated - other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Flight:
    """A request in flight with its expected cost; `spent` is None once it is known to have failed."""

    key: str
    sample: int
    role: str
    spent: Spent | None


SHARED = "="
"""Prefix of the tag of calls that rows with other tags may repeat and get the same reply for."""
COLUMNS = tuple(f.name for f in fields(CallRecord))
_values = attrgetter(*COLUMNS)
INSERT = (
    f"INSERT INTO calls ({','.join(COLUMNS)},proof,run,created)"
    f" VALUES ({','.join(['?'] * (len(COLUMNS) + 3))})"
)
# Earlier versions also stored replies that had broken off; a complete one is preferred.
FIND = (
    f"SELECT {','.join(COLUMNS)},proof FROM calls WHERE key=? AND sample=?"
    " ORDER BY finish_reason='error', created"
)


def proof(record: CallRecord) -> str:
    """A checksum of 16 hex digits over the request's key and the reply."""
    parts = (record.key, str(record.sample), record.finish_reason, record.text)
    return digest(*(part.encode("utf-8", "replace").decode() for part in parts))


def line(record: CallRecord) -> tuple[Any, ...]:
    """The record's values for `INSERT`, in order; run and time follow."""
    return (*_values(record), proof(record))


def proven(row: tuple[Any, ...]) -> CallRecord | None:
    """The record in a row of `FIND`; None if its checksum is wrong. Earlier versions stored no checksum."""
    *stored, checksum = row
    record = CallRecord(*stored)
    return record if checksum in ("", proof(record)) else None


SCHEMA = (
    """CREATE TABLE IF NOT EXISTS calls (
      key TEXT NOT NULL, sample INTEGER NOT NULL, role TEXT NOT NULL, model TEXT NOT NULL,
      request TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
      input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, usd REAL,
      attempts INTEGER NOT NULL, seconds REAL NOT NULL, tag TEXT NOT NULL DEFAULT '',
      thinking TEXT NOT NULL DEFAULT '', reasoning_tokens INTEGER NOT NULL DEFAULT 0,
      estimated INTEGER NOT NULL DEFAULT 0,
      proof TEXT NOT NULL DEFAULT '', run TEXT NOT NULL, created REAL NOT NULL)""",
    *(
        f"""CREATE TABLE IF NOT EXISTS {sums} (
      run TEXT NOT NULL, role TEXT NOT NULL, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
      output_tokens INTEGER NOT NULL, usd REAL NOT NULL, reasoning_tokens INTEGER NOT NULL DEFAULT 0,
      estimated INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, role))"""
        for sums in ("forgotten", "wasted")
    ),
    """CREATE TABLE IF NOT EXISTS refusals (
      run TEXT NOT NULL, key TEXT NOT NULL, sample INTEGER NOT NULL, kind TEXT NOT NULL,
      message TEXT NOT NULL, status INTEGER, code TEXT NOT NULL,
      PRIMARY KEY (run, key, sample)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS in_flight (
      run TEXT NOT NULL, key TEXT NOT NULL, sample INTEGER NOT NULL, role TEXT NOT NULL,
      calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
      usd REAL NOT NULL, reasoning_tokens INTEGER NOT NULL, estimated INTEGER NOT NULL,
      PRIMARY KEY (run, key, sample)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS replies ON calls (key, sample)",
    "DROP INDEX IF EXISTS paid",
    "CREATE INDEX IF NOT EXISTS ledger ON calls"
    " (run, role, input_tokens, output_tokens, usd, reasoning_tokens, estimated)",
    "CREATE INDEX IF NOT EXISTS tagged ON calls (run, tag) WHERE tag != ''",
)
LATER = (
    ("calls", "tag", "TEXT NOT NULL DEFAULT ''"),
    ("calls", "thinking", "TEXT NOT NULL DEFAULT ''"),
    ("calls", "proof", "TEXT NOT NULL DEFAULT ''"),
    *(
        (table, name, "INTEGER NOT NULL DEFAULT 0")
        for table in ("calls", "forgotten")
        for name in ("reasoning_tokens", "estimated")
    ),
)
"""Columns that stores of earlier versions lack: (table, column, type)."""
SUMS = (
    "count(*) AS calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,"
    " coalesce(sum(usd), 0.0) AS usd, sum(reasoning_tokens) AS reasoning_tokens, sum(estimated) AS estimated"
)
LINE = ",".join(field.name for field in fields(Spent))
SPENT = f"""SELECT role, {",".join(f"sum({field.name})" for field in fields(Spent))} FROM (
  SELECT role, {SUMS} FROM calls WHERE run=:run GROUP BY role
  UNION ALL SELECT role, {LINE} FROM forgotten WHERE run=:run
  UNION ALL SELECT role, {LINE} FROM wasted WHERE run=:run
) GROUP BY role"""
ADD = "ON CONFLICT (run, role) DO UPDATE SET " + ", ".join(
    f"{field.name} = {field.name} + excluded.{field.name}" for field in fields(Spent)
)
WASTE = f"INSERT INTO wasted (run,role,{LINE}) VALUES ({','.join('?' * (2 + len(fields(Spent))))}) {ADD}"
FILED = "FROM calls WHERE run=:run AND tag=:tag AND tag != ''"
FOLD = f"INSERT INTO forgotten (run,role,{LINE}) SELECT run, role, {SUMS} {FILED} GROUP BY role {ADD}"
# Shared calls keep their reply. The request makes up most of a record, and only people read it.
THIN = "UPDATE calls SET request='', thinking='' WHERE run=:run AND tag=:shared AND request!=''"
REFUSE = "INSERT OR REPLACE INTO refusals (run,key,sample,kind,message,status,code) VALUES (?,?,?,?,?,?,?)"
REFUSED = "SELECT key,sample,kind,message,status,code FROM refusals WHERE run=? AND key=? AND sample=?"
FORGET_REFUSALS = "DELETE FROM refusals WHERE run=?"
DEPART = (
    f"INSERT OR REPLACE INTO in_flight (run,key,sample,role,{LINE})"
    f" VALUES ({','.join('?' * (4 + len(fields(Spent))))})"
)
LAND = "DELETE FROM in_flight WHERE run=? AND key=? AND sample=?"
_SUM_OF_LINE = ",".join(f"sum({field.name})" for field in fields(Spent))
BOOK_FLIGHTS = (
    f"INSERT INTO wasted (run,role,{LINE}) SELECT run, role, {_SUM_OF_LINE} FROM in_flight WHERE run=:run"
    f" GROUP BY role {ADD}"
)
END_FLIGHTS = "DELETE FROM in_flight WHERE run=:run"
