// How sentences follow each other. Between Chinese ones stands no space: their marks are as wide as two letters.

/** What stands between a sentence and what follows it. */
export function gap(sentence: string): string {
  return sentence === "" || sentence.charCodeAt(sentence.length - 1) > 127 ? "" : " ";
}

/** One sentence after another; those that are not there are left out. */
export function sentences(...parts: (string | undefined)[]): string {
  return parts.reduce<string>((said, part) => (part ? said + gap(said) + part : said), "");
}
