/**
 * `draft admin add`, `del`, `promote`, `demote`, `move` and `replace`: says what the quorum was and will be, and waits
 * until the change is carried through.
 */
import { type NodeAddress, parseNodeAddress } from "../base/address.ts";
import { assertNever } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import type { Client } from "../client/client.ts";
import { askEach } from "../gateway/survey.ts";
import type { MemberInfo, MemberList } from "../net/client_answers.ts";
import type { MemberWish } from "../net/member_wish.ts";
import { majorityOf, votes } from "../raft/quorum.ts";
import type { RequestSettings } from "./client_options.ts";
import type { Io } from "./io.ts";
import { type OptionSpec, type Options, UsageError } from "./leaf.ts";
import { renderJson } from "./render.ts";

/** How often the members are looked at while a change is carried through, in milliseconds. */
const LOOK_EVERY_MS = 200;

/** One of these commands. */
export interface MembersCommand {
  readonly words: readonly string[];
  readonly usage: string;
  readonly count: { readonly min: number; readonly max: number };
  readonly summary: string;
  readonly examples: readonly string[];
  readonly options?: readonly OptionSpec[];
  /** @throws UsageError if the words say nothing that can be wanted */
  readonly wishes: (words: readonly string[], options: Options) => readonly MemberWish[];
}

const DRY_RUN: OptionSpec = { raw: "--dry-run", description: "change nothing: say what it would lead to, step by step" };
const FORCE: OptionSpec = { raw: "--force", description: "even if too few of those who would decide afterwards are there now" };

const MANY = { min: 1, max: 32 };

export const MEMBERS_COMMANDS: readonly MembersCommand[] = [
  {
    words: ["admin", "add"],
    usage: "ID@HOST:PORT…",
    count: MANY,
    summary: "adds nodes that wait to be added: each joins as a learner, catches up and then votes; several in one change",
    examples: ["draft admin add b@10.0.0.2:7100 c@10.0.0.3:7100", "draft admin add d@10.0.0.4:7100 --learner", "draft admin add w@10.0.0.5:7100 --witness"],
    options: [
      { raw: "--learner", description: "they keep all and never vote" },
      { raw: "--witness", description: "they vote, and keep positions instead of data: two data nodes and a witness survive the loss of one" },
    ],
    wishes: (words, options) => {
      if (options.has("learner") && options.has("witness")) throw new UsageError("--learner and --witness: a learner never votes, a witness does nothing else");
      const kind = options.has("witness") ? { votes: true, witness: true } : { votes: !options.has("learner") };
      return words.map((word) => ({ type: "add", ...node(word), ...kind }));
    },
  },
  {
    words: ["admin", "del"],
    usage: "ID…",
    count: MANY,
    summary: "removes members, the leader too; several in one change",
    examples: ["draft admin del c", "draft admin del a c --dry-run"],
    options: [FORCE],
    wishes: (words) => words.map((id) => ({ type: "remove", id })),
  },
  {
    words: ["admin", "promote"],
    usage: "ID…",
    count: MANY,
    summary: "makes voters of learners, once they have caught up",
    examples: ["draft admin promote d"],
    wishes: (words) => words.map((id) => ({ type: "promote", id })),
  },
  {
    words: ["admin", "demote"],
    usage: "ID…",
    count: MANY,
    summary: "makes learners of voters: they keep all, and count no more",
    examples: ["draft admin demote c"],
    wishes: (words) => words.map((id) => ({ type: "demote", id })),
  },
  {
    words: ["admin", "move"],
    usage: "ID HOST:PORT",
    count: { min: 2, max: 2 },
    summary: "tells the cluster that a member is at another address",
    examples: ["draft admin move b 10.0.0.9:7100"],
    wishes: ([id = "", address = ""]) => [{ type: "move", ...node(`${id}@${address}`) }],
  },
  {
    words: ["admin", "replace"],
    usage: "OLD NEW@HOST:PORT",
    count: { min: 2, max: 2 },
    summary: "puts a node that waits to be added in the place of a member: the old one goes when the new one has caught up",
    examples: ["draft admin replace c d@10.0.0.4:7100", "draft admin replace c c@10.0.0.3:7100   (the same node, its directory emptied)"],
    options: [
      { raw: "--witness", description: "the new one is a witness, whatever the old one was" },
      { raw: "--voter", description: "the new one votes and keeps the data, whatever the old one was" },
    ],
    wishes: ([old = "", word = ""], options) => {
      if (options.has("witness") && options.has("voter")) throw new UsageError("--witness and --voter: a witness keeps no data");
      const { id: newId, address } = node(word);
      const kind = options.has("witness") ? { kind: "witness" as const } : options.has("voter") ? { kind: "voter" as const } : {};
      return [{ type: "replace", id: old, newId, address, ...kind }];
    },
  },
  {
    words: ["admin", "cancel"],
    usage: "",
    count: { min: 0, max: 0 },
    summary: "calls off a change of the members that waits for a newcomer: nobody goes, who came stays a learner",
    examples: ["draft admin cancel"],
    wishes: () => [{ type: "cancel" }],
  },
];

