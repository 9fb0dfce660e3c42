"""What a role inherits from the evol model, and what it never does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import EndpointConfig, ModelConfig, Settings
from autoevol.config.models import NO_KEY, ROLES, EvolConfig
from autoevol.core.errors import InputError

HERE = "http://models.example.org/v1"


def models(**options: Any) -> ModelConfig:
    return Settings.of(evol_model="m", **options).models


def test_a_role_that_is_not_given_is_the_evol_model() -> None:
    made = models(api_base=HERE, api_key_env="KEY", temperature=0.7, top_p=0.9, reply_tokens=99)
    assert made.resolved("respond") == made.evol == made.resolved("optimizer")


def test_a_role_inherits_field_by_field() -> None:
    made = models(api_base=HERE, api_key_env="KEY", temperature=0.7, respond_reply_tokens=99)
    assert made.resolved("respond") == EvolConfig("m", HERE, "KEY", 0.7, None, 99)
    assert models(respond_model="other", api_base=HERE).resolved("respond").api_base == HERE


def test_a_judge_is_asked_at_temperature_0() -> None:
    made = models(judge_model="j", temperature=0.7, top_p=0.5)
    assert (made.resolved("judge").temperature, made.resolved("judge").top_p) == (0.0, None)


def test_a_model_in_this_process_has_no_endpoint_and_no_key() -> None:
    made = models(api_base=HERE, api_key_env="KEY", optimizer_model="local/smollm2").resolved("optimizer")
    assert (made.api_base, made.api_key_env) == (None, None)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"api_base": HERE}, "KEY"),
        ({"api_base": HERE, "judge_api_base": "http://MODELS.example.org:80/v2"}, "KEY"),
        ({"api_base": HERE, "judge_api_base": "http://models.example.org:8001/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "https://models.example.org/v1"}, NO_KEY),
        ({"api_base": "http://127.0.0.1:1/v1", "judge_api_base": "http://127.0.0.1:2/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "https://api.openai.com/v1"}, None),
        ({"api_base": HERE, "judge_api_base": "https://api.openai.com.evil.net/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "https://models.example.org.evil.net/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "http://models:pass@evil.net/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "http://other.example.org/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "http://127.0.0.1:8000/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "http://localhost:8000/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "http://[::1]:8000/v1"}, NO_KEY),
        ({"api_base": HERE, "judge_api_base": "http://b/v1", "judge_api_key_env": "MINE"}, "MINE"),
        ({"evol_model": "anthropic/a", "judge_model": "anthropic/b"}, "KEY"),
        ({"evol_model": "anthropic/a", "judge_model": "openai/b"}, None),
        ({"evol_model": "a", "judge_model": "openai/b"}, "KEY"),
        ({"evol_model": "local/smollm2", "judge_model": "openai/b"}, None),
    ],
)
def test_a_key_stays_at_its_host(options: dict[str, str], key: str | None) -> None:
    made = Settings.of(**{"evol_model": "m", "api_key_env": "KEY", "judge_model": "j", **options}).models
    assert made.resolved("judge").api_key_env == key


_hosts = st.from_regex(r"[a-z]{1,8}(\.[a-z]{2,5}){1,2}", fullmatch=True)


@given(_hosts, _hosts, st.sampled_from(ROLES[1:]))
def test_whatever_the_hosts_a_key_goes_to_its_own_only(one: str, other: str, role: str) -> None:
    options = {"api_base": f"http://{one}/v1", f"{role}_api_base": f"http://{other}/v1", "api_key_env": "KEY"}
    made = models(**options).resolved(role)  # type: ignore[arg-type]
    assert (made.api_key_env == "KEY") == (one == other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"respond_temperature": 3.0}, "--respond-temperature must be between 0 and 2"),
        ({"optimizer_api_base": "host:8000"}, "--optimizer-api-base 'host:8000' is no URL"),
        ({"judge_reply_tokens": 0}, "--judge-reply-tokens must be at least 1"),
        ({"top_p": 0.0}, "--top-p must be above 0"),
    ],
)
def test_a_bad_setting_is_told_by_its_option(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        models(**options)


def test_a_judge_is_in_use_only_where_one_is_named() -> None:
    assert set(models().in_use()) == {"evol", "respond", "optimizer"}
    assert set(models(judge_model="j").in_use(("judge",))) == {"judge"}
    assert models().in_use(("judge",)) == {}


def test_an_endpoint_remembers_no_password_and_fills_only_what_is_unsaid() -> None:
    known = EndpointConfig.of(models(api_base="http://user:secret@host/v1", judge_api_base="http://j/v1"))
    assert known.api_base == "http://host/v1"
    moved = EndpointConfig(api_base="http://new/v1").over(known)
    assert (moved.api_base, moved.judge_api_base) == ("http://new/v1", "http://j/v1")
    assert moved.into(models()).judge.api_base == "http://j/v1"
