"""Cleaning a file: what stays, what goes, and nothing silently."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autoevol.config import CleanConfig, DataConfig, SelectConfig
from autoevol.core.errors import InputError
from autoevol.dataset.clean import clean_file
from autoevol.dataset.figures import Figures, figures_file, record_key, write_figures
from autoevol.metrics.difficulty import Difficulty
from command_line import lines

Write = Callable[[str, object], Path]
TEXTS = {
    "lamp": "Design a lamp that a child can build from things found in a kitchen, and list every step of it",
    "boat": "Explain how a sailing boat can move against the wind and draw the forces that act on its sails",
    "bread": "Compare three ways of baking bread without yeast and say which one keeps fresh for longest",
}
SEED = "Name the largest planet of the solar system and describe what its famous red spot really is made of"
BENCH = (
    "Alice buys seven apples and gives three of them to Bob before she bakes two pies with the remaining ones"
)


@pytest.fixture
def files(write: Write) -> tuple[Path, Path, Path]:
    rows = [
        {"id": "r1", "instruction": TEXTS["lamp"], "response": "one", "extra": {"kept": [1, None]}},
        {"id": "r2", "instruction": f" {TEXTS['lamp'].upper()}", "response": "two"},
        {"id": "r3", "instruction": f"{TEXTS['lamp']} again", "response": "three"},
        {"id": "r4", "instruction": f"{SEED} today", "response": "four"},
        {"id": "r5", "instruction": SEED, "response": "five"},
        {"id": "r6", "instruction": f"{BENCH}. Now double all.", "response": "six"},
        {"id": "r7", "instruction": TEXTS["boat"], "response": f"Well, {BENCH}."},
        {"id": "r8", "instruction": TEXTS["bread"], "response": "eight"},
    ]
    return (
        write("dataset.jsonl", rows),
        write("seeds.jsonl", [{"text": SEED}]),
        write("bench.jsonl", [{"question": BENCH, "answer": "two pies"}]),
    )


def test_every_record_is_kept_or_removed_with_its_reason(
    files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    dataset, seeds, bench = files
    settings = CleanConfig(decontaminate=(str(bench),))
    report = clean_file(dataset, tmp_path / "clean.jsonl", against=[str(seeds)], settings=settings)
    read = lines(dataset)
    assert lines(tmp_path / "clean.jsonl") == [read[0], read[7]]
    removed = lines(tmp_path / "clean.removed.jsonl")
    assert [(found["row"]["id"], found["reason"]) for found in removed] == [
        ("r2", "repeated"),
        ("r3", "nearly_repeated"),
        ("r4", "near_a_seed"),
        ("r5", "same_as_a_seed"),
        ("r6", "shares_13_words_with_a_benchmark"),
        ("r7", "shares_13_words_with_a_benchmark"),
    ]
    assert [found["row"] for found in removed] == read[1:7]
    assert removed[0]["matched"] == "line 1 (r1)"
    assert removed[2]["matched"] == f"{seeds}, line 1"
    assert 0.8 <= removed[2]["similarity"] < 1
    assert removed[4]["matched"] == f"{bench}, line 1, column 'question'"
    assert (report.rows, report.kept, sum(report.removed.values())) == (8, 2, 6)
    assert json.loads((tmp_path / "clean.clean.json").read_text())["removed"] == report.removed


def test_cleaning_again_changes_nothing(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    clean_file(files[0], first)
    report = clean_file(first, second)
    assert second.read_bytes() == first.read_bytes()
    assert report.removed == {}


def test_bad_records_are_refused_or_set_aside(write: Write, tmp_path: Path) -> None:
    dataset = write("d.jsonl", '{"instruction": "Sing."}\nnot json\n{"instruction": null}\n')
    with pytest.raises(InputError, match="line 2"):
        clean_file(dataset, tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("out*"))
    report = clean_file(dataset, tmp_path / "out.jsonl", data=DataConfig(skip_bad=True))
    assert (report.rows, report.kept, report.rejected) == (1, 1, 2)
    assert [reject["line"] for reject in lines(tmp_path / "out.rejects.jsonl")] == [2, 3]


@pytest.mark.parametrize("out", ["dataset.jsonl", "out.parquet", "no/folder.jsonl"])
def test_an_output_that_cannot_be_is_refused(
    out: str, files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    before = files[0].read_bytes()
    with pytest.raises(InputError):
        clean_file(files[0], tmp_path / out)
    assert files[0].read_bytes() == before


def test_gsm8k_keeps_all_but_the_problems_of_the_test_set(data_folder: Path, tmp_path: Path) -> None:
    settings = CleanConfig(decontaminate=(str(data_folder / "gsm8k_test.jsonl"),))
    report = clean_file(data_folder / "gsm8k_train_1000.jsonl", tmp_path / "out.jsonl", settings=settings)
    assert report.rows == 1000
    assert report.kept == 1000 - sum(report.removed.values())
    assert set(report.removed) == {"shares_13_words_with_a_benchmark"}
    assert report.overlaps["13-gram"] == report.removed["shares_13_words_with_a_benchmark"] <= 4


def test_the_same_question_after_something_else_is_kept(write: Write, tmp_path: Path) -> None:
    def talk(first: str, system: str = "Be kind.") -> dict[str, object]:
        turns = [("system", system), ("user", first), ("assistant", "Yes."), ("user", "And why is that so?")]
        said = [{"role": role, "content": text} for role, text in turns]
        return {"id": "same", "messages": [*said, {"role": "assistant", "content": "Because."}]}

    rows = [talk(TEXTS["lamp"]), talk(TEXTS["boat"]), talk(TEXTS["lamp"], "Be rude."), talk(TEXTS["lamp"])]
    dataset = write("d.jsonl", rows)
    report = clean_file(dataset, tmp_path / "out.jsonl")
    assert lines(tmp_path / "out.jsonl") == rows[:3]
    assert report.removed == {"repeated": 1}
    (removed,) = lines(tmp_path / "out.removed.jsonl")
    assert (removed["place"], removed["matched"]) == ("line 4", "line 1 (same)")


def test_every_turn_is_held_against_seeds_and_benchmarks(write: Write, tmp_path: Path) -> None:
    def talk(first: str, last: str) -> dict[str, object]:
        roles = ("user", "assistant", "user", "assistant")
        said = zip(roles, (first, "Yes.", last, "No."), strict=True)
        return {"messages": [{"role": role, "content": text} for role, text in said]}

    dataset = write("d.jsonl", [talk(BENCH, "Sing."), talk("Sing.", SEED), talk("Sing.", "Dance.")])
    seeds = write("seeds.jsonl", [talk("Hum.", SEED)])
    bench = write("bench.jsonl", [{"question": BENCH}])
    settings = CleanConfig(decontaminate=(str(bench),))
    report = clean_file(dataset, tmp_path / "out.jsonl", against=[str(seeds)], settings=settings)
    assert report.removed == {"in_a_benchmark": 1, "same_as_a_seed": 1} or report.removed == {
        "shares_13_words_with_a_benchmark": 1,
        "same_as_a_seed": 1,
    }


def test_conversations_with_tools_are_cleaned_as_well(write: Write, tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]}
    turns = [{"role": "user", "content": "Ask"}, call, {"role": "tool", "content": {"a": 1}}]
    rows = [{"messages": [*turns, {"role": "assistant", "content": answer}]} for answer in ("A", "B")]
    report = clean_file(write("d.jsonl", rows), tmp_path / "out.jsonl")
    assert (report.kept, report.removed) == (1, {"repeated": 1})


def test_a_folder_is_cleaned_into_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for name, text in (("a", "Sing."), ("b", "Dance."), ("c", "Sing.")):
        (folder / f"{name}.jsonl").write_text(json.dumps({"instruction": text}) + "\n")
    report = clean_file(folder, tmp_path / "out.jsonl")
    assert (report.rows, report.kept) == (3, 2)
    (removed,) = lines(tmp_path / "out.removed.jsonl")
    assert removed["place"] == f"{folder / 'c.jsonl'}, line 1"
    with pytest.raises(InputError, match="is an input as well"):
        clean_file(folder, folder / "a.jsonl")


@pytest.mark.parametrize("name", ["out.removed.jsonl", "out.rejects.jsonl"])
def test_a_source_named_like_a_list_of_removed_rows_is_not_overwritten(
    write: Write, tmp_path: Path, name: str
) -> None:
    source = write(name, [{"instruction": "Sing."}])
    before = source.read_bytes()
    with pytest.raises(InputError, match=f"{name} is an input as well"):
        clean_file(source, tmp_path / "out.jsonl")
    assert source.read_bytes() == before


def test_a_limit_counts_rows_that_are_not_selected(write: Write, tmp_path: Path) -> None:
    rows = [{"stages": ["Sing.", text], "instruction": text, "response": "La."} for text in TEXTS.values()]
    source = write("d.jsonl", rows)
    measured = Difficulty("m", nll=2.0, nll_alone=2.5, nll_instruction=4.0, tokens=7)
    last = Figures("s", 1, "v", record_key(rows[-1]), difficulty=measured)
    write_figures(figures_file(source), [last])
    report = clean_file(
        source, tmp_path / "out.jsonl", data=DataConfig(limit=2), select=SelectConfig(keep_ifd="0:1")
    )
    assert (report.rows, report.kept, report.removed) == (2, 0, {"without_ifd": 2})
