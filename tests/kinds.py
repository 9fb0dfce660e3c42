"""Imitations of the kinds of endpoints that people have, strict where the real ones are.

Each knows its path, the header of its key, its model names and parameters, and has a notation of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from servers import Answer, Endpoint, as_json, refuses, send

Body = dict[str, Any]
_NOT_FOUND = refuses(404, "Not Found")
THOUGHT = "Could you please provide more? The user wants a bridge."


@dataclass(frozen=True)
class Kind:
    """One kind.

    Attributes:
        host: As the documentation writes it, replaced by the imitation's address.
        path: Where it answers, with its query.
        answer: To a request whose path and key are right.
        key: Environment variable that holds the key; None where none is asked for.
        header: That it is sent in, and what stands before it there.
        lost: What it says to any other path.
    """

    host: str
    path: str
    answer: Callable[[Body], Answer]
    key: str | None = None
    header: tuple[str, str] = ("Authorization", "Bearer ")
    lost: Answer = _NOT_FOUND


class Imitation(Endpoint):
    """An endpoint of a kind; `key` is the one that it takes."""

    def __init__(self, kind: Kind, key: str) -> None:
        super().__init__(kind.answer, ["qwen3:8b", "Qwen/Qwen3-8B"])
        self._kind, self._key = kind, key

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path_qs != self._kind.path:
            return await send(request, self._kind.lost)
        name, before = self._kind.header
        if self._kind.key and request.headers.get(name) != before + self._key:
            return await send(request, refuses(401, "Incorrect API key provided", "invalid_api_key"))
        return await super()._handle(request)


def said_to(prompt: str) -> str:
    """A reply that makes sense for a prompt of a run."""
    if "between these two tags" not in prompt:
        return f"Here is the answer in full, with a reason for each step of it. ({prompt[-80:]})"
    task = prompt.rpartition("#Instruction#:\n")[2]
    return f"<final_instruction>\n{task} Explain every step and its cost.\n</final_instruction>"


def prompt_of(body: Body) -> str:
    """The last message, in any provider's shape."""
    last = (body.get("messages") or body["contents"])[-1]
    content = last.get("content", last.get("parts"))
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def chat(
    body: Body, *, text: str | None = None, usage: Mapping[str, Any] | None = None, **fields: Any
) -> Answer:
    """A chat completion with these fields in its message."""
    said = said_to(prompt_of(body)) if text is None else text
    message = {"role": "assistant", "content": said, **fields}
    data: Body = {"id": "c", "object": "chat.completion", "model": body["model"]}
    data["choices"] = [{"index": 0, "finish_reason": "stop", "message": message}]
    return as_json(data if usage is None else {**data, "usage": usage})


def count(body: Body, **more: Any) -> dict[str, Any]:
    """Usage: a token for each word of the prompt, and 90 for the reply."""
    asked = len(prompt_of(body).split()) + 8
    return {"prompt_tokens": asked, "completion_tokens": 90, "total_tokens": asked + 90, **more}


def openai(body: Body) -> Answer:
    for name, instead in (("max_tokens", "Use 'max_completion_tokens' instead."), ("temperature", "")):
        if name in body:
            return refuses(400, f"Unsupported parameter: '{name}' is not supported. {instead}")
    assert body["model"] == "gpt-5-mini"
    assert body["max_completion_tokens"] == 4000
    return chat(body, usage=count(body, completion_tokens_details={"reasoning_tokens": 64}))


def azure(body: Body) -> Answer:
    if "max_tokens" in body:
        told = "Unsupported parameter: 'max_tokens' is not supported with this model."
        return refuses(400, f"{told} Use 'max_completion_tokens' instead.", "unsupported_parameter")
    return chat(body, usage=count(body))


def openrouter(body: Body) -> Answer:
    if body["model"] != "qwen/qwen3-8b:free":
        return refuses(400, f"{body['model']} is not a valid model ID")
    return chat(body, usage=count(body), reasoning=THOUGHT)


def deepseek(body: Body) -> Answer:
    usage = count(body, completion_tokens_details={"reasoning_tokens": 40})
    return chat(body, usage=usage, reasoning_content=THOUGHT)


def dashscope(body: Body) -> Answer:
    if not body.get("stream"):
        return refuses(400, "This model only support stream mode, please enable the stream parameter.")
    assert body["stream_options"] == {"include_usage": True}
    deltas = [{"reasoning_content": THOUGHT}, {"content": said_to(prompt_of(body))}]
    chunks: list[Body] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": []}]
    chunks[-1]["usage"] = count(body)
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return Answer(f"{events}data: [DONE]\n\n".encode(), content_type="text/event-stream")


