import type { Schemas } from "../api/client";
import { asSpan } from "../ui/format";

export type Replay = Schemas["Replay"];
export type Plan = Schemas["ReplayPlan"];
export type Phase = Replay["phase"];
export type Action = "suspend" | "resume" | "cancel";

const ENDED: ReadonlySet<Phase> = new Set(["Completed", "Failed", "Cancelled"]);

/** Whether it changes by itself, so that it is worth looking again soon. */
export function moves({ phase, suspend, cancel }: Replay): boolean {
  if (ENDED.has(phase)) return false;
  return phase !== "Suspended" || !suspend || cancel;
}

/** What the API lets one do with it now and what would change something. */
export function allowed({ phase, suspend, cancel }: Replay): Action[] {
  if (ENDED.has(phase) || cancel) return [];
  return [suspend ? "resume" : "suspend", "cancel"];
}

/** Whether the API counts it anew: it stands still and may have written something. */
export function verifiable({ phase, spec, progress }: Replay): boolean {
  return !spec.dryRun && progress !== null && (ENDED.has(phase) || phase === "Suspended");
}

/** How it stands, in a sentence. */
export function standing({ phase, suspend, cancel, progress, spec, message }: Replay): string {
  if (phase === "Completed")
    return spec.dryRun ? "Counted; nothing was written." : "All is on the topic.";
  if (phase === "Failed")
    return message || "It failed without a word; the log of the worker says why.";
  if (phase === "Cancelled") return "Ended on request. What was written stays on the topic.";
  if (cancel) return "It is being cancelled.";
  if (suspend) {
    return phase === "Suspended"
      ? "It stands still and keeps its place."
      : "It is being suspended.";
  }
  if (phase === "Suspended") return "It is taken up again.";
  if (phase === "Pending") return message ? `${message}.` : "It waits for its turn.";
  return progress ? message : "It counts what there is to replay.";
}

/** How long until it is done, in a few words; nothing where it is not on its way. */
export function eta({ phase, progress, spec, suspend, cancel }: Replay): string {
  if (ENDED.has(phase) || suspend || cancel) return "";
  if (!progress) return spec.dryRun ? "" : "planning";
  if (progress.etaSeconds === null) return spec.speed ? "as it was timed" : "";
  return progress.etaSeconds < 1 ? "now" : asSpan(progress.etaSeconds * 1000);
}

/** Events a second: of late while it runs, over all once it is complete; null where none. */
export function rateOf({ progress, report, spec }: Replay): number | null {
  const rate = spec.dryRun ? 0 : (report?.rate ?? progress?.rate ?? 0);
  return rate > 0 ? rate : null;
}
