"""The command line of the studies."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

from autoevol.config import EvolConfig, LoopConfig, MethodConfig, RequestConfig, Settings
from autoevol.core.errors import BudgetReached, InputError
from autoevol.experiments import ablations
from autoevol.experiments.ablations import studies
from autoevol.experiments.ablations.estimate import most_calls
from autoevol.experiments.ablations.grounds import Ground, ModelGround, TestbedGround
from autoevol.experiments.ablations.mixing import rounds
from autoevol.experiments.ablations.studies import Plan, Study
from autoevol.optimization.rules import RULES
from autoevol.store.run import RunFolder

STUDIES: dict[str, Study] = {
    "m": studies.m,
    "steps": studies.steps,
    "start": studies.start,
    "models": studies.models,
    "rounds": rounds,
    "transfer": studies.transfer,
}
_CAPS = ("max_calls", "max_tokens", "max_usd", "price")
_FREE = ("out", "concurrency", "api_base", "api_key_env", "dry_run", *_CAPS)


def options() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        prog="python -m autoevol.experiments.ablations",
        description=ablations.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    loop, models, requests = LoopConfig(), EvolConfig(), RequestConfig()
    parser.add_argument("study", choices=STUDIES)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--testbed", action="store_true", help="Run in testbeds; everything is simulated.")
    where.add_argument("--seeds", help="Run on models, with the seed instructions of this file.")
    parser.add_argument("--out", type=Path, required=True, help="Folder for table, plot and calls; resumes.")
    parser.add_argument("--testbeds", type=int, default=10, help="How many testbeds (default 10).")
    parser.add_argument("--evol-model", action="append", default=[], help="Repeat for models and transfer.")
    parser.add_argument("--optimizer-model", action="append", default=[], help="By default the evol models.")
    parser.add_argument("--api-base", help="URL of an OpenAI-compatible endpoint.")
    parser.add_argument("--api-key-env", help="Environment variable that holds the API key.")
    parser.add_argument("--temperature", type=float, default=models.temperature, help="Of the evol model.")
    parser.add_argument("--reply-tokens", type=int, default=models.reply_tokens, help="Longest reply.")
    parser.add_argument("--concurrency", type=int, default=requests.concurrency, help="Requests at once.")
    parser.add_argument("--other-seeds", help="Other data, for transfer.")
    parser.add_argument("--holdout", type=int, default=50, help="Holdout rows (models only; default 50).")
    parser.add_argument("--seed", type=int, default=0, help="Draws split and batches (models only).")
    parser.add_argument("--dev", type=int, default=loop.dev_size, help="Dev rows (default 50).")
    parser.add_argument("--batch-size", type=int, default=loop.batch_size, help="Default 10.")
    parser.add_argument("--m", type=int, default=loop.m, help="Rewrites per step (default 5).")
    parser.add_argument("--steps", type=int, default=loop.steps, help="Steps (default 10).")
    parser.add_argument("--loops", type=int, default=1, help="Loops per setting, a seed each (default 1).")
    parser.add_argument("--max-calls", type=int, help="Stop before paying for more LM calls than this.")
    parser.add_argument("--max-tokens", type=int, help="Stop before using more tokens than this.")
    parser.add_argument("--max-usd", type=float, help="Stop before more US dollars than this; needs --price.")
    parser.add_argument("--price", action="append", default=[], help="MODEL=0.15,0.60. Repeatable.")
    parser.add_argument("--dry-run", action="store_true", help="Only say how many calls it makes at most.")
    parser.add_argument(
        "--selection", choices=RULES, default=MethodConfig().selection, help="Selection rule."
    )
    return parser


def ground_of(given: argparse.Namespace, folder: Path) -> Ground:
    """Where the study that was asked for runs."""
    if given.testbed:
        return TestbedGround(given.testbeds, given.dev)
    evols = given.evol_model or [EvolConfig().model]
    settings = Settings.of(
        api_base=given.api_base,
        api_key_env=given.api_key_env,
        temperature=given.temperature,
        reply_tokens=given.reply_tokens,
        concurrency=given.concurrency,
        **{name: getattr(given, name) for name in _CAPS},
    )
    return ModelGround(
        given.seeds,
        settings,
        evols,
        given.optimizer_model,
        folder,
        dev=given.dev,
        holdout=given.holdout,
        seed=given.seed,
        other_seeds=given.other_seeds,
    )


def main() -> None:
    """Run one study; print its table and write `STUDY.json` and `STUDY.svg`."""
    parser = options()
    given = parser.parse_args()
    settings = {name: value for name, value in vars(given).items() if name not in _FREE}
    config = LoopConfig(batch_size=given.batch_size, m=given.m, steps=given.steps, dev_size=given.dev)
    started = time.perf_counter()
    try:
        with RunFolder(given.out, settings) as folder:
            calls = folder.path / "calls"
            calls.mkdir(exist_ok=True)
            ground = ground_of(given, calls)
            plan = Plan(config, given.selection, calls, given.loops)
            if given.dry_run:
                most = most_calls(given.study, ground, plan, 0 if given.testbed else given.holdout)
                print(f"{ground.label}  {given.study}: at most {most} LM calls")
                return
            table = STUDIES[given.study](ground, plan)
            table.save(folder.path)
    except InputError as error:
        parser.error(str(error))
    except BudgetReached as stop:
        print(f"{stop}; the same command with a larger cap goes on", file=sys.stderr)
        raise SystemExit(3) from stop
    asked = {name: value for name, value in asdict(config).items() if name in ("batch_size", "m", "steps")}
    where = f"{given.testbeds} testbeds" if given.testbed else given.seeds
    where += f", {given.loops} loops each" if given.loops > 1 else ""
    print(f"{ground.label}  {where}, {asked}, {given.dev} dev rows, selection {given.selection}")
    print(table.text())
    print(f"{ground.label}  {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
