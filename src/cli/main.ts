#!/usr/bin/env node
import process from "node:process";
import { version } from "../base/version.ts";

if (process.argv[2] === "--version") {
  console.log(`draft ${version}`);
} else {
  console.error("draft: no command yet: draft --version");
  process.exitCode = 2;
}
