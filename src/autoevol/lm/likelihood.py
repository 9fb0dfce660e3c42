"""How likely texts are to a GGUF model in this process: llama.cpp is made to say them, token by token.

llama.cpp's server tells the probability of what it writes, and of nothing else. A grammar that holds the
tokens of a text in their order makes it write that very text; the probabilities it reports are those
before the grammar, over the whole vocabulary, so they are the model's own (`tests/lm/test_likelihood.py`
has them beside PyTorch's).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson
from dspy import lm15
from dspy.lm15 import Message, Request

from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.lm.local import find_weights, fingerprint_of, needs_llama, serve
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.metrics.difficulty import Difficulty

LONGEST = 256
"""Tokens of an instruction and of a response that are read by default."""
_CONTEXT = 2048
_MOST = 900  # of each: both, and a chat template around them
_LIKELIEST = 1_000
_EVERY = 1_000_000  # more tokens than any vocabulary has; some megabytes, which take seconds
_MARK = "autoevol-instruction-stands-here"


class _Token(NamedTuple):
    """One token; `whole` unless it holds only a part of a character."""

    id: int
    whole: bool


class _Frame(NamedTuple):
    """The tokens of the model's chat template before and after an instruction, and any letter."""

    head: list[_Token]
    tail: list[_Token]
    letter: int


class LikelihoodTransport:
    """Answers `{"instruction": ..., "response": ...}` with the mean NLLs of a `Difficulty`, as JSON.

    As a transport, so that every pair is one call: stored, counted, capped and resumed as any other.

    Args:
        weights: The GGUF file.
        longest: Tokens of an instruction and of a response that are read; what is longer is cut there.

    Raises:
        InputError: If llama.cpp is not installed, or `longest` is more than the model is given room for.
    """

    seeded = False

    def __init__(self, weights: Path, longest: int = LONGEST) -> None:
        needs_llama()
        if not 1 <= longest <= _MOST:
            raise InputError(f"1 to {_MOST} tokens of a text can be read, got {longest}")
        self.weights = weights
        self.longest = longest
        self.identity = f"likelihood:{fingerprint_of(weights)}:{longest}:{_CONTEXT}"
        self._starting = asyncio.Lock()
        self._server: Any = None
        self._http: aiohttp.ClientSession | None = None
        self._frame: _Frame | None = None

    async def send(self, request: Request) -> Reply:
        """The figures of one pair. Three passes: the instruction, the response after it, and without it."""
        async with self._starting:
            if self._frame is None:
                self._frame = await self._start()
        pair = orjson.loads(request.messages[-1].text or "")
        instruction = (await self._tokens(pair["instruction"]))[: self.longest]
        response = await self._tokens(pair["response"])
        if not instruction or not response:
            raise lm15.InvalidRequestError("a blank text has no likelihood")
        read, (head, tail, _) = response[: self.longest], self._frame
        figures = {
            "nll_instruction": await self._nll(head, instruction),
            "nll": await self._nll([*head, *instruction, *tail], read),
            "nll_alone": await self._nll([*head, *tail], read),
            "tokens": len(read),
            "cut": len(response) > len(read),
        }
        asked = 3 * len(head) + 2 * len(tail) + len(instruction)
        return Reply(orjson.dumps(figures).decode(), "stop", asked, len(instruction) + 2 * len(read))

    async def aclose(self) -> None:
        """Stop the server."""
        if self._http is not None:
            await self._http.close()
        self._http = self._server = None

    async def _start(self) -> _Frame:
        if self._http is None:
            # Token by token there is little to share out, and threads wait for each other on a busy machine.
            self._server = await asyncio.to_thread(serve, self.weights, 1, _CONTEXT, 0.5)
            self._http = aiohttp.ClientSession(self._server.listening_address)
        turn = {"messages": [{"role": "user", "content": _MARK}]}
        prompt = (await self._post("/apply-template", turn))["prompt"]
        head, mark, tail = prompt.partition(_MARK)
        if not mark:
            raise lm15.ConfigurationError(
                f"the chat template of {self.weights} does not show what a user says"
            )
        before, after = [await self._tokens(text, special=True) for text in (head, tail)]
        return _Frame(before, after, (await self._tokens("a"))[0].id)

    async def _tokens(self, text: str, *, special: bool = False) -> list[_Token]:
        # Only in the template does `<|im_end|>` end a turn; in a text it is a text.
        asked = {"content": text, "add_special": False, "parse_special": special, "with_pieces": True}
        told = (await self._post("/tokenize", asked))["tokens"]
        # A piece that is no text comes as a list of bytes.
        return [_Token(one["id"], isinstance(one["piece"], str) and "\0" not in one["piece"]) for one in told]

    async def _nll(self, before: Sequence[_Token], said: Sequence[_Token]) -> float:
        """Mean NLL of a token of `said` after `before`, in nats."""
        logs, done = list[float](), [token.id for token in before]
        for whole, run in groupby(said, key=lambda token: token.whole):
            ids = [token.id for token in run]
            if whole:
                logs += await self._forced(done, ids)
                done += ids
                continue
            for one in ids:
                logs.append(await self._looked_up(done, one))
                done.append(one)
        return -math.fsum(logs) / len(logs)

    async def _forced(self, before: Sequence[int], said: Sequence[int]) -> list[float]:
        """Log-probabilities of whole tokens: the model is made to write them."""
        grammar = f"root ::= {' '.join(f'<[{one}]>' for one in said)}"
        told = await self._written(before, {"n_predict": len(said), "n_probs": 1, "grammar": grammar})
        if [one["id"] for one in told] != list(said):
            raise lm15.ConfigurationError("this version of llama.cpp does not write the tokens of a grammar")
        return [one["logprob"] for one in told]

    async def _looked_up(self, before: Sequence[int], token: int) -> float:
        """The same of a token that is a part of a character, as many of an emoji are.

        Grammars do not hold for those, and one that begins a character is not reported when it is written. In
        its place a letter is, and it is found in the list of the likeliest tokens that comes with that.
        """
        assert self._frame is not None, "started before anything is asked"
        letter = self._frame.letter
        for written, most in ((token, 1), (letter, _LIKELIEST), (letter, _EVERY)):
            how = {"n_predict": 1, "n_probs": most, "logit_bias": [[written, 1e6]]}
            for told in await self._written(before, how):
                for one in (told, *told["top_logprobs"]):
                    if one["id"] == token:
                        return one["logprob"]
        raise lm15.ConfigurationError("this version of llama.cpp does not report every token")

    async def _written(self, before: Sequence[int], how: dict[str, Any]) -> list[dict[str, Any]]:
        asked = {"prompt": list(before), "temperature": 0, "cache_prompt": True, **how}
        return (await self._post("/completion", asked)).get("completion_probabilities", [])

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert self._http is not None, "started before anything is asked"
        async with self._http.post(path, data=orjson.dumps(body)) as answer:
            told = orjson.loads(await answer.read())
            if answer.status != 200:
                raise lm15.InvalidRequestError(f"llama.cpp: {told.get('error', told)}")
            return told


