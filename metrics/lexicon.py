"""Word lists that more than one detector uses. Data only; lower case.

English is covered best. For other languages only what changes a verdict is listed.
"""

from __future__ import annotations


def word_set(words: str) -> frozenset[str]:
    """The distinct words of a blank-separated list."""
    return frozenset(words.split())


_ENGLISH = """a about above after again all also am an and any are as at be because been before being below
between both but by can could did do does doing down during each few for from further had has have having he
her here hers him his how i if in into is it its just me more most my no nor not now of off on once only or
other our out over own same she should so some such than that the their them then there these they this those
through to too under until up very was we were what when where which while who whom why will with would you
your it's he's she's they're i'm don't doesn't"""
_GERMAN = """aber als am an auch auf aus bei bis das dass dem den der des die durch ein eine einem einen einer
eines er es für hat ich ihr im in ist mit nach nicht noch oder sich sie sind so und uns unter von vor war was
welche wenn wer wie wird wir wo zu zum zur über"""
_FRENCH = """au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur mais ne nous on
ou où par pas plus pour qu que quel quelle qui sa se ses son sont sur un une vous à"""
_SPANISH = """al como con cuál de del el ella en es esta este hay la las lo los más no nos o para pero por que
qué se ser si sin sobre son su sus un una y ya"""
_ITALIAN = """che chi come con da dal dei del della di e gli ha i il in la le lo ma nel nella non per più
quale si sono su un una"""
_PORTUGUESE = """ao as com como da das de do dos e em entre foi mais mas na nas no nos não o os ou para pela
pelo por qual que se sua são um uma"""
_DUTCH = """aan als bij dat de deze dit door een en er het hij hoe ik in is met naar niet of om ook op te tot
uit van voor was wat we zijn"""

PROFILES: dict[str, frozenset[str]] = {
    "English": word_set(_ENGLISH),
    "German": word_set(_GERMAN),
    "French": word_set(_FRENCH),
    "Spanish": word_set(_SPANISH),
    "Italian": word_set(_ITALIAN),
    "Portuguese": word_set(_PORTUGUESE),
    "Dutch": word_set(_DUTCH),
}
"""Closed-class words of languages in Latin script, to tell them apart."""

FUNCTION_WORDS: frozenset[str] = frozenset().union(*PROFILES.values())
"""Words that carry no content of their own, in any of the listed languages."""

NUMBER_WORDS: dict[str, float] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6,
    "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5,
    "sept": 7, "huit": 8, "neuf": 9, "dix": 10, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5,
    "seis": 6, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10,
    "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "eighty": 80,
    "hundred": 100, "thousand": 1000, "million": 1e6,
    "half": 0.5, "halves": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25, "quarters": 0.25,
    "once": 1, "twice": 2, "double": 2, "doubled": 2, "doubles": 2, "doubling": 2, "thrice": 3,
    "triple": 3, "tripled": 3, "dozen": 12, "dozens": 12, "couple": 2,
    "hälfte": 0.5, "doppelt": 2, "dutzend": 12, "moitié": 0.5, "mitad": 0.5, "doble": 2,
}  # fmt: skip
"""Quantities that are written in words."""

_DECORATION = """please kindly carefully thoroughly detailed comprehensive clear clearly concise complete
properly diligent modest luscious impressive avid delightful wonderful beautiful bustling charming talented
skilled enthusiastic eager excited excitedly generously meticulous meticulously various several many numerous
interesting important good great nice best better well really quite indeed currently presently respectively
total overall exact exactly precise precisely given following provide give tell determine calculate compute
find figure think consider considering assume assuming suppose note remember ensure make sure question
problem answer response task instruction step steps way manner thoughtful insightful high quality helpful
engaging vivid effective effectively efficient efficiently accurately accurate additionally furthermore
moreover however meanwhile subsequently finally thus therefore known located local special particular
specific sunny rainy bitte sorgfältig ausführlich genau gründlich veuillez soigneusement précisément
détaillée por favor cuidadosamente detalladamente"""
DECORATION: frozenset[str] = word_set(_DECORATION)
"""Words whose addition makes an instruction longer but asks for nothing more."""
