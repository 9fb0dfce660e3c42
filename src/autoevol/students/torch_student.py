"""A student from Hugging Face or a GGUF file, tuned by PyTorch: needs `autoevol[prove]`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.lm.local import find_weights
from autoevol.students.schedule import Batch, Encoded, fitted

_PLAIN = "### Instruction:\n{}\n\n### Response:\n"
_ROWS = 8
"""Rows of one forward pass."""
LORA: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "target_modules": "all-linear",
    "task_type": "CAUSAL_LM",
}


def check_packages(tune: str = "lora") -> None:
    """Raise InputError, with what to install, if a student could not be tuned here."""
    needed = ("torch", "transformers", "accelerate", *(("peft",) if tune == "lora" else ()))
    if lacking := [package for package in needed if importlib.util.find_spec(package) is None]:
        raise InputError(f"a student needs {', '.join(lacking)}; run: pip install 'autoevol[prove]'")


class TorchStudent:
    """A causal LM; on a GPU where there is one, in float32 on a CPU.

    Deterministic on a CPU: the same plan gives the same figures. No dropout.

    Args:
        name: `smollm2`, a .gguf file, or a Hugging Face name or folder.
        tune: `lora` (rank 8 on all linear layers), `last` (a quarter of the layers), or `full`.

    Raises:
        InputError: If a package or the model is missing.
    """

    def __init__(self, name: str, tune: str = "lora") -> None:
        check_packages(tune)
        torch: Any = importlib.import_module("torch")
        transformers: Any = importlib.import_module("transformers")

        transformers.utils.logging.disable_progress_bar()
        torch.use_deterministic_algorithms(True, warn_only=True)
        self.name, self.tune = name, tune
        self.torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        source, options = _source(name)
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(source, **options)
            dtype = torch.bfloat16 if self._device == "cuda" and tune == "lora" else torch.float32
            model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=dtype, **options)
        except (OSError, ValueError, ImportError) as error:
            raise InputError(f"the student {name} cannot be loaded: {error}") from error
        self._model: Any = model.to(self._device).eval()
        self._model.config.use_cache = False

    def encode(self, instruction: str, response: str, max_length: int) -> Encoded | None:
        """See `Student`: the chat template if there is one, then the response and the end of turn."""
        prompt = self.prompt(instruction)
        end = self.tokenizer.eos_token or ""
        said = self.tokenizer(f"{response.strip()}{end}", add_special_tokens=False)["input_ids"]
        return fitted(tuple(prompt), tuple(said), max_length)

    def prompt(self, instruction: str) -> list[int]:
        """The tokens that a response is asked with."""
        if not self.tokenizer.chat_template:
            return self.tokenizer(_PLAIN.format(instruction))["input_ids"]
        turn = [{"role": "user", "content": instruction}]
        text = self.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def untouched(self) -> TorchScorer:
        """See `Student`."""
        return TorchScorer(self._model, self)

    @contextmanager
    def tuned(self, batches: Sequence[Batch], seed: int, rate: float) -> Iterator[TorchScorer]:
        """See `Student`. The weights are as they were after the block."""
        self.torch.manual_seed(seed)
        with self._trainable() as model:
            self._train(model, batches, rate)
            yield TorchScorer(model, self)

    def losses_of(self, model: Any, rows: Sequence[Encoded]) -> Any:  # noqa: ANN401 (tensors)
        """Summed NLL of every row, a tensor of `len(rows)`; padding and prompts have no part in it."""
        torch = self.torch
        width = max(len(row.tokens) for row in rows)
        tokens = [[*row.tokens, *[0] * (width - len(row.tokens))] for row in rows]
        labels = [[*row.labels, *[-100] * (width - len(row.tokens))] for row in rows]
        mask = [[1] * len(row.tokens) + [0] * (width - len(row.tokens)) for row in rows]
        ids, wanted, seen = (torch.tensor(each, device=self._device) for each in (tokens, labels, mask))
        logits = model(input_ids=ids, attention_mask=seen).logits[:, :-1].float()
        loss = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), wanted[:, 1:], ignore_index=-100, reduction="none"
        )
        return loss.sum(dim=1)

    def _train(self, model: Any, batches: Sequence[Batch], rate: float) -> None:  # noqa: ANN401
        torch = self.torch
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
        model.train()
        for step, batch in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = rate * (1 - step / len(batches))
            tokens = sum(row.supervised for row in batch)
            for start in range(0, len(batch), _ROWS):
                (self.losses_of(model, batch[start : start + _ROWS]).sum() / tokens).backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        model.eval()

    @contextmanager
    def _trainable(self) -> Iterator[Any]:
        if self.tune == "lora":
            peft: Any = importlib.import_module("peft")
            adapted = peft.get_peft_model(self._model, peft.LoraConfig(**LORA))
            try:
                yield adapted
            finally:
                self._model = adapted.unload()
            return
        chosen = list(self._model.parameters())
        if self.tune == "last":
            layers = self._model.model.layers
            chosen = [
                weight for layer in layers[-max(1, len(layers) // 4) :] for weight in layer.parameters()
            ]
        before = [weight.detach().clone() for weight in chosen]
        self._model.requires_grad_(False)
        for weight in chosen:
            weight.requires_grad_(True)
        try:
            yield self._model
        finally:
            with self.torch.no_grad():
                for weight, old in zip(chosen, before, strict=True):
                    weight.copy_(old)


class TorchScorer:
    """Scores responses under a model that is loaded. See `Scorer`."""

    def __init__(self, model: Any, student: TorchStudent) -> None:  # noqa: ANN401
        self._model, self._student = model, student

    def losses(self, examples: Sequence[Encoded]) -> list[float]:
        """See `Scorer`."""
        torch = self._student.torch
        found: list[float] = []
        with torch.no_grad():
            for start in range(0, len(examples), _ROWS):
                rows = examples[start : start + _ROWS]
                sums = self._student.losses_of(self._model, rows).tolist()
                found += [total / row.supervised for total, row in zip(sums, rows, strict=True)]
        return found

    def answers(self, instructions: Sequence[str], most_tokens: int) -> list[str]:
        """See `Scorer`: greedy, one at a time."""
        torch = self._student.torch
        tokenizer, said = self._student.tokenizer, list[str]()
        for instruction in instructions:
            prompt = torch.tensor([self._student.prompt(instruction)], device=self._model.device)
            with torch.no_grad():
                made = self._model.generate(
                    input_ids=prompt,
                    attention_mask=torch.ones_like(prompt),
                    max_new_tokens=most_tokens,
                    do_sample=False,
                    use_cache=True,
                    pad_token_id=tokenizer.eos_token_id,
                )
            said.append(tokenizer.decode(made[0, prompt.shape[1] :], skip_special_tokens=True))
        return said


def _source(name: str) -> tuple[str, dict[str, Any]]:
    """What `from_pretrained` takes for a name, and how."""
    if name != "smollm2" and not name.endswith(".gguf"):
        return name, {}
    if importlib.util.find_spec("gguf") is None:
        raise InputError("a .gguf student needs gguf; run: pip install 'autoevol[prove]'")
    weights = find_weights(name) if name == "smollm2" else Path(name).expanduser()
    if not weights.is_file():
        raise InputError(f"no such file: {weights}")
    return str(weights.parent), {"gguf_file": weights.name}
