"""The models of a run, one record for each role that a model plays."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from autoevol.config.base import check_sampling, check_url, flag, nested, setting
from autoevol.core.errors import InputError
from autoevol.core.urls import open_url

RoleName = Literal["evol", "respond", "optimizer", "judge"]
ROLES: tuple[RoleName, ...] = ("evol", "respond", "optimizer", "judge")

_PORTS = {"http": 80, "https": 443}
NO_KEY = ""
"""As `api_key_env`: send no key at all, not even the one in the provider's default variable."""


@dataclass(frozen=True)
class RoleConfig:
    """One model in one role. What is None is as the evol model has it (see `ModelConfig.resolved`)."""

    model: str | None = setting(None, "Model of the {role} role (default: the evol model).")
    api_base: str | None = setting(
        None, "Endpoint of the {role} model (default: that of the evol model).", decides=False
    )
    api_key_env: str | None = setting(
        None,
        "Environment variable with the {role} model's API key (default: the evol model's, if both are at "
        "one host and port; no other server is sent a key that is not named for it).",
        decides=False,
    )
    temperature: float | None = setting(
        None, "Sampling temperature of the {role} model (default: the evol model's)."
    )
    top_p: float | None = setting(None, "Sampling top_p of the {role} model (default: the evol model's).")
    reply_tokens: int | None = setting(
        None, "Maximum length of a reply of the {role} model, in tokens (default: the evol model's)."
    )
    extra: str | None = setting(
        None,
        "Further settings in the body of every request to the {role} model (default: the evol model's, if "
        "both are at one host and port).",
    )

    def __post_init__(self) -> None:
        if self.extra is not None:
            object.__setattr__(self, "extra", canonical_extra(self.extra))

    @property
    def body(self) -> dict[str, Any]:
        """`extra` as it goes into the body of a request."""
        return json.loads(self.extra) if self.extra else {}


@dataclass(frozen=True)
class EvolConfig(RoleConfig):
    """The model that evolves. Every other role has what it has, unless it is given its own."""

    model: str = setting(
        "local/smollm2",
        "Model that evolves and responds: local/smollm2, local/FILE.gguf, openai/NAME, any DSPy model "
        "string.",
        name="evol_model",
    )
    api_base: str | None = setting(
        None, "URL of an OpenAI-compatible endpoint, such as http://localhost:8000/v1.", decides=False
    )
    api_key_env: str | None = setting(
        None, "Environment variable that holds the API key (default OPENAI_API_KEY).", decides=False
    )
    temperature: float = setting(0.0, "Sampling temperature of the evol model.")
    top_p: float | None = setting(None, "Sampling top_p of the evol model.")
    reply_tokens: int = setting(1500, "Maximum length of any reply, in tokens.")
    extra: str | None = setting(
        None, "Further settings in the body of every request, as JSON or TOML: '{\"top_k\": 20}'."
    )


_Role = TypeVar("_Role", bound=RoleConfig)
# The loop gives the sampling of the optimizer with each call; a judge is asked at temperature 0.
_SAMPLING = ("temperature", "top_p")


@dataclass(frozen=True)
class ModelConfig:
    """Models.

    Attributes:
        evol: Rewrites instructions, and plays every role that has no model of its own.
        respond: Answers instructions.
        optimizer: Analyses trajectories and rewrites methods.
        judge: Also judges what the detector lets pass; without a model there is no judge.
        system: System prompt for responses.
    """

    evol: EvolConfig = nested(EvolConfig, "")
    respond: RoleConfig = nested(
        RoleConfig, "respond", texts={"model": "Answers instructions; by default the evol model."}
    )
    optimizer: RoleConfig = nested(
        RoleConfig,
        "optimizer",
        hidden=_SAMPLING,
        texts={"model": "Analyses and rewrites methods; by default the evol model."},
    )
    judge: RoleConfig = nested(
        RoleConfig,
        "judge",
        hidden=_SAMPLING,
        texts={
            "model": "LM that judges all that is no plain fact; with --detector agreement the one that "
            "answers."
        },
    )
    system: str | None = setting(None, "System prompt for responses.")

    def __post_init__(self) -> None:
        for name in ROLES:
            role, prefix = getattr(self, name), "" if name == "evol" else f"{name}_"
            check_url(f"{prefix}api_base", role.api_base)
            if role.model is not None and not role.model.rpartition("/")[2].strip():
                raise InputError(f"{flag(name + '_model')} {role.model!r} names no model")
            if role.temperature is not None:
                check_sampling(f"{prefix}temperature", role.temperature, f"{prefix}top_p", None)
            check_sampling(f"{prefix}temperature", 0, f"{prefix}top_p", role.top_p)
            if role.reply_tokens is not None and role.reply_tokens < 1:
                raise InputError(
                    f"{flag(prefix + 'reply_tokens')} must be at least 1, got {role.reply_tokens}"
                )

    def resolved(self, name: RoleName) -> EvolConfig:
        """What a role is asked with: its own settings, and those of the evol model where it has none.

        A model in this process has no endpoint. A key is inherited only where the role is at the evol
        model's own server (host and port); elsewhere the role is asked with a key of its own, at a
        provider that is no `api_base` of the user's with that one's default variable, else with none.
        Extra settings are inherited in the same way.
        """
        evol, own = self.evol, getattr(self, name)
        if name == "evol":
            return evol
        given = {
            entry.name: value for entry in fields(own) if (value := getattr(own, entry.name)) is not None
        }
        role = replace(evol, **given)
        if own.api_base is None and role.model.startswith("local/"):
            role = replace(role, api_base=None)
        if _server(role) != _server(evol):
            if own.api_key_env is None:
                role = replace(role, api_key_env=None if _is_provider(role) else NO_KEY)
            role = replace(role, extra=own.extra)  # what one server knows another may refuse
        return replace(role, temperature=0.0, top_p=None) if name == "judge" else role

    def in_use(self, roles: tuple[RoleName, ...] = ROLES) -> dict[RoleName, EvolConfig]:
        """The models of `roles`; no judge where none is named."""
        return {name: self.resolved(name) for name in roles if name != "judge" or self.judge.model}

    @property
    def responds_apart(self) -> bool:
        """Whether responses have a model or sampling of their own."""
        return self.respond != RoleConfig()


