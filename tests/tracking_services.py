"""Stand-ins for the modules of tracking services, that know nothing but what is scripted."""

from __future__ import annotations

import os
import types
from pathlib import Path
from typing import Any


class Scripted:
    """Stands in for an object of a service: keeps its calls, and has no method but the scripted ones."""

    def __init__(self, said: list[tuple[Any, ...]], **answers: Any) -> None:
        self._said, self._answers = said, answers

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._answers:
            raise AttributeError(f"nobody has scripted {name}")
        answer = self._answers[name]

        def called(*words: Any, **named: Any) -> Any:
            self._said.append((name, *words, *named.values()))
            return answer(*words, **named) if callable(answer) else answer

        return called


def mlflow(said: list[tuple[Any, ...]], **changes: Any) -> types.ModuleType:
    """The part of the mlflow module that is used."""
    made = types.SimpleNamespace(info=types.SimpleNamespace(run_id="run-1"))
    answers: dict[str, Any] = {
        "get_experiment_by_name": None,
        "create_experiment": "7",
        "create_run": made,
        **dict.fromkeys(
            ("log_param", "log_metric", "log_text", "log_artifact", "set_terminated", "update_run")
        ),
    }
    module = types.ModuleType("mlflow")
    module.MlflowClient = lambda: Scripted(said, **(answers | changes))  # type: ignore[attr-defined]
    return module


def wandb(said: list[tuple[Any, ...]]) -> types.ModuleType:
    """The part of the wandb module that is used."""

    class Artifact:
        def __init__(self, name: str, type: str) -> None:
            said.append(("artifact", name, type))

        def new_file(self, name: str, mode: str, encoding: str) -> Any:
            return open(os.devnull, mode, encoding=encoding)

        def add_file(self, path: str) -> None:
            assert Path(path).is_file()

    class Run:
        id = "w1"

        def __init__(self) -> None:
            self.summary: dict[str, float] = {}
            nothing = dict.fromkeys(("define_metric", "log", "log_artifact", "finish"))
            self._scripted = Scripted(said, **nothing)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._scripted, name)

    def init(**named: Any) -> Run:
        said.append(("init", named))
        return Run()

    module = types.ModuleType("wandb")
    module.Artifact, module.init = Artifact, init  # type: ignore[attr-defined]
    module.Settings = lambda **named: named  # type: ignore[attr-defined]
    return module
