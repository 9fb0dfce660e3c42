"""`autoevol merge`: join the folders of finished shards into one run folder.

The result is the folder that one process would have left: it can be shown, retried, cleaned and
exported, and the same `autoevol evolve` without --shard finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autoevol.commands.past import copy_endpoint, scanned_of
from autoevol.config import PipelineConfig
from autoevol.config.options import restore
from autoevol.core.errors import InputError, StoreError
from autoevol.data.scan import Scanned
from autoevol.data.shard import Shard
from autoevol.evolution.lineage import End
from autoevol.evolution.merge import merge_parts
from autoevol.evolution.outputs import FILES, write_outputs
from autoevol.reports.evolution import EvolutionReport
from autoevol.reports.folder import read_report
from autoevol.reports.rates import Ledger, RoleCost
from autoevol.reports.run import FILE, RunReport, result_paths
from autoevol.store.calls import Spent
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder
from autoevol.store.sealed import write_sealed


@dataclass(frozen=True)
class _Piece:
    """One shard, as read from its folder."""

    shard: Shard
    folder: RunFolder
    fingerprint: str | None
    seeds: Scanned
    parts: Parts
    report: RunReport | None

    @property
    def common(self) -> dict[str, Any]:
        """What is the same for all shards of a run."""
        seeds = replace(self.seeds, owned=None, source="")
        return {**_whole(self.folder), "seeds": seeds, "made": self.parts.made}

    @property
    def problem(self) -> str | None:
        """Why it cannot be merged, whatever the other shards are; None if it can."""
        if self.parts.rows != self.seeds.here:
            done = f"{self.parts.rows} of {self.seeds.here} rows"
            return f"shard {self.shard} has finished {done}; run it again"
        if not self.report or not self.report.evolution or not self.report.evolution.complete:
            return f"shard {self.shard} did not come to its end; run it again"
        return None


def merge(out: Path) -> RunReport:
    """Join the shards whose folders are in `out`; returns the report of the whole.

    That they are complete and disjoint is checked before anything is written, and again for every row
    during writing. The shards' folders are not changed. Calls, tokens and seconds are added up.

    Args:
        out: The --out that each shard was given.

    Raises:
        InputError: If shards are missing, unfinished or of different runs, or `out` holds a
            dataset already. The message names every shard at fault.
        StoreError: If a shard is in use, or its files are damaged.
        StoreLost: If the disk refuses.
    """
    # The summary is written last: a folder without it is of a merge that was killed.
    if (out / FILES[End.KEPT]).exists() and (out / FILE).exists():
        raise InputError(f"{out} holds a dataset already; move it away to merge again")
    with ExitStack() as stack:
        folders = [stack.enter_context(RunFolder(path.parent)) for path in sorted(out.glob("*/run.json"))]
        pieces = sorted(
            (_piece(folder) for folder in folders if "shard" in _inputs(folder)),
            key=lambda piece: piece.shard.number,
        )
        _check(out, pieces)
        first = pieces[0]
        settings = _whole(first.folder)
        whole = stack.enter_context(RunFolder(out, settings))
        into = Parts(out / "parts", first.parts.made)
        merge_parts({piece.shard: piece.parts for piece in pieces}, into, PipelineConfig().part_rows)
        whole.save_methods(first.folder.methods().values())
        whole.save_seeds(first.fingerprint, asdict(replace(first.seeds, owned=None)))
        copy_endpoint(first.folder, whole)
        report = _joined(pieces)
        _book(whole, report.ledger.roles)
        tally = write_outputs(into, out, restore(PipelineConfig, settings["pipeline"]).keep)
        report = replace(report, evolution=EvolutionReport.of(tally), paths=result_paths(out))
        write_sealed(out / FILE, report.to_json())
        return report


def _inputs(folder: RunFolder) -> dict[str, Any]:
    return folder.settings.get("inputs", {})


def _whole(folder: RunFolder) -> dict[str, Any]:
    """The settings of a shard, without its number."""
    inputs = {name: value for name, value in _inputs(folder).items() if name != "shard"}
    return {**folder.settings, "inputs": inputs}


def _piece(folder: RunFolder) -> _Piece:
    path = folder.path
    shard = Shard.parse(_inputs(folder)["shard"])
    known = folder.seeds()
    if known is None:
        raise InputError(f"shard {shard} has not begun; run it again")
    mark, found = known
    report = read_report(path / FILE, RunReport)
    return _Piece(shard, folder, mark, scanned_of(folder, found), Parts(path / "parts", None), report)


def _check(out: Path, pieces: Sequence[_Piece]) -> None:
    """Raise InputError unless the pieces are all the shards of one run, finished, each once."""
    if not pieces:
        raise InputError(f"{out} holds no shards; give what was given as --out with --shard")
    first = pieces[0]
    there = {piece.shard for piece in pieces}
    wanted = (Shard(number, first.shard.of) for number in range(1, first.shard.of + 1))
    problems = [problem for piece in pieces if (problem := piece.problem)]
    problems += [f"shard {shard} is missing" for shard in wanted if shard not in there]
    problems += [
        f"shard {piece.shard} was made with other settings or seeds than {first.shard}"
        for piece in pieces
        if piece.shard.of != first.shard.of or piece.common != first.common
    ]
    if len(there) < len(pieces):
        problems.append("a shard is there twice")
    if problems:
        raise InputError(f"{out} cannot be merged: {'; '.join(problems)}")
    total = sum(piece.parts.rows for piece in pieces)
    if total != first.seeds.rows:
        raise StoreError(f"{out}: the shards have {total} rows, their source has {first.seeds.rows}")


def _joined(pieces: Sequence[_Piece]) -> RunReport:
    """The report of all shards together, without what is counted from the joined parts."""
    reports = [piece.report for piece in pieces if piece.report]
    return replace(
        reports[0],
        seeds=replace(pieces[0].seeds, owned=None),
        ledger=sum((report.ledger for report in reports), Ledger({})),
        seconds=sum(report.worked.seconds if report.worked else report.seconds for report in reports),
        worked=None,
        sampled=None,
        shards=len(pieces),
    )


def _book(whole: RunFolder, roles: Mapping[str, RoleCost]) -> None:
    """Book what the shards paid, so that the caps count it when the run is resumed or retried."""
    spent = {
        role: Spent(
            cost.calls,
            cost.input_tokens,
            cost.output_tokens,
            cost.usd,
            cost.reasoning_tokens,
            cost.estimated,
        )
        for role, cost in roles.items()
    }
    with closing(whole.calls(fresh=True)) as store:
        store.carry(spent)
