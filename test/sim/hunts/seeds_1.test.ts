import { test } from "uvu";
import { addSeeds } from "./seeds.ts";

addSeeds(1);

test.run();
