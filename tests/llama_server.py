"""The endpoints of llama.cpp's server that likelihoods are asked of, with words for tokens, on loopback.

The n-th word of its vocabulary has the log-probability -(n + 1) after any prompt, and -(n + 1) / 2 where the
prompt holds the word already. A word that begins with `~` is a part of a character: grammars do not hold for
it, and it is not reported when it is written.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from autoevol.lm import likelihood
from servers import Answer, Endpoint, as_json, refuses

TEMPLATE = "<user> {} <assistant> "


class LlamaServer(Endpoint):
    """One server; `serve` of the library returns it inside `installed`.

    Attributes:
        words: Its vocabulary so far.
        faults: What it answers first, one request each.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.words: list[str] = []
        self.faults: list[Answer] = []

    def installed(self, patch: pytest.MonkeyPatch) -> None:
        """Stand in for the process that llama.cpp's server runs in."""
        address = self.url.removesuffix("/v1").rstrip("/")
        patch.setattr(likelihood, "serve", lambda *_: SimpleNamespace(listening_address=address))

    def token(self, word: str) -> int:
        """The number of a word, from 0 in the order in which they are met."""
        if word not in self.words:
            self.words.append(word)
        return self.words.index(word)

    def logprob(self, token: int, prompt: list[int]) -> float:
        """Of a word after a prompt."""
        return -(token + 1) / (2 if token in prompt else 1)

    def _answer(self, body: dict[str, Any]) -> Answer:
        if self.faults:
            return self.faults.pop(0)
        if "messages" in body:
            return as_json({"prompt": TEMPLATE.format(body["messages"][0]["content"])})
        if "content" in body:
            words = body["content"].split()
            pieces = [{"id": self.token(w), "piece": [231] if w.startswith("~") else f"{w} "} for w in words]
            return as_json({"tokens": pieces})
        return self._completion(body)

    def _completion(self, body: dict[str, Any]) -> Answer:
        prompt = list(body["prompt"])
        if "grammar" in body:
            told = []
            for token in map(int, re.findall(r"<\[(\d+)\]>", body["grammar"])):
                if self.words[token].startswith("~"):
                    return refuses(500, "Unexpected empty grammar stack")
                told.append({"id": token, "logprob": self.logprob(token, prompt), "top_logprobs": []})
                prompt.append(token)
            return as_json({"completion_probabilities": told})
        (written, _), *_ = body["logit_bias"]
        if self.words[written].startswith("~"):
            return as_json({})
        every = [{"id": token, "logprob": self.logprob(token, prompt)} for token in range(len(self.words))]
        every.sort(key=lambda one: -one["logprob"])
        return as_json({"completion_probabilities": [{**every[0], "top_logprobs": every[: body["n_probs"]]}]})
