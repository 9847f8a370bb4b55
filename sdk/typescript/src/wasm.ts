/**
 * The exports of a component, as componentize-js wants them: one object for each interface. Only the entry that the builder
 * writes uses this. A slip of the plugin, other than a fault, goes to the run log and then ends the call.
 */
import { Doors, type Plugin } from "./plugin.ts";
import type { Host } from "./context.ts";
import { Fault } from "./value.ts";

/** Longest note about a slip: a stack of some ten lines. */
const NOTE_CHARS_MAX = 2000;

/** The interfaces of a plugin by their names in JavaScript; the entry exports those of its `plugin.json`. */
export function interfaces(plugin: Plugin, host: Host) {
  const doors = new Doors(plugin, host);
  const said = <Given extends unknown[], Answer>(door: (...given: Given) => Answer) =>
    (...given: Given): Answer => {
      try {
        return door.apply(doors, given);
      } catch (error) {
        if (!(error instanceof Fault)) note(host, error);
        throw error;
      }
    };
  return {
    validator: { validate: said(doors.validate) },
    beforeSave: { beforeSave: said(doors.beforeSave) },
    afterCommit: { afterCommit: said(doors.afterCommit) },
    action: { run: said(doors.run) },
    // Functions may call nothing, not even the log.
    functions: { callMany: doors.callMany.bind(doors) },
    scorer: { score: said(doors.score) },
    assigner: { assign: said(doors.assign) },
    provider: { load: said(doors.load) },
    renderer: { render: said(doors.render) },
    job: { step: said(doors.step) },
    connector: { invoke: said(doors.invoke), probe: said(doors.probe) },
  };
}

function note(host: Host, error: unknown): void {
  const words = error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ""}` : String(error);
  host.log?.write("error", words.slice(0, NOTE_CHARS_MAX));
}
