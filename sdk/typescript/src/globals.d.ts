/** What StarlingMonkey and Node both have beyond the language itself. There is no `fetch`, no timer and no console. */
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean });
  decode(bytes: Uint8Array): string;
}
