"""Evolving methods from files: our own, a run folder's, and the log of the authors of Auto Evol-Instruct.

Their log is a JSON list of states; a state's `evol_prompt` is the method in force. The reply format that a
prompt demands and the slot for the instruction, both at its end, are cut off: our adapter adds its own to
every method, and two formats in one prompt would contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from autoevol.core.codec import decode_method, encode_method
from autoevol.core.errors import InputError, StoreError
from autoevol.core.records import Method
from autoevol.store.files import read_json, write_json

_DATA = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".gz")
_SLOT = "#Instruction#:"
_FORMAT = "Please reply strictly in the following format:"
_FORM_LINE = re.compile(r"(?:Step \d+|#[^#]+#:)?")


@dataclass(frozen=True, slots=True)
class LoggedMethod:
    """One distinct method of a log.

    Attributes:
        method: Named after its first state.
        states: Numbers of the states in which it was in force, from 0.
        cut: What was cut off the end of the prompt.
    """

    method: Method
    states: tuple[int, ...]
    cut: str


def read_log(path: Path) -> list[LoggedMethod]:
    """The distinct methods of the log at `path`, in order of their first state.

    Raises:
        InputError: If the file is not such a log.
    """
    by_id: dict[str, LoggedMethod] = {}
    for number, prompt in enumerate(_prompts(path)):
        text, cut = cut_contract(prompt)
        method = Method(text, name=f"author-state-{number}")
        if not method.text:
            raise InputError(f"state {number} of {path} holds no method")
        earlier = by_id.get(method.id, LoggedMethod(method, (), cut))
        by_id[method.id] = LoggedMethod(earlier.method, (*earlier.states, number), earlier.cut)
    return list(by_id.values())


def read_state(path: Path, state: int) -> Method:
    """The method in force at one state of the log.

    Raises:
        InputError: If the file is not such a log, or has no such state.
    """
    for logged in read_log(path):
        if state in logged.states:
            return logged.method
    raise InputError(f"{path} has no state {state}")


def import_log(path: Path, out: Path) -> list[Path]:
    """Write each distinct method of the log as a method file into the folder `out`; returns the paths.

    Raises:
        InputError: If the file is not such a log, or `out` cannot be created.
    """
    logged = read_log(path)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {out}: {error}") from error
    written = []
    for entry in logged:
        source = {"file": path.name, "states": entry.states, "cut": entry.cut}
        written.append(out / f"{entry.method.name}.json")
        write_json(written[-1], {**encode_method(entry.method), "source": source})
    return written


def cut_contract(prompt: str) -> tuple[str, str]:
    """(prompt without the reply format and the instruction slot at its end, what was cut off).

    Only the end is cut: the same words inside the steps belong to the method.
    """
    text = prompt.rstrip().removesuffix(f"\n{_SLOT}")
    before, form, lines = text.rpartition(_FORMAT)
    if form and all(_FORM_LINE.fullmatch(line.strip()) for line in lines.splitlines()):
        text = before
    return text.strip(), prompt[len(text) :].strip()


def _prompts(path: Path) -> Sequence[str]:
    try:
        states = read_json(path)
    except StoreError as error:
        raise InputError(str(error)) from error
    if not isinstance(states, list) or not states:
        raise InputError(f"{path} is not an optimizer log: {'no such file' if states is None else 'no list'}")
    prompts: list[str] = []
    for number, state in enumerate(states):
        prompt = state.get("evol_prompt") if isinstance(state, dict) else None
        if not isinstance(prompt, str):
            raise InputError(f"{path} is not an optimizer log: state {number} has no evol_prompt")
        prompts.append(prompt)
    return prompts


def load_method(source: str | Path) -> Method:
    """A method from a run folder, a method.json or a plain text file.

    Raises:
        InputError: If there is none; the message says what was looked for.
    """
    path = Path(source)
    of_a_run = path.is_dir()
    if of_a_run:
        path = path / "method.json"
    if path.suffix in _DATA:
        raise InputError(f"{path} looks like data; a method is a .json or a plain text file, or a run folder")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"no evolving method at {path}: {error}") from error
    if path.suffix != ".json":
        method = Method(text, name=path.stem)
    else:
        try:
            data = orjson.loads(text)
            method = decode_method(data)
            if of_a_run and data.get("id", method.id) != method.id:
                raise InputError(
                    f"the method in {path} is not the one that was written there. Restore it from a copy, or "
                    "name the file instead of the folder to use it as it is"
                )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is not a method file: {error!r}") from error
    if not method.text:
        raise InputError(f"the evolving method in {path} is empty")
    return method
