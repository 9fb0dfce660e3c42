"""`python -m autoevol.experiments.soak`: kills, faults and hostile seeds until the time is up.

Commands are those of a user, on terminals of their own. The models behind the endpoints are *simulated*.
Prints a line for every game and the sums at the end, as JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from autoevol.experiments.soak.game import play
from autoevol.experiments.soak.plan import Plan, Score


def main(argv: Sequence[str] | None = None) -> int:
    """Play games. Returns 1 if a promise was broken, whose run folders are kept, else 0."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.soak", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="no game is begun after (default 10)")
    parser.add_argument("--games", type=int, help="most games; default: as many as there is time for")
    parser.add_argument("--rows", type=int, default=60, help="seeds of a game (default 60)")
    parser.add_argument("--kills", type=int, default=5, help="kills of a game (default 5)")
    parser.add_argument("--seed", type=int, default=0, help="of the first game (default 0)")
    parser.add_argument("--states-only", action="store_true", help="no kills at moments")
    parser.add_argument("--folder", type=Path, help="default: a new one, removed if all is well")
    options = parser.parse_args(argv)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="soak-"))
    began, scores = time.monotonic(), list[Score]()
    while time.monotonic() - began < 60 * options.minutes and len(scores) != options.games:
        plan = Plan.draw(
            options.seed + len(scores),
            rows=options.rows,
            kills=options.kills,
            moments=not options.states_only,
        )
        place = folder / f"game-{plan.seed}"
        place.mkdir(parents=True)
        score = play(plan, place)
        scores.append(score)
        print(json.dumps({**vars(plan), **vars(score)}), flush=True)
        if not score.problems:
            shutil.rmtree(place)
    problems = [problem for score in scores for problem in score.problems]
    print(json.dumps({"games": len(scores), "seconds": round(time.monotonic() - began), **_sums(scores)}))
    if not problems and options.folder is None:
        shutil.rmtree(folder)
    return 1 if problems else 0


def _sums(scores: Sequence[Score]) -> dict[str, int | dict[str, int]]:
    counted = [field.name for field in fields(Score) if field.name not in ("faults", "problems")]
    sums: dict[str, int | dict[str, int]] = {
        name: sum(getattr(score, name) for score in scores) for name in counted
    }
    faults = sum((score.faults for score in scores), Counter[str]())
    return {**sums, "faults": dict(faults), "problems": sum(len(score.problems) for score in scores)}


if __name__ == "__main__":
    raise SystemExit(main())
