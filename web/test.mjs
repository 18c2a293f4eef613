// node test.mjs MODULE.wasm EXPECTED.json: the module finds the spikes that the oracle found.
import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { readFile } from "node:fs/promises";
import { load } from "./snnc.mjs";

const [module, expected] = process.argv.slice(2);
const { text, recordings } = JSON.parse(await readFile(expected, "utf8"));
const snnc = await load(await readFile(module));

const ran = snnc.answer({ files: { "noise.snn": text }, file: "noise.snn" });
deepStrictEqual(ran.diagnostics, [], ran.text);
const spikes = Object.values(recordings)[0].values.reduce((a, b) => a + b);
ok(spikes > 0, "the network of the README spikes");
deepStrictEqual(ran.results.recordings, recordings);

// Again in the same memory, with other files and with a mistake.
const files = { "main.snn": 'use "part.snn"\n' + text.replace("LIF(", "LFI("), "part.snn": "const a = 1\n" };
const wrong = snnc.answer({ files, file: "main.snn", check: true });
strictEqual(wrong.results, null);
strictEqual(wrong.diagnostics[0].code, "E0401", wrong.text);
strictEqual(wrong.diagnostics[0].labels[0].file, "main.snn");

// Deep nesting is refused, and does not exhaust the module's stack.
const deep = "const a = " + "(".repeat(100000) + "1" + ")".repeat(100000) + "\n";
const refused = snnc.answer({ files: { "deep.snn": deep }, file: "deep.snn", check: true });
strictEqual(refused.diagnostics[0].code, "E0103", JSON.stringify(refused).slice(0, 300));
console.log(`the module finds the ${spikes} spikes that the oracle finds`);
