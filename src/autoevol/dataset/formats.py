"""The formats of an export, and which trainers read them.

    format             written as                                     read whole by
    messages           {"messages": [{"role", "content"}]}            TRL, Axolotl (chat_template), Unsloth
    prompt-completion  the same turns, the last one as `completion`   TRL
    sharegpt           {"conversations": [{"from", "value"}]}         LLaMA-Factory, Axolotl (chat_template)
    alpaca             instruction, input, output, system, history    LLaMA-Factory
    openai             {"messages": [...]}                            OpenAI fine-tuning
    parquet            messages, as a Parquet file                    TRL, Axolotl (chat_template)

Axolotl's and Unsloth's `alpaca` read neither `system` nor `history` and would train on conversations that
were cut; so an alpaca export says nothing to Axolotl, for which the others are.

Tool turns: messages, prompt-completion and openai have them as `tool_calls` and `tool`, sharegpt as
`function_call` and `observation`; the descriptions of the tools are in `tools`. Alpaca and parquet refuse
them. Thinking (`--with-thinking`): `reasoning_content` in messages, `<think>` in front of the answer in
sharegpt and alpaca, which have no field for it; OpenAI's fine-tuning takes none.

Every record of a format has the same columns of the same types, so that no loader has to guess; only
`tools` and the keys of tool turns are there where they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoevol.core.errors import unknown
from autoevol.dataset import notations
from autoevol.dataset.examples import Example

if TYPE_CHECKING:
    from datasets import Features


@dataclass(frozen=True)
class Format:
    """How examples are written for a trainer.

    Attributes:
        suffix: Of the file: `.jsonl` or `.parquet`.
        encode: Example in, record out. Raises InputError for what the notation cannot hold.
        columns: Column to its type, in a notation of `_feature`.
        thinking: Where thinking goes: into a separate `field`, in `tags` before the answer, or nowhere.
        llamafactory: Entry of LLaMA-Factory's `dataset_info.json`, without the file's name.
        axolotl: Entry of Axolotl's `datasets`, without the file's name.
    """

    name: str
    suffix: str
    encode: Callable[[Example], dict[str, Any]]
    columns: dict[str, Any]
    thinking: str = "field"
    llamafactory: dict[str, Any] | None = None
    axolotl: dict[str, Any] | None = None

    def features(self, with_thinking: bool = False) -> Features:
        """The types of the columns, for `datasets.load_dataset(..., features=...)`.

        Without them the `datasets` library guesses the types of a JSONL file, and a column whose texts all
        look like dates becomes timestamps. Tool turns are not included.
        """
        from datasets import Features

        columns = self.columns
        if with_thinking and self.thinking == "field":
            columns = {name: _THOUGHTFUL if kind is _TURNS else kind for name, kind in columns.items()}
        return Features({name: _feature(kind) for name, kind in columns.items()})


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


_TURNS = [{"role": "string", "content": "string"}]
_THOUGHTFUL = [{"role": "string", "content": "string", "reasoning_content": "string"}]
_ALPACA = {"instruction": "string", "input": "string", "output": "string", "system": "string"}
_CHAT = {"type": "chat_template", "field_messages": "messages"}
_SHAREGPT_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "system_tag": "system",
    "function_tag": "function_call",
    "observation_tag": "observation",
}
FORMATS = {
    found.name: found
    for found in (
        Format("messages", ".jsonl", notations.as_messages, {"messages": _TURNS}, axolotl=_CHAT),
        Format(
            "prompt-completion",
            ".jsonl",
            notations.as_prompt_completion,
            {"prompt": _TURNS, "completion": _TURNS},
        ),
        Format(
            "sharegpt",
            ".jsonl",
            notations.as_sharegpt,
            {"conversations": [{"from": "string", "value": "string"}]},
            thinking="tags",
            llamafactory={
                "formatting": "sharegpt",
                "columns": {"messages": "conversations"},
                "tags": _SHAREGPT_TAGS,
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
            notations.as_alpaca,
            {**_ALPACA, "history": [["string"]]},
            thinking="tags",
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
        ),
        Format("openai", ".jsonl", notations.as_messages, {"messages": _TURNS}, thinking="nowhere"),
        Format("parquet", ".parquet", notations.as_plain_messages, {"messages": _TURNS}, axolotl=_CHAT),
    )
}
