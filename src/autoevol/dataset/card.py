"""The dataset card: what a reader must know before training on an export."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError, StoreError
from autoevol.core.schema import Malformed, build
from autoevol.core.text import code_block, code_span, markdown
from autoevol.core.wording import plain
from autoevol.dataset.export import Exported
from autoevol.dataset.figures import origins, report_file
from autoevol.dataset.quality import StageQuality, measures
from autoevol.metrics.intervals import wilson
from autoevol.store.files import read_object, replace_text
from autoevol.store.sealed import read_sealed

_MARK = "autoevol"
# Up to this many rows, in the notation of the hub.
_SIZES = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")]


@dataclass(frozen=True)
class Licences:
    """What the user says about rights; autoevol cannot know them.

    Attributes:
        data: Identifier of the licence of the data set, such as `cc-by-4.0`.
        seeds: Licence of the seeds, in the user's words.
    """

    data: str | None = None
    seeds: str | None = None


def write_card(exported: Exported, run: Path | None, licences: Licences, title: str) -> Path:
    """Write `README.md` beside the export.

    Args:
        exported: What the card is about.
        run: Run folder that the data came from; without it, the card says what is unknown.
        licences: What the user says about rights.
        title: Heading of the card.

    Raises:
        InputError: If another README.md is there.
        StoreError: If the run's summary or the report of a cleaning is damaged.
    """
    path = exported.path.with_name("README.md")
    if path.exists() and _MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{path} is there and is not one of {_MARK}'s cards; move it away")
    try:
        text = card_text(exported, run, licences, title)
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"what {run or exported.source} says of itself is damaged: {error!r}") from error
    replace_text(path, text)
    return path


def card_text(exported: Exported, run: Path | None, licences: Licences, title: str) -> str:
    """The card in the hub's notation: YAML between lines of dashes, then Markdown."""
    summary = (run and read_sealed(run / "summary.json")) or {}
    method = (run and read_object(run / "method.json")) or {}
    cleaned = _clean_report(exported)
    parts = [
        f"# {markdown(title)}",
        "The instructions and responses in this data set were written by language models. They were not "
        "checked by people, and may be wrong, biased or unsafe.",
        f"{exported.rows} examples in the format `{exported.format.name}`, made with {_MARK}: seed "
        "instructions were rewritten into harder ones by an evolving method, then answered.",
        "## Seeds\n\n" + _seeds(summary.get("seeds") or {}, licences),
        "## Models\n\n" + _models(summary.get("models") or {}, summary.get("metric") or {}),
        "## Evolving method\n\n" + _method(method),
        "## Failures\n\n" + _failures(summary),
        *_measured(exported),
        "## Removed\n\n" + _removed(cleaned, summary, exported),
        "## Licences\n\n" + _licences(licences),
        "## Files\n\n" + _files(exported),
    ]
    return f"---\n{_metadata(exported, licences, title)}\n---\n\n" + "\n\n".join(parts) + "\n"


def _metadata(exported: Exported, licences: Licences, title: str) -> str:
    from datasets import DatasetInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    size = next((name for most, name in _SIZES if exported.rows < most), "n>1M")
    card = DatasetCardData(
        license=licences.data,
        pretty_name=title,
        task_categories=["text-generation"],
        size_categories=[size],
        tags=["synthetic", "evol-instruct", _MARK],
        configs=[{"config_name": "default", "data_files": exported.path.name}],
    )
    # With the types in the card, loaders do not guess them: text that looks like dates stays text.
    info = DatasetInfo(features=exported.features())
    DatasetInfosDict({"default": info}).to_dataset_card_data(card)
    return card.to_yaml()


def _seeds(seeds: Mapping[str, Any], licences: Licences) -> str:
    if not seeds:
        return f"The seeds are not known. Their licence: {_said(licences.seeds)}."
    # Only the name: the user's directories are not for publication.
    name = re.split(r"[/\\]", str(seeds.get("source")))[-1]
    if re.fullmatch(r"[\w.-]+/[\w.-]+(:[\w.-]+)?", str(seeds.get("source"))) and "." not in name:
        name = str(seeds["source"])
    return (
        f"{seeds.get('rows')} instructions from {_code(name)} ({markdown(str(seeds.get('shape')))}; "
        f"content hash {_code(seeds.get('data_hash'))}). Left out on reading: {seeds.get('duplicates', 0)} "
        f"repeated, {seeds.get('rejected', 0)} unusable. Licence of the seeds: {_said(licences.seeds)}."
    )


