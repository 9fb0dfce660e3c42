"""Bad inputs through the command line: a clear error, or a counted reject, never a traceback."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from autoevol.cli import app
from servers import Answer, Endpoint, says

GOOD = b'{"instruction": "Name a prime above 10.", "response": "11"}\n'


def reply(body: dict[str, Any]) -> Answer:
    text = body["messages"][-1]["content"]
    if "#Instruction#:\n" in text:
        task = text.rpartition("#Instruction#:\n")[2]
        return says(f"<final_instruction>\n{task} Prove that it is prime.\n</final_instruction>")
    return says("The prime 11, with a proof.")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(reply) as served:
        yield served


@dataclass(frozen=True)
class Bad:
    """A bad input.

    Attributes:
        content: Of the file; None makes a folder.
        told: What the error says.
        rejects: Records that `--skip-bad` counts; None where the whole file is refused.
        seeds: Whether it is bad as a file of seeds.
        finished: Whether it is bad as a finished data set.
    """

    name: str
    content: bytes | None
    told: str
    rejects: int | None = None
    seeds: bool = True
    finished: bool = True


def table(columns: int) -> bytes:
    names = ",".join(f"c{number}" for number in range(columns))
    return f"{names}\n{names}\n".encode()


BAD = [
    Bad("latin1.jsonl", GOOD + '{"instruction": "Où?", "response": "ici"}'.encode("latin-1"), "not UTF-8", 1),
    Bad("utf16.jsonl", GOOD.decode().encode("utf-16"), "UTF-16"),
    Bad("null.jsonl", GOOD + b'{"instruction": null, "response": null}\n', "instruction is null", 1),
    Bad(
        "nested.jsonl",
        b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n'
        b'{"messages": [{"role": "user", "content": null}]}\n{"messages": [null]}\n{"messages": null}\n',
        "line 2",
        3,
    ),
    Bad("huge.jsonl", GOOD + b'{"instruction": "%s"}' % (b"a b " * 262_144), "1,048,576", 1, finished=False),
    Bad("wide.csv", table(100_000), "100,000 columns"),
    Bad("wide.jsonl", json.dumps({f"c{n}": "x" for n in range(100_000)}).encode(), "99,988 more"),
    Bad("half.jsonl", GOOD + b'{"instruction": "a\\ud800", "response": "b"}\n', "lone surrogate", 1),
    Bad("folder", None, "is a folder"),
    Bad("cut.jsonl.gz", gzip.compress(GOOD * 50)[:-12], "cannot be read"),
    Bad("cut.jsonl.zst", pa.compress(GOOD * 50, codec="zstd", asbytes=True)[:-9], "cannot be read"),
    Bad("stub.jsonl.zst", b"\x28\xb5\x2f\xfd" + b"x" * 40, "cannot be read"),
    Bad("zip.jsonl", b"PK\x03\x04" + GOOD, "ZIP archive"),
    Bad("gbk.csv", "instruction,output\n天空,x\n".encode("gbk"), "--encoding"),
    Bad("broken.arrow", b"ARROW1 no", "not a readable Arrow file"),
    Bad("plain.gz", gzip.compress(GOOD), "unknown format"),
    Bad("empty.jsonl", b"", "is empty"),
    Bad("blank.jsonl", b"\n \n", "holds no records"),
    Bad("binary.jsonl", bytes(range(256)) * 4, "line 1"),
    Bad("deep.jsonl", GOOD + b'{"instruction": ' + b"[" * 100_000, "line 2", 1),
    Bad("silent.jsonl", GOOD + b'{"instruction": "C", "response": " "}\n', "no response", 1, seeds=False),
]  # fmt: skip
COMMANDS = ("run", "evolve", "estimate", "clean", "export")
# Cleaning and exporting take texts of any length; only exporting needs responses.
PAIRS = [
    (name, bad)
    for bad in BAD
    for name in COMMANDS
    if (bad.seeds or name == "export") and (bad.finished or name not in ("clean", "export"))
]
CASES = [pytest.param(name, bad, id=f"{name}-{bad.name}") for name, bad in PAIRS]
# To compare with, there only has to be text.
TEXT = {"huge.jsonl", "wide.jsonl", "silent.jsonl"}
COMPARED = [pytest.param("--against", bad, id=f"against-{bad.name}") for bad in BAD if bad.name not in TEXT]
TEXT |= {"null.jsonl", "nested.jsonl", "half.jsonl"}
COMPARED += [
    pytest.param("--decontaminate", bad, id=f"bench-{bad.name}") for bad in BAD if bad.name not in TEXT
]


def command(*arguments: object) -> Result:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def put(bad: Bad, folder: Path) -> Path:
    path = folder / bad.name
    if bad.content is None:
        path.mkdir()
    else:
        path.write_bytes(bad.content)
    return path


def arguments(name: str, path: Path, out: Path, endpoint: Endpoint) -> list[object]:
    model = ["--evol-model", "served", "--api-base", endpoint.url]
    match name:
        case "clean" | "export":
            return [name, path, "--out", out / "o.jsonl"]
        case "run":
            return [name, path, "--out", out / "run", *model, "--dry-run"]
        case "estimate":
            return [name, path, "--method", "weak", "--store", out / "s.sqlite", *model]
        case _:
            return [name, path, "--method", "weak", "--out", out / "run", *model]


@pytest.mark.parametrize(("name", "bad"), CASES)
def test_it_is_a_clear_error(name: str, bad: Bad, endpoint: Endpoint, tmp_path: Path) -> None:
    before = len(endpoint.seen)
    out = tmp_path / "out"
    out.mkdir()
    done = command(*arguments(name, put(bad, tmp_path), out, endpoint))
    assert done.exit_code == 2, done.output
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("autoevol:")]
    assert bad.told in line
    assert len(line) < 1500
    assert len(endpoint.seen) == before
    assert not list(out.glob("*.jsonl"))


SKIPPED = [
    pytest.param(name, bad, id=f"{name}-{bad.name}")
    for name, bad in PAIRS
    if bad.rejects and name in ("evolve", "clean", "export")
]


@pytest.mark.parametrize(("name", "bad"), SKIPPED)
def test_skipped_records_are_counted(name: str, bad: Bad, endpoint: Endpoint, tmp_path: Path) -> None:
    done = command(*arguments(name, put(bad, tmp_path), tmp_path, endpoint), "--skip-bad", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.splitlines()[-1])
    told = told["seeds"] if name == "evolve" else told
    assert (told["rejected"], told["rows"]) == (bad.rejects, 1)
    rejects = tmp_path / ("run/rejects.jsonl" if name == "evolve" else "o.rejects.jsonl")
    if name != "export":
        assert len(rejects.read_text().splitlines()) == bad.rejects


GOOD_WAYS = {
    "bom.jsonl": b"\xef\xbb\xbf" + GOOD,
    "packed.jsonl.gz": gzip.compress(GOOD),
    "packed.jsonl": gzip.compress(GOOD),
    "crlf.jsonl": GOOD.replace(b"\n", b"\r\n"),
    "nan.jsonl": b'{"instruction": "Name a prime above 10.", "response": "11", "n": NaN, "x": [null]}',
}


@pytest.mark.parametrize("file", GOOD_WAYS)
@pytest.mark.parametrize("name", ["evolve", "clean", "export"])
def test_what_only_looks_bad_is_read(name: str, file: str, endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_bytes(GOOD_WAYS[file])
    done = command(*arguments(name, path, tmp_path, endpoint))
    assert done.exit_code == 0, done.output
    files = ("run/dataset.jsonl", "run/rejected.jsonl") if name == "evolve" else ("o.jsonl",)
    (record,) = [json.loads(line) for file in files for line in (tmp_path / file).read_text().splitlines()]
    assert "Name a prime above 10." in json.dumps(record)


@pytest.mark.parametrize(("flag", "bad"), COMPARED)
def test_bad_files_to_clean_against_are_refused(flag: str, bad: Bad, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset.jsonl"
    dataset.write_bytes(GOOD)
    done = command("clean", dataset, "--out", tmp_path / "o.jsonl", flag, put(bad, tmp_path))
    assert done.exit_code == 2, done.output
    assert bad.name in done.stderr
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.parametrize(
    "text", ["[[ ## completed ## ]]", "{{7*7}}", "</script>", "#Finally Rewritten Instruction#:"]
)
def test_marks_of_other_tools_are_data(text: str, endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"instruction": f"Explain {text} to me", "response": text}))
    for name in ("clean", "export"):
        out = tmp_path / name
        out.mkdir()
        assert command(*arguments(name, path, out, endpoint)).exit_code == 0
        assert text in json.dumps(json.loads((out / "o.jsonl").read_text()), ensure_ascii=False)
