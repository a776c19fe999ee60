/** What `draft plugin new` writes: a machine that runs as it is, its test, and what an editor wants to know. */

/** A file of a new plugin. */
export interface TemplateFile {
  readonly name: string;
  /** For the one who reads what was made. */
  readonly summary: string;
  readonly text: string;
}

/**
 * The files of the new plugin `name`.
 *
 * @param types the text of `draft.d.ts`
 */
export function templateFiles(name: string, types: string): TemplateFile[] {
  return [
    { name: `${name}.ts`, summary: "the machine: begin here", text: machineText(name) },
    { name: `${name}.test.ts`, summary: "its test", text: testText(name) },
    { name: "README.md", summary: "what to type next", text: readmeText(name) },
    { name: "draft.d.ts", summary: 'what "draft" is, for editors', text: types },
    { name: "tsconfig.json", summary: "strict types, for editors", text: TSCONFIG },
    { name: ".gitignore", summary: "the data of draft dev", text: "draft-data/\n" },
  ];
}

function machineText(name: string): string {
  return `/** Who has how many points. Every node of a cluster runs this file, on the same writes in the same order. */
import { defineMachine, int, optional, text } from "draft";

const machine = defineMachine({
  name: "${name}",
  version: 1, // README.md says when to raise it
  state: () => new Map<string, number>(),

  // Writes change the state, by their arguments and \`entry\` alone: entry.timeMs is the time, entry.random() the chance.
  writes: {
    add: {
      args: [text("who"), optional(int("points"))],
      summary: "gives points (1 if left out), returns how many there are now",
      run(scores, entry, who, points = 1) {
        const score = (scores.get(who) ?? 0) + points;
        // Refuse before anything is changed.
        if (score < 0) throw entry.reject(\`\${who} would have \${score} points\`);
        scores.set(who, score);
        return score;
      },
    },
  },

  // Reads look, and change nothing.
  reads: {
    score: { args: [text("who")], summary: "the points of one", run: (scores, view, who) => scores.get(who) ?? 0 },
    all: { args: [], summary: "everybody's points", run: (scores) => [...scores] },
  },

  // All of the state as one value, and back: so nodes start, and catch up, without the whole history.
  snapshot: (scores) => [...scores],
  restore: (saved) => new Map(saved),
});
export default machine;
`;
}

function testText(name: string): string {
  return `/** The test of ${name}.ts: one machine, without a cluster. Run it with: draft plugin test ./${name}.test.ts */
import type { Entry } from "draft";
import { checkMachine } from "draft/testing";
import plugin from "./${name}.ts";

const entry: Entry = {
  index: 1, term: 1, timeMs: 1_000, version: plugin.version, session: null,
  random: () => 0.5,
  emit() {},
  reject: (message) => new Error(message),
};

const machine = plugin.create({ directory: "." });
same(machine.apply(["add", "ann", 5], entry), 5);
same(machine.apply(["add", "ann"], entry), 6);
same(machine.query?.(["score", "ann"], entry), 6);
same(machine.query?.(["score", "bob"], entry), 0);

// What is refused changes nothing.
let refused = "";
try {
  machine.apply(["add", "ann", -7], entry);
} catch (error) {
  refused = (error as Error).message;
}
same(refused, "ann would have -1 points");
same(machine.query?.(["score", "ann"], entry), 6);

// What every machine must be, tried by chance: copies that get the same commands stay alike, restored ones too.
await checkMachine(plugin);

function same(found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(\`found \${a}, wanted \${b}\`);
}
`;
}

function readmeText(name: string): string {
  return `# ${name}

A state machine for draft: \`${name}.ts\` says what it does, draft runs it on every node of a cluster.

\`\`\`bash
draft dev --watch --machine ./${name}.ts   # three nodes and a prompt: add ann 5, all, help add; a save restarts them
draft plugin test ./${name}.test.ts        # the test
draft sim --machine ./${name}.ts           # simulated crashes, cut networks and full disks, seed by seed
\`\`\`

Raise \`version\` when a write would do something else than before with the same entry, and keep what it did: \`entry.version\` is the version in force. It rises once every node runs the new file, and then \`upgrade(state, from, entry)\` is called on each. While you only try things out, start over instead: \`draft dev --fresh\`.

A cluster that stays, one node in each of three terminals:

\`\`\`bash
nodes=a@127.0.0.1:7101,b@127.0.0.1:7102,c@127.0.0.1:7103
draft serve --id a --listen 127.0.0.1:7101 --initial $nodes --machine ./${name}.ts
draft serve --id b --listen 127.0.0.1:7102 --initial $nodes --machine ./${name}.ts
draft serve --id c --listen 127.0.0.1:7103 --initial $nodes --machine ./${name}.ts
\`\`\`

and from a fourth \`draft client add ann 5\`.
`;
}

const TSCONFIG = `{
  "compilerOptions": {
    "target": "ES2024",
    "lib": ["ES2024", "DOM"],
    "module": "ESNext",
    "moduleResolution": "bundler",
    "types": [],
    "strict": true,
    "noEmit": true,
    "allowImportingTsExtensions": true,
    "verbatimModuleSyntax": true,
    "erasableSyntaxOnly": true
  }
}
`;
