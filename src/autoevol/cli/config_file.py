"""Where settings come from: the command line, then `--config`, then the environment, then the defaults.

A file is TOML or JSON. Its settings stand at the top under the names of their options, or in one table
for each settings record:

    seed = 7
    [models]
    evol_model = "my-model"
    [loop]
    batch_size = 5

One file may serve several commands: tables of records that a command has no options for are
checked and passed over. `AUTOEVOL_BATCH_SIZE=5` sets the same in the environment; several values are
separated by spaces and quoted as in a shell.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from autoevol import config
from autoevol.config.choices import words_of
from autoevol.config.models import canonical_extra
from autoevol.config.options import options_of
from autoevol.core.errors import InputError, nearest, unknown
from autoevol.core.schema import version_of

PREFIX = "AUTOEVOL_"

TABLES: dict[str, type] = {
    **get_type_hints(config.Settings),
    "again": config.AgainConfig,
    "answers": config.AnswersConfig,
    "benchmarks": config.BenchmarksConfig,
    "calibrate": config.CalibrateConfig,
    "compare": config.CompareConfig,
    "endpoint": config.EndpointConfig,
    "export": config.ExportConfig,
    "launch": config.LaunchConfig,
    "prove": config.ProveConfig,
    "publish": config.PublishConfig,
    "quality": config.QualityConfig,
    "search": config.SearchConfig,
    "select": config.SelectConfig,
    "transfer": config.TransferConfig,
}
"""Settings records by the name of their table."""

_EXPECTED = {bool: "true or false", int: "a whole number", float: "a number", list: "a list of texts"}
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_Path = tuple[str, ...]


class Setting(NamedTuple):
    """One option that a file or the environment may fill.

    Attributes:
        name: On the command line, with underscores.
        path: Tables that lead to it, and its name there.
        hint: Its type.
        default: What it is if it is not given.
        text: Explains it to a user.
    """

    name: str
    path: _Path
    hint: Any
    default: Any = None
    text: str = ""


def settings_of(record: type) -> list[Setting]:
    """The options of a settings record; fields without a help text are not for users."""
    table = next(name for name, entry in TABLES.items() if entry is record)
    return [
        Setting(option.name, (table, *option.path), option.hint, option.default, option.text)
        for option in options_of(record)
    ]


def read_config(path: Path, command: str, settings: Iterable[Setting]) -> dict[str, Any]:
    """The values in a config file by option.

    Args:
        path: A `.toml` file, or JSON under any other name.
        command: Which command asks, for messages.
        settings: Those of the command.

    Raises:
        InputError: If the file cannot be read, a name is unknown, or a value has the wrong type.
    """
    where = f"--config {path}"
    own = {setting.name: setting for setting in settings}
    tabled = [setting for record in TABLES.values() for setting in settings_of(record)]
    paths = {setting.path: setting for setting in tabled}
    # In its table, and for the own ones at the top, a setting may stand under the name of its option.
    paths |= {(setting.path[0], setting.name): setting for setting in tabled}
    paths |= {(name,): setting for name, setting in own.items()}
    values: dict[str, Any] = {}
    try:
        for setting, value in _walk(_load(path), paths):
            converted = None if value is None else _convert(value, setting.hint, setting.name)
            if values.setdefault(setting.name, converted) != converted:
                raise InputError(f"{setting.name!r} is given twice, with different values")
    except _NoSuchSetting as error:
        table = f"[{'.'.join(error.table)}]" if error.table else command
        hint = nearest(error.name, error.known)
        raise InputError(f"{where}: {table} has no setting {error.name!r}{hint}") from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return {name: value for name, value in values.items() if name in own and value is not None}


def read_environment(variables: Mapping[str, str], settings: Iterable[Setting]) -> dict[str, Any]:
    """The values of `AUTOEVOL_*` variables by option; a blank one says nothing.

    Raises:
        InputError: If a value cannot be read as the type of its setting.
    """
    values = {}
    for setting in settings:
        name = PREFIX + setting.name.upper()
        if text := variables.get(name, "").strip():
            values[setting.name] = _convert(_parse(text, setting.hint), setting.hint, name)
    return values


class _NoSuchSetting(Exception):
    def __init__(self, table: _Path, name: str, known: set[str]) -> None:
        super().__init__(name)
        self.table, self.name, self.known = table, name, known


def _load(path: Path) -> dict[str, Any]:
    content = _content(path)
    try:
        version_of(content, config.SETTINGS_SCHEMA)  # only a file that a command has written carries one
    except ValueError as error:
        raise InputError(str(error)) from error
    return {name: value for name, value in content.items() if name != "schema"}


def _content(path: Path) -> dict[str, Any]:
    if path.suffix == ".toml":
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError("no such file") from None
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read it as TOML: {error}") from error
    from autoevol.store.files import read_json

    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError("no such file" if content is None else "not a JSON object")
    return content


def _walk(
    tree: Mapping[str, Any], paths: Mapping[_Path, Setting], table: _Path = ()
) -> Iterator[tuple[Setting, Any]]:
    """Every value in `tree` with its setting; tables nest as deep as the paths do."""
    for key, value in tree.items():
        path = (*table, key.replace("-", "_"))
        # A table may be called like a setting: there is [clean], and --clean.
        if isinstance(value, dict) and any(other[:-1][: len(path)] == path for other in paths):
            yield from _walk(value, paths, path)
        elif path in paths:
            yield paths[path], value
        else:
            depth = len(table)
            raise _NoSuchSetting(table, key, {other[depth] for other in paths if other[:depth] == table})


def _kind(hint: Any) -> Any:  # noqa: ANN401 (any annotation)
    """The type that a value must have: bool, int, float, list, or str for all else."""
    plain = next((part for part in get_args(hint) if part is not type(None)), str)
    hint = plain if type(None) in get_args(hint) else hint
    if get_origin(hint) in (tuple, list):
        return list
    return hint if hint in (bool, int, float) else str


def _convert(value: Any, hint: Any, name: str) -> Any:  # noqa: ANN401 (a setting of any type)
    """`value` as the option takes it."""
    kind = _kind(hint)
    if isinstance(value, dict) and name.rpartition("_")[2] == "extra":
        return canonical_extra(value)
    if kind is list and isinstance(value, str):
        value = [value]
    if kind is str and type(value) is int:  # `keep = 2` is the number of a round
        value = str(value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (kind is list and not all(isinstance(item, str) for item in value)):
        raise InputError(f"{name} is {value!r}; expected {_EXPECTED.get(kind, 'text')}")
    if (words := words_of(hint)) and value not in words:
        raise unknown(name, str(value), words)
    return value


def _parse(text: str, hint: Any) -> Any:  # noqa: ANN401 (a setting of any type)
    """The text of a variable as a value; it stays text where it cannot be read as its type."""
    kind = _kind(hint)
    if kind is bool:
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else text
    if kind is list:
        return shlex.split(text)
    try:
        return kind(text)
    except ValueError:
        return text