/** The options of such a command besides those of all. */
export function optionsOf({ options = [] }: MembersCommand): readonly OptionSpec[] {
  return [...options, DRY_RUN];
}

function node(word: string): { readonly id: string; readonly address: string } {
  let parsed: NodeAddress;
  try {
    parsed = parseNodeAddress(word);
  } catch (error) {
    throw error instanceof DraftError ? new UsageError(error.message) : error;
  }
  if (parsed.port === 0) throw new UsageError(`${word}: nobody listens at port 0`);
  return { id: parsed.id, address: word.slice(parsed.id.length + 1) };
}

/** What a node answers. */
interface Begun {
  readonly changed: boolean;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The incarnations of those, as member lists show them. */
  readonly lives: readonly string[];
}

/** How the change is asked for. */
export interface Wanted {
  readonly wishes: readonly MemberWish[];
  readonly force: boolean;
}

/** Asks for the change, and waits for its end. */
export async function changeMembers(client: Client, settings: RequestSettings, io: Io, { wishes, force }: Wanted): Promise<void> {
  const { json } = settings;
  const begun = await begin(client, settings, io, { wishes, force });
  if (begun === null) return;
  const { index, reply: { changed, before, after, lives } } = begun;
  if (!changed) {
    io.err(unchangedText(wishes));
    return io.out(json ? renderJson({ voters: before }, index) : votersText(before));
  }
  io.err(`voters: ${listed(before)} (quorum ${majorityOf(before.length)}), to be: ${listed(after)} (quorum ${majorityOf(after.length)})`);
  const { members, index: lastIndex } = await settled(client, settings, io, { index, waits: wishes.some(({ type }) => WAITS.has(type)) });
  const voting = votingOf(members);
  // A node that is replaced by itself has one name and two lives.
  const late = after.filter((_, at) => !voting.some(({ incarnation }) => incarnation === lives[at]));
  if (late.length > 0) {
    const became = late.every((id) => members.some((member) => member.id === id)) ? "stays a learner" : "is no member if it was to be a witness";
    throw new DraftError("TIMEOUT", `${listed(late)} did not catch up in time, ${became}, and nobody went for it: see draft admin states, then try again`, { outcome: "not-done" });
  }
  const voters = voting.map(({ id }) => id);
  io.out(json ? renderJson({ voters }, lastIndex) : votersText(voters));
}

function unchangedText(wishes: readonly MemberWish[]): string {
  if (wishes[0]?.type === "cancel") return "nothing to call off: no change is under way";
  const absent = wishes.flatMap((wish) => (wish.type === "remove" ? [wish.id] : []));
  return absent.length === 0 ? "nothing to change: it is so already" : `nothing to change: no member is called ${absent.join(" or ")}`;
}

/**
 * Has the change begun. Whoever was asked may go in that very change, or be cut off from those who decide it, and never
 * hear what became of it: then the members tell.
 *
 * @returns null if it is carried through already, which was told
 */
