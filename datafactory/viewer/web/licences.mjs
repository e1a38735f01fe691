// Writes NOTICE.txt beside the built files: the licences of the packages that are bundled.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const bundled = ["svelte", "three", "uplot"];
const parts = bundled.map((name) => {
  const folder = `node_modules/${name}/`;
  const { version, license } = JSON.parse(readFileSync(`${folder}package.json`, "utf8"));
  const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
  return `${name} ${version} (${license})\n\n${readFileSync(folder + file, "utf8").trim()}\n`;
});
const head = "The pages of the viewer contain these packages.\n";
writeFileSync(`${process.argv[2] ?? "../static"}/NOTICE.txt`, [head, ...parts].join(`\n${"-".repeat(72)}\n\n`));
