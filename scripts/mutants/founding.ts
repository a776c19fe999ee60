/** Bugs in identity: who may be whom. */
import type { Mutant } from "./mutant.ts";

export const FOUNDING: readonly Mutant[] = [
  {
    id: "44a", title: "wiped `--initial` node founds",
    file: "src/node/founding.ts",
    find: `    if (hello.clusterId !== "") {
      this.#wait(\`\${hello.nodeId} belongs to cluster \${hello.clusterId} already, and this directory is empty\`, founder.address);
      return this.#waitsFor;
    }
    if (hello.groups.some((group) => !group.empty)) return \`\${founder.id} is about to join a cluster\`;
`,
    replace: "",
  },
  {
    id: "44b", title: "wiped `--initial` node is given the genesis and votes",
    file: "src/node/introductions.ts", find: "    if (!isNamed || incarnation !== identity.incarnation) return", replace: "    if (!isNamed) return",
    also: [{
      file: "src/node/neighbours.ts",
      find: "      if (answer.hello.incarnation !== member.incarnation) this.#sayLost(member, answer.hello);\n      else if (isDead", replace: "      if (isDead",
    }],
  },
];
