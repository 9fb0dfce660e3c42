"""The sample files keep their format and their promised balance."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.records import FailureKind
from autoevol.data.load import load_rows

README = Path(__file__).parents[2] / "src" / "autoevol" / "samples" / "README.md"
KINDS = tuple(kind.value for kind in FailureKind)
DOMAINS = {"general", "math", "code"}
KEYS = {
    "id",
    "source",
    "domain",
    "language",
    "original",
    "evolved",
    "reply",
    "finish_reason",
    "response",
    "ok",
    "fatal",
    "kinds",
    "note",
}
NEVER_FATAL_ALONE = {"unchanged", "stagnant", "hedged", "refused", "asks_for_more"}
FROM_REPLY = {"empty", "unparsed", "truncated"}
FENCE = re.compile(r"```(\w+)\n(.*?)\n```", re.DOTALL)


def read(name: str) -> list[dict[str, Any]]:
    text = resources.files("autoevol.samples").joinpath(name).read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


@pytest.fixture(scope="module")
def seeds() -> list[dict[str, Any]]:
    return read("seeds.jsonl")


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, Any]]:
    return read("labelled.jsonl")


def test_seeds_have_three_keys_with_text(seeds: list[dict[str, Any]]) -> None:
    for seed in seeds:
        assert list(seed) == ["instruction", "output", "domain"]
        assert all(isinstance(value, str) and value == value.strip() != "" for value in seed.values())


def test_seeds_are_48_unique_ones_with_16_a_domain(seeds: list[dict[str, Any]]) -> None:
    assert Counter(seed["domain"] for seed in seeds) == dict.fromkeys(DOMAINS, 16)
    assert len({seed["instruction"] for seed in seeds}) == 48


def test_seeds_are_short(seeds: list[dict[str, Any]]) -> None:
    for seed in seeds:
        text = seed["instruction"]
        if text.isascii() or " " in text:
            assert 8 <= len(text.split()) <= 45, text


def test_short_seeds_fit_the_embedded_model() -> None:
    short = read("short.jsonl")
    texts = [seed["instruction"] for seed in short]
    assert len(set(texts)) == len(texts) == 24
    assert {seed["domain"] for seed in short} == {"general", "code"}
    # One sentence without figures: that model loses the numbers, and a second sentence is what it adds.
    assert all(len(text.split()) <= 14 and text.endswith(".") and text.count(".") == 1 for text in texts)
    assert not any(character.isdigit() for text in texts for character in text)
    assert load_rows("sample:short").source == "sample:short"


def test_math_seeds_end_with_their_answer(seeds: list[dict[str, Any]]) -> None:
    for seed in seeds:
        if seed["domain"] == "math":
            assert re.fullmatch(r"Answer: \S.*", seed["output"].splitlines()[-1])


def test_code_seeds_are_one_fenced_block_and_python_compiles(seeds: list[dict[str, Any]]) -> None:
    languages: Counter[str] = Counter()
    for seed in seeds:
        if seed["domain"] != "code":
            continue
        block = FENCE.fullmatch(seed["output"])
        assert block, seed["output"]
        languages[block[1]] += 1
        if block[1] == "python":
            compile(block[2], "seed", "exec")
    assert set(languages) == {"python", "sql", "javascript", "bash"}
    assert languages["python"] > 8


def test_pairs_have_the_keys_and_types(pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        assert set(pair) - {"looks_like"} == KEYS, pair["id"]
        assert pair["source"] == "autoevol sample"
        assert pair["domain"] in DOMAINS
        assert re.fullmatch(r"[a-z]{2}", pair["language"])
        assert pair["finish_reason"] in {"stop", "length", "content_filter", None}
        assert isinstance(pair["ok"], bool)
        assert isinstance(pair["fatal"], bool)
        for key in ("original", "note"):
            assert isinstance(pair[key], str), pair["id"]
            assert pair[key].strip(), pair["id"]
        for key in ("evolved", "reply", "response"):
            assert pair[key] is None or isinstance(pair[key], str)
        assert pair["evolved"] is None or pair["evolved"].strip(), pair["id"]


def test_pairs_are_unique(pairs: list[dict[str, Any]]) -> None:
    assert len(pairs) >= 130
    assert [pair["id"] for pair in pairs] == [f"own-{n:03d}" for n in range(1, len(pairs) + 1)]
    assert len({pair["original"] for pair in pairs}) == len(pairs)


def test_labels_agree_with_each_other(pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        kinds = pair["kinds"]
        assert set(kinds) <= set(KINDS), pair["id"]
        assert len(set(kinds)) == len(kinds), pair["id"]
        assert pair["ok"] is (kinds == []), pair["id"]
        assert not (pair["ok"] and pair["fatal"]), pair["id"]
        if set(kinds) - NEVER_FATAL_ALONE:
            assert pair["fatal"], pair["id"]
        if kinds and set(kinds) <= {"unchanged", "stagnant", "hedged"}:
            assert not pair["fatal"], pair["id"]
        if "looks_like" in pair:
            assert pair["ok"], pair["id"]
            assert pair["looks_like"] in KINDS, pair["id"]


def test_replies_fit_the_labels(pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        kinds = set(pair["kinds"])
        if pair["evolved"] is None:
            assert kinds & FROM_REPLY, pair["id"]
            assert pair["reply"] is not None, pair["id"]
            assert pair["response"] is None, pair["id"]
        elif pair["reply"] is not None:
            assert pair["evolved"] in pair["reply"], pair["id"]
        if pair["reply"] is not None:
            assert kinds & FROM_REPLY or pair.get("looks_like") in FROM_REPLY, pair["id"]
        if "unparsed" in kinds:
            assert pair["evolved"] is None, pair["id"]
        if pair["finish_reason"] == "length":
            assert "truncated" in kinds, pair["id"]
        if kinds & {"refused", "asks_for_more", "hedged"}:
            assert pair["response"], pair["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_positives_and_look_alikes(pairs: list[dict[str, Any]], kind: str) -> None:
    assert sum(kind in pair["kinds"] for pair in pairs) >= 4
    assert sum(pair["kinds"][:1] == [kind] for pair in pairs) >= 4
    assert sum(pair.get("looks_like") == kind for pair in pairs) >= 4


def test_languages_domains_and_responses(pairs: list[dict[str, Any]]) -> None:
    foreign = Counter(pair["language"] for pair in pairs if pair["language"] != "en")
    assert foreign.total() >= 20
    assert len(foreign) >= 4
    asking = {pair["language"] for pair in pairs if "asks_for_more" in pair["kinds"]}
    assert asking >= {"en", "de", "zh", "es"}
    assert all(count >= 30 for count in Counter(pair["domain"] for pair in pairs).values())
    assert sum(pair["response"] is not None for pair in pairs) > 0.6 * len(pairs)


def test_python_in_usable_responses_parses(pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        for language, code in FENCE.findall(pair["response"] or ""):
            if pair["ok"] and language == "python":
                ast.parse(code)


def test_readme_names_every_key_and_kind() -> None:
    text = README.read_text(encoding="utf-8")
    for word in (*KEYS, *KINDS, "looks_like", "instruction", "output", "Apache-2.0"):
        assert word in text