def canonical_extra(given: str | Mapping[str, Any]) -> str:
    """Extra settings as JSON, the same text for the same settings.

    Args:
        given: JSON or TOML as text, or the settings themselves.

    Raises:
        InputError: If it is no table of settings.
    """
    settings: Any = given
    if isinstance(given, str):
        try:
            settings = json.loads(given)
        except ValueError:
            try:
                settings = tomllib.loads(given)
            except tomllib.TOMLDecodeError:
                settings = None
    if not isinstance(settings, Mapping):
        raise InputError(f"--extra {given!r} is neither a JSON object nor TOML; write '{{\"top_k\": 20}}'")
    try:
        return json.dumps(settings, sort_keys=True)
    except TypeError as error:
        raise InputError(f"--extra {given!r} cannot be written as JSON: {error}") from error


def _server(role: EvolConfig) -> tuple[str, str]:
    """Who gets the key: host and port of the endpoint, or the provider that the model string names."""
    if role.api_base is None:
        return "provider", role.model.partition("/")[0] if "/" in role.model else "openai"
    url = urlsplit(role.api_base)
    place = url.netloc.rpartition("@")[2].lower()
    return "server", place if re.search(r":\d+$", place) else f"{place}:{_PORTS.get(url.scheme)}"


def _is_provider(role: EvolConfig) -> bool:
    """Whether the default variable of a provider is meant for the endpoint: OPENAI_API_KEY for OpenAI."""
    host = f".{urlsplit(role.api_base or '').hostname or ''}"
    return role.api_base is None or host.endswith(".api.openai.com")


@dataclass(frozen=True)
class EndpointConfig:
    """Endpoint."""

    api_base: str | None = setting(
        None, "URL of an OpenAI-compatible endpoint (default: the one used before)."
    )
    api_key_env: str | None = setting(
        None, "Environment variable that holds the API key (default: the same as before)."
    )
    respond_api_base: str | None = setting(
        None, "Endpoint of the respond model (default: the same as before)."
    )
    respond_api_key_env: str | None = setting(None, "Key of the respond model (default: the same as before).")
    judge_api_base: str | None = setting(None, "Endpoint of the judge model (default: the same as before).")
    judge_api_key_env: str | None = setting(None, "Key of the judge model (default: the same as before).")
    reply_tokens: int | None = setting(
        None, "Maximum length of any reply, in tokens (default: as the run had it)."
    )
    respond_reply_tokens: int | None = setting(None, "The same for the respond model.")
    judge_reply_tokens: int | None = setting(None, "The same for the judge model.")

    @classmethod
    def of(cls, models: ModelConfig) -> EndpointConfig:
        """Where a run asks, without passwords: fit to be written down."""
        where: dict[str, Any] = {}
        for role, prefix in ((models.evol, ""), (models.respond, "respond_"), (models.judge, "judge_")):
            where[f"{prefix}api_base"] = open_url(role.api_base)
            where[f"{prefix}api_key_env"] = role.api_key_env
        return cls(**where)

    def over(self, known: EndpointConfig) -> EndpointConfig:
        """These settings, and what is `known` where they say nothing."""
        unsaid = [entry.name for entry in fields(self) if getattr(self, entry.name) is None]
        return replace(self, **{name: getattr(known, name) for name in unsaid})

    def into(self, models: ModelConfig) -> ModelConfig:
        """`models`, asked here, and for replies of such lengths where any are named."""

        def asked(role: _Role, prefix: str = "") -> _Role:
            said = {name: getattr(self, f"{prefix}{name}") for name in ("api_base", "api_key_env")}
            most = getattr(self, f"{prefix}reply_tokens")
            return replace(role, **said, **({} if most is None else {"reply_tokens": most}))

        return replace(
            models,
            evol=asked(models.evol),
            respond=asked(models.respond, "respond_"),
            judge=asked(models.judge, "judge_"),
        )
