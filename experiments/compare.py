"""`python -m autoevol.experiments.compare`: optimizers in the testbed with a known truth, *simulated*.

Two questions. At an equal budget, whose final method has the lowest true failure rate? And how
many calls does AutoEvol with racing need to reach what the paper's loop reaches at its own end?
Rates are computed from the testbed's truth, not measured, so no referee is needed. Every line
that is printed says *simulated*: it tells how optimizers deal with noise, feedback and budget in that
world (`testbed` says which), and nothing about language models.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoevol.comparison.catalog import find_contestants
from autoevol.comparison.entry import Contestant
from autoevol.comparison.own import Fixed
from autoevol.comparison.play import play
from autoevol.comparison.plot import curves_svg
from autoevol.comparison.ranking import mean_curve, mean_ranks
from autoevol.core.schema import encode
from autoevol.experiments.reach import LABEL, Reach, calls_to_reach, show_reach
from autoevol.experiments.testbed import Testbed
from autoevol.experiments.testbed.bench import heat_of
from autoevol.metrics.paired import PairedTest
from autoevol.optimization.rules import RULES
from autoevol.reports.comparison import Finished, MeanRank
from autoevol.store.files import replacing, write_json
from autoevol.store.run import RunFolder


@dataclass(frozen=True)
class Line:
    """One contestant over all testbeds, *simulated*.

    Attributes:
        rates: True failure rate of its final method, by testbed, 0..1.
        rank: Over testbeds; None for contestants that tune demos.
        behind: Mean true rate minus that of the first-ranked, bootstrapped over testbeds.
        most_calls: Most calls that one of its entries paid.
        seconds: Time of all its entries.
        notes: Traps met.
    """

    contestant: str
    rates: tuple[float, ...]
    rank: MeanRank | None
    behind: PairedTest
    most_calls: int
    seconds: float
    notes: tuple[str, ...]


def equal_budget(
    contestants: Sequence[Contestant], testbeds: Sequence[Testbed], budget: int, dev: int, folder: Path
) -> tuple[list[Line], list[Finished]]:
    """Every contestant with `budget` calls in every testbed, ranked by true rates; best first.

    Raises:
        RuntimeError: If the count at a transport is not the ledger's, or above the budget.
    """
    entries: list[Finished] = []
    for testbed in testbeds:
        heat = heat_of(testbed, dev)
        for contestant in (*contestants, Fixed(testbed.start)):
            known = list((folder / "entries").glob(f"{contestant.name}-{testbed.seed}.*"))
            before = heat.bench.transport.asked
            (entry,) = play([contestant], [heat], budget, folder / "entries")
            asked = heat.bench.transport.asked - before
            # An entry that an earlier run began has asked that run's transport.
            if entry.calls > budget or (asked != entry.calls and not known):
                raise RuntimeError(f"{entry.contestant}: {asked} calls asked, {entry.calls} booked")
            entries.append(entry)
    return summarise(entries, {testbed.seed: testbed for testbed in testbeds}), entries


def summarise(entries: Sequence[Finished], testbeds: dict[int, Testbed]) -> list[Line]:
    """A line per contestant: those that are ranked by rank, then the others."""
    by_name: dict[str, list[Finished]] = {}
    for entry in entries:
        by_name.setdefault(entry.contestant, []).append(entry)
    rates = {
        name: tuple(testbeds[entry.seed].true_rate(entry.method) for entry in group)
        for name, group in by_name.items()
    }
    ranked = [name for name, group in by_name.items() if group[0].group != "demos"]
    table = list(zip(*(rates[name] for name in ranked), strict=True))
    places = dict(zip(ranked, mean_ranks(table), strict=True))
    first = min(ranked, key=lambda name: places[name].mean)
    lines = [
        Line(
            contestant=name,
            rates=rates[name],
            rank=places.get(name),
            behind=PairedTest.of(rates[first], rates[name]),
            most_calls=max(entry.calls for entry in group),
            seconds=sum(entry.seconds for entry in group),
            notes=tuple(dict.fromkeys(note for entry in group for note in entry.notes)),
        )
        for name, group in by_name.items()
    ]
    return sorted(lines, key=lambda line: line.rank.mean if line.rank else 1e9)


def show(line: Line) -> str:
    """One line of the table."""
    low, high = min(line.rates), max(line.rates)
    rate = f"true rate {sum(line.rates) / len(line.rates):6.1%} ({low:.1%} to {high:.1%})"
    rank = "rank apart: tunes demos         "
    if line.rank:
        tied = "tied" if line.rank.tied and line.rank.behind > 0 else "    "
        rank = f"rank {line.rank.mean:5.2f} [{line.rank.low:5.2f}, {line.rank.high:5.2f}] {tied} "
    costs = f"{line.most_calls} calls at most, {line.seconds:.0f} s"
    return f"{LABEL}  {line.contestant:10} {rank} {rate}  behind the first {line.behind.span}  {costs}"


def main() -> None:
    """Read the options, answer both questions, print and (with --out) keep what came out."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.compare", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="How many testbeds (default 10).")
    parser.add_argument("--first", type=int, default=0, help="Seed of the first testbed (default 0).")
    parser.add_argument("--budget", type=int, default=2000, help="Calls per entry (default 2000).")
    parser.add_argument("--dev", type=int, default=50, help="Dev rows (default 50).")
    parser.add_argument("--optimizers", default="autoevol,rivals,demos", help="Names or groups.")
    parser.add_argument(
        "--rule", default="race", help="Rule that is to reach the paper's end (default race)."
    )
    parser.add_argument("--m", type=int, default=5, help="Rewrites per step of that rule (default 5).")
    parser.add_argument("--out", type=Path, help="Folder for entries, JSON and the drawing; resumes.")
    options = parser.parse_args()
    testbeds = [Testbed(seed) for seed in range(options.first, options.first + options.seeds)]
    contestants = find_contestants(options.optimizers)
    if options.rule not in RULES:
        parser.error(f"--rule {options.rule!r} is unknown; known are {', '.join(RULES)}")
    settings = {"budget": options.budget, "dev": options.dev}
    with tempfile.TemporaryDirectory() as scratch, RunFolder(options.out or scratch, settings) as folder:
        started = time.perf_counter()
        lines, entries = equal_budget(contestants, testbeds, options.budget, options.dev, folder.path)
        print(f"{LABEL}  {options.seeds} testbeds, {options.budget} calls per entry, {options.dev} dev rows")
        print("\n".join(show(line) for line in lines))
        notes = [f"{LABEL}  trap met by {line.contestant}: {note}" for line in lines for note in line.notes]
        print("\n".join([*notes, f"{LABEL}  {time.perf_counter() - started:.0f} s"]))
        started = time.perf_counter()
        walks = folder.path / "walks"
        walks.mkdir(exist_ok=True)
        reaches = [
            reach for testbed in testbeds for reach in calls_to_reach(testbed, options.rule, walks, options.m)
        ]
        for end in dict.fromkeys(reach.end for reach in reaches):
            print("\n".join(show_reach([reach for reach in reaches if reach.end == end], options.rule)))
        print(f"{LABEL}  {time.perf_counter() - started:.0f} s")
        keep(folder.path, lines, entries, reaches, options.budget)


def keep(
    folder: Path,
    lines: Sequence[Line],
    entries: Sequence[Finished],
    reaches: Sequence[Reach],
    budget: int,
) -> None:
    """Write `comparison.json` and `curves.svg` (mean true rate over the calls paid)."""
    testbeds = {seed: Testbed(seed) for seed in {entry.seed for entry in entries}}
    reached = [{**encode(reach), "share": reach.share} for reach in reaches]
    figures = {"label": LABEL, "budget": budget, "contestants": encode(lines), "reach": reached}
    write_json(folder / "comparison.json", {**figures, "entries": encode(entries)})
    curves = {
        line.contestant: mean_curve(
            [
                list({p.calls: testbeds[entry.seed].true_rate(p.method) for p in entry.curve}.items())
                for entry in entries
                if entry.contestant == line.contestant
            ]
        )
        for line in lines
    }
    with replacing(folder / "curves.svg") as file:
        file.write(curves_svg(curves, f"true failure rate, mean over testbeds ({LABEL})", budget).encode())


if __name__ == "__main__":
    main()
