import { notify } from "./notices";

/** Puts a text on the clipboard and says so; where that is refused it is shown. */
export async function copyText(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify({ tone: "good", title: `${what.charAt(0).toUpperCase()}${what.slice(1)} copied` });
  } catch {
    notify({ tone: "info", title: `Copy this ${what}`, detail: text });
  }
}
