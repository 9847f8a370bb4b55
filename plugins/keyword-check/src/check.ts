/** Which talking points a text covers, and by which sentences. Finds words and does not understand them. */
import type { Keyword } from "./keywords.ts";
import { occurrences, plain, sentences } from "./text.ts";

/** Sentences kept for each talking point; the first ones convince as well as all. */
const PROOFS_MAX = 3;
/** Longest sentence that is kept whole, in characters. */
const PROOF_CHARS_MAX = 200;

/** A talking point in a text. */
export interface Finding {
  keyword: string;
  /** How often it is named. */
  count: number;
  /** The first sentences that name it, with their numbers. */
  proof: { sentence: number; text: string }[];
}

/** Every talking point, in the order of the list. */
export function check(text: string, keywords: readonly Keyword[]): Finding[] {
  const findings = keywords.map(({ name }): Finding => ({ keyword: name, count: 0, proof: [] }));
  for (const sentence of sentences(text)) {
    const words = plain(sentence.text);
    keywords.forEach((keyword, at) => {
      const count = named(words, keyword);
      const finding = findings[at];
      if (count === 0 || finding === undefined) return;
      finding.count += count;
      if (finding.proof.length < PROOFS_MAX) {
        finding.proof.push({ sentence: sentence.number, text: [...sentence.text].slice(0, PROOF_CHARS_MAX).join("") });
      }
    });
  }
  return findings;
}

/** The word of a talking point that a sentence has most often: 报价 within 报价单 is not counted twice. */
const named = (sentence: string, { words }: Keyword): number =>
  Math.max(...words.map((word) => occurrences(sentence, word)));
