/** `draft client lock` on real nodes: one at a time whoever is killed, ended when the lock is lost, codes and signals. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lock } from "../../mod.ts";
import { draft, draftBinary, Running, sleep, temporaryDirectory, TestCluster, until } from "./processes.ts";

const LOCKS = ["--machine", "lock", "--heartbeat-ms", "40", "--election-ms", "150-300"];
const STEPS = 16;
const LEADER_KILLS = 3;
const HOLDER_KILLS = 4;

const test = suite("client lock");

/** Tells its token again and again, for as long as it is inside. */
const WORK = `for step in $(seq ${STEPS}); do echo "$DRAFT_LOCK_TOKEN $step" >> "$LOG"; sleep 0.05; done`;

function start(cluster: TestCluster, args: readonly string[], env: Record<string, string> = {}): Running {
  return new Running([draftBinary(), "client", "-c", cluster.addresses.join(","), "lock", ...args], { env });
}

function linesOf(file: string): [token: number, step: number][] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").trim().split("\n").map((line) => line.split(" ").map(Number) as [number, number]);
}

/** Takes the lock for a while, again and again, until `isOver`. */
async function contend(cluster: TestCluster, log: string, current: Set<Running>, isOver: () => boolean): Promise<{ done: number; ends: (number | string)[] }> {
  const ends: (number | string)[] = [];
  while (!isOver()) {
    const running = start(cluster, ["work", "--ttl-ms", "3000", "--", "sh", "-c", WORK], { LOG: log });
    current.add(running);
    ends.push(await running.end(60_000));
    current.delete(running);
  }
  return { done: ends.filter((end) => end === 0).length, ends };
}

test(`two never hold a lock at once, though ${LEADER_KILLS} leaders and ${HOLDER_KILLS} holders are killed`, async () => {
  await using cluster = await TestCluster.start({ flags: LOCKS });
  const log = join(temporaryDirectory(), "log");
  let isOver = false;
  const current: Set<Running>[] = [new Set(), new Set()];
  const contenders = current.map((own) => contend(cluster, log, own, () => isOver));
  for (let kill = 0; kill < LEADER_KILLS + HOLDER_KILLS; kill++) {
    const before = linesOf(log).length;
    await until("somebody works", () => linesOf(log).length > before + STEPS, 60_000);
    if (kill % 2 === 0 && kill / 2 < LEADER_KILLS) {
      const leader = await cluster.leader();
      await leader.kill();
      await sleep(400);
      await leader.start();
    } else {
      await using client = cluster.client();
      const holder = await until("a holder", () => client.as(lock).get("work"));
      // The owner's name tells the process.
      const pid = Number(holder.owner.split("/")[1]);
      [...current.flatMap((each) => [...each])].find((running) => running.pid === pid)?.kill("SIGKILL");
    }
  }
  const before = linesOf(log).length;
  await until("somebody works after all that", () => linesOf(log).length > before + 2 * STEPS, 60_000);
  isOver = true;
  const [one, other] = await Promise.all(contenders);
  const lines = linesOf(log);
  const tokens = new Set(lines.map(([token]) => token));
  const ends = [...one!.ends, ...other!.ends];
  console.log(`\nclient lock: ${lines.length} lines under ${tokens.size} tokens; ${one!.done} and ${other!.done} done, ends ${[...new Set(ends)].join(" ")}`);
  for (const [i, [token, step]] of lines.entries()) {
    const [lastToken, lastStep] = lines[i - 1] ?? [0, 0];
    assert.ok(token > lastToken ? step === 1 : token === lastToken && step === lastStep + 1, `line ${i}: ${token} ${step} follows ${lastToken} ${lastStep}`);
  }
  assert.is(lines.filter(([, step]) => step === STEPS).length >= one!.done + other!.done, true, "whoever says that it is done has done it");
  assert.ok(one!.done > 0 && other!.done > 0, "both get their turn");
  assert.ok(ends.includes("SIGKILL"), "holders were killed");
  assert.ok(lines.filter(([, step]) => step === STEPS).length < tokens.size, "and what they held the lock for ended with them");
  assert.equal(ends.filter((end) => end !== 0 && end !== "SIGKILL"), [], "and nothing else ended badly");
});

