import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { buildApp } from "../../tools/build-app.ts";
import { AppSite, type HeardCommand } from "./app-site.ts";

const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A page from there came over plain http from another machine, as far as the browser knows.
  "--host-resolver-rules=MAP gateway.test 127.0.0.1",
];
const patience = { timeout: 20_000 };

/** A phone's browser with the built app, and a household for it, new for each test. */
export class AppPage {
  site!: AppSite;
  page!: Page;
  /** Where the app was built. */
  folder = "";
  #browser: Browser | undefined;
  #context: BrowserContext | undefined;
  readonly #others: BrowserContext[] = [];
  #complaints: string[] = [];

  async launch(): Promise<void> {
    this.folder = mkdtempSync(join(tmpdir(), "coxswain-app-"));
    await buildApp(this.folder);
    this.#browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: quiet });
  }

  async quit(): Promise<void> {
    await this.#browser?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async begin(): Promise<void> {
    this.site = new AppSite(this.folder);
    await this.site.open();
    await this.site.introduce();
    const complaints: string[] = [];
    this.#complaints = complaints;
    this.#context = await this.#browser?.newContext({ viewport: { width: 390, height: 844 }, locale: "en-GB" });
    if (this.#context === undefined) throw new Error("no browser was launched");
    this.page = await this.#context.newPage();
    this.page.on("pageerror", (error) => complaints.push(error.message));
    this.page.on("console", (message) => {
      // A policy that was broken says so too. That a door is shut, maybe in the middle of a word, is part of some tests.
      if (message.type() === "error" && !/ERR_(CONNECTION|EMPTY_RESPONSE)|^WebSocket /.test(message.text())) {
        complaints.push(message.text());
      }
    });
  }

  /** Ends a test; what the browser complained of fails it. */
  async end(): Promise<void> {
    for (const each of [this.#context, ...this.#others.splice(0)]) await each?.close();
    await this.site.close();
    expect(this.#complaints).toEqual([]);
  }

  /** Another phone's browser, which shares nothing with the first. */
  async anotherPhone(): Promise<Page> {
    const context = await this.#browser?.newContext({ viewport: { width: 390, height: 844 }, locale: "en-GB" });
    if (context === undefined) throw new Error("no browser was launched");
    this.#others.push(context);
    return await context.newPage();
  }

  until(check: () => unknown): Promise<unknown> {
    return vi.waitFor(check, { ...patience, interval: 50 });
  }

  /** Opens the link of the invitation, and waits for home. */
  async joined(): Promise<void> {
    await this.page.goto(this.site.link("home"));
    await this.linked("home");
  }

  async linked(to: string): Promise<void> {
    await this.page.locator(`.link[data-link="${to}"]`).waitFor(patience);
  }

  value(name: string): Locator {
    return this.page.locator(`[data-value="${name}"]`);
  }

  async says(selector: string, text: string | RegExp): Promise<void> {
    await this.page.locator(selector, { hasText: text }).first().waitFor(patience);
  }

  async open(route: string): Promise<void> {
    await this.page.evaluate(`location.hash = "#/${route}"`);
  }

  /** The page's clock goes on by this; everything that it was told stays where it was. */
  async later(ms: number): Promise<void> {
    await this.page.evaluate((add) => {
      const now = Date.now;
      Date.now = () => now() + add;
    }, ms);
  }

  /** What the household heard on topics that end so. */
  commands(name: string): HeardCommand[] {
    return this.site.heard.filter(({ topic }) => topic.endsWith(`/${name}`));
  }
}

/** An `AppPage` for the tests of one file. */
export function appPage(): AppPage {
  const app = new AppPage();
  beforeAll(() => app.launch());
  afterAll(() => app.quit());
  beforeEach(() => app.begin());
  afterEach(() => app.end());
  return app;
}
