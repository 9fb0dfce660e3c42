"""`python -m autoevol.experiments.compare`: optimizers in the testbed with a known truth, *simulated*.

Two questions. At an equal budget, whose final method has the lowest true failure rate? And (`--reach`) how
many calls does AutoEvol with racing need to reach what the paper's loop reaches at its own end?
Rates are computed from the testbed's truth, not measured, so no referee is needed. Every line
that is printed says *simulated*: it tells how optimizers deal with noise, feedback and budget in that
world (`testbed` says which), and nothing about language models.

Budgets may be several; testbeds are gone through one after the other, all budgets and contestants in each, so
that a run that is stopped leaves an even table. The same command with the same `--out` goes on; to play
a contestant anew, delete its files in `entries`. `--summary` plays nothing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
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
from autoevol.experiments.testbed.bench import TRAIN, heat_of
from autoevol.metrics.simultaneous import Behind, behind
from autoevol.optimization.rules import RULES
from autoevol.reports.comparison import Finished, MeanRank
from autoevol.reports.folder import read_report
from autoevol.store.files import replacing, write_json
from autoevol.store.run import RunFolder


@dataclass(frozen=True)
class Line:
    """One contestant over all testbeds, *simulated*.

    Attributes:
        rates: True failure rate of its final method, by testbed, 0..1.
        rank: Over testbeds; None for contestants that tune demos.
        behind: Mean true rate less that of the lowest, paired by testbed, corrected for all pairs.
        most_calls: Most calls that one of its entries paid.
        seconds: Time of all its entries.
        notes: Traps met.
        against: The same as `behind`, less that of the contestant that was asked for.
    """

    contestant: str
    rates: tuple[float, ...]
    rank: MeanRank | None
    behind: Behind | None
    most_calls: int
    seconds: float
    notes: tuple[str, ...]
    against: Behind | None = None

    @property
    def mean(self) -> float:
        """Mean of `rates`."""
        return sum(self.rates) / len(self.rates)


@dataclass(frozen=True)
class Terms:
    """What all entries of a table share.

    Attributes:
        budget: Calls per entry.
        dev: Dev rows.
        train: Other rows.
    """

    budget: int
    dev: int
    train: int = TRAIN


def play_testbed(
    contestants: Sequence[Contestant], testbed: Testbed, terms: Terms, folder: Path
) -> list[Finished]:
    """Every contestant, and the start as it is, in one testbed.

    Raises:
        RuntimeError: If the count at a transport is not the ledger's, or above the budget.
    """
    heat = heat_of(testbed, terms.dev, terms.train)
    entries = []
    for contestant in (*contestants, Fixed(testbed.start)):
        known = list((folder / "entries").glob(f"{contestant.name}-{testbed.seed}.*"))
        before = heat.bench.transport.asked
        (entry,) = play([contestant], [heat], terms.budget, folder / "entries")
        asked = heat.bench.transport.asked - before
        # An entry that an earlier run began has asked that run's transport.
        if entry.calls > terms.budget or (asked != entry.calls and not known):
            raise RuntimeError(f"{entry.contestant}: {asked} calls asked, {entry.calls} booked")
        entries.append(entry)
    return entries


def finished(contestants: Sequence[Contestant], seeds: Sequence[int], folder: Path) -> list[Finished]:
    """Entries of the testbeds in which all of `contestants` are done."""
    names = [*(contestant.name for contestant in contestants), "start"]
    tables = (
        [read_report(folder / "entries" / f"{n}-{seed}.json", Finished) for n in names] for seed in seeds
    )
    return [entry for table in tables if all(table) for entry in table if entry]


def summarise(entries: Sequence[Finished], against: str | None = None) -> list[Line]:
    """A line per contestant: those that are ranked by their mean true rates, then the others."""
    by_name: dict[str, list[Finished]] = {}
    for entry in entries:
        by_name.setdefault(entry.contestant, []).append(entry)
    testbeds = {seed: Testbed(seed) for seed in {entry.seed for entry in entries}}
    rates = {
        name: tuple(testbeds[entry.seed].true_rate(entry.method) for entry in group)
        for name, group in by_name.items()
    }
    ranked = [name for name, group in by_name.items() if group[0].group != "demos"]
    table = list(zip(*(rates[name] for name in ranked), strict=True))
    places = dict(zip(ranked, mean_ranks(table), strict=True))
    gaps = dict(zip(ranked, behind(table), strict=True))
    other = dict(zip(ranked, behind(table, ranked.index(against)), strict=True)) if against in ranked else {}
    lines = [
        Line(
            contestant=name,
            rates=rates[name],
            rank=places.get(name),
            behind=gaps.get(name),
            most_calls=max(entry.calls for entry in group),
            seconds=sum(entry.seconds for entry in group),
            notes=tuple(dict.fromkeys(note for entry in group for note in entry.notes)),
            against=other.get(name),
        )
        for name, group in by_name.items()
    ]
    return sorted(lines, key=lambda line: (line.rank is None, line.mean))


def show(line: Line) -> str:
    """One line of the table."""
    low, high = min(line.rates), max(line.rates)
    rate = f"true rate {line.mean:6.1%} ({low:.1%} to {high:.1%})"
    costs = f"{line.most_calls} calls at most, {line.seconds:.0f} s"
    if not (line.rank and line.behind):
        return f"{LABEL}  {line.contestant:14} {rate}  apart: tunes demos  {costs}"
    first = not line.behind.difference
    told = "first" if first else f"behind {line.behind}{' tied' if line.behind.tied else ''}"
    other = f"  against the named {line.against}" if line.against else ""
    rank = f"rank {line.rank.mean:5.2f}"
    return f"{LABEL}  {line.contestant:14} {rate}  {told}{other}  {rank}  {costs}"


def table_lines(entries: Sequence[Finished], terms: Terms, against: str | None) -> Iterator[str]:
    """The table of one budget, and the traps that were met."""
    testbeds = len({entry.seed for entry in entries})
    rows = f"{terms.dev} dev and {terms.train} other rows"
    yield f"{LABEL}  {testbeds} testbeds, {terms.budget} calls per entry, {rows}, 95 % for all pairs at once"
    lines = summarise(entries, against) if entries else []
    yield from map(show, lines)
    for line in lines:
        yield from (f"{LABEL}  trap met by {line.contestant}: {note}" for note in line.notes)


def main() -> None:
    """Read the options, answer both questions, print and (with --out) keep what came out."""
    parser = _parser()
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    contestants = find_contestants(options.optimizers)
    if options.rule not in RULES:
        parser.error(f"--rule {options.rule!r} is unknown; known are {', '.join(RULES)}")
    tables = [Terms(budget, options.dev, options.train) for budget in options.budget or (2000,)]
    with tempfile.TemporaryDirectory() as scratch:
        out = options.out or Path(scratch)
        folders = {terms: out / str(terms.budget) for terms in tables}
        if not options.summary:
            play_all(contestants, seeds, folders)
        reaches = _reaches(options, seeds, out) if options.reach else []
        for terms, folder in folders.items():
            entries = finished(contestants, seeds, folder)
            print("\n".join(table_lines(entries, terms, options.against)))
            if entries:
                keep(folder, entries, reaches, terms.budget)
        for end in dict.fromkeys(reach.end for reach in reaches):
            print("\n".join(show_reach([reach for reach in reaches if reach.end == end], options.rule)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.compare", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="How many testbeds (default 10).")
    parser.add_argument("--first", type=int, default=0, help="Seed of the first testbed (default 0).")
    parser.add_argument(
        "--budget", type=int, action="append", help="Calls per entry (default 2000). Repeatable."
    )
    parser.add_argument("--dev", type=int, default=50, help="Dev rows (default 50).")
    parser.add_argument("--train", type=int, default=TRAIN, help=f"Other rows (default {TRAIN}).")
    parser.add_argument("--optimizers", default="autoevol,rivals,demos", help="Names or groups.")
    parser.add_argument("--against", help="Also hold everyone against this contestant.")
    parser.add_argument("--summary", action="store_true", help="Play nothing, print what is finished.")
    parser.add_argument("--reach", action="store_true", help="Also the calls to the paper's end.")
    parser.add_argument(
        "--rule", default="race", help="Rule that is to reach the paper's end (default race)."
    )
    parser.add_argument("--m", type=int, default=5, help="Rewrites per step of that rule (default 5).")
    parser.add_argument("--out", type=Path, help="Folder for entries, JSON and the drawing; resumes.")
    return parser


def play_all(contestants: Sequence[Contestant], seeds: Sequence[int], folders: dict[Terms, Path]) -> None:
    """All tables, testbed by testbed; what is finished is not played again."""
    for seed in seeds:
        for terms, folder in folders.items():
            started = time.perf_counter()
            settings = {"budget": terms.budget, "dev": terms.dev, "train": terms.train}
            with RunFolder(folder, settings) as held:
                play_testbed(contestants, Testbed(seed), terms, held.path)
            print(
                f"{LABEL}  testbed {seed}, {terms.budget} calls: {time.perf_counter() - started:.0f} s",
                flush=True,
            )


def _reaches(options: argparse.Namespace, seeds: Sequence[int], folder: Path) -> list[Reach]:
    walks = folder / "walks"
    walks.mkdir(parents=True, exist_ok=True)
    each = (calls_to_reach(Testbed(seed), options.rule, walks, options.m) for seed in seeds)
    return [reach for reaches in each for reach in reaches]


def keep(folder: Path, entries: Sequence[Finished], reaches: Sequence[Reach], budget: int) -> None:
    """Write `comparison.json` and `curves.svg` (mean true rate over the calls paid)."""
    testbeds = {seed: Testbed(seed) for seed in {entry.seed for entry in entries}}
    lines = summarise(entries)
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
