"""Does a text ask for anything? Questions and requests, in several languages."""

from __future__ import annotations

import re

from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import View

_REQUESTS = """add advise argue defend weigh analyse analyze answer apply approximate arrange assess
brainstorm build calculate categorize change check choose cite classify clean come compare
compile complete compose compute conclude construct contrast convert correct count create
critique debug decide deduce define delete demonstrate derive describe design detect determine
develop devise diagnose differentiate discuss divide draft draw edit elaborate estimate
evaluate examine execute expand explain explore express extend extract fill find fix format
formulate generate give group guess help highlight identify illustrate implement improve infer
insert integrate interpret introduce invent investigate judge justify label list locate make
match measure merge modify name optimize order organize outline output paraphrase parse perform
plan play plot predict prepare present print prioritize produce program proofread propose prove
provide query rank read rearrange recall recommend reduce refactor rephrase replace research
resolve respond return reverse review revise rewrite round select separate share show simplify
simulate sketch solve sort speculate split state structure substitute suggest summarise
summarize tell test think trace transform translate turn update use validate verify visualize
work write berechne bestimme beschreibe erkläre erstelle finde formuliere gib löse nenne ordne
schreibe übersetze vergleiche zähle zeige begründe erläutere diskutiere wähle entwirf verfasse
fasse analysiere prüfe korrigiere verbessere calculez calcule comparez crée créez décrivez
déterminez donne donnez écris écrivez explique expliquez relis corrige propose choisis résume
justifie présente analysez rédigez rédige rédigez résous résolvez traduis traduisez trouve
trouvez analiza calcula compara crea describe determina escribe explica encuentra genera
redacta justifica propón elige corrige ordena resuelve resume traduce calcola confronta
descrivi elenca scrivi scegli correggi proponi spiega traduci trova calcule compare crie
descreva determine encontre escreva explique resolva traduza"""
_REQUEST_SET = frozenset(_REQUESTS.split())
_LEADS = word_set(
    """please then and also now so finally next additionally furthermore kindly first second afterwards
    bitte alors por you your must should can could would need i want would like us let"""
)
_WANTS = frozenset(("need", "want", "like"))
_INDIRECT = re.compile(
    r"\b(?:how many|how much|how long|how far|how old|wie viele?|combien|cuántos|cuántas|quanti"
    r"|quante|quantos|quantas|сколько)\b"
    r"|\b(?:i want|i need|i'd like|i would like|your task is|you are asked|we want|we need|bitte"
    r"|veuillez|por favor)\b"
)
_INDIRECT_WORDS = word_set(
    """how wie combien cuántos cuántas quanti quante quantos quantas сколько i i'd want need task asked we
    bitte veuillez favor"""
)
_OTHER_SCRIPTS = re.compile(
    r"请|計算|计算|求|写|寫|编写|解释|解釋|描述|翻译|翻譯|列出|生成|设计|設計|分析|比较|多少|几"
    r"|什么|如何|为什么"
    r"|ください|なさい|せよ|何|いくつ|説明|해\s?주세요|하세요|하시오|무엇|몇|설명"
    r"|напиши|вычисли|найди|объясни|опиши|переведи|реши|состав|определи|сделай|احسب|اكتب|اشرح|ترجم"
    r"|أوجد|ما هو|لخص"
)


def asks_for_something(text: View) -> bool:
    """Whether `text` has a question mark, an imperative, or another form of request.

    An imperative is a verb of requests at the beginning of a sentence or clause: "Find
    the total" asks, "she needs to find the total" tells.
    """
    if text.asks or (not text.ascii and _OTHER_SCRIPTS.search(text.lower)):
        return True
    if text.requests is None:
        known = text.vocabulary & _REQUEST_SET
        text.requests = (text.has(_INDIRECT_WORDS) and bool(_INDIRECT.search(text.lower))) or any(
            _requests(sentence[:_LOOK].lower(), known)
            for sentence in text.sentences
            if any(map(sentence.lower().__contains__, known))
        )
    return text.requests


_LOOK = 1_000
_LETTERS = re.compile(r"[^\W\d_]+")
_CLAUSE = re.compile(r"(?:^|[,:—–-]\s|\bto [^,]{0,120},\s*|\band\s|\bthen\s)[\"“*\W]{0,3}([^\W\d_]+)")


_INTRODUCING = word_set(
    "if when while in for given using after before based to with without from as at by on"
)


def opens_with_request(lowered: str) -> bool:
    """Whether a sentence in lower case is a request as a whole: it opens with one, or the clause after
    its introduction does ("in two lines, explain ...").
    """
    if _INDIRECT.search(lowered):
        return True
    head, comma, rest = lowered.partition(", ")
    openings = [head, rest] if comma and head.split(" ", 1)[0] in _INTRODUCING else [head]
    return any(_leads_to_request(opening) for opening in openings)


def _leads_to_request(lowered: str) -> bool:
    previous = ""
    for word in _LETTERS.findall(lowered[:200])[:8]:
        if word in _REQUEST_SET:
            return True
        if word not in _LEADS and not word.endswith("ly") and not (word == "to" and previous in _WANTS):
            return False
        previous = word
    return False


def _requests(lowered: str, known: frozenset[str]) -> bool:
    """Whether a sentence opens with one of the `known` verbs of request, or a clause of it does."""
    if _leads_to_request(lowered):
        return True
    # After a comma an infinitive without "to" is an imperative: "if it rains, find ...".
    opening = [word for word in known if f", {word} " in lowered or f": {word} " in lowered]
    return bool(opening) and not set(opening).isdisjoint(_CLAUSE.findall(lowered))
