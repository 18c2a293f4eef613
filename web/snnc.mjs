// The compiler as a module of a page or of Node: `const snnc = await load(bytes)`, then
// `snnc.answer({files: {"net.snn": text}, file: "net.snn"})`. See src/lib.rs for what goes in and
// comes out.

export async function load(wasm) {
  const module = await WebAssembly.compile(wasm);
  // A crate that writes archives could ask a browser for random numbers; nothing here does.
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => {
      throw new Error(`${name} is not for this module`);
    };
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  const { memory, snnc_room, snnc_answer, snnc_done } = exports;
  const answer = (request) => {
    const bytes = new TextEncoder().encode(JSON.stringify(request));
    const room = snnc_room(bytes.length);
    // Memory grows, and its views with it become void: they are made where they are used.
    new Uint8Array(memory.buffer, room, bytes.length).set(bytes);
    const at = snnc_answer(room, bytes.length);
    const length = new DataView(memory.buffer).getUint32(at, true);
    const text = new TextDecoder().decode(new Uint8Array(memory.buffer, at + 4, length));
    snnc_done(at);
    return JSON.parse(text);
  };
  return { answer };
}
