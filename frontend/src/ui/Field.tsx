import {
  type AriaAttributes,
  type InputHTMLAttributes,
  type ReactNode,
  type TextareaHTMLAttributes,
  useId,
} from "react";

/** A field or a choice in a toolbar. */
export const CONTROL = "h-8 min-w-0 rounded-md border border-line-strong bg-surface px-2";

interface Labelled {
  label: string;
  /** What is wrong with it, if anything. */
  error?: string | undefined;
}

type Props = Labelled & InputHTMLAttributes<HTMLInputElement>;

/** A labelled line of text, with what is wrong with it below. */
export function Field({ label, error, ...rest }: Props) {
  return (
    <Frame label={label} error={error}>
      {(told) => <input {...told} className={`h-8 ${TYPED}`} {...rest} />}
    </Frame>
  );
}

type AreaProps = Labelled & TextareaHTMLAttributes<HTMLTextAreaElement>;

/** The same with several lines. */
export function Area({ label, error, ...rest }: AreaProps) {
  return (
    <Frame label={label} error={error}>
      {(told) => <textarea {...told} rows={2} className={`py-1.5 ${TYPED}`} {...rest} />}
    </Frame>
  );
}

const TYPED =
  "block w-full rounded-md border border-line-strong bg-surface px-2.5 aria-invalid:border-bad";

interface FrameProps extends Labelled {
  children: (told: AriaAttributes & { id: string }) => ReactNode;
}

function Frame({ label, error, children }: FrameProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-muted">
        {label}
      </label>
      {children({
        id,
        "aria-invalid": error ? true : undefined,
        "aria-describedby": error ? `${id}-error` : undefined,
      })}
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
