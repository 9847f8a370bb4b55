/**
 * Whether what stands in front of a word denies it: 没有谈付款方式, no quote yet. The common ways only, and only right in front:
 * whatever comes in between ends it, and what is asked (有没有报价) or denied twice (不是没有报价) is not denied.
 */

/** Letters in front of a word that are looked at. */
const BEFORE = 60;

const CHINESE =
  /(?:不|没有|没|无|未|并非)(?:是|会|算|觉得|认为|感觉|感到|怎么|太|那么|这么|任何|什么|提到|提及|提|谈到|谈|聊到|聊|说到|说|讲到|讲|给出|给|发|收到|嫌|需要|用|有|再){0,3}\s*$/;
const TWICE = /(?:不得|不能|不可|不会|不是|没有|没|无|并非)$/;
const ENGLISH =
  /(?:^|[^a-z'])(?:not|no|never|without|cannot|[a-z]+n't)\s+(?:(?:a|an|the|any|too|so|that|very|really|quite|yet|be|been|is|was|as|about|it|it's|they|think|find|feel|say|said|mention|mentioned|discuss|discussed|talk|talked|see|seen|get|got|have|had|give|given|send|sent|receive|received)\s+){0,4}$/;

/** Whether the word that begins at a letter is denied by what stands in front of it; `text` is in plain letters. */
export function negated(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - BEFORE), at).replaceAll("’", "'");
  const denial = CHINESE.exec(before);
  if (denial === null) return ENGLISH.test(before);
  const start = denial.index;
  // 是不是, 有没有: what is asked is not said. 有无 is the same in one.
  const next = before.charAt(start + 1) || (before.charAt(start) === "无" ? "有" : "");
  const asked = start > 0 && before.charAt(start - 1) === next;
  return !asked && !TWICE.test(before.slice(0, start));
}