def vllm(body: Body) -> Answer:
    if body["model"] != "Qwen/Qwen3-8B":
        told = f"The model `{body['model']}` does not exist."
        return as_json({"object": "error", "message": told, "type": "NotFoundError", "code": 404}, 404)
    return chat(body, text=f"{THOUGHT}\n</think>\n\n{said_to(prompt_of(body))}", usage=count(body))


def sglang(body: Body) -> Answer:
    assert body["model"] == "openai/gpt-oss-20b"
    marks = f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>"
    return chat(body, text=marks + said_to(prompt_of(body)), usage=count(body, reasoning_tokens=0))


def llama_cpp(body: Body) -> Answer:
    asked = count(body)["prompt_tokens"]
    if asked > 4096:
        told = f"request ({asked} tokens) exceeds the available context size (4096 tokens), try increasing it"
        error = {"code": 400, "message": told, "type": "exceed_context_size_error", "n_ctx": 4096}
        return as_json({"error": error}, 400)
    return chat(body, usage=count(body), reasoning_content=THOUGHT)


def ollama(body: Body) -> Answer:
    if body["model"] != "qwen3:8b":
        return refuses(404, f'model "{body["model"]}" not found, try pulling it first')
    asked = min(count(body)["prompt_tokens"], 4096)
    usage = {"prompt_tokens": asked, "completion_tokens": 90, "total_tokens": asked + 90}
    return chat(body, usage=usage, reasoning=THOUGHT)


def anthropic(body: Body) -> Answer:
    content = [
        {"type": "thinking", "thinking": THOUGHT, "signature": "s"},
        {"type": "text", "text": said_to(prompt_of(body))},
    ]
    usage = {"input_tokens": count(body)["prompt_tokens"], "output_tokens": 90}
    head = {"id": "m", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None}
    return as_json({**head, "content": content, "stop_reason": "end_turn", "usage": usage})


def gemini(body: Body) -> Answer:
    parts = [{"text": THOUGHT, "thought": True}, {"text": said_to(prompt_of(body))}]
    asked = count(body)["prompt_tokens"]
    usage = {"promptTokenCount": asked, "candidatesTokenCount": 90, "thoughtsTokenCount": 30}
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return as_json({"candidates": [candidate], "usageMetadata": {**usage, "totalTokenCount": asked + 120}})


_UNEXPECTED = as_json({"error": "Unexpected endpoint or method. (POST /chat/completions)"})
_GEMINI = "/v1beta/models/gemini-2.5-flash:generateContent"
_AZURE = "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"

KINDS = {
    "OpenAI": Kind("", "/v1/chat/completions", openai, "OPENAI_API_KEY"),
    "Azure": Kind("https://NAME.openai.azure.com", _AZURE, azure, "AZURE_OPENAI_API_KEY", ("api-key", "")),
    "Anthropic": Kind("", "/v1/messages", anthropic, "ANTHROPIC_API_KEY", ("x-api-key", "")),
    "Gemini": Kind("", _GEMINI, gemini, "GEMINI_API_KEY", ("x-goog-api-key", "")),
    "OpenRouter": Kind("https://openrouter.ai", "/api/v1/chat/completions", openrouter, "OPENROUTER_API_KEY"),
    "DeepSeek": Kind("https://api.deepseek.com", "/chat/completions", deepseek, "DEEPSEEK_API_KEY"),
    "DashScope": Kind(
        "https://dashscope.aliyuncs.com",
        "/compatible-mode/v1/chat/completions",
        dashscope,
        "DASHSCOPE_API_KEY",
    ),
    "vLLM": Kind("http://localhost:8000", "/v1/chat/completions", vllm),
    "SGLang": Kind("http://localhost:30000", "/v1/chat/completions", sglang),
    "llama.cpp": Kind("http://localhost:8080", "/v1/chat/completions", llama_cpp),
    "Ollama": Kind("http://localhost:11434", "/v1/chat/completions", ollama),
    "LM Studio": Kind("http://localhost:1234", "/v1/chat/completions", chat, lost=_UNEXPECTED),
}
"""By the headings of docs/kinds.md."""


def commands_of(page: str) -> dict[str, str]:
    """The command that stands under each second heading of a page."""
    section = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    fence = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
    blocks = {name: fence.findall(text) for name, text in section.findall(page)}
    return {name: found[0].replace("\\\n", " ").strip() for name, found in blocks.items()}


def sent_thinking(lines: list[Body]) -> bool:
    """Whether an instruction or a response holds what the model thought."""
    return any(THOUGHT in json.dumps([line["instruction"], line["response"]]) for line in lines)
