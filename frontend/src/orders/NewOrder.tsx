import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { answer, api, type Schemas } from "../api/client";
import { useFailure } from "../api/failure";
import type { Problem } from "../api/problem";
import { Submission, useOnce } from "../api/submission";
import { Button } from "../ui/Button";
import { Callout } from "../ui/Callout";
import { Field } from "../ui/Field";
import { asMoney, shortId } from "../ui/format";
import { Icon } from "../ui/Icon";
import { notify } from "../ui/notices";
import { Failed, Skeleton } from "../ui/states";
import { type Cart, lineErrors, piecesFault, totalOf, withPieces } from "./cart";
import { ProductCard } from "./ProductCard";
import { useLiveStock } from "./useLiveStock";

const EMPTY: Cart = new Map();

/** The shelf, a cart and whose order it is. What is wrong with it the API says, field by field. */
export function NewOrder({ onClose }: { onClose: () => void }) {
  const stock = useLiveStock();
  const failure = useFailure(stock);
  const queries = useQueryClient();
  const [cart, setCart] = useState(EMPTY);
  const form = useRef<HTMLFormElement>(null);
  const submission = useRef(new Submission());
  const once = useOnce();
  const placing = useMutation<Schemas["OrderAccepted"], Problem, Schemas["NewOrder"]>({
    mutationFn: (body) => {
      const header = { "Idempotency-Key": submission.current.keyFor(body) };
      return answer(api.POST("/api/orders", { params: { header }, body }));
    },
    onSuccess: ({ order }) => {
      submission.current.done();
      setCart(EMPTY);
      notify({
        tone: "good",
        title: `Order ${shortId(order.id)} placed`,
        detail: `${asMoney(order.total)} for ${order.customer_id}`,
      });
      void queries.invalidateQueries({ queryKey: ["orders"] });
    },
  });
  const products = stock.data ?? [];
  const problem = placing.error;
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [problem]);
  const onLines = lineErrors(placing.variables?.items ?? [], problem?.fields ?? new Map());
  const tooMany = [...cart.values()].some(piecesFault);
  const inline =
    onLines.size > 0 || ["customerId", "customerEmail"].some((f) => problem?.fields.has(f));

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (cart.size === 0) return;
    if (tooMany) {
      event.currentTarget.querySelector<HTMLElement>("[aria-invalid]")?.focus();
      return;
    }
    const said = new FormData(event.currentTarget);
    const order = {
      customerId: String(said.get("customerId")),
      customerEmail: String(said.get("customerEmail")),
      items: [...cart].map(([productId, quantity]) => ({ productId, quantity })),
    };
    once.run(() => placing.mutateAsync(order));
  }

  return (
    <form ref={form} onSubmit={submit} noValidate className="flex flex-col gap-4 p-4">
      <div className="flex items-center justify-between">
        <h2 className="text-sm font-semibold">New order</h2>
        <Button kind="quiet" square aria-label="Close new order" onClick={onClose}>
          <Icon name="close" />
        </Button>
      </div>
      {failure ? (
        <Failed error={failure} onRetry={() => void stock.refetch()} />
      ) : (
        <ul className="grid grid-cols-2 gap-2 sm:grid-cols-3 md:grid-cols-4 lg:grid-cols-2">
          {stock.isPending &&
            ["a", "b", "c", "d", "e", "f"].map((place) => (
              <li key={place}>
                <Skeleton className="h-27" />
              </li>
            ))}
          {products.map((product) => (
            <ProductCard
              key={product.product_id}
              product={product}
              pieces={cart.get(product.product_id) ?? 0}
              error={
                piecesFault(cart.get(product.product_id) ?? 0) ?? onLines.get(product.product_id)
              }
              onChange={(pieces) => setCart(withPieces(cart, product.product_id, pieces))}
            />
          ))}
        </ul>
      )}
      <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-1">
        <Field
          label="Customer id"
          name="customerId"
          autoComplete="off"
          placeholder="CUST-001"
          error={problem?.fields.get("customerId")}
        />
        <Field
          label="E-mail"
          name="customerEmail"
          type="email"
          autoComplete="off"
          placeholder="john@example.com"
          error={problem?.fields.get("customerEmail")}
        />
      </div>
      {problem && !inline && (
        <Callout role="alert" tone="bad" title={problem.title}>
          {problem.detail}
        </Callout>
      )}
      <CartLines cart={cart} products={products} onChange={setCart} />
      <Button
        type="submit"
        kind="primary"
        className="h-9"
        // Not disabled: that would take the focus from whoever has just placed an order by it.
        aria-disabled={cart.size === 0 || tooMany || placing.isPending}
      >
        {placing.isPending ? "Placing…" : "Place order"}
        {cart.size > 0 && <span>· {asMoney(totalOf(cart, products))}</span>}
      </Button>
    </form>
  );
}

interface CartLinesProps {
  cart: Cart;
  products: readonly Schemas["Product"][];
  onChange: (cart: Cart) => void;
}

function CartLines({ cart, products, onChange }: CartLinesProps) {
  if (cart.size === 0) {
    return (
      <p className="rounded-md border border-dashed border-line-strong p-3 text-center text-muted">
        The cart is empty. Add a product.
      </p>
    );
  }
  return (
    <ul aria-label="Cart" className="divide-y divide-line rounded-md border border-line">
      {products
        .filter(({ product_id }) => cart.has(product_id))
        .map(({ product_id, name, price }) => (
          <li key={product_id} className="flex items-center gap-2 py-1 pr-1 pl-3">
            <span className="w-9 text-right text-muted">{cart.get(product_id)} ×</span>
            <span className="min-w-0 flex-1 truncate">{name}</span>
            <span>{asMoney(totalOf(cart, [{ product_id, price }]))}</span>
            <Button
              kind="quiet"
              square
              aria-label={`Remove ${name}`}
              onClick={() => onChange(withPieces(cart, product_id, 0))}
            >
              <Icon name="close" size={13} />
            </Button>
          </li>
        ))}
    </ul>
  );
}
