"""Students on PyTorch, and the recipe for TRL, on a model of a few thousand weights made here."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autoevol.proof.job import collect, prepare, prove
from autoevol.proof.recipe import write_recipe
from autoevol.students.learner import LearnerSettings, PairLearner
from autoevol.students.schedule import schedule
from autoevol.students.torch_student import TorchStudent
from proving import pair_file

_WHY = "needs `pip install 'autoevol[prove]'` (torch, transformers, accelerate, peft)"
for _package in ("torch", "transformers", "accelerate", "peft"):
    pytest.importorskip(_package, reason=_WHY)
pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {"heldout": 6, "seeds": 2, "steps": 3, "step_tokens": 24, "max_length": 40}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with a tokenizer of words."""
    tokenizers: Any = importlib.import_module("tokenizers")
    transformers: Any = importlib.import_module("transformers")

    words = ["<unk>", "<eos>", "task", "say", "it", "The", "answer", "is", *map(str, range(200))]
    words += [f"{topic}-{n}" for topic in ("alpha", "beta", "gamma") for n in range(8)] + [
        "alpha",
        "beta",
        "gamma",
    ]
    level = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>")
    )
    level.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=level, unk_token="<unk>", eos_token="<eos>", pad_token="<eos>"
    )
    config = transformers.LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )
    transformers.set_seed(0)
    folder = tmp_path_factory.mktemp("model")
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, list[str]]:
    seeds = pair_file(tmp_path / "seeds.jsonl", range(40))
    return pair_file(tmp_path / "found.jsonl", range(100, 130)), [f"seeds={seeds}"]


def test_supervised_are_the_tokens_of_the_response_and_its_end(model: Path) -> None:
    student = TorchStudent(str(model))
    example = student.encode("alpha task 7 say it", "The answer is 7", 40)
    assert example is not None
    learned = [token for token in example.labels if token != -100]
    tokenizer: Any = student.tokenizer
    assert tokenizer.decode(learned[:-1]) == "The answer is 7"
    assert learned[-1] == tokenizer.eos_token_id
    assert list(example.tokens[: example.prompt]) == student.prompt("alpha task 7 say it")


def test_the_loss_does_not_see_prompts_or_padding(model: Path) -> None:
    scorer = TorchStudent(str(model)).untouched()
    student = TorchStudent(str(model))
    short, long = student.encode("say", "The answer", 40), student.encode("say it", "The answer is 7 7 7", 40)
    assert short is not None
    assert long is not None
    alone = [*scorer.losses([short]), *scorer.losses([long])]
    assert scorer.losses([short, long]) == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("tune", ["lora", "last", "full"])
def test_training_learns_and_leaves_the_student_as_it_was(model: Path, tune: str) -> None:
    student = TorchStudent(str(model), tune)
    example = student.encode("alpha task 7 say it", "alpha-0 alpha-1 alpha-2", 40)
    assert example is not None
    batches = schedule({"one": example}, 8, 8, 0)
    before = student.untouched().losses([example])
    with student.tuned(batches, 3, 1e-2) as scorer:
        first = scorer.losses([example])
    assert first[0] < before[0] - 0.05
    assert student.untouched().losses([example]) == before
    with student.tuned(batches, 3, 1e-2) as scorer:
        assert scorer.losses([example]) == first


def test_a_proof_on_pytorch(model: Path, files: tuple[Path, list[str]], tmp_path: Path) -> None:
    found, against = files
    options = {**SMALL, "student": str(model), "exact": 1, "rates": (1e-3,)}
    done = prove(found, tmp_path / "p", against=against, **options)
    assert set(done.report.conclusion.means["found"]) == {"heldout_nll", "choice", "exact"}
    assert {one.arm for one in done.report.conclusion.comparisons} == {"found", "shuffled"}


@pytest.fixture
def run_script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def run(path: Path, *words: str) -> None:
        monkeypatch.setattr(sys, "argv", [str(path), *words])
        with suppress(SystemExit):  # of what is finished already
            runpy.run_path(str(path), run_name="__main__")

    return run


def test_the_trl_recipe_trains_and_collect_reads_what_it_leaves(
    model: Path, files: tuple[Path, list[str]], tmp_path: Path, run_script: Any
) -> None:
    pytest.importorskip("trl", reason="needs `pip install trl`")
    found, against = files
    out, options = tmp_path / "p", {**SMALL, "student": str(model), "rates": (1e-3, 1e-2)}
    recipe = write_recipe(out, prepare(found, out, against=against, **options))
    lines = [line.split() for line in (recipe / "launch.sh").read_text().splitlines()]
    steps = [words for words in lines if words[:1] in (["accelerate"], ["python"])]
    assert len(steps) == 1 + 2 + 1 + 2 * 3 * 2
    for words in steps:
        script = next(word for word in words if word.endswith(".py"))
        given = [str(recipe / word) for word in words[words.index(script) + 1 :]]
        run_script(recipe / script, *given)
    done = collect(out)
    assert done.report.rate in (1e-3, 1e-2)
    assert {one.seeds for one in done.report.conclusion.comparisons} == {2}
    assert (
        done.report.conclusion.means["found"]["heldout_nll"]
        != done.report.conclusion.means["base"]["heldout_nll"]
    )


def test_a_learner_says_what_a_pair_teaches_and_forgets_it(model: Path) -> None:
    pairs = [(f"alpha task {n} say it", "alpha-0 alpha-1 alpha-2 The answer is 7") for n in range(8)]
    made = PairLearner(TorchStudent(str(model), "last"), pairs, LearnerSettings(2, 8, 1e-2, 40))
    own = made.gain("alpha task 99 say it", "alpha-0 alpha-1 alpha-2 The answer is 7")
    other = made.gain("beta task 99 say it", "beta-5 beta-6 beta-7")
    assert own is not None
    assert other is not None
    assert own > 0
    assert own > other
    again = PairLearner(TorchStudent(str(model), "last"), pairs, LearnerSettings(2, 8, 1e-2, 40))
    assert again.gain("alpha task 99 say it", "alpha-0 alpha-1 alpha-2 The answer is 7") == own
