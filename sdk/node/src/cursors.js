import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { WaqtorError } from "./errors.js";

/** Lasts as long as the process: reconnects lose nothing, a restart starts with what is new. */
export class MemoryCursor {
  #place = null;

  load() {
    return this.#place;
  }

  save(place) {
    this.#place = place;
  }
}

/** Lasts over restarts. The file is replaced atomically after each handled event; one file per bot. */
export class FileCursor {
  constructor(path) {
    this.path = path;
  }

  load() {
    let text;
    try {
      text = readFileSync(this.path, "utf8");
    } catch (error) {
      if (error.code === "ENOENT") return null;
      throw error;
    }
    try {
      const { epoch, offset } = JSON.parse(text);
      if (typeof epoch === "string" && Number.isSafeInteger(offset) && offset >= 0) return { epoch, offset };
    } catch {
      // said below
    }
    const message = `${this.path} is not a cursor file; move it away to start afresh.`;
    throw new WaqtorError(message, { code: "configuration" });
  }

  save(place) {
    mkdirSync(dirname(this.path), { recursive: true });
    const fresh = `${this.path}.${process.pid}.tmp`;
    try {
      writeFileSync(fresh, JSON.stringify(place));
      renameSync(fresh, this.path);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    }
  }
}
