import { useId } from "react";
import { FieldError } from "../ui/Field";
import { asCount, asMoney } from "../ui/format";
import { Icon } from "../ui/Icon";
import { MOST_PIECES, readPieces } from "./cart";
import type { Product } from "./queries";

const FEW = 10;

interface Props {
  product: Product;
  pieces: number;
  error: string | undefined;
  onChange: (pieces: number) => void;
}

/** A product with what is left of it, and how many pieces are wanted. */
export function ProductCard({ product, pieces, error, onChange }: Props) {
  const id = useId();
  const { name, price, available } = product;
  const short = pieces > available;
  const tone =
    available === 0 || short ? "text-bad" : available <= FEW ? "text-warn" : "text-muted";
  return (
    <li
      className={`flex flex-col gap-2 rounded-lg border p-2.5 ${pieces > 0 ? "border-accent bg-accent-ground/40" : "border-line"}`}
    >
      <div className="min-w-0">
        <p className="truncate font-medium" title={`${name} (${product.product_id})`}>
          {name}
        </p>
        <p className="flex items-baseline justify-between gap-2 text-xs">
          <span>{asMoney(price)}</span>
          <span className={tone}>
            {available === 0
              ? "Out of stock"
              : short
                ? `Only ${asCount(available)}`
                : `${asCount(available)} left`}
          </span>
        </p>
      </div>
      <div className="flex h-7 rounded-md border border-line-strong bg-surface">
        <Step
          icon="minus"
          label={`One ${name} less`}
          disabled={pieces === 0}
          onClick={() => onChange(pieces - 1)}
        />
        <input
          aria-label={`Pieces of ${name}`}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? id : undefined}
          inputMode="numeric"
          value={pieces}
          onFocus={(event) => event.target.select()}
          onChange={(event) => {
            const read = readPieces(event.target.value);
            if (read !== null) onChange(read);
          }}
          onKeyDown={(event) => {
            const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
            if (!step) return;
            event.preventDefault();
            onChange(pieces + step);
          }}
          className="w-0 flex-1 bg-transparent text-center font-medium"
        />
        <Step
          icon="plus"
          label={`One ${name} more`}
          disabled={pieces >= MOST_PIECES}
          onClick={() => onChange(pieces + 1)}
        />
      </div>
      <FieldError id={id} error={error} />
    </li>
  );
}

interface StepProps {
  icon: "minus" | "plus";
  label: string;
  disabled: boolean;
  onClick: () => void;
}

function Step({ icon, label, disabled, onClick }: StepProps) {
  return (
    <button
      type="button"
      aria-label={label}
      disabled={disabled}
      onClick={onClick}
      className="flex w-8 items-center justify-center text-muted hover:text-ink disabled:opacity-40"
    >
      <Icon name={icon} size={13} />
    </button>
  );
}
