import { execFileSync } from "node:child_process";
import { MUTANTS } from "./mutants/list.ts";
import { patchesOf } from "./mutants/mutant.ts";
import { copyTree, patchTree } from "./mutants/tree.ts";
const [id] = process.argv.slice(2);
const tree = copyTree("/tmp/wt/mutants");
patchTree(tree, patchesOf(MUTANTS.find((m) => m.id === id)!));
console.log(tree);
