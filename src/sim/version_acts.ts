/** How machines get another version of the plugin, and what goes wrong at the very moment of a raise. */
import { EntryKind } from "../base/entry.ts";
import { type Act, type FaultHands, ms, someone, withMachine } from "./fault_hands.ts";
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
      if (how === "isolate") return isolate(hands, leader, forMs);
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

function isolate(hands: FaultHands, { id }: SimMachine, forMs: number): void {
  const others = [...hands.cluster.machines.keys()].filter((other) => other !== id);
  const cut = others.flatMap((other): [string, string][] => [[id, other], [other, id]]);
  hands.cuts.cut(cut);
  hands.later(forMs, () => hands.cuts.heal(cut));
}

/** Acts once a leader has put the entry into its log, before anybody hears of it. */
function atNextRaise(hands: FaultHands, act: (leader: SimMachine) => void): void {
  const { watch } = hands.cluster;
  const { stepped } = watch;
  let isDone = false;
  watch.stepped = (machine, state, event) => {
    stepped?.(machine, state, event);
    const isRaise = !isDone && !hands.isHealed && event.type === "propose" && event.entries.some(({ kind, index }) => kind === EntryKind.version && index > 0);
    if (!isRaise) return;
    isDone = true;
    // The step is over first: its core must not go from under it.
    hands.later(0, () => act(machine));
  };
}
