"""Reports of every kind of folder: their figures, their sections, and texts that would like to be more."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autoevol.evolution.lineage import Fate
from autoevol.pages import rows
from autoevol.pages.blocks import Block, Grid, Quote
from autoevol.pages.folder_page import page_of
from autoevol.store.files import read_json
from command_line import at, command, lines, printed, summary
from commanding import Served, evolve, write_seeds
from report_folders import hostile_folder, lineage, report, write_folder
from servers import Endpoint, refuses
from task_world import TaskWorld, task_file

FOLDERS = {
    "run": {"rate", "methods", "grid", "funnel", "kinds", "examples", "rows", "lengths", "cost", "settings"},
    "stopped": {"rate", "methods", "grid", "cost", "settings"},
    "evolve": {"funnel", "examples", "rows", "lengths", "cost", "settings"},
    "search": {"front", "cost", "settings"},
    "compare": {"ranks", "curves", "settings"},
    "transfer": {"transfer", "cost", "settings"},
}


class Seen(HTMLParser):
    """What a browser makes of a page: its elements, and its text apart from styles and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self._texts: list[str] = []
        self._inside = ""
        self.feed(page)
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self._texts.append(data)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_kind_of_folder_has_its_sections(old: Path, name: str) -> None:
    seen = Seen(report(old / name))
    assert set(seen.ids) >= FOLDERS[name] | {"verdict"}
    assert len(seen.ids) == len(set(seen.ids)), "an id twice"
    assert not {"style", "src"} & {attribute for attribute, _ in seen.attributes}
    outside = [v for k, v in seen.attributes if k == "href" and not str(v).startswith(("#", "data:"))]
    assert not outside


def test_a_report_writes_nothing_but_itself(old: Path) -> None:
    def files() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(old.rglob("*")) if path.is_file()}

    before = files()
    report(old / "run", "-o", old / "run" / "mine.html")
    after = files()
    after.pop(str(old / "run" / "mine.html"))
    assert after == before


def test_the_figures_of_the_page_are_those_of_the_summary(old: Path) -> None:
    told = read_json(old / "run" / "summary.json") or {}
    text = Seen(report(old / "run")).text
    optimized, rows_done = told["optimization"], told["evolution"]
    for rate in (optimized["holdout_before"], optimized["holdout_after"]):
        total = rate["failed"] + rate["passed"]
        assert (
            f"{rate['rate']:.1%} {rate['failed']} of {total}, [{rate['low']:.1%}, {rate['high']:.1%}]" in text
        )
    kept = f"rows kept {rows_done['passed']} of {rows_done['rows']}; {rows_done['failed']} failed"
    assert f"{kept}, {rows_done['unscored']} lost" in text
    assert f"in dataset.jsonl {rows_done['dataset']['lines']}" in text
    for kind, count in rows_done["kinds"].items():
        assert f"rejected {kind.replace('_', ' ')} {count}" in text
    for role, cost in told["ledger"]["roles"].items():
        numbers = (cost["calls"], cost["reused"], cost["input_tokens"], cost["output_tokens"])
        assert f"{role} {' '.join(f'{number:,}' for number in numbers)}" in text
    assert f"LM calls paid {sum(cost['calls'] for cost in told['ledger']['roles'].values()):,}" in text
    assert told["seeds"]["data_hash"] in text


def test_the_page_says_what_the_embedded_model_can_and_cannot_do(old: Path) -> None:
    path = old / "run" / "summary.json"
    told = read_json(path) or {}
    assert "embedded model" not in Seen(report(old / "run")).text
    told["models"]["evol"] = "local/smollm2"
    path.write_text(json.dumps(told), encoding="utf-8")
    assert "do not train on its rows" in Seen(report(old / "run")).text
    assert "what to expect" in command("show", old / "run").stdout


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    folder = hostile_folder(tmp_path / "</title><b>x")
    page = report(folder)
    page.encode("utf-8")
    seen = Seen(page)
    assert not {"img", "b"} & set(seen.tags)
    assert "</script><img src=x onerror=alert(1)>" in seen.text
    assert "\\u202egnp.exe\\u200f" in seen.text
    assert "\\x1b[2J\\x07\\x00 bell" in seen.text
    assert "{{ 7*7 }} ${7*7}" in seen.text
    assert not set("\u202e\u200f\x1b\x00") & set(page)
    assert len(page) < 2_000_000, "long lines are cut, with what is left out"
    assert "more characters]" in seen.text
    (island,) = re.findall(r'<script type="application/json" id="row-data">(.*?)</script>', page, re.DOTALL)
    assert len(json.loads(island)) == 14


def test_markdown_of_hostile_texts_is_text(tmp_path: Path) -> None:
    page = report(hostile_folder(tmp_path / "run"), "--format", "md")
    outside = re.sub(r"^(`{3,})text\n.*?^\1$", "", page, flags=re.DOTALL | re.MULTILINE)
    assert "<img" not in outside
    assert not set("\u202e\x1b\x00") & set(page)


