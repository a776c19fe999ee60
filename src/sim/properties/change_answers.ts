/**
 * What an operator was told holds: the entry that a change begins with is committed, and says what was wished; and what
 * is so already is so by a configuration that is committed.
 */
import type { MemberWish } from "../../net/member_wish.ts";
import type { Answer } from "../../node/node_api.ts";
import type { Configuration } from "../../raft/types.ts";
import { type Property, Violation } from "../property.ts";
import type { Committed } from "./committed.ts";

export class ChangeAnswers implements Property {
  readonly name: string = "changes that were answered";
  readonly #committed: Committed;

  constructor(committed: Committed) {
    this.#committed = committed;
  }

  changeAnswered(wishes: readonly MemberWish[], { index, reply }: Answer): void {
    const { changed } = reply as { readonly changed: boolean };
    const configuration = this.#committed.at(index)?.configuration ?? null;
    if (configuration === null) {
      // What is on its way, by another request, may yet be lost; and what held where the run began is not told of.
      if (changed || index === 0) return;
      throw new Violation(this.name, `${JSON.stringify(wishes)} is so already by the configuration ${index}: none is committed there`);
    }
    const unmet = wishes.find((wish) => !isMet(configuration, wish));
    if (unmet !== undefined) throw new Violation(this.name, `${JSON.stringify(unmet)} was answered with ${index}, whose configuration does not say so`);
  }
}

function isMet({ members }: Configuration, wish: MemberWish): boolean {
  const staying = (id: string): Configuration["members"] => members.filter((member) => member.id === id && member.targetRole !== null);
  switch (wish.type) {
    case "add": {
      const wanted = wish.witness === true ? "witness" : "voter";
      return staying(wish.id).some(({ address, targetRole }) => address === wish.address && (!wish.votes || targetRole === wanted));
    }
    case "remove": return staying(wish.id).length === 0;
    case "promote": return staying(wish.id).some(({ targetRole }) => targetRole === "voter");
    case "demote": return staying(wish.id).some(({ targetRole }) => targetRole === "learner");
    case "cancel": return members.every(({ role, targetRole }) => role === targetRole);
    case "move": return staying(wish.id).some(({ address }) => address === wish.address);
    case "replace": {
      const isThere = staying(wish.newId).length === 1 && staying(wish.newId)[0]?.address === wish.address;
      return isThere && (wish.id === wish.newId || staying(wish.id).length === 0);
    }
  }
}