def _models(models: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    if not models:
        return "The models are not known."
    lines = [
        f"- evolves and responds: {_code(models.get('evol'))}",
        f"- optimizer: {_code(models.get('optimizer'))}",
    ]
    if metric.get("judge"):
        lines.append(f"- judge of failures: {_code(metric['judge'])}")
    return "\n".join(lines)


def _method(method: Mapping[str, Any]) -> str:
    if not method.get("text"):
        return "The method is not known."
    name = f" {_code(method['name'])}" if method.get("name") else ""
    return f"Method{name}, id {_code(method.get('id'))}:\n\n{code_block(str(method['text']))}"


def _failures(summary: Mapping[str, Any]) -> str:
    found, metric = summary.get("evolution"), summary.get("metric") or {}
    if not found:
        return "Failure rates are not known."
    ends = dict(found.get("rejected") or {})
    # What a check turned away says nothing about the method.
    gated = ends.pop("gated", 0)
    failed = found.get("failed", 0) - gated
    scored = failed + found.get("passed", 0)
    rate = "No row was scored."
    if scored:
        interval = wilson(failed, scored)
        rate = (
            f"{failed} of {scored} scored rows failed ({failed / scored:.1%}, 95 % Wilson interval "
            f"{interval.low:.1%} to {interval.high:.1%}) and are not in this data set."
        )
    kinds = _counts(found.get("kinds") or {})
    calibration = metric.get("calibration") or "this detector has not been calibrated"
    return (
        f"{rate} {found.get('unscored', 0)} rows could not be scored."
        + (f" {gated} were turned away by a check." if gated else "")
        + (f" By how their last round ended: {_counts(ends)}." if ends else "")
        + (f" By kind: {kinds}." if kinds else "")
        + f"\n\nDecided by the detector {_code(metric.get('detector'))}: {markdown(str(calibration))}. "
        "Some failures are therefore still in the data."
    )


def _measured(exported: Exported) -> list[str]:
    """The figures of `autoevol quality` for the data that the export came from; empty if it was not run."""
    files = (report_file(path) for path in origins(Path(exported.source))[::-1])
    found = next((report for path in files if (report := read_sealed(path))), None)
    if not found:
        return []
    try:
        stages = [build(StageQuality, stage) for stage in found["stages"]]
    except (Malformed, KeyError, TypeError) as error:
        raise StoreError(f"the measures of {exported.source} are damaged: {error}") from error
    head, *rows = measures(stages)
    cells = [head, *rows]
    lines = [f"| {' | '.join(map(markdown, line))} |" for line in cells]
    lines.insert(1, f"|{'---|' * len(head)}")
    judges = ", ".join(_code(judge) for judge in found.get("judges", ())) or "nobody"
    told = (
        f"On {found.get('looked_at')} of {found.get('seeds')} seeds, as the run left them. Complexity was "
        f"judged by {judges}; such scores compare the rounds of one data set, not two data sets."
    )
    return ["## Complexity and diversity\n\n" + told + "\n\n" + "\n".join(lines)]


def _removed(cleaned: Mapping[str, Any] | None, summary: Mapping[str, Any], exported: Exported) -> str:
    gate = (summary.get("gates") or {}).get("clean")
    said = [f"{exported.rejected} records could not be exported."]
    if not cleaned and not gate:
        said.insert(0, "No removal of duplicates or benchmark items is recorded.")
    said += [f"{note}." for note in exported.counts.selection.notes()]
    if cleaned:
        gone = f"{cleaned['rows'] - cleaned['kept']} of {cleaned['rows']} records were removed"
        said.insert(0, _cleaning(gone, cleaned["settings"], cleaned["removed"]))
    if gate:
        refused = summary["evolution"]["refused"].get("clean", {})
        gone = f"{sum(refused.values())} texts were refused before they became parents"
        said.insert(0, _cleaning(gone, gate, refused))
    return "\n\n".join(said)


def _cleaning(gone: str, settings: Mapping[str, Any], removed: Mapping[str, int]) -> str:
    names = ", ".join(_code(Path(name).name) for name in settings["decontaminate"]) or "none"
    lines = [f"- {markdown(reason.replace('_', ' '))}: {count}" for reason, count in removed.items()]
    return "\n".join(
        [
            f"{gone} (near duplicates from a Jaccard similarity of {settings['near']}; benchmarks: {names}; "
            f"{settings['overlap']} shared words).",
            *(["", *lines] if lines else []),
        ]
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {markdown(plain(name))}" for name, count in counts.items())


def _licences(licences: Licences) -> str:
    return (
        f"Data set: {_said(licences.data)}. Seeds: {_said(licences.seeds)}. The terms of "
        "the models' providers may restrict what their output is used for."
    )


def _files(exported: Exported) -> str:
    lines = [
        f"- {_code(exported.path.name)}: the examples",
        f"- {_code(exported.provenance.name)}: for each example, in the same order, the ids of it, its "
        "parent and its seed, round, operation, method and model; complexity, gain, tags and IFD where known",
    ]
    return "\n".join(lines + [f"- {_code(path.name)}: for a trainer" for path in exported.companions])


def _said(licence: str | None) -> str:
    return markdown(licence or "not stated")


def _code(value: object) -> str:
    return code_span(str(value))


def _clean_report(exported: Exported) -> dict[str, Any] | None:
    """The report of the cleaning that the exported file came from, if there was one."""
    path = Path(exported.source).with_suffix(".clean.json")
    return read_sealed(path)
