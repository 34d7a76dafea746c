import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api, type Schemas } from "../api/client";
import type { Problem } from "../api/problem";
import { useOnce } from "../api/submission";
import { Button } from "../ui/Button";
import { Callout } from "../ui/Callout";
import { Field } from "../ui/Field";
import { type Order, orderQuery } from "./queries";
import { ENDS, type OrderStatus } from "./status";

/** Asks for a cancel while that can be granted, and says what came of it. */
export function CancelOrder({ order, status }: { order: Order; status: OrderStatus }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const once = useOnce();
  const cancelling = useMutation<Schemas["CancelAccepted"], Problem, string>({
    mutationFn: (reason) =>
      answer(
        api.POST("/api/orders/{orderId}/cancel", {
          params: { path: { orderId: order.id } },
          body: { reason: reason || null },
        }),
      ),
    onSuccess: (accepted) => {
      setAsking(false);
      queries.setQueryData(orderQuery(order.id).queryKey, accepted.order);
    },
  });
  if (order.cancellation) return <Outcome cancellation={order.cancellation} />;
  if (ENDS.has(status) && !cancelling.error) return null;
  if (!asking) {
    return (
      <div>
        <Button kind="danger" onClick={() => setAsking(true)}>
          Cancel order
        </Button>
      </div>
    );
  }
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason")).trim();
    once.run(() => cancelling.mutateAsync(reason));
  }
  return (
    <form onSubmit={submit} noValidate className="rounded-lg border border-line p-3">
      <Field
        label="Reason for cancelling (optional)"
        name="reason"
        autoFocus
        placeholder="Changed their mind"
        error={cancelling.error?.fields.get("reason")}
      />
      {cancelling.error && !cancelling.error.fields.has("reason") && (
        <p role="alert" className="mt-2 text-bad">
          {cancelling.error.detail}
        </p>
      )}
      <div className="mt-3 flex gap-2">
        <Button type="submit" kind="danger" disabled={cancelling.isPending}>
          {cancelling.isPending ? "Asking…" : "Cancel this order"}
        </Button>
        <Button kind="quiet" onClick={() => setAsking(false)}>
          Keep it
        </Button>
      </div>
    </form>
  );
}

const OUTCOMES = {
  requested: { tone: "warn", text: "Cancel requested; shipping decides." },
  accepted: { tone: "calm", text: "Cancelled, and the money given back." },
  refused: { tone: "bad", text: "The cancel was refused." },
} as const;

function Outcome({ cancellation }: { cancellation: Schemas["Cancellation"] }) {
  const { status, reason, detail } = cancellation;
  const { tone, text } = OUTCOMES[status];
  return (
    <Callout role="status" tone={tone} title={text}>
      {detail && <p>{detail}</p>}
      {reason && (
        <p>
          Reason given: <bdi>{reason}</bdi>
        </p>
      )}
    </Callout>
  );
}
