"""How a signature reaches a model as plain chat text, and how its one output is read back.

DSPy's own adapters wrap every field in markers, which changes how models write. Here the
instructions and inputs are one ordinary user message, demos are earlier turns, and only the
output contract is ours: it is added by the adapter to whatever the instructions say, so no
optimizer can rewrite it away.
"""

from __future__ import annotations

from typing import Any

import dspy
from dspy.adapters.base import Adapter
from dspy.lm15 import Request, Response, request_from_openai_chat

from autoevol.programs.tags import choose_tag, contract, read_marked, wrap

Turn = dict[str, str]

# What DSPy keeps among an LM's sampling settings although it never reaches a model.
_NOT_SAMPLING = frozenset(
    {"n", "rollout_id", "cache", "api_key", "api_base", "base_url", "headers", "extra_headers", "timeout"}
)


def chat_request(lm: dspy.BaseLM, turns: list[Turn], settings: dict[str, Any]) -> Request:
    """`turns` with the LM's own sampling settings, overridden by `settings`."""
    merged = {**lm.kwargs, **settings}
    sampling = {k: v for k, v in merged.items() if k not in _NOT_SAMPLING and v is not None}
    return request_from_openai_chat({"model": lm.model, "messages": turns, **sampling})


class PlainText(Adapter):
    """Instructions, then the inputs under their names; the whole reply is the output.

    For signatures with one output field. Empty replies are returned as they are: whether a
    text is any good is for a metric to say, and an adapter that raises hides the case from it.
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
        request, count, controls = self._plan(lm, lm_kwargs, signature, demos, inputs)
        replies = [lm(request=request, **controls) for _ in range(count)]
        return [self._read(reply, signature, demos, inputs) for reply in replies]

    async def acall(
        self,
        lm: dspy.BaseLM,
        lm_kwargs: dict[str, Any],
        signature: type[dspy.Signature],
        demos: list[dict[str, Any]],
        inputs: dict[str, Any],
    ) -> list[dict[str, Any]]:
        """The same from a coroutine."""
        request, count, controls = self._plan(lm, lm_kwargs, signature, demos, inputs)
        replies = [await lm.acall(request=request, **controls) for _ in range(count)]
        return [self._read(reply, signature, demos, inputs) for reply in replies]

    def format(
        self, signature: type[dspy.Signature], demos: list[dict[str, Any]], inputs: dict[str, Any]
    ) -> list[Turn]:
        """The chat: demos as user and assistant turns, the instructions at the very start."""
        preamble, output = self._preamble(signature, demos, inputs), _output(signature)
        turns: list[Turn] = []
        for demo in _complete(signature, demos):
            turns.append({"role": "user", "content": f"{_question(signature, demo)}{self.reminder}"})
            turns.append(
                {"role": "assistant", "content": self._answer(str(demo[output]), signature, demos, inputs)}
            )
        question = _question(signature, inputs)
        turns.append({"role": "user", "content": f"{question}{self.reminder}" if turns else question})
        turns[0]["content"] = f"{preamble}\n\n{turns[0]['content']}"
        return turns

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """The reply as the one output field."""
        return {_output(signature): completion.strip()}

    def _preamble(self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]) -> str:
        return signature.instructions

    def _answer(
        self, text: str, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]
    ) -> str:
        return text

    def _read(
        self, reply: Response, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        text = reply.message.text or ""
        return {**self.parse(signature, text), "reply": text, "finish_reason": reply.finish_reason}

    def _plan(
        self,
        lm: dspy.BaseLM,
        lm_kwargs: dict[str, Any],
        signature: type[dspy.Signature],
        demos: list[dict[str, Any]],
        inputs: dict[str, Any],
    ) -> tuple[Request, int, dict[str, Any]]:
        request = chat_request(lm, self.format(signature, demos, inputs), lm_kwargs)
        merged = {**lm.kwargs, **lm_kwargs}
        controls = {name: merged[name] for name in ("rollout_id", "cache") if merged.get(name) is not None}
        return request, merged.get("n") or 1, controls


class TaggedText(PlainText):
    """As `PlainText`, but the reply may think aloud: its output stands between two tags.

    A prediction has, beside the output field (empty if nothing usable was marked), `reply`,
    `finish_reason` and `marked`: True if the output was found.

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

    def _preamble(self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]) -> str:
        tag = self._tag_for(signature, demos, inputs)
        return f"{signature.instructions}\n\n{contract(tag, self.asks_for)}"

    def _answer(
        self, text: str, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]
    ) -> str:
        return wrap(text, self._tag_for(signature, demos, inputs))

    def _read(
        self, reply: Response, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        text = reply.message.text or ""
        tag = self._tag_for(signature, demos, inputs)
        found = self._marked(signature, text, tag, complete=reply.finish_reason == "stop")
        return {**found, "reply": text, "finish_reason": reply.finish_reason}

    def _marked(
        self, signature: type[dspy.Signature], text: str, tag: str, *, complete: bool
    ) -> dict[str, Any]:
        found = read_marked(text, tag, complete=complete, renamed=self.renamed)
        return {_output(signature): found.text if found else "", "marked": found is not None}

    def _tag_for(self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]) -> str:
        shown = (value for demo in _complete(signature, demos) for value in demo.values())
        return choose_tag(self.tag, "\n".join(str(value) for value in (*inputs.values(), *shown)))


def _complete(signature: type[dspy.Signature], demos: list[Any]) -> list[dict[str, Any]]:
    """The fields of demos that have them all; an optimizer may leave out or blank some.

    What else a demo holds is not shown: bootstrapped ones keep the whole prediction.
    """
    return [
        {name: demo[name] for name in signature.fields}
        for demo in demos
        if all(demo.get(name) not in (None, "") for name in signature.fields)
    ]


def _question(signature: type[dspy.Signature], values: dict[str, Any]) -> str:
    return "\n\n".join(f"#{_title(name)}#:\n{values[name]}" for name in signature.input_fields)


def _output(signature: type[dspy.Signature]) -> str:
    (name,) = signature.output_fields
    return name


def _title(field: str) -> str:
    return field.replace("_", " ").title()