async function begin(client: Client, settings: RequestSettings, io: Io, { wishes, force }: Wanted): Promise<{ index: number; reply: Begun } | null> {
  const { group, timeoutMs, json } = settings;
  try {
    const { result, index } = await client.changeMembers(wishes, { group, timeoutMs, force });
    return { index, reply: result as Begun };
  } catch (error) {
    if (!(error instanceof DraftError) || error.outcome !== "unknown") throw error;
    const list = await carriedThrough(client, settings, wishes);
    if (list === null) throw error;
    const voters = votingOf(list.members).map(({ id }) => id);
    io.err("whoever was asked did not hear what became of it: the members say that it is done");
    io.out(json ? renderJson({ voters }, list.index) : votersText(voters));
    return null;
  }
}

/** The members, if within the time of one request they are as `wishes` want them and nothing is under way; else null. */
async function carriedThrough(client: Client, { group, timeoutMs }: RequestSettings, wishes: readonly MemberWish[]): Promise<MemberList | null> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const list = await newestList(client, { group, timeoutMs });
    if (list !== null && list.settled && wishes.every((wish) => isSo(list.members, wish))) return list;
    if (performance.now() > endMs) return null;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Whether the members show that a wish was fulfilled; false where they cannot show it. */
function isSo(members: readonly MemberInfo[], wish: MemberWish): boolean {
  if (wish.type === "cancel") return false;
  const member = members.find(({ id }) => id === wish.id);
  switch (wish.type) {
    case "add": return member !== undefined && (!wish.votes || member.role === (wish.witness === true ? "witness" : "voter"));
    case "remove": return member === undefined;
    case "promote": return member?.role === "voter";
    case "demote": return member?.role === "learner";
    case "move": return member?.address === wish.address;
    // A node that takes its own place has the same name before and after.
    case "replace": return member === undefined && members.some(({ id }) => id === wish.newId);
    default: return assertNever(wish);
  }
}

/** What is waited for however long it takes: somebody has to be told the whole state first. */
const WAITS: ReadonlySet<MemberWish["type"]> = new Set(["add", "replace", "move"]);

/**
 * The members once nothing is planned for any of them, by a configuration at `index` or behind it: whoever is behind, or
 * was removed, knows an older one.
 *
 * @param waits whether the change may take longer than a request
 * @throws DraftError TIMEOUT if for as long as a request may take nobody knew of anything new, or the change took longer
 */
async function settled(client: Client, { group, timeoutMs }: RequestSettings, io: Io, { index, waits }: { readonly index: number; readonly waits: boolean }): Promise<MemberList> {
  let told = "";
  const beganMs = performance.now();
  let heardMs = beganMs;
  for (;;) {
    const list = await newestList(client, { group, timeoutMs });
    if (list !== null && list.index >= index) {
      heardMs = performance.now();
      const progress = progressText(list.members);
      if (progress !== told) io.err(progress);
      told = progress;
      if (list.settled) return list;
    }
    if (!waits && performance.now() - beganMs > timeoutMs) {
      throw new DraftError("TIMEOUT", `the change of index ${index} is not whole after ${timeoutMs} ms: it goes on without this command; see draft admin servers, draft admin why`);
    }
    if (performance.now() - heardMs > timeoutMs) {
      throw new DraftError("TIMEOUT", `nobody who answers says how far the change of index ${index} is: it goes on without this command; see draft admin servers`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function newestList(client: Client, options: Pick<RequestSettings, "group" | "timeoutMs">): Promise<MemberList | null> {
  try {
    const { answers } = await askEach(client, options, (address) => client.members({ ...options, address }));
    return answers.map(({ answer }) => answer).sort((a, b) => b.index - a.index || Number(b.settled) - Number(a.settled))[0] ?? null;
  } catch (error) {
    // Nobody answers at this moment.
    if (error instanceof DraftError && error.outcome === "not-done") return null;
    throw error;
  }
}

function progressText(members: readonly MemberInfo[]): string {
  return members.map(({ id, role, target }) => (role === target ? `${id} ${role}` : `${id} ${role} → ${target}`)).join(", ");
}

function votingOf(members: readonly MemberInfo[]): readonly MemberInfo[] {
  return members.filter(({ role }) => votes(role));
}

function votersText(voters: readonly string[]): string {
  return `voters: ${listed(voters)} (quorum ${majorityOf(voters.length)})`;
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? "none" : ids.join(", ");
}
