// Bundles src/*.js and src/*.css, and the icons that pages name, into ../static/dist with hashed names and a manifest.
import * as esbuild from "esbuild";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const gateway = dirname(here);
const out = join(gateway, "static", "dist");
const outline = join(here, "node_modules", "@tabler", "icons", "icons", "outline");

const entries = readdirSync(join(here, "src"))
  .filter((name) => name.endsWith(".js") || name.endsWith(".css"))
  .map((name) => join(here, "src", name));

function manifest(metafile) {
  const names = {};
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    if (!entryPoint) continue;
    const name = relative(join(here, "src"), join(here, entryPoint));
    names[name] = relative(out, join(here, path));
  }
  return names;
}

// Icons are named in templates as icon("pencil"), and in src/icons.txt where a name is chosen while the page is made.
function iconNames() {
  const names = new Set();
  for (const file of readdirSync(gateway, { recursive: true })) {
    const ours = !/(^|\/)(assets|static)\//.test(file);
    if (!ours || !/\.(html|py)$/.test(file)) continue;
    const text = readFileSync(join(gateway, file), "utf8");
    for (const [, name] of text.matchAll(/\bicon\(\s*["']([a-z0-9-]+)["']/g)) names.add(name);
  }
  const list = join(here, "src", "icons.txt");
  if (existsSync(list)) {
    for (const name of readFileSync(list, "utf8").split(/\s+/).filter(Boolean)) names.add(name);
  }
  return [...names].sort();
}

function symbol(name) {
  const file = join(outline, `${name}.svg`);
  if (!existsSync(file)) throw new Error(`there is no icon "${name}" in @tabler/icons`);
  const shapes = readFileSync(file, "utf8")
    .replace(/^[\s\S]*?<svg[^>]*>/, "")
    .replace(/<\/svg>\s*$/, "")
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" ?\/>/, "")
    .replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
}

function sprite(names) {
  const text = `<svg xmlns="http://www.w3.org/2000/svg">${names.map(symbol).join("")}</svg>\n`;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  const file = `icons-${hash}.svg`;
  writeFileSync(join(out, file), text);
  return file;
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const result = await esbuild.build({
  absWorkingDir: here,
  entryPoints: entries,
  outdir: out,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  metafile: true,
  target: ["es2020", "chrome100", "firefox100", "safari15"],
  loader: { ".svg": "file", ".woff2": "file", ".woff": "file" },
  legalComments: "linked",
  logLevel: "warning",
});
const names = { ...manifest(result.metafile), "icons.svg": sprite(iconNames()) };
writeFileSync(join(out, "manifest.json"), `${JSON.stringify(names, null, 2)}\n`);
