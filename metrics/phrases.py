"""Phrases by which a response refuses, asks back, hedges or finds the task impossible.

Data only, for `autoevol.metrics.textual.Phrases`: lower case, straight apostrophes, "*"
where the last word goes on. Languages: English, German, French,
Spanish, Italian, Portuguese, Dutch, Russian, Chinese, Japanese, Korean, Arabic.
"""

from __future__ import annotations

REFUSALS: tuple[str, ...] = (
    "i'm sorry, but i can*", "i am sorry, but i can*", "i cannot assist", "i can't assist",
    "i cannot help with", "i can't help with", "i'm unable to", "i am unable to", "i'm not able to",
    "i am not able to", "i cannot provide", "i can't provide", "i cannot fulfill", "i can't fulfill",
    "i cannot comply", "i cannot create", "i can't create", "i won't be able to", "i must decline",
    "i cannot answer", "i can't answer", "against my guidelines", "as an ai language model, i",
    "as an ai, i c*", "as an ai assistant, i c*", "i don't have the ability to",
    "i do not have the ability to", "i don't have access to", "i do not have access to", "sorry, i can't",
    "sorry, i cannot", "i won't", "i will not", "i'm not going to",
    "es tut mir leid, aber ich kann", "ich kann dir dabei nicht",
    "ich kann ihnen dabei nicht", "ich bin nicht in der lage", "tut mir leid, ich kann", "als ki-modell",
    "als ki-sprachmodell", "je suis désolé, mais je ne peux", "je ne peux pas vous aider",
    "je ne suis pas en mesure", "en tant que modèle de langage", "lo siento, pero no puedo",
    "no puedo ayudar*", "no puedo proporcionar", "como modelo de lenguaje", "mi dispiace, ma non posso",
    "non posso aiutar*", "desculpe, mas não posso", "não posso ajudar", "sinto muito, mas",
    "het spijt me, maar ik kan", "извините, но я не могу", "я не могу помочь", "к сожалению, я не могу",
    "对不起，我无法", "抱歉，我无法", "抱歉，我不能", "很抱歉，我", "我无法提供", "我不能提供",
    "作为一个人工智能", "作为ai", "申し訳ありませんが",
    "申し訳ございませんが", "お手伝いできません", "お答えできません", "죄송하지만", "죄송합니다만",
    "도와드릴 수 없", "عذرًا، لا أستطيع", "آسف، لا",
    "لا يمكنني مساعد",
)  # fmt: skip

REQUESTS_BACK: tuple[str, ...] = (
    "could you tell me", "can you tell me", "could you share", "please share", "je ne vois ni",
    "je ne vois pas votre", "ich sehe keine", "no veo ning*", "发给我",
    "please provide", "please share", "please specify", "please clarify", "please send", "please paste",
    "please upload", "could you provide", "could you please", "can you provide", "can you please provide",
    "could you share", "could you specify", "could you clarify", "can you clarify", "would you like me to",
    "i'd be happy to help! ", "need more information", "need more details", "need more context",
    "more information is needed", "let me know what", "let me know which", "which one would you",
    "what would you like", "how can i assist you", "how can i help you", "you haven't provided",
    "you have not provided", "you didn't provide", "you did not provide", "it seems you haven't",
    "wasn't included", "was not included", "bitte geben sie", "bitte gib", "bitte teilen sie",
    "bitte teile mir", "bitte nennen sie", "bitte nenne mir", "bitte senden sie", "könnten sie bitte",
    "könntest du bitte", "könnten sie mir", "könntest du mir", "benötige ich weitere",
    "brauche ich mehr informationen", "welche möchten sie", "veuillez fournir", "veuillez préciser",
    "veuillez me", "pourriez-vous", "pouvez-vous préciser", "pouvez-vous fournir", "peux-tu préciser",
    "j'ai besoin de plus", "proporcione", "proporciona más", "proporcióname", "por favor, indique",
    "por favor, indica", "por favor, comparte", "podría proporcionar", "podrías proporcionar", "¿podría",
    "¿podrías", "necesito más información", "fornisci", "fornire maggiori", "potresti fornire",
    "potresti specificare", "per favore, indica", "forneça", "poderia fornecer", "você pode fornecer",
    "kunt u", "kun je meer", "geef alstublieft", "пожалуйста, предоставьте", "пожалуйста, укажите",
    "пожалуйста, уточните", "не могли бы вы", "请提供", "请告诉我", "请您提供", "请补充", "请问您",
    "请问你", "您能提供", "你能提供",
    "需要更多信息", "请给出", "請提供", "請告訴我", "提供してください", "教えてください",
    "お知らせください", "ご提供", "必要な情報", "제공해 주", "알려 주",
    "알려주", "말씀해 주", "يرجى تقديم", "يرجى توفير", "من فضلك قدم", "هل يمكنك تقديم", "يرجى توضيح",
)  # fmt: skip

