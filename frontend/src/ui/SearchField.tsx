import type { InputHTMLAttributes } from "react";
import { CONTROL } from "./Field";
import { Icon } from "./Icon";

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
}

/** A line of text that is looked for. */
export function SearchField({ label, className = "", ...rest }: Props) {
  return (
    <div className={`relative ${className}`}>
      <span className="pointer-events-none absolute inset-y-0 left-2.5 flex items-center text-faint">
        <Icon name="search" size={14} />
      </span>
      <input type="search" aria-label={label} className={`${CONTROL} w-full pl-8`} {...rest} />
    </div>
  );
}
