"""Command-line options made from the settings records, so that each is declared once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from autoevol.config import Settings
from autoevol.config.options import Option, assemble, options_of

_Command = Callable[..., None]


def with_settings(*shared: str, **own: type) -> Callable[[_Command], _Command]:
    """Give a command one option per field of each settings record.

    The user sees `--field-name` in a help panel of the record, with a prefix for the fields of a record
    within a record. Fields without a help text are left out, and a name that two records share is one
    option that fills both.

    Args:
        shared: Groups of `Settings`; the command takes them all in one, under the keyword `settings`.
        own: Records of the command's own; it takes each under the keyword given here.
    """
    known = get_type_hints(Settings)
    groups = {**own, **{name: known[name] for name in shared}}
    taken = {*own, "settings"} if shared else {*own}

    def decorate(command: _Command) -> _Command:
        @wraps(command)
        def wrapper(**given: Any) -> None:  # noqa: ANN401 (options of every type)
            records: dict[str, Any] = {name: assemble(group, given) for name, group in groups.items()}
            passed = {key: value for key, value in given.items() if key in plain}
            passed |= {name: records[name] for name in own}
            if shared:
                passed["settings"] = Settings(**{name: records[name] for name in shared})
            command(**passed)

        signature = inspect.signature(command).parameters
        plain = {key: param for key, param in signature.items() if key not in taken}
        # Annotations of postponed evaluation are strings; typer needs the objects.
        resolved = get_type_hints(command, include_extras=True)
        parameters = {key: param.replace(annotation=resolved[key]) for key, param in plain.items()}
        for name, group in groups.items():
            title = (group.__doc__ or name).splitlines()[0].partition(".")[0]
            for option in options_of(group):
                parameters.setdefault(option.name, _parameter(option, title))
        wrapper.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
        wrapper.__annotations__ = {key: param.annotation for key, param in parameters.items()}
        return wrapper

    return decorate


def _parameter(option: Option, panel: str) -> inspect.Parameter:
    hint, default = option.hint, option.default
    if get_origin(hint) is tuple:
        hint, default = list[get_args(hint)[0]], list(default or ())
    flag = f"--{option.name.replace('_', '-')}"
    declared = typer.Option(flag, help=option.text, rich_help_panel=panel)
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, declared]
    )
