import { type InputHTMLAttributes, type TextareaHTMLAttributes, useId } from "react";

/** A field or a choice in a toolbar. */
export const CONTROL = "h-8 min-w-0 rounded-md border border-line-strong bg-surface px-2";

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  /** What is wrong with it, if anything. */
  error?: string | undefined;
}

/** A labelled line of text, with what is wrong with it below. */
export function Field({ label, error, ...rest }: Props) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-muted">
        {label}
      </label>
      <input
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        className="h-8 w-full rounded-md border border-line-strong bg-surface px-2.5 aria-invalid:border-bad"
        {...rest}
      />
      <FieldError id={`${id}-error`} error={error} />
    </div>
  );
}

interface AreaProps extends TextareaHTMLAttributes<HTMLTextAreaElement> {
  label: string;
  error?: string | undefined;
}

/** The same with several lines. */
export function Area({ label, error, ...rest }: AreaProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-muted">
        {label}
      </label>
      <textarea
        id={id}
        rows={2}
        aria-invalid={error ? true : undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        className="block w-full rounded-md border border-line-strong bg-surface px-2.5 py-1.5 aria-invalid:border-bad"
        {...rest}
      />
      <FieldError id={`${id}-error`} error={error} />
    </div>
  );
}

export function FieldError({ id, error }: { id: string; error: string | undefined }) {
  return error ? (
    <p id={id} className="mt-1 text-xs text-bad">
      {error}
    </p>
  ) : null;
}
