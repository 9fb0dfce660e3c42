"""What is asked of raters, samples of runs, and how the raters agree."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from autoevol.commands.calibrate import calibrate
from autoevol.commands.label import LabelJob, raters_agreement, serving
from autoevol.core.errors import InputError
from autoevol.labelling.answers import read_pairs
from autoevol.labelling.evolutions import EvolutionItem
from autoevol.labelling.sampling import read_form, stratified
from autoevol.metrics.weighted import ShareEstimate
from command_line import at, command, seed_file
from labelling_support import ask, labelling, pair, pair_file
from servers import Answer, Endpoint, says


def items(passed: int, failed: int) -> list[EvolutionItem]:
    return [
        EvolutionItem(f"{verdict}{number}", "a", "b", verdict=verdict)
        for verdict, count in (("passed", passed), ("failed", failed))
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("passed", "failed", "size", "drawn"),
    [(900, 100, 100, (50, 50)), (900, 10, 100, (90, 10)), (3, 3, 100, (3, 3)), (5, 0, 4, (4, 0))],
)
def test_half_of_a_sample_is_what_was_refused_and_weights_add_up(
    passed: int, failed: int, size: int, drawn: tuple[int, int]
) -> None:
    chosen = stratified(items(passed, failed), size, seed=1)
    counts = Counter(item.verdict for item in chosen)
    assert (counts["passed"], counts["failed"]) == drawn
    assert sum(item.weight for item in chosen) == pytest.approx(passed + failed)
    assert chosen == stratified(items(passed, failed), size, seed=1)
    assert len({item.id for item in chosen}) == len(chosen)


def evolves(body: dict[str, object]) -> Answer:
    text = str(body["messages"][-1]["content"])  # pyright: ignore[reportIndexIssue]
    if "between these two tags" not in text:
        return says(f"Here is the whole answer, with its reasons. ({text})")
    task = text.rpartition("#Instruction#:\n")[2]
    more = "" if "Task 3" in task else " Explain every step and its cost."
    return says(f"<final_instruction>\n{task}{more}\n</final_instruction>")


def test_a_sample_of_a_run_is_labelled_and_tells_what_the_runs_detector_is_worth(tmp_path: Path) -> None:
    seeds = seed_file(tmp_path, [f"Task {n}: describe how a bridge is built over a river." for n in range(6)])
    run = tmp_path / "run"
    with Endpoint(evolves) as endpoint:
        assert command("evolve", seeds, "--out", run, *at(endpoint), "--on-failure", "again").exit_code == 0
    form = read_form(run, 0, 4)
    assert form.whole == {"failed": 1, "passed": 5}
    with labelling(run, sample=4) as server:
        while item := ask(server, "item")[1]["item"]:
            assert "served" not in json.dumps(item)
            good = "Task 3" not in item["original"]
            said = {"item": item["id"], "severity": 0 if good else 2, "kinds": [] if good else ["unsolvable"]}
            assert ask(server, "label", said)[0] == 200
    own, *others = calibrate(run / "labels" / "labelled.jsonl")
    assert own.detector == "the run's own detector"
    worth = own.worth["usable"]
    assert worth.whole == pytest.approx(6)
    assert worth.prevalence.value == pytest.approx(5 / 6)
    assert worth.recall == ShareEstimate(1, 1, 1), "what was refused is labelled whole"
    assert worth.precision.value == 1
    assert worth.precision.low < 1, "of what passed, one half is not labelled"
    assert others
    told = command("calibrate", run / "labels" / "labelled.jsonl").stdout
    assert "on the whole run (6 pairs)" in " ".join(told.split())


def test_agreement_of_two_raters_by_question(tmp_path: Path) -> None:
    file = pair_file(tmp_path, [pair(number) for number in range(4)])
    with pytest.raises(InputError, match="nothing has been labelled"):
        raters_agreement(LabelJob([file]))
    for rater in ("anna", "ben"):
        with labelling(file, rater) as server:
            while item := ask(server, "item")[1]["item"]:
                broken = item["id"] == "p0" or (rater == "ben" and item["id"] == "p1")
                said = {"item": item["id"], "severity": 2 if broken else 0, "gain": 1}
                ask(server, "label", said)
    agreed = raters_agreement(LabelJob([file]))
    assert agreed.raters == {"anna": 4, "ben": 4}
    assert agreed.questions["broken"].kappa == pytest.approx(0.5)
    assert agreed.questions["gain"].kappa == 1
    told = command("label", file, "--agreement").stdout
    assert "broken: kappa 0.50 [" in told
    assert "the same in 75 % of 4 items" in told


def answers(path: Path, name: str) -> Path:
    rows = [
        {"Instruction": f"Do {n}.", "response": f"{name} {n}", "Skill": "math" if n % 2 else "code"}
        for n in range(20)
    ]
    file = path / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_two_models_answers_are_compared_blind_on_swapped_sides(tmp_path: Path) -> None:
    a, b = answers(tmp_path, "first"), answers(tmp_path, "second")
    sides: Counter[str] = Counter()
    job = LabelJob([a, b], pairs=True)
    with serving(job, "anna") as server:
        while item := ask(server, "item")[1]["item"]:
            side = "left" if item["left"].startswith("first") else "right"
            sides[side] += 1
            tie = item["instruction"] == "Do 1."
            said = {"item": item["id"], "better": "tie" if tie else side}
            assert ask(server, "label", said)[0] == 200
    assert min(sides.values()) >= 3, "always on one side"
    agreed = raters_agreement(job)
    overall, code, maths = agreed.standings.values()
    assert (overall.wins, overall.ties, overall.losses) == (19, 1, 0)
    assert (code.wins, maths.wins, maths.ties) == (10, 9, 1)
    told = command("label", a, b, "--pairs", "--agreement").stdout
    assert "all: A wins 19, ties 1, loses 0 of 20" in told
    assert "skill code: A wins 10" in told


def test_answers_that_cannot_be_paired_are_refused(tmp_path: Path) -> None:
    a = answers(tmp_path, "first")
    other = tmp_path / "other.jsonl"
    other.write_text('{"instruction": "Else.", "response": "x"}\n')
    with pytest.raises(InputError, match="answers none of"):
        read_pairs(a, other, 0, None)
    other.write_text('{"instruction": "Do 1."}\n')
    with pytest.raises(InputError, match="holds no answer"):
        read_pairs(a, other, 0, None)
    with pytest.raises(InputError, match="two files"):
        LabelJob([a], pairs=True)
