"""`python -m autoevol.experiments.bench`: calls per second, CPU and memory, side by side in one run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass

from autoevol.experiments.bench.contenders import CONTENDERS, TEXT, Figures, measure
from autoevol.experiments.bench.server import Behaviour, serving


@dataclass(frozen=True)
class Setting:
    """What everybody is measured at.

    Attributes:
        latency: Seconds that the server takes for every reply.
        one_core: Keep the client on one core; the server has another.
    """

    latency: float
    concurrency: int
    calls: int
    one_core: bool = False

    @property
    def ideal(self) -> float:
        """Calls per second if nothing but the server took time; 0 if that is no bound."""
        return self.concurrency / self.latency if self.latency else 0.0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 0."""
    options = _parser().parse_args(argv)
    names = [name for name in CONTENDERS if not options.only or name in options.only]
    for setting in _settings(options):
        core = "client on one core" if setting.one_core else "client on all cores"
        print(
            f"\nlatency {setting.latency:g} s, {setting.concurrency} at once, {setting.calls} calls, {core}\n"
        )
        print(f"{'':26}{'calls/s':>9}{'of ideal':>10}{'CPU ms/call':>13}{'peak MB':>9}{'extra calls':>13}")
        for name in names:
            print(_line(name, setting, _measured(name, setting)), flush=True)
    return 0


def _settings(options: argparse.Namespace) -> list[Setting]:
    if options.quick:
        return [Setting(0.0, 8, 60, one_core=True), Setting(0.05, 16, 64)]
    cores = (os.cpu_count() or 1) > 1
    return [
        Setting(0.0, options.concurrency // 4 or 1, options.busy_calls, one_core=cores),
        Setting(options.latency, options.concurrency, options.calls),
    ]


def _measured(name: str, setting: Setting) -> Figures:
    core = min(os.sched_getaffinity(0)) if setting.one_core else None
    with serving(Behaviour(latency=setting.latency, text=TEXT)) as url:
        return measure(name, url, setting.calls, setting.concurrency, core)


def _line(name: str, setting: Setting, found: Figures) -> str:
    rate = found.calls / found.seconds
    share = f"{rate / setting.ideal:.1%}" if setting.ideal else "-"
    cpu = 1000 * found.cpu / found.calls
    return f"{name:26}{rate:9.0f}{share:>10}{cpu:13.2f}{found.peak:9.0f}{found.extra:13d}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.bench", description=main.__doc__)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds for every reply (default 1)")
    parser.add_argument("--concurrency", type=int, default=256, help="calls at once (default 256)")
    parser.add_argument("--calls", type=int, default=5120, help="calls at that latency (default 5120)")
    parser.add_argument("--busy-calls", type=int, default=3000, help="calls without latency (default 3000)")
    parser.add_argument("--only", action="append", choices=list(CONTENDERS), help="repeatable; default all")
    parser.add_argument("--quick", action="store_true", help="a few calls only, to see that it works")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
