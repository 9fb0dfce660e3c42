"""What follows from a diagnosis: the warnings, and the options that a run is to be given."""

from __future__ import annotations

from dataclasses import replace

from autoevol.config import EvolConfig
from autoevol.config.models import NO_KEY
from autoevol.core import aio
from autoevol.core.urls import open_url
from autoevol.lm.endpoints import route
from autoevol.lm.keys import default_variable
from autoevol.lm.openai_compatible import ChatEndpoint
from autoevol.lm.transport import Transport
from autoevol.reports.doctor import RoleCheck
from autoevol.store.calls import CallRecord

_SHOWN = 8


def advised(check: RoleCheck, short: list[CallRecord], role: EvolConfig, problems: list[str]) -> RoleCheck:
    """`check` with what will go wrong in a run, and the options that a run is to be given.

    Args:
        check: What was found.
        short: The short replies.
        role: How they were asked for.
        problems: What was said instead of further ones.
    """
    warnings, flags, prefix = [], _flags(role, check.roles[0]), _prefix(check.roles[0])
    if any(record.finish_reason == "length" for record in short):
        only = " by nothing but thinking" if not any(record.text.strip() for record in short) else ""
        warnings.append(f"short replies reach the limit of {role.reply_tokens} tokens{only}")
        flags += [f"--{prefix}reply-tokens", str(4 * role.reply_tokens)]
    if check.usage and not (check.usage.input and check.usage.output):
        warnings.append("--max-tokens and --max-usd go by estimates here, since usage is not reported whole")
    if check.long_prompt and check.long_prompt.truncated:
        warnings.append(
            f"the server cuts long prompts without a word: of {check.long_prompt.words} words"
            f" {check.long_prompt.tokens} tokens came through; raise its context window (Ollama:"
            " OLLAMA_CONTEXT_LENGTH, llama.cpp: --ctx-size and --parallel)"
        )
    if problems and check.speed:
        warnings.append(f"{len(problems)} of {check.speed.sent_at_once} calls at once failed: {problems[0]}")
    if check.speed and check.speed.refused:
        flags += ["--concurrency", str(max(1, check.speed.sent_at_once - check.speed.refused))]
    return replace(check, warnings=tuple(warnings), flags=tuple(flags))


def unusable(check: RoleCheck, role: EvolConfig, endpoint: Transport, problem: str) -> RoleCheck:
    """`check` of an endpoint that did not answer: why, what it offers, and where it would be.

    Args:
        check: Nothing is known yet.
        role: How it was asked.
        endpoint: Is asked for its models, and for those under /v1 if it lists none.
        problem: What was said instead of a reply.
    """
    name, models, root = check.roles[0], list[str](), None
    if isinstance(endpoint, ChatEndpoint):
        models = aio.run_and_wait(endpoint.models())
        root = None if models else aio.run_and_wait(endpoint.answers_under())
    flags: list[str] = []
    if root:
        flags = _flags(replace(role, api_base=root), name)
        if root not in problem:
            problem = f"{problem}; it answers under {root}: give that as --{_prefix(name)}api-base"
    elif len(models) == 1 and models[0] != role.model:
        flags = _flags(replace(role, model=models[0]), name)
    return replace(check, problem=problem, models=tuple(models[:_SHOWN]), flags=tuple(flags))


def _flags(role: EvolConfig, name: str) -> list[str]:
    """The options that name a model."""
    flags = [f"--{name}-model", role.model]
    if role.api_base:
        flags += [f"--{_prefix(name)}api-base", open_url(role.api_base) or ""]
    return [*flags, f"--{_prefix(name)}api-key-env", role.api_key_env] if role.api_key_env else flags


def _prefix(name: str) -> str:
    return "" if name == "evol" else f"{name}-"


def key_of(role: EvolConfig) -> str:
    """Which key is sent, by the name of its variable."""
    if role.model.startswith("local/"):
        return "none needed"
    if role.api_key_env == NO_KEY:
        return "none sent"
    if role.api_key_env:
        return role.api_key_env
    base = route(role.model, role.api_base).base
    return "the provider's own variable" if base is None else default_variable(base) or "none is set"
