import { test } from "uvu";
import { addSeeds } from "./seeds.ts";

addSeeds(3);

test.run();
