"""Whether what stands in front of a term denies it: 不觉得太贵, 没有延期, not over budget. The common ways only, and only right in
front: whatever comes in between ends it, and what is asked (是不是太贵) or denied twice (不是没有报价) is not denied.
"""

from __future__ import annotations

import re

#: Letters in front of a term that are looked at.
BEFORE = 60

_CHINESE = re.compile(
    "(?:不|没有|没|无|未|并非)"
    "(?:是|会|算|觉得|认为|感觉|感到|怎么|太|那么|这么|任何|什么|提到|提及|提|谈到|谈|聊到|聊|说到|说|讲到|讲|给出|给|发|收到|嫌|需要|用|有|再){0,3}"
    r"\s*$"
)
_TWICE = re.compile("(?:不得|不能|不可|不会|不是|没有|没|无|并非)$")
_ENGLISH = re.compile(
    r"(?:^|[^a-z'])(?:not|no|never|without|cannot|[a-z]+n't)\s+"
    r"(?:(?:a|an|the|any|too|so|that|very|really|quite|yet|be|been|is|was|as|about|it|it's|they|think|find|feel|say|said|mention"
    r"|mentioned|discuss|discussed|talk|talked|see|seen|get|got|have|had|give|given|send|sent|receive|received)\s+){0,4}$"
)


def negated(text: str, at: int) -> bool:
    """Whether the term that begins at a letter is denied by the words in front of it; `text` is in plain letters."""
    before = text[max(0, at - BEFORE) : at].replace("’", "'")
    denial = _CHINESE.search(before)
    if denial is None:
        return _ENGLISH.search(before) is not None
    start = denial.start()
    # 是不是, 有没有: what is asked is not said. 有无 is the same in one.
    asked = start > 0 and before[start - 1] == (before[start + 1 : start + 2] or ("有" if before[start] == "无" else ""))
    return not asked and _TWICE.search(before[:start]) is None
