import type { ReactNode } from "react";
import { asProblem } from "../api/problem";
import { Button } from "./Button";

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

/** Rows of a table that is being read. */
export function LoadingRows({ columns }: { columns: number }) {
  return Array.from({ length: 10 }, (_, row) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
    <tr key={row}>
      <td colSpan={columns}>
        <Skeleton className="h-3.5 w-full" />
      </td>
    </tr>
  ));
}

/** A view that is on its way. */
export function PageSkeleton() {
  return (
    <div className="flex flex-col gap-3 p-4">
      <Skeleton className="h-8 w-40" />
      <Skeleton className="h-40" />
      <Skeleton className="h-64" />
    </div>
  );
}

/** A place for what is being read. */
export function Skeleton({ className = "" }: { className?: string }) {
  return <div className={`animate-pulse rounded bg-sunken ${className}`} />;
}
