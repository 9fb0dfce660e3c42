"""The texts of the recipes: the Vicuna template, and the scripts of TRL and Unsloth.

The template is that of FastChat's `vicuna_v1.1`, told in our own words, with the marks by which
transformers tells the assistant's tokens; a trainer that has no use for the marks passes over them.
"""

from __future__ import annotations

VICUNA = """\
{%- set preface = "A chat between a curious user and an artificial intelligence assistant. \
The assistant gives helpful, detailed, and polite answers to the user's questions." -%}
{%- set turns = messages -%}
{%- if messages and messages[0]['role'] == 'system' -%}
    {%- set preface = messages[0]['content'] -%}
    {%- set turns = messages[1:] -%}
{%- endif -%}
{{- bos_token + preface + ' ' if bos_token is defined and bos_token else preface + ' ' -}}
{%- for turn in turns -%}
    {%- if turn['role'] == 'user' -%}
        {{- 'USER: ' + turn['content'] + ' ' -}}
    {%- elif turn['role'] == 'assistant' -%}
        {{- 'ASSISTANT:' -}}
        {% generation %}{{- ' ' + turn['content'] + eos_token -}}{% endgeneration %}
    {%- else -%}
        {{- raise_exception('Vicuna knows system, user and assistant, not ' + turn['role']) -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- 'ASSISTANT:' -}}
{%- endif -%}
"""

TRL = '''\
"""Tune {model} on {file} by TRL's SFTTrainer. Written for {versions}.

Options of config.yaml may be overridden: python sft.py --config config.yaml --max_steps 2
"""

from pathlib import Path

from datasets import Features, List, Value, load_dataset
from transformers.trainer_utils import get_last_checkpoint
from trl import ModelConfig, SFTConfig, SFTTrainer, TrlParser, get_peft_config

args, model = TrlParser((SFTConfig, ModelConfig)).parse_args_and_config()
# The types are stated: guessing, the library takes text that is dates all through for timestamps.
turns = List({{"role": Value("string"), "content": Value("string")}})
data = load_dataset(
    {reader!r},
    data_files={data!r},
    split="train",
    features=Features({{column: turns for column in {columns!r}}}),
)
trainer = SFTTrainer(
    model=model.model_name_or_path, args=args, train_dataset=data, peft_config=get_peft_config(model)
)
out = Path(args.output_dir)
trainer.train(resume_from_checkpoint=get_last_checkpoint(str(out)) if out.is_dir() else None)
trainer.save_model(args.output_dir)
'''

UNSLOTH = '''\
"""Tune {model} on {file} with Unsloth, on one GPU. Written for {versions}."""

import json
from pathlib import Path

from unsloth import FastLanguageModel  # before trl and transformers, which it patches

from datasets import Features, List, Value, load_dataset
from transformers import DataCollatorForSeq2Seq
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

settings = json.loads(Path("config.json").read_text())
model, tokenizer = FastLanguageModel.from_pretrained(**settings["model"])
if settings["lora"]:
    model = FastLanguageModel.get_peft_model(model, **settings["lora"])
tokenizer.chat_template = Path("vicuna.jinja").read_text()
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
turns = List({{"role": Value("string"), "content": Value("string")}})
data = load_dataset({reader!r}, data_files={data!r}, split="train", features=Features({{"messages": turns}}))


def encoded(row):
    """The tokens of a row, with labels for what the assistant says."""
    made = tokenizer.apply_chat_template(
        row["messages"], tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    most = settings["model"]["max_seq_length"]
    tokens, said = made["input_ids"][:most], made["assistant_masks"][:most]
    return {{
        "input_ids": tokens,
        "attention_mask": [1] * len(tokens),
        "labels": [token if own else -100 for token, own in zip(tokens, said)],
    }}


data = data.map(encoded, remove_columns=data.column_names)
learned = sum(label != -100 for row in data for label in row["labels"])
if not learned:
    raise SystemExit("no token is supervised: the template does not fit this tokenizer")
print(learned, "supervised tokens in", len(data), "examples")
trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    train_dataset=data,
    data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
    args=SFTConfig(**settings["training"]),
)
out = Path(settings["training"]["output_dir"])
trainer.train(resume_from_checkpoint=get_last_checkpoint(str(out)) if out.is_dir() else None)
model.save_pretrained(str(out))
tokenizer.save_pretrained(str(out))
'''
