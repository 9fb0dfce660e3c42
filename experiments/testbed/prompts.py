"""Reads any optimizer's prompt as fields, and writes the reply in the form that it asks for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from dspy.lm15 import Request

from autoevol.core.fence import without_fences
from autoevol.programs.tags import wrap

_SECTION = re.compile(r"^#([A-Z][A-Za-z0-9 ]*)#:\n", re.MULTILINE)
_FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\]\n", re.MULTILINE)
_CONTRACT = re.compile(r"between these two tags:\n<(\w+)>\n\.\.\.\n</\1>")
_ASKED = re.compile(r"\n\nRespond with (?:the corresponding output fields|a JSON object)")
_NAME = re.compile(r"`(?:\[\[ ## )?(\w+)(?: ## \]\])?`")


@dataclass(frozen=True)
class Prompt:
    """What an optimizer's request says.

    Attributes:
        text: Everything that was sent, in order.
        fields: Input fields by name, in lower case with underscores.
        wanted: Output fields, in order; empty where plain text is wanted.
        form: `tags` (AutoEvol and its rivals here), `fields` or `json` (DSPy), or `plain`.
    """

    text: str
    fields: dict[str, str]
    wanted: tuple[str, ...]
    form: str

    def reply(self, values: dict[str, str]) -> str:
        """`values` in the form that is wanted (not plain); a wanted field without a value gets a filler."""
        filled = {name: values.get(name, f"Some words about {name}.") for name in self.wanted}
        match self.form:
            case "tags":
                return "I weigh what was seen.\n" + "\n".join(wrap(text, tag) for tag, text in filled.items())
            case "json":
                return json.dumps(filled)
            case _:
                parts = [f"[[ ## {name} ## ]]\n{text}" for name, text in filled.items()]
                return "\n\n".join([*parts, "[[ ## completed ## ]]"])


def read_prompt(request: Request) -> Prompt:
    """What `request` says, whichever adapter wrote it."""
    last = request.messages[-1].text or ""
    text = "\n".join([request.system if isinstance(request.system, str) else "", *_texts(request)])
    asked = _ASKED.search(last)
    if asked:
        fields = _split(_FIELD, last[: asked.start()])
        wanted = [name for name in _NAME.findall(last[asked.start() :]) if name != "completed"]
        form = "json" if "JSON" in asked.group() else "fields"
        return Prompt(text, fields, tuple(wanted), form)
    contract = _CONTRACT.search(last)
    fields = _split(_SECTION, last)
    return Prompt(text, fields, (contract[1],) if contract else (), "tags" if contract else "plain")


def _texts(request: Request) -> list[str]:
    return [message.text or "" for message in request.messages]


def _split(marker: re.Pattern[str], text: str) -> dict[str, str]:
    pieces = marker.split(text)[1:]
    names = (name.lower().replace(" ", "_") for name in pieces[::2])
    return {name: without_fences(piece.strip()) for name, piece in zip(names, pieces[1::2], strict=True)}


_ATTEMPT = re.compile(r"Instruction #\d+:\s*(.*?)\s*»+\n\[\d+\] «+[^\n]*?Prefix", re.DOTALL)
_TRIED = re.compile(r"(.*?) \| Score: (-?[\d.]+)\n*", re.DOTALL)
_SCORED = re.compile(r"^Score (-?[\d.]+):\n", re.MULTILINE)
_REWRITE = re.compile(r"^Rewrite \d+ \((put in force|turned down)\): (.*)\.$", re.MULTILINE)
_GAIN = re.compile(r"it cured (\S+) and broke ([^\s;]+)")
_ADDED = re.compile(r"^Added:\n(.*?)(?=^Left out:\n|\Z)", re.MULTILINE | re.DOTALL)
_KIND_COUNT = re.compile(r"\b([a-z_]+) (\d+)\b")
_SINGLE = ("current_instruction", "basic_instruction")


def base_method(prompt: Prompt) -> str | None:
    """The method that a proposal starts from: the best-scored one shown, else the one in force.

    Where several are shown, every optimizer here lists them in ascending order of score.
    """
    shown = {
        "attempted_instructions": lambda text: _ATTEMPT.findall(text),
        "previous_instructions": lambda text: [method for method, _ in _TRIED.findall(text)],
        "scored_methods": lambda text: _SCORED.split(text)[2::2],
    }
    for field, read in shown.items():
        if methods := read(prompt.fields.get(field, "")):
            return " ".join(methods[-1].split())
    single = (text for name, text in prompt.fields.items() if text and ("method" in name or name in _SINGLE))
    return next(single, None)


class ToldRewrite(NamedTuple):
    """An earlier rewrite as the record of a prompt tells of it.

    Attributes:
        added: What it added to its base.
        kept: Whether it was put in force.
        gain: Rows cured less rows broken; 0 where it was dropped early.
    """

    added: str
    kept: bool
    gain: float


def told_rewrites(prompt: Prompt) -> list[ToldRewrite]:
    """The earlier rewrites that a prompt tells of, oldest first."""
    pieces = _REWRITE.split(prompt.fields.get("record", ""))[1:]
    rewrites: list[ToldRewrite] = []
    for ending, fared, changes in zip(*(pieces[place::3] for place in range(3)), strict=True):
        added, figures = _ADDED.search(changes), _GAIN.search(fared)
        gain = float(figures[1]) - float(figures[2]) if figures else 0.0
        rewrites.append(ToldRewrite(added[1].strip() if added else "", ending == "put in force", gain))
    return rewrites


def told_kinds(prompt: Prompt) -> dict[str, int]:
    """How often the record of a prompt says that each kind of failure was met."""
    first = prompt.fields.get("record", "").partition("\n")[0]
    counts = first.partition(": ")[2] if first.startswith("The method in force on the ") else ""
    return {kind: int(count) for kind, count in _KIND_COUNT.findall(counts)}
