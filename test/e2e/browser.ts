/** A real browser for the end-to-end tests, and all that it complains about while it shows a page. */
import { existsSync } from "node:fs";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const PLACES: readonly string[] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const FLAGS: readonly string[] = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** What a browser writes of answers that are errors and of nodes that are gone: tests that bring that about expect it. */
const OF_ANSWERS = /^Failed to load resource/;

/** A browser with a directory of its own, which goes with it; null, with the reason printed, if this machine has none. */
export async function startBrowser(): Promise<Browser | null> {
  const executablePath = PLACES.find((path) => existsSync(path));
  if (executablePath === undefined) {
    console.log(`skipped: there is no Chromium on this machine (${PLACES.join(", ")})`);
    return null;
  }
  return chromium.launch({ executablePath, args: [...FLAGS] });
}

/** A page that is looked at, and what went wrong on it. */
export class Visit {
  readonly page: Page;
  /** Errors of scripts, requests to somebody else, what its policy forbade. */
  readonly complaints: string[] = [];
  readonly #origin: string;

  private constructor(page: Page, origin: string) {
    this.page = page;
    this.#origin = origin;
  }

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await browser.newContext({ reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    const visit = new Visit(page, new URL(url).origin);
    visit.#listen();
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI}`));
    });
    await page.goto(url);
    return visit;
  }

  #listen(): void {
    const { page, complaints } = this;
    page.on("pageerror", (error) => complaints.push(`threw ${error.message}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !OF_ANSWERS.test(message.text())) complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(this.#origin) && !/^(?:data|blob):/.test(url)) complaints.push(`asked ${url}`);
    });
  }

  /** What somebody who cannot see, or uses no mouse, would stumble over, by axe. */
  async barriers(): Promise<string[]> {
    await this.page.evaluate(axe.source);
    const { violations } = await this.page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ["violations"] }));
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 120)} ${failureSummary ?? ""}`).join(" | ")}`);
  }

  /** What has the focus: what it is called, or its text. */
  focused(): Promise<string> {
    return this.page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      return element?.getAttribute("aria-label") ?? (element instanceof HTMLInputElement ? element.labels?.[0]?.innerText : element?.innerText) ?? "";
    });
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
