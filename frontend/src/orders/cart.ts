import { asCount, fromCents, toCents } from "../ui/format";

/** Pieces by product id, in the order in which they were put in; none of 0. */
export type Cart = ReadonlyMap<string, number>;

/** Pieces of a product that the API takes in an order. */
export const MOST_PIECES = 1_000;

/** The pieces that a text of digits means, none of an empty one; null for any other text. */
export function readPieces(text: string): number | null {
  return /^\d{0,9}$/.test(text.trim()) ? Number(text) : null;
}

/** What is wrong with so many pieces, if anything. */
export function piecesFault(pieces: number): string | undefined {
  return pieces > MOST_PIECES ? `At most ${asCount(MOST_PIECES)} of a product` : undefined;
}

/** The cart with so many pieces of a product, from 0. */
export function withPieces(cart: Cart, productId: string, pieces: number): Cart {
  const changed = new Map(cart);
  if (pieces > 0) changed.set(productId, pieces);
  else changed.delete(productId);
  return changed;
}

/** What it costs, as a decimal string. */
export function totalOf(cart: Cart, products: readonly { product_id: string; price: string }[]) {
  let cents = 0n;
  for (const { product_id, price } of products) {
    cents += toCents(price) * BigInt(cart.get(product_id) ?? 0);
  }
  return fromCents(cents);
}

/** The messages of the API about lines, `items[1].quantity`, by the product of the line sent. */
export function lineErrors(
  sent: readonly { productId: string }[],
  fields: ReadonlyMap<string, string>,
): Map<string, string> {
  const errors = new Map<string, string>();
  for (const [field, message] of fields) {
    const line = sent[Number(/^items\[(\d+)\]/.exec(field)?.[1] ?? Number.NaN)];
    if (line) errors.set(line.productId, message);
  }
  return errors;
}
