import { test } from "uvu";
import { addSeeds } from "./seeds.ts";

addSeeds(2);

test.run();