class Predictor:
    """Finds the difficulty of pairs with one model; each pair is one call of the session.

    Args:
        model: As the user names it.
        session: Stores and counts the calls.
        transport: Says the likelihoods.
    """

    def __init__(self, model: str, session: Session, transport: LikelihoodTransport) -> None:
        self.model = model
        self._session = session
        self._transport = transport

    async def difficulty(self, instruction: str, response: str) -> Difficulty | None:
        """None where the model cannot be given the pair; a blank text is not asked about."""
        if not instruction.strip() or not response.strip():
            return None
        pair = {"instruction": instruction, "response": response}
        try:
            text = orjson.dumps(pair).decode()
        except TypeError:  # a lone surrogate is no text to any tokenizer
            return None
        request = Request(self._transport.identity, (Message.user(text),))
        try:
            record = await aio.join(self._session.recorder.complete(request, self._transport, "other"))
        except lm15.LM15Error:
            return None
        return Difficulty(self.model, **orjson.loads(record.text))


def predictor_weights(model: str) -> Path:
    """The GGUF file of a model that is named as `--evol-model` names a local one, or by its path.

    Raises:
        InputError: If there is none, or llama.cpp is not installed.
    """
    if "/" in model and not model.startswith(("local/", "/", ".", "~")) and not model.endswith(".gguf"):
        raise InputError(
            f"--predictors {model}: likelihoods need a model in this process, such as local/smollm2"
        )
    needs_llama()
    return find_weights(model.removeprefix("local/"))


@contextmanager
def likelihoods(model: str, longest: int = LONGEST) -> Iterator[LikelihoodTransport]:
    """A transport for a model, to be closed after the session that uses it. Raises as `predictor_weights`."""
    transport = LikelihoodTransport(predictor_weights(model), longest)
    try:
        yield transport
    finally:
        aio.run_and_wait(transport.aclose())
