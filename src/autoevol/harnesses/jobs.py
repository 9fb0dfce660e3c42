"""The commands that run each benchmark, with the versions that they were written for."""

from __future__ import annotations

import importlib.util
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from autoevol.config.choices import Backend, CodeHarness
from autoevol.harnesses.catalog import BENCHMARKS, Benchmark
from autoevol.harnesses.reading import model_id

RESULTS = "results"
"""Folder that everything a harness writes goes to; files from elsewhere are put there as well."""

_VICUNA_ONCE = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions. USER: {instruction} ASSISTANT:"
)


@dataclass(frozen=True, slots=True)
class Handoff:
    """What is to be measured.

    Attributes:
        model: A Hugging Face name, or a folder by its full path.
        out: Full path of the folder of the hand-off.
        backend: What runs it.
        code: Which harness takes HumanEval.
    """

    model: str
    out: Path
    backend: Backend = "hf"
    code: CodeHarness = "evalplus"


@dataclass(frozen=True, slots=True)
class HarnessJob:
    """How one benchmark is run.

    Attributes:
        benchmark: Its name.
        harness: Who runs it, with the version that the commands were written for.
        commands: Words of each command, in order, run in the folder of the hand-off.
        folder: Where they run, relative to it.
        package: What has to be importable; None where a harness is no package, and is run by hand.
        needs: How to install it, and what else has to be there.
        environment: Variables to set; never a key.
        keys: Variables that hold keys, which the user has to set.
        files: Texts to write before, by path relative to the folder of the hand-off.
        present: Files that the user has to put there, relative to it.
        runs_code: Whether it executes what the model has written.
    """

    benchmark: str
    harness: str
    commands: tuple[tuple[str, ...], ...]
    package: str | None
    needs: str
    folder: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    present: tuple[str, ...] = ()
    runs_code: bool = False

    @property
    def lines(self) -> list[str]:
        """The commands for a shell, from the folder of the hand-off."""
        variables = "".join(f"{name}={shlex.quote(value)} " for name, value in self.environment.items())
        inside = "" if self.folder == "." else f"cd {shlex.quote(self.folder)} && "
        return [f"({inside}{variables}{shlex.join(words)})" for words in self.commands]

    def lacking(self, out: Path, environment: Mapping[str, str], run_code: bool) -> str:
        """Why it cannot be run here and now; blank if it can.

        Args:
            out: The folder of the hand-off.
            environment: Of this process.
            run_code: Whether the user allows what a model has written to be executed.
        """
        if self.package is None:
            return f"is run by hand: {self.needs}"
        if importlib.util.find_spec(self.package) is None:
            return f"needs {self.needs}"
        if missing := [name for name in self.present if not (out / name).is_file()]:
            return f"needs the file {out / missing[0]}: {self.needs}"
        if unset := [name for name in self.keys if not environment.get(name)]:
            return f"needs the variable {unset[0]}"
        if self.runs_code and not run_code:
            return "executes what the model writes; in a container or on a machine for that, say --allow-code"
        return ""


class Harness(Protocol):
    """Makes the commands for the benchmarks that it runs."""

    def job(self, benchmark: Benchmark, asked: Handoff) -> HarnessJob:
        """The job of one benchmark. Deterministic."""
        ...


class LmEval:
    """lm-eval, a run for each benchmark, so that what is finished stays when the next is stopped."""

    def job(self, benchmark: Benchmark, asked: Handoff) -> HarnessJob:
        """See `Harness`. Requests that were answered are kept in `cache/`."""
        arguments = {"hf": "dtype=bfloat16", "vllm": "dtype=bfloat16,gpu_memory_utilization=0.9"}
        words = [
            *("lm-eval", "run", "--model", asked.backend),
            *("--model_args", f"pretrained={asked.model},{arguments[asked.backend]}"),
            *("--tasks", benchmark.task or "", "--num_fewshot", str(benchmark.shots)),
            *("--batch_size", "auto", "--seed", "0", "--log_samples"),
            *("--output_path", f"{RESULTS}/{benchmark.name}", "--use_cache", f"cache/{benchmark.name}"),
        ]
        if benchmark.chat:
            words += ["--apply_chat_template"] + (["--fewshot_as_multiturn"] if benchmark.shots else [])
        extra = ",ifeval" if benchmark.name == "ifeval" else ""
        needs = f"pip install 'lm-eval[{asked.backend}{extra}]', and the data set of {benchmark.label}"
        return HarnessJob(benchmark.name, "lm-eval 0.4.13", (tuple(words),), "lm_eval", needs)