test("a command whose lock is lost is ended, exit 3, one that does not listen too; the token is in its environment", async () => {
  await using cluster = await TestCluster.start({ flags: LOCKS });
  const directory = temporaryDirectory();
  const hold = (name: string, script: string): Running => start(cluster, [name, "--ttl-ms", "2000", "--", "sh", "-c", script], { FILE: join(directory, name) });
  const polite = hold("polite", 'trap "echo ended >> $FILE; exit 0" TERM; echo $DRAFT_LOCK_TOKEN > $FILE; while :; do sleep 0.02; done');
  const deaf = hold("deaf", 'trap "" TERM; echo $DRAFT_LOCK_TOKEN > $FILE; while :; do sleep 0.02; echo on >> $FILE; done');
  const taken = hold("taken", 'echo $DRAFT_LOCK_TOKEN > $FILE; exec sleep 60');
  const text = (name: string): string => existsSync(join(directory, name)) ? readFileSync(join(directory, name), "utf8") : "";
  await until("all work", () => ["polite", "deaf", "taken"].every((name) => text(name) !== ""));
  await using client = cluster.client();
  const locks = client.as(lock);
  const { token } = (await locks.get("taken"))!;
  assert.is(text("taken"), `${token}\n`);
  assert.is(await locks.release("taken", token), true);
  assert.is(await taken.end(), 3);
  assert.match(taken.err, /^\(error\) LOST lock 'taken' was lost, and the command was ended: lock 'taken' is no longer held under token \d+: nobody holds it; /);
  for (const node of cluster.nodes) await node.kill();
  assert.is(await polite.end(), 3);
  assert.match(text("polite"), /^\d+\nended\n$/);
  assert.match(polite.err, /LOST lock 'polite' was lost, and the command was ended: it could not be renewed: /);
  assert.is(await deaf.end(), 3);
  const { length } = text("deaf");
  await sleep(200);
  assert.is(text("deaf").length, length, "nothing of it goes on");
});

test("whoever holds a lock is told a signal, gives the lock back, and ends with what the command made of it", async () => {
  await using cluster = await TestCluster.start({ flags: LOCKS });
  const file = join(temporaryDirectory(), "pid");
  const holder = start(cluster, ["l", "--", "sh", "-c", 'trap "exit 9" TERM; echo $$ > $FILE; while :; do sleep 0.02; done'], { FILE: file });
  await until("it runs", () => existsSync(file));
  const waiter = start(cluster, ["l", "--", "true"]);
  await using client = cluster.client();
  const locks = client.as(lock);
  await until("somebody waits", async () => (await locks.line("l")).length === 1);
  waiter.kill("SIGINT");
  assert.is(await waiter.end(), 130);
  assert.equal(await locks.line("l"), [], "who does not wait any more is in nobody's way");
  holder.kill("SIGTERM");
  assert.is(await holder.end(), 9);
  assert.is(await locks.get("l"), null);
});

test("exit codes are the command's, or say why it did not run", async () => {
  await using cluster = await TestCluster.start({ flags: LOCKS });
  const run = (...args: string[]): ReturnType<typeof draft> => draft(["client", "-c", cluster.addresses.join(","), ...args]);
  const cases: [args: string[], code: number, said: RegExp][] = [
    [["lock", "l", "--", "sh", "-c", "echo done; exit 7"], 7, /^done\n$/],
    [["lock", "l", "--", "sh", "-c", "kill -KILL $$"], 137, /^$/],
    [["lock", "l", "--", "/no/such/command"], 127, /^draft client lock: "\/no\/such\/command" cannot be run: /],
    [["lock", "l", "--wait-ms", "soon", "--", "true"], 2, /--wait-ms "soon": wants a whole number/],
    [["lock", "l"], 2, /wants NAME -- COMMAND…/],
    [["--group", "other", "lock", "l", "--", "true"], 1, /^\(error\) NOT_FOUND /],
    [["lock", "--help"], 0, /Usage:\n  \$ draft client lock \[options\] NAME -- COMMAND…/],
  ];
  for (const [args, code, said] of cases) {
    const ran = await run(...args);
    assert.is(ran.code, code, `${args.join(" ")}: ${ran.err}`);
    assert.match(ran.out + ran.err, said);
  }
  await using client = cluster.client();
  await client.as(lock).acquire("held", "ann", 60_000);
  const late = await run("lock", "held", "--wait-ms", "0", "--", "true");
  assert.equal([late.code, late.err], [1, "(error) BUSY lock 'held' is held by 'ann': wait longer with --wait-ms\n"]);
  assert.is((await draft(["client", "-c", "127.0.0.1:1", "lock", "l", "--", "true"])).code, 4);
});

test("a machine without locks says how to have them", async () => {
  await using cluster = await TestCluster.start({ size: 1 });
  const { code, err } = await draft(["client", "-c", cluster.addresses.join(","), "lock", "l", "--", "true"]);
  assert.is(code, 1);
  assert.match(err, /^\(error\) UNKNOWN_OPERATION the machine of group main has no locks: start the nodes with draft serve --machine lock, /);
});

test.run();
