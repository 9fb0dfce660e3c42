"""Transfer of methods, and the authors' log as a source of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import Result

from autoevol.core.errors import InputError
from autoevol.core.records import Demo, Method
from autoevol.metrics.intervals import wilson
from autoevol.programs.evolver import Evolver
from autoevol.store.files import read_json, write_json
from autoevol.store.method_files import cut_contract, import_log, load_method, read_log, read_state
from command_line import command, seed_file
from served_world import Served, serving
from synthetic import bench, kind_of, rows

WEAK, STRONG = "Rewrite the instruction with strength 2.", "Rewrite the instruction with strength 7."
FORM = """Please reply strictly in the following format:
Step 1
#Methods List#:\x20
Step 2
#Finally Rewritten Instruction#:


#Instruction#:
"""


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(0) as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Seeds of which 20 tasks hold every last digit twice, and two methods."""
    seed_file(tmp_path, (row.instruction for row in rows(20)))
    (tmp_path / "weak.txt").write_text(WEAK)
    (tmp_path / "strong.txt").write_text(STRONG)
    return tmp_path


def transfer(served: Served, files: Path, *more: object) -> Result:
    words: list[object] = ["transfer", *more, "--seeds", files / "seeds.jsonl", "--out", files / "t"]
    words += ["--evol-model", "world", "--api-base", served.url, "--detector", "paper"]
    return command(*words)


def both(files: Path) -> list[Path]:
    return [files / "weak.txt", files / "strong.txt"]


def result(files: Path) -> dict[str, Any]:
    return read_json(files / "t" / "transfer.json") or {}


def test_each_method_is_compared_with_the_first(served: Served, files: Path) -> None:
    done = transfer(served, files, *both(files))
    assert done.exit_code == 0, done.stderr
    weak, strong = result(files)["methods"]
    assert (weak["score"]["failed"], strong["score"]["failed"]) == (16, 6)
    assert (strong["score"]["low"], strong["score"]["high"]) == tuple(wilson(6, 20))
    assert weak["difference"] is None
    assert strong["difference"]["difference"] == pytest.approx(-0.5)
    assert strong["difference"]["low"] < -0.5 < strong["difference"]["high"] < 0
    assert strong["difference"]["p_value"] == pytest.approx(2 / 2**10)
    # 20 rows took 2 calls each, for 4 and 14 usable ones; the same where the store has them.
    assert (weak["row_cost"]["calls"], strong["row_cost"]["calls"]) == (10, pytest.approx(40 / 14))
    assert "weak.txt: the reference; 10.0 calls, " in done.stdout
    assert "strong.txt: 50 points fewer failures (" in done.stdout
    assert "points): better; 2.9 calls, " in done.stdout
    assert transfer(served, files, *both(files)).exit_code == 0
    assert [one["row_cost"] for one in result(files)["methods"]] == [weak["row_cost"], strong["row_cost"]]


def test_several_methods_are_held_against_the_first_all_at_once(served: Served, files: Path) -> None:
    (files / "alike.txt").write_text(f"{WEAK} Be brief.")
    done = transfer(served, files, *both(files), files / "alike.txt")
    assert done.exit_code == 0, done.stderr
    weak, strong, alike = result(files)["methods"]
    assert "corrected" not in weak
    assert (strong["tied"], alike["tied"]) == (False, True)
    assert strong["corrected"]["p_value"] == pytest.approx(3 * strong["difference"]["p_value"])
    assert "all pairs" in strong["corrected"]["interval"]
    assert "alike.txt: no difference (0 to 0 points): tied" in done.stdout
    assert ": tied" in command("show", files / "t").stdout


def test_the_same_command_again_pays_nothing(served: Served, files: Path) -> None:
    transfer(served, files, *both(files))
    paid, first = served.arrivals, result(files)
    assert transfer(served, files, *both(files)).exit_code == 0
    assert served.arrivals == paid == first["ledger"]["total"]["calls"]
    assert result(files)["methods"] == first["methods"]


def test_a_budget_leaves_what_was_finished_and_a_larger_one_goes_on(served: Served, files: Path) -> None:
    capped = transfer(served, files, *both(files), "--max-calls", 50)
    assert capped.exit_code == 3
    assert served.arrivals == 50
    assert [bool(one["score"]) for one in result(files)["methods"]] == [True, False]
    assert "not reached" in capped.stdout
    assert transfer(served, files, *both(files)).exit_code == 0
    assert served.arrivals == 80


def test_the_sample_is_as_large_as_asked(served: Served, files: Path) -> None:
    transfer(served, files, files / "weak.txt", "--sample", 5)
    assert result(files)["seeds"]["rows"] == 5
    assert served.arrivals == 10


def test_show_prints_the_result(served: Served, files: Path) -> None:
    done = transfer(served, files, *both(files))
    assert done.exit_code == 0, done.output
    shown = command("show", files / "t")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("failure rate") == 2


def test_a_method_given_twice_is_refused(served: Served, files: Path) -> None:
    (files / "again.txt").write_text(WEAK)
    done = transfer(served, files, files / "weak.txt", files / "again.txt")
    assert done.exit_code == 2
    assert "same method" in done.stderr
    assert served.arrivals == 0


