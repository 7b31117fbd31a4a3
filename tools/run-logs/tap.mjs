// Loaded before every Node program of a test run (`--import`). Plain JavaScript, since a program of the run may be an older Node's.
if (process.env.RUN_LOGS && process.features.typescript) await import("./tap.ts");
