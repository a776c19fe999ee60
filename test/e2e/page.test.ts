/** The page in a real browser, against real nodes: seen, clicked, typed at, and looked over for barriers. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { authFile, TOKENS } from "../gateway/auth_rig.ts";
import { startBrowser, Visit } from "./browser.ts";
import { draftBinary, freePorts, temporaryDirectory, TestCluster, TestNode, until } from "./processes.ts";

/** A machine with much to do must not make leaders come and go: what a test reads would be of yesterday. */
const FLAGS = ["--heartbeat-ms", "60", "--election-ms", "600-900"];

const test = suite("page");
let browser: Browser | null = null;

test.before(async () => {
  browser = await startBrowser();
});
test.after(async () => {
  await browser?.close();
});

/** One visit of a node's page, which has nothing to complain about in the end. */
async function visiting(node: TestNode, work: (visit: Visit, page: Page) => Promise<void>, options: { readonly path?: string; readonly width?: number; readonly dark?: boolean } = {}): Promise<void> {
  if (browser === null) return;
  const visit = await Visit.open(browser, `http://${node.address}/${options.path ?? ""}`, {
    viewport: { width: options.width ?? 1280, height: 900 }, colorScheme: options.dark === true ? "dark" : "light",
  });
  try {
    await work(visit, visit.page);
    assert.equal(visit.complaints, []);
  } finally {
    await visit.close();
  }
}

function nodeItem(page: Page, id: string): Locator {
  return page.locator(".node").filter({ has: page.getByRole("heading", { name: id, exact: true }) });
}

async function headline(page: Page): Promise<string> {
  return (await page.locator("h1").textContent()) ?? "";
}

/** Whoever the page says leads; somebody else than `not`. */
function leaderShown(page: Page, not: string = ""): Promise<string> {
  return until("a leader is named", async () => {
    const found = /^(\w) leads$/.exec(await headline(page))?.[1] ?? null;
    return found === not ? null : found;
  });
}

async function handOver(page: Page, id: string): Promise<void> {
  await act(page, id, /Make leader/);
  await page.getByRole("button", { name: `Make ${id} the leader` }).click();
  await until(`${id} leads`, async () => await headline(page) === `${id} leads`);
}

async function act(page: Page, id: string, action: RegExp): Promise<void> {
  await page.getByLabel(`Actions for ${id}`).click();
  await page.getByRole("button", { name: action }).click();
}

test("a leader that is killed is seen to go, another one to lead, and the page's own node to be missed", async () => {
  if (browser === null) return;
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const [shown, ...others] = cluster.nodes as [TestNode, TestNode, TestNode];
  await visiting(shown, async (_, page) => {
    // The page's own node is to stay when the leader goes.
    if (await leaderShown(page) === shown.id) await handOver(page, others[0].id);
    const leading = await leaderShown(page, shown.id);
    const dead = others.find(({ id }) => id === leading) as TestNode;
    await dead.kill();
    const next = await leaderShown(page, dead.id);
    await until("it is said", async () => (await page.locator("#leader-news").textContent())?.startsWith(`${next} leads term`) ?? false);
    await until("the dead node is told of", async () => (await nodeItem(page, dead.id).textContent())?.includes("does not answer") ?? false);
    assert.match(await page.locator(".findings").textContent() ?? "", "start it");
    await until("the story is told", async () => (await page.locator(".events").textContent())?.includes("leads term") ?? false);
    const before = await headline(page);
    await shown.kill();
    await until("the page says that its node is gone", async () => (await page.locator(".lost").count()) === 1);
    const links = await page.locator(".lost a").evaluateAll((all) => all.map((each) => (each as HTMLAnchorElement).href));
    assert.equal(links.sort(), others.map(({ address }) => `http://${address}/`).sort());
    assert.is(await headline(page), before, "what was known stays");
    await shown.start();
    await until("the page goes on by itself", async () => (await page.locator(".lost").count()) === 0);
  });
});