def test_a_large_folder_is_counted_whole_and_shown_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "SHOWN", 10)
    folder = write_folder(
        tmp_path / "run", [lineage(n, f"Task {n}.", passes=n % 3 > 0) for n in range(90)], 40
    )
    page = page_of(folder)
    assert len(page.browsed) == 20
    text = unescape(report(folder))
    assert "20 of 90 rows, drawn at random" in text
    assert "This run has not ended: 0 steps and 90 rows" in text
    (kinds,) = [plot for plot in page.plots if plot.name == "kinds"]
    assert kinds.grid.rows[0] == ("lost information", "30")


def test_rows_are_shown_until_the_budget_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BUDGET", 12_000)
    folder = write_folder(tmp_path / "run", [lineage(n, "word " * 100, passes=n % 2 > 0) for n in range(20)])
    outcomes = [row["outcome"] for row in page_of(folder).browsed]
    assert 0 < len(outcomes) < 20
    assert set(outcomes) == {"passed", "failed"}


def test_the_rows_of_the_browser_hold_every_text(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", [lineage(1, "Name a prime.")])
    (row,) = page_of(folder).browsed
    (step,) = row["rounds"]
    assert row["seed"] == "".join(text for sign, text in step["diff"] if sign <= 0) == "Name a prime."
    assert "".join(text for sign, text in step["diff"] if sign >= 0) in step["reply"]
    assert (step["response"], step["outcome"], row["outcome"]) == ("An answer.", "passed", "passed")


def test_three_rounds_of_a_run_under_way_and_ended(tmp_path: Path) -> None:
    with Endpoint(Served()) as endpoint:
        done = evolve(write_seeds(tmp_path), endpoint, tmp_path / "run", "--rounds", 3)
    told = summary(done)["evolution"]
    page = page_of(tmp_path / "run")
    assert {len(row["rounds"]) for row in page.browsed} >= {3}
    facts = {fact.name: fact.value for fact in page.facts}
    assert facts["rows kept"] == str(told["passed"])
    (tmp_path / "run" / "summary.json").unlink()
    begun = page_of(tmp_path / "run")
    first, _, rest = begun.verdict.partition(". ")
    assert first == f"This run has not ended: 0 steps and {told['rows']} rows are finished so far"
    assert re.fullmatch(r"Done at \d\d:\d\d.*\.", rest)
    assert begun.browsed == page.browsed


def test_what_was_optimised_is_named(tmp_path: Path) -> None:
    words = ("--batch-size", "2", "--m", "1", "--steps", "1", "--objective", "usable-yield")
    with Endpoint(TaskWorld()) as endpoint:
        done = command("optimize", task_file(tmp_path), "--out", tmp_path / "found", *at(endpoint), *words)
    assert done.exit_code == 0, done.stderr
    page = page_of(tmp_path / "found")
    names = [fact.name for fact in page.facts]
    assert {"usable yield before", "usable yield after"} <= set(names)
    assert not any("failure rate" in name for name in names)
    (plot,) = [plot for plot in page.plots if plot.name == "rate"]
    assert "usable yield" in plot.grid.columns


def test_what_is_simulated_is_said_wherever_a_comparison_is_shown(old: Path) -> None:
    path = old / "compare" / "comparison.json"
    told = read_json(path) or {}
    path.write_text(json.dumps({**told, "label": "simulated"}), encoding="utf-8")
    page = page_of(old / "compare")
    assert "(simulated)" in page.verdict
    (curves,) = page.plots
    assert "simulated" in curves.caption
    (ranks,) = next(section.blocks for section in page.sections if section.id == "ranks")
    assert isinstance(ranks, Grid)
    assert "(simulated)" in ranks.caption
    assert all("(simulated)" in row[0] for row in ranks.rows)


def test_what_was_stopped_says_why_and_what_goes_on(tmp_path: Path) -> None:
    with Endpoint([refuses(401, "Incorrect API key")]) as endpoint:
        assert evolve(write_seeds(tmp_path), endpoint, tmp_path / "run").exit_code == 1
    verdict = page_of(tmp_path / "run").verdict
    assert verdict.startswith("This run has not ended: 0 steps and 0 rows are finished so far. Stopped at ")
    assert "Incorrect API key (HTTP 401) (check the API key); the same command goes on." in verdict


def test_the_funnel_goes_on_to_what_was_cleaned_and_exported(tmp_path: Path) -> None:
    with Endpoint(Served()) as endpoint:
        assert evolve(write_seeds(tmp_path), endpoint, tmp_path / "run").exit_code == 0
    (first, *_) = lines(tmp_path / "run" / "dataset.jsonl")
    taken = tmp_path / "taken.jsonl"
    taken.write_text(json.dumps({"instruction": first["instruction"]}) + "\n")
    clean, train = tmp_path / "clean.jsonl", tmp_path / "train.jsonl"
    assert command("clean", tmp_path / "run", "--out", clean, "--against", taken).exit_code == 0
    assert command("export", clean, "--format", "messages", "--out", train).exit_code == 0
    (plot,) = [plot for plot in page_of(tmp_path / "run").plots if plot.name == "funnel"]
    left = {stage: int(count) for stage, count in plot.grid.rows}
    cleaned, removed = lines(clean), lines(tmp_path / "clean.removed.jsonl")
    assert left["clean (clean)"] == left["export (train)"] == len(cleaned)
    assert left["passed"] == len(cleaned) + len(removed)
    text = Seen(report(tmp_path / "run")).text
    assert "clean (clean) same as a seed 1" in text
    assert "taken.jsonl, line 1" in text, "what a removed record is like"


def test_what_a_gate_refused_stands_beside_what_it_is_like(tmp_path: Path) -> None:
    twin, other = lineage(1, "Name a prime."), lineage(2, "Name a prime!")
    why = f"clean: repeated: {twin.row.id} (similarity 1.00)"
    refused = replace(other, rounds=(replace(other.rounds[0], fate=Fate.GATED, reason=why),))
    unread = replace(twin.rounds[0], evolution=None, response=None, fate=Fate.UNPARSED, reason="no tags")
    first = replace(twin, rounds=(unread, *twin.rounds))
    page = page_of(write_folder(tmp_path / "run", [first, refused]))
    (grid,) = next(section.blocks for section in page.sections if section.id == "gated")
    assert isinstance(grid, Grid)
    (row,) = grid.rows
    assert row[0] == "Name a prime! And say why, in row 2."
    assert row[3].startswith("Name a prime. / Name a prime. And say why")


def test_calls_paid_are_those_of_the_ledger(tmp_path: Path) -> None:
    words = ("--batch-size", "2", "--m", "2", "--steps", "1")
    with Endpoint(TaskWorld()) as endpoint:
        done = command("optimize", task_file(tmp_path), "--out", tmp_path / "found", *at(endpoint), *words)
    assert done.exit_code == 0, done.stderr
    (plot,) = [plot for plot in page_of(tmp_path / "found").plots if plot.name == "rate"]
    paid = [int(row[plot.grid.columns.index("LM calls paid")].replace(",", "")) for row in plot.grid.rows]
    total = sum(role["calls"] for role in printed(done)["ledger"]["roles"].values())
    assert paid == sorted(paid)
    assert 0 < paid[0] <= paid[-1] <= total, "the holdout comes after the steps"


def test_an_estimate_has_its_page_before_the_run_and_in_it(tmp_path: Path) -> None:
    seeds, run = write_seeds(tmp_path), tmp_path / "run"
    with Endpoint(Served()) as endpoint:
        said = command("estimate", seeds, "--evolve", "--sample", 3, "--out", run, *at(endpoint))
        assert said.exit_code == 0, said.stderr
        total = printed(said)["totals"]["calls"]["mid"]
        before = page_of(run)
        assert [section.id for section in before.sections] == ["estimate", "settings"]
        assert f"about {total:,.0f} [" in before.verdict
        assert command("show", run).exit_code == 0
        paid = summary(evolve(seeds, endpoint, run))["ledger"]["total"]["calls"]
    assert f"The run has paid {paid:,} calls." in Seen(report(run)).text


def test_the_command_on_the_page_makes_the_same_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--rounds", 2, "--mix", "deepen=1", "--clean")
    with Endpoint(Served()) as endpoint:
        assert evolve(write_seeds(tmp_path), endpoint, tmp_path / "run", *asked).exit_code == 0
        quotes = {block.title: block.text for block in _blocks(tmp_path / "run") if isinstance(block, Quote)}
        (tmp_path / "settings.json").write_text(quotes["Its settings.json"])
        _, *words = shlex.split(quotes["The command that runs it again"])
        done = command(*words, "--api-base", endpoint.url)
    assert done.exit_code == 0, done.output
    first, again = (read_json(tmp_path / name / "run.json") or {} for name in ("run", "runs/again"))
    assert again["settings"] == first["settings"]


def _blocks(folder: Path) -> list[Block]:
    return [block for section in page_of(folder).sections for block in section.blocks]


def test_time_is_told_by_role(tmp_path: Path) -> None:
    with Endpoint(Served()) as endpoint:
        assert evolve(write_seeds(tmp_path), endpoint, tmp_path / "run").exit_code == 0
    (cost,) = [section.blocks[0] for section in page_of(tmp_path / "run").sections if section.id == "cost"]
    assert isinstance(cost, Grid)
    assert cost.columns[-1] == "time of the calls"
    assert [row[0] for row in cost.rows] == ["evol", "respond", "all roles"]
    assert all(re.fullmatch(r"\d+ s", row[-1]) for row in cost.rows)


@pytest.mark.parametrize("words", [("nowhere",), ("run", "-o", ".")])
def test_what_cannot_be_done_is_said(
    old: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(old)
    done = command("report", *words)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
