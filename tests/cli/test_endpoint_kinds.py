"""The command of each kind on docs/kinds.md, and `doctor`, against an imitation of that kind."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path

import pytest
from dspy.lm15 import RouterConfig

from autoevol.lm import native
from command_line import command, lines, printed, seed_file
from documents import ROOT
from kinds import KINDS, Imitation, commands_of, sent_thinking
from servers import Endpoint

KEY = "sk-imitated-0123456789"
COMMANDS = commands_of((ROOT / "docs" / "kinds.md").read_text(encoding="utf-8"))
SEEDS = [f"Task {number}: describe how a bridge over a river is built." for number in range(3)]
each_kind = pytest.mark.parametrize("name", KINDS)


def words(name: str, server: Endpoint, patch: pytest.MonkeyPatch) -> list[str]:
    """The command of the page, asking `server`; what has no URL on the page is moved there otherwise."""
    kind = KINDS[name]
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY"):
        patch.delenv(variable, raising=False)
    if kind.key:
        patch.setenv(kind.key, KEY)
    if name == "OpenAI":
        patch.setenv("OPENAI_BASE_URL", server.url)
    elif not kind.host:
        urls = {"anthropic": f"{server.address}/v1", "gemini": f"{server.address}/v1beta"}
        patch.setattr(native, "RouterConfig", partial(RouterConfig, base_urls=urls))
    line = COMMANDS[name]
    assert not kind.host or kind.host in line
    return shlex.split(line.replace(kind.host, server.address) if kind.host else line)[1:]


def test_every_kind_has_its_command() -> None:
    assert COMMANDS.keys() == KINDS.keys()


@each_kind
def test_the_command_of_the_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seed_file(tmp_path, SEEDS)
    with Imitation(KINDS[name], KEY) as server:
        done = command(*words(name, server, monkeypatch), "--method", "weak", "--json", "--rpm", 100000)
    assert done.exit_code == 0, done.output
    assert printed(done)["evolution"]["passed"] == len(SEEDS)
    (data,) = tmp_path.glob("runs/*/dataset.jsonl")
    assert not sent_thinking(lines(data))
    assert KEY not in "".join(file.read_text(errors="ignore") for file in data.parent.glob("*.json*"))


LEARNED = {
    "OpenAI": ([], None, "inside", True),
    "Azure": (["max_tokens: sent as max_completion_tokens"], None, None, True),
    "Anthropic": ([], "chunks of type thinking", None, True),
    "Gemini": ([], "chunks of type thought", "on top", True),
    "OpenRouter": ([], "field reasoning", None, True),
    "DeepSeek": ([], "field reasoning_content", "inside", True),
    "DashScope": (["a reply in one piece: sent as stream"], "field reasoning_content", None, True),
    "vLLM": ([], "</think> alone in the text", None, True),
    "SGLang": ([], "<|channel|> in the text", None, True),
    "llama.cpp": ([], "field reasoning_content", None, True),
    "Ollama": ([], "field reasoning", None, True),
    "LM Studio": ([], None, None, False),
}


@each_kind
def test_doctor_learns_what_is_peculiar(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters, thinking, reasoning, usage = LEARNED[name]
    with Imitation(KINDS[name], KEY) as server:
        typed = words(name, server, monkeypatch)[4:]  # without `evolve seeds.jsonl --out DIR`
        done = command("doctor", *typed, "--json")
        assert len(server.seen) <= 6 + len(parameters)
    assert done.exit_code == 0, done.output
    (found,) = printed(done)["endpoints"]
    assert [one.partition("take ")[2] for one in found["parameters"]] == parameters
    assert found["thinking"] == ([thinking] if thinking else [])
    assert found["usage"] == {"input": usage, "output": usage, "reasoning": reasoning}
    assert found["roles"] == ["evol", "respond", "optimizer"]
    whole, warned = found["long_prompt"], " ".join(found["warnings"])
    assert ("cuts long prompts" in warned) == (name == "Ollama")
    assert ("context size" in (whole["refused"] or "")) == (name == "llama.cpp")
    assert ("go by estimates" in warned) == (name == "LM Studio")


def test_doctor_names_the_url_where_lm_studio_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with Imitation(KINDS["LM Studio"], KEY) as server:
        done = command("doctor", "--evol-model", "qwen3:8b", "--api-base", server.address, "--json")
        (found,) = printed(done)["endpoints"]
    assert done.exit_code == 1
    assert f"it answers under {server.url}: give that as --api-base" in found["problem"]
    assert found["flags"] == ["--evol-model", "qwen3:8b", "--api-base", server.url]
