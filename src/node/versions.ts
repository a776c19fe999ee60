/**
 * The versions of one group's machine, as this node sees them: which the members can run, which is in force, and, while
 * this node leads, the entry that raises it. The core knows nothing of machines: it is looked on at, and given the entry
 * as clients give theirs.
 */
import type { DraftError } from "../base/errors.ts";
import type { Log } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import { isWitness } from "../raft/configuration.ts";
import type { Event } from "../raft/event.ts";
import { currentMember } from "../raft/membership.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import type { Configuration, Member, MemberNumber } from "../raft/types.ts";
import type { Alarm, GroupObserver } from "./group_observer.ts";
import { raisingError } from "./refusals.ts";
import { type DataMember, decideRaise, type MachineReport, sourcesDiffer } from "./raise_rule.ts";

export interface VersionsOptions {
  /** Of the group. */
  readonly name: string;
  readonly applier: Pick<Applier, "plugin" | "view">;
  /** See {@link MachineReport}. */
  readonly sourceDigest: string;
  readonly words: Log;
  /** What the latest boot of a member says of itself; null unless it is linked. */
  readonly reportOf: (member: MemberNumber) => MachineReport | null;
  /** Proposes the entry that raises the version; `done` once it is refused, applied or known to be lost. */
  readonly propose: (version: number, done: () => void) => void;
}

/** Looks on at one group. */
export class Versions implements GroupObserver {
  readonly #options: VersionsOptions;
  #state: RaftState | null = null;
  /** The version in force when it was last looked at. */
  #version = 0;
  /** Use: one entry at a time. Invariant: true until what this node proposed is refused, applied or known to be lost. */
  #isProposed = false;
  #blocked = "";
  /** Sources that were warned of, by member. */
  readonly #warned: Map<MemberNumber, string> = new Map();

  constructor(options: VersionsOptions) {
    this.#options = options;
  }

  opened(state: RaftState): void {
    this.#state = state;
    this.#version = this.#options.applier.view().version;
  }

  stepped(state: RaftState, event: Event): void {
    if (event.type === "applied" || event.type === "restored") this.#tellRaised();
    else if (event.type === "linkUp") this.#compare(state, event.peer);
    // A leader's deadlines come with its heartbeats, so what was refused is soon tried again.
    else if (event.type === "deadline" && state.role === "leader") this.#consider(state);
  }

  sent(): void {}

  /** Members whose plugin claims the same version as this node's, with other bytes. */
  alarms(): Alarm[] {
    if (this.#state === null) return [];
    return currentConfiguration(this.#state).members.flatMap((member) => {
      const report = this.#other(member.number);
      return report === null ? [] : [{ code: "SOURCE_DIFFERS", message: this.#difference(member, report) }];
    });
  }

  /** Which version is in force, and what this node and the other members have: for the message of a replica that differs. */
  machines(): string {
    const { applier, reportOf } = this.#options;
    const state = this.#state;
    const members = state === null ? [] : currentConfiguration(state).members.filter(({ number }) => number !== state.config.self);
    const all = [["this node", this.#own] as const, ...members.map(({ id, number }) => [id, reportOf(number)] as const)];
    return `version ${applier.view().version} of the machine '${applier.plugin.name}' is in force; ${all.map(([who, report]) => `${who} ${hasText(report)}`).join(", ")}`;
  }

  /**
   * Why nobody new is taken in just now; null if nothing stands against it. Whoever comes was asked whether it can run the
   * version in force, and a raise asks those who are members: one of the two must have happened before the other begins.
   */
  whyNotTakeIn({ members }: Configuration): DraftError | null {
    const state = this.#state;
    if (state === null) return null;
    // An earlier leader's raise may still be to be applied.
    const isRaising = this.#isProposed || state.lastApplied < state.ownTermIndex;
    const known = currentConfiguration(state).members;
    const comes = members.some(({ incarnation }) => !known.some((member) => member.incarnation === incarnation));
    return isRaising && comes ? raisingError(this.#options.name) : null;
  }

  /** Who does not run `version` yet, in words, if somebody does; "" if nobody does, or all do. */
  behind(version: number): string {
    const members = this.#state === null ? [] : this.#members(this.#state);
    if (!members.some(({ report }) => report !== null && report.machineVersion >= version)) return "";
    const waits = members.flatMap(({ id, report }) => {
      if (report === null) return [`${id} is not linked`];
      return report.machineVersion < version ? [`${id} still runs version ${report.machineVersion}`] : [];
    });
    return waits.length === 0 ? "" : `${waits.join(", ")}: start each with version ${version} or a later one, then try again`;
  }

  /** Proposes the raise, if all members can run a higher version and nothing of an earlier leader is still to be applied. */
  #consider(state: RaftState): void {
    if (this.#isProposed || state.lastApplied < state.ownTermIndex) return;
    const { applier, propose, words, name } = this.#options;
    const { version } = applier.view();
    const raise = decideRaise({ name: applier.plugin.name, version }, this.#members(state));
    const blocked = "blocked" in raise ? raise.blocked : "";
    if (blocked !== "" && blocked !== this.#blocked) words.write("warn", `group ${name} stays at version ${version}: ${blocked}: give all nodes the same file`);
    this.#blocked = blocked;
    if (raise.to === 0 || blocked !== "") return;
    this.#isProposed = true;
    propose(raise.to, () => {
      this.#isProposed = false;
    });
  }

  #members(state: RaftState): DataMember[] {
    const data = currentConfiguration(state).members.filter((member) => !isWitness(member));
    return data.map(({ id, number }) => ({ id, report: number === state.config.self ? this.#own : this.#options.reportOf(number) }));
  }

  get #own(): MachineReport {
    const { applier: { plugin }, sourceDigest } = this.#options;
    return { machineName: plugin.name, machineVersion: plugin.version, sourceDigest };
  }

  #tellRaised(): void {
    const { applier, words, name } = this.#options;
    const { version, index } = applier.view();
    if (version === this.#version) return;
    words.write("info", `group ${name} runs version ${version} of the machine '${applier.plugin.name}', was ${this.#version}`, { group: name, version, index });
    this.#version = version;
  }

  /** What another member says, if it claims this node's version with other bytes. */
  #other(number: MemberNumber): MachineReport | null {
    const report = number === this.#state?.config.self ? null : this.#options.reportOf(number);
    return report !== null && sourcesDiffer(report, this.#own) ? report : null;
  }

  /** A link came up: a difference is told once, until it is another one. */
  #compare(state: RaftState, number: MemberNumber): void {
    const report = this.#other(number);
    const member = currentMember(state, number);
    const source = report === null ? "" : `${report.machineVersion} ${report.sourceDigest}`;
    if (report === null || member === null || this.#warned.get(number) === source) return;
    this.#warned.set(number, source);
    this.#options.words.write("warn", this.#difference(member, report));
  }

  #difference({ id }: Member, { machineName, machineVersion }: MachineReport): string {
    return `${id} runs version ${machineVersion} of the machine '${machineName}' from another source than this node: ` +
      "give both the same file, or the changed one a higher version";
  }
}

/** Digits of a source's digest that people compare. */
const SOURCE_DIGITS = 12;

function hasText(report: MachineReport | null): string {
  if (report === null) return "is not linked";
  const { machineVersion, sourceDigest } = report;
  return `has version ${machineVersion}${sourceDigest === "" ? "" : ` (${/^[0-9a-f]{13,}$/.test(sourceDigest) ? `source ${sourceDigest.slice(0, SOURCE_DIGITS)}` : sourceDigest})`}`;
}
