/** What a plugin may keep of the globals when it is loaded. */
import { randomBytes } from "node:crypto";

export const kept: Readonly<Record<string, () => unknown>> = {
  "Date.now()": Date.now,
  "Math.random()": Math.random,
  "new Date()": ((Kept) => () => new Kept().getTime())(Date),
};

export const imported = (): unknown => randomBytes(1);
