"""The decisions on seeds and instructions that come one by one, as a pipeline asks for them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import CleanConfig
from autoevol.dataset.benchmarks import Benchmarks
from autoevol.dataset.cleaner import Cleaner, Reason

BENCH = "how many apples does each of the seven farmers carry home from the market on a rainy day"
SEED = "Plan a garden for a school with twelve beds and say which plants help each other to grow"


def reason(cleaner: Cleaner, key: str, text: str) -> Reason | None:
    finding = cleaner.admit(key, text)
    return finding.reason if finding else None


def test_a_seed_from_a_benchmark_is_refused_and_forgotten() -> None:
    cleaner = Cleaner(benchmarks=Benchmarks([("bench", BENCH)]))
    finding = cleaner.admit_seed("s1", f"{BENCH}?")
    assert finding is not None
    assert (finding.reason, finding.matched) == (Reason.BENCHMARK, "bench")
    assert cleaner.admit_seed("s2", SEED) is None
    assert cleaner.admit_seed("s2", SEED) is None
    finding = cleaner.admit_seed("s3", f"{SEED} today")
    assert finding is not None
    assert (finding.reason, finding.matched) == (Reason.NEAR_REPEATED, "s2")
    assert cleaner.removed == {Reason.BENCHMARK: 1, Reason.NEAR_REPEATED: 1}


def test_an_evolution_is_held_against_benchmarks_seeds_and_others() -> None:
    cleaner = Cleaner(benchmarks=Benchmarks([("bench", BENCH)]))
    cleaner.admit_seed("s", SEED)
    longer = f"{SEED}, then draw a calendar for two years and name three risks with a remedy for each of them"
    assert reason(cleaner, "e1", SEED) is Reason.SEED
    assert reason(cleaner, "e2", f"{SEED}, please") is Reason.NEAR_SEED
    assert reason(cleaner, "e3", longer) is None
    assert reason(cleaner, "e4", longer) is Reason.REPEATED
    assert reason(cleaner, "e5", f"{longer}!! now") is Reason.NEAR_REPEATED
    assert reason(cleaner, "e6", f"Say {BENCH}, and by noon.") is Reason.BENCHMARK_13


def test_asking_again_after_a_resume_changes_nothing() -> None:
    cleaner = Cleaner()
    assert [reason(cleaner, "e1", SEED) for _ in range(3)] == [None] * 3
    assert reason(cleaner, "e2", SEED) is Reason.REPEATED
    assert sum(cleaner.removed.values()) == 1


def test_eight_words_are_counted_and_removed_only_if_asked() -> None:
    benchmarks = Benchmarks([("bench", BENCH)])
    text = "Find out " + " ".join(BENCH.split()[:9]) + " before they leave for the sea"
    mild, strict = Cleaner(benchmarks=benchmarks), Cleaner(CleanConfig(overlap=8), benchmarks=benchmarks)
    assert reason(mild, "a", text) is None
    assert reason(strict, "a", text) is Reason.BENCHMARK_8
    assert mild.overlaps == strict.overlaps


_texts = st.lists(st.sampled_from(["one two three", "one two four", BENCH, SEED, f"{SEED} x"]), max_size=8)


@given(_texts, st.randoms())
def test_order_decides_only_which_twin_stays(texts: list[str], chance: object) -> None:
    def kept(order: list[str]) -> tuple[int, int]:
        cleaner = Cleaner(benchmarks=Benchmarks([("bench", BENCH)]))
        stay = [text for number, text in enumerate(order) if cleaner.admit(str(number), text) is None]
        return len(set(stay)), cleaner.removed[Reason.BENCHMARK]

    other = list(texts)
    chance.shuffle(other)  # type: ignore[attr-defined]
    assert kept(texts) == kept(other)
