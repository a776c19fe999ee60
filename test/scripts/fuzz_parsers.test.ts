import { test } from "uvu";
import { fuzzParser, PARSERS } from "../../scripts/fuzz/parsers.ts";

for (const parser of PARSERS) {
  test(`${parser.name}: what a stranger sends is taken or refused, and breaks nothing`, () => {
    fuzzParser(parser, 7, 2000);
  });
}

test.run();
