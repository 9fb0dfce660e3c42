"""TRL trains on what is exported, where it is installed (it brings torch, so the environment has it not)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from autoevol.dataset.export import export_file
from autoevol.dataset.formats import FORMATS
from trained_rows import ROWS, TALK

pytest.importorskip("trl", reason="trl is not installed")

Write = Callable[[str, object], Path]
TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"


def tokenizer() -> Any:
    """One token for each byte, trained on nothing."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # pyright: ignore
    from transformers import PreTrainedTokenizerFast  # pyright: ignore

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {text: number for number, text in enumerate(["<pad>", "</s>", *letters])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", chat_template=TEMPLATE
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["messages", "prompt-completion", "parquet"])
def test_a_model_is_tuned_on_an_export_as_it_is(name: str, write: Write, tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM  # pyright: ignore
    from trl import SFTConfig, SFTTrainer  # pyright: ignore
    from trl.data_utils import is_conversational  # pyright: ignore

    out = tmp_path / f"train{FORMATS[name].suffix}"
    export_file(
        write("d.jsonl", [*ROWS, {"instruction": "First?", "response": "No.", "messages": TALK}]), out, name
    )
    loaded: Any = datasets.load_dataset(
        "parquet" if name == "parquet" else "json",
        data_files=str(out),
        split="train",
        features=FORMATS[name].features(),
        cache_dir=str(tmp_path / "cache"),
    )
    assert loaded.num_rows == len(ROWS) + 1
    assert all(is_conversational(record) for record in loaded)
    words = tokenizer()
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **size))
    settings = SFTConfig(
        output_dir=str(tmp_path / "tuned"),
        max_steps=20,
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        logging_steps=1,
        max_length=256,
        report_to="none",
        use_cpu=True,
        bf16=False,
    )
    trainer = SFTTrainer(model=model, args=settings, train_dataset=loaded, processing_class=words)
    seen = words.decode(trainer.train_dataset[0]["input_ids"])
    for text in ROWS[0].values():
        assert text in seen, json.dumps(seen)
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert len(losses) == 20
    assert losses[-1] < 0.9 * losses[0]
