import { Link } from "react-router";
import type { Schemas } from "../api/client";
import { Callout } from "../ui/Callout";
import { Code } from "../ui/Code";
import { CopyButton } from "../ui/CopyButton";
import { Json } from "../ui/Json";
import { asCopied, orderOf } from "./describe";

const KINDS = { json: "JSON", "utf-8": "Text", base64: "Base64" };

/** A value for a person to read, said as what it is shown. */
export function Value({ of }: { of: Schemas["Shown"] }) {
  const { value, text, encoding, truncated } = of;
  return (
    <section aria-label="Value">
      <div className="mb-1 flex h-6 items-center gap-2">
        <h3 className="mr-auto text-xs font-medium text-muted">
          Value{encoding && ` · ${KINDS[encoding]}`}
        </h3>
        {encoding !== null && <CopyButton what="value" text={() => asCopied(of)} />}
      </div>
      {truncated && (
        <Callout tone="warn" className="mb-2">
          It has more than 64 kB, and this is its beginning.
        </Callout>
      )}
      {encoding === null ? (
        <p className="text-muted">None: it says that its key is gone.</p>
      ) : encoding === "json" ? (
        <Json value={value} />
      ) : (
        <Code className="max-h-96 overflow-y-auto break-all whitespace-pre-wrap">
          {text || <span className="text-faint">Empty, 0 bytes</span>}
        </Code>
      )}
    </section>
  );
}

/** Headers by name. */
export function Headers({ headers }: { headers: Record<string, string> }) {
  const all = Object.entries(headers);
  return (
    <section aria-label="Headers">
      <div className="mb-1 flex h-6 items-center gap-2">
        <h3 className="mr-auto text-xs font-medium text-muted">Headers</h3>
        {all.length > 0 && (
          <CopyButton what="headers" text={() => JSON.stringify(headers, null, 2)} />
        )}
      </div>
      {all.length === 0 ? (
        <p className="text-muted">None</p>
      ) : (
        <dl className="grid grid-cols-[minmax(6rem,auto)_1fr] overflow-hidden rounded-md border border-line font-mono text-xs *:border-b *:border-line *:px-3 *:py-1.5 *:break-all *:nth-last-[-n+2]:border-b-0 *:odd:bg-sunken *:odd:text-muted">
          {all.map(([name, value]) => [
            <dt key={`${name} `}>{name}</dt>,
            <dd key={name}>{value}</dd>,
          ])}
        </dl>
      )}
    </section>
  );
}

/** A key as it is; one that turns text around turns nothing beside it. */
export function KeyText({ value }: { value: string | null }) {
  if (value === null) return <span className="text-faint">–</span>;
  return value === "" ? <span className="text-faint">(empty)</span> : <bdi>{value}</bdi>;
}

/** The key of a message, with the order that it is of. */
export function Key({ value, encoding }: { value: string | null; encoding?: string | null }) {
  if (!value) return <KeyText value={value} />;
  return (
    <span className="flex min-w-0 items-start gap-1">
      <span className="font-mono text-xs leading-5 break-all">
        <KeyText value={value} />
      </span>
      {encoding === "base64" && <span className="text-muted">(base64)</span>}
      <span className="-my-0.5">
        <CopyButton what="key" text={() => value} />
      </span>
    </span>
  );
}

/** The order that a message is about, among its facts; nothing where it is about none. */
export function OrderFact({ of }: { of: Parameters<typeof orderOf>[0] }) {
  const order = orderOf(of);
  return (
    order && (
      <>
        <dt>Order</dt>
        <dd>
          <Link to={`/orders/${order}`} className="rounded font-medium text-accent">
            Open the order
          </Link>
        </dd>
      </>
    )
  );
}
