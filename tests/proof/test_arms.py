"""Arms: what is set aside, matched and shuffled."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import ProveConfig
from autoevol.core.errors import InputError, StoreError
from autoevol.proof.arms import Rivals, assemble_arms, load_material, save_material
from autoevol.proof.pairs import Pair, matched_in_length, pairs_of_file, shuffled_responses
from autoevol.proof.plan import ProofPlan
from proving import pair_file

SEEDS = [Pair(f"s{n}", f"seed{n}", f"Ask {n}.", "word " * (n + 1)) for n in range(20)]
EVOLVED = [Pair(f"e{n}", f"seed{n}", f"Ask {n}, harder.", "word " * (n + 2)) for n in range(20)]
CONFIG = ProveConfig(heldout=4)


def test_no_arm_sees_anything_made_of_a_seed_that_is_measured_on() -> None:
    rivals = Rivals.parse(["length,ops"])
    made = assemble_arms(EVOLVED, {"seeds": SEEDS, "ops": EVOLVED}, rivals, CONFIG)
    aside = {pair.seed_id for name in ("heldout", "rate", "evolved") for pair in made.items[name]}
    assert len(made.items["heldout"]) == 4
    assert len(aside) == 6
    assert set(made.arms) == {"seeds", "length", "ops", "found", "shuffled"}
    for pairs in made.arms.values():
        assert len(pairs) == 14
        assert not {pair.seed_id for pair in pairs} & aside
    assert {pair.seed_id for pair in made.items["evolved"]} == {
        pair.seed_id for pair in made.items["heldout"]
    }


def test_natural_answers_are_measured_on_where_they_are_known() -> None:
    natural = {f"seed{n}": f"natural {n}" for n in range(20)}
    made = assemble_arms(EVOLVED, {"seeds": SEEDS}, Rivals.parse([]), CONFIG, natural)
    assert all(pair.response.startswith("natural") for pair in made.items["heldout"])
    assert not any(pair.response.startswith("natural") for pair in made.arms["seeds"])


def test_too_few_seeds_are_refused() -> None:
    with pytest.raises(InputError, match="too few to set 6 aside"):
        assemble_arms(EVOLVED, {"seeds": SEEDS[:7]}, Rivals.parse([]), CONFIG)


@given(st.integers(0, 14), st.integers(2, 8))
def test_a_handful_of_seeds_is_split_whole_or_refused(count: int, heldout: int) -> None:
    config = ProveConfig(heldout=heldout)
    pairs = (EVOLVED[:count], {"seeds": SEEDS[:count]}, Rivals.parse([]), config)
    if count < heldout + max(2, heldout // 4) + 2:
        with pytest.raises(InputError, match=f"{count} answered seeds are too few"):
            assemble_arms(*pairs)
        return
    made = assemble_arms(*pairs)
    assert all(len(part) >= 2 for part in (*made.arms.values(), *made.items.values()))
    told = dict(ProofPlan.of(config, made.arms, made.items).rows())
    assert ("so few can show no difference" in told.get("few rows", "")) == (heldout < 6)


def test_no_shuffled_response_stays_where_it_was() -> None:
    shuffled = shuffled_responses(EVOLVED)
    assert [pair.instruction for pair in shuffled] == [pair.instruction for pair in EVOLVED]
    assert all(new.response != old.response for new, old in zip(shuffled, EVOLVED, strict=True))
    assert sorted(pair.response for pair in shuffled) == sorted(pair.response for pair in EVOLVED)
    with pytest.raises(InputError, match="two pairs or more"):
        shuffled_responses(EVOLVED[:1])


def test_the_nearest_seed_in_length_is_taken() -> None:
    matched = matched_in_length(SEEDS, EVOLVED[3:5])
    assert [len(pair.response) for pair in matched] == [len(pair.response) for pair in EVOLVED[3:5]]
    assert len({pair.id for pair in matched_in_length(SEEDS[:1], EVOLVED)}) == 20


def test_words_of_against() -> None:
    rivals = Rivals.parse(["length, ops", "mine=x.jsonl"])
    assert rivals.names == ("seeds", "length", "ops", "mine")
    assert rivals.to_make == ["seeds", "ops"]
    assert Rivals.parse(["seeds=s.jsonl"]).to_make == []
    for word in ("opps", "found=x", "a/b=x", "mine=x,Mine=y", "SEEDS=x"):
        with pytest.raises(InputError):
            Rivals.parse([word])


def test_material_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = assemble_arms(EVOLVED, {"seeds": SEEDS}, Rivals.parse([]), CONFIG)
    save_material(tmp_path, made)
    assert load_material(tmp_path) == made
    (tmp_path / "material.json").write_text("{}")
    with pytest.raises(StoreError, match="damaged"):
        load_material(tmp_path)


def test_a_file_without_responses_is_refused(tmp_path: Path) -> None:
    assert len(pairs_of_file(pair_file(tmp_path / "pairs.jsonl", range(5)))) == 5
    (tmp_path / "bare.jsonl").write_text('{"instruction": "Say it."}\n')
    with pytest.raises(InputError, match="no response to learn from"):
        pairs_of_file(tmp_path / "bare.jsonl")
