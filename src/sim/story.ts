/** Tells in words how a run ended: the same script once more, and the last that happened line by line. */
import { DraftError } from "../base/errors.ts";
import type { Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import { byNumber, eventWords, messageWords, nameIn, namesIn, standingWords } from "../raft/words.ts";
import type { ClientOperation, Property } from "./property.ts";
import { type RunOptions, worldOf } from "./run_seed.ts";
import type { Script } from "./script.ts";
import type { SimMachine } from "./sim_machine.ts";
import type { World } from "./world.ts";

/** Lines that are told, at most. */
const LINES_MAX = 200;

/** Of these, those that come whoever they are about; the others are about those whom the broken rule names. */
const ANYBODY_MAX = 60;

/** A line that was told among so many before it is counted there. */
const FOLDED_WITHIN = 20;

/** Lines that are kept until it is known whom the end is about. */
const KEPT_MAX = 4000;

/**
 * The last lines of a run that tell something, and how its members stand in the end.
 *
 * @param fromEvent what happened before this event is passed over
 */
export async function tellStory(script: Script, options: RunOptions, fromEvent: number): Promise<string[]> {
  const teller = new Teller(fromEvent);
  const clients: Property = { name: "teller", answered: (operation) => teller.note(operation.member, () => answerWords(operation)) };
  const world = worldOf(script, options, [clients]);
  teller.listen(world);
  await world.run();
  const machines = [...world.cluster.machines.values()];
  const { violation } = world;
  // What stands before the colon is the rule's name, in which nobody is named.
  const named = violation === null ? new Set<string>() : namedIn(violation.message.slice(violation.property.length + 2), machines);
  return [...chosen(teller.lines, named).map(lineText), ...machines.map((machine) => `${" ".repeat(10)} in the end ${machine.id}, member ${machine.number}, is ${endWords(machine)}`)];
}

interface Line {
  readonly ms: number;
  /** The member it is about; null: it is about all. */
  readonly who: string | null;
  readonly text: string;
  times: number;
  untilMs: number;
}

class Teller {
  readonly lines: Line[] = [];
  readonly #fromEvent: number;
  readonly #standing: Map<SimMachine, readonly string[]> = new Map();
  /** What each member's last heartbeat to each other one said. */
  readonly #heartbeats: Map<string, string> = new Map();
  #world: World | null = null;

  constructor(fromEvent: number) {
    this.#fromEvent = fromEvent;
  }

  note(who: string | null, words: () => string): void {
    const scheduler = this.#world?.cluster.scheduler;
    if (scheduler === undefined || scheduler.events < this.#fromEvent) return;
    const { lines } = this;
    const text = words();
    const { nowMs } = scheduler;
    const known = lines.slice(-FOLDED_WITHIN).find((line) => line.text === text);
    if (known === undefined) lines.push({ ms: nowMs, who, text, times: 1, untilMs: nowMs });
    else {
      known.times += 1;
      known.untilMs = nowMs;
    }
    if (lines.length > KEPT_MAX * 2) lines.splice(0, KEPT_MAX);
  }

  listen(world: World): void {
    this.#world = world;
    const { watch } = world.cluster;
    world.cluster.watch = {
      ...watch,
      stepped: (machine, state, event) => {
        this.#stepped(machine, state, event);
        watch.stepped?.(machine, state, event);
      },
      sent: (machine, message) => {
        if (this.#tells(machine, message)) {
          const name = machine.state === null ? byNumber : namesIn(machine.state);
          this.note(machine.id, () => `${machine.id} sends ${messageWords(message)} to ${name(message.to)}`);
        }
        watch.sent?.(machine, message);
      },
      said: (machine, level, message, fields) => {
        // The step that made it so is told.
        if (!message.startsWith(`${machine.id} is `)) this.note(machine.id, () => `${machine.id} says: ${message}`);
        watch.said?.(machine, level, message, fields);
      },
    };
    world.teller = {
      fault: (fault, what) => this.note(null, () => `** ${fault.id}: ${what}`),
      ended: (machine, error) => this.note(machine.id, () => `${machine.id} ended: ${error.message}`),
      phase: (what) => this.note(null, () => `== ${what}`),
    };
  }

  #stepped(machine: SimMachine, state: RaftState, event: Event): void {
    const before = this.#standing.get(machine) ?? [];
    const standing = standingWords(state, namesIn(state));
    this.#standing.set(machine, standing);
    const changed = standing.filter((words, at) => words !== before[at]);
    if (changed.length === 0 && isDull(event)) return;
    const what = event.type === "receive" ? `hears ${messageWords(event.message)} from ${nameIn(state, event.message.from)}` : eventWords(event, namesIn(state));
    this.note(machine.id, () => `${machine.id}: ${what}${changed.length === 0 ? "" : ` → ${changed.join(", ")}`}`);
  }

  /** Heartbeats that say what the last one said, and their answers, tell nothing. */
  #tells(machine: SimMachine, message: Message): boolean {
    if (message.type === "heartbeatReply") return false;
    if (message.type !== "heartbeat") return true;
    const way = `${machine.id}>${message.to}`;
    const said = `${message.term} ${message.leaderCommit}`;
    if (this.#heartbeats.get(way) === said) return false;
    this.#heartbeats.set(way, said);
    return true;
  }
}

/** The ids of members that stand in a sentence; `a` is a word, too, unless it does or holds something as a member would. */
function namedIn(sentence: string, machines: readonly SimMachine[]): Set<string> {
  const named = machines.filter(({ id, number }) => {
    const asName = id === "a" ? /(^|[:,\d] |and |of |for |to )a( [a-z]+(s|ed)\b|[,;:]|$)/ : new RegExp(`\\b${id}\\b`);
    return asName.test(sentence) || (number > 0 && new RegExp(`\\bmember ${number}\\b`).test(sentence));
  });
  return new Set(named.map(({ id }) => id));
}

/** The last lines, most of them about those who are named. */
function chosen(lines: readonly Line[], named: ReadonlySet<string>): Line[] {
  if (named.size === 0) return lines.slice(-LINES_MAX);
  const about = lines.filter(({ who }) => who === null || named.has(who));
  const kept = new Set(lines.slice(-ANYBODY_MAX));
  for (let at = about.length - 1; at >= 0 && kept.size < LINES_MAX; at--) kept.add(about[at] as Line);
  return lines.filter((line) => kept.has(line));
}

function lineText({ ms, text, times, untilMs }: Line): string {
  return `${ms.toFixed(2).padStart(10)} ${text}${times === 1 ? "" : ` ×${times}, until ${untilMs.toFixed(2)}`}`;
}

function endWords({ state, isUp }: SimMachine): string {
  if (!isUp) return "down";
  return state === null ? "starting" : standingWords(state, namesIn(state)).join(", ");
}

/** What goes on all the time, and changes nothing. */
function isDull(event: Event): boolean {
  switch (event.type) {
    case "receive": return event.message.type === "heartbeat" || event.message.type === "heartbeatReply";
    case "deadline":
    case "stored":
    case "applied": return true;
    default: return false;
  }
}

function answerWords({ client, member, command, read, answer }: ClientOperation): string {
  const asked = `client ${client} asked ${member} ${read === null ? "" : `(${read.level}) `}${command.join(" ").slice(0, 80)}`;
  if (answer instanceof DraftError) return `${asked}: ${answer.code}, ${answer.outcome}`;
  return `${asked}: ${JSON.stringify(answer?.reply ?? null)?.slice(0, 80)} at ${answer?.index}`;
}
