"""An lm15 request as the JSON body of an OpenAI-compatible chat completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dspy.lm15 import Request, UnsupportedFeatureError

_PLAIN = ("temperature", "top_p", "max_tokens", "seed", "frequency_penalty", "presence_penalty")


def chat_body(request: Request) -> dict[str, Any]:
    """The body for POST /chat/completions: model, messages and the sampling settings that are set.

    Server-specific settings (`top_k`, `min_p`, ...) stay top-level keys, as llama.cpp, vLLM and SGLang
    expect them.

    Raises:
        UnsupportedFeatureError: For tools and for anything but text in a message; autoevol
            records text calls only.
    """
    if request.tools:
        raise UnsupportedFeatureError("autoevol's LM layer records text calls; tools are not supported")
    messages = [{"role": "system", "content": _text(request.system)}] if request.system else []
    messages += [{"role": message.role, "content": _text(message.parts)} for message in request.messages]
    config = request.config
    body: dict[str, Any] = {"model": request.model, "messages": messages}
    body |= {name: value for name in _PLAIN if (value := getattr(config, name)) is not None}
    if config.top_k is not None:
        body["top_k"] = config.top_k
    if config.stop:
        body["stop"] = list(config.stop)
    if config.response_format is not None:
        body["response_format"] = _response_format(config.response_format)
    if config.reasoning is not None:
        body["reasoning_effort"] = config.reasoning.effort
    return body | dict(config.extensions or {})


def _response_format(canonical: Mapping[str, Any]) -> dict[str, Any]:
    if canonical["type"] != "json_schema":
        return dict(canonical)
    schema = {key: canonical[key] for key in ("schema", "strict") if key in canonical}
    return {"type": "json_schema", "json_schema": {"name": canonical.get("name") or "response", **schema}}


def _text(content: Any) -> str:  # noqa: ANN401 (lm15 gives str or parts of many classes)
    if isinstance(content, str):
        return content
    if any(part.type not in ("text", "refusal") for part in content):
        raise UnsupportedFeatureError("autoevol's LM layer records text calls; media parts are not supported")
    return "".join(part.text for part in content)
