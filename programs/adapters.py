"""How a signature reaches a model as plain chat text, and how its one output is read back.

DSPy's own adapters wrap every field in markers, which changes how models write. Here the
instructions and inputs are one ordinary user message, demos are earlier turns, and only the
output contract is ours: it is added by the adapter to whatever the instructions say, so no
optimizer can rewrite it away.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, cast

import dspy
from dspy.adapters.base import Adapter
from dspy.clients.errors import error_boundary
from dspy.lm15 import Config, Message, Request, Response, request_from_openai_chat

from autoevol.programs.tags import choose_tag, contract, read_marked, wrap

Turn = dict[str, str]

# What DSPy keeps among an LM's sampling settings although it never reaches a model.
_NOT_SAMPLING = frozenset(
    {"n", "rollout_id", "cache", "api_key", "api_base", "base_url", "headers", "extra_headers", "timeout"}
)


def chat_request(lm: dspy.BaseLM, turns: list[Turn], settings: dict[str, Any]) -> Request:
    """`turns` with the LM's own sampling settings, overridden by `settings`.

    What `request_from_openai_chat` makes of them, but the settings, which seldom change, are
    read once.
    """
    merged = {**lm.kwargs, **settings}
    sampling = {k: v for k, v in merged.items() if k not in _NOT_SAMPLING and v is not None}
    try:
        config = _known_config(lm.model, tuple((k, type(v), v) for k, v in sampling.items()))
    except TypeError:  # a setting that cannot be hashed: a schema, a list of stops
        config = _config(lm.model, sampling)
    system = turns[0]["content"] if turns[0]["role"] == "system" else None
    messages = tuple(_MESSAGE[turn["role"]](turn["content"]) for turn in turns[system is not None :])
    return Request(model=lm.model, messages=messages, system=system, config=config)


_MESSAGE = {"user": Message.user, "assistant": Message.assistant}


def _config(model: str, sampling: dict[str, Any]) -> Config:
    turns = [{"role": "user", "content": "?"}]
    return request_from_openai_chat({"model": model, "messages": turns, **sampling}).config


@lru_cache(maxsize=64)
def _known_config(model: str, sampling: tuple[tuple[str, type, Any], ...]) -> Config:
    # With types, as 0 and 0.0 are one key and two requests.
    return _config(model, {name: value for name, _, value in sampling})


async def reply_to(lm: dspy.BaseLM, request: Request, **controls: Any) -> Response:  # noqa: ANN401
    """One reply, straight from the engine where nobody would notice the difference.

    `lm.acall` hands every call to worker threads, copies it, prices it and writes its history:
    more work than the call itself. Errors are DSPy's on both ways.
    """
    complete = getattr(getattr(lm, "engine", None), "acomplete", None)
    if complete is None or controls or watched(lm):
        return await lm.acall(request=request, **controls)
    with error_boundary(lm.model, unexpected=True):
        return await complete(request)


def watched(lm: Any) -> bool:  # noqa: ANN401 (an LM of any class)
    """Whether DSPy does anything around a call of `lm` that somebody could see afterwards."""
    settings = dspy.settings
    return bool(
        type(lm) is not dspy.LM
        or lm.cache
        or lm.num_retries
        or lm.callbacks
        or settings.callbacks
        or not settings.disable_history
        or settings.usage_tracker
        or settings.track_usage
        or settings.send_stream
    )


def tokens_of(reply: Response) -> tuple[int, int]:
    """Input and output tokens as the provider counted them, 0 where it did not."""
    usage = reply.usage
    return (usage.input_tokens or 0, usage.output_tokens or 0) if usage else (0, 0)


def _facts(reply: Response, text: str) -> dict[str, Any]:
    return {"reply": text, "finish_reason": reply.finish_reason, "tokens": tokens_of(reply)}


class PlainText(Adapter):
    """Instructions, then the inputs under their names; the whole reply is the output.

    For signatures with one output field. A prediction has, beside it, `reply`, `finish_reason` and
    `tokens` (input, output). Empty replies are returned as they are: whether a text is any good is
    for a metric to say, and an adapter that raises hides the case from it.
    """

    reminder = ""

    def __call__(
        self,
        lm: dspy.BaseLM,
        lm_kwargs: dict[str, Any],
        signature: type[dspy.Signature],
        demos: list[dict[str, Any]],
        inputs: dict[str, Any],
    ) -> list[dict[str, Any]]:
        """Ask `n` times (one request each) and read every reply."""
        tag = self._tag_for(signature, demos, inputs)
        request, count, controls = self._plan(lm, lm_kwargs, self._turns(signature, demos, inputs, tag))
        replies = [lm(request=request, **controls) for _ in range(count)]
        return [self._read(reply, signature, tag) for reply in replies]

    async def acall(
        self,
        lm: dspy.BaseLM,
        lm_kwargs: dict[str, Any],
        signature: type[dspy.Signature],
        demos: list[dict[str, Any]],
        inputs: dict[str, Any],
    ) -> list[dict[str, Any]]:
        """The same from a coroutine."""
        tag = self._tag_for(signature, demos, inputs)
        request, count, controls = self._plan(lm, lm_kwargs, self._turns(signature, demos, inputs, tag))
        replies = [await reply_to(lm, request, **controls) for _ in range(count)]
        return [self._read(reply, signature, tag) for reply in replies]

    def format(
        self, signature: type[dspy.Signature], demos: list[dict[str, Any]], inputs: dict[str, Any]
    ) -> list[Turn]:
        """The chat: demos as user and assistant turns, the instructions at the very start."""
        return self._turns(signature, demos, inputs, self._tag_for(signature, demos, inputs))

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """The reply as the one output field."""
        return {_layout(signature).output: completion.strip()}

    def _turns(
        self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any], tag: str
    ) -> list[Turn]:
        output = _layout(signature).output
        turns: list[Turn] = []
        for demo in _complete(signature, demos):
            turns.append({"role": "user", "content": f"{_question(signature, demo)}{self.reminder}"})
            turns.append({"role": "assistant", "content": self._answer(str(demo[output]), tag)})
        question = _question(signature, inputs)
        turns.append({"role": "user", "content": f"{question}{self.reminder}" if turns else question})
        turns[0]["content"] = f"{self._preamble(signature, tag)}\n\n{turns[0]['content']}"
        return turns

    def _tag_for(self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]) -> str:
        return ""

    def _preamble(self, signature: type[dspy.Signature], tag: str) -> str:
        return signature.instructions

    def _answer(self, text: str, tag: str) -> str:
        return text

    def _read(self, reply: Response, signature: type[dspy.Signature], tag: str) -> dict[str, Any]:
        text = reply.message.text or ""
        return {**self.parse(signature, text), **_facts(reply, text)}

    def _plan(
        self, lm: dspy.BaseLM, lm_kwargs: dict[str, Any], turns: list[Turn]
    ) -> tuple[Request, int, dict[str, Any]]:
        merged = {**lm.kwargs, **lm_kwargs}
        controls = {name: merged[name] for name in ("rollout_id", "cache") if merged.get(name) is not None}
        return chat_request(lm, turns, lm_kwargs), merged.get("n") or 1, controls


class TaggedText(PlainText):
    """As `PlainText`, but the reply may think aloud: its output stands between two tags.

    A prediction has, beside the output field (empty if nothing usable was marked), `marked`: True if
    the output was found; and what `PlainText` gives.

    Args:
        tag: Name of the tags.
        asks_for: What stands between them, in the words of the contract.
        renamed: Also accept the headings that methods of the papers use for the result.
        reminder: Ends every user turn of a chat that has demos. There the instructions are
            many turns away, and small models answer a task instead of rewriting it.
    """

    def __init__(self, tag: str, asks_for: str, *, renamed: bool = False, reminder: str = "") -> None:
        super().__init__()
        self.reminder = f"\n\n{reminder}" if reminder else ""
        self.tag = tag
        self.asks_for = asks_for
        self.renamed = renamed

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """What stands between the tags, or '' if the reply does not mark a result."""
        return self._marked(signature, completion, self.tag, complete=False)

    def _preamble(self, signature: type[dspy.Signature], tag: str) -> str:
        return f"{signature.instructions}\n\n{contract(tag, self.asks_for)}"

    def _answer(self, text: str, tag: str) -> str:
        return wrap(text, tag)

    def _read(self, reply: Response, signature: type[dspy.Signature], tag: str) -> dict[str, Any]:
        text = reply.message.text or ""
        found = self._marked(signature, text, tag, complete=reply.finish_reason == "stop")
        return {**found, **_facts(reply, text)}

    def _marked(
        self, signature: type[dspy.Signature], text: str, tag: str, *, complete: bool
    ) -> dict[str, Any]:
        found = read_marked(text, tag, complete=complete, renamed=self.renamed)
        return {_layout(signature).output: found.text if found else "", "marked": found is not None}

    def _tag_for(self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]) -> str:
        shown = (value for demo in _complete(signature, demos) for value in demo.values())
        return choose_tag(self.tag, "\n".join(str(value) for value in (*inputs.values(), *shown)))


class _Layout(NamedTuple):
    """The names of a signature's fields. DSPy computes them anew at every look."""

    fields: tuple[str, ...]
    inputs: tuple[str, ...]
    output: str


def _layout(signature: type[dspy.Signature]) -> _Layout:
    return _known_layout(cast(Any, signature))  # classes are hashable, whatever their instances are


@lru_cache(maxsize=256)
def _known_layout(signature: Any) -> _Layout:  # noqa: ANN401
    (output,) = signature.output_fields
    return _Layout(tuple(signature.fields), tuple(signature.input_fields), output)


def _complete(signature: type[dspy.Signature], demos: list[Any]) -> list[dict[str, Any]]:
    """The fields of demos that have them all; an optimizer may leave out or blank some.

    What else a demo holds is not shown: bootstrapped ones keep the whole prediction.
    """
    names = _layout(signature).fields
    return [
        {name: demo[name] for name in names}
        for demo in demos
        if all(demo.get(name) not in (None, "") for name in names)
    ]


def _question(signature: type[dspy.Signature], values: dict[str, Any]) -> str:
    return "\n\n".join(f"#{_title(name)}#:\n{values[name]}" for name in _layout(signature).inputs)


def _title(field: str) -> str:
    return field.replace("_", " ").title()