test("members are added, made leader and removed, each after a look at what it means", async () => {
  if (browser === null) return;
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const port = await freePorts(1);
  const newcomer = new TestNode({ id: "d", address: `127.0.0.1:${port}`, data: `${cluster.directory}/d`, flags: FLAGS, program: [draftBinary()] });
  await newcomer.start();
  const leader = await cluster.leader();
  await visiting(leader, async (_, page) => {
    await page.getByRole("button", { name: "Add a member…" }).click();
    await page.getByRole("textbox", { name: "Id", exact: true }).fill("d");
    await page.getByRole("textbox", { name: /^Address/ }).fill(newcomer.address);
    await page.getByRole("button", { name: "See what it means" }).click();
    await page.getByText("Quorum now 2 of a b c; afterwards 3 of a b c d.").waitFor();
    assert.is(await nodeItem(page, "d").count(), 0, "nothing was done yet");
    await page.getByRole("button", { name: "Add d" }).click();
    await until("d is a voter", async () => (await newcomer.mainStatus()).voting);
    await until("d is shown", async () => (await nodeItem(page, "d").textContent())?.includes("follower") ?? false);
    await handOver(page, "d");
    await act(page, "d", /Remove/);
    await page.getByText("Quorum now 3 of a b c d; afterwards 2 of a b c.").waitFor();
    await page.getByRole("button", { name: "Remove d" }).click();
    await until("d is gone", async () => await nodeItem(page, "d").count() === 0);
    const alone = cluster.others(leader)[0] as TestNode;
    await alone.kill();
    const refused = page.getByRole("alert").filter({ hasText: "WOULD_LOSE_QUORUM" });
    await until("what would stop all writes is refused, once the dead node is missed", async () => {
      await act(page, (cluster.others(leader)[1] as TestNode).id, /Remove/);
      await page.getByText(/^Quorum now/).or(page.getByRole("alert")).first().waitFor();
      if (await refused.count() > 0) return true;
      await page.getByRole("button", { name: "Cancel" }).click();
      return false;
    });
    assert.is(await page.getByRole("button", { name: /^Remove .$/ }).count(), 0, "what is refused has no button");
  });
  await newcomer.kill();
});

