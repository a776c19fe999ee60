/**
 * Tests for whoever writes a machine, under any test runner, on Bun, Deno and Node.
 *
 * @example
 * ```ts
 * import test from "node:test";
 * import { checkMachine } from "draft/testing";
 * import queue from "./queue.ts";
 *
 * test("the queue is a machine", () => checkMachine(queue));
 * ```
 *
 * @module
 */
export { checkMachine, type CheckMachineOptions, type CheckedMachine, MachineFindings } from "./check_assertion.ts";
export type { Finding, FindingKind } from "../machine/check/finding.ts";
export type { Step } from "../machine/check/step.ts";
