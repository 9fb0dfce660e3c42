"""The notations of the trainers.

    messages           TRL, Axolotl: {"messages": [{"role", "content"}]}
    prompt-completion  TRL: the same turns, the last one as `completion`
    sharegpt           LLaMA-Factory, Axolotl: {"conversations": [{"from", "value"}]}
    alpaca             LLaMA-Factory, Axolotl: instruction, input, output, system, history (Axolotl
                       reads the first three only, so conversations should not go to it this way)
    openai             OpenAI fine-tuning: {"messages": [...]}
    parquet            messages, as a Parquet file

Every record of a format has the same columns of the same types, so that no loader has to guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoevol.core.errors import unknown
from autoevol.dataset.examples import Example

if TYPE_CHECKING:
    from datasets import Features

_Turns = Iterable[tuple[str, str]]
_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}


@dataclass(frozen=True)
class Format:
    """How examples are written for a trainer.

    Attributes:
        suffix: Of the file: `.jsonl` or `.parquet`.
        encode: Example in, record out.
        columns: Column to its type, in a notation of `_feature`.
        llamafactory: Entry of LLaMA-Factory's `dataset_info.json`, without the file's name.
        axolotl: Entry of Axolotl's `datasets`, without the file's name.
    """

    name: str
    suffix: str
    encode: Callable[[Example], dict[str, Any]]
    columns: dict[str, Any]
    llamafactory: dict[str, Any] | None = None
    axolotl: dict[str, Any] | None = None

    def features(self) -> Features:
        """The types of the columns, for `datasets.load_dataset(..., features=...)`.

        Without them the `datasets` library guesses the types of a JSONL file, and takes text that
        happens to be dates all through for timestamps.
        """
        from datasets import Features

        return Features({name: _feature(kind) for name, kind in self.columns.items()})


def _feature(kind: Any) -> Any:  # noqa: ANN401 (the types of `datasets`)
    from datasets import List, Value

    if isinstance(kind, list):
        return List(_feature(kind[0]))
    if isinstance(kind, dict):
        return {name: _feature(inner) for name, inner in kind.items()}
    return Value(kind)


def find_format(name: str) -> Format:
    """A format by name.

    Raises:
        InputError: If it is unknown.
    """
    if name not in FORMATS:
        raise unknown("--format", name, FORMATS)
    return FORMATS[name]


def _messages(turns: _Turns) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


def _as_messages(example: Example) -> dict[str, Any]:
    return {"messages": _messages(example.turns)}


def _as_prompt_completion(example: Example) -> dict[str, Any]:
    return {"prompt": _messages(example.turns[:-1]), "completion": _messages(example.turns[-1:])}


def _as_sharegpt(example: Example) -> dict[str, Any]:
    # As a turn, not in a column: of an empty `system` column Axolotl makes an empty system turn.
    return {"conversations": [{"from": _SHAREGPT[role], "value": text} for role, text in example.turns]}


def _as_alpaca(example: Example) -> dict[str, Any]:
    said = [text for _, text in example.dialogue]
    return {
        "instruction": said[-2],
        "input": "",
        "output": said[-1],
        "system": example.system,
        "history": [[said[place], said[place + 1]] for place in range(0, len(said) - 2, 2)],
    }


_TURNS = [{"role": "string", "content": "string"}]
_CHAT = {"type": "chat_template", "field_messages": "messages"}
FORMATS = {
    found.name: found
    for found in (
        Format("messages", ".jsonl", _as_messages, {"messages": _TURNS}, axolotl=_CHAT),
        Format(
            "prompt-completion", ".jsonl", _as_prompt_completion, {"prompt": _TURNS, "completion": _TURNS}
        ),
        Format(
            "sharegpt",
            ".jsonl",
            _as_sharegpt,
            {"conversations": [{"from": "string", "value": "string"}]},
            llamafactory={
                "formatting": "sharegpt",
                "columns": {"messages": "conversations"},
                "tags": {
                    "role_tag": "from",
                    "content_tag": "value",
                    "user_tag": "human",
                    "assistant_tag": "gpt",
                    "system_tag": "system",
                },
            },
            axolotl={
                "type": "chat_template",
                "field_messages": "conversations",
                "message_property_mappings": {"role": "from", "content": "value"},
            },
        ),
        Format(
            "alpaca",
            ".jsonl",
            _as_alpaca,
            {
                "instruction": "string",
                "input": "string",
                "output": "string",
                "system": "string",
                "history": [["string"]],
            },
            llamafactory={
                "formatting": "alpaca",
                "columns": {
                    "prompt": "instruction",
                    "query": "input",
                    "response": "output",
                    "system": "system",
                    "history": "history",
                },
            },
            axolotl={"type": "alpaca"},
        ),
        Format("openai", ".jsonl", _as_messages, {"messages": _TURNS}),
        Format("parquet", ".parquet", _as_messages, {"messages": _TURNS}, axolotl=_CHAT),
    )
}
