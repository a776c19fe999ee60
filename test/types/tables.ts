/** What the types of `defineMachineOn` and of the machines on it must let through and what not; see define.ts for how this is judged. */
import { type Client, defineMachineOn, int, lock, type LockMethods, optional, type queue, type QueueMethods, Table, text } from "../../mod.ts";

/** Fails to compile unless `A` and `B` are one type. */
function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? [] : [never]): void {}

const seats = defineMachineOn({
  name: "seats", version: 1,
  tables: () => ({ held: new Table<string>() }),
  writes: {
    hold: { args: [text("who"), text("seat"), optional(int("forMs"))], run({ held }, entry, who, seat, forMs) {
      same<typeof held, Table<string>>();
      same<typeof forMs, number | undefined>();
      held.set(seat, who, entry.timeMs + (forMs ?? 0));
      return who;
    } },
  },
  reads: { holder: { args: [text("seat")], run: ({ held }, _, seat) => held.get(seat) ?? null } },
  generate: () => ["holder", "A1"],
});

export async function typed(client: Client): Promise<void> {
  const who: string | null = await client.as(seats).holder("A1");
  await client.as(seats).hold(who ?? "", "A1", 5);
  const locks = client.as(lock);
  same<typeof locks, LockMethods>();
  const answer = await locks.acquire("l", "me", 10_000, 500);
  if (answer.granted) await locks.renew("l", answer.token, 10_000);
  else same<typeof answer.granted, false>();
  const jobs = client.as<typeof queue>();
  same<typeof jobs, QueueMethods>();
  const job = await jobs.take("mail");
  if (job !== null) await jobs.ack("mail", job.receipt);
  await jobs.purge("mail", "1", "2");

  // @ts-expect-error -- a time is a number
  await client.as(seats).hold("ann", "A1", "5");
  // @ts-expect-error -- who is refused has a token of somebody else's, and no lock to renew
  await locks.renew("l", (await locks.acquire("l", "me", 1)).granted, 1);
  // @ts-expect-error -- a lock is had for a time
  await locks.acquire("l", "me");
  // @ts-expect-error -- there may be no job
  await jobs.ack("mail", (await jobs.take("mail")).receipt);
  // @ts-expect-error -- a receipt is a number
  await jobs.ack("mail", "7");
}

export const wrongs: readonly unknown[] = [
  // @ts-expect-error -- a table machine has tables
  defineMachineOn({ name: "none", version: 1, writes: {} }),
  // @ts-expect-error -- what it has are tables
  defineMachineOn({ name: "map", version: 1, tables: () => ({ held: new Map<string, string>() }), writes: {} }),
  defineMachineOn({
    name: "generous", version: 1, tables: () => ({ held: new Table<string>() }),
    writes: { hold: { args: [text("seat")], run: () => 1 } },
    // @ts-expect-error -- a seat is a text
    generate: () => ["hold", 1],
  }),
];
