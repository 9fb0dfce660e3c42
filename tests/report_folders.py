"""Run folders for reports: those that 0.1.0 left, and one whose texts were all written by an enemy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from autoevol.core.records import (
    Candidate,
    Demo,
    Evolution,
    FailureKind,
    Mark,
    Method,
    Outcome,
    Row,
    Score,
    Step,
)
from autoevol.evolution.lineage import Fate, Lineage, Round, encode_lineage, round_id
from autoevol.store.journal import FileJournal
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder
from command_line import command

OLD = Path(__file__).parent / "fixtures" / "run_folders_0.1"
HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\u202egnp.exe\u200f",
    "\x1b[2J\x07\x00 bell",
    "[bold red]markup[/] {{ 7*7 }} ${7*7}",
    "a\\ud800b'\"&",
    "long " + "x" * 200_000,
)


def lineage(number: int, text: str, *, passes: bool = True, response: str = "An answer.") -> Lineage:
    """One row of one round; what fails has lost information."""
    row = Row(f"{number:016x}", text)
    evolved = f"{text} And say why, in row {number}."
    step = Round(
        id=round_id(row.id, 1, 0, evolved),
        parent_id=row.id,
        seed_id=row.id,
        round=1,
        attempt=0,
        operation="deepen",
        method_id="0" * 16,
        model="model </script>",
        evolution=Evolution(text, evolved, f"I thought. {evolved}", "stop"),
        response=response,
        response_finish_reason="stop",
        tokens=(20, 30),
        fate=Fate.PASSED if passes else Fate.FAILED,
        kinds=() if passes else (FailureKind.LOST_INFORMATION,),
        reason="" if passes else f"Lost: {text[:40]}",
    )
    return Lineage(row, (step,))


def write_folder(folder: Path, lineages: Iterable[Lineage], part_rows: int = 1_000) -> Path:
    """A run folder, under way, that holds these rows."""
    with RunFolder(folder, {"pipeline": {"keep": "last"}}):
        parts = Parts(folder / "parts", {"of": "a test"})
        rows = iter(lineages)
        for number in range(1_000_000):
            with parts.writer(number) as writer:
                for _ in range(part_rows):
                    if (one := next(rows, None)) is None:
                        break
                    writer.add(encode_lineage(one), one.row.id, record=number * part_rows + writer.rows)
                if not writer.rows:
                    return folder
                writer.seal()
    return folder


def hostile_folder(folder: Path) -> Path:
    """Every hostile text as seed, reply, response and reason, passed and failed; and in methods."""
    texts = [text for text in HOSTILE for _ in range(2)]
    rows = [lineage(n, text, passes=n % 2 == 0, response=text) for n, text in enumerate(texts)]
    write_folder(folder, rows)
    start = Method("\n".join(HOSTILE[:-1]), name=HOSTILE[0])
    rewrite = Method(HOSTILE[3] * 9, (Demo(HOSTILE[1], HOSTILE[2]),))
    proposed = (
        Candidate(rewrite, start.id, HOSTILE[4]),
        Candidate(None, start.id, HOSTILE[0], problem=HOSTILE[0]),
    )
    marks = {row.row.id: Mark(Outcome.FAILED, FailureKind.LEAKED) for row in rows[:3]}
    scores = (Score(start.id, marks), Score(rewrite.id, marks))
    FileJournal(folder / "journal.jsonl").append(
        Step(1, (), proposed, scores, rewrite.id, improved=True, note=HOSTILE[0])
    )
    return folder


def report(folder: Path, *more: object) -> str:
    """The page that `autoevol report` writes."""
    done = command("report", folder, *more)
    assert done.exit_code == 0, done.stderr
    return Path(done.stdout.splitlines()[0]).read_text(encoding="utf-8")
