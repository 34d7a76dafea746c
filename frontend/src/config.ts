import { readEnv } from "./env";

/** The checked environment; an invalid one stops the page here, and main.tsx says why. */
export const env = readEnv(import.meta.env, window.location.origin);
