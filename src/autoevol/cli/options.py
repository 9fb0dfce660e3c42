"""Command-line options made from the settings records, so that each is declared once."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from autoevol.cli.common import exit_codes
from autoevol.cli.config_file import Setting, read_config, read_environment, settings_of
from autoevol.cli.logs import LogPath, Verbose, logging_to
from autoevol.config import Settings
from autoevol.config.base import flag
from autoevol.config.choices import words_of
from autoevol.config.options import assemble

_Command = Callable[..., None]
# Options that say what this one command is to do, not how: no file or variable fills them.
_NOW = frozenset({"dry_run", "json", "out"})


def with_settings(*shared: str, **own: type) -> Callable[[_Command], _Command]:
    """Give a command one option per field of each settings record, and `--config` to fill them.

    The user sees `--field-name` in a help panel of the record, with a prefix for the fields of a record
    within a record. Fields without a help text are left out, and a name that two records share is one
    option that fills both. A command that asks a model is given -v and --log-file as well.

    Args:
        shared: Groups of `Settings`; the command takes them all in one, under the keyword `settings`.
        own: Records of the command's own; it takes each under the keyword given here.
    """
    hints = get_type_hints(Settings)
    groups = {**own, **{name: hints[name] for name in shared}}
    taken = {*own, "settings"} if shared else {*own}
    settings = {name: settings_of(group) for name, group in groups.items()}

    def decorate(command: _Command) -> _Command:
        signature = inspect.signature(command).parameters
        plain = {key: param for key, param in signature.items() if key not in taken}

        @wraps(command)
        def wrapper(**given: Any) -> None:  # noqa: ANN401 (options of every type)
            records: dict[str, Any] = {name: assemble(group, given) for name, group in groups.items()}
            passed = {key: value for key, value in given.items() if key in plain}
            passed |= {name: records[name] for name in own}
            if shared:
                passed["settings"] = Settings(**{name: records[name] for name in shared})
            name = command.__name__.replace("_", "-")
            with logging_to(name, given.get("log_file"), verbose=given.get("verbose", False)):
                command(**passed)

        # Annotations of postponed evaluation are strings; typer needs the objects.
        resolved = get_type_hints(command, include_extras=True)
        parameters = {key: _with_words(param, resolved[key]) for key, param in plain.items()}
        fillable = [
            Setting(key, (key,), get_args(resolved[key])[0])
            for key, param in plain.items()
            if param.default is not inspect.Parameter.empty and key not in _NOW
        ]
        for name, group in groups.items():
            title = (group.__doc__ or name).splitlines()[0].partition(".")[0]
            fillable += settings[name]
            for setting in settings[name]:
                parameters.setdefault(setting.name, _parameter(setting, title))
        parameters["config_file"] = _config_option(fillable)
        if "requests" in groups:  # it asks a model
            for name, hint, default in (("verbose", Verbose, False), ("log_file", LogPath, None)):
                kind = inspect.Parameter.KEYWORD_ONLY
                parameters[name] = inspect.Parameter(name, kind, default=default, annotation=hint)
        wrapper.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
        wrapper.__annotations__ = {key: param.annotation for key, param in parameters.items()}
        return wrapper

    return decorate


def _parameter(setting: Setting, panel: str) -> inspect.Parameter:
    """The parameter that typer makes the option of a settings field from."""
    hint, default = setting.hint, setting.default
    if get_origin(hint) is tuple:
        hint, default = list[get_args(hint)[0]], list(default or ())
    names = flag(setting.name)
    if default is True:
        # What is on by default needs a word to switch it off.
        names = f"{names}/--no-{names.removeprefix('--')}"
    option = typer.Option(names, help=setting.text, rich_help_panel=panel)
    kind = inspect.Parameter.KEYWORD_ONLY
    parameter = inspect.Parameter(setting.name, kind, default=default)
    return _with_words(parameter, Annotated[hint, option])


def _with_words(parameter: inspect.Parameter, annotation: Any) -> inspect.Parameter:  # noqa: ANN401
    """An option of a `Literal` type as text whose words the help lists and the shell completes.

    The settings record checks the word, as for users of the library, and names the nearest.
    """
    hint, *extras = get_args(annotation)
    if not (words := words_of(hint)):
        return parameter.replace(annotation=annotation)
    (option,) = (extra for extra in extras if isinstance(extra, OptionInfo))
    option.metavar = "<word>"
    option.help = f"{(option.help or '').rstrip('.')}: {', '.join(words[:-1])} or {words[-1]}."
    option.autocompletion = lambda incomplete: [word for word in words if word.startswith(incomplete)]
    optional = type(None) in get_args(hint)
    return parameter.replace(annotation=Annotated[str | None if optional else str, option])


def _config_option(settings: list[Setting]) -> inspect.Parameter:
    def fill(ctx: typer.Context, path: Path | None) -> Path | None:
        """Let a file and the environment give the defaults of the options."""
        if not ctx.resilient_parsing:
            with exit_codes():
                values = read_environment(os.environ, settings)
                if path is not None:
                    values |= read_config(path, ctx.info_name or "autoevol", settings)
            ctx.default_map = values
        return path

    option = typer.Option(
        "--config",
        help="TOML or JSON file with settings. Options on the command line come first, AUTOEVOL_* "
        "variables after it.",
        is_eager=True,
        callback=fill,
    )
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter("config_file", kind, default=None, annotation=Annotated[Path | None, option])