class EvalPlus:
    """evalplus, HumanEval's own tests and more of them, greedily."""

    def job(self, benchmark: Benchmark, asked: Handoff) -> HarnessJob:
        """See `Harness`. Goes on from the samples that are there."""
        words = ("evalplus.evaluate", "--model", asked.model, "--dataset", "humaneval", "--greedy")
        words += ("--backend", asked.backend, "--root", f"{RESULTS}/{benchmark.name}")
        needs = "pip install " + ("'evalplus[vllm]'" if asked.backend == "vllm" else "evalplus")
        return HarnessJob(benchmark.name, "evalplus 0.3.1", (words,), "evalplus", needs, runs_code=True)


class BigCode:
    """bigcode-evaluation-harness, which is a checkout and no package."""

    def job(self, benchmark: Benchmark, asked: Handoff) -> HarnessJob:
        """See `Harness`."""
        out = f"{RESULTS}/{benchmark.name}"
        words = ("accelerate", "launch", "bigcode-evaluation-harness/main.py", "--model", asked.model)
        words += ("--tasks", "humaneval", "--n_samples", "1", "--do_sample", "False", "--batch_size", "1")
        words += ("--max_length_generation", "1024", "--precision", "bf16", "--allow_code_execution")
        words += ("--metric_output_path", f"{out}/evaluation_results.json", "--save_generations")
        words += ("--save_generations_path", f"{out}/generations.json")
        needs = "git clone https://github.com/bigcode-project/bigcode-evaluation-harness, pip install -e it"
        commands = (("mkdir", "-p", out), words)
        return HarnessJob(
            benchmark.name, "bigcode-evaluation-harness, main", commands, None, needs, runs_code=True
        )


class AlpacaEval:
    """AlpacaEval 1, as in the papers: against text_davinci_003, judged by GPT-4 as it was pinned then."""

    def job(self, benchmark: Benchmark, asked: Handoff) -> HarnessJob:
        """See `Harness`. The prompt is Vicuna's; answers and judgements that are there are kept."""
        name = model_id(asked.model)
        functions = {"hf": "huggingface_local_completions", "vllm": "vllm_local_completions"}
        greedy = {
            "hf": {"do_sample": False, "model_kwargs": {"torch_dtype": "bfloat16"}},
            "vllm": {"temperature": 0.0},
        }
        config = {
            name: {
                # Other paths are taken from AlpacaEval's own folder.
                "prompt_template": str(asked.out / "alpaca" / "prompt.txt"),
                "fn_completions": functions[asked.backend],
                "completions_kwargs": {
                    "model_name": asked.model,
                    "max_new_tokens": 2048,
                    **greedy[asked.backend],
                },
                "pretty_name": name,
            }
        }
        words = ("alpaca_eval", "evaluate_from_model")
        words += ("--model_configs", str(asked.out / "alpaca" / "configs.yaml"))
        words += ("--annotators_config", "alpaca_eval_gpt4", "--output_path", f"{RESULTS}/{benchmark.name}")
        return HarnessJob(
            benchmark.name,
            "alpaca_eval 0.6.6",
            (words,),
            "alpaca_eval",
            "pip install alpaca-eval, and its data set",
            environment={"IS_ALPACA_EVAL_2": "False"},
            keys=("OPENAI_API_KEY",),
            # JSON is YAML, and needs nobody to quote names.
            files={
                "alpaca/configs.yaml": json.dumps(config, indent=2) + "\n",
                "alpaca/prompt.txt": _VICUNA_ONCE,
            },
        )


class MtBench:
    """MT-Bench by FastChat: two turns, graded one by one by GPT-4."""

    def job(self, benchmark: Benchmark, asked: Handoff) -> HarnessJob:
        """See `Harness`. FastChat takes the prompt of Vicuna where the model's path has that word in it."""
        name, python = model_id(asked.model), ("python", "-m")
        folder = f"{RESULTS}/{benchmark.name}"
        answer = (*python, "fastchat.llm_judge.gen_model_answer", "--model-path", asked.model)
        answer += ("--model-id", name)
        judge = (*python, "fastchat.llm_judge.gen_judgment", "--model-list", name, "--judge-model", "gpt-4")
        return HarnessJob(
            benchmark.name,
            "fschat 0.2.36",
            (answer, judge),
            "fastchat",
            "pip install 'fschat[model_worker,llm_judge]', and data/ of FastChat's fastchat/llm_judge in "
            f"{folder}",
            folder=folder,
            keys=("OPENAI_API_KEY",),
            present=(f"{folder}/data/mt_bench/question.jsonl", f"{folder}/data/judge_prompts.jsonl"),
        )


def jobs_of(names: tuple[str, ...], asked: Handoff) -> list[HarnessJob]:
    """The jobs of these benchmarks, in the order of the catalog."""
    code: Harness = EvalPlus() if asked.code == "evalplus" else BigCode()
    others: dict[str, Harness] = {"humaneval": code, "alpaca-eval": AlpacaEval(), "mt-bench": MtBench()}
    return [
        others.get(name, LmEval()).job(benchmark, asked)
        for name, benchmark in BENCHMARKS.items()
        if name in names
    ]
