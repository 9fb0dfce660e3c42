"""The gates as the pipeline calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoevol.clean.benchmarks import Benchmarks
from autoevol.clean.gates import BenchmarkGate, DuplicateGate, clean_gates
from autoevol.config import CleanConfig
from autoevol.pipeline.gates import Gate, refusal

BENCH = "how many apples does each of the seven farmers carry home from the market on a rainy day"
SEED = "Plan a garden for a school with twelve beds and say which plants help each other to grow"


def ask(gates: list[Gate], text: str, seed_id: str, round: int = 1) -> str | None:
    found = refusal(gates, text, seed_id=seed_id, round=round)
    return found.gate if found else None


def test_both_are_gates() -> None:
    assert isinstance(DuplicateGate(CleanConfig()), Gate)
    assert isinstance(BenchmarkGate(CleanConfig(), Benchmarks()), Gate)


def test_kin_may_resemble_each_other_and_strangers_may_not() -> None:
    gate = DuplicateGate(CleanConfig())
    gates: list[Gate] = [gate]
    assert ask(gates, SEED, "s1", 0) is None
    assert ask(gates, f"{SEED} today", "s1") is None
    assert ask(gates, f"{SEED} today", "s1", 2) is None
    assert ask(gates, SEED.upper(), "s2", 0) == "duplicate"
    assert ask(gates, f"{SEED} today or tomorrow", "s2", 1) == "duplicate"
    reason = gate.check(f"{SEED} tomorrow", seed_id="s2", round=1)
    assert reason is not None
    assert "Jaccard 0.9" in reason
    assert reason.endswith("came from seed s1")
    assert gate.report() == {"refused": {"nearly repeated": 2, "repeated": 1}, "remembered": 2}


def test_what_is_refused_by_another_gate_is_not_remembered() -> None:
    gates: list[Gate] = [
        BenchmarkGate(CleanConfig(), Benchmarks([("gsm8k, line 3", BENCH)])),
        DuplicateGate(CleanConfig()),
    ]
    assert ask(gates, f"Tell me {BENCH}.", "s1", 0) == "benchmark"
    assert gates[1].report()["remembered"] == 0
    found = refusal(gates, f"Tell me {BENCH}.", seed_id="s2", round=1)
    assert found is not None
    assert "gsm8k, line 3" in found.reason
    assert gates[0].report()["refused"] == {"shares_13_words_with_a_benchmark": 2}
    assert gates[0].report()["overlaps"] == {"13-gram": 2, "8-gram": 2}


def test_a_resume_that_accepts_again_refuses_the_same() -> None:
    first, second = DuplicateGate(CleanConfig()), DuplicateGate(CleanConfig())
    assert ask([first], SEED, "s1") is None
    for _ in range(2):
        second.accept(SEED, seed_id="s1", round=1)
    text = f"{SEED} today"
    assert first.check(text, seed_id="s2", round=1) == second.check(text, seed_id="s2", round=1) is not None
    assert second.report()["remembered"] == 1


def test_settings_say_which_gates(write: Callable[[str, object], Path]) -> None:
    assert [gate.name for gate in clean_gates(CleanConfig())] == ["duplicate"]
    path = write("bench.jsonl", [{"question": BENCH}])
    assert [gate.name for gate in clean_gates(CleanConfig(decontaminate=(str(path),)))] == [
        "benchmark",
        "duplicate",
    ]
