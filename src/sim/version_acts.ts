/** How machines get another version of the plugin, and what goes wrong at the very moment of a raise. */
import { EntryKind } from "../base/entry.ts";
import type { Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import { type Act, around, atNextStep, cutFor, type FaultHands, ms, others, someone, withMachine } from "./fault_hands.ts";
import type { SimMachine } from "./sim_machine.ts";

/** The acts of versions. */
export const VERSION_FAULTS: { readonly install: Act<"install">; readonly "at-raise": Act<"at-raise"> } = {
  install: (hands, { who, version, by, downMs }) => withMachine(hands, who, (machine) => {
    if (hands.builds?.install(machine, version) !== true) return null;
    if (by === "stop") hands.stop(machine, downMs);
    else if (by === "kill") killed(hands, machine, downMs);
    return `puts version ${version} on ${machine.id}`;
  }),
  "at-raise": (hands, { how, who, forMs }) => {
    if (hands.builds === null) return null;
    atNextRaise(hands, (leader) => {
      if (how === "isolate") return cutFor(hands, around(leader, others(hands, leader)), forMs);
      const machine = someone(hands, who);
      if (machine === null || machine === leader) return;
      hands.builds?.install(machine, leader.applier?.view().version ?? 1);
      killed(hands, machine, forMs);
    });
    return how === "isolate" ? `will isolate whoever raises the version next for ${ms(forMs)}` : `will set back machine ${who} when the version is raised next`;
  },
};

function killed(hands: FaultHands, machine: SimMachine, downMs: number): void {
  if (!machine.isUp) return;
  machine.kill();
  hands.later(downMs, () => hands.start(machine));
}

/** Acts once a leader has put the entry into its log, before anybody hears of it. */
function atNextRaise(hands: FaultHands, act: (leader: SimMachine) => void): void {
  const isRaise = (_leader: SimMachine, _state: RaftState, event: Event): boolean =>
    event.type === "propose" && event.entries.some(({ kind, index }) => kind === EntryKind.version && index > 0);
  atNextStep(hands, isRaise, (leader) => hands.later(0, () => act(leader)));
}
