/**
 * draft runs a state machine written in TypeScript as a fault-tolerant, linearizable cluster.
 *
 * @module
 */
export { version } from "./src/base/version.ts";
