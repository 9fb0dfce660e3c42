"""What `doctor` found out about the endpoint of each role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoevol.core.schema import Document, Record
from autoevol.reports.rates import Ledger
from autoevol.reports.text import TableRows, cost_rows


@dataclass(frozen=True, slots=True)
class Usage(Record):
    """How an endpoint counts tokens.

    Attributes:
        input: Whether the tokens of prompts are reported; runs estimate them where they are not.
        output: The same of replies.
        reasoning: Where those of thinking are: `inside` the output or `on top` of it; None for nowhere.
    """

    input: bool
    output: bool
    reasoning: str | None = None

    def __str__(self) -> str:
        told = {
            (True, True): "reported",
            (True, False): "of prompts only; replies are estimated",
            (False, True): "of replies only; prompts are estimated",
            (False, False): "not reported: all tokens are estimated from the text",
        }[self.input, self.output]
        return f"{told}, reasoning tokens {self.reasoning} the output" if self.reasoning else told


@dataclass(frozen=True, slots=True)
class Speed(Record):
    """How fast an endpoint replies.

    Attributes:
        latency: Median seconds of a short reply.
        tokens_per_second: Median over these replies, of one reply alone.
        sent_at_once: Requests that were then sent at once.
        served_at_once: How many of these it seems to serve at once: 1 is one after the other.
        refused: Requests among them that were refused for now (429), or failed.
    """

    latency: float
    tokens_per_second: float
    sent_at_once: int = 0
    served_at_once: float = 0.0
    refused: int = 0

    def __str__(self) -> str:
        return f"{self.tokens_per_second:.0f} tokens/s in one reply, {self.latency:.1f} s for a short one"

    @property
    def at_once(self) -> str:
        """In words, how many requests are served at once."""
        refused = f", {self.refused} refused or failed" if self.refused else ""
        return f"{self.sent_at_once} sent, about {self.served_at_once:.0f} served at once{refused}"


@dataclass(frozen=True, slots=True)
class LongPrompt(Record):
    """What became of one long prompt.

    Attributes:
        words: Words sent, each at least one token in every tokenizer.
        tokens: Prompt tokens that the server reports for it; None where it reports none.
        refused: The server's words, where it does not take the prompt; else None.
    """

    words: int
    tokens: int | None = None
    refused: str | None = None

    @property
    def truncated(self) -> bool:
        """Whether far fewer tokens came through than were sent."""
        return self.tokens is not None and self.tokens < 0.9 * self.words

    def __str__(self) -> str:
        if self.refused:
            return f"{self.words} words are refused: {self.refused}"
        if self.tokens is None:
            return f"{self.words} words sent; whether all arrived cannot be told without usage"
        return f"{self.words} words sent, counted as {self.tokens} tokens"


@dataclass(frozen=True, slots=True)
class RoleCheck(Record):
    """One endpoint and model, and the roles that ask it.

    Attributes:
        roles: Names of the roles.
        model: As it was given.
        endpoint: URL, without user and password; None for a provider's own or a model in this process.
        key: The environment variable that holds the key, or what is sent instead.
        problem: Why it cannot be used, in the server's words; None where it can.
        models: What the endpoint offers, the nearest name first; only where it cannot be used.
        parameters: What was renamed or left out, for the endpoint does not take it.
        usage: None where nothing was answered, as is everything below.
        thinking: Notations of thinking that were seen.
        finish_words: What the server calls the end of a reply.
        speed: Of short replies.
        long_prompt: Whether long prompts arrive whole.
        warnings: What will go wrong in a run, in sentences.
        flags: Options that a run is to be given.
    """

    roles: tuple[str, ...]
    model: str
    endpoint: str | None
    key: str
    problem: str | None = None
    models: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    usage: Usage | None = None
    thinking: tuple[str, ...] = ()
    finish_words: tuple[str, ...] = ()
    speed: Speed | None = None
    long_prompt: LongPrompt | None = None
    warnings: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether a run can be made with it."""
        return self.problem is None

    def table_rows(self) -> TableRows:
        """(label, value) rows, in the order in which they are printed."""
        where = f"{self.model} at {self.endpoint}" if self.endpoint else self.model
        rows = [
            ("roles", ", ".join(self.roles)),
            ("model", f"{where}: {'usable' if self.usable else 'NOT usable'}"),
            ("key", self.key),
        ]
        if self.problem:
            rows.append(("problem", self.problem))
            if not self.flags and "check" not in self.problem:
                rows.append(("next", "see that the server runs and answers at this URL, then try again"))
        if self.models:
            rows.append(("it offers", ", ".join(self.models)))
        if self.usage:
            rows += self._learned(self.usage)
        rows += [("warning", warning) for warning in self.warnings]
        return [*rows, ("flags", " ".join(self.flags))] if self.flags else rows

    def _learned(self, usage: Usage) -> TableRows:
        rows = [
            ("parameters", "; ".join(self.parameters) or "taken as they are sent"),
            ("usage", str(usage)),
            ("thinking", ", ".join(self.thinking) or "none seen"),
            ("finish", ", ".join(self.finish_words) or "the server sends no word"),
        ]
        if self.speed:
            rows.append(("speed", str(self.speed)))
        if self.speed and self.speed.sent_at_once:
            rows.append(("at once", self.speed.at_once))
        return [*rows, ("long prompt", str(self.long_prompt))] if self.long_prompt else rows


@dataclass(frozen=True)
class DoctorReport(Document, schema="autoevol.doctor/1"):
    """What was found out about every endpoint that a run would ask.

    Attributes:
        endpoints: One for each that is asked; roles that share one stand together.
        ledger: What finding out has cost, by the first role of each.
        versions: Of autoevol, DSPy and Python.
    """

    endpoints: tuple[RoleCheck, ...]
    ledger: Ledger
    versions: Mapping[str, str]

    @property
    def usable(self) -> bool:
        """Whether a run can be made with all of them."""
        return all(one.usable for one in self.endpoints)

    def table_rows(self) -> TableRows:
        """(label, value) rows, in the order in which they are printed."""
        return [*(row for one in self.endpoints for row in one.table_rows()), *cost_rows(self.ledger)]

    def __repr__(self) -> str:
        return "\n".join(f"{label:<13}  {value}" for label, value in self.table_rows())
