/**
 * The talking points that a conversation has to cover, from the settings or from the call. What is no keyword is a fault that
 * says where: a list that is quietly shorter would let every conversation pass.
 */
import { type Fields, type Json, fault } from "@mortise/sdk";

import type { Context } from "./plugin.gen.ts";
import { plain } from "./text.ts";

/** Most talking points; a list that nobody can remember is no agreement. */
const KEYWORDS_MAX = 100;
/** Most other words for one. */
const WORDS_MAX = 30;
/** Longest word, in characters. */
const WORD_CHARS_MAX = 60;

/** A talking point. */
export interface Keyword {
  /** Its name, as people wrote it. */
  name: string;
  /** What counts as it, in plain letters; the name is among them. */
  words: string[];
}

/** The talking points of a call. */
export function keywordsOf(cx: Context, input: Fields): Keyword[] {
  const given = input.get("keywords");
  const list = given.value?.tag === "many"
    ? given.many.map((line, at) => keyword(line.split("|"), `keywords[${at}]`))
    : settings(cx.setting("keywords").json ?? []);
  if (list.length === 0) throw fault("keywords.none", words(cx, "no keywords are agreed", "尚未设置关键词"));
  if (list.length > KEYWORDS_MAX) {
    const said = [`at most ${KEYWORDS_MAX} keywords`, `关键词最多 ${KEYWORDS_MAX} 个`] as const;
    throw fault("keywords.many", words(cx, ...said));
  }
  return list;
}

/** Words in the language of the call. */
export const words = (cx: Context, english: string, chinese: string): string => (cx.chinese ? chinese : english);

/** A list of names, or of `{ "keyword": name, "also": [words] }`. */
function settings(list: Json): Keyword[] {
  if (!Array.isArray(list)) throw wrong("keywords", "a list");
  return list.map((entry, at) => {
    const place = `keywords[${at}]`;
    if (typeof entry === "string") return keyword([entry], place);
    if (entry === null || typeof entry !== "object" || Array.isArray(entry)) throw wrong(place, "text, or an object");
    const { keyword: name, also = [] } = entry;
    if (!Array.isArray(also)) throw wrong(`${place}.also`, "a list");
    return keyword([name, ...also], place);
  });
}

function keyword(given: readonly (Json | undefined)[], place: string): Keyword {
  if (given.length > WORDS_MAX) throw wrong(place, `at most ${WORDS_MAX} words`);
  const texts = given.map((word) => {
    if (typeof word !== "string") throw wrong(place, "text");
    return word.trim();
  });
  const [name = ""] = texts;
  const plainWords = [...new Set(texts.map((text) => plain(text).trim()))];
  if (plainWords.some((word) => word === "" || [...word].length > WORD_CHARS_MAX)) {
    throw wrong(place, `words of 1 to ${WORD_CHARS_MAX} characters`);
  }
  return { name, words: plainWords };
}

const wrong = (place: string, wanted: string): Error => fault("keywords.wrong", `\`${place}\` has to be ${wanted}`);
