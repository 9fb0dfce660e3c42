"""The commands in the order of `autoevol --help`, each with an example that its own help ends with."""

from __future__ import annotations

from typer import Typer
from typer.models import CommandInfo

_PANELS = {
    "Evolve": {
        "run": "autoevol run seeds.jsonl --out runs/mine --evol-model openai/gpt-5-mini",
        "optimize": "autoevol optimize seeds.jsonl --out runs/method --steps 5",
        "evolve": "autoevol evolve seeds.jsonl --method runs/mine --out runs/more",
        "retry": "autoevol retry runs/mine",
        "again": "autoevol again runs/mine --keep all --out runs/all-rounds",
        "show": "autoevol show runs/mine",
        "report": "autoevol report runs/mine --open",
    },
    "Before and after": {
        "doctor": "autoevol doctor --evol-model my-model --api-base http://localhost:8000/v1",
        "headroom": "autoevol headroom seeds.jsonl --out runs/look --rows 48",
        "estimate": "autoevol estimate seeds.jsonl --sample 20 --out runs/mine",
        "clean": "autoevol clean runs/mine --against seeds.jsonl --out clean.jsonl",
        "export": "autoevol export clean.jsonl --format messages --out train.jsonl",
        "quality": "autoevol quality runs/mine",
        "benchmarks": "autoevol benchmarks train.trl/tuned-vicuna --training t.jsonl --out bench",
        "prove": "autoevol prove runs/mine --against length,ops --out proofs/mine --dry-run",
    },
    "Several processes": {
        "launch": "autoevol launch --shards 8 -- seeds.jsonl --out runs/all",
        "merge": "autoevol merge runs/all",
    },
    "Methods and measures": {
        "search": "autoevol search seeds.jsonl --out runs/search --trials 20",
        "compare": "autoevol compare seeds.jsonl --out runs/compare --optimizers race,gepa",
        "passport": "autoevol passport runs/mine --out mine.json --out mine.md",
        "transfer": "autoevol transfer initial mine.json --seeds other.jsonl --out runs/t",
        "label": "autoevol label runs/mine --sample 100 --rater anna",
        "judge-answers": "autoevol judge-answers q.jsonl a.jsonl b.jsonl --judge-model J --out runs/ab",
        "calibrate": "autoevol calibrate labelled.jsonl --judge-model openai/gpt-5-mini",
    },
}
_METHODS = {
    "list": "autoevol methods list",
    "show": "autoevol methods show deepen",
    "import": "autoevol methods import author_optimizer_log.json --out methods",
}
_TO_BEGIN = {
    "run": "To begin with: an endpoint of yours needs --evol-model and --api-base, all else has a default. "
    "--dry-run tells what it would cost, --max-calls caps it, --limit takes a few rows, --concurrency "
    "makes it faster, and --optimize never leaves the optimisation out.",
    "optimize": "To begin with: --dry-run tells what it would cost, --max-calls caps it. The method is left "
    "in the run folder, where `autoevol evolve --method` finds it.",
    "evolve": "To begin with: --method takes what `run` has found, --rounds evolves further, --dry-run tells "
    "what it would cost, --max-calls caps it, --limit takes a few rows.",
}
"""What of many options is worth knowing first."""
PANELS = {name: panel for panel, commands in _PANELS.items() for name in commands}
EXAMPLES = {name: line for commands in _PANELS.values() for name, line in commands.items()}
EXAMPLES |= {f"methods {name}": line for name, line in _METHODS.items()}
"""A command line by the words that name its command; it fits into 80 columns, so that it can be copied."""


def arrange(app: Typer, methods_app: Typer) -> None:
    """Give every command its place, its panel and its example; one that is not listed comes last."""
    order = list(PANELS)
    app.registered_commands.sort(key=lambda info: (*order, _name(info)).index(_name(info)))
    for info in app.registered_commands:
        info.rich_help_panel = PANELS.get(_name(info))
        info.epilog = _epilog(EXAMPLES.get(_name(info)), _TO_BEGIN.get(_name(info)))
    for info in methods_app.registered_commands:
        info.epilog = _epilog(_METHODS.get(_name(info)))


def _name(info: CommandInfo) -> str:
    return info.name or getattr(info.callback, "__name__", "")


def _epilog(example: str | None, to_begin: str | None = None) -> str | None:
    if not example:
        return None
    return "\n\n".join(part for part in (to_begin, "Example:", example) if part)