def test_states_of_a_log_are_methods_by_name(served: Served, files: Path) -> None:
    write_json(files / "log.json", log(WEAK, STRONG))
    done = transfer(served, files, f"{files / 'log.json'}#0", f"{files / 'log.json'}#1")
    assert done.exit_code == 0, done.stderr
    assert [one["score"]["failed"] for one in result(files)["methods"]] == [16, 6]
    assert transfer(served, files, f"{files / 'log.json'}#2").exit_code == 2


def log(*methods: str) -> list[dict[str, Any]]:
    return [{"evol_prompt": f"\n\n{text}\n\n{FORM}", "evol_trajectory": []} for text in methods]


def test_the_form_of_the_reply_and_the_slot_are_cut_off_and_nothing_else() -> None:
    assert cut_contract(f"{WEAK}\n\n{FORM}") == (WEAK, FORM.strip())
    kept = f"Read the #Instruction#: it is short.\n\n{FORM}\nStep 3: also count the words."
    assert cut_contract(kept) == (kept, "")
    assert cut_contract(f"{WEAK}\n\n#Instruction#:\n") == (WEAK, "#Instruction#:")


@given(body=st.text(max_size=200), end=st.sampled_from(["", FORM, "\n#Instruction#:\n", f"\n{FORM}\n{FORM}"]))
def test_cutting_loses_nothing_but_blanks(body: str, end: str) -> None:
    prompt = body + end
    text, cut = cut_contract(prompt)
    assert prompt.strip().startswith(text)
    assert prompt.strip().endswith(cut)
    assert "".join(f"{text}{cut}".split()) == "".join(prompt.split())
    if end.startswith("\n"):
        assert cut


def test_equal_states_become_one_file_with_its_source(tmp_path: Path) -> None:
    write_json(tmp_path / "log.json", log(WEAK, STRONG, STRONG, WEAK))
    written = import_log(tmp_path / "log.json", tmp_path / "methods")
    assert [path.name for path in written] == ["author-state-0.json", "author-state-1.json"]
    assert [load_method(path).text for path in written] == [WEAK, STRONG]
    source = (read_json(written[1]) or {})["source"]
    assert source == {"file": "log.json", "states": [1, 2], "cut": FORM.strip()}
    assert read_state(tmp_path / "log.json", 3).name == "author-state-0"


@pytest.mark.parametrize("content", [{}, [], [{"prompt": "x"}], [{"evol_prompt": FORM}], ["x"]])
def test_what_is_no_log_is_refused(content: object, tmp_path: Path) -> None:
    write_json(tmp_path / "log.json", content)
    with pytest.raises(InputError, match="log"):
        read_log(tmp_path / "log.json")
    with pytest.raises(InputError):
        read_log(tmp_path / "missing.json")


def test_an_imported_method_runs_with_one_slot_and_one_contract(tmp_path: Path) -> None:
    write_json(tmp_path / "log.json", log(STRONG))
    (path,) = import_log(tmp_path / "log.json", tmp_path)
    with bench(tmp_path / "run") as (_, transport, _):
        found = Evolver(load_method(path))(instruction="Task 3: name a prime above 3.")
    assert found.evolved_instruction.endswith("[strength 7, way 0]")
    (asked,) = [request for request in transport.requests if kind_of(request) == "evolve"]
    text = asked.messages[0].text or ""
    assert text.count("#Instruction#:\n") == 1
    assert "strictly in the following format" not in text
    assert text.count("<final_instruction>") == 1


def test_the_published_log_holds_three_distinct_methods(data_folder: Path, tmp_path: Path) -> None:
    path = data_folder / "author_optimizer_log.json"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    found = read_log(path)
    assert [one.states for one in found] == [(0,), (1, 2, 3), (4, 5, 6, 7, 8)]
    for one in found:
        assert one.method.text.startswith("You are an Instruction Rewriter")
        assert one.method.text.endswith("without any explanation.")
        assert one.cut.startswith("Please reply strictly")
        assert one.cut.endswith("#Instruction#:")
        with bench(tmp_path / one.method.name, lambda _: "#Finally Rewritten Instruction#:\nHarder.") as (
            _,
            lm,
            _,
        ):
            assert Evolver(one.method, respond=False)(instruction="Easy.").evolved_instruction == "Harder."
        (request,) = lm.requests
        assert (request.messages[0].text or "").startswith(one.method.text)


def test_demos_of_a_method_travel_with_it(served: Served, files: Path) -> None:
    plain = Method(WEAK)
    write_json(
        files / "demos.json", {"text": WEAK, "demos": [{"instruction": "a", "evolved_instruction": "b"}]}
    )
    assert transfer(served, files, files / "weak.txt", files / "demos.json").exit_code == 0
    without, with_demos = result(files)["methods"]
    assert (without["demos"], with_demos["demos"]) == (0, 1)
    assert with_demos["id"] == replace(plain, demos=(Demo("a", "b"),)).id