NO_ANSWER: tuple[str, ...] = (
    "not enough information", "more information is needed", "need more information",
    "need additional information", "missing information",
    "insufficient information", "insufficient data", "enough information to",
    "lack of information", "without more information", "without additional information",
    "without further information", "without knowing", "cannot be determined", "can't be determined",
    "cannot determine", "can't determine", "unable to determine", "cannot be calculated",
    "cannot calculate", "can't calculate", "unable to calculate", "cannot accurately", "cannot be solved",
    "can't be solved", "cannot solve", "cannot find the", "impossible to determine",
    "impossible to calculate", "impossible to know", "impossible to answer", "not possible to determine",
    "not possible to calculate", "not possible to find", "not possible to have", "is not provided",
    "are not provided", "isn't provided", "is not given", "are not given", "isn't given",
    "is not specified", "are not specified", "isn't specified", "not mentioned", "is unknown",
    "are unknown", "we don't know", "we do not know", "we don't have", "we do not have",
    "don't have enough", "no solution", "has no solution", "cannot be answered", "not applicable",
    "undefined", "not explicitly stated", "no information about", "no information on",
    "no information given", "is undetermined", "is indeterminate", "answer is: unknown",
    "cannot provide a specific", "cannot provide an exact", "nicht genügend informationen",
    "nicht genug informationen", "lässt sich nicht bestimmen", "nicht bestimmt werden",
    "nicht berechnet werden", "nicht angegeben", "keine lösung", "pas assez d'informations",
    "ne peut pas être déterminé", "ne peut être déterminé", "n'est pas précisé",
    "impossible de déterminer", "impossible de calculer", "pas de solution", "información insuficiente",
    "no hay suficiente información", "no se puede determinar", "no se puede calcular", "no se especifica",
    "no tiene solución", "informazioni insufficienti", "non è possibile determinare",
    "não é possível determinar", "informações insuficientes", "недостаточно информации",
    "недостаточно данных", "невозможно определить", "не указано", "нет решения", "信息不足", "无法确定",
    "无法计算",
    "无法得出", "没有给出", "未给出", "没有提供", "无解", "不能确定", "情報が不足", "情報が足り",
    "求めることができません", "決定できません", "정보가 부족",
    "계산할 수 없", "알 수 없", "لا توجد معلومات كافية", "لا يمكن تحديد",
)  # fmt: skip

# Of the instruction wherever it is said, unlike an unknown that is then worked out.
MISSING: tuple[str, ...] = (
    "not specified", "not given", "not provided", "not mentioned", "not stated", "not explicitly",
    "no information", "nicht angegeben", "nicht genannt", "n'est pas précisé", "no se especifica",
    "没有说明", "未说明", "未给出", "не указано",
)  # fmt: skip

CONTRADICTION: tuple[str, ...] = (
    "contradict*", "inconsistent", "inconsistency", "conflicting", "doesn't make sense",
    "does not make sense", "not make sense", "there seems to be a mistake", "there seems to be an error",
    "there appears to be", "there must be an error", "there must be a mistake",
    "seems to be some confusion", "is not possible", "isn't possible", "is impossible", "not a valid",
    "can't be negative", "cannot be negative", "not possible to have a negative", "cannot have a negative",
    "can't have a negative", "cannot have a fraction", "can't have a fraction", "cannot have half",
    "fraction of a person", "widerspr*", "ergibt keinen sinn", "incohéren*", "n'a pas de sens",
    "es imposible", "no tiene sentido", "inconsistente", "contraddi*", "矛盾", "不合理", "不可能",
    "противореч",
    "矛盾し", "모순", "تناقض",
)  # fmt: skip

HEDGES: tuple[str, ...] = (
    "it depends", "that depends on", "depends on many", "have to assume", "had to assume",
    "must assume", "that i made up", "no exact figure", "cannot be stated", "hängt davon ab",
    "hängt ganz davon ab", "je nach geschmack", "ich muss annehmen", "je dois supposer",
    "since i cannot see", "since i can't see", "tengo que suponer",
    "this may vary", "results may vary", "can vary", "it is difficult to",
    "it's difficult to", "difficult to say", "hard to say", "i'm not sure", "i am not sure",
    "not entirely sure", "rough estimate", "it is unclear", "it's unclear", "not clear", "ambiguous",
    "open to interpretation", "es kommt darauf an", "schwer zu sagen", "unklar", "cela dépend",
    "ça dépend", "difficile à dire", "pas clair", "depende de", "difícil de decir", "no está claro",
    "dipende da", "зависит от", "трудно сказать", "неясно", "视情况而定", "取决于", "很难说", "不确定",
    "不清楚", "場合による",
    "一概に", "상황에 따라", "يعتمد على",
)  # fmt: skip

ASSUMPTIONS: tuple[str, ...] = (
    "assum*", "let's say", "let us say", "suppos*", "angenommen", "nehmen wir an", "supposons",
    "supongamos", "suponiendo", "supponiamo", "suponha", "предполож", "假设", "假設", "假定", "仮定", "가정",
    "لنفترض",
)  # fmt: skip