test("keys are written, edited unless somebody else was quicker, and deleted; operations are run", async () => {
  if (browser === null) return;
  await using cluster = await TestCluster.start({ size: 1, flags: FLAGS });
  const [node] = cluster.nodes as [TestNode];
  await using client = cluster.client();
  await client.run(["set", Uint8Array.of(0xff, 0x78), Uint8Array.of(0, 0xfe)]);
  await visiting(node, async (_, page) => {
    await page.getByRole("button", { name: "New key…" }).click();
    await page.getByRole("textbox", { name: "Key", exact: true }).fill("config/app");
    await page.getByRole("textbox", { name: "Value", exact: true }).fill('{"a":1}');
    await page.getByRole("button", { name: "Write it" }).click();
    await page.getByText('"a": 1').waitFor();
    assert.is((await client.run(["get", "config/app"])).result, '{"a":1}');
    await page.getByRole("button", { name: "Edit" }).click();
    await client.run(["set", "config/app", "quicker"]);
    await page.getByLabel("Value of config/app").fill("slower");
    await page.getByRole("button", { name: /^Write over revision/ }).click();
    await page.getByRole("alert").filter({ hasText: "CONFLICT" }).waitFor();
    assert.is((await client.run(["get", "config/app"])).result, "quicker");
    await page.getByRole("button", { name: "Read again" }).click();
    await page.locator("pre").filter({ hasText: "quicker" }).waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Value of config/app").fill("edited");
    await page.getByRole("button", { name: /^Write over revision/ }).click();
    await until("the edit is written", async () => (await client.run(["get", "config/app"])).result === "edited");
    await page.getByRole("button", { name: "Delete…" }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
    await until("the key is gone", async () => (await client.run(["exists", "config/app"])).result === 0);
    await page.locator(".key-name", { hasText: "\\xffx" }).click();
    await page.locator("pre.value-hex").filter({ hasText: "00 fe" }).waitFor();
    await page.getByRole("link", { name: "Operations" }).click();
    await page.getByRole("button", { name: /^incrby/ }).click();
    await page.getByRole("textbox", { name: "K", exact: true }).fill("visits");
    await page.getByRole("textbox", { name: "n", exact: true }).fill("7");
    await page.getByRole("button", { name: "Run incrby" }).click();
    await page.locator(".runs pre", { hasText: "7" }).waitFor();
    await page.getByRole("button", { name: "Run incrby" }).click();
    await page.locator(".runs pre", { hasText: "14" }).waitFor();
    assert.is((await client.run(["get", "visits"])).result, "14");
  }, { path: "#keys" });
});

test("what changes is told as it changes, and goes on when the stream broke", async () => {
  if (browser === null) return;
  await using cluster = await TestCluster.start({ size: 1, flags: FLAGS });
  const [node] = cluster.nodes as [TestNode];
  await using client = cluster.client();
  await client.run(["set", "config/app", "0"]);
  await visiting(node, async (_, page) => {
    await page.getByLabel("watch live").check();
    await page.getByText("Nothing has changed since.").waitFor();
    const told = async (value: string): Promise<void> => {
      await until(`${value} is told`, async () => {
        // The stream may open a little after the page says that it watches.
        await client.run(["set", "config/app", value]);
        return (await page.locator(".changes li").allTextContents()).some((text) => text.includes("config/app") && text.endsWith(value));
      });
      await page.locator(".key-value", { hasText: value }).waitFor();
    };
    await told("first");
    await node.kill();
    await node.start();
    await cluster.leader();
    await told("second");
  }, { path: "#keys" });
});

test("a token is asked for once, kept in the tab, and does what its role may", async () => {
  if (browser === null) return;
  const file = join(temporaryDirectory(), "auth.toml");
  writeFileSync(file, authFile(), { mode: 0o600 });
  await using cluster = await TestCluster.prepare({ size: 1, flags: [...FLAGS, "--auth-file", file] });
  const [node] = cluster.nodes as [TestNode];
  await node.start();
  await visiting(node, async (_, page) => {
    const dialog = page.getByRole("dialog", { name: "This node wants a token" });
    await dialog.waitFor();
    await page.getByRole("textbox", { name: "Token", exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Use it" }).click();
    await dialog.getByRole("alert").waitFor();
    await page.getByRole("textbox", { name: "Token", exact: true }).fill(TOKENS.reader);
    await page.getByRole("button", { name: "Use it" }).click();
    await until("the leader is named", async () => await headline(page) === "a leads");
    assert.is(await page.evaluate(() => localStorage.length), 1, "the theme alone outlives the tab");
    await page.getByRole("button", { name: "Add a member…" }).click();
    await page.getByRole("textbox", { name: "Id", exact: true }).fill("b");
    await page.getByRole("textbox", { name: /^Address/ }).fill("127.0.0.1:1");
    await page.getByRole("button", { name: "See what it means" }).click();
    await page.getByRole("alert").filter({ hasText: "FORBIDDEN" }).waitFor();
    await page.reload();
    await until("it is not asked for again", async () => await headline(page) === "a leads");
    assert.is(await dialog.count(), 0);
  });
});

test("ten thousand keys and a huge value are a page at a time", async () => {
  if (browser === null) return;
  await using cluster = await TestCluster.start({ size: 1, flags: FLAGS });
  await using client = cluster.client();
  for (let from = 0; from < 10_000; from += 500) {
    await client.run(["mset", ...Array.from({ length: 500 }, (_, i) => [`user/${String(from + i).padStart(5, "0")}`, "v"]).flat()]);
  }
  await client.run(["set", "huge", "x".repeat(6_000_000)]);
  await visiting(cluster.nodes[0] as TestNode, async (_, page) => {
    await page.locator(".key-name", { hasText: "huge" }).click();
    await page.getByText("Only its beginning is shown").waitFor();
    await page.getByText("too large to be edited here").waitFor();
    await page.getByLabel("Prefix").fill("user/");
    await page.locator(".key-name", { hasText: "user/00099" }).waitFor();
    assert.is(await page.locator(".key").count(), 100);
    await page.getByRole("button", { name: "Next" }).click();
    await page.locator(".key-name", { hasText: "user/00199" }).waitFor();
    await page.getByRole("button", { name: "Back" }).click();
    await page.locator(".key-name", { hasText: "user/00000" }).waitFor();
    await page.getByLabel("Prefix").fill("user/0999");
    await page.getByText("the last page").waitFor();
    assert.is(await page.locator(".key").count(), 10);
  }, { path: "#keys" });
});

test("by keyboard alone: to the content, through the views, into a menu and out of it, a change and not", async () => {
  if (browser === null) return;
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const [node] = cluster.nodes as [TestNode];
  await visiting(node, async (visit, page) => {
    const leading = await leaderShown(page);
    const other = cluster.nodes.find(({ id }) => id !== leading) as TestNode;
    const press = (key: string): Promise<void> => page.keyboard.press(key);
    const tabTo = (name: string): Promise<unknown> => until(`Tab comes to ${name}`, async () => {
      await press("Tab");
      return await visit.focused() === name;
    });
    await press("Tab");
    assert.is(await visit.focused(), "Skip to the content");
    await press("Enter");
    assert.is(await visit.focused(), `${leading} leads`);
    await tabTo(`Actions for ${other.id}`);
    await press("Enter");
    await press("Tab");
    assert.is(await visit.focused(), "Make leader…");
    await press("Escape");
    assert.is(await visit.focused(), `Actions for ${other.id}`);
    await press("Enter");
    await tabTo("Remove…");
    await press("Enter");
    await page.getByText(/^Quorum now/).waitFor();
    await press("Escape");
    await until("the dialog is closed", async () => await page.locator("dialog").count() === 0);
    assert.is(await visit.focused(), `Actions for ${other.id}`, "the focus is where it was");
    await page.keyboard.press("Shift+Tab");
    await until("Shift+Tab comes to Keys", async () => {
      await press("Shift+Tab");
      return await visit.focused() === "Keys";
    });
    await press("Enter");
    await page.getByRole("heading", { name: "Keys" }).waitFor();
    await press("Shift+Tab");
    await press("Enter");
    await tabTo("system");
    await press("ArrowRight");
    assert.is(await page.evaluate(() => document.documentElement.dataset["theme"]), "light");
  });
});

test("nobody is kept out: no view has barriers, light or dark, wide or narrow", async () => {
  if (browser === null) return;
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const node = await cluster.leader();
  await using client = cluster.client();
  await client.run(["set", "config/app", '{"a":1}']);
  const dead = cluster.others(node)[0] as TestNode;
  await dead.kill();
  for (const [dark, width] of [[false, 1280], [true, 1280], [true, 390], [false, 390]] as const) {
    await visiting(node, async (visit, page) => {
      await until("the dead node is told of", async () => (await nodeItem(page, dead.id).textContent())?.includes("does not answer") ?? false);
      assert.equal(await visit.barriers(), []);
      await act(page, dead.id, /Remove/);
      await page.getByText(/^Quorum now/).waitFor();
      assert.equal(await visit.barriers(), []);
      await page.getByRole("button", { name: "Cancel" }).click();
      for (const [view, chosen] of [["Keys", "config/app"], ["Operations", "cas"], ["Events", null]] as const) {
        await page.getByRole("link", { name: view, exact: true }).click();
        if (chosen !== null) await page.locator(".key", { hasText: chosen }).first().click();
        await page.waitForLoadState("domcontentloaded");
        assert.equal(await visit.barriers(), [], view);
        const spill = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.is(spill, 0, `${view} is as wide as the window at ${width}`);
      }
    }, { dark, width });
  }
});

test.run();
