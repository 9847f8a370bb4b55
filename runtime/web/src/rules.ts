// The rules of a form, evaluated here by the server's own expression engine: a module that is loaded where a form has conditions,
// once for all forms. What it does not know is left to the server, which it says.

/** What is known without the server. Fields that only the server can judge are missing from `issues`. */
export interface Known {
  visible: Record<string, boolean>;
  required: Record<string, boolean>;
  sections: (boolean | null)[];
  issues: Record<string, string[]>;
  computed: Record<string, string>;
  /** What child rows calculate, by field and row. */
  rows: Record<string, Record<string, string>[]>;
  ask: boolean;
}

interface Door {
  memory: WebAssembly.Memory;
  room(length: number): number;
  load(): number;
  state(now: number): number;
  told(): number;
}

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** Seconds by which clocks of a zone are ahead of UTC, as the browser knows them. */
export function zoneOffset(zone: string): (seconds: number) => number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", era: "short",
  });
  return (seconds) => {
    const found = Object.fromEntries(parts.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]));
    const year = found.era === "BC" ? 1 - Number(found.year) : Number(found.year);
    const shown = new Date(0);
    shown.setUTCFullYear(year, Number(found.month) - 1, Number(found.day));
    shown.setUTCHours(Number(found.hour), Number(found.minute), Number(found.second));
    return Math.round(shown.getTime() / 1000 - Math.floor(seconds));
  };
}

/** The rules of one form. */
export class FormRules {
  private constructor(private readonly door: Door) {}

  /** Loads the engine from `source` and gives it these rules; nothing where the browser or the engine will not. */
  static async open(source: string, rules: string, zone: string): Promise<FormRules | undefined> {
    const load = modules.get(source) ?? WebAssembly.compileStreaming(fetch(source));
    modules.set(source, load);
    try {
      return FormRules.over(await load, rules, zone);
    } catch {
      modules.delete(source);
      return undefined;
    }
  }

  /** The same over a module that is compiled already. */
  static async over(module: WebAssembly.Module, rules: string, zone: string): Promise<FormRules | undefined> {
    const { exports } = await WebAssembly.instantiate(module, { page: { zone_offset: zoneOffset(zone) } });
    const form = new FormRules(exports as unknown as Door);
    form.write(rules);
    return form.door.load() === 1 ? form : undefined;
  }

  /** The state for what was typed, at a moment. */
  state(values: Record<string, string[]>, now: number, rows: Record<string, Record<string, string[]>[]> = {}): Known | undefined {
    try {
      this.write(JSON.stringify({ values, rows }));
      const length = this.door.state(now);
      if (length === 0) return undefined;
      return JSON.parse(new TextDecoder().decode(new Uint8Array(this.door.memory.buffer, this.door.told(), length))) as Known;
    } catch {
      // A module that has failed may not be called again; the server is asked instead.
      return undefined;
    }
  }

  private write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    // First the room: the memory may grow for it.
    const place = this.door.room(bytes.length);
    new Uint8Array(this.door.memory.buffer, place, bytes.length).set(bytes);
  }
}
