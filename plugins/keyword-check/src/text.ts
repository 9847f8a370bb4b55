/** Text as it is compared, and cut into sentences. The same text always gives the same answer. */

import { negated } from "./negation.ts";

/** Longest text that is looked through, in characters: three hours of talk. */
const TEXT_CHARS_MAX = 60_000;

/**
 * Lower case, half width, one space for any white space or hyphen; each letter stays where it was, so that what is found in
 * the plain text can be shown as it was written.
 */
export function plain(text: string): string {
  let plain = "";
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 0;
    const half = code >= 0xff01 && code <= 0xff5e ? String.fromCharCode(code - 0xfee0) : letter;
    const lower = half.toLowerCase();
    plain += /[\s\u3000\u2010-\u2015-]/u.test(half) ? " " : lower.length === half.length ? lower : half;
  }
  return plain;
}

/** A sentence with its number, from 1. */
export interface Sentence {
  number: number;
  text: string;
}

/** Sentences without their closing marks. A full stop closes one only before white space or the end: 3.5 is one number. */
export function sentences(text: string): Sentence[] {
  const cut = [...text.slice(0, 2 * TEXT_CHARS_MAX)].slice(0, TEXT_CHARS_MAX).join("");
  const parts = cut.split(/[。！？!?;；\r\n]+|\.(?=\s|$)/u).map((part) => part.trim());
  return parts.filter((part) => part !== "").map((part, at) => ({ number: at + 1, text: part }));
}

// By their numbers: the engine of components knows no classes of letters (`\p{…}`).
const LATIN = /[a-z0-9\u00df-\u024f]/;
const PLURAL = /^e?s(?![a-z0-9\u00df-\u024f])/;

/**
 * How often plain text has a word. A Latin word has to begin and end where a word does (`offer` is not in `coffers`), with or
 * without the `s` of the plural; in Chinese, white space between letters does not matter. What is denied does not count.
 */
export function occurrences(text: string, word: string): number {
  const chinese = !LATIN.test(word);
  const [hay, needle] = chinese ? [text.replaceAll(" ", ""), word.replaceAll(" ", "")] : [text.replace(/ +/g, " "), word];
  let count = 0;
  for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, at + needle.length)) {
    const whole = chinese || (isEdge(hay, at, needle, -1) && isEdge(hay, at, needle, 1));
    if (whole && !negated(hay, at)) count += 1;
  }
  return count;
}

/** Whether no word goes on before (-1) or behind (1) what was found. A word that ends in Chinese has no edge to keep. */
function isEdge(text: string, at: number, word: string, side: -1 | 1): boolean {
  const own = side < 0 ? word.charAt(0) : word.charAt(word.length - 1);
  if (!LATIN.test(own)) return true;
  const rest = side < 0 ? text.slice(Math.max(0, at - 1), at) : text.slice(at + word.length, at + word.length + 3);
  return (side > 0 && PLURAL.test(rest)) || !LATIN.test(rest.charAt(0));
}
