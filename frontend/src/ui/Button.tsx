import type { ButtonHTMLAttributes } from "react";

const KINDS = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong disabled:hover:bg-accent",
  plain: "border border-line-strong bg-surface text-ink hover:bg-hover disabled:hover:bg-surface",
  danger: "border border-bad/40 bg-surface text-bad hover:bg-bad-ground disabled:hover:bg-surface",
  quiet: "text-muted hover:bg-sunken hover:text-ink",
};

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: keyof typeof KINDS;
  /** A square of an icon; it needs an aria-label. */
  square?: boolean;
}

export function Button({ kind = "plain", square, className = "", ...rest }: Props) {
  return (
    <button
      type="button"
      className={`inline-flex h-8 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap transition-colors disabled:opacity-50 aria-disabled:cursor-default aria-disabled:opacity-50 ${square ? "w-8" : "px-3"} ${KINDS[kind]} ${className}`}
      {...rest}
    />
  );
}
