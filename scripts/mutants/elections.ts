/** Bugs in elections: terms, votes, pre-votes. */
import type { Mutant } from "./mutant.ts";

const ELECTION = "src/raft/election.ts";
const OUTPUT = "src/raft/output.ts";

/** Of `sendStored`: what makes a message wait for its store. */
const HELD = "  state.step.messages.push(addressed(state, to, body, state.term));\n";

export const ELECTIONS: readonly Mutant[] = [
  {
    id: "1a", title: "vote answered before it is durable",
    file: OUTPUT, find: HELD, replace: `  if (body.type === "voteReply") return void state.effects.push({ type: "send", message: addressed(state, to, body, state.term) });\n${HELD}`,
  },
  {
    id: "1b", title: "votes asked for before the own one is durable",
    file: OUTPUT, find: HELD, replace: `  if (body.type === "voteRequest") return void state.effects.push({ type: "send", message: addressed(state, to, body, state.term) });\n${HELD}`,
  },
  {
    id: "2", title: "term and vote stored by two writes",
    file: "src/wal/wal.ts",
    find: `    this.groupOf(group);
    this.#queue.add({ group, type: RecordType.hardState, firstIndex: 0, bytes: hardStateBodyBytes }, (body) => writeHardStateBody(body, hardState));`,
    replace: `    const { hardState: old } = this.groupOf(group);
    const fields = { group, type: RecordType.hardState, firstIndex: 0, bytes: hardStateBodyBytes };
    this.#queue.add(fields, (body) => writeHardStateBody(body, { ...hardState, term: old.term }));
    this.flush();
    this.#queue.add(fields, (body) => writeHardStateBody(body, hardState));`,
  },
  {
    id: "3", title: "vote forgotten on a same-term step-down",
    file: "src/raft/roles.ts",
    find: "  if (state.role !== \"follower\") {\n    leaveRole(state);",
    replace: "  if (state.role !== \"follower\") {\n    state.votedFor = 0;\n    leaveRole(state);",
  },
  {
    id: "7", title: "majority computed as floor(n/2)",
    file: "src/raft/quorum.ts",
    find: "Math.floor(voters / 2) + 1", replace: "Math.max(1, Math.floor(voters / 2))",
  },
  {
    id: "9", title: "duplicate vote answers counted",
    file: ELECTION,
    find: `  if (state.votes.has(message.from)) return drop(state, "doubled-vote");
  state.votes.set(message.from, message.granted);`,
    replace: `  const nobodyYet = state.voters.incoming.find((voter) => voter !== state.config.self && !state.votes.has(voter));
  state.votes.set(state.votes.has(message.from) ? (nobodyYet ?? message.from) : message.from, message.granted);`,
  },
  {
    id: "10", title: "log freshness compared by index only",
    file: ELECTION, find: "  if (message.lastLogTerm !== lastTerm) return message.lastLogTerm > lastTerm;\n", replace: "",
  },
  {
    id: "15", title: "higher term in answers ignored",
    file: "src/raft/step.ts",
    find: "  becomeFollower(state, message.term, isLeaders(message) ? message.from : 0, now);\n",
    replace: `  if (message.type.endsWith("Reply")) return false;
  becomeFollower(state, message.term, isLeaders(message) ? message.from : 0, now);
`,
  },
  {
    id: "16a", title: "pre-vote raises the term",
    file: "src/raft/step.ts",
    find: "if (message.preVote || isSticky(state, message, now)) {", replace: "if (isSticky(state, message, now)) {",
  },
  {
    id: "16b", title: "pre-vote lacks stickiness",
    file: ELECTION,
    find: "  if (isSticky(state, message, now)) return false;\n  const raises",
    replace: "  if (!message.preVote && isSticky(state, message, now)) return false;\n  const raises",
  },
];
