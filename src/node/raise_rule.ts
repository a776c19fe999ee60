/**
 * When the machine's version rises (DESIGN section 2): to the highest that every data member can run, once all of them
 * say so. A member that is not linked has said nothing, for its next boot may be of an older build.
 */
import type { Hello } from "../net/hello.ts";

/** What a node says of its plugin. */
export type MachineReport = Pick<Hello, "machineName" | "machineVersion" | "sourceDigest">;

/** A data member, and what it says; null while it is not linked. */
export interface DataMember {
  readonly id: string;
  readonly report: MachineReport | null;
}

/** The version in force, of the machine of this name. */
export interface InForce {
  readonly name: string;
  readonly version: number;
}

/** To which version, which is 0 if it stays; or why it does not rise although all can run that version. */
export type Raise = { readonly to: number } | { readonly to: number; readonly blocked: string };

const STAYS: Raise = { to: 0 };

/**
 * Decides from what all data members of the configuration in force say.
 *
 * @param members this node among them
 */
export function decideRaise({ name, version }: InForce, members: readonly DataMember[]): Raise {
  let to = Number.POSITIVE_INFINITY;
  for (const { report } of members) {
    if (report === null || report.machineName !== name) return STAYS;
    to = Math.min(to, report.machineVersion);
  }
  if (to <= version || !Number.isFinite(to)) return STAYS;
  // Those that are further have another source for good reason.
  const known = members.filter(({ report }) => report?.machineVersion === to && report.sourceDigest !== "");
  const other = known.find(({ report }) => report?.sourceDigest !== known[0]?.report?.sourceDigest);
  if (other === undefined) return { to };
  return { to, blocked: `${known[0]?.id} and ${other.id} have version ${to} of the machine '${name}' from different sources` };
}

/** Whether two nodes claim the same version of the same machine, and hold other bytes. An unknown source says nothing. */
export function sourcesDiffer(one: MachineReport, other: MachineReport): boolean {
  const isSame = one.machineName === other.machineName && one.machineVersion === other.machineVersion;
  return isSame && one.sourceDigest !== "" && other.sourceDigest !== "" && one.sourceDigest !== other.sourceDigest;
}
