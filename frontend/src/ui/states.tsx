import type { ReactNode } from "react";
import { asProblem } from "../api/problem";
import { Button } from "./Button";
import { asTime } from "./format";

/** Where there is nothing to show, and what one may do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="px-6 py-14 text-center">
      <p className="text-sm font-medium">{title}</p>
      {children && <div className="mx-auto mt-1 max-w-sm text-muted">{children}</div>}
    </div>
  );
}

/** Why something cannot be shown, with the next step. */
export function Failed({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = asProblem(error);
  return (
    <div role="alert" className="px-6 py-10 text-center">
      <p className="text-sm font-medium text-bad">{problem.title}</p>
      <p className="mx-auto mt-1 max-w-md text-muted">{problem.detail}</p>
      {onRetry && (
        <Button className="mt-4" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** That what is shown is not of now, and why. */
export function Stale({ error, since }: { error: unknown; since: number }) {
  const problem = asProblem(error);
  return (
    <p
      role="alert"
      className="border-b border-line bg-warn-ground px-4 py-2 text-warn [overflow-wrap:anywhere]"
    >
      <span className="font-medium">
        {problem.title}; this is what was so at {asTime(since)}.
      </span>{" "}
      {problem.detail} It is asked again by itself.
    </p>
  );
}

/** A place for what is being read. */
export function Skeleton({ className = "" }: { className?: string }) {
  return <div className={`animate-pulse rounded bg-sunken ${className}`} />;
}
