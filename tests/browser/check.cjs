// The pages of a report in a real headless Chromium: axe, keyboard, errors, requests, first view, weight, width, print.
//
// node check.cjs FOLDER [--pictures FOLDER]    prints JSON; exits 1 where a page is not as it must be
"use strict";
const fs = require("fs");
const path = require("path");
const tools = process.env.CLEW_BROWSER_TOOLS || path.join(__dirname, "node_modules");
const { chromium } = require(path.join(tools, "playwright-core"));
const AXE = fs.readFileSync(path.join(tools, "axe-core", "axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const VIEWS = [
  { name: "desktop", width: 1280, height: 900, colorScheme: "light" },
  { name: "desktop, dark", width: 1280, height: 900, colorScheme: "dark" },
  { name: "phone", width: 360, height: 740, colorScheme: "light" },
];
const QUIET = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

const [folder, flag, pictures] = process.argv.slice(2);
const FIRST_VIEW_MS = 2000;

async function main() {
  const executablePath = process.env.CLEW_CHROMIUM || "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: QUIET });
  const files = fs.readdirSync(folder).filter((name) => name.endsWith(".html")).sort();
  if (!files.length) throw new Error(`no page in ${folder}`);
  const pages = [];
  for (const view of VIEWS) {
    for (const file of files) pages.push(await look(browser, file, view));
  }
  await browser.close();
  const wrong = pages.flatMap((page) => page.wrong.map((what) => `${page.file}, ${page.view}: ${what}`));
  const told = {
    chromium: (await versionOf(executablePath)), pages: files.length, looks: pages.length,
    rules_passed: Math.min(...pages.map((page) => page.rulesPassed)),
    violations: pages.reduce((sum, page) => sum + page.violations, 0),
    requests_elsewhere: pages.reduce((sum, page) => sum + page.elsewhere, 0),
    console_errors: pages.reduce((sum, page) => sum + page.errors, 0),
    first_view_ms: { median: middle(pages.map((page) => page.firstView)), worst: Math.max(...pages.map((page) => page.firstView)) },
    drawn_ms: { median: middle(pages.map((page) => page.drawn)), worst: Math.max(...pages.map((page) => page.drawn)) },
    page_bytes: Object.fromEntries(files.map((file) => [file, weight(file)])),
    stops_by_keyboard: Object.fromEntries(pages.filter((page) => page.view === "desktop").map((page) => [page.file, page.stops])),
    wrong,
  };
  console.log(JSON.stringify(told, null, 2));
  process.exitCode = wrong.length ? 1 : 0;
}

const middle = (numbers) => numbers.slice().sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function versionOf(executable) {
  return require("child_process").execFileSync(executable, ["--version"]).toString().trim();
}

// What a page brings with it: itself, its style and its scripts.
function weight(file) {
  const text = fs.readFileSync(path.join(folder, file), "utf8");
  const named = [...text.matchAll(/(?:src|href)="([^"#]+\.(?:css|js))"/g)].map((found) => found[1]);
  return [file, ...named].reduce((sum, name) => sum + fs.statSync(path.join(folder, name)).size, 0);
}

async function look(browser, file, view) {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height }, colorScheme: view.colorScheme, reducedMotion: "reduce",
    bypassCSP: false,
  });
  const page = await context.newPage();
  const wrong = [];
  let errors = 0;
  let elsewhere = 0;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) { errors += 1; wrong.push(`console: ${message.text()}`); }
  });
  page.on("pageerror", (error) => { errors += 1; wrong.push(`script: ${error.message}`); });
  page.on("request", (request) => {
    if (!request.url().startsWith("file://")) { elsewhere += 1; wrong.push(`asks ${request.url()}`); }
  });
  await page.goto("file://" + path.resolve(folder, file), { waitUntil: "load" });
  await page.waitForFunction(() => [...document.querySelectorAll(".chart")].every((chart) => chart.querySelector("svg")));
  const times = await page.evaluate(() => ({
    paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1, now: performance.now(),
  }));
  if (times.paint < 0 || times.paint > FIRST_VIEW_MS) wrong.push(`first view after ${Math.round(times.paint)} ms`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) wrong.push(`${wide} px wider than the window`);
  const stops = view.name === "desktop" ? await walk(page, wrong) : 0;
  if (flag === "--pictures" && pictures) await picture(page, file, view);
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  await page.evaluate(AXE + "; undefined");
  const found = await page.evaluate((tags) => window.axe.run(document, {
    runOnly: { type: "tag", values: tags }, preload: false, // it would load the style anew, which the page forbids
  }), RULES);
  for (const one of found.violations) {
    wrong.push(`axe ${one.id}: ${one.help} (${one.nodes.length}, such as ${one.nodes[0].html.slice(0, 120)})`);
  }
  await context.close();
  return {
    file, view: view.name, wrong, errors, elsewhere, stops, violations: found.violations.length,
    rulesPassed: found.passes.length, firstView: Math.round(times.paint), drawn: Math.round(times.now),
  };
}

// Goes through the page with the tabulator key: every stop is seen, the first leads past the ways, all are reached.
async function walk(page, wrong) {
  const wanted = await page.evaluate(() => [...document.querySelectorAll("a, button, summary, [tabindex='0']")]
    .filter((one) => one.checkVisibility()).length);
  const met = new Set();
  for (let step = 0; step <= wanted + 5; step += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const here = document.activeElement;
      if (!here || here === document.body) return null;
      const style = getComputedStyle(here);
      const box = here.getBoundingClientRect();
      here.dataset.stop = here.dataset.stop || String(Math.random());
      const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
      return { id: here.dataset.stop, what: here.outerHTML.slice(0, 80), seen, shown: box.width > 0 && box.left >= -1, text: here.textContent };
    });
    if (!stop) break;
    if (!met.size && stop.text !== "To the content") wrong.push(`the first stop is ${stop.what}`);
    if (!stop.seen || !stop.shown) wrong.push(`the focus is not seen on ${stop.what}`);
    if (met.has(stop.id)) break;
    met.add(stop.id);
  }
  if (met.size < wanted) wrong.push(`${met.size} of ${wanted} places are reached by keyboard`);
  await page.keyboard.press("Home");
  const folded = page.locator("summary").first();
  if (await folded.count()) {
    await folded.focus();
    const before = await folded.evaluate((one) => one.parentElement.open);
    await page.keyboard.press("Enter");
    if (before === await folded.evaluate((one) => one.parentElement.open)) wrong.push("Enter does not open what is folded");
    await page.keyboard.press("Enter");
  }
  await page.evaluate(() => document.activeElement.blur());
  return met.size;
}

async function picture(page, file, view) {
  const name = path.join(pictures, `${file.replace(".html", "")}-${view.name.replace(/\W+/g, "-")}`);
  await page.screenshot({ path: `${name}.png`, fullPage: true });
  if (view.name === "desktop, dark") {
    await page.emulateMedia({ media: "print" });
    await page.evaluate(() => window.clewPrint && window.clewPrint());
    await page.pdf({ path: `${name.replace(/-desktop.*/, "")}.pdf`, format: "A4", printBackground: false });
    await page.emulateMedia({ media: "screen" });
  }
}

main().catch((error) => { console.error(error.message); process.exitCode = 3; });
