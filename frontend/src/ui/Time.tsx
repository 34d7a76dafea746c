import { asExactTime, asTime } from "./format";

/** A time in the reader's zone, with the exact one on hover. */
export function Time({ at, className }: { at: string; className?: string }) {
  return (
    <time dateTime={at} title={asExactTime(at)} className={className}>
      {asTime(at)}
    </time>
  );
}
